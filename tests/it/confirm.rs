//! The question before everybody can read what most couldn't: it is asked for a new follow from a private
//! channel into one that everyone reads.

use tributary_sandbox::{Channel, Effect, Fault, Options, Permissions};

use crate::harness::{SOON, Scene, admin, refusal, texts};

const YES: &str = "Follow anyway";

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

/// Hides a channel from most people; Alice and the bot still see it.
fn hide(scene: &Scene, channel: &Channel) {
    channel.deny_everyone(Permissions::VIEW_CHANNEL);
    channel.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    scene.harbour.allow_bot(channel, Permissions::VIEW_CHANNEL);
}

/// A scene with such a channel.
async fn with_staff() -> (Scene, Channel) {
    let scene = Scene::new().await;
    let staff = scene.harbour.text("staff");
    hide(&scene, &staff);
    (scene, staff)
}

#[tokio::test]
async fn a_private_source_is_followed_publicly_only_where_that_is_meant() {
    let (scene, staff) = with_staff().await;
    let before = scene.everything().await;
    let asked = scene.run("/follow", channel(&staff)).await;
    let expected = format!(
        "Everyone in this server will be able to read in {} what is posted in {}, a channel that most of them can't see.",
        scene.news.mention(),
        staff.mention()
    );
    assert!(asked.text().starts_with(&expected), "{}", asked.text());
    assert_eq!(scene.everything().await, before, "nothing is created before that");

    let made = asked.press(YES).await.unwrap();
    assert!(made.text().contains("now follows") && made.components().is_empty(), "{}", made.text());
    scene.alice.post(&staff, "open now").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "open now").await.unwrap();
    // It is asked only once: not when the follow is changed, or paused and resumed.
    let changed = scene.run("/follow", channel(&staff).set("panels", false)).await;
    assert!(changed.text().contains("is changed"), "{}", changed.text());
}

#[tokio::test]
async fn cancelling_makes_nothing() {
    let (scene, staff) = with_staff().await;
    let asked = scene.run("/follow", channel(&staff)).await;
    let before = scene.everything().await;
    let cancelled = asked.press("Cancel").await.unwrap();
    assert!(cancelled.text().starts_with("Cancelled"), "{}", cancelled.text());
    assert!(cancelled.components().is_empty());
    assert_eq!(scene.everything().await, before);
    assert!(asked.press(YES).await.is_err(), "the buttons are gone");
}

#[tokio::test]
async fn the_options_of_the_command_are_those_of_the_follow() {
    let (scene, staff) = with_staff().await;
    for text in ["#bug one", "two", "#bug three"] {
        scene.alice.post(&staff, text).unwrap();
    }
    let options = channel(&staff).set("mode", "only").set("tags", "bug").set("panels", false);
    let asked = scene.run("/follow", options).await;
    asked.press(YES).await.unwrap();
    assert_eq!(scene.newest("mode").await.as_deref(), Some("only"));
    assert_eq!(scene.newest("panels").await.as_deref(), Some("0"));
    scene.alice.post(&staff, "four").unwrap();
    scene.alice.post(&staff, "#bug five").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "#bug five").await.unwrap();
    assert_eq!(texts(&scene.news), ["#bug five"]);
}

#[tokio::test]
async fn nobody_is_asked_where_nothing_becomes_public() {
    let (scene, staff) = with_staff().await;
    let board = scene.harbour.text("board");
    hide(&scene, &board);
    for (source, target) in [(&staff, &board), (&scene.releases, &board), (&scene.releases, &scene.news)] {
        let reply = scene.run("/follow", channel(source).set("into", target)).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }
}

#[tokio::test]
async fn discords_own_following_is_asked_about_too() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    hide(&scene, &board);
    let asked = scene.run("/follow", channel(&board)).await;
    assert!(asked.text().starts_with("Everyone in this server"), "{}", asked.text());
    assert!(scene.news.webhooks().is_empty());
    let made = asked.press(YES).await.unwrap();
    assert!(made.text().contains("once they are published"), "{}", made.text());
    assert_eq!(scene.news.webhooks()[0].follows, Some(board.id()));
}

#[tokio::test]
async fn everything_is_checked_again_at_the_press() {
    let (scene, staff) = with_staff().await;
    let asked = scene.run("/follow", channel(&staff)).await;
    let before = scene.everything().await;
    let bob = admin(&scene.harbour, "Bob");
    assert!(asked.press_as(&bob, YES).await.is_err(), "nobody else can press it");
    scene.news.deny(&scene.alice, Permissions::MANAGE_CHANNELS);
    let pressed = asked.press(YES).await.unwrap();
    assert!(refusal(&pressed).contains("You need **Manage Channels**"), "{}", pressed.text());
    assert!(pressed.components().is_empty());
    assert_eq!(scene.everything().await, before);

    scene.news.allow(&scene.alice, Permissions::MANAGE_CHANNELS);
    let asked = scene.run("/follow", channel(&staff)).await;
    staff.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let pressed = asked.press(YES).await.unwrap();
    assert!(refusal(&pressed).starts_with("I can't find that channel"), "{}", pressed.text());
    assert_eq!(scene.everything().await, before);
}

#[tokio::test]
async fn after_a_restart_the_question_is_too_old() {
    let (scene, staff) = with_staff().await;
    let asked = scene.run("/follow", channel(&staff)).await;
    let scene = scene.restart().await;
    let pressed = asked.press(YES).await.unwrap();
    assert_eq!(refusal(&pressed), "This question is too old. Run the command again.");
    assert!(pressed.components().is_empty());
    assert_eq!(scene.count("channel_follows").await, 0);
}

#[tokio::test]
async fn a_press_that_discord_fails_can_be_repeated() {
    let (scene, staff) = with_staff().await;
    let asked = scene.run("/follow", channel(&staff)).await;
    scene.world.sandbox.fault(Fault::on("GET", "/guilds/*/members/*", Effect::Status(503)).forever());
    let failed = asked.press(YES).await.unwrap();
    assert!(failed.text().contains("did not answer"), "{}", failed.text());
    scene.world.sandbox.clear_faults();
    let made = failed.press(YES).await.unwrap();
    assert!(made.text().contains("now follows"), "{}", made.text());
}

#[tokio::test]
async fn asking_and_following_is_one_action() {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "1")]).await;
    let staff = scene.harbour.text("staff");
    hide(&scene, &staff);
    let made = scene.run("/follow", channel(&staff)).await.press(YES).await.unwrap();
    assert!(made.text().contains("now follows"), "{}", made.text());
    let text = scene.refused("/follow", channel(&scene.releases)).await;
    assert!(text.contains("<t:"), "{text}");
}
