//! *Delivery report*, a command on messages, and a follow's last messages in `/follows`: why something is
//! shown, or isn't.

mod people;
mod verdicts;

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use tributary_sandbox::{
    Channel, Effect, Fault, LimitScope, MessageId, Options, Permissions, Post, Reply, SeenMessage,
};

use crate::harness::{Board, SOON, Scene, follow, hidden, look, refusal};

const REPORT: &str = "Delivery report";
const MENU: &str = "Look into, pause, resume or remove a follow …";

/// A message's link.
fn link(scene: &Scene, message: &SeenMessage) -> String {
    format!("https://discord.com/channels/{}/{}/{}", scene.harbour.id(), message.channel, message.id)
}

async fn report_on(scene: &Scene, channel: &Channel, message: MessageId) -> Reply {
    let reply = scene.alice.run_on(channel, message, REPORT).await.expect("an answer");
    assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
    reply
}

/// What Alice is told about a message in `#releases`.
async fn report(scene: &Scene, message: &SeenMessage) -> String {
    report_on(scene, &scene.releases, message.id).await.text()
}

/// The line of a report that is about this channel.
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

/// Makes requests to this channel's webhook fail like this.
fn strike(scene: &Scene, target: &Channel, method: &str, effect: Effect) {
    let pattern = format!("/webhooks/{}/**", target.webhooks()[0].id);
    scene.world.sandbox.fault(Fault::on(method, &pattern, effect).forever());
}

async fn select(scene: &Scene, act: &str) -> Reply {
    scene.run("/follows", ()).await.select(MENU, &[act]).await.expect("an answer")
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
