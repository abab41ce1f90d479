//! `/publish`: what can be chosen, and channels that are closed to other servers altogether.

use tributary_sandbox::{ChannelKind, Options, Permissions};

use super::{FOLLOWS, Sides, asking, channel};
use crate::harness::{Scene, refusal};

#[tokio::test]
async fn a_closed_announcement_channel_is_followed_by_nobody_else() {
    for delivery in ["relay", "native"] {
        let scene = Scene::new().await;
        let board = scene.harbour.create_channel(ChannelKind::Announcement, "board");
        let (lakeside, keeper) = scene.elsewhere("Lakeside");
        scene.harbour.join(&keeper, Permissions::empty());
        let target = lakeside.text("target");
        let link = Options::new().set("link", board.link()).set("delivery", delivery);
        let reply = keeper.run(&target, "/follow", link.clone()).await.unwrap();
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        let own = scene.run("/follow", channel(&board).set("delivery", delivery)).await;
        assert!(own.text().contains("now follows"), "{}", own.text());
        let reply = scene.run("/publish", channel(&board).set("audience", "closed")).await.text();
        assert!(reply.contains("is closed") && reply.contains("This broke 1 follow"), "{reply}");
        assert_eq!(scene.count("channel_follows WHERE broken_reason = 'unpublished'").await, 1);
        assert_eq!(scene.count("channel_follows WHERE is_active").await, 1);
        assert!(target.webhooks().iter().all(|hook| hook.follows.is_none()));
        let refused = keeper.run(&target, "/follow", link.clone()).await.unwrap();
        assert!(refusal(&refused).contains("not open to other servers"), "{}", refused.text());
        let list = keeper.run(&target, "/follows", ()).await.unwrap();
        let resumed = list.select(FOLLOWS, &["resume:1"]).await.unwrap().text();
        assert!(resumed.contains("not open to other servers"), "{resumed}");
        // The channel's other choices stay as they are.
        let now = scene.run("/publish", channel(&board)).await.text();
        assert!(now.contains("is closed"), "{now}");
        scene.run("/publish", channel(&board).set("audience", "nobody")).await;
        let again = keeper.run(&target, "/follow", link).await.unwrap().text();
        assert!(again.contains("works again"), "{again}");
    }
}

#[tokio::test]
async fn changing_one_choice_leaves_the_others() {
    let sides = Sides::new(asking).await;
    let (releases, mods) = (&sides.scene.releases, &sides.mods);
    let shown = sides.scene.run("/publish", channel(releases)).await.text();
    assert!(shown.contains("Other servers can follow") && shown.contains("waits until"), "{shown}");
    assert!(shown.contains(&format!("in {}.", mods.mention())), "{shown}");
    let quiet = sides.scene.run("/publish", channel(releases).set("quiet", true)).await.text();
    assert!(!quiet.contains(&mods.mention()) && quiet.contains("waits until"), "{quiet}");
    let both = channel(releases).set("quiet", true).set("notify", mods);
    assert!(sides.scene.refused("/publish", both).await.contains("not both"));
    let open = sides.scene.run("/publish", channel(releases).set("approval", "none")).await.text();
    assert!(!open.contains("waits until") && open.contains("Other servers can follow"), "{open}");
    sides.scene.harbour.deny_bot(mods, Permissions::SEND_MESSAGES);
    let refused = sides.scene.refused("/publish", channel(releases).set("notify", mods)).await;
    assert!(refused.contains("**Send Messages**"), "{refused}");
    let board = sides.scene.harbour.create_channel(ChannelKind::Forum, "forum");
    let refused = sides.scene.refused("/publish", channel(releases).set("notify", &board)).await;
    assert!(refused.contains("I can't tell you about followers in forums"), "{refused}");
}
