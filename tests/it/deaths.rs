//! Processes that die, lose their place, or stand still inside a transaction, on PostgreSQL: others continue
//! immediately, and nobody acts on what it has lost. No lease ends in these tests: the leases of the dead are
//! extended to an hour.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use tributary_sandbox::{Channel, Effect, Fault, Person};

use crate::harness::{Backend, Bot, Crew, SOON, World, admin, follow, texts};

/// One source and one target.
struct Street {
    alice: Person,
    source: Channel,
    target: Channel,
}

impl Street {
    async fn new(world: &World) -> Self {
        let harbour = world.sandbox.create_guild("Harbour");
        let street = Self {
            source: harbour.text("source"),
            target: harbour.text("target"),
            alice: admin(&harbour, "Alice"),
        };
        follow(&street.alice, &street.source, &street.target).await;
        street
    }

    async fn shows(&self, text: &str) {
        let arrived = self.target.wait_for_message(SOON, |message| message.content == text).await;
        assert!(arrived.is_ok(), "{text:?} never arrived: {:?}", texts(&self.target));
    }

    /// Makes the bot edit the mirror of "1 before", and Discord not answer: the lane is held, and stays so
    /// for another hour.
    async fn hold_with_an_edit(&self, world: &World) {
        self.alice.post(&self.source, "1 before").unwrap();
        self.shows("1 before").await;
        let hanging = world.sandbox.fault(Fault::on("PATCH", "/webhooks/**", Effect::Delay(SOON * 20)));
        let first = self.source.messages()[0].id;
        self.alice.edit(&self.source, first, "1 edited").unwrap();
        world.until("the edit hangs", async || world.sandbox.fault_hits(hanging) == 1).await;
    }
}

async fn stretch_leases(world: &World) {
    let stretch =
        "UPDATE lanes SET lease_until = lease_until + interval '1 hour' WHERE lease_owner IS NOT NULL";
    world.database.execute(stretch).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_process_that_is_started_again_takes_its_lanes_at_once() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let bot = world.start().await;
    let street = Street::new(&world).await;
    street.hold_with_an_edit(&world).await;
    bot.kill().await;
    stretch_leases(&world).await;
    street.alice.post(&street.source, "2 meanwhile").unwrap();
    let _bot = world.start().await;
    street.shows("1 edited").await;
    street.shows("2 meanwhile").await;
    assert_eq!(texts(&street.target), ["1 edited", "2 meanwhile"]);
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn another_worker_takes_the_lanes_of_a_dead_one_at_once() {
    let Some(mut crew) = Crew::start(1, 2).await else { return };
    let street = Street::new(&crew.world).await;
    street.hold_with_an_edit(&crew.world).await;
    let owner = crew.world.database.text("SELECT split_part(lease_owner, '-', 1) FROM lanes").await.unwrap();
    let holder = crew.workers.iter().position(|worker| worker.pid().to_string() == owner).unwrap();
    crew.workers.remove(holder).kill().await;
    stretch_leases(&crew.world).await;
    street.shows("1 edited").await;
    street.alice.post(&street.source, "2 after").unwrap();
    street.shows("2 after").await;
}

/// What was in flight when the process died is looked for before it is sent again, however early the lane is
/// taken over.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_a_dead_process_had_sent_is_settled() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let bot = world.start().await;
    let street = Street::new(&world).await;
    // Discord performs it, although its sender is gone.
    let late = Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_secs(2)));
    let late = world.sandbox.fault(late);
    street.alice.post(&street.source, "1 under way").unwrap();
    world.until("it is in flight", async || world.sandbox.fault_hits(late) == 1).await;
    bot.kill().await;
    stretch_leases(&world).await;
    let _bot = world.start().await;
    street.alice.post(&street.source, "2 after").unwrap();
    street.shows("2 after").await;
    assert_eq!(texts(&street.target), ["1 under way", "2 after"]);
}

/// The connection that proves that the process is alive is cut, and can't be reopened; its working
/// connections still exist.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn who_can_not_say_that_it_lives_begins_nothing() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let mut bot = world.start().await;
    let street = Street::new(&world).await;
    let (_, name) = world.database.url().rsplit_once('/').unwrap();
    let elsewhere = world.database.elsewhere().await;
    // It notices that while idle: no lane is working.
    street.alice.post(&street.source, "1 before").unwrap();
    street.shows("1 before").await;
    world
        .database
        .eventually("SELECT CAST(COUNT(*) AS TEXT) FROM lanes WHERE lease_owner IS NOT NULL", "0")
        .await;
    for statement in [
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND application_name = 'tributary session'"
        ),
    ] {
        elsewhere.execute_unprepared(&statement).await.unwrap();
    }
    bot.logged("the connection that holds this process's place is gone").await;
    street.alice.post(&street.source, "2 meanwhile").unwrap();
    let address = bot.http().await;
    let written = async || {
        let (_, metrics) = Bot::fetch(address, "/metrics").await;
        metrics.lines().any(|line| line == "tributary_open_deliveries 1")
    };
    world.until("the post is recorded", written).await;
    world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    assert_eq!(texts(&street.target), ["1 before"], "another may have the lane by now");
    world.database.give_back().await;
    street.shows("2 meanwhile").await;
}

/// What was in flight when the process lost its place is cut off, and settled by whoever has the lane next:
/// this very process, under another name.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_was_under_way_when_the_place_was_lost_is_shown_once() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let mut bot = world.start().await;
    let street = Street::new(&world).await;
    let late = Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_secs(2)));
    let late = world.sandbox.fault(late);
    street.alice.post(&street.source, "1 under way").unwrap();
    world.until("it is in flight", async || world.sandbox.fault_hits(late) == 1).await;
    let owner = "SELECT COALESCE(MAX(lease_owner), '') FROM lanes";
    let before = world.database.text(owner).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'tributary session' AND datname = current_database()";
    world.database.execute(cut).await;
    bot.logged("took over the lanes of a process that is gone").await;
    let hanging =
        world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_secs(1))));
    street.alice.post(&street.source, "2 after").unwrap();
    world.until("the next is in flight", async || world.sandbox.fault_hits(hanging) == 1).await;
    assert_ne!(world.database.text(owner).await, before, "a name is used until its lock is lost");
    street.shows("2 after").await;
    assert_eq!(texts(&street.target), ["1 under way", "2 after"]);
}

/// The bot asks less and less often for a lane that stays locked.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_lane_that_stays_locked_is_not_asked_for_all_the_time() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let world = world.with_settings(&[("RUST_LOG", "info,tributary::delivery=debug")]);
    let mut bot = world.start().await;
    let street = Street::new(&world).await;
    let own = sea_orm::Database::connect(world.database.url()).await.unwrap();
    street.alice.post(&street.source, "1 before").unwrap();
    street.shows("1 before").await;
    let rest = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    world.database.eventually(rest, "0").await;
    let due = "UPDATE deliveries SET state = 'due', shown_revision = 0";
    own.execute_unprepared(due).await.unwrap();

    let txn = own.begin().await.unwrap();
    txn.execute_unprepared("SELECT 1 FROM lanes FOR UPDATE").await.unwrap();
    // The slow look finds the lane. After three seconds, the bot asks for it once a second, and whenever the
    // slow look finds it again.
    bot.logged(LOCKED).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = times_locked(&bot);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let asked = times_locked(&bot) - before;
    txn.rollback().await.unwrap();
    world.database.eventually(rest, "0").await;
    // If the bot asked all the time, it would be 200.
    assert!(asked < 10, "{asked} times in 4 s");
}

/// What the bot logs each time that it asked for a lane and found it locked.
const LOCKED: &str = "a lane is locked";

fn times_locked(bot: &Bot) -> usize {
    bot.log().lines().filter(|line| line.contains(LOCKED)).count()
}
