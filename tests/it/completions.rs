//! What completing costs: one look for all keystrokes of a minute, however many servers are followed.

use std::collections::HashMap;

use futures_util::future::join_all;
use tributary_sandbox::{Channel, Options, Permissions, Person};

use crate::harness::{Board, Scene, World, follow};

/// The servers that are followed from.
const SERVERS: usize = 12;

/// What the bot has requested so far, by path.
fn asked(world: &World) -> HashMap<String, usize> {
    let mut asked = HashMap::new();
    for one in world.sandbox.exchanges().into_iter().filter(|one| one.method == "GET") {
        *asked.entry(one.path).or_default() += 1;
    }
    asked
}

/// How many requests it made that only people's completions need: for this person's membership in a server,
/// and for these channels.
fn count(world: &World, person: &Person, channels: &[Channel]) -> usize {
    let member = format!("/members/{}", person.id());
    let channels: Vec<String> =
        channels.iter().map(|channel| format!("/channels/{}", channel.id())).collect();
    let concerns = |path: &String| path.ends_with(&member) || channels.contains(path);
    asked(world).iter().filter(|(path, _)| concerns(path)).map(|(_, times)| times).sum()
}

/// `#news` follows one announcement channel in each of many servers that Alice is in.
async fn many_servers() -> (Scene, Vec<Channel>) {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]).await;
    let mut sources = Vec::new();
    for number in 0..SERVERS {
        let far = scene.world.sandbox.create_guild(&format!("Far {number}"));
        far.join(&scene.alice, Permissions::empty());
        let source = far.announcement(&format!("far-{number}"));
        let options = Options::new().set("link", source.link()).set("delivery", "relay");
        let reply =
            scene.run("/follow", options.set("mode", "except").set("tags", format!("tag{number}"))).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        sources.push(source);
    }
    (scene, sources)
}

async fn unfollow(scene: &Scene, typed: &str) -> Vec<String> {
    let offered = scene.alice.autocomplete(&scene.news, "/unfollow", (), "link", typed).await.unwrap();
    offered.into_iter().map(|choice| choice.name).collect()
}

async fn tags(scene: &Scene, filled: Options, typed: &str) -> Vec<String> {
    let offered = scene.alice.autocomplete(&scene.news, "/follow", filled, "tags", typed).await.unwrap();
    offered.into_iter().map(|choice| choice.name).collect()
}

#[tokio::test]
async fn keystrokes_after_the_first_cost_nothing() {
    let (scene, sources) = many_servers().await;
    // As often as it takes to look at all of them: each call has only a little time.
    while unfollow(&scene, "far").await.len() < SERVERS {}
    let before = count(&scene.world, &scene.alice, &sources);
    for typed in ["", "f", "fa", "far", "far-1", "far-11"] {
        assert!(!unfollow(&scene, typed).await.is_empty());
        assert!(!tags(&scene, Options::new(), "tag").await.is_empty());
    }
    assert_eq!(count(&scene.world, &scene.alice, &sources) - before, 0);
    // A link that is filled in is looked at once.
    let link = || Options::new().set("link", sources[0].link());
    tags(&scene, link(), "t").await;
    let before = count(&scene.world, &scene.alice, &sources);
    for typed in ["", "t", "ta"] {
        assert!(!tags(&scene, link(), typed).await.is_empty());
    }
    assert_eq!(count(&scene.world, &scene.alice, &sources) - before, 0);
}

#[tokio::test]
async fn what_was_followed_and_unfollowed_is_seen_at_once() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    assert_eq!(unfollow(&scene, "").await, ["#releases → #news"]);
    // Neither existed at that time.
    let (source, target) = (scene.harbour.text("source"), scene.harbour.text("target"));
    follow(&scene.alice, &source, &target).await;
    assert_eq!(unfollow(&scene, "").await, ["#releases → #news", "#source → #target"]);
    scene.run("/unfollow", Options::new().set("channel", &scene.releases)).await;
    assert_eq!(unfollow(&scene, "").await, ["#source → #target"]);
}

#[tokio::test]
async fn what_can_be_seen_no_more_is_not_named_at_the_next_keystroke() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    assert_eq!(unfollow(&scene, "").await, ["#releases → #news"]);
    scene.releases.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    assert_eq!(unfollow(&scene, "").await, ["a channel that you can't see → #news"]);
}

#[tokio::test]
async fn keystrokes_in_quick_succession_are_looked_up_once() {
    let (scene, _) = many_servers().await;
    let before = asked(&scene.world);
    let offered = join_all((0..5).map(|_| unfollow(&scene, ""))).await;
    assert!(offered.iter().all(|offered| !offered.is_empty()), "{offered:?}");
    let member = format!("/members/{}", scene.alice.id());
    for (path, times) in asked(&scene.world).into_iter().filter(|(path, _)| path.ends_with(&member)) {
        let times = times - before.get(&path).copied().unwrap_or_default();
        assert!(times <= 1, "{path} was asked for {times} times");
    }
}

#[tokio::test]
async fn panels_are_completed_from_one_look_too() {
    let board = Board::new().await;
    board.notice("Notice", "Be kind.").await;
    let offered = async || {
        let offered =
            board.alice.autocomplete(&board.board, "/panel edit", Options::new(), "panel", "").await.unwrap();
        offered.into_iter().map(|choice| choice.name).collect::<Vec<_>>()
    };
    assert_eq!(offered().await.len(), 1);
    let before = count(&board.world, &board.alice, &[]);
    for _ in 0..5 {
        offered().await;
    }
    assert_eq!(count(&board.world, &board.alice, &[]) - before, 0);
    let other = board.harbour.text("other");
    let options = Options::new().set("panel", "1").set("channel", &other);
    board.run("/panel move", options).await;
    let offered = offered().await;
    assert!(offered[0].ends_with("#other"), "{offered:?}");
}
