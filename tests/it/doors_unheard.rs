//! What makes something private without a timely event: a new session, a private thread, a server other than
//! the one that changed, a failing request.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{ChannelKind, Effect, Fault, GatewayFault, Options, Permissions};

use crate::doors::{Abroad, assert_nothing_arrives, resume, told};
use crate::harness::{SOON, Scene, follow, texts};

const VIEW: Permissions = Permissions::VIEW_CHANNEL;
const LOOKED_AT: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM guild_checks WHERE rights_digest <> 0";

/// The channel is closed, and something is posted in it, while the bot isn't connected. Before the bot reads
/// that, it checks who may see what: the channel's follow is paused, and nothing from it arrives.
#[rstest]
#[tokio::test]
async fn what_was_closed_unheard_is_looked_at_before_it_is_read(#[values(false, true)] killed: bool) {
    let mut scene = Scene::new().await;
    let open = scene.harbour.text("open");
    scene.follow(&scene.releases).await;
    follow(&scene.alice, &open, &scene.news).await;
    // It has received the server with its follows, and checked it.
    scene.world.sandbox.gateway_fault(&GatewayFault::InvalidSession(false));
    scene.world.database.eventually(LOOKED_AT, "1").await;
    let meanwhile = || {
        scene.world.sandbox.forget_gateway_sessions();
        scene.harbour.allow_bot(&scene.releases, VIEW | Permissions::READ_MESSAGE_HISTORY);
        scene.releases.allow(&scene.alice, VIEW);
        scene.releases.deny_everyone(VIEW);
        scene.alice.post(&scene.releases, "secret").unwrap();
        scene.alice.post(&open, "meanwhile").unwrap();
    };
    if killed {
        scene.bot.kill().await;
        meanwhile();
        scene.bot = scene.world.start().await;
    } else {
        scene.world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
        meanwhile();
        scene.world.sandbox.restore_gateway();
    }
    let said = told(&scene, "I paused this").await;
    assert!(said.contains(&scene.releases.mention()), "{said}");
    scene.news.wait_for_message(SOON, |message| message.content == "meanwhile").await.unwrap();
    assert_nothing_arrives(&scene, &scene.alice, &scene.releases).await;
}

/// Not everybody who sees a channel sees its private threads.
#[tokio::test]
async fn a_private_thread_is_kept_out_of_a_target_that_is_opened() {
    let scene = Scene::new().await;
    scene.harbour.allow_bot(&scene.news, VIEW | Permissions::READ_MESSAGE_HISTORY);
    scene.news.allow(&scene.alice, VIEW);
    scene.news.deny_everyone(VIEW);
    let whispers = scene.releases.private_thread("whispers").unwrap();
    whispers.add_to_thread(scene.world.sandbox.bot_id()).unwrap();
    whispers.add_to_thread(scene.alice.id()).unwrap();
    scene.follow(&whispers).await;
    // As if it had been created before this was recorded.
    scene.world.database.execute("UPDATE channel_follows SET source_private = NULL").await;
    scene.news.deny_everyone(Permissions::empty());
    told(&scene, "I paused this").await;
    assert_nothing_arrives(&scene, &scene.alice, &whispers).await;
    let asked = resume(&scene).await;
    assert!(asked.text().starts_with("Everyone in this server will be able to read"), "{}", asked.text());
}

/// Somebody who sees a voice channel but may not connect can't read its chat.
#[rstest]
#[tokio::test]
async fn a_chat_that_not_everybody_can_read_is_not_public(
    #[values(Permissions::CONNECT, Permissions::READ_MESSAGE_HISTORY)] closed: Permissions,
) {
    let scene = Scene::new().await;
    let lounge = scene.harbour.create_channel(ChannelKind::Voice, "lounge");
    scene.harbour.allow_bot(&lounge, closed);
    lounge.allow(&scene.alice, closed);
    lounge.deny_everyone(closed);
    let asked = scene.run("/follow", [("channel", &lounge)]).await;
    assert!(asked.text().starts_with("Everyone in this server will be able to read"), "{}", asked.text());
    lounge.deny_everyone(Permissions::empty());
    scene.follow(&lounge).await;
    lounge.deny_everyone(closed);
    told(&scene, "I paused this").await;
    assert_nothing_arrives(&scene, &scene.alice, &lounge).await;
}

/// Only the source's server changes, long after anything happened in the target's.
#[tokio::test]
async fn an_age_restriction_is_asked_of_the_other_server() {
    let abroad = Abroad::new(ChannelKind::Text, "relay").await;
    let checked = "SELECT CAST(COUNT(*) AS TEXT) FROM guild_checks WHERE checked_at > '2000-01-01'";
    abroad.scene.world.database.eventually(checked, "2").await;
    abroad.scene.world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    abroad.board.set_age_restricted(true).unwrap();
    abroad.scene.world.database.wait_for("broken_reason", "age_restricted").await;
}

/// Discord fails when the bot wants to end its own following: the bot retries until it works.
#[tokio::test]
async fn a_native_follow_that_was_closed_is_stopped_in_the_end() {
    let abroad = Abroad::new(ChannelKind::Announcement, "native").await;
    let scene = &abroad.scene;
    let failing =
        scene.world.sandbox.fault(Fault::on("DELETE", "/webhooks/*", Effect::Status(503)).forever());
    abroad.make_private();
    scene.world.database.wait_for("broken_reason", "unpublished").await;
    let tried = || (scene.world.sandbox.fault_hits(failing) > 0).then_some(());
    scene.world.sandbox.wait_for("the deletion to be tried", SOON, tried).await.unwrap();
    assert!(scene.news.webhooks().iter().any(|hook| hook.follows.is_some()), "it still exists");
    scene.world.sandbox.clear_fault(failing);
    let gone = || scene.news.webhooks().iter().all(|hook| hook.follows.is_none()).then_some(());
    scene.world.sandbox.wait_for("Discord's webhook to disappear", SOON * 8, gone).await.unwrap();
    let post = abroad.keeper.post(&abroad.board, "secret").unwrap();
    abroad.keeper.publish(&abroad.board, post.id).unwrap();
    assert_nothing_arrives(scene, &abroad.keeper, &abroad.board).await;
}

/// If one follow of a server can't be repaired, the others are checked anyway.
#[tokio::test]
async fn what_can_not_be_mended_holds_up_no_look() {
    let scene = Scene::new().await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    let talk = lakeside.text("talk");
    lakeside.join(&scene.alice, Permissions::empty());
    let publish = Options::new().set("channel", &talk).set("audience", "servers");
    keeper.run(&talk, "/publish", publish).await.unwrap();
    scene.run("/follow", Options::new().set("link", talk.link())).await;
    scene.follow(&scene.releases).await;
    // The first follow could continue, if only Lakeside answered.
    scene.harbour.deny_bot(&scene.news, VIEW);
    scene.world.database.wait_for("broken_reason", "target_forbidden").await;
    let sick = format!("/channels/{}", talk.id());
    scene.world.sandbox.fault(Fault::on("GET", &sick, Effect::Status(500)).forever());
    scene.harbour.allow_bot(&scene.releases, VIEW | Permissions::READ_MESSAGE_HISTORY);
    scene.releases.allow(&scene.alice, VIEW);
    scene.releases.deny_everyone(VIEW);
    scene.harbour.deny_bot(&scene.news, Permissions::empty());
    let exposed = "SELECT exposure FROM channel_follows WHERE id = 2";
    scene.world.database.eventually(exposed, "stopped").await;
}

/// Somebody who closes a channel because something slipped out can still delete it.
#[tokio::test]
async fn what_is_deleted_goes_also_where_it_may_not_be_followed_any_more() {
    let abroad = Abroad::new(ChannelKind::Text, "relay").await;
    let scene = &abroad.scene;
    let slip = abroad.keeper.post(&abroad.board, "a slip").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "a slip").await.unwrap();
    let close = Options::new().set("channel", &abroad.board).set("audience", "nobody");
    abroad.keeper.run(&abroad.board, "/publish", close).await.unwrap();
    scene.world.database.wait_for("broken_reason", "unpublished").await;
    abroad.keeper.delete(&abroad.board, slip.id).unwrap();
    let gone = || (!texts(&scene.news).contains(&"a slip".to_owned())).then_some(());
    scene.world.sandbox.wait_for("the mirror to disappear", SOON, gone).await.unwrap();
}
