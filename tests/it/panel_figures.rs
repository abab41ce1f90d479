//! Panels with figures: the server's, and its follows'.

use tributary_sandbox::{Options, Permissions};

use crate::harness::Board;

#[tokio::test]
async fn a_server_is_shown_in_figures() {
    let board = Board::new().await;
    let made = board.run("/panel create", Options::new().set("kind", "server")).await;
    assert!(made.text().contains("is posted in"), "{}", made.text());
    let own = board.shows(&board.board, "Boost level").await;
    assert!(own.text().contains("**Harbour**") && own.text().contains("known after a day"), "{}", own.text());
    let mirror = board.shows(&board.news, "Boost level").await;
    assert_eq!(mirror.embeds[0]["fields"], own.embeds[0]["fields"]);
}

#[tokio::test]
async fn follows_are_shown_with_a_chart_and_what_is_broken() {
    let board = Board::new().await;
    for number in 0..5 {
        board.alice.post(&board.board, format!("Message {number}").as_str()).expect("she may");
    }
    board.shows(&board.news, "Message 4").await;
    board.settled().await;
    board.run("/panel create", Options::new().set("kind", "follows")).await;
    let own = board.shows(&board.board, "All follows deliver.").await;
    let text = own.text();
    assert!(text.contains("5 messages") && text.contains("**1** active"), "{text}");
    // How many depends on the machine.
    let within = text.split("Within 2 seconds\n").nth(1).and_then(|rest| rest.split(" %").next());
    let percent = within.and_then(|number| number.parse::<u8>().ok());
    assert!(percent.is_some_and(|percent| percent <= 100), "{text}");
    let mirror = board.shows(&board.news, "All follows deliver.").await;
    for message in [&own, &mirror] {
        let chart = &message.attachments[0];
        assert!(chart.bytes.starts_with(b"\x89PNG") && chart.description.is_some(), "a chart");
        assert_eq!(message.attachments.len(), 1);
    }

    board.news.delete().expect("it exists");
    board.world.database.wait_for("broken_reason", "target_deleted").await;
    board.run("/panel refresh", Options::new().set("panel", "Follows")).await;
    let broken = board.shows(&board.board, "1 follow is broken").await;
    assert!(broken.text().contains("**#1**"), "{}", broken.text());
    assert_eq!((broken.id, broken.attachments.len()), (own.id, 1), "its chart is replaced");
}

#[tokio::test]
async fn many_presses_are_one_look() {
    let board = Board::new().await;
    board.run("/panel create", Options::new().set("kind", "server")).await;
    let own = board.shows(&board.board, "Boost level").await;
    let mirror = board.shows(&board.news, "Boost level").await;
    let bob = board.harbour.member("Bob", Permissions::empty());
    let looks = || {
        board
            .world
            .sandbox
            .exchanges()
            .iter()
            .filter(|one| one.path.ends_with("/channels") && one.method == "GET")
            .count()
    };
    let looked = "SELECT CAST(refreshed_at AS TEXT) FROM panels";
    let (before, last) = (looks(), board.world.database.text(looked).await);
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        bob.press_only(&board.board, own.id, "Refresh").await.expect("anyone may");
        bob.press_only(&board.news, mirror.id, "Refresh").await.expect("anyone may, even on a mirror");
    }
    let again = async || board.world.database.text(looked).await != last;
    board.world.until("another look", again).await;
    board.world.sandbox.wait_quiet(std::time::Duration::from_millis(500)).await;
    // The bot checks a panel at most once in five seconds.
    let most = 1 + usize::try_from(begun.elapsed().as_secs() / 5).unwrap();
    assert!(looks() - before <= most, "ten presses asked Discord {} times", looks() - before);
}
