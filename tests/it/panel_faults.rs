//! Panels through crashes, lost answers, limits and failing sources: never two, never none, never stuck.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;
use tokio::task::JoinHandle;
use tributary_sandbox::{Channel, Effect, Fault, Limits, Options, Person};

use crate::harness::{Backend, Board, SOON, World};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn killed_at_any_moment_a_panel_stands_once_and_shows_the_newest(#[case] backend: Backend) {
    let Some(mut board) = Board::on(backend, &[]).await else { return };
    let (own, mirror) = {
        let own = board.notice("Notice", "Text 0.").await;
        (own.id, board.shows(&board.news, "Text 0.").await.id)
    };
    let mut random = StdRng::seed_from_u64(7);
    for round in 1..=8 {
        let text = format!("Text {round}.");
        let form = board.run("/panel edit", Options::new().set("panel", "Notice")).await;
        let changing = tokio::spawn(async move { form.submit(&[("text", &text)]).await.map(|_| ()) });
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        board.kill().await;
        // Whether or not Discord accepted it, nobody answers any more.
        changing.abort();
        board.start().await;
    }
    board.change("Notice", "The last one.").await;
    assert_eq!(board.shows(&board.board, "The last one.").await.id, own);
    // On PostgreSQL, what the killed process held is only free when its lease ends.
    let patience = 3 * SOON;
    assert_eq!(board.shows_within(patience, &board.news, "The last one.").await.id, mirror);
    assert_eq!((board.board.message_count(), board.news.message_count()), (1, 1));
}

#[tokio::test]
async fn killed_while_it_is_posted_it_is_posted_once() {
    let mut board = Board::new().await;
    let path = format!("/channels/{}/messages", board.board.id());
    board.world.sandbox.fault(Fault::on("POST", &path, Effect::DelayAnswer(Duration::from_secs(30))));
    let form = board.run("/panel create", Options::new().set("kind", "custom").set("title", "Notice")).await;
    let making = tokio::spawn(async move { form.submit(&[("text", "Only once.")]).await.map(|_| ()) });
    board.shows(&board.board, "Only once.").await;
    board.kill().await;
    making.abort();
    board.world.sandbox.clear_faults();
    board.start().await;
    board.shows(&board.news, "Only once.").await;
    assert_eq!((board.board.message_count(), board.news.message_count()), (1, 1));
    board.change("Notice", "And it lives.").await;
    board.shows(&board.board, "And it lives.").await;
    board.shows(&board.news, "And it lives.").await;
}

#[tokio::test]
async fn a_lost_answer_doubles_nothing() {
    let board = Board::new().await;
    let path = format!("/channels/{}/messages", board.board.id());
    board.world.sandbox.fault(Fault::on("POST", &path, Effect::DropAnswer));
    board.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
    let form = board.run("/panel create", Options::new().set("kind", "custom").set("title", "Notice")).await;
    let made = form.submit(&[("text", "Only once.")]).await.expect("an answer");
    assert!(made.text().contains("try again"), "{}", made.text());
    board.shows(&board.news, "Only once.").await;
    board.change("Notice", "And it lives.").await;
    board.shows(&board.board, "And it lives.").await;
    board.shows(&board.news, "And it lives.").await;
    assert_eq!((board.board.message_count(), board.news.message_count()), (1, 1));
}

#[tokio::test]
async fn an_outage_only_delays_a_panel() {
    let board = Board::new().await;
    board.notice("Notice", "Before.").await;
    board.shows(&board.news, "Before.").await;
    let mirrors = format!("/webhooks/{}/**", board.news.webhooks()[0].id);
    let faults = [mirrors.as_str(), "/channels/*/messages/*"]
        .map(|path| board.world.sandbox.fault(Fault::on("PATCH", path, Effect::Status(503)).forever()));
    let form = board.run("/panel edit", Options::new().set("panel", "Notice")).await;
    let changed = form.submit(&[("text", "After.")]).await.expect("an answer");
    assert!(changed.text().contains("try again"), "{}", changed.text());
    faults.into_iter().for_each(|fault| board.world.sandbox.clear_fault(fault));
    board.run("/panel refresh", Options::new().set("panel", "Notice")).await;
    board.shows(&board.board, "After.").await;
    board.shows(&board.news, "After.").await;
    assert!(board.list().await.contains("current"), "{}", board.list().await);
}

#[tokio::test]
async fn discords_limit_on_old_edits_slows_a_panel_down() {
    let board = Board::new().await;
    board.notice("Notice", "Before.").await;
    board.shows(&board.news, "Before.").await;
    let own = format!("/channels/{}/messages/*", board.board.id());
    let refused = Effect::Refuse {
        status: 429,
        code: 30046,
        message: "Maximum number of edits to messages older than 1 hour reached. Try again later.".to_owned(),
    };
    let fault = board.world.sandbox.fault(Fault::on("PATCH", &own, refused).forever());
    let form = board.run("/panel edit", Options::new().set("panel", "Notice")).await;
    form.submit(&[("text", "After.")]).await.expect("an answer");
    // Its mirrors are separate messages.
    board.shows(&board.news, "After.").await;
    let list = board.list().await;
    assert!(list.contains("has a problem") && list.contains("Discord limits"), "{list}");
    assert_eq!(board.world.sandbox.fault_hits(fault), 1, "it doesn't retry");

    board.world.sandbox.clear_faults();
    board.run("/panel refresh", Options::new().set("panel", "Notice")).await;
    let own = board.shows(&board.board, "After.").await;
    assert!(own.text().contains("about every 10 minutes"), "{}", own.text());
}

#[tokio::test]
async fn a_source_that_fails_leaves_the_last_values_with_their_age() {
    let mut board = Board::new().await;
    let text = "{{member_count}} members, one harbour.";
    let form = board.run("/panel create", Options::new().set("kind", "custom").set("title", "Crew")).await;
    form.submit(&[("text", text)]).await.expect("an answer");
    let before = board.shows(&board.board, "members, one harbour.").await.text();
    // Another process doesn't know about answers from a moment ago.
    board.stop().await;
    let channels = format!("/guilds/{}/channels", board.harbour.id());
    board.world.sandbox.fault(Fault::on("GET", &channels, Effect::Status(500)).forever());
    board.start().await;
    board.world.database.execute("UPDATE panels SET next_refresh_at = created_at").await;
    let stale = board.shows(&board.board, "These values are from").await;
    let figure = before.split_once(" members").map(|(figure, _)| figure.to_owned()).expect("a figure");
    assert!(
        stale.text().contains(&figure) && stale.text().contains("Discord did not answer"),
        "{}",
        stale.text()
    );
    board.shows(&board.news, "These values are from").await;

    board.world.sandbox.clear_faults();
    board.run("/panel refresh", Options::new().set("panel", "Crew")).await;
    let fresh = |message: &tributary_sandbox::SeenMessage| !message.text().contains("These values are from");
    board.board.wait_for_message(SOON, fresh).await.expect("it is current again");
}

/// With ten followers; `PANEL_FOLLOWERS` sets another number, to measure what a large one costs.
#[tokio::test]
async fn a_refresh_costs_one_edit_a_mirror_and_none_where_nothing_changed() {
    let followers = std::env::var("PANEL_FOLLOWERS").map_or(10, |number| number.parse().expect("a number"));
    let board = Board::with(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]).await;
    let mut targets = vec![board.news.clone()];
    for number in 1..followers {
        let target = board.harbour.text(&format!("reader-{number}"));
        board.follow(&board.board, &target, "relay").await;
        targets.push(target);
    }
    board.notice("Notice", "Version 1.").await;
    for target in &targets {
        board.shows(target, "Version 1.").await;
    }
    board.settled().await;
    let patches = || {
        board
            .world
            .sandbox
            .exchanges()
            .iter()
            .filter(|one| one.method == "PATCH" && !one.path.contains("@original"))
            .count()
    };
    let before = patches();
    let begun = Instant::now();
    board.change("Notice", "Version 2.").await;
    for target in &targets {
        board.shows(target, "Version 2.").await;
    }
    board.settled().await;
    println!("{} requests for {followers} mirrors, in {:?}", patches() - before, begun.elapsed());
    assert_eq!(patches() - before, 1 + targets.len(), "one edit each");

    let looked = "SELECT CAST(refreshed_at AS TEXT) FROM panels";
    let (before, last) = (patches(), board.world.database.text(looked).await);
    board.world.database.execute("UPDATE panels SET next_refresh_at = created_at").await;
    let again = async || board.world.database.text(looked).await != last;
    board.world.until("another look", again).await;
    board.settled().await;
    assert_eq!(patches(), before, "nothing changed, so nothing is edited");
}

#[tokio::test]
async fn under_discords_limits_panels_cause_no_429() {
    let world = World::with(Backend::Sqlite, Limits::real()).await.expect("SQLite is always there");
    let board = Board::in_world(world, &[]).await;
    let others: Vec<_> = (0..4).map(|number| board.harbour.text(&format!("reader-{number}"))).collect();
    for target in &others {
        board.follow(&board.board, target, "relay").await;
    }
    board.notice("Notice", "Text 0.").await;
    for number in 1..=8 {
        board.change("Notice", &format!("Text {number}.")).await;
    }
    for target in others.iter().chain([&board.board, &board.news]) {
        board.shows_within(3 * SOON, target, "Text 8.").await;
    }
    let refused = board.world.sandbox.exchanges().into_iter().filter(|one| one.status == 429);
    let refused: Vec<_> = refused.map(|one| format!("{} {}", one.method, one.path)).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// Whatever people do, and whenever the bot is killed: in the end, each follow that wants panels has one
/// mirror of each, with the newest text, and all others have none.
#[tokio::test]
async fn kills_amid_everything_leave_each_mirror_where_it_belongs() {
    let mut board = Board::with(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]).await;
    let targets: Vec<_> = (0..3).map(|number| board.harbour.text(&format!("reader-{number}"))).collect();
    for title in ["First", "Second"] {
        board.notice(title, &format!("{title}: begun.")).await;
    }
    let mut random = StdRng::seed_from_u64(11);
    for round in 0..20 {
        let target = targets[random.random_range(0..targets.len())].clone();
        let title = ["First", "Second"][random.random_range(0..2)];
        let follow = || Options::new().set("channel", &board.board).set("delivery", "relay");
        let (alice, source) = (board.alice.clone(), board.board.clone());
        let doing = match random.random_range(0..5) {
            0 => spawn(alice, target, "/follow", follow()),
            1 => spawn(alice, target, "/unfollow", Options::new().set("channel", &source)),
            2 => spawn(alice, target, "/follow", follow().set("panels", round % 2 == 0)),
            3 => spawn(alice, source, "/panel refresh", Options::new().set("panel", title)),
            _ => {
                let form = board.run("/panel edit", Options::new().set("panel", title)).await;
                let text = format!("{title}: round {round}.");
                tokio::spawn(async move { drop(form.submit(&[("text", &text)]).await) })
            }
        };
        tokio::time::sleep(Duration::from_millis(random.random_range(0..80))).await;
        board.kill().await;
        doing.abort();
        board.start().await;
    }
    for title in ["First", "Second"] {
        board.change(title, &format!("{title}: the end.")).await;
    }
    let wants = "SELECT GROUP_CONCAT(target_channel_id) FROM channel_follows WHERE is_active AND panels";
    let wants = board.world.database.text(wants).await.unwrap_or_default();
    assert!(wants.contains(&board.news.id().to_string()), "{wants}");
    for target in targets.iter().chain([&board.news]) {
        let wanted = if wants.contains(&target.id().to_string()) {
            vec!["First: the end.", "Second: the end."]
        } else {
            vec![]
        };
        let shown = || {
            let mut texts: Vec<_> = target
                .messages()
                .iter()
                .filter(|one| one.webhook.is_some())
                .map(|one| one.embeds[0]["description"].clone())
                .collect();
            texts.sort_by_key(ToString::to_string);
            (texts == wanted).then_some(())
        };
        let settled = board.world.sandbox.wait_for("the mirrors to be as they should be", SOON, shown).await;
        assert!(settled.is_ok(), "{wanted:?}\n{}", target.render_text());
    }
    assert_eq!(board.board.messages().iter().filter(|one| one.only_for.is_none()).count(), 2);
}

/// Somebody does this, and nobody waits for the answer.
fn spawn(person: Person, channel: Channel, command: &'static str, options: Options) -> JoinHandle<()> {
    tokio::spawn(async move { drop(person.run(&channel, command, options).await) })
}
