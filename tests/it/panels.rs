//! Panels and their mirrors: they appear in every follower, stay current there, stop updating when they
//! should, and disappear when they should.

use tributary_sandbox::{Options, Permissions};

use crate::harness::{Board, SOON, admin};

#[tokio::test]
async fn a_panel_appears_in_its_followers_and_stays_current() {
    let board = Board::new().await;
    let own = board.notice("Notice", "The harbour opens at 9.").await;
    assert!(own.webhook.is_none() && own.is_app, "the bot itself posts it: {own:?}");
    let mirror = board.shows(&board.news, "The harbour opens at 9.").await;
    assert!(mirror.webhook.is_some() && mirror.pinged.is_empty());
    assert_eq!(mirror.author, own.author, "under the bot's name");

    board.change("Notice", "The harbour opens at 10.").await;
    let changed = board.shows(&board.board, "opens at 10").await;
    let mirrored = board.shows(&board.news, "opens at 10").await;
    assert_eq!((changed.id, mirrored.id), (own.id, mirror.id), "the same messages");
    assert_eq!((board.board.message_count(), board.news.message_count()), (1, 1));
}

#[tokio::test]
async fn a_panel_goes_with_all_its_mirrors_once_that_is_confirmed() {
    let board = Board::new().await;
    board.notice("Notice", "Soon gone.").await;
    board.shows(&board.news, "Soon gone.").await;
    let question = board.run("/panel delete", Options::new().set("panel", "notice")).await;
    let kept = question.press("Cancel").await.expect("an answer");
    assert!(kept.text().contains("Cancelled"), "{}", kept.text());
    board.shows(&board.news, "Soon gone.").await;

    let question = board.run("/panel delete", Options::new().set("panel", "notice")).await;
    let removed = question.press("Delete").await.expect("an answer");
    assert!(removed.text().contains("is deleted"), "{}", removed.text());
    board.is_empty(&board.news).await;
    board.is_empty(&board.board).await;
    assert!(board.list().await.contains("No panels"));
}

#[tokio::test]
async fn a_new_follow_has_the_panels_and_loses_them_when_it_ends() {
    let board = Board::new().await;
    board.notice("Notice", "Already here.").await;
    let late = board.harbour.text("late");
    board.follow(&board.board, &late, "relay").await;
    board.shows(&late, "Already here.").await;
    board.alice.post(&board.board, "A message.").expect("she may");
    board.shows(&late, "A message.").await;

    let options = Options::new().set("channel", &board.board);
    board.alice.run(&late, "/unfollow", options).await.expect("an answer");
    board.is_empty(&late).await;
    assert_eq!(late.message_count(), 1, "the message's mirror stays");
    let gone = || late.webhooks().is_empty().then_some(());
    board
        .world
        .sandbox
        .wait_for("the webhook to disappear", SOON, gone)
        .await
        .expect("nothing needs it any more");
    board.shows(&board.news, "Already here.").await;

    board.follow(&board.board, &late, "relay").await;
    board.shows(&late, "Already here.").await;
}

#[tokio::test]
async fn native_follows_have_panels_too() {
    let board = Board::new().await;
    let releases = board.harbour.announcement("releases");
    let options = Options::new().set("kind", "custom").set("title", "Plan").set("channel", &releases);
    let form = board.run("/panel create", options).await;
    form.submit(&[("text", "Three ships.")]).await.expect("an answer");
    let lobby = board.harbour.text("lobby");
    board.follow(&releases, &lobby, "native").await;
    let mirror = board.shows(&lobby, "Three ships.").await;
    assert_eq!(lobby.webhooks().len(), 2, "Discord's, and the bot's beside it");
    board.change("Plan", "Four ships.").await;
    assert_eq!(board.shows(&lobby, "Four ships.").await.id, mirror.id);

    let options = Options::new().set("channel", &releases);
    board.alice.run(&lobby, "/unfollow", options).await.expect("an answer");
    board.is_empty(&lobby).await;
    let gone = || lobby.webhooks().is_empty().then_some(());
    board
        .world
        .sandbox
        .wait_for("both webhooks to disappear", SOON, gone)
        .await
        .expect("nothing needs them any more");
}

/// What stays as it is until somebody changes a permission is reported once, not with every revision.
#[tokio::test]
async fn where_a_panel_cannot_be_mirrored_that_is_said_once() {
    let board = Board::new().await;
    let releases = board.harbour.announcement("releases");
    let (lobby, hall) = (board.harbour.text("lobby"), board.harbour.text("hall"));
    for target in [&lobby, &hall] {
        board.follow(&releases, target, "native").await;
        board.harbour.deny_bot(target, Permissions::MANAGE_WEBHOOKS);
    }
    let options = Options::new().set("kind", "custom").set("title", "Plan").set("channel", &releases);
    let form = board.run("/panel create", options).await;
    form.submit(&[("text", "0 ships.")]).await.expect("an answer");
    for number in 1..4 {
        board.change("Plan", &format!("{number} ships.")).await;
        board.shows(&releases, &format!("{number} ships.")).await;
        board.settled().await;
    }
    assert_eq!(board.logged("a panel can't be mirrored"), 2, "once for each of the two");
}

#[tokio::test]
async fn a_follow_may_go_without_panels() {
    let board = Board::new().await;
    board.notice("Notice", "Not for everybody.").await;
    board.shows(&board.news, "Not for everybody.").await;
    let without = |panels: bool| {
        Options::new().set("channel", &board.board).set("delivery", "relay").set("panels", panels)
    };
    board.alice.run(&board.news, "/follow", without(false)).await.expect("an answer");
    board.is_empty(&board.news).await;
    board.alice.run(&board.news, "/follow", without(true)).await.expect("an answer");
    board.shows(&board.news, "Not for everybody.").await;
}

#[tokio::test]
async fn while_a_follow_is_paused_its_panels_stand_still_and_say_so() {
    let board = Board::new().await;
    board.notice("Notice", "Version 1.").await;
    let mirror = board.shows(&board.news, "Version 1.").await;
    let list = board.alice.run(&board.news, "/follows", Options::new()).await.expect("the list");
    let menu = "Look into, pause, resume or remove a follow …";
    list.select(menu, &["pause:1"]).await.expect("an answer");
    let paused = board.shows(&board.news, "is paused since").await;
    assert_eq!(paused.id, mirror.id);

    board.change("Notice", "Version 2.").await;
    board.shows(&board.board, "Version 2.").await;
    board.settled().await;
    assert!(board.news.messages()[0].text().contains("Version 1."), "it isn't updated");

    let list = board.alice.run(&board.news, "/follows", Options::new()).await.expect("the list");
    list.select(menu, &["resume:1"]).await.expect("an answer");
    let current = board.shows(&board.news, "Version 2.").await;
    assert!(current.id == mirror.id && current.content.is_empty(), "{}", current.text());
}

#[tokio::test]
async fn a_panel_whose_message_is_deleted_rests_until_it_is_refreshed() {
    let board = Board::new().await;
    let own = board.notice("Notice", "Deleted by hand.").await;
    board.shows(&board.news, "Deleted by hand.").await;
    board
        .alice
        .delete(&board.board, own.id)
        .unwrap_or_else(|_| board.board.delete_message(own.id).expect("a moderator"));
    board.is_empty(&board.news).await;
    board.world.until("the panel is inactive", async || board.list().await.contains("inactive")).await;
    let list = board.list().await;
    assert!(list.contains("deleted its message"), "{list}");

    let refreshed = board.run("/panel refresh", Options::new().set("panel", "Notice")).await;
    assert!(refreshed.text().contains("is refreshed"), "{}", refreshed.text());
    board.shows(&board.board, "Deleted by hand.").await;
    board.shows(&board.news, "Deleted by hand.").await;
    assert!(board.list().await.contains("current"));
}

#[tokio::test]
async fn a_mirror_that_a_moderator_deletes_stays_away_until_refresh() {
    let board = Board::new().await;
    board.notice("Notice", "One.").await;
    let mirror = board.shows(&board.news, "One.").await;
    board.news.delete_message(mirror.id).expect("a moderator may");
    board.change("Notice", "Two.").await;
    board.shows(&board.board, "Two.").await;
    board.settled().await;
    board.change("Notice", "Three.").await;
    board.shows(&board.board, "Three.").await;
    board.settled().await;
    assert_eq!(board.news.message_count(), 0, "{}", board.news.render_text());

    board.run("/panel refresh", Options::new().set("panel", "Notice")).await;
    let again = board.shows(&board.news, "Three.").await;
    // Even if nobody has noticed yet that it is gone.
    board.news.delete_message(again.id).expect("a moderator may");
    board.run("/panel refresh", Options::new().set("panel", "Notice")).await;
    board.shows(&board.news, "Three.").await;
}

#[tokio::test]
async fn a_panel_moves_with_its_mirrors() {
    let board = Board::new().await;
    board.notice("Notice", "On the move.").await;
    board.shows(&board.news, "On the move.").await;
    let (lobby, friends) = (board.harbour.text("lobby"), board.harbour.text("friends"));
    board.follow(&lobby, &friends, "relay").await;
    let moved = board.run("/panel move", Options::new().set("panel", "Notice").set("channel", &lobby)).await;
    assert!(moved.text().contains("has moved to"), "{}", moved.text());
    board.shows(&lobby, "On the move.").await;
    board.shows(&friends, "On the move.").await;
    board.is_empty(&board.board).await;
    board.is_empty(&board.news).await;
}

#[tokio::test]
async fn a_webhook_deleted_by_hand_costs_no_mirror() {
    let board = Board::new().await;
    board.notice("Notice", "Before.").await;
    board.shows(&board.news, "Before.").await;
    board.news.delete_webhook(board.news.webhooks()[0].id).expect("it exists");
    board.change("Notice", "After.").await;
    board.shows(&board.news, "After.").await;
    assert_eq!(board.news.message_count(), 1, "{}", board.news.render_text());
}

#[tokio::test]
async fn after_a_restart_the_same_messages_are_edited() {
    let mut board = Board::new().await;
    let own = board.notice("Notice", "Before.").await;
    let mirror = board.shows(&board.news, "Before.").await;
    board.stop().await;
    board.start().await;
    board.change("Notice", "After.").await;
    assert_eq!(board.shows(&board.board, "After.").await.id, own.id);
    assert_eq!(board.shows(&board.news, "After.").await.id, mirror.id);
    assert_eq!((board.board.message_count(), board.news.message_count()), (1, 1));
}

#[tokio::test]
async fn only_who_manages_the_channel_manages_its_panels() {
    let board = Board::new().await;
    board.notice("Notice", "Hands off.").await;
    let bob = board.harbour.member("Bob", Permissions::MANAGE_MESSAGES);
    let hidden = bob.run(&board.board, "/panel list", Options::new()).await;
    assert!(hidden.is_err(), "Discord doesn't offer it");
    let options = || Options::new().set("panel", "Notice");
    for command in ["/panel edit", "/panel refresh", "/panel delete"] {
        let refused = bob.run_unchecked(&board.board, command, options()).await.expect("an answer");
        assert!(refused.text().contains("**Manage Channels**"), "{command}: {}", refused.text());
    }
    let moving = options().set("channel", &board.news);
    let refused = bob.run_unchecked(&board.board, "/panel move", moving).await.expect("an answer");
    assert!(refused.text().contains("**Manage Channels**"), "{}", refused.text());
    let form = bob.run_unchecked(&board.board, "/panel create", Options::new().set("kind", "custom")).await;
    let refused = form.expect("a form").submit(&[("text", "Mine.")]).await.expect("an answer");
    assert!(refused.text().contains("**Manage Channels**"), "{}", refused.text());
    assert_eq!(board.board.message_count(), 1);

    // Nor may anybody from another server, who doesn't even learn that it exists.
    let island = board.world.sandbox.create_guild("Island");
    let (beach, carol) = (island.text("beach"), admin(&island, "Carol"));
    let refused =
        carol.run(&beach, "/panel delete", Options::new().set("panel", "1")).await.expect("an answer");
    assert!(refused.text().contains("can't find that panel"), "{}", refused.text());
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_is_made() {
    let board = Board::new().await;
    let form = board.run("/panel create", Options::new().set("kind", "custom")).await;
    let refused = form.submit(&[("text", "{{members}} members")]).await.expect("an answer");
    assert!(
        refused.text().contains("{{members}}") && refused.text().contains("`{{member_count}}`"),
        "{}",
        refused.text()
    );
    let form = board.run("/panel create", Options::new().set("kind", "welcome")).await;
    let refused = form.submit(&[("text", "Hi"), ("links", "no link")]).await.expect("an answer");
    assert!(refused.text().contains("isn't a link"), "{}", refused.text());
    assert!(board.list().await.contains("No panels"));

    for number in 1..=5 {
        board.notice(&format!("Number {number}"), &format!("This is number {number}.")).await;
    }
    let form = board.run("/panel create", Options::new().set("kind", "custom")).await;
    let refused = form.submit(&[("text", "One too many.")]).await.expect("an answer");
    assert!(refused.text().contains("already has 5 panels"), "{}", refused.text());
    assert_eq!(board.board.message_count(), 5);
}

#[tokio::test]
async fn panels_are_offered_by_title() {
    let board = Board::new().await;
    board.notice("Opening hours", "Nine to five.").await;
    board.notice("Rules", "Be kind.").await;
    let offered = board
        .alice
        .autocomplete(&board.board, "/panel edit", Options::new(), "panel", "open")
        .await
        .expect("choices");
    let names: Vec<_> = offered.iter().map(|choice| choice.name.as_str()).collect();
    assert_eq!(names, ["Opening hours · custom · #board"]);
    let chosen = offered[0].value.as_str().expect("a text");
    let refreshed = board.run("/panel refresh", Options::new().set("panel", chosen)).await;
    assert!(refreshed.text().contains("Opening hours"), "{}", refreshed.text());
}

#[tokio::test]
async fn a_greeting_has_rules_links_and_the_servers_figures() {
    let board = Board::new().await;
    let form = board.run("/panel create", Options::new().set("kind", "welcome")).await;
    let filled = [
        ("title", "Ahoy!"),
        ("text", "Welcome to {{server_name}}, you are one of {{member_count}}."),
        ("rules", "Be kind.\nNo spam."),
        ("links", "Website | https://example.com"),
    ];
    form.submit(&filled).await.expect("an answer");
    let own = board.shows(&board.board, "Welcome to Harbour, you are one of").await;
    assert!(own.text().contains("1. Be kind.\n2. No spam."), "{}", own.text());
    assert!(own.embeds[0]["timestamp"].is_string());
    let mirror = board.shows(&board.news, "Welcome to Harbour").await;
    assert_eq!(mirror.components, own.components);

    // A button that shows something works for anyone, wherever it is shown.
    let bob = board.harbour.member("Bob", Permissions::empty());
    for (channel, message) in [(&board.board, &own), (&board.news, &mirror)] {
        let figures = bob.press(channel, message.id, "About this server").await.expect("an answer");
        assert!(figures.is_ephemeral() && figures.text().contains("Members"), "{}", figures.text());
    }
}

#[tokio::test]
async fn a_follow_changes_its_way_and_keeps_its_panels() {
    let board = Board::new().await;
    let releases = board.harbour.announcement("releases");
    let options = Options::new().set("kind", "custom").set("title", "Plan").set("channel", &releases);
    let form = board.run("/panel create", options).await;
    form.submit(&[("text", "Version 1.")]).await.expect("an answer");
    let lobby = board.harbour.text("lobby");
    board.follow(&releases, &lobby, "relay").await;
    let mirror = board.shows(&lobby, "Version 1.").await;
    let switch = async |delivery: &str| {
        let options = Options::new().set("channel", &releases).set("delivery", delivery);
        let switched = board.alice.run(&lobby, "/follow", options).await.expect("an answer");
        assert!(switched.text().contains("is changed"), "{}", switched.text());
    };
    switch("native").await;
    board.change("Plan", "Version 2.").await;
    assert_eq!(board.shows(&lobby, "Version 2.").await.id, mirror.id);
    switch("relay").await;
    board.change("Plan", "Version 3.").await;
    assert_eq!(board.shows(&lobby, "Version 3.").await.id, mirror.id);
    board.settled().await;
    let shown = lobby.messages().into_iter().filter(|message| message.text().contains("Version"));
    assert_eq!(shown.count(), 1, "{}", lobby.render_text());
}

#[tokio::test]
async fn a_panel_that_goes_takes_the_mirrors_of_paused_follows_along() {
    let board = Board::new().await;
    board.notice("Notice", "Soon gone.").await;
    board.shows(&board.news, "Soon gone.").await;
    let list = board.alice.run(&board.news, "/follows", Options::new()).await.expect("the list");
    list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.expect("an answer");
    board.shows(&board.news, "is paused since").await;
    let question = board.run("/panel delete", Options::new().set("panel", "Notice")).await;
    question.press("Delete").await.expect("an answer");
    board.is_empty(&board.news).await;
}

#[tokio::test]
async fn a_panel_made_during_a_pause_comes_when_it_ends() {
    let board = Board::new().await;
    let menu = "Look into, pause, resume or remove a follow …";
    let list = board.alice.run(&board.news, "/follows", Options::new()).await.expect("the list");
    list.select(menu, &["pause:1"]).await.expect("an answer");
    board.notice("Notice", "Made meanwhile.").await;
    board.settled().await;
    assert_eq!(board.news.message_count(), 0, "{}", board.news.render_text());
    let list = board.alice.run(&board.news, "/follows", Options::new()).await.expect("the list");
    list.select(menu, &["resume:1"]).await.expect("an answer");
    board.shows(&board.news, "Made meanwhile.").await;
}

#[tokio::test]
async fn a_mirror_in_another_server_shows_everything_and_changes_nothing() {
    let board = Board::new().await;
    let audience = Options::new().set("channel", &board.board).set("audience", "servers");
    board.run("/publish", audience).await;
    let island = board.world.sandbox.create_guild("Island");
    let (beach, carol) = (island.text("beach"), admin(&island, "Carol"));
    board.harbour.join(&carol, Permissions::empty());
    carol.run(&beach, "/follow", Options::new().set("link", board.board.link())).await.expect("an answer");
    let form = board.run("/panel create", Options::new().set("kind", "project")).await;
    form.submit(&[("lists", "Tasks")]).await.expect("an answer");
    let mirror = board.shows(&beach, "There are no tasks yet.").await;
    let form = carol.press(&beach, mirror.id, "Add task").await.expect("a form");
    let refused = form.submit(&[("name", "Sneak in")]).await.expect("an answer");
    assert!(refused.text().contains("belongs to another server"), "{}", refused.text());
    board.settled().await;
    assert!(!board.board.render_text().contains("Sneak in"));

    // Anybody who may manage it in its own server may also do so from a mirror.
    island.join(&board.alice, Permissions::empty());
    let form = board.alice.press(&beach, mirror.id, "Add task").await.expect("a form");
    form.submit(&[("name", "Row over")]).await.expect("an answer");
    board.shows(&board.board, "Row over").await;
    board.shows(&beach, "Row over").await;
}

#[tokio::test]
async fn what_the_bot_lacks_for_a_panel_is_named() {
    let board = Board::new().await;
    board.harbour.deny_bot(&board.board, Permissions::EMBED_LINKS | Permissions::ATTACH_FILES);
    let refused = board.run("/panel create", Options::new().set("kind", "server")).await;
    assert!(refused.text().contains("**Embed Links** and **Attach Files** in"), "{}", refused.text());
    assert_eq!(board.board.message_count(), 0);
}

/// Somebody deleted the webhook before the follow ended, so the mirror can never be removed.
#[tokio::test]
async fn the_buttons_of_a_mirror_that_was_left_behind_show_nothing() {
    let board = Board::new().await;
    let form = board.run("/panel create", Options::new().set("kind", "welcome")).await;
    form.submit(&[("title", "Ahoy!"), ("text", "Welcome aboard.")]).await.expect("an answer");
    let mirror = board.shows(&board.news, "Welcome aboard.").await;
    let bob = board.harbour.member("Bob", Permissions::empty());
    let shown = bob.press(&board.news, mirror.id, "About this server").await.expect("an answer");
    assert!(shown.text().contains("Members"), "{}", shown.text());
    let menu = "Look into, pause, resume or remove a follow …";
    let list = board.alice.run(&board.news, "/follows", Options::new()).await.expect("the list");
    list.select(menu, &["pause:1"]).await.expect("an answer");
    let left = bob.press(&board.news, mirror.id, "About this server").await.expect("an answer");
    assert!(left.text().contains("no longer follows this panel"), "{}", left.text());
}
