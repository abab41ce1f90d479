//! One message that can't be sent, read or settled: the bot retries it with growing pauses, lets it hold up
//! others only for a while, and finally gives it up. Everything else arrives.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Effect, Exchange, Fault, Permissions, Post};

use crate::harness::{Backend, Pair, SOON};

/// How long one bad message may hold up those behind it.
const A_WHILE: Duration = Duration::from_secs(90);

impl Pair {
    /// From now on, every request whose text contains this fails.
    fn poison(&self, text: &str, effect: Effect) -> tributary_sandbox::FaultId {
        self.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", effect).saying(text).forever())
    }

    /// As if it had been tried for a while already: all the attempts that a lane waits for, except one.
    async fn hurry(&self) {
        let hurried = "UPDATE deliveries SET attempts = 5 WHERE attempts BETWEEN 1 AND 4";
        self.world.database.execute(hurried).await;
    }

    async fn attempts(&self) -> u32 {
        let attempts = "SELECT CAST(COALESCE(MAX(attempts), 0) AS TEXT) FROM deliveries";
        self.world.database.text(attempts).await.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    async fn eventually(&self, patience: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let asking = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(tokio::time::timeout(patience, asking).await.is_ok(), "this never became true: {what}");
    }

    async fn has_failed(&self) {
        self.world.until("an attempt is counted", async || self.attempts().await > 0).await;
    }

    fn creates_of(&self, text: &str) -> Vec<Exchange> {
        let all = self.requests("POST").into_iter();
        all.filter(|one| one.request.as_ref().is_some_and(|body| body["content"] == text)).collect()
    }

    fn refused_requests(&self) -> usize {
        self.world.sandbox.exchanges().iter().filter(|one| one.status == 403).count()
    }
}

/// Discord always fails on one message: each time, it is in doubt whether the message was created, and it
/// turns out that it wasn't.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_message_that_discord_always_fails_at_lets_others_pass(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let other = pair.guild.text("other");
    pair.follow(&pair.source, &other).await;
    pair.post("0 before");
    pair.settled().await;
    let mine = pair.target.webhooks()[0].id;
    let path = format!("/webhooks/{mine}/*");
    let fault = Fault::on("POST", &path, Effect::Status(500)).saying("poison").forever();
    let poison = pair.world.sandbox.fault(fault);
    pair.post("1 poison");
    pair.post_all(2..6, "good");
    other.wait_for_message(SOON, |message| message.content == "5 good").await.unwrap();
    pair.has_failed().await;
    pair.hurry().await;
    pair.target.wait_for_message(A_WHILE, |message| message.content == "5 good").await.unwrap();
    let good = pair.texts().into_iter().filter(|text| text.contains("good")).collect::<Vec<_>>();
    assert_eq!(good, ["2 good", "3 good", "4 good", "5 good"]);
    let tried = pair.creates_of("1 poison").len();
    assert!((2..=6).contains(&tried), "{tried} creates");
    // New messages aren't held up at all, and once Discord accepts the bad one, it arrives, too.
    pair.post("6 good");
    pair.target.wait_for_message(SOON, |message| message.content == "6 good").await.unwrap();
    pair.world.sandbox.clear_fault(poison);
    pair.world
        .database
        .execute("UPDATE deliveries SET wait_until = NULL, attempts = 0 WHERE state = 'due'")
        .await;
    pair.world
        .database
        .execute("UPDATE lanes SET wait_until = NULL WHERE in_flight_delivery_id IS NULL")
        .await;
    pair.target.wait_for_message(A_WHILE, |message| message.content == "1 poison").await.unwrap();
    assert_eq!(pair.texts().len(), 8);
}

/// It is given up, and the log says so.
#[tokio::test]
async fn what_always_fails_is_given_up() {
    let pair = Pair::new().await;
    pair.poison("poison", Effect::Status(502));
    pair.post("1 poison");
    pair.post("2 good");
    pair.has_failed().await;
    pair.world.database.execute("UPDATE deliveries SET attempts = 199 WHERE attempts > 0").await;
    let ended = "SELECT outcome FROM deliveries WHERE state = 'ended'";
    pair.world.database.eventually(ended, "gave_up").await;
    pair.settled().await;
    assert_eq!(pair.texts()[0], "2 good");
}

/// What is stored about one message can't be read any more.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_message_that_cannot_be_read_lets_others_pass(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let other = pair.guild.text("other");
    pair.follow(&pair.source, &other).await;
    pair.post("0 before");
    pair.settled().await;
    // The lanes are held while the row is damaged.
    let slow = Effect::Delay(Duration::from_secs(2));
    pair.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", slow).times(2));
    pair.post_all(1..5, "post");
    let written = "SELECT CAST(COUNT(*) AS TEXT) FROM activities";
    pair.world.database.eventually(written, "6").await;
    // Another message's content: contents are encrypted for their own message.
    let swap = "UPDATE activities SET content = (SELECT content FROM activities b WHERE b.id = activities.id + 1) \
        WHERE id = (SELECT MAX(id) - 2 FROM activities)";
    pair.world.database.execute(swap).await;
    pair.has_failed().await;
    pair.hurry().await;
    for target in [&pair.target, &other] {
        target.wait_for_message(A_WHILE, |message| message.content == "4 post").await.unwrap();
        let texts: Vec<_> = target.messages().into_iter().filter(|one| one.webhook.is_some()).collect();
        let texts: Vec<_> =
            texts.iter().map(|one| one.content.as_str()).filter(|text| text.ends_with("post")).collect();
        assert_eq!(texts, ["1 post", "3 post", "4 post"]);
    }
}

/// Two in a row don't hide behind each other, even if they fail in different ways.
#[tokio::test]
async fn several_bad_messages_let_others_pass() {
    let pair = Pair::new().await;
    pair.poison("poison", Effect::Status(500));
    pair.post_all(1..3, "poison");
    pair.post_all(3..5, "good");
    for _ in 0..2 {
        pair.has_failed().await;
        pair.hurry().await;
    }
    pair.target.wait_for_message(A_WHILE, |message| message.content == "4 good").await.unwrap();
    assert_eq!(pair.texts(), ["3 good", "4 good"]);
}

/// For a while, nothing can be sent at all, so nothing overtakes anything.
#[rstest]
#[case::failing(Effect::Status(503))]
#[case::refusing_connections(Effect::DropRequest)]
#[tokio::test]
async fn an_outage_keeps_the_order(#[case] effect: Effect) {
    let pair = Pair::new().await;
    pair.post("0 before");
    pair.settled().await;
    let outage = Fault::on("*", "/**", effect).forever();
    let outage = pair.world.sandbox.fault(outage);
    pair.post_all(1..7, "post");
    pair.world.until("something failed", async || pair.world.sandbox.fault_hits(outage) > 0).await;
    pair.has_failed().await;
    pair.hurry().await;
    // Long enough that one behind the head would have been tried.
    pair.eventually(A_WHILE, "the head has failed often", async || pair.attempts().await > 6).await;
    pair.world.sandbox.clear_fault(outage);
    pair.target.wait_for_message(A_WHILE, |message| message.content == "6 post").await.unwrap();
    pair.in_step_within(A_WHILE).await;
}

/// The bot can't see the target any more, so nobody knows whether the message was created.
#[rstest]
#[case::hidden(Permissions::VIEW_CHANNEL)]
#[case::without_history(Permissions::READ_MESSAGE_HISTORY)]
#[tokio::test]
async fn a_doubt_where_the_bot_may_not_look_breaks_the_follow(#[case] denied: Permissions) {
    let pair = Pair::new().await;
    pair.post("0 before");
    pair.settled().await;
    pair.guild.deny_bot(&pair.target, denied);
    pair.poison("1 in doubt", Effect::DropAnswer);
    pair.post("1 in doubt");
    pair.post("2 behind it");
    let reason = "SELECT broken_reason FROM channel_follows";
    let broken = async || pair.world.database.text(reason).await.as_deref() == Some("target_forbidden");
    pair.eventually(A_WHILE, "the follow breaks", broken).await;
    let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    pair.world.database.eventually(open, "0").await;
    let marked = "SELECT CAST(COUNT(*) AS TEXT) FROM lanes WHERE in_flight_delivery_id IS NOT NULL";
    pair.world.database.eventually(marked, "0").await;
    assert_eq!(pair.texts().iter().filter(|text| text.contains("in doubt")).count(), 1, "{:?}", pair.texts());
    assert!(pair.refused_requests() <= 20, "{}", pair.refused_requests());
}

/// Nobody is waiting any more for what is in doubt.
#[rstest]
#[case::paused("UPDATE channel_follows SET is_active = FALSE")]
#[case::removed("DELETE FROM channel_follows")]
#[tokio::test]
async fn a_doubt_ends_with_its_follow(#[case] how: &str) {
    let pair = Pair::new().await;
    pair.post("0 before");
    pair.settled().await;
    let blind = Fault::on("GET", "/channels/*/messages", Effect::Status(500)).forever();
    pair.world.sandbox.fault(blind);
    pair.poison("1 in doubt", Effect::DropAnswer);
    pair.post("1 in doubt");
    pair.has_failed().await;
    pair.world.database.execute(how).await;
    let marked = "SELECT CAST(COUNT(*) AS TEXT) FROM lanes WHERE in_flight_delivery_id IS NOT NULL";
    pair.world.database.eventually(marked, "0").await;
}

/// Discord refuses an author's name, for a reason that it doesn't publish.
#[rstest]
#[case::the_accounts_name_is_taken(&["Heron"], "heron")]
#[case::nothing_of_theirs_is_taken(&["Heron", "heron"], "Someone")]
#[tokio::test]
async fn a_refused_name_loses_no_message(#[case] refused: &[&str], #[case] shown: &str) {
    let pair = Pair::new().await;
    let heron = crate::harness::admin(&pair.guild, "Heron");
    refused.iter().for_each(|word| pair.world.sandbox.refuse_names_with(word));
    heron.post(&pair.source, "1 by a heron").unwrap();
    let file = Post::text("2 with a file").file("plan.txt", "text/plain", *b"a plan");
    heron.post(&pair.source, file).unwrap();
    pair.settled().await;
    let mirrors = pair.mirrors();
    assert_eq!((mirrors[0].author.as_str(), mirrors[0].content.as_str()), (shown, "1 by a heron"));
    assert_eq!((mirrors[1].author.as_str(), mirrors[1].attachments.len()), (shown, 1));
    // If its answer is lost, the message under the other name is recognised, too.
    let webhook = format!("/webhooks/{}/*", pair.target.webhooks()[0].id);
    let lost = Fault::on("POST", &webhook, Effect::DropAnswer).saying(shown);
    pair.world.sandbox.fault(lost);
    heron.post(&pair.source, "3 whose answer is lost").unwrap();
    pair.settled().await;
    let texts = pair.texts();
    assert_eq!(texts.iter().filter(|text| text.starts_with('3')).count(), 1, "{texts:?}");
}

/// Characters that join what follows them, before a colon, in quoted text and in what a forum's post begins
/// with.
#[tokio::test]
async fn no_text_stops_a_lane() {
    let pair = Pair::new().await;
    for joiner in ["\u{600}", "\u{6DD}", "\u{70F}", "\u{8E2}", "\u{D4E}", "\u{110BD}", "\u{111C2}"] {
        let asked = pair.post(format!("{joiner}: {joiner}:// {joiner}||{joiner}||"));
        pair.alice.post(&pair.source, Post::text("an answer").reply_to(asked.id)).unwrap();
    }
    pair.settled().await;
    assert_eq!(pair.mirrors().len(), 15);
}
