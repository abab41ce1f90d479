//! `/follows`: a server's follows, newest first, paged by buttons and changed by a menu; and `/unfollow`, by
//! the choices that it offers.

use serde_json::Value;
use tributary_sandbox::{Channel, Options, Permissions, Reply};

use crate::harness::{SOON, Scene, admin, follow};

const MENU: &str = "Look into, pause, resume or remove a follow …";

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

/// `#news` follows `#source-1` and so on, in this order.
async fn many(scene: &Scene, count: usize) -> Vec<Channel> {
    let mut sources = Vec::new();
    for n in 1..=count {
        let source = scene.harbour.text(&format!("source-{n}"));
        scene.follow(&source).await;
        sources.push(source);
    }
    sources
}

/// The numbers of the follows on a page, in its order.
fn numbers(reply: &Reply) -> Vec<i64> {
    let text = reply.text();
    let heads = text.lines().filter_map(|line| line.strip_prefix("**#")?.split_once("** ")?.0.parse().ok());
    heads.collect()
}

fn menu(reply: &Reply) -> String {
    let components = Value::Array(reply.components()).to_string();
    assert!(components.contains(MENU), "{components}");
    components
}

fn numbered(range: std::ops::RangeInclusive<i64>) -> Vec<i64> {
    range.rev().collect()
}

#[tokio::test]
async fn pages_turn_in_both_directions() {
    let scene = Scene::new().await;
    many(&scene, 19).await;
    let first = scene.run("/follows", ()).await;
    assert_eq!(numbers(&first), numbered(12..=19));
    assert!(first.text().contains("19 follows") && first.text().contains("1–8 of 19"), "{}", first.text());
    assert!(first.press("◀ Newer").await.is_err());
    let second = first.press("Older ▶").await.unwrap();
    assert_eq!(numbers(&second), numbered(4..=11));
    let third = second.press("Older ▶").await.unwrap();
    assert_eq!(numbers(&third), numbered(1..=3));
    assert!(third.text().contains("17–19 of 19"), "{}", third.text());
    assert!(third.press("Older ▶").await.is_err());
    let second = third.press("◀ Newer").await.unwrap();
    assert_eq!(numbers(&second), numbered(4..=11));
    let first = second.press("◀ Newer").await.unwrap();
    assert_eq!(numbers(&first), numbered(12..=19));
}

#[tokio::test]
async fn one_page_has_no_buttons() {
    let scene = Scene::new().await;
    let none = scene.run("/follows", ()).await;
    assert!(none.text().contains("follows nothing yet"), "{}", none.text());
    assert!(none.components().is_empty());
    many(&scene, 8).await;
    let page = scene.run("/follows", ()).await;
    assert_eq!(numbers(&page), numbered(1..=8));
    assert!(page.press("Older ▶").await.is_err());
}

#[tokio::test]
async fn buttons_work_after_a_restart() {
    let scene = Scene::new().await;
    many(&scene, 9).await;
    let first = scene.run("/follows", ()).await;
    let scene = scene.restart().await;
    let second = first.press("Older ▶").await.unwrap();
    assert_eq!(numbers(&second), [1]);
    let removed = second.select(MENU, &["remove:1"]).await.unwrap();
    assert!(removed.text().contains("Follow #1 is removed"), "{}", removed.text());
    assert_eq!(scene.count("channel_follows").await, 8);
}

#[tokio::test]
async fn a_page_whose_follows_are_gone_leads_back() {
    let scene = Scene::new().await;
    many(&scene, 9).await;
    let first = scene.run("/follows", ()).await;
    let second = first.press("Older ▶").await.unwrap();
    let emptied = second.select(MENU, &["remove:1"]).await.unwrap();
    assert!(emptied.text().contains("nothing on this page any more"), "{}", emptied.text());
    let first = emptied.press("◀ Newer").await.unwrap();
    assert_eq!(numbers(&first), numbered(2..=9));
    // Somebody else removes something that an open list still offers.
    let bob = admin(&scene.harbour, "Bob");
    let his = bob.run(&scene.news, "/follows", ()).await.unwrap();
    his.select(MENU, &["remove:9"]).await.unwrap();
    for act in ["pause:9", "remove:9"] {
        let shown = scene.alice.run(&scene.news, "/follows", ()).await.unwrap();
        assert_eq!(numbers(&shown), numbered(2..=8));
        let late = first.select(MENU, &[act]).await;
        // After the first choice, her list has been updated, and no longer offers it.
        if act == "pause:9" {
            let late = late.unwrap();
            assert!(late.text().contains("Follow #9 is gone: somebody removed it"), "{}", late.text());
        } else {
            late.unwrap_err();
        }
    }
}

#[tokio::test]
async fn a_channel_filters_as_source_and_as_target() {
    let scene = Scene::new().await;
    let sources = many(&scene, 10).await;
    let board = scene.harbour.text("board");
    scene.run("/follow", channel(&sources[0]).set("into", &board)).await;
    let one = scene.run("/follows", channel(&sources[0])).await;
    assert_eq!(numbers(&one), [11, 1]);
    let into_board = scene.run("/follows", channel(&board)).await;
    assert_eq!(numbers(&into_board), [11]);
    // The filter holds on the next page too.
    let into_news = scene.run("/follows", channel(&scene.news)).await;
    assert_eq!(numbers(&into_news), numbered(3..=10));
    assert_eq!(numbers(&into_news.press("Older ▶").await.unwrap()), [2, 1]);
    let none = scene.run("/follows", channel(&scene.releases)).await;
    assert!(none.text().contains("no channel of this server follows it"), "{}", none.text());
}

#[tokio::test]
async fn the_menu_pauses_resumes_and_removes() {
    let scene = Scene::new().await;
    let source = many(&scene, 1).await.remove(0);
    let other = scene.harbour.text("other");
    follow(&scene.alice, &source, &other).await;
    let list = scene.run("/follows", ()).await;
    let paused = list.select(MENU, &["pause:1"]).await.unwrap();
    assert!(paused.text().contains("won't be sent"), "{}", paused.text());
    assert!(paused.text().contains("⏸️ paused"), "{}", paused.text());
    scene.alice.post(&source, "while paused").unwrap();
    other.wait_for_message(SOON, |message| message.content == "while paused").await.unwrap();
    let resumed = paused.select(MENU, &["resume:1"]).await.unwrap();
    assert!(resumed.text().contains("🟢 active"), "{}", resumed.text());
    scene.alice.post(&source, "after").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "after").await.unwrap();
    assert_eq!(scene.news.message_count(), 1);
    let removed = resumed.select(MENU, &["remove:1"]).await.unwrap();
    assert!(removed.text().contains("Mirrored messages stay"), "{}", removed.text());
    assert!(scene.news.webhooks().is_empty());
    assert_eq!(scene.news.message_count(), 1);
}

#[tokio::test]
async fn a_broken_follow_says_why_and_resuming_mends_it() {
    let scene = Scene::new().await;
    many(&scene, 1).await;
    scene.lose_webhook().await;
    let list = scene.run("/follows", ()).await;
    assert!(list.text().contains("🔴 broken"), "{}", list.text());
    assert!(list.text().contains("Discord allows no new one: a channel may have 15 webhooks"));
    let resumed = list.select(MENU, &["resume:1"]).await.unwrap();
    assert!(resumed.text().contains("Follow #1 is resumed, and works again"), "{}", resumed.text());
    assert_eq!(scene.news.webhooks().len(), 1);
}

#[tokio::test]
async fn a_channel_that_the_person_cant_see_is_not_named_anywhere() {
    let scene = Scene::new().await;
    let secret = scene.harbour.text("secret-plans");
    let (lakeside, _) = scene.elsewhere("Lakeside");
    let abroad = lakeside.announcement("abroad");
    lakeside.join(&scene.alice, Permissions::empty());
    scene.follow(&secret).await;
    scene.run("/follow", Options::new().set("link", abroad.link())).await;
    let list = scene.run("/follows", ()).await;
    assert!(list.text().contains("#abroad in Lakeside") && list.text().contains(&secret.mention()));

    secret.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    lakeside.leave(&scene.alice).unwrap();
    let list = scene.run("/follows", ()).await;
    let offered = scene.alice.autocomplete(&scene.news, "/unfollow", (), "link", "").await.unwrap();
    assert_eq!(offered.len(), 2);
    for shown in [list.text(), menu(&list), format!("{offered:?}")] {
        assert!(shown.contains("a channel that you can't see"), "{shown}");
        for name in ["secret-plans", "abroad", "Lakeside", &secret.mention()] {
            assert!(!shown.contains(name), "{name} in {shown}");
        }
    }
    // It can be ended anyway, and still isn't named.
    let reply = scene.run("/unfollow", Options::new().set("link", secret.id().to_string())).await;
    assert!(reply.text().contains("no longer follows *a channel that you can't see*"), "{}", reply.text());
}

#[tokio::test]
async fn unfollow_offers_what_is_followed_by_name_and_number() {
    let scene = Scene::new().await;
    let board = scene.harbour.text("board");
    scene.follow(&scene.releases).await;
    let doomed = scene.harbour.text("doomed");
    scene.run("/follow", channel(&doomed).set("into", &board)).await;
    doomed.delete().unwrap();
    scene.world.database.wait_for("broken_reason", "source_deleted").await;

    let offer = async |channel: &Channel, filled: Options, typed: &str| {
        let choices = scene.alice.autocomplete(channel, "/unfollow", filled, "link", typed).await.unwrap();
        choices.into_iter().map(|choice| (choice.name, choice.value)).collect::<Vec<_>>()
    };
    // The follows into this channel come first; in the right channel, the value is simply the source's id.
    let all = offer(&scene.news, Options::new(), "").await;
    assert_eq!(all[0], ("#releases → #news".to_owned(), Value::from(scene.releases.id().to_string())));
    assert_eq!(all[1].0, format!("deleted channel {} → #board", doomed.id()));
    assert_eq!(offer(&scene.news, Options::new(), "REL").await, all[..1]);
    assert_eq!(offer(&scene.news, Options::new(), &doomed.id().to_string()).await, all[1..]);
    let into = offer(&scene.news, Options::new().set("into", &board), "doomed").await;
    assert_eq!(into, [], "a deleted channel has no name");
    let into = offer(&scene.news, Options::new().set("into", &board), "deleted").await;
    assert_eq!(into[0].1, Value::from(doomed.id().to_string()));

    // Even if it is chosen outside its target, it ends the right follow.
    let value = all[1].1.as_str().unwrap();
    let reply = scene.run("/unfollow", Options::new().set("link", value)).await;
    let expected = format!("{} no longer follows *deleted channel* `{}`.", board.mention(), doomed.id());
    assert!(reply.text().starts_with(&expected), "{}", reply.text());
    assert!(board.webhooks().is_empty());
    assert_eq!(scene.count("channel_follows").await, 1);
}

#[tokio::test]
async fn unfollow_offers_nothing_to_who_may_not_unfollow() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.run("/follow", channel(&scene.releases).set("panels", false)).await;
    scene.harbour.revoke_all(&scene.alice);
    let everyone = Permissions::everyone_default() | Permissions::MANAGE_CHANNELS;
    // They see the channel in which they type, but the target is somebody else's.
    let own = scene.harbour.text("own");
    own.allow(&scene.alice, everyone);
    let offered = scene.alice.autocomplete(&own, "/unfollow", (), "link", "").await.unwrap();
    assert_eq!(offered, []);
}

#[tokio::test]
async fn a_deleted_target_can_be_removed() {
    let scene = Scene::new().await;
    let doomed = scene.harbour.text("doomed");
    scene.run("/follow", channel(&scene.releases).set("into", &doomed)).await;
    scene.run("/follow", channel(&scene.releases)).await;
    doomed.delete().unwrap();
    let query = "SELECT broken_reason FROM channel_follows WHERE id = 1";
    scene.world.database.eventually(query, "target_deleted").await;
    let offered = scene.alice.autocomplete(&scene.news, "/unfollow", (), "link", "deleted").await.unwrap();
    assert_eq!(offered[0].name, format!("#releases → deleted channel {}", doomed.id()));
    let value = offered[0].value.as_str().unwrap();
    let reply = scene.run("/unfollow", Options::new().set("link", value)).await;
    assert!(reply.text().contains("no longer follows"), "{}", reply.text());
    assert_eq!(scene.count("channel_follows").await, 1);
}

#[tokio::test]
async fn a_page_of_long_names_fits() {
    let scene = Scene::new().await;
    let (lakeside, _) = scene.elsewhere(&"*_L_*".repeat(20));
    lakeside.join(&scene.alice, Permissions::empty());
    for n in 0..8 {
        let source = lakeside.announcement(&format!("{n}{}", "_x".repeat(49)));
        let options =
            Options::new().set("link", source.link()).set("mode", "except").set("tags", "_t_".repeat(30));
        let reply = scene.run("/follow", options).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }
    scene.world.sandbox.guild(lakeside.id()).remove_bot().unwrap();
    scene.world.database.wait_for("broken_reason", "source_server_left").await;
    let list = scene.run("/follows", ()).await;
    assert_eq!(numbers(&list), numbered(1..=8));
    lakeside.add_bot(Permissions::everyone_default());
    let list = scene.run("/follows", ()).await;
    assert_eq!(numbers(&list), numbered(1..=8), "{}", list.text());
}

#[tokio::test]
async fn a_hidden_channel_is_known_by_its_server_to_that_servers_members() {
    let scene = Scene::new().await;
    let (lakeside, _) = scene.elsewhere("Lakeside");
    let abroad = lakeside.announcement("abroad");
    lakeside.join(&scene.alice, Permissions::empty());
    scene.run("/follow", Options::new().set("link", abroad.link())).await;
    abroad.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let list = scene.run("/follows", ()).await;
    for shown in [list.text(), menu(&list)] {
        assert!(shown.contains("a channel in Lakeside that you can't see"), "{shown}");
        assert!(!shown.contains("abroad"), "{shown}");
    }
}
