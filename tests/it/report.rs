//! *Delivery report*, a command on messages, and the last messages of a follow in `/follows`: why something is shown, or isn't.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use tributary_sandbox::{
    Channel, Effect, Fault, LimitScope, MessageId, Options, Permissions, Post, Reply, SeenMessage,
};

use crate::harness::{Board, SOON, Scene, follow, hidden, look, refusal};

const REPORT: &str = "Delivery report";
const MENU: &str = "Look into, pause, resume or remove a follow …";

/// Where a message is.
fn link(scene: &Scene, message: &SeenMessage) -> String {
    format!("https://discord.com/channels/{}/{}/{}", scene.harbour.id(), message.channel, message.id)
}

async fn report_on(scene: &Scene, channel: &Channel, message: MessageId) -> Reply {
    let reply = scene.alice.run_on(channel, message, REPORT).await.expect("an answer");
    assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
    reply
}

/// What Alice is told of a message of `#releases`.
async fn report(scene: &Scene, message: &SeenMessage) -> String {
    report_on(scene, &scene.releases, message.id).await.text()
}

/// The line of a report that says something of this channel.
#[track_caller]
fn line<'a>(report: &'a str, channel: &Channel) -> &'a str {
    let found = report.lines().find(|line| line.contains(&format!(" {} · #", channel.mention())));
    found.unwrap_or_else(|| panic!("nothing of #{} in: {report}", channel.name()))
}

fn post(scene: &Scene, text: &str) -> SeenMessage {
    scene.alice.post(&scene.releases, text).expect("she may")
}

async fn mirror(target: &Channel, text: &str) -> SeenMessage {
    target.wait_for_message(SOON, |message| message.content == text).await.expect("a mirror")
}

/// `#news` follows `#releases`, and shows this post.
async fn shown(text: &str) -> (Scene, SeenMessage, SeenMessage) {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let posted = post(&scene, text);
    let mirror = mirror(&scene.news, text).await;
    settled(&scene).await;
    (scene, posted, mirror)
}

async fn settled(scene: &Scene) {
    let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    scene.world.database.eventually(open, "0").await;
}

/// Waits until the newest delivery is in this state.
async fn newest_delivery(scene: &Scene, state: &str) {
    scene.world.database.eventually("SELECT state FROM deliveries ORDER BY id DESC LIMIT 1", state).await;
}

/// Requests to the webhook of this channel go wrong.
fn strike(scene: &Scene, target: &Channel, method: &str, effect: Effect) {
    let pattern = format!("/webhooks/{}/**", target.webhooks()[0].id);
    scene.world.sandbox.fault(Fault::on(method, &pattern, effect).forever());
}

async fn select(scene: &Scene, act: &str) -> Reply {
    scene.run("/follows", ()).await.select(MENU, &[act]).await.expect("an answer")
}

#[tokio::test]
async fn a_shown_message_is_linked_and_its_mirror_leads_back() {
    let (scene, posted, mirror) = shown("v1").await;
    let text = report(&scene, &posted).await;
    let expected = format!("✅ {} · #1 · [shown]({})", scene.news.mention(), link(&scene, &mirror));
    assert_eq!(line(&text, &scene.news), expected);
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    for expected in [
        format!("**Alice** posted in {}", scene.releases.mention()),
        format!("[the original]({})", link(&scene, &posted)),
        "shows the newest version".to_owned(),
        "Follow #1 brought it.".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected} in {text}");
    }
}

#[tokio::test]
async fn a_message_in_parts_has_a_link_to_each() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let much = ["a.bin", "b.bin", "c.bin"]
        .into_iter()
        .fold(Post::text("much"), |post, name| post.file(name, "application/octet-stream", vec![1; 9 << 20]));
    let posted = scene.alice.post(&scene.releases, much).unwrap();
    let parts = |all: &[SeenMessage]| all.iter().filter(|message| message.webhook.is_some()).count() == 2;
    let mirrors = scene.news.wait_for_messages(SOON, parts).await.unwrap();
    settled(&scene).await;
    let text = report(&scene, &posted).await;
    let expected = format!("[shown]({}) [2]({})", link(&scene, &mirrors[0]), link(&scene, &mirrors[1]));
    assert!(line(&text, &scene.news).ends_with(&expected), "{expected} in {text}");
    let text = report_on(&scene, &scene.news, mirrors[1].id).await.text();
    assert!(text.contains("It is part 2 of 2."), "{text}");
}

#[tokio::test]
async fn what_waits_says_why() {
    let (scene, ..) = shown("v1").await;
    strike(
        &scene,
        &scene.news,
        "POST",
        Effect::RateLimited { scope: LimitScope::User, retry_after: Duration::from_secs(60) },
    );
    let posted = [post(&scene, "v2"), post(&scene, "v3")];
    let limited = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE wait_until IS NOT NULL";
    scene.world.database.eventually(limited, "1").await;
    let text = report(&scene, &posted[0]).await;
    assert!(
        text.contains("⏳") && text.contains("Discord's rate limit asks for patience, it goes on <t:"),
        "{text}"
    );
    let text = report(&scene, &posted[1]).await;
    assert!(text.contains("waiting: 1 earlier message goes first, <t:"), "{text}");
}

#[tokio::test]
async fn a_doubt_is_said() {
    let (scene, ..) = shown("v1").await;
    strike(&scene, &scene.news, "POST", Effect::Status(503));
    let posted = post(&scene, "v2");
    let doubts = "SELECT CAST(COUNT(*) AS TEXT) FROM lanes WHERE settle_at IS NOT NULL";
    scene.world.database.eventually(doubts, "1").await;
    let text = report(&scene, &posted).await;
    assert!(
        text.contains("⏳") && text.contains("it isn't clear whether Discord took it, I look <t:"),
        "{text}"
    );
}

#[tokio::test]
async fn an_edit_that_waits_or_is_refused_is_said() {
    let (scene, posted, mirror) = shown("v1").await;
    strike(&scene, &scene.news, "PATCH", Effect::Status(500));
    scene.alice.edit(&scene.releases, posted.id, "v1.1").unwrap();
    let failed = "SELECT CASE WHEN attempts > 1 THEN 'often' ELSE '' END FROM deliveries";
    scene.world.database.eventually(failed, "often").await;
    let text = report(&scene, &posted).await;
    assert!(
        line(&text, &scene.news)
            .contains(&format!("[shown]({}), an edit is on its way: ", link(&scene, &mirror)))
            && text.contains(" attempts failed, the next one is <t:"),
        "{text}"
    );
    assert!(report_on(&scene, &scene.news, mirror.id).await.text().contains("An edit is on its way."));
    scene.world.sandbox.clear_faults();
    strike(
        &scene,
        &scene.news,
        "PATCH",
        Effect::Refuse { status: 400, code: 50_035, message: "No".to_owned() },
    );
    newest_delivery(&scene, "ended").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).ends_with("without its last edit: Discord refused it"), "{text}");
}

#[tokio::test]
async fn what_discord_refuses_is_said() {
    let (scene, ..) = shown("v1").await;
    strike(
        &scene,
        &scene.news,
        "POST",
        Effect::Refuse { status: 400, code: 50_035, message: "No".to_owned() },
    );
    let posted = post(&scene, "v2");
    newest_delivery(&scene, "ended").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("❌") && text.contains("refused by Discord"), "{text}");
}

#[tokio::test]
async fn modes_are_explained() {
    let scene = Scene::new().await;
    for (name, mode, tags) in [("bugs", "only", "bug, idea"), ("calm", "except", "spam, ads")] {
        let options = Options::new().set("channel", &scene.releases).set("into", &scene.harbour.text(name));
        scene.run("/follow", options.set("mode", mode).set("tags", tags)).await;
    }
    let (bugs, calm) =
        (scene.harbour.find_channel("bugs").unwrap(), scene.harbour.find_channel("calm").unwrap());
    let spam = post(&scene, "buy #spam");
    let bug = post(&scene, "a #Bug");
    mirror(&bugs, "a #Bug").await;
    settled(&scene).await;
    let text = report(&scene, &spam).await;
    assert!(
        line(&text, &bugs).ends_with("left out: mode `only` \\#bug, \\#idea, and it has none of them"),
        "{text}"
    );
    assert!(line(&text, &calm).ends_with("left out: mode `except`, and it has \\#spam"), "{text}");
    let text = report(&scene, &bug).await;
    assert!(line(&text, &bugs).starts_with("✅") && line(&text, &calm).starts_with("✅"), "{text}");
    // Its tag taken off, it is taken back.
    scene.alice.edit(&scene.releases, bug.id, "no bug any more").unwrap();
    bugs.wait_for_messages(SOON, <[SeenMessage]>::is_empty).await.unwrap();
    settled(&scene).await;
    let text = report(&scene, &bug).await;
    assert!(
        line(&text, &bugs).starts_with("🗑️") && line(&text, &bugs).contains("its tags have changed"),
        "{text}"
    );
}

#[tokio::test]
async fn pauses_and_breaks_are_explained() {
    let (scene, before, _) = shown("v1").await;
    select(&scene, "pause:1").await;
    let posted = post(&scene, "v2");
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM activities", "2").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("⏸️"), "{text}");
    let text = report(&scene, &before).await;
    assert!(line(&text, &scene.news).starts_with("✅"), "what was shown before stays: {text}");
    select(&scene, "resume:1").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).contains("rested or had other options when it was posted"), "{text}");
    scene.lose_webhook().await;
    let posted = post(&scene, "v3");
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM activities", "4").await;
    let text = report(&scene, &posted).await;
    assert!(
        line(&text, &scene.news).contains("🔴") && text.contains("The webhook that posts here was deleted"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_older_than_the_follow_is_not_expected() {
    let scene = Scene::new().await;
    let old = post(&scene, "old");
    let text = report(&scene, &old).await;
    assert!(text.contains("No channel follows this one through me"), "{text}");
    scene.follow(&scene.releases).await;
    let text = report(&scene, &old).await;
    assert!(line(&text, &scene.news).ends_with("posted before this follow was made"), "{text}");
}

#[tokio::test]
async fn what_somebody_removed_by_hand_is_said() {
    let (scene, posted, mirror) = shown("v1").await;
    scene.news.delete_message(mirror.id).unwrap();
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✋"), "{text}");
    // So it is after an edit has found it out.
    scene.alice.edit(&scene.releases, posted.id, "v1.1").unwrap();
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM mirrors", "0").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✋"), "{text}");
}

#[tokio::test]
async fn a_removed_follow_leaves_its_mirrors() {
    let (scene, posted, mirror) = shown("v1").await;
    select(&scene, "remove:1").await;
    let text = report(&scene, &posted).await;
    assert!(text.contains("It still stands in 1 channel that followed this one before."), "{text}");
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    assert!(text.contains("The follow that brought it was removed"), "{text}");
    scene.follow(&scene.releases).await;
    let text = report(&scene, &posted).await;
    assert!(
        line(&text, &scene.news).starts_with("✅") && !text.contains("followed this one before"),
        "{text}"
    );
}

#[tokio::test]
async fn discords_own_following_is_explained() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let draft = scene.alice.post(&board, "v1").unwrap();
    let text = report_on(&scene, &board, draft.id).await.text();
    assert!(line(&text, &scene.news).ends_with("appears once it is published"), "{text}");
    scene.alice.publish(&board, draft.id).unwrap();
    let copy = mirror(&scene.news, "v1").await;
    let text = report_on(&scene, &board, draft.id).await.text();
    assert!(line(&text, &scene.news).contains("published, so Discord's own following copies it"), "{text}");
    let text = report_on(&scene, &scene.news, copy.id).await.text();
    assert!(text.contains(&format!("[the original]({})", link(&scene, &draft))), "{text}");
    assert!(
        text.contains("a copy that Discord's own following made") && text.contains("Follow #1 brought it"),
        "{text}"
    );
    let list = select(&scene, "last:1").await.text();
    assert!(list.contains("published, so Discord's own following copies it"), "{list}");
}

#[tokio::test]
async fn what_is_never_mirrored_is_explained() {
    let (scene, _, mirror) = shown("v1").await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let system =
        scene.news.messages().into_iter().find(|message| message.kind == 12).expect("Discord says so");
    let text = report_on(&scene, &scene.news, system.id).await.text();
    assert!(text.contains("one of Discord's own messages"), "{text}");
    // Mirrors are not mirrored on.
    let end = scene.harbour.text("end");
    follow(&scene.alice, &scene.news, &end).await;
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    assert!(text.contains("It is my mirror") && text.contains("what I post is not mirrored"), "{text}");
    // A mirror that is known no more.
    scene.world.database.execute("DELETE FROM mirrors").await;
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    assert!(text.contains("one of my mirrors, but I no longer track it"), "{text}");
    // A message that is known no more.
    scene.world.database.execute("DELETE FROM activities").await;
    let text = report(&scene, &scene.releases.messages()[0]).await;
    assert!(line(&text, &scene.news).contains("unknown to me: it is no longer tracked"), "{text}");
}

#[tokio::test]
async fn panels_have_a_report_too() {
    let scene = Board::new().await;
    let (quiet, other) = (scene.harbour.text("quiet"), scene.harbour.text("other"));
    let options = Options::new().set("channel", &scene.board).set("panels", false);
    scene.alice.run(&quiet, "/follow", options).await.unwrap();
    scene.follow(&scene.board, &other, "relay").await;
    let panel = scene.notice("Hours", "9 to 5").await;
    let copy = scene.shows(&scene.news, "9 to 5").await;
    scene.settled().await;
    let text = scene.alice.run_on(&scene.board, panel.id, REPORT).await.unwrap().text();
    assert!(
        text.contains("This panel in the channels") && line(&text, &scene.news).starts_with("✅"),
        "{text}"
    );
    assert!(line(&text, &quiet).ends_with("this follow takes no panels"), "{text}");
    let text = scene.alice.run_on(&scene.news, copy.id, REPORT).await.unwrap().text();
    assert!(text.contains(&format!("posted in {}", scene.board.mention())), "{text}");
}

#[tokio::test]
async fn threads_are_explained() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let thread = scene.alice.start_thread(&scene.releases, "talk", None).unwrap();
    let posted = scene.alice.post(&thread, "in a thread").unwrap();
    let text = report_on(&scene, &thread, posted.id).await.text();
    assert!(line(&text, &scene.news).ends_with("left out: this follow takes no threads"), "{text}");
}

#[tokio::test]
async fn only_who_manages_messages_is_told() {
    let (scene, posted, mirror) = shown("v1").await;
    let bob = scene.harbour.member("Bob", Permissions::empty());
    assert!(hidden(bob.run_on(&scene.releases, posted.id, REPORT).await));
    for (channel, message) in [(&scene.releases, posted.id), (&scene.news, mirror.id)] {
        let reply = bob.run_on_unchecked(channel, message, REPORT).await.unwrap();
        assert_eq!(
            refusal(&reply),
            format!("You need **Manage Messages** in {} for this.", channel.mention())
        );
    }
    let list = scene.run("/follows", ()).await;
    scene.news.deny(&scene.alice, Permissions::MANAGE_MESSAGES);
    let last = list.select(MENU, &["last:1"]).await.unwrap();
    assert!(last.text().starts_with("You need **Manage Messages**"), "{}", last.text());
}

#[tokio::test]
async fn channels_that_the_person_cant_see_are_counted() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let secret = scene.harbour.text("secret");
    follow(&scene.alice, &scene.releases, &secret).await;
    scene.run("/publish", Options::new().set("channel", &scene.releases).set("audience", "servers")).await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    scene.harbour.join(&keeper, Permissions::empty());
    let abroad = lakeside.text("abroad");
    keeper.run(&abroad, "/follow", Options::new().set("link", scene.releases.link())).await.unwrap();
    secret.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let posted = post(&scene, "v1");
    let there = mirror(&abroad, "v1").await;
    let inside = mirror(&secret, "v1").await;
    settled(&scene).await;
    let text = report(&scene, &posted).await;
    assert!(text.contains("And 2 channels that you can't see: 2 shown."), "{text}");
    for name in [
        "Lakeside",
        "abroad",
        "secret",
        &abroad.id().to_string(),
        &secret.id().to_string(),
        &inside.id.to_string(),
        "#2",
        "#3",
    ] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    // The other way round: a mirror's source.
    scene.releases.deny(&keeper, Permissions::VIEW_CHANNEL);
    let text = keeper.run_on(&abroad, there.id, REPORT).await.unwrap().text();
    assert!(text.contains("*a channel that you can't see*") && !text.contains("the original]("), "{text}");
    assert!(!text.contains("releases") && !text.contains(&scene.releases.id().to_string()), "{text}");
    // Who is there too sees both.
    lakeside.join(&scene.alice, Permissions::empty());
    let text = report(&scene, &posted).await;
    assert!(text.contains("#abroad in Lakeside · #3 · [shown]("), "{text}");
    // Of a follow into a channel that she can't see, /follows tells nothing either.
    let hidden = select(&scene, "last:2").await.text();
    assert!(hidden.starts_with("I can't find that channel"), "{hidden}");
}

#[tokio::test]
async fn many_followers_are_counted() {
    let (scene, posted, _) = shown("v1").await;
    let columns = "source_guild_id, delivery, mode, panels, created_by, created_at, updated_at, webhook_id, webhook_token";
    for id in 1..=60 {
        let copy = format!(
            "INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, is_active, {columns}) \
             SELECT source_channel_id, {id}, 5, {}, {columns} FROM channel_follows WHERE id = 1",
            id > 9
        );
        scene.world.database.execute(&copy).await;
    }
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✅"), "{text}");
    assert!(
        text.contains(
            "And 60 channels, counted without their names: 9 paused, 51 resting when it was posted."
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_message_that_the_library_cant_decode_has_a_report_too() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let unknown = json!([{ "type": 1, "components": [{ "type": 99 }] }]);
    let odd = Post::text("something new").field("components", unknown);
    let posted = scene.alice.post(&scene.releases, odd).unwrap();
    mirror_of(&scene, "something new").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✅"), "{text}");
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let reply = bob.run_on_unchecked(&scene.releases, posted.id, REPORT).await.unwrap();
    assert!(reply.is_ephemeral() && refusal(&reply).contains("You need **Manage Messages**"));
}

async fn mirror_of(scene: &Scene, text: &str) {
    let found = scene.news.wait_for_message(SOON, |message| message.content.contains(text)).await;
    found.unwrap_or_else(|error| panic!("{error}\n{}", scene.news.render_text()));
    settled(scene).await;
}

#[tokio::test]
async fn the_last_ten_messages_of_a_follow() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let none = select(&scene, "last:1").await;
    assert!(none.text().contains("I know of no message there"), "{}", none.text());
    let posted: Vec<_> = (1..=11).map(|n| post(&scene, &format!("v{n}"))).collect();
    let last = mirror(&scene.news, "v11").await;
    settled(&scene).await;
    let ninth = scene.news.messages().into_iter().find(|message| message.content == "v9").unwrap();
    scene.alice.delete(&scene.releases, posted[8].id).unwrap();
    scene.news.wait_for_messages(SOON, |all| all.iter().all(|message| message.id != ninth.id)).await.unwrap();
    settled(&scene).await;
    let list = select(&scene, "last:1").await;
    let text = list.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("<t:")).collect();
    assert_eq!(lines.len(), 10, "{text}");
    let expected = format!("[v11]({}) · [shown]({})", link(&scene, &posted[10]), link(&scene, &last));
    assert!(lines[0].ends_with(&expected), "{expected} in {text}");
    assert!(
        lines[2].starts_with("🗑️") && lines[2].ends_with("deleted") && !lines[2].contains("v9"),
        "{text}"
    );
    // The list's menu and the way back work.
    let paused = list.select(MENU, &["pause:1"]).await.unwrap();
    assert!(paused.text().contains("⏸️ paused"), "{}", paused.text());
    let again = paused.select(MENU, &["last:1"]).await.unwrap();
    let back = again.press("◀ Back to the list").await.unwrap();
    assert!(
        back.text().contains("⏸️ paused") && back.press("◀ Back to the list").await.is_err(),
        "{}",
        back.text()
    );
}

#[tokio::test]
async fn reports_as_people_read_them() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let names = ["paused", "bugs", "lost", "slow", "native"];
    let targets = names.map(|name| scene.harbour.text(name));
    let [paused, bugs, lost, slow, _] = &targets;
    for target in [paused, lost, slow] {
        follow(&scene.alice, &scene.releases, target).await;
    }
    let options = Options::new().set("channel", &scene.releases).set("into", bugs);
    let reply = scene.run("/follow", options.set("mode", "only").set("tags", "bug, idea_2")).await;
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    select(&scene, "pause:2").await;
    strike(&scene, lost, "POST", Effect::Refuse { status: 403, code: 50_013, message: "No".to_owned() });
    let patience = Effect::RateLimited { scope: LimitScope::User, retry_after: Duration::from_secs(60) };
    strike(&scene, slow, "POST", patience);
    let posted = post(&scene, "v1");
    let seen = mirror(&scene.news, "v1").await;
    let reason = "SELECT broken_reason FROM channel_follows WHERE id = 3";
    scene.world.database.eventually(reason, "target_forbidden").await;
    let limited = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE wait_until IS NOT NULL";
    scene.world.database.eventually(limited, "1").await;
    let shown = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE follow_id = 1 AND state = 'shown'";
    scene.world.database.eventually(shown, "1").await;
    bugs.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let mut story = String::new();
    let mut tell = |what: &str, reply: &Reply| {
        story.push_str(&format!("── {what}\n{}\n", look(&scene.world.sandbox, reply)));
    };
    tell(
        "on a source's message, with a hidden follower",
        &report_on(&scene, &scene.releases, posted.id).await,
    );
    bugs.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    tell("on a source's message", &report_on(&scene, &scene.releases, posted.id).await);
    tell("on a mirror", &report_on(&scene, &scene.news, seen.id).await);
    let alone = scene.alice.post(paused, "hello").unwrap();
    tell("on a message of a channel that nobody follows", &report_on(&scene, paused, alone.id).await);
    post(&scene, "v2");
    mirror(&scene.news, "v2").await;
    scene.world.database.eventually(shown, "2").await;
    tell("the last messages of #1", &select(&scene, "last:1").await);
    tell("the last messages of #4", &select(&scene, "last:4").await);
    assert_snapshot!(story);
}
