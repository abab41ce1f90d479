//! Discord's own following, as `/follow` uses it for announcement channels.

use tributary_sandbox::{Channel, Options};

use crate::harness::{SOON, Scene};

const MENU: &str = "Look into, pause, resume or remove a follow …";

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

/// A scene in which `#news` follows `#board` natively.
async fn following() -> (Scene, Channel) {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    let reply = scene.follow(&board).await;
    assert!(reply.text().contains("once they are published"), "{}", reply.text());
    (scene, board)
}

fn texts(channel: &Channel) -> Vec<String> {
    // Without Discord's own message ("has added … to this channel").
    let posts = channel.messages().into_iter().filter(|message| message.kind != 12);
    posts.map(|message| message.content).collect()
}

/// What appears in `#news` when this is published in the board.
async fn published(scene: &Scene, board: &Channel, text: &str) {
    let post = scene.alice.post(board, text).expect("a post");
    scene.alice.publish(board, post.id).expect("a publication");
    scene.news.wait_for_message(SOON, |message| message.content == text).await.expect("what was published");
}

#[tokio::test]
async fn an_announcement_channel_is_followed_natively_and_published_posts_arrive_once() {
    let (scene, board) = following().await;
    let hooks = scene.news.webhooks();
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0].follows, Some(board.id()));
    assert_eq!(scene.newest("follower_webhook_id").await, Some(hooks[0].id.to_string()));
    assert_eq!(scene.newest("webhook_id").await, None);

    scene.alice.post(&board, "a draft").unwrap();
    published(&scene, &board, "v1").await;
    // If the draft or a second copy were relayed, it would arrive before this, which has its own relay.
    scene.run("/follow", channel(&scene.releases)).await;
    scene.alice.post(&scene.releases, "the end").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "the end").await.unwrap();
    assert_eq!(texts(&scene.news), ["v1", "the end"]);
}

#[tokio::test]
async fn unfollowing_deletes_discords_webhook() {
    let (scene, board) = following().await;
    published(&scene, &board, "v1").await;
    let reply = scene.run("/unfollow", channel(&board)).await;
    assert!(reply.text().contains("Discord's own following has ended"), "{}", reply.text());
    assert!(scene.news.webhooks().is_empty());
    assert_eq!(scene.count("channel_follows").await, 0);
    assert_eq!(texts(&scene.news), ["v1"]);
}

#[tokio::test]
async fn unfollowing_is_no_breaking() {
    let (scene, board) = following().await;
    scene.run("/unfollow", channel(&board)).await;
    scene.follow(&scene.releases).await;
    assert!(!scene.bot.log().contains("follow broken"), "{}", scene.bot.log());
}

#[tokio::test]
async fn pausing_takes_the_webhook_away_and_resuming_makes_one() {
    let (scene, board) = following().await;
    let list = scene.run("/follows", ()).await;
    let list = list.select(MENU, &["pause:1"]).await.unwrap();
    assert!(list.text().contains("won't be sent"), "{}", list.text());
    assert!(scene.news.webhooks().is_empty());
    let missed = scene.alice.post(&board, "missed").unwrap();
    scene.alice.publish(&board, missed.id).unwrap();

    let list = list.select(MENU, &["resume:1"]).await.unwrap();
    assert!(list.text().contains("Follow #1 is resumed"), "{}", list.text());
    assert_eq!(scene.news.webhooks().len(), 1);
    published(&scene, &board, "v2").await;
    assert_eq!(texts(&scene.news), ["v2"]);
    assert!(!scene.bot.log().contains("follow broken"), "{}", scene.bot.log());
}

#[tokio::test]
async fn two_people_who_resume_at_once_make_one_webhook() {
    let (scene, _) = following().await;
    let list = scene.run("/follows", ()).await;
    let list = list.select(MENU, &["pause:1"]).await.unwrap();
    let bob = crate::harness::admin(&scene.harbour, "Bob");
    let his = bob.run(&scene.news, "/follows", ()).await.unwrap();
    let (hers, his) = tokio::join!(list.select(MENU, &["resume:1"]), his.select(MENU, &["resume:1"]));
    let texts = [hers.unwrap().text(), his.unwrap().text()];
    assert_eq!(texts.iter().filter(|text| text.contains("is resumed")).count(), 1, "{texts:?}");
    assert_eq!(scene.news.webhooks().len(), 1);
}

#[tokio::test]
async fn an_announcement_channel_is_relayed_where_that_is_chosen() {
    for options in [
        Options::new().set("delivery", "relay"),
        Options::new().set("mode", "except").set("tags", "internal"),
    ] {
        let scene = Scene::new().await;
        let board = scene.harbour.announcement("board");
        let reply = scene.run("/follow", options.set("channel", &board)).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        assert_eq!(scene.newest("delivery").await.as_deref(), Some("relay"));
        assert_eq!(scene.news.webhooks()[0].follows, None);
        scene.alice.post(&board, "not published").unwrap();
        scene.news.wait_for_message(SOON, |message| message.content == "not published").await.unwrap();
    }
}

#[tokio::test]
async fn a_native_follow_can_become_a_relay_and_back() {
    let (scene, board) = following().await;
    let native = scene.news.webhooks()[0].id;
    let reply = scene.run("/follow", channel(&board).set("delivery", "relay")).await;
    assert_eq!(reply.text(), "Follow #1 is changed: delivery native → relay.");
    let hooks = scene.news.webhooks();
    assert_eq!((hooks.len(), hooks[0].follows), (1, None));
    assert_ne!(hooks[0].id, native);
    scene.alice.post(&board, "by relay").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "by relay").await.unwrap();

    let reply = scene.run("/follow", channel(&board).set("delivery", "native")).await;
    assert!(reply.text().contains("once they are published"), "{}", reply.text());
    let hooks = scene.news.webhooks();
    assert_eq!((hooks.len(), hooks[0].follows), (1, Some(board.id())));
    assert_eq!(scene.newest("webhook_token").await, None);
    published(&scene, &board, "by Discord").await;
    assert_eq!(texts(&scene.news), ["by relay", "by Discord"]);
    assert_eq!(scene.count("channel_follows").await, 1);
    assert!(!scene.bot.log().contains("follow broken"), "{}", scene.bot.log());
}

#[tokio::test]
async fn a_look_at_the_webhooks_that_a_switch_overtakes_breaks_nothing() {
    use tributary_sandbox::{Effect, Fault};
    let (scene, board) = following().await;
    scene.run("/follow", channel(&board).set("delivery", "relay")).await;
    // First, the bot checks its own changes. Then somebody's webhook makes it check again; that check is held
    // up until the follow has another webhook.
    scene.world.sandbox.wait_quiet(std::time::Duration::from_millis(300)).await;
    let slow = Effect::Delay(std::time::Duration::from_millis(700));
    let look = format!("/channels/{}/webhooks", scene.news.id());
    let held = scene.world.sandbox.fault(Fault::on("GET", &look, slow));
    scene.news.add_webhooks(1).unwrap();
    scene.world.until("the check is held", async || scene.world.sandbox.fault_hits(held) == 1).await;
    scene.run("/follow", channel(&board).set("delivery", "native")).await;
    let held_up = |took: std::time::Duration| took >= std::time::Duration::from_millis(700);
    let over = || scene.world.sandbox.exchanges().iter().any(|it| it.path == look && held_up(it.took));
    scene.world.until("the check is over", async || over()).await;
    assert!(scene.run("/follows", ()).await.text().contains("🟢 active · native"));
    assert_eq!(scene.newest("broken_reason").await, None);
}

#[tokio::test]
async fn leaving_the_relay_leaves_the_webhook_to_the_others() {
    let (scene, board) = following().await;
    scene.run("/follow", channel(&board).set("delivery", "relay")).await;
    scene.follow(&scene.releases).await;
    let shared = scene.newest("webhook_id").await;
    scene.run("/follow", channel(&board).set("delivery", "native")).await;
    assert_eq!(scene.news.webhooks().len(), 2);
    assert_eq!(scene.newest("webhook_id").await, shared);
    scene.alice.post(&scene.releases, "still here").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
}

#[tokio::test]
async fn a_switch_that_fails_leaves_the_old_way() {
    use tributary_sandbox::{Effect, Fault};
    let (scene, board) = following().await;
    let before = scene.everything().await;
    // First, creating the new webhook fails; then, removing the old one does.
    for (method, pattern) in [("POST", "/channels/*/webhooks"), ("DELETE", "/webhooks/*")] {
        // All of the bot's attempts, but not the removal of what it created for nothing.
        let tries = if method == "POST" { 100 } else { 1 };
        let refuse = Effect::Refuse { status: 403, code: 50013, message: "Missing Permissions".to_owned() };
        scene.world.sandbox.fault(Fault::on(method, pattern, refuse).times(tries));
        let reply = scene.run("/follow", channel(&board).set("delivery", "relay")).await;
        assert!(reply.text().contains("**Manage Webhooks**"), "{}", reply.text());
        assert_eq!(scene.everything().await, before, "{method}");
        scene.world.sandbox.clear_faults();
    }
    published(&scene, &board, "as before").await;
}

#[tokio::test]
async fn a_paused_follow_becomes_a_relay_but_not_native() {
    let (scene, board) = following().await;
    scene.run("/follows", ()).await.select(MENU, &["pause:1"]).await.unwrap();
    let reply = scene.run("/follow", channel(&board).set("delivery", "relay")).await;
    let expected =
        "Follow #1 is changed: delivery native → relay. It is still paused: resume it in `/follows`.";
    assert_eq!(reply.text(), expected);
    scene.alice.post(&board, "while paused").unwrap();
    let text = scene.refused("/follow", channel(&board).set("delivery", "native")).await;
    assert!(
        text.starts_with("Follow #1 is paused, but Discord's own following would start to post at once."),
        "{text}"
    );
    scene.run("/follows", ()).await.select(MENU, &["resume:1"]).await.unwrap();
    scene.alice.post(&board, "by relay").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "by relay").await.unwrap();
    assert_eq!(texts(&scene.news), ["by relay"]);
    assert_eq!(scene.news.webhooks().len(), 1);
}

#[tokio::test]
async fn a_broken_native_follow_of_a_text_channel_can_be_followed_by_relay() {
    use tributary_sandbox::ChannelKind;
    let (scene, board) = following().await;
    board.convert(ChannelKind::Text).unwrap();
    scene.world.database.wait_for("broken_reason", "no_announcement").await;
    let reply = scene.run("/follow", channel(&board)).await;
    assert!(reply.text().contains("Follow #1 works again"), "{}", reply.text());
    scene.alice.post(&board, "by relay").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "by relay").await.unwrap();
    assert_eq!(scene.news.webhooks().len(), 1);
}
