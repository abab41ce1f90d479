//! How the program ends: it does, whatever hangs.

use std::time::Duration;

use nix::sys::signal::Signal;
use tributary_sandbox::{Effect, Fault};

use crate::harness::{Backend, Bot, SOON, Wire, World, admin, follow};

/// The database's machine has silently disappeared: nothing that it was asked is ever answered.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_database_that_answers_nothing_any_more_does_not_hold_up_the_end() {
    let Some(mut world) = World::on(Backend::Postgres).await else { return };
    let wire = Wire::to(&world.database).await;
    world.set("DATABASE_URL", wire.url());
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    follow(&alice, &source, &target).await;
    alice.post(&source, "before").unwrap();
    target.wait_for_message(SOON, |message| message.content == "before").await.unwrap();
    wire.freeze();
    for number in 0..3 {
        alice.post(&source, format!("{number} unheard")).unwrap();
    }
    let address = bot.http().await;
    // By then, it has something to wait for.
    let asked = tokio::time::timeout(Duration::from_secs(2), Bot::fetch(address, "/readyz")).await;
    assert!(asked.is_err() || asked.is_ok_and(|(status, _)| status == 503));
    bot.signal(Signal::SIGTERM);
    let status = bot.ended().await;
    // If the bot has to cut something off at the last moment, it exits with a failure.
    assert!(status.success(), "{status}; its log:\n{}", bot.log());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let world = World::new().await;
        let harbour = world.sandbox.create_guild("Harbour");
        let (source, target) = (harbour.text("source"), harbour.text("target"));
        let alice = admin(&harbour, "Alice");
        let mut bot = world.start().await;
        follow(&alice, &source, &target).await;
        let hanging =
            world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(SOON * 2)).forever());
        alice.post(&source, "held").unwrap();
        world.until("a request hangs", async || world.sandbox.fault_hits(hanging) == 1).await;
        bot.signal(Signal::SIGTERM);
        bot.logged("asked to stop").await;
        bot.signal(second);
        let status = bot.ended().await;
        let log = bot.log();
        assert!(
            !log.contains("still under way at the end")
                && !log.contains("INFO tributary::app::process: stopped"),
            "{log}"
        );
        assert!(log.contains("asked again to stop"), "{log}");
        assert_eq!(status.code(), Some(1));
    }
}

/// A task that keeps failing is repeated; only one that returns ends the program.
#[tokio::test]
async fn a_table_that_is_gone_ends_nothing() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    follow(&alice, &source, &target).await;
    for table in
        ["lanes", "activities", "panels", "untold_breaks", "channels", "channel_follows", "left_guilds"]
    {
        world.database.execute(&format!("ALTER TABLE {table} RENAME TO gone_{table}")).await;
    }
    alice.post(&source, "unheard of").unwrap();
    bot.logged("can't ask the database for open lanes").await;
    bot.logged("subject=\"follows that changed\"").await;
    assert_eq!(bot.page("/healthz").await.0, 200);
    for table in
        ["lanes", "activities", "panels", "untold_breaks", "channels", "channel_follows", "left_guilds"]
    {
        world.database.execute(&format!("ALTER TABLE gone_{table} RENAME TO {table}")).await;
    }
    target.wait_for_message(SOON, |message| message.content == "unheard of").await.unwrap();
}
