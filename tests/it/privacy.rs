//! What is stored, and for how long: contents, people, and servers that the bot has left.

use rstest::rstest;
use tributary_sandbox::{Channel, Options, Permissions, SeenMessage};

use crate::harness::{Backend, Bot, Ended, KEY, Pair, SOON, Scene, World, ended, follow, texts};

/// `tributary forget` with these arguments, while the bot runs.
async fn forget(world: &World, words: &[&str]) -> Ended {
    let mut command = Bot::command(&world.database);
    command.arg("forget").args(words).env("DATABASE_URL", world.database.url());
    if world.database.url().starts_with("postgres") {
        command.env("ENCRYPTION_KEY", KEY);
    }
    ended(command).await
}

async fn count(world: &World, what: &str) -> String {
    world.database.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {what}")).await.unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn mirrors_are_kept_up_to_date_after_the_content_is_gone(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[("CONTENT_HOURS", "0")]).await else { return };
    let (changed, deleted) = (pair.post("one, at first"), pair.post("two"));
    let last = pair.settled().await;
    // The bot forgets on startup, and then every minute.
    pair.stop().await;
    pair.start().await;
    pair.world.database.eventually("SELECT CAST(COUNT(content) AS TEXT) FROM activities", "0").await;
    assert_eq!(count(&pair.world, "activities").await, "3");
    assert_eq!(pair.texts(), ["one, at first", "two", &last]);

    pair.edit(&changed, "one, changed");
    pair.delete(&deleted);
    pair.in_step().await;
    assert_eq!(pair.texts()[..2], ["one, changed".to_owned(), last]);
    // Nothing was sent for what didn't change.
    assert_eq!((pair.requests("PATCH").len(), pair.requests("DELETE").len()), (1, 1));
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_person_is_forgotten_beside_a_running_bot(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let bob = pair.guild.member("Bob", Permissions::empty());
    let first = pair.post("from Alice");
    bob.post(&pair.source, "from Bob").unwrap();
    pair.settled().await;
    let alice = pair.alice.id().to_string();

    let ended = forget(&pair.world, &["--user", &alice]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for sentence in [
        format!("Forgot user {alice}: 2 messages."),
        "2 mirrors stay.".to_owned(),
        "1 follow doesn't say any more who made it".to_owned(),
    ] {
        assert!(ended.stdout.contains(&sentence), "{}", ended.stdout);
    }
    assert_eq!(count(&pair.world, "activities WHERE author_id IS NOT NULL").await, "1");
    assert_eq!(count(&pair.world, "activities WHERE content IS NOT NULL").await, "1");
    assert_eq!(count(&pair.world, &format!("channel_follows WHERE created_by = {alice}")).await, "0");
    assert_eq!(pair.texts().len(), 3, "the mirrors stay");

    // A deletion still reaches them, and the list still shows the follow.
    pair.delete(&first);
    let gone = pair.target.wait_for_messages(SOON, |all| !all.iter().any(|one| one.content == "from Alice"));
    gone.await.unwrap();
    let list = pair.alice.run(&pair.target, "/follows", Options::new()).await.unwrap();
    assert!(list.text().contains("#1"), "{}", list.text());
    pair.in_step().await;

    let everything = forget(&pair.world, &["--user", &alice, "--mirrors"]).await;
    assert!(
        everything.stdout.contains("1 mirror is being deleted"),
        "only of what came since: {everything:?}"
    );
    let left = |all: &[SeenMessage]| all.iter().filter(|one| one.webhook.is_some()).count() == 2;
    pair.target.wait_for_messages(SOON, left).await.unwrap();
    assert_eq!(pair.texts()[0], "from Bob");
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_persons_mirrors_go_with_them(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let bob = pair.guild.member("Bob", Permissions::empty());
    pair.post_all(0..3, "of Alice");
    bob.post(&pair.source, "from Bob").unwrap();
    pair.settled().await;
    let alice = pair.alice.id().to_string();
    let ended = forget(&pair.world, &["--user", &alice, "--mirrors"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let first = format!(
        "Forgot user {alice}: 4 messages (4 mirrors are being deleted: by the running bot now, or when it next runs)."
    );
    assert!(ended.stdout.starts_with(&first), "{}", ended.stdout);
    pair.target
        .wait_for_messages(SOON, |all| all.iter().filter(|one| one.webhook.is_some()).count() == 1)
        .await
        .unwrap();
    assert_eq!(pair.texts(), ["from Bob"]);
    // What she wrote is still in the source, and isn't mirrored again.
    pair.settled().await;
    assert_eq!(pair.texts().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_forgotten_is_said() {
    let world = World::new().await;
    let nowhere = forget(&world, &["--user", "123"]).await;
    assert!(
        nowhere.complaint().starts_with("error: DATABASE_URL leads to a file that doesn't exist"),
        "{nowhere:?}"
    );
    let _bot = world.start().await;
    let wrong = forget(&world, &["--user", "Alice"]).await;
    assert!(wrong.complaint().starts_with("error: --user is not a Discord id"), "{wrong:?}");
    let unknown = forget(&world, &["--user", "123"]).await;
    assert_eq!(unknown.complaint(), "error: nothing is kept about user 123. Check the id and DATABASE_URL.");
    world.database.execute("DELETE FROM seaql_migrations WHERE version LIKE '%000009%'").await;
    let older = forget(&world, &["--user", "123"]).await;
    assert!(older.complaint().starts_with("error: this database is of another version"), "{older:?}");
}

/// Harbour and Village follow each other; the bot leaves Village.
#[rstest]
#[tokio::test]
async fn a_server_is_forgotten_a_week_after_it_was_left(#[values(false, true)] away: bool) {
    let scene = Scene::new().await;
    let (village, keeper) = scene.elsewhere("Village");
    let (square, mill) = (village.text("square"), village.text("mill"));
    village.join(&scene.alice, Permissions::MANAGE_CHANNELS);
    scene.harbour.join(&keeper, Permissions::MANAGE_CHANNELS);
    let open = |channel| Options::new().set("channel", channel).set("audience", "everyone");
    keeper.run(&square, "/publish", open(&square)).await.unwrap();
    scene.alice.run(&scene.news, "/publish", open(&scene.releases)).await.unwrap();
    let from = |channel: &Channel| Options::new().set("link", channel.link()).set("delivery", "relay");
    scene.alice.run(&scene.news, "/follow", from(&square)).await.unwrap();
    keeper.run(&mill, "/follow", from(&scene.releases)).await.unwrap();
    follow(&scene.alice, &scene.releases, &scene.news).await;
    assert_eq!(scene.count("channel_follows").await, 3);
    keeper.post(&square, "from the square").unwrap();
    scene.alice.post(&scene.releases, "from the harbour").unwrap();
    let stood = ["from the square", "from the harbour"];
    for text in stood {
        scene.news.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }
    mill.wait_for_message(SOON, |message| message.content == stood[1]).await.unwrap();

    let scene = if away {
        let Scene { world, bot, harbour, releases, news, alice } = scene;
        bot.stop().await;
        village.remove_bot().unwrap();
        let bot = world.start().await;
        Scene { world, bot, harbour, releases, news, alice }
    } else {
        village.remove_bot().unwrap();
        scene
    };
    let marked = "SELECT CAST(guild_id AS TEXT) FROM left_guilds";
    scene.world.database.eventually(marked, &village.id().to_string()).await;
    assert_eq!(scene.count("channel_follows WHERE broken_reason LIKE '%_server_left'").await, 2);
    let scene = scene.restart().await;
    assert_eq!(scene.count("channel_follows").await, 3, "it is kept for a week");

    scene.world.database.execute("UPDATE left_guilds SET left_at = '2020-01-01T00:00:00+00:00'").await;
    let scene = scene.restart().await;
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "0").await;
    assert_eq!(scene.count("channel_follows").await, 1);
    assert_eq!(scene.count("activities").await, 1, "what Harbour posted");
    assert_eq!(scene.count("channels WHERE audience <> 'nobody'").await, 1);
    assert_eq!(scene.count("mirrors").await, 1);
    // Harbour's own follow continues, and what was mirrored stays.
    scene.alice.post(&scene.releases, "still here").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
    assert!(
        stood.iter().all(|text| texts(&scene.news).contains(&(*text).to_owned())),
        "{:?}",
        texts(&scene.news)
    );
}

#[tokio::test]
async fn a_server_that_the_bot_is_in_again_is_not_forgotten() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let mark = format!(
        "INSERT INTO left_guilds (guild_id, left_at) VALUES ({}, '2020-01-01T00:00:00+00:00')",
        scene.harbour.id()
    );
    // As if the bot had been removed and added again while it was away.
    scene.world.database.execute(&mark).await;
    let scene = scene.restart().await;
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "0").await;
    assert_eq!(scene.count("channel_follows WHERE is_active").await, 1);
}
