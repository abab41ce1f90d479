//! Follows from other servers that wait until somebody approves them.

use chrono::DateTime;
use tributary_sandbox::{Effect, Fault, Options, Permissions, Person};

use super::{FOLLOWS, REQUESTS, Sides, asking, channel};
use crate::harness::{SOON, Scene, admin, refusal, texts};

#[tokio::test]
async fn a_follow_waits_until_it_is_approved() {
    let sides = Sides::new(asking).await;
    let reply = sides.follow().await.text();
    assert!(reply.contains("once the moderators of") && reply.contains("approve it"), "{reply}");
    assert_eq!(sides.state().await.as_deref(), Some("awaiting_approval"));
    let told = sides.told("asks to follow").await;
    assert!(told.content.contains("#1: a channel of **Lake\\*side**"), "{}", told.content);
    assert!(sides.follows().await.contains("🕓 waiting for approval"), "{}", sides.follows().await);
    sides.stays_out("before").await;
    let pressed = sides.scene.alice.press(&sides.mods, told.id, "Approve #1").await.unwrap();
    let text = pressed.text();
    assert!(text.contains("#1: ✅ approved by"), "{text}");
    assert_eq!(sides.scene.count("channel_follows WHERE id = 1 AND is_active").await, 1);
    sides
        .board
        .wait_for_message(SOON, |message| message.content.contains("it was approved there"))
        .await
        .unwrap();
    sides.arrives("after").await;
    assert!(!texts(&sides.board).contains(&"before".to_owned()));
}

#[tokio::test]
async fn what_is_native_begins_nothing_before_it_is_approved() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    let mods = scene.harbour.text("mods");
    scene.run("/publish", asking(channel(&board), &mods)).await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    lakeside.join(&scene.alice, Permissions::empty());
    scene.harbour.join(&keeper, Permissions::empty());
    let target = lakeside.text("target");
    let reply = keeper.run(&target, "/follow", Options::new().set("link", board.link())).await.unwrap();
    assert!(reply.text().contains("once the moderators of"), "{}", reply.text());
    assert!(target.webhooks().is_empty());
    let told =
        mods.wait_for_message(SOON, |message| message.content.contains("asks to follow")).await.unwrap();
    scene.alice.press(&mods, told.id, "Approve #1").await.unwrap();
    assert_eq!(target.webhooks().len(), 1, "Discord's own");
    let post = scene.alice.post(&board, "news").unwrap();
    scene.alice.publish(&board, post.id).unwrap();
    target.wait_for_message(SOON, |message| message.content == "news").await.unwrap();
}

#[tokio::test]
async fn a_declined_follow_says_so_once_and_may_ask_again() {
    let sides = Sides::new(asking).await;
    sides.follow().await;
    let told = sides.told("asks to follow").await;
    let pressed = sides.scene.alice.press(&sides.mods, told.id, "Decline #1").await.unwrap();
    assert!(pressed.text().contains("#1: ⛔ declined by"), "{}", pressed.text());
    sides
        .board
        .wait_for_message(SOON, |message| message.content.contains("declined this follow"))
        .await
        .unwrap();
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    assert!(list.text().contains("declined this follow"), "{}", list.text());
    let resumed = list.select(FOLLOWS, &["resume:1"]).await.unwrap().text();
    assert!(resumed.contains("Follow #1 can't be resumed"), "{resumed}");
    assert_eq!(sides.state().await.as_deref(), Some("declined"));
    let again = sides.follow().await.text();
    assert!(again.contains("once the moderators of"), "{again}");
    assert_eq!(sides.state().await.as_deref(), Some("awaiting_approval"));
    let again = sides.follow().await;
    assert!(refusal(&again).contains("still waiting"), "{}", again.text());
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    let resumed = list.select(FOLLOWS, &["resume:1"]).await.unwrap().text();
    assert!(resumed.contains("Follow #1 is still waiting"), "{resumed}");
}

#[tokio::test]
async fn a_request_is_decided_once_by_those_who_may() {
    let sides = Sides::new(asking).await;
    sides.follow().await;
    let told = sides.told("asks to follow").await;
    let press = async |person: &Person| person.press(&sides.mods, told.id, "Approve #1").await;
    // Somebody who sees the channel, and a moderator who is timed out.
    let bob = sides.scene.world.sandbox.person("Bob");
    sides.scene.harbour.join(&bob, Permissions::empty());
    let refused = press(&bob).await.unwrap();
    assert!(refused.text().contains("You need **Manage Channels**"), "{}", refused.text());
    assert_eq!(sides.state().await.as_deref(), Some("awaiting_approval"));
    sides.scene.releases.allow(&bob, Permissions::MANAGE_CHANNELS);
    sides.scene.harbour.time_out(&bob, DateTime::from_timestamp(4_000_000_000, 0).unwrap()).unwrap();
    let refused = press(&bob).await.unwrap();
    assert!(refused.text().contains("You are timed out"), "{}", refused.text());
    assert_eq!(sides.state().await.as_deref(), Some("awaiting_approval"));
    // Two at the same time: one of them decides, the other is told so.
    let carol = admin(&sides.scene.harbour, "Carol");
    let decline = sides.scene.alice.press(&sides.mods, told.id, "Decline #1");
    let (approved, declined) = tokio::join!(press(&carol), decline);
    let texts = [approved.unwrap().text(), declined.map(|reply| reply.text()).unwrap_or_default()];
    let state = sides.state().await;
    assert!([None, Some("declined")].contains(&state.as_deref()), "{state:?} {texts:?}");
}

#[tokio::test]
async fn a_request_that_is_gone_says_so() {
    let sides = Sides::new(asking).await;
    sides.follow().await;
    let told = sides.told("asks to follow").await;
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    list.select(FOLLOWS, &["remove:1"]).await.unwrap();
    let pressed = sides.scene.alice.press(&sides.mods, told.id, "Approve #1").await.unwrap();
    assert!(pressed.text().contains("#1: withdrawn"), "{}", pressed.text());
    assert_eq!(sides.scene.count("channel_follows").await, 0);
}

#[tokio::test]
async fn requests_are_decided_in_the_list_too() {
    let sides = Sides::new(|options, _| options.set("approval", "ask")).await;
    sides.follow().await;
    let list = sides.followers().await;
    assert!(list.text().starts_with("No followers"), "{}", list.text());
    assert!(list.text().contains("1 channel is waiting for approval: Lake\\*side"), "{}", list.text());
    let one = list.select(REQUESTS, &["1"]).await.unwrap();
    assert!(one.text().contains("asks to follow"), "{}", one.text());
    assert!(!one.text().contains("board"), "names of channels that Alice can't see: {}", one.text());
    let done = one.press("Approve").await.unwrap();
    assert!(done.text().contains("Request #1 is approved"), "{}", done.text());
    sides.arrives("after").await;
    let own = sides.scene.follow(&sides.scene.releases).await;
    assert!(own.text().contains("now follows"), "a follow within a server never waits");
}

#[tokio::test]
async fn what_the_follower_lacks_is_not_told_and_the_request_stays() {
    let sides = Sides::new(asking).await;
    sides.follow().await;
    let told = sides.told("asks to follow").await;
    sides.lakeside.deny_bot(&sides.board, Permissions::MANAGE_WEBHOOKS);
    let pressed = sides.scene.alice.press(&sides.mods, told.id, "Approve #1").await.unwrap().text();
    assert!(pressed.contains("I can't post in that follower's channel"), "{pressed}");
    assert!(!pressed.contains("board") && !pressed.contains(&sides.board.id().to_string()), "{pressed}");
    assert_eq!(sides.state().await.as_deref(), Some("awaiting_approval"));
    sides.lakeside.deny_bot(&sides.board, Permissions::empty());
    sides.scene.alice.press(&sides.mods, told.id, "Approve #1").await.unwrap();
    sides.arrives("after").await;
}

/// If the bot is killed between Discord's answer and the write to the database, the request stays, and can be
/// approved again.
#[tokio::test]
async fn a_killed_bot_leaves_one_clear_state() {
    let mut sides = Sides::new(asking).await;
    sides.follow().await;
    let told = sides.told("asks to follow").await;
    let slow = Effect::Delay(std::time::Duration::from_secs(5));
    let slow = sides.scene.world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", slow).forever());
    let _ = sides.scene.alice.press_only(&sides.mods, told.id, "Approve #1").await;
    sides.scene = sides.scene.restart().await;
    sides.scene.world.sandbox.clear_fault(slow);
    let state = sides.state().await;
    if state.is_some() {
        assert_eq!(state.as_deref(), Some("awaiting_approval"));
        let list = sides.followers().await.select(REQUESTS, &["1"]).await.unwrap();
        list.press("Approve").await.unwrap();
    }
    sides.arrives("after").await;
}
