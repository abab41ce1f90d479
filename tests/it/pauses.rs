//! Pausing and resuming: afterwards, everything that a follow needs exists exactly once, and what can't be
//! done completely isn't done at all.

use rstest::rstest;
use tributary_sandbox::{Channel, Config, Effect, Fault, Permissions, Reply, SeenWebhook};

use crate::harness::{SOON, Scene};

const MENU: &str = "Look into, pause, resume or remove a follow …";

/// What the bot answers to a choice in its list, whether or not it refuses.
async fn choose(scene: &Scene, choice: &str) -> Reply {
    let list = scene.run("/follows", ()).await;
    list.select(MENU, &[choice]).await.expect("an answer")
}

async fn pause(scene: &Scene) {
    let answer = choose(scene, "pause:1").await;
    assert!(answer.text().contains("Follow #1 is paused"), "{}", answer.text());
}

async fn resume(scene: &Scene) {
    let answer = choose(scene, "resume:1").await;
    assert!(answer.text().contains("Follow #1 is resumed"), "{}", answer.text());
}

/// The one webhook of `#news`, which is the follow's according to the database.
async fn webhook(scene: &Scene, column: &str) -> SeenWebhook {
    let webhooks = scene.news.webhooks();
    assert_eq!(webhooks.len(), 1, "{webhooks:?}");
    assert_eq!(scene.newest(column).await, Some(webhooks[0].id.to_string()));
    webhooks[0].clone()
}

/// A post arrives exactly once.
async fn arrives(scene: &Scene, source: &Channel, text: &str) {
    let post = scene.alice.post(source, text).expect("she may");
    // What Discord itself mirrors must be published; elsewhere Discord refuses that.
    let _ = scene.alice.publish(source, post.id);
    scene.news.wait_for_message(SOON, |message| message.content == text).await.expect("the post");
    let count = scene.news.messages().iter().filter(|message| message.content == text).count();
    assert_eq!(count, 1, "{}", scene.news.render_text());
}

#[tokio::test]
async fn resuming_uses_the_webhook_that_exists() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let made = webhook(&scene, "webhook_id").await;
    pause(&scene).await;
    resume(&scene).await;
    assert_eq!(webhook(&scene, "webhook_id").await.id, made.id);
    arrives(&scene, &scene.releases, "through the same").await;

    pause(&scene).await;
    scene.news.delete_webhook(made.id).unwrap();
    resume(&scene).await;
    assert_ne!(webhook(&scene, "webhook_id").await.id, made.id);
    arrives(&scene, &scene.releases, "through another").await;
    webhook(&scene, "webhook_id").await;
}

/// The process ended after it had stored the pause, but before it had removed Discord's webhook.
#[tokio::test]
async fn resuming_a_native_follow_leaves_one_webhook() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let made = webhook(&scene, "follower_webhook_id").await;
    scene.world.database.execute("UPDATE channel_follows SET is_active = FALSE").await;
    resume(&scene).await;
    assert_ne!(webhook(&scene, "follower_webhook_id").await.id, made.id);
    arrives(&scene, &board, "once").await;
}

#[rstest]
#[case::an_outage(Effect::Status(500))]
#[case::a_refusal(Effect::Refuse { status: 403, code: 50_013, message: "No".to_owned() })]
#[case::no_room(Effect::Refuse { status: 400, code: 30_007, message: "No".to_owned() })]
#[tokio::test]
async fn a_resume_that_discord_fails_changes_nothing(#[case] effect: Effect) {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    pause(&scene).await;
    scene.news.delete_webhook(scene.news.webhooks()[0].id).unwrap();
    let before = scene.everything().await;
    let failing = Fault::on("POST", "/channels/*/webhooks", effect).forever();
    let failing = scene.world.sandbox.fault(failing);
    let answer = choose(&scene, "resume:1").await;
    assert!(scene.world.sandbox.fault_hits(failing) > 0, "{}", answer.text());
    assert!(!answer.text().contains("is resumed"), "{}", answer.text());
    assert_eq!(scene.everything().await, before);
    assert_eq!(scene.count("channel_follows WHERE is_active").await, 0);

    scene.world.sandbox.clear_faults();
    resume(&scene).await;
    webhook(&scene, "webhook_id").await;
    arrives(&scene, &scene.releases, "after all").await;
}

/// What was created at Discord is removed again if it can't be stored.
#[rstest]
#[case::relay(false)]
#[case::native(true)]
#[tokio::test]
async fn a_resume_that_cant_be_stored_leaves_no_webhook(#[case] native: bool) {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    let source = if native { &board } else { &scene.releases };
    scene.follow(source).await;
    pause(&scene).await;
    scene.news.webhooks().iter().for_each(|webhook| scene.news.delete_webhook(webhook.id).unwrap());
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON channel_follows WHEN NEW.is_active \
        BEGIN SELECT RAISE(ABORT, 'not now'); END";
    scene.world.database.execute(refuse).await;
    let answer = choose(&scene, "resume:1").await;
    assert!(!answer.text().contains("is resumed"), "{}", answer.text());
    scene.world.database.execute("DROP TRIGGER refuse").await;
    assert_eq!(scene.count("channel_follows WHERE is_active").await, 0);
    assert!(scene.news.webhooks().is_empty(), "{:?}", scene.news.webhooks());
    resume(&scene).await;
    arrives(&scene, source, "after all").await;
}

/// Discord's own following continues until its webhook is gone, so the follow isn't paused earlier.
#[tokio::test]
async fn a_pause_that_discord_fails_changes_nothing() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let before = scene.everything().await;
    scene.world.sandbox.fault(Fault::on("DELETE", "/webhooks/*", Effect::Status(500)).forever());
    let answer = choose(&scene, "pause:1").await;
    assert!(!answer.text().contains("is paused"), "{}", answer.text());
    assert_eq!(scene.everything().await, before);
    webhook(&scene, "follower_webhook_id").await;
    arrives(&scene, &board, "still").await;
    scene.world.sandbox.clear_faults();
    pause(&scene).await;
    assert!(scene.news.webhooks().is_empty());
}

/// The bot needs everything again that it would need for a new follow.
#[tokio::test]
async fn resuming_asks_what_the_bot_may() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    pause(&scene).await;
    let before = scene.everything().await;
    scene.harbour.deny_bot(&scene.releases, Permissions::READ_MESSAGE_HISTORY);
    let answer = choose(&scene, "resume:1").await.text();
    assert!(answer.contains("**Read Message History**"), "{answer}");
    scene.harbour.allow_bot(&scene.releases, Permissions::READ_MESSAGE_HISTORY);
    let all = Config::default().bot_permissions;
    scene.harbour.set_bot_permissions(all.difference(Permissions::MANAGE_WEBHOOKS)).unwrap();
    let answer = choose(&scene, "resume:1").await.text();
    assert!(answer.contains("**Manage Webhooks**"), "{answer}");
    assert_eq!(scene.everything().await, before);
    scene.harbour.set_bot_permissions(all).unwrap();
    resume(&scene).await;
    arrives(&scene, &scene.releases, "allowed again").await;
}
