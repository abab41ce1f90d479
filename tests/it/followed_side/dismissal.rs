//! Followers that are removed, and servers that are blocked.

use tributary_sandbox::{Effect, Fault, Options, Permissions};

use super::{BLOCKED, FOLLOWERS, FOLLOWS, Sides, channel};
use crate::harness::{SOON, refusal};

#[tokio::test]
async fn a_removed_follower_is_told_and_can_only_follow_anew() {
    let sides = Sides::new(|options, _| options).await;
    sides.follow().await;
    sides.arrives("before").await;
    let one = sides.followers().await.select(FOLLOWERS, &["1"]).await.unwrap();
    let done = one.press("Remove").await.unwrap();
    assert!(done.text().contains("Follower #1 is removed"), "{}", done.text());
    assert!(done.text().contains("No followers"), "{}", done.text());
    sides
        .board
        .wait_for_message(SOON, |message| message.content.contains("removed this follow"))
        .await
        .unwrap();
    sides.stays_out("after").await;
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    let resumed = list.select(FOLLOWS, &["resume:1"]).await.unwrap().text();
    assert!(resumed.contains("Follow #1 can't be resumed"), "{resumed}");
    let again = sides.follow().await.text();
    assert!(again.contains("works again"), "{again}");
    // A paused one can be removed, too.
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    list.select(FOLLOWS, &["pause:1"]).await.unwrap();
    let one = sides.followers().await.select(FOLLOWERS, &["1"]).await.unwrap();
    let done = one.press("Remove").await.unwrap();
    assert!(done.text().contains("Follower #1 is removed"), "{}", done.text());
    assert_eq!(sides.scene.count("channel_follows WHERE id = 1 AND broken_reason = 'removed'").await, 1);
}

#[tokio::test]
async fn a_blocked_server_follows_nothing_until_it_is_unblocked() {
    let sides = Sides::new(|options, _| options).await;
    let plans = sides.scene.harbour.text("plans");
    sides.scene.run("/publish", channel(&plans).set("audience", "servers")).await;
    sides.follow().await;
    let link = Options::new().set("link", plans.link());
    sides.keeper.run(&sides.board, "/follow", link.clone()).await.unwrap();
    let one = sides.followers().await.select(FOLLOWERS, &["1"]).await.unwrap();
    // It takes more than having a channel of one's own.
    let bob = sides.scene.world.sandbox.person("Bob");
    sides.scene.harbour.join(&bob, Permissions::empty());
    sides.scene.releases.allow(&bob, Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES);
    let theirs =
        bob.run_unchecked(&sides.scene.releases, "/followers", channel(&sides.scene.releases)).await.unwrap();
    let refused = theirs.select(FOLLOWERS, &["1"]).await.unwrap().press("Block server").await.unwrap();
    assert!(refused.text().contains("in this server for this"), "{}", refused.text());
    let done = one.press("Block server").await.unwrap();
    assert!(done.text().contains("2 follows ended"), "{}", done.text());
    assert!(done.text().contains("⛔ Blocked: Lake\\*side"), "{}", done.text());
    assert_eq!(sides.scene.count("channel_follows WHERE broken_reason = 'blocked'").await, 2);
    sides.stays_out("after").await;
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    let resumed = list.select(FOLLOWS, &["resume:1"]).await.unwrap().text();
    assert!(resumed.contains("can't be followed from this server"), "{resumed}");
    let again = sides.follow().await;
    assert_eq!(refusal(&again), "That channel can't be followed from this server.");
    let unblocked =
        sides.followers().await.select(BLOCKED, &[&sides.lakeside.id().to_string()]).await.unwrap();
    assert!(unblocked.text().contains("That server is unblocked"), "{}", unblocked.text());
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    let resumed = list.select(FOLLOWS, &["resume:1"]).await.unwrap().text();
    assert!(resumed.contains("works again"), "{resumed}");
    sides.arrives("again").await;
}

/// Mallory manages a server of their own, and presses the buttons in another server's lists, with the numbers
/// of that server's follows.
#[tokio::test]
async fn numbers_of_others_are_not_answered() {
    let sides = Sides::new(|options, _| options.set("approval", "ask")).await;
    sides.follow().await;
    let (elsewhere, mallory) = sides.scene.elsewhere("Elsewhere");
    let own = elsewhere.text("own");
    let (releases, lakeside) = (sides.scene.releases.id(), sides.lakeside.id());
    for (id, value) in [
        (format!("followers:pick:{}:0", own.id()), Some("1".to_owned())),
        (format!("followers:pick:{releases}:0"), Some("1".to_owned())),
        (format!("followers:approve:{}:1", own.id()), None),
        (format!("followers:approve:{releases}:1"), None),
        (format!("followers:decline:{}:1", own.id()), None),
        (format!("followers:remove:{}:1", own.id()), None),
        (format!("followers:block:{}:1", own.id()), None),
        (format!("followers:unblock:{}", own.id()), Some(lakeside.to_string())),
        ("request:approve:1".to_owned(), None),
        ("request:decline:1".to_owned(), None),
    ] {
        let list = mallory.run(&own, "/followers", channel(&own)).await.unwrap();
        let text = list.press_forged(&id, value.as_deref()).await.unwrap().text();
        assert!(!text.contains("Lake"), "{id}: {text}");
        // The answer about a request is in another message.
        let gone = ["That follower is gone", "I can't find that channel", "isn't blocked"];
        let said = id.starts_with("request:") || gone.iter().any(|said| text.contains(said));
        assert!(said, "{id}: {text}");
        assert_eq!(sides.state().await.as_deref(), Some("awaiting_approval"), "{id}");
    }
    assert_eq!(sides.scene.count("follower_blocks").await, 0);
}

/// The process that blocked a server was killed before it had ended the server's follows: the next check of
/// the server does it.
#[tokio::test]
async fn what_a_block_left_is_found() {
    let sides = Sides::new(|options, _| options).await;
    sides.follow().await;
    let (own, other) = (sides.scene.harbour.id(), sides.lakeside.id());
    let block = format!(
        "INSERT INTO follower_blocks (guild_id, blocked_guild_id, blocked_by, created_at) \
         VALUES ({own}, {other}, 1, '2026-11-29T00:00:00+00:00')"
    );
    sides.scene.world.database.execute(&block).await;
    sides.scene.releases.rename("releases-now").unwrap();
    sides.scene.world.database.wait_for("broken_reason", "blocked").await;
}

/// Somebody on the other side resumes a follow at the moment when it is removed here.
#[tokio::test]
async fn a_follow_that_is_removed_while_it_is_being_resumed_stays_removed() {
    let sides = Sides::new(|options, _| options).await;
    sides.follow().await;
    let list = sides.keeper.run(&sides.board, "/follows", ()).await.unwrap();
    let list = list.select(FOLLOWS, &["pause:1"]).await.unwrap();
    let slow = Effect::Delay(std::time::Duration::from_secs(3));
    let slow = sides.scene.world.sandbox.fault(Fault::on("GET", "/webhooks/*", slow).forever());
    let slow_too = Effect::Delay(std::time::Duration::from_secs(3));
    sides.scene.world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", slow_too).forever());
    let resume = list.select(FOLLOWS, &["resume:1"]);
    let remove = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let one = sides.followers().await.select(FOLLOWERS, &["1"]).await.unwrap();
        one.press("Remove").await.unwrap().text()
    };
    let (resumed, removed) = tokio::join!(resume, remove);
    sides.scene.world.sandbox.clear_fault(slow);
    assert!(removed.contains("is removed"), "{removed}");
    assert_eq!(sides.state().await.as_deref(), Some("removed"), "{}", resumed.unwrap().text());
}
