//! Forums as targets: each message becomes a post with its own title and tags, and the post is removed with
//! the message.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tributary_sandbox::{Config, Effect, Fault, Options, Permissions, Post};

use crate::harness::{Backend, ForumTarget, SOON, admin, follow_into, post, posts, tagged};

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn each_message_becomes_a_post(#[case] backend: Backend) {
    let Some(scene) = ForumTarget::on(backend).await else { return };
    let first = scene.post("**v1.0** is out!\nGet it while it is hot. #release");
    scene.post("second");
    let shown = "**v1.0** is out!\nGet it while it is hot. #release";
    scene.shows(&[post("v1.0 is out!", shown), post("second", "second")]).await;
    let posted = &scene.forum.threads()[0].messages()[0];
    assert_eq!((posted.author.as_str(), posted.pinged.is_empty()), ("Alice", true));

    scene.edit(&first, "v1.1 is out!");
    scene.shows(&[post("v1.1 is out!", "v1.1 is out!"), post("second", "second")]).await;
    scene.delete(&first);
    scene.shows(&[post("second", "second")]).await;
}

#[tokio::test]
async fn a_post_is_named_by_what_it_shows() {
    let scene = ForumTarget::new().await;
    let bob = scene.guild.member("Bob", Permissions::empty());
    scene.post(format!("# Hello {} and ||nobody|| else", bob.mention()));
    scene.alice.post(&scene.source, Post::text("").file("the plan.txt", "text/plain", "x")).unwrap();
    let webhook = scene.source.add_webhooks(1).unwrap()[0];
    let embed = Post::text("").embeds(vec![json!({"title": "An *embed*"})]);
    scene.source.post_through(webhook, "Build", embed).unwrap();
    let poll = json!({"question": {"text": "Which one?"}, "answers": [{"poll_media": {"text": "a"}}]});
    scene.alice.post(&scene.source, Post::text("").field("poll", poll)).unwrap();
    scene.post("x".repeat(150));
    let titles = || scene.forum.threads().iter().map(tributary_sandbox::Channel::name).collect::<Vec<_>>();
    let all = || (titles().len() == 5).then_some(());
    scene.world.sandbox.wait_for("five posts", SOON, all).await.unwrap();
    let long = format!("{}…", "x".repeat(99));
    let wanted = ["Hello @Bob and [spoiler] else", "the_plan.txt", "An embed", "Which one?", &long];
    assert_eq!(titles(), wanted);
}

#[tokio::test]
async fn tags_of_the_same_name_are_given_and_kept_up_to_date() {
    let scene = ForumTarget::new().await;
    scene.forum.set_tags(&["Bug", "Größe", "official"]).unwrap();
    let bug = scene.post("it breaks #bug #GRÖẞE #else");
    scene.post("fine");
    let text = "it breaks #bug #GRÖẞE #else";
    scene.shows(&[tagged(text, &["Bug", "Größe"], text), post("fine", "fine")]).await;
    scene.edit(&bug, "it breaks #größe");
    scene.shows(&[tagged("it breaks #größe", &["Größe"], "it breaks #größe"), post("fine", "fine")]).await;
    let forum = format!("/channels/{}", scene.forum.id());
    let looks =
        scene.world.sandbox.exchanges().into_iter().filter(|one| one.method == "GET" && one.path == forum);
    assert!(looks.count() <= 2, "for the command, and once for all posts");
}

#[tokio::test]
async fn a_forum_that_requires_a_tag_gets_one() {
    let scene = ForumTarget::new().await;
    scene.post("before");
    scene.shows(&[post("before", "before")]).await;
    // Now the bot's view of the forum is out of date.
    let tags = scene.forum.set_tags(&["official", "misc", "bug"]).unwrap();
    scene.forum.set_moderated(tags[0], true).unwrap();
    scene.forum.set_tag_required(true).unwrap();
    scene.post("one");
    scene.post("two #bug");
    let wanted =
        [post("before", "before"), tagged("one", &["misc"], "one"), tagged("two #bug", &["bug"], "two #bug")];
    scene.shows(&wanted).await;
    // It doesn't insist on a tag that no longer exists.
    scene.forum.set_tags(&["official", "misc"]).unwrap();
    scene.post("three #bug");
    scene
        .shows(&[
            wanted[0].clone(),
            wanted[1].clone(),
            tagged("two #bug", &[&tags[2].to_string()], "two #bug"),
            tagged("three #bug", &["misc"], "three #bug"),
        ])
        .await;
    assert_eq!(scene.log().matches("Discord refused a message").count(), 0);
}

#[tokio::test]
async fn a_long_message_is_one_post() {
    let scene = ForumTarget::new().await;
    let long = scene.post(format!("begin {}", "word ".repeat(700)));
    let wait = || scene.forum.threads().first().is_some_and(|post| post.message_count() == 2).then_some(());
    scene.world.sandbox.wait_for("both parts", SOON, wait).await.unwrap();
    scene.settled().await;
    assert_eq!(scene.forum.threads().len(), 1);
    scene.edit(&long, "short");
    scene.shows(&[post("short", "short")]).await;
    let files = Post::text("pictures").file("a.png", "image/png", [1]).file("b.png", "image/png", [2]);
    scene.alice.post(&scene.source, files).unwrap();
    scene.shows(&[post("short", "short"), post("pictures", "pictures")]).await;
    assert_eq!(scene.forum.threads()[1].messages()[0].attachments.len(), 2);
    scene.delete(&long);
    scene.shows(&[post("pictures", "pictures")]).await;
}

#[tokio::test]
async fn a_post_in_which_people_answered_stays() {
    let scene = ForumTarget::new().await;
    let asked = scene.post("what do you think?");
    scene.shows(&[post("what do you think?", "what do you think?")]).await;
    let thread = scene.forum.threads().remove(0);
    let answer = scene.alice.post(&thread, "I like it").unwrap();
    scene.delete(&asked);
    // Its title was the deleted text.
    scene.shows(&[post("A deleted message", "I like it")]).await;
    assert_eq!(thread.messages()[0].id, answer.id);
}

#[tokio::test]
async fn without_manage_threads_messages_are_edited_and_deleted_all_the_same() {
    let scene = ForumTarget::new().await;
    let all = Config::default().bot_permissions;
    scene.guild.set_bot_permissions(all.difference(Permissions::MANAGE_THREADS)).unwrap();
    let first = scene.post("one");
    scene.shows(&[post("one", "one")]).await;
    scene.edit(&first, "two");
    scene.shows(&[post("one", "two")]).await;
    assert!(scene.log().contains("Manage Threads"), "{}", scene.log());
    // It can be reopened even if it is archived.
    scene.forum.threads()[0].set_archived(true).unwrap();
    scene.edit(&first, "three");
    scene.shows(&[post("one", "three")]).await;
    scene.delete(&first);
    let empty = crate::harness::SeenPost { texts: Vec::new(), ..post("one", "") };
    scene.shows(&[empty]).await;
}

/// Without the permission, a history looks empty: nothing may be removed because of that.
#[tokio::test]
async fn what_the_bot_cannot_read_is_not_taken_for_empty() {
    let scene = ForumTarget::new().await;
    let asked = scene.post("what do you think?");
    scene.shows(&[post("what do you think?", "what do you think?")]).await;
    scene.alice.post(&scene.forum.threads()[0], "I like it").unwrap();
    scene.guild.deny_bot(&scene.forum, Permissions::READ_MESSAGE_HISTORY);
    scene.delete(&asked);
    scene.shows(&[post("A deleted message", "I like it")]).await;
}

#[tokio::test]
async fn an_archived_post_wakes_for_an_edit() {
    let scene = ForumTarget::new().await;
    let first = scene.post("one\nmore");
    scene.shows(&[post("one", "one\nmore")]).await;
    let thread = scene.forum.threads().remove(0);
    thread.set_archived(true).unwrap();
    scene.edit(&first, "one\neven more");
    scene.shows(&[post("one", "one\neven more")]).await;
    assert!(!thread.is_archived());
    thread.set_archived(true).unwrap();
    thread.set_locked(true).unwrap();
    scene.edit(&first, "another");
    scene.shows(&[post("another", "another")]).await;
}

#[tokio::test]
async fn a_post_that_was_removed_by_hand_breaks_nothing() {
    let scene = ForumTarget::new().await;
    let (one, two) = (scene.post("one"), scene.post("two"));
    scene.shows(&[post("one", "one"), post("two", "two")]).await;
    for thread in scene.forum.threads() {
        thread.delete().unwrap();
    }
    scene.edit(&one, "changed");
    scene.delete(&two);
    scene.post("three");
    scene.shows(&[post("three", "three")]).await;
    let active = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE is_active";
    assert_eq!(scene.world.database.text(active).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_forum_that_is_deleted_breaks_the_follow() {
    let scene = ForumTarget::new().await;
    scene.post("one");
    scene.shows(&[post("one", "one")]).await;
    scene.forum.delete().unwrap();
    scene.world.database.wait_for("broken_reason", "target_deleted").await;
}

#[rstest]
#[case::failure(Effect::Status(500))]
#[case::lost_request(Effect::DropRequest)]
#[case::lost_answer(Effect::DropAnswer)]
#[tokio::test]
async fn a_doubt_about_a_post_is_settled(#[case] effect: Effect) {
    let scene = ForumTarget::new().await;
    scene.post("zero");
    scene.shows(&[post("zero", "zero")]).await;
    let hook = format!("/webhooks/{}/**", scene.forum.webhooks()[0].id);
    scene.world.sandbox.fault(Fault::on("POST", &hook, effect.clone()));
    scene.post("one");
    scene.post("two");
    let wanted = [post("zero", "zero"), post("one", "one"), post("two", "two")];
    scene.shows_within(SOON * 2, &wanted).await;
    // The second part of a long message.
    scene.world.sandbox.fault(Fault::on("POST", &hook, effect).after(1));
    scene.post(format!("long {}", "word ".repeat(500)));
    let parts = || (posts(&scene.forum).len() == 4 && posts(&scene.forum)[3].texts.len() == 2).then_some(());
    scene.world.sandbox.wait_for("both parts", SOON * 2, parts).await.unwrap();
    scene.settled().await;
    assert_eq!(posts(&scene.forum)[3].texts.len(), 2);
}

/// The post whose creation the bot didn't learn of is archived before the bot looks.
#[tokio::test]
async fn a_post_in_doubt_is_found_among_the_archived() {
    let mut scene = ForumTarget::new().await;
    let hook = format!("/webhooks/{}/**", scene.forum.webhooks()[0].id);
    scene.world.sandbox.fault(Fault::on("POST", &hook, Effect::DelayAnswer(Duration::from_secs(60))));
    scene.post("one");
    let made = || (!scene.forum.threads().is_empty()).then_some(());
    scene.world.sandbox.wait_for("a post", SOON, made).await.unwrap();
    scene.kill().await;
    scene.forum.threads()[0].set_archived(true).unwrap();
    scene.start().await;
    scene.post("two");
    scene.shows_within(SOON * 2, &[post("one", "one"), post("two", "two")]).await;
}

#[tokio::test]
async fn a_webhook_that_was_moved_posts_nowhere_else() {
    let scene = ForumTarget::new().await;
    let (other, text) = (scene.guild.forum("other"), scene.guild.text("text"));
    for elsewhere in [&other, &text] {
        let hook = scene.forum.webhooks()[0].id;
        scene.forum.move_webhook(hook, elsewhere).unwrap();
        let title = format!("after {}", elsewhere.name());
        scene.post(&title);
        let shown = || posts(&scene.forum).iter().any(|post| post.title == title).then_some(());
        scene.world.sandbox.wait_for("the post", SOON, shown).await.unwrap();
        scene.settled().await;
        assert!(other.threads().is_empty() && text.message_count() == 0);
    }
}

#[tokio::test]
async fn two_of_one_name_are_told_apart_in_a_post_only_where_both_are() {
    let scene = ForumTarget::new().await;
    let other = admin(&scene.guild, "Alice");
    scene.post("by the first");
    other.post(&scene.source, "by the second").unwrap();
    scene.shows(&[post("by the first", "by the first"), post("by the second", "by the second")]).await;
    let authors: Vec<_> =
        scene.forum.threads().iter().map(|post| post.messages()[0].author.clone()).collect();
    assert_eq!(authors, ["Alice", "Alice"]);
}

#[tokio::test]
async fn panels_become_posts() {
    let scene = ForumTarget::new().await;
    let panels = Options::new().set("channel", &scene.source).set("into", &scene.forum).set("panels", true);
    scene.alice.run(&scene.source, "/follow", panels).await.unwrap();
    let create = Options::new().set("kind", "custom").set("title", "Rules");
    let form = scene.alice.run(&scene.source, "/panel create", create).await.unwrap();
    form.submit(&[("text", "Be kind")]).await.unwrap();
    let says =
        |text: &'static str| move |message: &tributary_sandbox::SeenMessage| message.text().contains(text);
    let made = || scene.forum.threads().into_iter().next();
    let thread = scene.world.sandbox.wait_for("a post", SOON, made).await.unwrap();
    thread.wait_for_message(SOON, says("Be kind")).await.unwrap();
    assert_eq!(thread.name(), "Rules");
    let edit =
        scene.alice.run(&scene.source, "/panel edit", Options::new().set("panel", "Rules")).await.unwrap();
    edit.submit(&[("text", "Be very kind")]).await.unwrap();
    thread.wait_for_message(SOON, says("Be very kind")).await.unwrap();
    let question =
        scene.alice.run(&scene.source, "/panel delete", Options::new().set("panel", "Rules")).await.unwrap();
    question.press("Delete").await.unwrap();
    let gone = || scene.forum.threads().is_empty().then_some(());
    scene.world.sandbox.wait_for("the post to disappear", SOON, gone).await.unwrap();
}

#[tokio::test]
async fn kills_lose_and_double_no_post() {
    let mut scene = ForumTarget::new().await;
    scene
        .world
        .sandbox
        .fault(Fault::on("POST", "/webhooks/**", Effect::DelayAnswer(Duration::from_millis(30))).forever());
    let mut wanted = Vec::new();
    for round in 0..6_u64 {
        for number in 0..4 {
            let text = format!("{round}.{number}");
            scene.post(&text);
            wanted.push(post(&text, &text));
        }
        tokio::time::sleep(Duration::from_millis(40 + 35 * round)).await;
        scene.kill().await;
        scene.start().await;
    }
    scene.shows_within(SOON * 4, &wanted).await;
}

#[tokio::test]
async fn the_forum_must_be_the_persons_to_manage() {
    let scene = ForumTarget::new().await;
    let forum = scene.guild.forum("closed");
    let bob = admin(&scene.guild, "Bob");
    forum.deny(&bob, Permissions::MANAGE_CHANNELS);
    let options = Options::new().set("channel", &scene.source).set("into", &forum);
    let reply = bob.run_unchecked(&scene.source, "/follow", options).await.unwrap();
    assert!(reply.text().contains("You need **Manage Channels**"), "{}", reply.text());
    follow_into(&scene.alice, &scene.source, &forum).await;
    scene.post("hello");
    let shown = || (posts(&forum) == [post("hello", "hello")]).then_some(());
    scene.world.sandbox.wait_for("the post", SOON, shown).await.unwrap();
}
