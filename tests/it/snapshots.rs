//! Complete texts that people read: a change in wording is a visible change in a `.snap` file. Review it,
//! then accept it with `INSTA_UPDATE=always cargo test --test it snapshots`.

use insta::assert_snapshot;
use tributary_sandbox::{Channel, Options, Permissions, Reply};

use crate::harness::{Scene, admin, look};

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

/// What somebody did, and what they saw as a result.
#[derive(Default)]
struct Story(String);

impl Story {
    fn tell(&mut self, scene: &Scene, what: &str, reply: &Reply) {
        self.0.push_str(&format!("── {what}\n{}\n", look(&scene.world.sandbox, reply)));
    }

    async fn run(&mut self, scene: &Scene, command: &str, options: Options) {
        let reply = scene.run(command, options).await;
        self.tell(scene, command, &reply);
    }

    /// A command that is refused, even if no client would send it.
    async fn forge(&mut self, scene: &Scene, what: &str, command: &str, options: Options) {
        let reply = scene.alice.run_unchecked(&scene.news, command, options).await.expect("an answer");
        self.tell(scene, what, &reply);
    }
}

#[tokio::test]
async fn following() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    let mut story = Story::default();
    story.run(&scene, "/follow", channel(&scene.releases)).await;
    story.run(&scene, "/follow", channel(&board)).await;
    let filtered = channel(&scene.releases).set("mode", "except").set("tags", "chat, off_topic");
    story.run(&scene, "/follow", filtered).await;
    story.run(&scene, "/follow", channel(&board).set("delivery", "relay").set("panels", false)).await;
    story.run(&scene, "/follow", channel(&board).set("mode", "only").set("tags", "big_news")).await;
    story.run(&scene, "/unfollow", channel(&scene.releases)).await;
    let back = channel(&board).set("mode", "all").set("delivery", "auto").set("panels", true);
    story.run(&scene, "/follow", back.clone()).await;
    story.run(&scene, "/follow", channel(&board).set("mode", "except").set("tags", "chat")).await;
    story.run(&scene, "/unfollow", channel(&board)).await;
    story.run(&scene, "/follow", channel(&board).set("mode", "except").set("tags", "chat, beta")).await;
    assert_snapshot!(story.0);
}

#[tokio::test]
async fn making_public() {
    let scene = Scene::new().await;
    let staff = scene.harbour.private_text("staff");
    staff.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    scene.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL);
    let mut story = Story::default();
    let asked = scene.run("/follow", channel(&staff)).await;
    story.tell(&scene, "/follow", &asked);
    story.tell(&scene, "Cancel", &asked.press("Cancel").await.expect("an answer"));
    let asked = scene.run("/follow", channel(&staff)).await;
    story.tell(&scene, "Follow anyway", &asked.press("Follow anyway").await.expect("an answer"));
    assert_snapshot!(story.0);
}

#[tokio::test]
async fn lists() {
    let scene = Scene::new().await;
    let mut story = Story::default();
    story.run(&scene, "/follows", Options::new()).await;
    let (lakeside, _) = scene.elsewhere("Lakeside");
    lakeside.join(&scene.alice, Permissions::empty());
    let abroad = lakeside.announcement("abroad");
    scene.run("/follow", Options::new().set("link", abroad.link())).await;
    let (doomed, secret) = (scene.harbour.text("doomed"), scene.harbour.text("secret"));
    scene.run("/follow", channel(&doomed).set("panels", false)).await;
    scene.run("/follow", channel(&secret).set("mode", "only").set("tags", "bug, release")).await;
    for n in 4..=9 {
        scene.follow(&scene.harbour.text(&format!("source-{n}"))).await;
    }
    secret.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    doomed.delete().unwrap();
    scene
        .world
        .database
        .eventually("SELECT broken_reason FROM channel_follows WHERE id = 2", "source_deleted")
        .await;
    let list = scene.run("/follows", ()).await;
    story.tell(&scene, "/follows", &list);
    let list = list.select("Look into, pause, resume or remove a follow …", &["pause:9"]).await.unwrap();
    story.tell(&scene, "pause #9", &list);
    let list = list.press("Older ▶").await.unwrap();
    story.tell(&scene, "Older ▶", &list);
    story.run(&scene, "/follows", channel(&scene.releases)).await;
    let one = scene.harbour.find_channel("source-4").unwrap();
    story.run(&scene, "/follows", channel(&one)).await;
    assert_snapshot!(story.0);
}

#[tokio::test]
async fn publishing_and_followers() {
    let scene = Scene::new().await;
    let mut story = Story::default();
    let board = scene.harbour.announcement("board");
    story.run(&scene, "/followers", channel(&scene.releases)).await;
    scene.follow(&scene.releases).await;
    story.run(&scene, "/followers", channel(&scene.releases)).await;
    story.run(&scene, "/publish", channel(&scene.releases).set("audience", "servers")).await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    scene.harbour.join(&keeper, Permissions::empty());
    let link = Options::new().set("link", scene.releases.link());
    keeper.run(&lakeside.text("target"), "/follow", link).await.unwrap();
    story.run(&scene, "/publish", channel(&scene.releases).set("audience", "everyone")).await;
    story.run(&scene, "/followers", channel(&scene.releases)).await;
    story.run(&scene, "/publish", channel(&scene.releases).set("audience", "nobody")).await;
    story.run(&scene, "/publish", channel(&board).set("audience", "nobody")).await;
    story.run(&scene, "/about", Options::new()).await;
    assert_snapshot!(story.0);
}

#[tokio::test]
async fn refusals() {
    // Those that are refused count, too.
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "22")]).await;
    let (board, forum) = (scene.harbour.announcement("board"), scene.harbour.forum("forum"));
    let thread = scene.releases.thread("thread").unwrap();
    let (full, secret) = (scene.harbour.text("full"), scene.harbour.private_text("secret"));
    full.add_webhooks(15).unwrap();
    let (lakeside, _) = scene.elsewhere("Lakeside");
    lakeside.join(&scene.alice, Permissions::empty());
    let (talk, closed) = (lakeside.text("talk"), lakeside.announcement("closed"));
    closed.deny_everyone(Permissions::VIEW_CHANNEL);
    lakeside.allow_bot(&closed, Permissions::VIEW_CHANNEL);
    closed.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    let locked = scene.harbour.text("locked");
    locked.deny(&scene.alice, Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES);
    let shy = scene.harbour.text("shy");
    scene.harbour.deny_bot(&shy, Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    let link = |channel: &Channel| Options::new().set("link", channel.link());
    let into = |target: &Channel| channel(&scene.releases).set("into", target);

    let mut story = Story::default();
    for (what, command, options) in [
        ("itself", "/follow", channel(&scene.news)),
        ("neither", "/follow", Options::new()),
        ("both", "/follow", link(&board).set("channel", &board)),
        ("no link", "/follow", Options::new().set("link", "#news")),
        ("only without tags", "/follow", channel(&board).set("mode", "only")),
        ("tags without only", "/follow", channel(&board).set("tags", "x")),
        ("no hashtag", "/follow", channel(&board).set("mode", "only").set("tags", "bug, off-topic")),
        ("long tags", "/follow", channel(&board).set("mode", "only").set("tags", "x".repeat(101))),
        ("a forum without threads", "/follow", channel(&forum).set("threads", "none")),
        ("threads of a thread", "/follow", channel(&thread).set("threads", "all")),
        ("into a category", "/follow", into(&scene.harbour.category("category"))),
        ("into another server", "/follow", into(&talk)),
        ("into an unseen channel", "/follow", into(&secret)),
        ("into a locked channel", "/follow", into(&locked)),
        ("into a full channel", "/follow", into(&full)),
        ("an unseen channel", "/follow", channel(&secret)),
        ("a text channel elsewhere", "/follow", link(&talk)),
        ("a closed announcement channel elsewhere", "/follow", link(&closed)),
        ("impossibly native", "/follow", channel(&scene.releases).set("delivery", "native")),
        ("what the bot can't see", "/follow", channel(&shy).set("delivery", "relay")),
        ("unfollow what isn't followed", "/unfollow", channel(&scene.releases)),
        ("follows of a locked channel", "/follows", channel(&locked)),
        ("publish a thread", "/publish", channel(&thread).set("audience", "servers")),
    ] {
        story.forge(&scene, what, command, options).await;
    }
    scene.follow(&scene.releases).await;
    scene.follow(&board).await;
    story.forge(&scene, "again", "/follow", channel(&scene.releases)).await;
    scene.follow(&scene.harbour.text("third")).await;
    story.forge(&scene, "too many", "/unfollow", channel(&scene.releases)).await;
    let bella = admin(&scene.harbour, "Bella");
    let list = bella.run(&scene.news, "/follows", ()).await.unwrap();
    let list = list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.unwrap();
    bella.run(&scene.news, "/follow", channel(&scene.releases)).await.unwrap();
    let resumed = list.select("Look into, pause, resume or remove a follow …", &["resume:1"]).await.unwrap();
    story.tell(&scene, "resumed", &resumed);
    let text = assert_no_refusal_is_green(&story.0);
    assert_snapshot!(text);
}

/// Apart from the follows that the story needs, everything is amber.
fn assert_no_refusal_is_green(story: &str) -> &str {
    let (refused, _) = story.split_once("── resumed").expect("the end");
    assert!(!refused.contains("┏ green") && !refused.contains("┏ red"), "{refused}");
    story
}

#[tokio::test]
async fn panels() {
    let scene = Scene::new().await;
    let mut story = Story::default();
    let create = |kind: &str| Options::new().set("kind", kind);
    story.run(&scene, "/panel list", Options::new()).await;
    story.run(&scene, "/panel create", create("server")).await;
    story.run(&scene, "/panel create", create("monitoring")).await;
    let form = scene.run_form("/panel create", create("custom").set("title", "*Opening* hours")).await;
    story.tell(&scene, "send the form", &form.submit(&[("text", "9 to {{hour}}")]).await.expect("an answer"));
    let form = scene.run_form("/panel create", create("custom").set("title", "*Opening* hours")).await;
    story.tell(&scene, "send the form", &form.submit(&[("text", "9 to 5")]).await.expect("an answer"));
    let panel = |title: &str| Options::new().set("panel", title);
    let form = scene.run_form("/panel edit", panel("*Opening* hours")).await;
    story.tell(&scene, "send the form", &form.submit(&[("text", "9 to 6")]).await.expect("an answer"));
    story.run(&scene, "/panel refresh", panel("Server")).await;
    story.run(&scene, "/panel refresh", panel("Nothing")).await;
    story.run(&scene, "/panel move", panel("Server").set("channel", &scene.news)).await;
    story.run(&scene, "/panel move", panel("Server").set("channel", &scene.releases)).await;
    story.run(&scene, "/panel list", Options::new()).await;
    let question = scene.run("/panel delete", panel("Server")).await;
    story.tell(&scene, "/panel delete", &question);
    story.tell(&scene, "Delete", &question.press("Delete").await.expect("an answer"));
    assert_snapshot!(story.0);
}
