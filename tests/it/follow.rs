//! `/follow` with all its options: what is stored, how it changes, and what the answer says.

use tributary_sandbox::{Channel, Effect, Fault, Options};

use crate::harness::{SOON, Scene, follow, texts};

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

#[tokio::test]
async fn into_names_where_posts_appear() {
    let scene = Scene::new().await;
    let board = scene.harbour.text("board");
    let reply = scene.run("/follow", channel(&scene.releases).set("into", &board)).await;
    let expected = format!("{} now follows {}", board.mention(), scene.releases.mention());
    assert!(reply.text().starts_with(&expected), "{}", reply.text());
    assert!(reply.text().contains(&format!("appear in {}", board.mention())), "{}", reply.text());
    scene.alice.post(&scene.releases, "v1").unwrap();
    board.wait_for_message(SOON, |message| message.content == "v1").await.unwrap();
    assert_eq!(scene.news.message_count(), 0);
}

#[tokio::test]
async fn the_bots_own_webhook_is_found_again_after_a_lost_database() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let hook = scene.news.webhooks()[0].id;
    scene.world.database.execute("DELETE FROM channel_follows").await;
    scene.follow(&scene.releases).await;
    assert_eq!(scene.news.webhooks().len(), 1);
    assert_eq!(scene.news.webhooks()[0].id, hook);
}

#[tokio::test]
async fn what_discord_made_is_removed_when_the_database_fails() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    let fail =
        "CREATE TRIGGER fails BEFORE INSERT ON channel_follows BEGIN SELECT RAISE(ABORT, 'on purpose'); END";
    scene.world.database.execute(fail).await;
    for source in [&scene.releases, &board] {
        let reply = scene.run("/follow", channel(source)).await;
        assert!(reply.text().contains("can't reach my database"), "{}", reply.text());
        assert!(scene.news.webhooks().is_empty());
        assert_eq!(scene.count("channel_follows").await, 0);
    }
    scene.world.database.execute("DROP TRIGGER fails").await;
    scene.follow(&scene.releases).await;
}

#[tokio::test]
async fn a_failing_discord_changes_nothing_and_says_so() {
    let scene = Scene::new().await;
    let before = scene.everything().await;
    scene.world.sandbox.fault(Fault::on("GET", "/guilds/*/members/*", Effect::Status(503)).forever());
    let reply = scene.run("/follow", channel(&scene.releases)).await;
    assert!(reply.text().contains("Discord did not answer in time"), "{}", reply.text());
    assert_eq!(scene.everything().await, before);
}

#[tokio::test]
async fn a_broken_follow_is_repaired_by_following_again() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.lose_webhook().await;
    let reply = scene.run("/follow", channel(&scene.releases).set("panels", false)).await;
    assert!(reply.text().starts_with("Follow #1 works again"), "{}", reply.text());
    assert_eq!(scene.newest("panels").await.as_deref(), Some("0"));
    scene.alice.post(&scene.releases, "again").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "again").await.unwrap();
}

#[tokio::test]
async fn a_follow_can_begin_with_the_last_posts() {
    let scene = Scene::new().await;
    for number in 1..=9 {
        scene.alice.post(&scene.releases, format!("{number}")).unwrap();
    }
    let other = scene.harbour.text("other");
    follow(&scene.alice, &scene.releases, &other).await;
    scene.alice.post(&scene.releases, "10").unwrap();
    let options = Options::new().set("channel", &scene.releases).set("backfill", 4_i64);
    let reply = scene.run("/follow", options).await;
    assert!(reply.text().contains("its last 4 posts"), "{}", reply.text());
    scene.alice.post(&scene.releases, "11").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "11").await.unwrap();
    assert_eq!(texts(&scene.news), ["7", "8", "9", "10", "11"]);
    other.wait_for_message(SOON, |message| message.content == "11").await.unwrap();
    assert_eq!(texts(&other), ["10", "11"], "other followers get nothing old");
}
