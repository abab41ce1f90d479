//! A person's actions of the hour count from the first request on, whatever their outcome, unless they fail
//! for a reason of ours.

use rstest::rstest;
use tributary_sandbox::{Config, Effect, Fault, Options, Permissions, Person, Reply};

use crate::harness::{Board, Crew, Scene, admin, choice};

const USED_UP: &str = "made too many changes this hour";

fn channel(channel: &tributary_sandbox::Channel) -> Options {
    Options::new().set("channel", channel)
}

/// How often something may be done until the person has done too much.
async fn times(act: impl AsyncFn() -> Reply) -> usize {
    for done in 0..20 {
        if act().await.text().contains(USED_UP) {
            return done;
        }
    }
    panic!("it can be repeated forever: {}", act().await.text());
}

/// How often the list of a server's channels was requested, which is how everything begins that people do.
fn lists(board: &Board) -> usize {
    board.world.sandbox.exchanges().iter().filter(|one| one.path.ends_with("/channels")).count()
}

#[rstest]
#[case::follow("/follow")]
#[case::unfollow("/unfollow")]
#[case::publish("/publish")]
#[tokio::test]
async fn refused_commands_count(#[case] command: &str) {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "3")]).await;
    let (hidden, own) = (scene.harbour.text("hidden"), scene.harbour.text("own"));
    hidden.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let options = || match command {
        "/publish" => channel(&hidden).set("audience", "servers"),
        _ => channel(&hidden),
    };
    let refused = async || scene.alice.run_unchecked(&own, command, options()).await.unwrap();
    assert_eq!(times(refused).await, 3);
}

#[rstest]
#[tokio::test]
async fn refused_changes_of_a_follow_count(#[values("pause", "resume", "remove")] word: &str) {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "6")]).await;
    scene.follow(&scene.releases).await;
    let mut list = scene.run("/follows", ()).await;
    if word == "resume" {
        let (menu, chosen) = choice(&list, "pause");
        list = list.select(&menu, &[&chosen]).await.unwrap();
    }
    let (menu, chosen) = choice(&list, word);
    scene.news.deny(&scene.alice, Permissions::MANAGE_CHANNELS);
    let refused = async || list.select(&menu, &[&chosen]).await.unwrap();
    let done = if word == "resume" { 2 } else { 1 };
    assert_eq!(times(refused).await, 6 - done);
}

#[tokio::test]
async fn questions_count_and_their_answers_do_not() {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "3")]).await;
    let staff = scene.harbour.text("staff");
    staff.deny_everyone(Permissions::VIEW_CHANNEL);
    staff.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    scene.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL);
    let asked = scene.run("/follow", channel(&staff)).await;
    for _ in 0..2 {
        scene.run("/follow", channel(&staff)).await.press("Cancel").await.unwrap();
    }
    let text = scene.refused("/follow", channel(&staff)).await;
    assert!(text.contains(USED_UP), "{text}");
    let made = asked.press("Follow anyway").await.unwrap();
    assert!(made.text().contains("now follows"), "{}", made.text());
}

#[rstest]
#[case::create("/panel create")]
#[case::refresh("/panel refresh")]
#[case::relocate("/panel move")]
#[tokio::test]
async fn refused_panels_count_before_anything_is_asked(#[case] command: &str) {
    let board = Board::with(&[("FOLLOW_ACTIONS_PER_HOUR", "5")]).await;
    board.notice("Notice", "Be kind.").await;
    let all = Config::default().bot_permissions;
    board.harbour.set_bot_permissions(all.difference(Permissions::MANAGE_THREADS)).unwrap();
    let private = board.board.private_thread("private").unwrap();
    private.add_to_thread(board.alice.id()).unwrap();
    let (bella, own) = (admin(&board.harbour, "Bella"), board.harbour.text("own"));
    private.add_to_thread(bella.id()).unwrap();
    board.board.deny(&bella, Permissions::MANAGE_CHANNELS);
    let options = || match command {
        "/panel create" => Options::new().set("kind", "server").set("channel", &private),
        "/panel move" => Options::new().set("panel", "1").set("channel", &own),
        _ => Options::new().set("panel", "1"),
    };
    let before = lists(&board);
    let refused = async || bella.run_unchecked(&own, command, options()).await.unwrap();
    assert_eq!(times(refused).await, 5);
    assert_eq!(lists(&board) - before, 5);
    let all = board.world.sandbox.exchanges();
    let id = private.id().to_string();
    let about = all.iter().filter(|one| one.path.split('/').any(|part| part == id)).count();
    assert!(about <= 1, "{about} requests for a thread that the bot doesn't see");
}

#[tokio::test]
async fn presses_that_look_up_rights_are_bounded_for_each_person() {
    let board = Board::new().await;
    let form = board.run("/panel create", Options::new().set("kind", "project")).await;
    form.submit(&[("lists", "Launch")]).await.unwrap();
    let panel = board.shows(&board.news, "There are no tasks yet").await;
    let see = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    let press = async |person: &Person| {
        let form = person.press(&board.news, panel.id, "Add task").await.unwrap();
        form.submit(&[("name", "Paint")]).await.unwrap().text()
    };
    let (bob, before) = (board.harbour.member("Bob", see), lists(&board));
    for _ in 0..80 {
        press(&bob).await;
    }
    let refused = press(&bob).await;
    assert!(refused.contains("Too many requests"), "{refused}");
    assert!(lists(&board) - before < 70, "{}", lists(&board) - before);
    // Nobody else is affected.
    let refused = press(&board.harbour.member("Carl", see)).await;
    assert!(refused.contains("Manage Channels"), "{refused}");
}

#[rstest]
#[case::follow("/follow")]
#[case::publish("/publish")]
#[case::create("/panel create")]
#[tokio::test]
async fn what_discord_fails_is_given_back(#[case] command: &str) {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "1")]).await;
    let options = || match command {
        "/follow" => channel(&scene.releases),
        "/publish" => channel(&scene.releases).set("audience", "servers"),
        _ => Options::new().set("kind", "server").set("channel", &scene.releases),
    };
    scene.world.sandbox.fault(Fault::on("GET", "/guilds/**", Effect::Status(503)).forever());
    for _ in 0..2 {
        let failed = scene.run(command, options()).await.text();
        assert!(failed.contains("did not answer"), "{failed}");
    }
    scene.world.sandbox.clear_faults();
    let done = scene.run(command, options()).await.text();
    assert!(!done.contains(USED_UP) && !done.contains("did not answer"), "{done}");
    let used_up = scene.run(command, options()).await.text();
    assert!(used_up.contains(USED_UP), "{used_up}");
}

/// Ends and prevents something in the database, as a damaged one would.
const BREAK_FOLLOWS: &str = "CREATE TRIGGER no_follow BEFORE INSERT ON channel_follows \
    BEGIN SELECT RAISE(ABORT, 'broken'); END";
const KEEP_ACTIONS: &str = "CREATE TRIGGER no_return BEFORE DELETE ON person_actions \
    BEGIN SELECT RAISE(ABORT, 'broken'); END";

#[tokio::test]
async fn what_the_database_fails_is_given_back_as_soon_as_it_can() {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "2")]).await;
    let database = &scene.world.database;
    let counted = async || database.text("SELECT CAST(COUNT(*) AS TEXT) FROM person_actions").await.unwrap();
    let follow = async || scene.run("/follow", channel(&scene.releases)).await.text();
    database.execute(BREAK_FOLLOWS).await;
    assert!(!follow().await.contains("now follows"));
    assert_eq!(counted().await, "0");
    database.execute(KEEP_ACTIONS).await;
    assert!(!follow().await.contains("now follows"));
    assert_eq!(counted().await, "1", "it can't be given back yet");
    database.execute("DROP TRIGGER no_follow").await;
    database.execute("DROP TRIGGER no_return").await;
    let made = follow().await;
    assert!(made.contains("now follows"), "{made}");
    assert_eq!(counted().await, "1", "only what was done counts");
}

#[tokio::test]
async fn the_hour_goes_on_over_a_restart() {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "2")]).await;
    let publish = async |scene: &Scene| scene.run("/publish", channel(&scene.releases)).await.text();
    for _ in 0..2 {
        assert!(!publish(&scene).await.contains(USED_UP));
    }
    let scene = scene.restart().await;
    let refused = publish(&scene).await;
    assert!(refused.contains(USED_UP) && refused.contains("<t:"), "it says until when: {refused}");
}

/// Two gateways: the person acts in a server of each. The last action is taken at both at once.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn all_processes_count_together() {
    const MOST: usize = 9;
    let settings = [("FOLLOW_ACTIONS_PER_HOUR", "9")];
    let Some(crew) = Crew::with(2, 0, &settings).await else { return };
    let (lake, _) = crew.server(0, "Lake");
    let (harbour, alice) = crew.server(1, "Harbour");
    lake.join(&alice, Permissions::MANAGE_CHANNELS);
    let (one, other) = (lake.text("one"), harbour.text("other"));
    let publish = async |here: &tributary_sandbox::Channel| {
        alice.run(here, "/publish", channel(here)).await.expect("an answer").text()
    };
    for number in 0..MOST - 1 {
        let text = publish(if number % 2 == 0 { &one } else { &other }).await;
        assert!(!text.contains(USED_UP), "{number}: {text}");
    }
    let both = tokio::join!(publish(&one), publish(&other), publish(&one), publish(&other));
    let refused = [both.0, both.1, both.2, both.3].iter().filter(|text| text.contains(USED_UP)).count();
    assert_eq!(refused, 3, "one of them is the last");
    let counted = crew.world.database.text("SELECT CAST(COUNT(*) AS TEXT) FROM person_actions").await;
    assert_eq!(counted.as_deref(), Some("9"));
}
