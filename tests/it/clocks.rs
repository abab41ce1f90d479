//! Wrong clocks: set back while the bot runs or between two runs, and different on two machines.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tributary_sandbox::{Effect, Fault};

use crate::harness::{Backend, Bot, Crew, SOON, World, admin, follow, texts};

/// A library that is loaded before all others, and shifts the wall clock that a program sees by the number of
/// seconds in a file.
const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, id, time);
    const char *path = getenv("CLOCK_SHIFT");
    if (result == 0 && id == CLOCK_REALTIME && path) {
        char text[32] = {0};
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
            close(file);
        }
    }
    return result;
}
"#;

/// A wall clock that a test sets.
struct WallClock {
    library: PathBuf,
    shift: PathBuf,
}

impl WallClock {
    /// Its files are kept in this folder.
    fn new(folder: &Path, name: &str) -> Self {
        let library = folder.join("shift.so");
        if !library.exists() {
            let source = folder.join("shift.c");
            std::fs::write(&source, SHIFT).unwrap();
            let mut cc = Command::new("cc");
            cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).stderr(Stdio::inherit());
            assert!(cc.status().expect("a C compiler, as Rust needs one to link").success());
        }
        let clock = Self { library, shift: folder.join(name) };
        clock.set(0);
        clock
    }

    /// Sets it to this many seconds after the real time.
    fn set(&self, seconds: i64) {
        let next = self.shift.with_extension("next");
        std::fs::write(&next, seconds.to_string()).unwrap();
        std::fs::rename(next, &self.shift).unwrap();
    }

    /// The bot with this clock.
    fn spawn(&self, world: &World, arguments: &[&str]) -> Bot {
        let mut command = world.command();
        command.args(arguments).env("LD_PRELOAD", &self.library).env("CLOCK_SHIFT", &self.shift);
        Bot::run(command)
    }
}

/// It is waiting for a second attempt when its clock is set back by an hour.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_wait_longer() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let clock = WallClock::new(world.database.folder(), "clock");
    let mut bot = clock.spawn(&world, &[]);
    world.ready(&mut bot).await;
    follow(&alice, &source, &target).await;
    let wait = Effect::RateLimited {
        scope: tributary_sandbox::LimitScope::User,
        retry_after: Duration::from_secs(8),
    };
    let limited = world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", wait));
    alice.post(&source, "1 waits").unwrap();
    let waits =
        "SELECT CAST(COUNT(*) AS TEXT) FROM lanes WHERE wait_until IS NOT NULL AND lease_owner IS NULL";
    world.until("it is refused", async || world.sandbox.fault_hits(limited) == 1).await;
    world.database.eventually(waits, "1").await;
    clock.set(-3_600);
    target.wait_for_message(SOON, |message| message.content == "1 waits").await.unwrap();
    // Times that were recorded by the old clock don't obstruct a restart with the new one.
    bot.stop().await;
    let later =
        "UPDATE deliveries SET state = 'due', shown_revision = 0, wait_until = '2999-01-01T00:00:00+00:00'";
    world.database.execute(later).await;
    world.database.execute("UPDATE lanes SET wait_until = '2999-01-01T00:00:00+00:00'").await;
    let _bot = clock.spawn(&world, &[]);
    let rest = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    world.database.eventually(rest, "0").await;
}

/// Ten minutes early and ten minutes late: neither takes what the other holds, and neither waits for what
/// nobody holds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn workers_with_different_clocks_take_nothing_from_each_other() {
    let Some(crew) = Crew::start(1, 0).await else { return };
    let folder = crew.world.database.folder();
    let clocks = [(-600, "slow"), (600, "fast")].map(|(shift, name)| {
        let clock = WallClock::new(folder, name);
        clock.set(shift);
        clock
    });
    let mut workers = clocks.map(|clock| clock.spawn(&crew.world, &["--role", "worker"]));
    for worker in &mut workers {
        crew.world.ready(worker).await;
    }
    let (harbour, alice) = crew.server(0, "Harbour");
    let source = harbour.text("source");
    let targets: Vec<_> = (0..6).map(|number| harbour.text(&format!("target-{number}"))).collect();
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    // Longer than a worker's slow look, which claims whatever it believes to be free.
    let slow = Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_secs(6)));
    crew.world.sandbox.fault(slow.times(targets.len() as u64));
    for number in 0..8 {
        alice.post(&source, format!("{number} posted")).unwrap();
    }
    let wanted: Vec<String> = (0..8).map(|number| format!("{number} posted")).collect();
    for target in &targets {
        let arrived = target.wait_for_message(SOON, |message| message.content == "7 posted").await;
        assert!(arrived.is_ok(), "{:?}", texts(target));
        assert_eq!(texts(target), wanted);
    }
    for worker in &workers {
        assert!(!worker.log().contains("retracted"), "a lane was taken from its holder:\n{}", worker.log());
    }
}

/// The same, when one dies: the survivor's clock is far behind the one that the dead process's leases were
/// based on.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn times_are_written_down_by_the_databases_clock() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let clock = WallClock::new(world.database.folder(), "clock");
    clock.set(3_600);
    let mut bot = clock.spawn(&world, &[]);
    world.ready(&mut bot).await;
    follow(&alice, &source, &target).await;
    let hanging = world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(SOON)));
    alice.post(&source, "1 held").unwrap();
    world.until("a request hangs", async || world.sandbox.fault_hits(hanging) == 1).await;
    let ahead = "SELECT CAST(lease_until > clock_timestamp() + interval '10 minutes' AS TEXT) FROM lanes";
    assert_eq!(world.database.text(ahead).await.as_deref(), Some("false"));
    drop(bot);
}
