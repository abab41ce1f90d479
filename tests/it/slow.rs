//! Discord gives a command 3 seconds: it is acknowledged before Discord or the database is asked for
//! anything.

use std::time::Duration;

use tributary_sandbox::{Effect, Exchange, Fault, Options, ReplyKind};

use crate::harness::Scene;

const SLOW: Duration = Duration::from_millis(3_500);

/// The last interaction was acknowledged before the slow request.
#[track_caller]
fn assert_acknowledged_first(scene: &Scene, slow: &str) {
    let exchanges = scene.world.sandbox.exchanges();
    let callback = exchanges.iter().rfind(|one| one.path.ends_with("/callback")).expect("it was answered");
    let slow = |one: &&Exchange| one.path.starts_with(slow) && one.took >= SLOW;
    let slow = exchanges.iter().find(slow).expect("a slow request");
    assert!(callback.at < slow.at, "{callback:?}\n{slow:?}");
}

#[tokio::test]
async fn a_command_is_acknowledged_at_once_and_answered_later() {
    let scene = Scene::new().await;
    let slow = scene.world.sandbox.fault(Fault::on("GET", "/channels/*", Effect::Delay(SLOW)));
    let follow = Options::new().set("channel", &scene.releases);
    let reply = scene.run("/follow", follow).await;
    assert_eq!(scene.world.sandbox.fault_hits(slow), 1);
    assert_acknowledged_first(&scene, "/channels/");
    assert_eq!(reply.kind(), Some(ReplyKind::DeferredMessage));
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

#[tokio::test]
async fn a_button_is_acknowledged_at_once_and_answered_later() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let list = scene.run("/follows", ()).await;
    scene.world.sandbox.fault(Fault::on("GET", "/guilds/*", Effect::Delay(SLOW)).forever());
    let paused = list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.unwrap();
    assert_acknowledged_first(&scene, "/guilds/");
    assert_eq!(paused.kind(), Some(ReplyKind::DeferredUpdate));
    assert!(paused.text().contains("Follow #1 is paused"), "{}", paused.text());
}

#[tokio::test]
async fn an_autocompletion_offers_what_it_knows_in_time() {
    let scene = Scene::new().await;
    let (lakeside, _) = scene.elsewhere("Lakeside");
    let abroad = lakeside.announcement("abroad");
    lakeside.join(&scene.alice, tributary_sandbox::Permissions::empty());
    scene.run("/follow", Options::new().set("link", abroad.link())).await;
    scene.follow(&scene.releases).await;
    // One answer has all channels of her own server; the other server takes too long.
    let pattern = format!("/channels/{}", abroad.id());
    scene.world.sandbox.fault(Fault::on("GET", &pattern, Effect::Delay(SLOW)).forever());
    let offered = scene.alice.autocomplete(&scene.news, "/unfollow", (), "link", "").await.unwrap();
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0].name, "#releases → #news");
}
