//! `/follow` for a pair that already exists: options that aren't given stay as they are, and the answer says
//! what changed. And what `tags` offers while people type.

use tributary_sandbox::{Channel, Options, Permissions};

use crate::harness::{SOON, Scene, texts};

const MENU: &str = "Look into, pause, resume or remove a follow …";

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

async fn tags(scene: &Scene) -> Option<String> {
    let query = "SELECT group_concat(tag) FROM (SELECT tag FROM channel_follow_tags ORDER BY tag)";
    scene.world.database.text(query).await
}

/// Alice runs `/follow` for `#releases` with these options. Returns the answer's text.
async fn change(scene: &Scene, options: &[(&str, &str)]) -> String {
    let options = options.iter().fold(channel(&scene.releases), |all, (name, value)| all.set(name, *value));
    scene.run("/follow", options).await.text()
}

#[tokio::test]
async fn what_is_given_changes_and_the_rest_stays() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let hook = scene.news.webhooks()[0].id;
    let text = change(&scene, &[("mode", "only"), ("tags", "#Bug, release,BUG")]).await;
    assert_eq!(text, "Follow #1 is changed: mode all → only \\#bug, \\#release.");
    assert_eq!(tags(&scene).await.as_deref(), Some("bug,release"));
    // Tags that are spelled differently are the same; so is a command without options.
    let same = channel(&scene.releases).set("tags", "release,ｂｕｇ");
    assert!(scene.refused("/follow", same).await.contains("is already following"));
    assert!(scene.refused("/follow", channel(&scene.releases)).await.contains("is already following"));

    // Tags alone replace the tags, a mode alone keeps them, and panels alone keep both.
    let text = change(&scene, &[("tags", "chat")]).await;
    assert_eq!(text, "Follow #1 is changed: tags \\#bug, \\#release → \\#chat.");
    let text = change(&scene, &[("mode", "except")]).await;
    assert_eq!(text, "Follow #1 is changed: mode only \\#chat → except \\#chat.");
    let panels = channel(&scene.releases).set("panels", false);
    assert_eq!(scene.run("/follow", panels).await.text(), "Follow #1 is changed: panels on → off.");
    assert_eq!(scene.newest("mode").await.as_deref(), Some("except"));
    assert_eq!(tags(&scene).await.as_deref(), Some("chat"));

    let all = channel(&scene.releases).set("mode", "all").set("panels", true);
    let text = scene.run("/follow", all).await.text();
    assert_eq!(text, "Follow #1 is changed: mode except \\#chat → all · panels off → on.");
    assert_eq!(tags(&scene).await, None);
    let refused = scene.refused("/follow", channel(&scene.releases).set("tags", "x")).await;
    assert!(refused.contains("Choose one of these with `mode`"), "{refused}");
    let refused = scene.refused("/follow", channel(&scene.releases).set("mode", "only")).await;
    assert!(refused.contains("needs at least one tag"), "{refused}");

    assert_eq!(scene.count("channel_follows").await, 1);
    assert_eq!((scene.news.webhooks().len(), scene.news.webhooks()[0].id), (1, hook));
    scene.alice.post(&scene.releases, "v1").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "v1").await.unwrap();
}

#[tokio::test]
async fn a_native_follow_that_gets_a_filter_is_relayed_and_can_go_back() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let native = channel(&board).set("mode", "only").set("tags", "bug").set("delivery", "native");
    let text = scene.refused("/follow", native).await;
    assert!(text.contains("the mode `all`"), "{text}");

    let only = channel(&board).set("mode", "only").set("tags", "bug");
    let text = scene.run("/follow", only).await.text();
    let expected = "Follow #1 is changed: mode all → only \\#bug · delivery native → relay (a native follow can't filter).";
    assert_eq!(text, expected);
    assert_eq!(scene.news.webhooks()[0].follows, None);
    scene.alice.post(&board, "an #idea").unwrap();
    scene.alice.post(&board, "a #bug").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "a #bug").await.unwrap();
    assert_eq!(texts(&scene.news), ["a #bug"]);

    // It stays a relay until an option changes that.
    let text = scene.run("/follow", channel(&board).set("mode", "all")).await.text();
    assert_eq!(text, "Follow #1 is changed: mode only \\#bug → all.");
    let text = scene.run("/follow", channel(&board).set("delivery", "auto")).await.text();
    assert!(
        text.starts_with("Follow #1 is changed: delivery relay → native. Discord's own following"),
        "{text}"
    );
    let post = scene.alice.post(&board, "v2").unwrap();
    scene.alice.publish(&board, post.id).unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "v2").await.unwrap();
    assert_eq!(texts(&scene.news), ["a #bug", "v2"]);
    let log = scene.bot.log();
    assert!(!log.contains("follow broken"), "{log}");
}

#[tokio::test]
async fn a_paused_native_follow_that_gets_a_filter_is_relayed_once_it_is_resumed() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    scene.run("/follows", ()).await.select(MENU, &["pause:1"]).await.unwrap();
    let text = scene.run("/follow", channel(&board).set("mode", "except").set("tags", "chat")).await.text();
    assert!(
        text.contains("native → relay") && text.ends_with("It is still paused: resume it in `/follows`."),
        "{text}"
    );
    let missed = scene.alice.post(&board, "while paused").unwrap();
    // The bot checks whether it is paused when it records a post.
    let seen =
        format!("SELECT CAST(seen_message_id AS TEXT) FROM channels WHERE channel_id = {}", board.id());
    scene.world.database.eventually(&seen, &missed.id.to_string()).await;
    let list = scene.run("/follows", ()).await.select(MENU, &["resume:1"]).await.unwrap();
    assert!(list.text().contains("🟢 active · relay · except \\#chat"), "{}", list.text());
    scene.alice.post(&board, "#chat").unwrap();
    scene.alice.post(&board, "news").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "news").await.unwrap();
    assert_eq!(texts(&scene.news), ["news"]);
}

#[tokio::test]
async fn a_broken_follow_is_repaired_and_changed_at_once() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.lose_webhook().await;
    let text = change(&scene, &[("mode", "only"), ("tags", "bug")]).await;
    assert!(text.starts_with("Follow #1 works again"), "{text}");
    assert!(
        text.contains("Changed: mode all → only \\#bug. From now on, new posts with \\#bug appear"),
        "{text}"
    );
    scene.alice.post(&scene.releases, "other").unwrap();
    scene.alice.post(&scene.releases, "#bug").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "#bug").await.unwrap();
    assert_eq!(texts(&scene.news), ["#bug"]);
}

#[tokio::test]
async fn what_nobody_can_write_as_a_hashtag_is_refused() {
    let scene = Scene::new().await;
    for (typed, named) in
        [("bug, off-topic", "`off-topic`"), ("#two words", "`#two words`"), ("a`b", "`a'b`")]
    {
        let only = channel(&scene.releases).set("mode", "only").set("tags", typed);
        let text = scene.refused("/follow", only).await;
        assert!(text.starts_with(&format!("{named} can't be a hashtag")), "{text}");
    }
}

/// What `tags` offers.
async fn offered(scene: &Scene, filled: Options, typed: &str) -> Vec<String> {
    let choices = scene.alice.autocomplete(&scene.news, "/follow", filled, "tags", typed).await.unwrap();
    assert!(choices.iter().all(|choice| choice.value == choice.name.as_str()));
    choices.into_iter().map(|choice| choice.name).collect()
}

#[tokio::test]
async fn tags_are_completed_from_those_in_use() {
    let scene = Scene::new().await;
    change(&scene, &[("mode", "only"), ("tags", "bug,build,chat")]).await;
    assert_eq!(offered(&scene, Options::new(), "bu").await, ["bu", "#bug", "#build"]);
    assert_eq!(offered(&scene, Options::new(), "chat, B").await, ["chat, B", "chat, #bug", "chat, #build"]);
    assert_eq!(offered(&scene, Options::new(), "chat, #bug, #build").await, ["chat, #bug, #build"]);
    let long = "x".repeat(99);
    assert_eq!(offered(&scene, Options::new(), &format!("{long}, b")).await, [""; 0]);
}

#[tokio::test]
async fn hashtags_that_were_lately_posted_are_offered_to_who_sees_the_source() {
    let scene = Scene::new().await;
    let other = scene.harbour.text("other");
    scene.run("/follow", channel(&other).set("mode", "except").set("tags", "chat")).await;
    scene.follow(&scene.releases).await;
    for text in ["#old and #Ｎew", "a #bug", "the end"] {
        scene.alice.post(&scene.releases, text).unwrap();
    }
    scene.news.wait_for_message(SOON, |message| message.content == "the end").await.unwrap();
    let link = Options::new().set("link", scene.releases.link());
    for filled in [channel(&scene.releases), link] {
        assert_eq!(offered(&scene, filled, "").await, ["#bug", "#new", "#old", "#chat"]);
    }
    assert_eq!(offered(&scene, channel(&other), "").await, ["#chat"]);
    scene.releases.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let link = Options::new().set("link", scene.releases.link());
    assert_eq!(offered(&scene, link, "").await, ["#chat"], "only what this server's follows use");
    let nowhere = Options::new().set("link", "not a link");
    assert_eq!(offered(&scene, nowhere, "c").await, ["c", "#chat"]);
}

#[tokio::test]
async fn hashtags_that_were_lately_posted_are_for_those_who_may_read_the_posts() {
    let scene = Scene::new().await;
    let lounge = scene.harbour.voice("lounge");
    for source in [&scene.releases, &lounge] {
        scene.follow(source).await;
        scene.alice.post(source, "#layoffs").unwrap();
        scene.news.wait_for_message(SOON, |message| message.content == "#layoffs").await.unwrap();
    }
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM activities", "2").await;
    scene.releases.deny(&scene.alice, Permissions::READ_MESSAGE_HISTORY);
    lounge.deny(&scene.alice, Permissions::CONNECT);
    for source in [&scene.releases, &lounge] {
        assert_eq!(offered(&scene, channel(source), "").await, [""; 0], "{}", source.name());
    }
}

#[tokio::test]
async fn a_forums_tags_are_offered_by_name() {
    let scene = Scene::new().await;
    let forum = scene.harbour.forum("ideas");
    forum.set_tags(&["Bug", "Q, A", "Idea", "#meta"]).unwrap();
    let source = || channel(&forum);
    assert_eq!(offered(&scene, source(), "").await, ["Bug", "Q, A", "Idea", "\"#meta\""]);
    assert_eq!(offered(&scene, source(), "bug, ").await, ["bug, Q, A", "bug, Idea", "bug, \"#meta\""]);
    assert_eq!(offered(&scene, source(), "idea, q, a").await, ["idea, Q, A"]);
    let (post, _) = scene.alice.start_post(&forum, "Title", &[], "text").unwrap();
    assert_eq!(offered(&scene, channel(&post), "b").await, ["Bug"], "a post has its forum's");
    let many: Vec<String> = (0..20).map(|n| format!("{n:0>20}")).collect();
    forum.set_tags(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    assert_eq!(offered(&scene, source(), "").await, many);
    forum.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    assert_eq!(offered(&scene, Options::new().set("link", forum.link()), "").await, [""; 0]);
}
