//! Ends and starts in the middle of work: everything arrives once and in order.

use std::time::Duration;

use nix::sys::signal::Signal;
use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Hold, Person};

use crate::harness::{Backend, SOON, World, admin, choice, follow, texts};

struct Burst {
    world: World,
    alice: Person,
    source: Channel,
    targets: Vec<Channel>,
}

impl Burst {
    async fn on(backend: Backend) -> Option<Self> {
        let world = World::on(backend).await?;
        let harbour = world.sandbox.create_guild("Harbour");
        let source = harbour.text("source");
        let targets = (0..3).map(|n| harbour.text(&format!("target-{n}"))).collect();
        Some(Self { alice: admin(&harbour, "Alice"), world, source, targets })
    }

    async fn follow(&self) {
        for target in &self.targets {
            follow(&self.alice, &self.source, target).await;
        }
    }

    fn post(&self, numbers: std::ops::Range<u32>) {
        for n in numbers {
            self.alice.post(&self.source, format!("post {n:02}")).unwrap();
        }
    }

    /// Everything that was posted is in the database, where a restart finds it.
    async fn written_down(&self, posts: u32) {
        let count = "SELECT CAST(COUNT(*) AS TEXT) FROM activities";
        let written = async || self.world.database.text(count).await == Some(posts.to_string());
        self.world.until("all posts are recorded", written).await;
    }

    /// Every post is in every target, once and in order, and nothing follows.
    async fn assert_shown(&self, posts: u32) {
        let wanted: Vec<String> = (0..posts).map(|n| format!("post {n:02}")).collect();
        for target in &self.targets {
            let all = target.wait_for_messages(SOON * 2, |_| texts(target).len() >= wanted.len()).await;
            assert!(all.is_ok(), "only these arrived: {:?}", texts(target));
        }
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is due any more", rest).await;
        for target in &self.targets {
            assert_eq!(texts(target), wanted);
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_stop_in_a_burst_loses_and_doubles_nothing(#[case] backend: Backend) {
    let Some(burst) = Burst::on(backend).await else { return };
    let mut bot = burst.world.start().await;
    burst.follow().await;
    // Three messages are in flight when the bot is stopped, one into each target.
    let hold = Hold::new();
    let held = Fault::on("POST", "/webhooks/*/*", Effect::Hold(hold.clone())).after(12).times(3);
    let held = burst.world.sandbox.fault(held);
    burst.post(0..20);
    burst.written_down(20).await;
    burst.world.until("three are in flight", async || burst.world.sandbox.fault_hits(held) == 3).await;
    bot.signal(Signal::SIGTERM);
    burst.world.sandbox.wait_until_disconnected(SOON).await.unwrap();
    hold.release();
    let status = bot.ended().await;
    assert!(status.success(), "{status}");
    // The bot waited for what was in flight, and began nothing new: there is no doubt, and no lease to wait
    // for.
    let held = "SELECT CAST(COUNT(*) AS TEXT) FROM lanes \
        WHERE in_flight_delivery_id IS NOT NULL OR lease_owner IS NOT NULL";
    assert_eq!(burst.world.database.text(held).await.as_deref(), Some("0"));
    let shown: usize = burst.targets.iter().map(|target| texts(target).len()).sum();
    assert_eq!(shown, 15, "it was stopped in the middle");

    let _bot = burst.world.start().await;
    burst.assert_shown(20).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_posted_while_the_bot_is_away_arrives_in_order(#[case] backend: Backend) {
    let Some(burst) = Burst::on(backend).await else { return };
    let bot = burst.world.start().await;
    // Before there are any follows.
    burst.alice.post(&burst.source, "old news").unwrap();
    burst.follow().await;
    burst.post(0..2);
    burst.written_down(2).await;
    bot.stop().await;
    burst.post(2..150);
    let _bot = burst.world.start().await;
    burst.post(150..155);
    burst.assert_shown(155).await;
}

#[tokio::test]
async fn what_is_posted_while_the_gateway_is_away_arrives_in_order() {
    let burst = Burst::on(Backend::Sqlite).await.unwrap();
    let _bot = burst.world.start().await;
    burst.follow().await;
    burst.post(0..2);
    burst.written_down(2).await;
    burst.world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
    burst.world.sandbox.forget_gateway_sessions();
    burst.post(2..5);
    burst.world.sandbox.restore_gateway();
    burst.assert_shown(5).await;
}

#[tokio::test]
async fn what_is_posted_in_a_pause_does_not_come_after_a_restart() {
    let burst = Burst::on(Backend::Sqlite).await.unwrap();
    let bot = burst.world.start().await;
    let target = &burst.targets[0];
    follow(&burst.alice, &burst.source, target).await;
    let act = async |word: &str| {
        let list = burst.alice.run(target, "/follows", ()).await.unwrap();
        let (menu, choice) = choice(&list, word);
        list.select(&menu, &[&choice]).await.unwrap();
    };
    act("pause").await;
    bot.stop().await;
    burst.post(0..1);
    let bot = burst.world.start().await;
    act("resume").await;
    bot.stop().await;
    burst.post(1..2);
    let _bot = burst.world.start().await;
    target.wait_for_message(SOON, |message| message.content == "post 01").await.unwrap();
    assert_eq!(texts(target), ["post 01"]);
}

#[tokio::test]
async fn a_kill_in_a_burst_loses_and_doubles_nothing() {
    let burst = Burst::on(Backend::Sqlite).await.unwrap();
    let bot = burst.world.start().await;
    burst.follow().await;
    // If the bot is killed with a request in flight, Discord still performs the request.
    let slow = Effect::Delay(Duration::from_secs(1));
    burst.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", slow).after(6).times(3));
    burst.post(0..12);
    burst.written_down(12).await;
    let struck = async || burst.targets.iter().all(|target| texts(target).len() >= 2);
    burst.world.until("some arrived", struck).await;
    bot.kill().await;
    // Nobody else uses SQLite, so nobody waits for the dead process's leases, however long they would last.
    let lasting = "UPDATE lanes SET lease_until = '2999-01-01 00:00:00+00:00' WHERE lease_until IS NOT NULL";
    burst.world.database.execute(lasting).await;

    let _bot = burst.world.start().await;
    burst.assert_shown(12).await;
}

/// On PostgreSQL, a dead process's lanes are free immediately, and what was in flight there is settled like
/// any doubt.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_killed_process_leaves_its_lanes_at_once() {
    let Some(burst) = Burst::on(Backend::Postgres).await else { return };
    let bot = burst.world.start().await;
    burst.follow().await;
    burst
        .world
        .sandbox
        .fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_secs(1))).times(3));
    burst.post(0..3);
    burst.written_down(3).await;
    bot.kill().await;
    let stretch = "UPDATE lanes SET lease_until = lease_until + interval '1 hour'";
    burst.world.database.execute(stretch).await;
    let _bot = burst.world.start().await;
    burst.assert_shown(3).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_lost_answer_is_settled_not_sent_again(#[case] backend: Backend) {
    let Some(burst) = Burst::on(backend).await else { return };
    let _bot = burst.world.start().await;
    burst.follow().await;
    let lost = burst.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer).times(3));
    burst.post(0..1);
    burst.world.until("three answers were lost", async || burst.world.sandbox.fault_hits(lost) == 3).await;
    // New work must not rush the lane: what is in doubt may still be on its way.
    burst.post(1..4);
    burst.assert_shown(4).await;
}

#[tokio::test]
async fn new_work_does_not_hurry_a_doubt() {
    let burst = Burst::on(Backend::Sqlite).await.unwrap();
    let _bot = burst.world.start().await;
    burst.follow().await;
    // The connection breaks immediately, and Discord finishes only later.
    let both = Fault::on("POST", "/webhooks/*/*", Effect::DropAnswerThen(Duration::from_secs(2))).times(3);
    let lost = burst.world.sandbox.fault(both);
    burst.post(0..1);
    burst.world.until("three answers were lost", async || burst.world.sandbox.fault_hits(lost) == 3).await;
    burst.world.sandbox.wait_quiet(Duration::from_millis(300)).await;
    burst.post(1..3);
    let finished =
        || burst.world.sandbox.exchanges().iter().filter(|exchange| !exchange.answered).count() == 3;
    burst.world.until("Discord finishes what it had begun", async || finished()).await;
    burst.assert_shown(3).await;
}

#[tokio::test]
async fn a_webhook_that_the_database_lost_is_found_again() {
    let burst = Burst::on(Backend::Sqlite).await.unwrap();
    let bot = burst.world.start().await;
    let target = &burst.targets[0];
    follow(&burst.alice, &burst.source, target).await;
    let made = target.webhooks();
    bot.stop().await;
    burst.world.database.execute("DELETE FROM channel_follows").await;

    let _bot = burst.world.start().await;
    follow(&burst.alice, &burst.source, target).await;
    assert_eq!(target.webhooks().len(), 1, "no second one is created");
    assert_eq!(target.webhooks()[0].id, made[0].id);
    burst.post(0..1);
    target.wait_for_message(SOON, |message| message.content == "post 00").await.unwrap();
}
