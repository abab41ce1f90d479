//! Two workers and a gateway on one PostgreSQL: both get lanes, and whoever of them is killed, or stopped and continued, while people post, edit and delete, nothing is
//! lost, doubled, reordered or left out of date. The soak example does the same for hours.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tributary_sandbox::{Channel, Effect, Fault, Person};

use crate::harness::{Bot, Crew, SOON, follow};
use crate::kills::people;

/// A gateway, two workers, and a source with so many followers.
struct Field {
    crew: Crew,
    alice: Person,
    source: Channel,
    targets: Vec<Channel>,
}

impl Field {
    async fn new(targets: usize) -> Option<Self> {
        let crew = Crew::start(1, 2).await?;
        let (harbour, alice) = crew.server(0, "Harbour");
        let source = harbour.text("source");
        let targets: Vec<Channel> =
            (0..targets).map(|number| harbour.text(&format!("target-{number}"))).collect();
        for target in &targets {
            follow(&alice, &source, target).await;
        }
        let latency = Effect::Delay(Duration::from_millis(20));
        crew.world.sandbox.fault(Fault::on("*", "/webhooks/**", latency).forever());
        Some(Self { crew, alice, source, targets })
    }

    /// Who holds lanes now, by the numbers of their processes.
    async fn owners(&self) -> BTreeSet<u32> {
        let query = "SELECT string_agg(DISTINCT split_part(lease_owner, '-', 1), ',') FROM lanes";
        let owners = self.crew.world.database.text(query).await.unwrap_or_default();
        owners.split(',').filter_map(|owner| owner.parse().ok()).collect()
    }

    /// The leases of a process that is dead have ended; a request must not outlive it.
    async fn pass(&self, dead: u32) {
        // Row by row in the order in which all others lock them.
        let pass = format!(
            "UPDATE lanes SET lease_until = lease_until - interval '30 seconds' WHERE target_channel_id IN \
            (SELECT target_channel_id FROM lanes WHERE lease_owner LIKE '{dead}-%' ORDER BY target_channel_id FOR UPDATE)"
        );
        self.crew.world.database.execute(&pass).await;
    }

    /// Everything is shown, just so.
    async fn is_clean(&self) {
        let clean = || people::count(&self.source, &self.targets).is_clean().then_some(());
        let _ = self.crew.world.sandbox.wait_for("every target to show its source", SOON * 6, clean).await;
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.crew.world.database.text(open).await.as_deref() == Some("0");
        self.crew.world.until("nothing is owed any more", rest).await;
        let tally = people::count(&self.source, &self.targets);
        let logs: Vec<String> = self.crew.workers.iter().map(Bot::log).collect();
        assert!(tally.is_clean(), "{tally}; the workers' logs:\n{}", logs.join("\n---\n"));
    }
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn killed_and_halted_workers_lose_double_and_shuffle_nothing() {
    let Some(mut field) = Field::new(6).await else { return };
    let posting = tokio::spawn(people::post(field.alice.clone(), field.source.clone(), 3, 20));
    let mut random = StdRng::seed_from_u64(4);
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
        if random.random_bool(0.2) {
            field.crew.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
        }
        let which = random.random_range(0..2);
        if random.random_bool(0.5) {
            let worker = field.crew.workers.remove(which);
            let dead = worker.pid();
            worker.kill().await;
            field.pass(dead).await;
            let next = field.crew.spawn_worker();
            field.crew.workers.insert(which, next);
        } else {
            field.crew.workers[which].signal(Signal::SIGSTOP);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
            field.crew.workers[which].signal(Signal::SIGCONT);
        }
    }
    posting.abort();
    let _ = posting.await;
    field.alice.post(&field.source, "last of all").unwrap();
    field.is_clean().await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn both_workers_get_lanes_and_each_lane_has_one_holder() {
    let Some(field) = Field::new(12).await else { return };
    // Slowly: a lane that is never at rest stays with whoever has it.
    let posting = tokio::spawn(people::post(field.alice.clone(), field.source.clone(), 5, 8));
    let pids: BTreeSet<u32> = field.crew.workers.iter().map(Bot::pid).collect();
    let mut seen = BTreeSet::new();
    let begun = Instant::now();
    while seen != pids {
        assert!(begun.elapsed() < SOON, "only {seen:?} of {pids:?} got lanes");
        seen.extend(field.owners().await);
        assert!(seen.is_subset(&pids), "{seen:?} of {pids:?}");
    }
    posting.abort();
    let _ = posting.await;
    field.is_clean().await;
    // Nobody sent what another was to send.
    let taken_back = field.crew.workers.iter().any(|worker| worker.log().contains("taken back"));
    assert!(!taken_back, "a lane was lost though nobody stood still");
}

/// Longer than any lease: the other takes the lanes over, and who continues must not act on what it held.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_worker_that_stands_still_loses_its_lanes_and_does_no_harm() {
    let Some(field) = Field::new(6).await else { return };
    let posting = tokio::spawn(people::post(field.alice.clone(), field.source.clone(), 6, 20));
    let still = &field.crew.workers[0];
    let begun = Instant::now();
    while !field.owners().await.contains(&still.pid()) {
        assert!(begun.elapsed() < SOON, "it never got a lane");
    }
    still.signal(Signal::SIGSTOP);
    field.alice.post(&field.source, "marked while one stands still").unwrap();
    for target in &field.targets {
        let arrived =
            target.wait_for_message(SOON * 4, |message| message.content.starts_with("marked")).await;
        assert!(arrived.is_ok(), "its lanes were never taken over");
    }
    still.signal(Signal::SIGCONT);
    tokio::time::sleep(Duration::from_secs(1)).await;
    posting.abort();
    let _ = posting.await;
    field.alice.post(&field.source, "last of all").unwrap();
    field.is_clean().await;
}

/// What is forgotten by the command line is taken down by whoever delivers, at once.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn forgetting_reaches_the_workers() {
    let Some(field) = Field::new(2).await else { return };
    field.alice.post(&field.source, "1 to be forgotten").unwrap();
    for target in &field.targets {
        target.wait_for_message(SOON, |message| message.content.starts_with('1')).await.unwrap();
    }
    let mut forget = field.crew.world.command();
    forget.args(["forget", "--mirrors", "--user", &field.alice.id().to_string()]);
    let forgot = crate::harness::ended(forget).await;
    assert_eq!(forgot.code, Some(0), "{forgot:?}");
    for target in &field.targets {
        let gone = || target.messages().iter().all(|message| message.webhook.is_none()).then_some(());
        field.crew.world.sandbox.wait_for("the mirrors to go", SOON, gone).await.unwrap();
    }
}
