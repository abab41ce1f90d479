//! A lane changes hands while a request of its former holder is still in flight, and webhooks change while
//! something is in doubt.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, FaultId, Hold, Person, Post, SeenMessage, Tally};

use crate::harness::{Backend, Crew, Pair, SOON, follow, texts};

/// Two workers, and a source with one follower that shows its first message.
struct Lane {
    crew: Crew,
    alice: Person,
    source: Channel,
    target: Channel,
    first: SeenMessage,
}

impl Lane {
    async fn new(first: impl Into<Post>) -> Option<Self> {
        let crew = Crew::start(1, 2).await?;
        let (harbour, alice) = crew.server(0, "Harbour");
        let (source, target) = (harbour.text("source"), harbour.text("target"));
        follow(&alice, &source, &target).await;
        let first = alice.post(&source, first).unwrap();
        let lane = Self { crew, alice, source, target, first };
        lane.target.wait_for_messages(SOON, |all| all.iter().any(|one| one.webhook.is_some())).await.unwrap();
        lane.at_rest().await;
        Some(lane)
    }

    async fn at_rest(&self) {
        self.crew
            .world
            .database
            .eventually("SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'", "0")
            .await;
    }

    /// Holds back the answer to the next request of this kind.
    fn hold(&self, method: &str, pattern: &str) -> (FaultId, Hold) {
        let hold = Hold::new();
        let fault = Fault::on(method, pattern, Effect::HoldAnswer(hold.clone()));
        (self.crew.world.sandbox.fault(fault), hold)
    }

    async fn struck(&self, fault: FaultId) {
        let struck = || (self.crew.world.sandbox.fault_hits(fault) > 0).then_some(());
        self.crew.world.sandbox.wait_for("a request to be held back", SOON, struck).await.unwrap();
    }

    /// The lane's holder loses it to the other, which is notified of new work in it.
    async fn change_hands(&self, text: &str) {
        let holder = self.crew.holder(&self.target).await.expect("somebody holds the lane");
        self.crew.expire(holder).await;
        self.alice.post(&self.source, text).unwrap();
        let taken = async || self.crew.holder(&self.target).await != Some(holder);
        self.crew.world.until("the other to take the lane", taken).await;
    }

    async fn in_step(&self) {
        let clean = || Tally::of(&self.source, &self.target).is_clean().then_some(());
        let clean = self.crew.world.sandbox.wait_for("the target to show its source", SOON * 2, clean).await;
        let logs: Vec<String> = self.crew.workers.iter().map(|worker| worker.log()).collect();
        assert!(clean.is_ok(), "{}\n{}", self.target.render_text(), logs.join("\n---\n"));
        self.at_rest().await;
    }
}

/// The new holder has found the message that is in doubt, but not yet recorded it, when its creator takes it
/// back.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_message_that_is_taken_back_is_not_adopted() {
    let Some(lane) = Lane::new("0 first").await else { return };
    let (posting, posted) = lane.hold("POST", "/webhooks/*/*");
    let history = format!("/channels/{}/messages", lane.target.id());
    let (looking, looked) = lane.hold("GET", &history);
    lane.alice.post(&lane.source, "1 in doubt").unwrap();
    lane.struck(posting).await;
    lane.change_hands("2 next").await;
    lane.struck(looking).await;
    let made = lane.target.messages().into_iter().find(|message| message.content == "1 in doubt").unwrap();
    posted.release();
    let gone = |all: &[SeenMessage]| all.iter().all(|message| message.id != made.id);
    lane.target.wait_for_messages(SOON, gone).await.unwrap();
    looked.release();
    lane.in_step().await;
    assert_eq!(texts(&lane.target), ["0 first", "1 in doubt", "2 next"]);
}

/// The new holder has adopted the message, so its creator leaves it alone.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_message_that_was_adopted_is_not_taken_back() {
    let Some(lane) = Lane::new("0 first").await else { return };
    let (posting, posted) = lane.hold("POST", "/webhooks/*/*");
    lane.alice.post(&lane.source, "1 in doubt").unwrap();
    lane.struck(posting).await;
    lane.change_hands("2 next").await;
    lane.target.wait_for_message(SOON, |message| message.content == "2 next").await.unwrap();
    posted.release();
    lane.alice.post(&lane.source, "3 last").unwrap();
    lane.in_step().await;
    assert_eq!(texts(&lane.target), ["0 first", "1 in doubt", "2 next", "3 last"]);
    let deleted = lane.crew.world.sandbox.exchanges().into_iter().any(|one| one.method == "DELETE");
    assert!(!deleted, "nothing was to be deleted");
}

/// Before it edits a message with a file, the bot reads the message. The lane is lost between the two
/// requests: the second isn't made.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn each_request_of_a_step_rests_on_the_lease() {
    let plan = Post::text("0 first").file("plan.txt", "text/plain", *b"a plan");
    let Some(lane) = Lane::new(plan).await else { return };
    let (asking, asked) = lane.hold("GET", "/webhooks/*/*/messages/*");
    lane.alice.edit(&lane.source, lane.first.id, "0 changed").unwrap();
    lane.struck(asking).await;
    lane.change_hands("1 next").await;
    // Long enough that the former holder's lease no longer outlasts a request.
    tokio::time::sleep(Duration::from_secs(4)).await;
    asked.release();
    lane.alice.post(&lane.source, "2 last").unwrap();
    lane.in_step().await;
    let lost = async || {
        let lost = |log: String| log.contains("lost to another process in the middle of a step");
        lane.crew.workers.iter().any(|worker| lost(worker.log()))
    };
    lane.crew.world.until("the former holder notices", lost).await;
    // Answers to commands are edits of messages, too.
    let through = format!("/webhooks/{}/", lane.target.webhooks()[0].id);
    let exchanges = lane.crew.world.sandbox.exchanges().into_iter();
    let edits = exchanges.filter(|one| one.method == "PATCH" && one.path.starts_with(&through)).count();
    assert_eq!(edits, 1, "the former holder went on");
}

/// The process that had to retract a message ended before it did.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_left_to_be_retracted_is_deleted(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    pair.post("1 first");
    pair.settled().await;
    let left = "INSERT INTO retractions (message_id, channel_id, target_channel_id, webhook_id, created_at) \
        SELECT message_id, channel_id, channel_id, webhook_id, '2026-01-01T00:00:00+00:00' FROM mirrors \
        ORDER BY message_id LIMIT 1";
    pair.world.database.execute(left).await;
    let gone = |all: &[SeenMessage]| all.iter().all(|message| message.content != "1 first");
    pair.target.wait_for_messages(SOON, gone).await.unwrap();
    pair.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM retractions WHERE deleted", "1").await;
}

/// The webhook is replaced while a message that it created is in doubt.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_doubt_is_settled_by_the_webhook_that_carried_it(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    pair.post("1 first");
    pair.settled().await;
    let former = pair.target.webhooks()[0].id;
    pair.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
    pair.post("2 in doubt");
    pair.target.wait_for_message(SOON, |message| message.content == "2 in doubt").await.unwrap();
    pair.target.delete_webhook(former).unwrap();
    let known = "SELECT CAST(webhook_id AS TEXT) FROM channel_follows";
    let replaced = async || pair.world.database.text(known).await != Some(former.to_string());
    pair.world.until("the webhook is replaced", replaced).await;
    let last = pair.settled_within(SOON * 2).await;
    let shown = pair.texts();
    assert_eq!(shown.iter().filter(|text| *text == "2 in doubt").count(), 1, "{shown:?}");
    assert_eq!(shown.last(), Some(&last));
}
