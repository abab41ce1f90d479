//! The main job, end to end: somebody creates a follow, and a post appears.

use rstest::rstest;
use tributary_sandbox::Options;

use crate::harness::{Backend, SOON, Scene, World, admin};

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_followed_channels_posts_appear_in_the_target(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;

    let reply = alice.run(&news, "/follow", Options::new().set("channel", &releases)).await.unwrap();
    assert!(reply.is_ephemeral());
    assert!(reply.text().contains("now follows"), "{}", reply.text());

    alice.post(&releases, "v1.0 is out @everyone").unwrap();
    let mirror = news.wait_for_message(SOON, |message| message.content.contains("v1.0")).await.unwrap();
    assert_eq!((mirror.author.as_str(), mirror.content.as_str()), ("Alice", "v1.0 is out @everyone"));
    assert!(mirror.webhook.is_some() && mirror.pinged.is_empty());

    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn what_is_posted_in_the_first_moment_of_a_connection_arrives() {
    let mut scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    for n in 0..4 {
        scene = scene.restart().await;
        let text = format!("post {n}");
        scene.alice.post(&scene.releases, text.as_str()).unwrap();
        scene.news.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }
}
