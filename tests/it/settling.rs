//! Doubts: the target's contents decide whether a message was created, and only the bot's own message counts.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tributary_sandbox::{Effect, Fault, FaultId, Permissions, Post};

use crate::harness::{Backend, Crew, Pair, SOON, World, follow, texts};

/// What happens to the next message that the bot posts in `#target`.
fn next_post(pair: &Pair, effect: Effect) -> FaultId {
    let pattern = format!("/webhooks/{}/*", pair.target.webhooks()[0].id);
    pair.world.sandbox.fault(Fault::on("POST", &pattern, effect))
}

async fn struck(world: &World, fault: FaultId) {
    world.until("the fault to strike", async || world.sandbox.fault_hits(fault) == 1).await;
}

/// Somebody who knows the webhook's token posts through it.
async fn post_through_webhook(pair: &Pair, name: &str, text: &str) {
    let path = pair.requests("POST")[0].path.clone();
    let url = format!("{}/api/v10{path}?wait=true", pair.world.sandbox.base());
    let body = json!({ "content": text, "username": name, "allowed_mentions": { "parse": [] } });
    let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

/// While a message that was never created is in doubt, another appears through the same webhook.
#[rstest]
#[case::another_name(Some("Somebody else"), "2 in doubt")]
#[case::another_text(None, "2 in doubt?")]
#[tokio::test]
async fn only_the_same_message_is_adopted(#[case] name: Option<&str>, #[case] text: &str) {
    let pair = Pair::new().await;
    pair.post("1 first");
    pair.settled().await;
    let own = pair.mirrors()[0].author.clone();
    let lost = next_post(&pair, Effect::DropRequest);
    let posted = pair.post("2 in doubt");
    struck(&pair.world, lost).await;
    post_through_webhook(&pair, name.unwrap_or(&own), text).await;
    pair.settled().await;
    let shown: Vec<_> = pair.mirrors().into_iter().map(|one| (one.author, one.content)).collect();
    let foreign = (name.unwrap_or(&own).to_owned(), text.to_owned());
    assert!(shown.contains(&foreign) && shown.contains(&(own, "2 in doubt".to_owned())), "{shown:?}");
    // It stays somebody else's.
    pair.delete(&posted);
    pair.settled().await;
    let left: Vec<_> = pair.mirrors().into_iter().map(|one| (one.author, one.content)).collect();
    assert_eq!(left.iter().filter(|one| one.1.starts_with("2 in doubt")).collect::<Vec<_>>(), [&foreign]);
}

/// People have written more than a page of messages since the newest that the bot knew.
#[tokio::test]
async fn a_message_in_doubt_is_found_beyond_the_first_page() {
    let pair = Pair::new().await;
    pair.post("1 first");
    pair.settled().await;
    for number in 0..130 {
        pair.alice.post(&pair.target, format!("chat {number}")).unwrap();
    }
    let lost = next_post(&pair, Effect::DropAnswer);
    pair.post("2 in doubt");
    struck(&pair.world, lost).await;
    pair.settled().await;
    let shown: Vec<_> = pair.texts().into_iter().filter(|text| text == "2 in doubt").collect();
    assert_eq!(shown.len(), 1, "{}", pair.target.render_text());
}

/// A message is in doubt when the bot is killed, and afterwards something that is stored about it can't be
/// read any more.
#[rstest]
#[case::sqlite(Backend::Sqlite, "content = X'00'", true)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres, r"content = '\x00'::bytea", true)]
#[case::what_it_is(Backend::Sqlite, "origin = 'something else'", false)]
#[tokio::test]
async fn a_message_in_doubt_that_cannot_be_read_holds_up_nothing(
    #[case] backend: Backend,
    #[case] garbled: &str,
    #[case] is_adopted: bool,
) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    pair.post("1 first");
    pair.settled().await;
    let history = format!("/channels/{}/messages", pair.target.id());
    let blind = pair.world.sandbox.fault(Fault::on("GET", &history, Effect::Status(500)).forever());
    let lost = next_post(&pair, Effect::DropAnswer);
    let posted = pair.post("2 in doubt");
    struck(&pair.world, lost).await;
    pair.kill().await;
    let newest = "SELECT MAX(id) FROM activities";
    pair.world.database.execute(&format!("UPDATE activities SET {garbled} WHERE id = ({newest})")).await;
    pair.world.sandbox.clear_fault(blind);
    pair.start().await;
    pair.post("3 next");
    pair.target.wait_for_message(SOON, |message| message.content == "3 next").await.unwrap();
    if is_adopted {
        let shown = || pair.texts().into_iter().filter(|text| !text.starts_with("last")).collect::<Vec<_>>();
        assert_eq!(shown(), ["1 first", "2 in doubt", "3 next"]);
        // So its deletion finds it.
        pair.delete(&posted);
        pair.settled().await;
        assert_eq!(shown(), ["1 first", "3 next"]);
    }
}

/// The bot looks for a message in doubt while it isn't allowed to read the target. By the time it checks the
/// permission, it is allowed again.
#[tokio::test]
async fn a_permission_that_comes_back_after_a_look_makes_nothing_twice() {
    let pair = Pair::new().await;
    pair.post("1 first");
    pair.settled().await;
    let history = format!("/channels/{}/messages", pair.target.id());
    let looks = || {
        let all = pair.world.sandbox.exchanges().into_iter();
        all.filter(|one| one.method == "GET" && one.path.starts_with(&history)).count()
    };
    let before = looks();
    let lost = next_post(&pair, Effect::DropAnswer);
    pair.post("2 in doubt");
    struck(&pair.world, lost).await;
    pair.guild.deny_bot(&pair.target, Permissions::READ_MESSAGE_HISTORY);
    pair.world.database.wait_for("broken_reason", "target_forbidden").await;
    let channel = format!("/channels/{}", pair.target.id());
    let slow = Fault::on("GET", &channel, Effect::Delay(Duration::from_secs(2)));
    pair.world.sandbox.fault(slow);
    pair.world.until("the bot looks for it", async || looks() > before).await;
    pair.guild.deny_bot(&pair.target, Permissions::empty());
    pair.world.database.eventually("SELECT CAST(is_active AS TEXT) FROM channel_follows", "1").await;
    pair.settled().await;
    let shown = pair.texts().into_iter().filter(|text| text == "2 in doubt").count();
    assert_eq!(shown, 1, "{}", pair.target.render_text());
    let adopted = "SELECT CAST(COUNT(*) AS TEXT) FROM mirrors";
    assert_eq!(pair.world.database.text(adopted).await.as_deref(), Some("4"), "each post has its mirror");
}

/// Another process may only take a lane when its lease has ended, and the lease lasts longer than an upload.
/// Here, the rest of a plain lease passes more quickly.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn an_upload_outlasts_no_lease() {
    let Some(crew) = Crew::start(1, 2).await else { return };
    let (harbour, alice) = crew.server(0, "Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    follow(&alice, &source, &target).await;
    let slow = Effect::Delay(Duration::from_secs(8));
    let slow = crew.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", slow).times(2));
    let post = Post::text("1 look").file("plan.txt", "text/plain", *b"a plan");
    alice.post(&source, post).unwrap();
    struck(&crew.world, slow).await;
    let passes = "UPDATE lanes SET lease_until = lease_until - interval '19 seconds'";
    crew.world.database.execute(passes).await;
    alice.post(&source, "2 next").unwrap();
    target.wait_for_message(SOON, |message| message.content == "2 next").await.unwrap();
    assert_eq!(texts(&target), ["1 look", "2 next"]);
    let posts = crew.world.sandbox.exchanges().into_iter();
    assert_eq!(posts.filter(|one| one.method == "POST" && one.path.starts_with("/webhooks/")).count(), 2);
}

/// Another process took the lane while a message was in flight, so it doesn't know of that message.
#[tokio::test]
async fn what_was_sent_without_the_lease_is_taken_back() {
    let pair = Pair::new().await;
    pair.post("1 first");
    pair.settled().await;
    let slow = next_post(&pair, Effect::Delay(Duration::from_secs(2)));
    pair.post("2 without the lease");
    struck(&pair.world, slow).await;
    let take = "UPDATE lanes SET epoch = epoch + 1, lease_owner = 'another', lease_until = '2020-01-01 00:00:00+00:00'";
    pair.world.database.execute(take).await;
    let taken_back = || {
        let deleted = pair.requests("DELETE");
        (deleted.len() == 1 && deleted[0].status == 204).then_some(())
    };
    pair.world.sandbox.wait_for("it to be taken back", SOON, taken_back).await.unwrap();
    pair.in_step().await;
    // The message that is shown is the one that the database knows.
    let shown = pair.mirrors()[1].id.to_string();
    let known = format!("SELECT CAST(COUNT(*) AS TEXT) FROM mirrors WHERE message_id = {shown}");
    assert_eq!(pair.world.database.text(&known).await.as_deref(), Some("1"));
}
