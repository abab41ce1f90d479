//! What the moderators of a followed channel are told, and how often.

use tributary_sandbox::{Effect, Fault, Options, Permissions, SeenPings};

use super::{Sides, channel};
use crate::harness::{SOON, Scene, texts};

#[tokio::test]
async fn new_followers_are_told_in_one_message_a_minute() {
    let sides = Sides::new(|options, mods| options.set("notify", mods)).await;
    let reply = sides.follow().await.text();
    assert!(reply.contains("now follows"), "{reply}");
    let told = sides.told("1 new follower").await;
    assert!(told.content.contains("**Lake\\*side**"), "{}", told.content);
    assert!(!told.content.contains("board"), "{}", told.content);
    for name in ["two", "three", "four"] {
        sides.follow_into(&sides.lakeside.text(name)).await;
    }
    sides.scene.world.sandbox.wait_quiet(std::time::Duration::from_secs(3)).await;
    assert_eq!(sides.mods.message_count(), 1, "{:?}", texts(&sides.mods));
    assert_eq!(sides.scene.count("follower_news").await, 3);
    // A minute later.
    sides.scene.world.database.execute("UPDATE channels SET notify_next_at = NULL").await;
    let told = sides.told("3 new followers").await;
    assert!(told.content.contains("**Lake\\*side** (3)"), "{}", told.content);
}

#[tokio::test]
async fn a_channel_that_may_not_be_told_is_not_tried_again() {
    let sides = Sides::new(|options, mods| options.set("notify", mods)).await;
    sides.scene.harbour.deny_bot(&sides.mods, Permissions::SEND_MESSAGES);
    sides.follow().await;
    sides
        .scene
        .world
        .database
        .eventually("SELECT CAST(count(*) AS TEXT) FROM channels WHERE notify_refused", "1")
        .await;
    let list = sides.followers().await.text();
    assert!(list.contains("I can't post in"), "{list}");
    let refused = || {
        let all = sides.scene.world.sandbox.exchanges();
        all.iter().filter(|one| one.method == "POST" && one.status == 403).count()
    };
    assert_eq!(refused(), 1);
    sides.follow_into(&sides.lakeside.text("two")).await;
    sides.scene.world.database.execute("UPDATE channels SET notify_next_at = NULL").await;
    sides.scene.world.sandbox.wait_quiet(std::time::Duration::from_secs(3)).await;
    assert_eq!(refused(), 1);
    sides.scene.harbour.deny_bot(&sides.mods, Permissions::empty());
    sides.scene.run("/publish", channel(&sides.scene.releases).set("notify", &sides.mods)).await;
    sides.follow_into(&sides.lakeside.text("three")).await;
    sides.told("new follower").await;
}

/// A server's name with everything that Discord would format.
#[tokio::test]
async fn a_servers_name_is_only_a_name() {
    let scene = Scene::new().await;
    let mods = scene.harbour.text("mods");
    let publish = channel(&scene.releases).set("audience", "servers").set("notify", &mods);
    scene.run("/publish", publish).await;
    let (guild, keeper) = scene.elsewhere("@everyone [x](https://a.b) <@1>");
    let link = Options::new().set("link", scene.releases.link());
    keeper.run(&guild.text("t"), "/follow", link).await.unwrap();
    let told = mods.wait_for_message(SOON, |message| message.content.contains("new follower")).await.unwrap();
    assert!(told.content.contains("\\@everyone") && !told.content.contains("https://"), "{}", told.content);
    assert_eq!(told.pinged, SeenPings::default());
}

/// Discord was away when a request was to be announced.
#[tokio::test]
async fn what_could_not_be_told_is_told_later() {
    let sides = Sides::new(super::asking).await;
    let world = &sides.scene.world;
    let path = format!("/channels/{}/messages", sides.mods.id());
    let away = world.sandbox.fault(Fault::on("POST", &path, Effect::Status(503)).forever());
    sides.follow().await;
    world.until("it is tried", async || world.sandbox.fault_hits(away) > 0).await;
    world.database.eventually("SELECT CAST(count(*) AS TEXT) FROM follower_news", "1").await;
    world.sandbox.clear_fault(away);
    // A minute later.
    world.database.execute("UPDATE channels SET notify_next_at = NULL").await;
    sides
        .mods
        .wait_for_message(SOON / 3, |message| message.content.contains("asks to follow"))
        .await
        .unwrap();
}
