//! Threads as targets: the bot posts into them through their channel's webhook, which they share with it.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Options, Permissions, Tally};

use crate::harness::{Backend, Pair, SOON, choice, texts};

/// A thread in `#target`, which also follows the source.
async fn with_thread(pair: &Pair) -> Channel {
    let thread = pair.target.thread("aside").unwrap();
    follow(pair, &thread).await;
    thread
}

async fn follow(pair: &Pair, thread: &Channel) {
    let options = Options::new().set("channel", &pair.source).set("delivery", "relay");
    let reply = pair.alice.run(thread, "/follow", options).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

async fn unfollow(pair: &Pair, target: &Channel) {
    let reply =
        pair.alice.run(target, "/unfollow", Options::new().set("channel", &pair.source)).await.unwrap();
    assert!(reply.text().contains("no longer follows"), "{}", reply.text());
}

async fn shows(thread: &Channel, wanted: &[&str]) {
    let shown = thread.wait_for_messages(SOON, |_| texts(thread) == wanted).await;
    assert!(shown.is_ok(), "{:?} instead of {wanted:?}", texts(thread));
}

/// The state of the follow into this target: `NULL`, or why it broke.
async fn broken(pair: &Pair, target: &Channel) -> Option<String> {
    let query =
        format!("SELECT broken_reason FROM channel_follows WHERE target_channel_id = {}", target.id());
    pair.world.database.text(&query).await
}

async fn breaks(pair: &Pair, target: &Channel, reason: &str) {
    let is_broken = async || broken(pair, target).await.as_deref() == Some(reason);
    pair.world.until("the follow into the thread is broken", is_broken).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_thread_follows_through_its_channels_webhook(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let thread = with_thread(&pair).await;
    let posted = pair.post("1 first");
    pair.post("2 second");
    pair.in_step().await;
    assert!(Tally::of(&pair.source, &thread).is_clean(), "{:?}", texts(&thread));
    assert_eq!(pair.target.webhooks().len(), 1);
    pair.edit(&posted, "1 changed");
    pair.settled().await;
    assert_eq!(texts(&thread)[0], "1 changed");
    pair.delete(&posted);
    pair.settled().await;
    thread.wait_for_messages(SOON, |_| texts(&thread)[0] == "2 second").await.unwrap();
}

#[tokio::test]
async fn a_shared_webhook_stays_while_it_is_needed() {
    let pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    unfollow(&pair, &pair.target).await;
    assert_eq!(pair.target.webhooks().len(), 1);
    pair.post("1 to the thread alone");
    shows(&thread, &["1 to the thread alone"]).await;
    assert!(pair.mirrors().is_empty());
    let second = pair.target.thread("second").unwrap();
    follow(&pair, &second).await;
    unfollow(&pair, &thread).await;
    assert_eq!(pair.target.webhooks().len(), 1);
    unfollow(&pair, &second).await;
    assert!(pair.target.webhooks().is_empty());
}

#[tokio::test]
async fn a_webhook_that_was_deleted_is_replaced_for_all_who_share_it() {
    let pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    pair.post("1 before");
    pair.in_step().await;
    let former = pair.target.webhooks()[0].id;
    pair.target.delete_webhook(former).unwrap();
    pair.post("2 after");
    pair.in_step().await;
    thread.wait_for_message(SOON, |message| message.content == "2 after").await.unwrap();
    assert_eq!((broken(&pair, &thread).await, pair.target.webhooks().len()), (None, 1));
    let used = "SELECT CAST(COUNT(DISTINCT webhook_id) AS TEXT) FROM channel_follows";
    assert_eq!(pair.world.database.text(used).await.as_deref(), Some("1"));
    // After it has moved, it no longer reaches the channel's threads.
    let elsewhere = pair.guild.text("elsewhere");
    pair.target.move_webhook(pair.target.webhooks()[0].id, &elsewhere).unwrap();
    pair.post("3 once more");
    pair.in_step().await;
    thread.wait_for_message(SOON, |message| message.content == "3 once more").await.unwrap();
    assert_eq!(texts(&thread).iter().filter(|text| text.starts_with('3')).count(), 1);
}

#[tokio::test]
async fn an_archived_thread_wakes() {
    let pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    let posted = pair.post("1 first");
    shows(&thread, &["1 first"]).await;
    thread.set_archived(true).unwrap();
    pair.post("2 second");
    shows(&thread, &["1 first", "2 second"]).await;
    thread.set_archived(true).unwrap();
    pair.edit(&posted, "1 changed");
    shows(&thread, &["1 changed", "2 second"]).await;
    thread.set_archived(true).unwrap();
    pair.delete(&posted);
    shows(&thread, &["2 second"]).await;
}

#[tokio::test]
async fn a_locked_thread_breaks_its_own_follow_only() {
    let pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    thread.set_locked(true).unwrap();
    pair.post("1 first");
    breaks(&pair, &thread, "thread_locked").await;
    pair.in_step().await;
    assert_eq!(broken(&pair, &pair.target).await, None);
    // After it is unlocked, it can be resumed.
    thread.set_locked(false).unwrap();
    let list = pair.alice.run(&thread, "/follows", Options::new()).await.unwrap();
    assert!(list.text().contains("The receiving thread is locked"), "{}", list.text());
    let (menu, resume) = choice(&list, "resume");
    list.select(&menu, &[&resume]).await.unwrap();
    pair.post("2 second");
    thread.wait_for_message(SOON, |message| message.content == "2 second").await.unwrap();
}

#[rstest]
#[case::with_an_event(true)]
#[case::while_the_bot_is_away(false)]
#[tokio::test]
async fn a_deleted_thread_breaks_its_own_follow_only(#[case] told: bool) {
    let mut pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    pair.post("1 first");
    shows(&thread, &["1 first"]).await;
    if told {
        thread.delete().unwrap();
    } else {
        pair.stop().await;
        thread.delete().unwrap();
        pair.start().await;
        pair.post("2 second");
    }
    breaks(&pair, &thread, "target_deleted").await;
    pair.in_step().await;
    assert_eq!(broken(&pair, &pair.target).await, None);
}

#[tokio::test]
async fn a_thread_goes_with_its_channel() {
    let pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    pair.target.delete().unwrap();
    breaks(&pair, &thread, "target_deleted").await;
    breaks(&pair, &pair.target, "target_deleted").await;
}

#[rstest]
#[case::failure(Effect::Status(500))]
#[case::lost_request(Effect::DropRequest)]
#[case::lost_answer(Effect::DropAnswer)]
#[tokio::test]
async fn a_doubt_in_a_thread_is_settled(#[case] effect: Effect) {
    let pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    pair.post("1 first");
    pair.in_step().await;
    let hook = format!("/webhooks/{}/**", pair.target.webhooks()[0].id);
    pair.world.sandbox.fault(Fault::on("POST", &hook, effect).times(2));
    pair.post_all(2..5, "more");
    pair.in_step_within(SOON * 2).await;
    thread.wait_for_messages(SOON * 2, |_| Tally::of(&pair.source, &thread).is_clean()).await.unwrap();
}

#[tokio::test]
async fn who_may_not_manage_the_channel_may_not_use_its_threads() {
    let pair = Pair::new().await;
    let thread = pair.target.thread("aside").unwrap();
    let bob = pair.guild.member("Bob", Permissions::MANAGE_THREADS | Permissions::MANAGE_MESSAGES);
    let options = Options::new().set("channel", &pair.source);
    let reply = bob.run_unchecked(&thread, "/follow", options.clone()).await.unwrap();
    assert!(reply.text().contains("You need **Manage Channels**"), "{}", reply.text());
    pair.guild.deny_bot(&pair.target, Permissions::MANAGE_WEBHOOKS);
    let reply = pair.alice.run(&thread, "/follow", options).await.unwrap();
    assert!(reply.text().contains("I need **Manage Webhooks**"), "{}", reply.text());
}

#[tokio::test]
async fn a_private_thread_follows_too() {
    let pair = Pair::new().await;
    let thread = pair.target.private_thread("between us").unwrap();
    thread.add_to_thread(pair.alice.id()).unwrap();
    thread.add_to_thread(pair.world.sandbox.bot_id()).unwrap();
    follow(&pair, &thread).await;
    pair.post("1 psst");
    shows(&thread, &["1 psst"]).await;
}

#[tokio::test]
async fn kills_lose_and_double_nothing_in_a_thread() {
    let mut pair = Pair::new().await;
    let thread = with_thread(&pair).await;
    let slow = Effect::DelayAnswer(Duration::from_millis(30));
    pair.world.sandbox.fault(Fault::on("POST", "/webhooks/**", slow).forever());
    for round in 0..5_u32 {
        pair.post_all(round * 10..round * 10 + 4, "more");
        tokio::time::sleep(Duration::from_millis(u64::from(30 + 40 * round))).await;
        pair.kill().await;
        pair.start().await;
    }
    pair.in_step_within(SOON * 4).await;
    thread.wait_for_messages(SOON * 2, |_| Tally::of(&pair.source, &thread).is_clean()).await.unwrap();
}
