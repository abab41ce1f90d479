//! `tributary migrate`, as an operator uses it.

use rstest::rstest;

use crate::harness::{Backend, Bot, Crew, Database, Ended, KEY, World, ended};

async fn try_to_migrate(database: &Database, words: &[&str]) -> Ended {
    let mut command = Bot::command(database);
    command.arg("migrate").args(words).env("DATABASE_URL", database.url());
    ended(command).await
}

async fn migrate(database: &Database, words: &[&str]) -> Vec<String> {
    let ended = try_to_migrate(database, words).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.lines().map(ToOwned::to_owned).collect()
}

fn count(lines: &[String], state: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(&format!("{state} m20"))).count()
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn goes_up_and_down_from_empty_and_back(#[case] backend: Backend) {
    let Some(database) = Database::create(backend).await else { return };
    let up = migrate(&database, &["up"]).await;
    let all = up.clone();
    assert!(all.len() >= 5, "{all:?}");
    assert_eq!(count(&up, "applied"), all.len(), "{up:?}");
    assert_eq!(migrate(&database, &["up"]).await, up, "a second time changes nothing");
    assert_eq!(migrate(&database, &["status"]).await, up);
    assert!(database.text("SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows").await.is_some());

    let down = migrate(&database, &["down", "--steps", "1"]).await;
    assert_eq!((count(&down, "applied"), count(&down, "pending")), (all.len() - 1, 1), "{down:?}");
    assert!(down.last().unwrap().starts_with("pending"), "the newest is removed first: {down:?}");
    let down = migrate(&database, &["down", "--all", "--yes"]).await;
    assert_eq!(count(&down, "pending"), all.len(), "all are removed: {down:?}");
    assert_eq!(tables(&database, backend).await, "0");
    assert_eq!(migrate(&database, &["up"]).await, up, "and back");
}

/// How many tables there are, except the migrations' own.
async fn tables(database: &Database, backend: Backend) -> String {
    let query = match backend {
        Backend::Sqlite => {
            "SELECT CAST(COUNT(*) AS TEXT) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'seaql_migrations'"
        }
        Backend::Postgres => {
            "SELECT CAST(COUNT(*) AS TEXT) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'"
        }
    };
    database.text(query).await.unwrap()
}

#[tokio::test]
async fn a_database_that_is_away_is_said_without_its_password() {
    let database = Database::create(Backend::Sqlite).await.unwrap();
    let mut command = Bot::command(&database);
    command
        .args(["migrate", "up"])
        .env("DATABASE_URL", "postgres://u:hidden@127.0.0.1:1/x")
        .env("ENCRYPTION_KEY", KEY);
    let ended = ended(command).await;
    assert!(ended.complaint().starts_with("error: DATABASE_URL "), "{ended:?}");
    assert!(!ended.stderr.contains("hidden"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn down_says_how_far_or_does_nothing(#[case] backend: Backend) {
    let Some(database) = Database::create(backend).await else { return };
    let up = migrate(&database, &["up"]).await;
    let too_many = up.len() + 1;
    for (words, said) in [
        (&["down"][..], "--steps N"),
        (&["down", "--yes"], "--steps N"),
        (&["down", "--all"], "--yes"),
        (&["down", "--steps", "0"], "--steps N"),
        (&["down", "--steps", &too_many.to_string()], "--all"),
        (&["down", "--steps", "1", "--all", "--yes"], "not both"),
    ] {
        let ended = try_to_migrate(&database, words).await;
        assert!(ended.complaint().contains(said), "{words:?}: {ended:?}");
        assert_eq!(migrate(&database, &["status"]).await, up, "{words:?} took something back");
    }
}

#[rstest]
#[case(&["down", "--all", "--yes"])]
#[case(&["status"])]
#[tokio::test]
async fn only_up_makes_a_database(#[case] words: &[&str]) {
    let database = Database::create(Backend::Sqlite).await.unwrap();
    let ended = try_to_migrate(&database, words).await;
    assert!(ended.complaint().contains("a file that doesn't exist"), "{ended:?}");
    assert!(!database.folder().join("tributary.db").exists());
}

/// Deletes the record of the newest migration, so that it seems to be missing.
async fn forget_the_newest(database: &Database) {
    let newest = "DELETE FROM seaql_migrations WHERE version = (SELECT MAX(version) FROM seaql_migrations)";
    database.execute(newest).await;
}

async fn refuses_beside_a_process(database: &Database) {
    for words in [&["down", "--steps", "1"][..], &["down", "--all", "--yes"]] {
        let ended = try_to_migrate(database, words).await;
        let line = ended.complaint();
        assert!(line.contains("another process runs on this database"), "{words:?}: {line}");
        assert!(line.contains("Stop"), "{words:?}: {line}");
    }
    let status = migrate(database, &["status"]).await;
    assert_eq!(count(&status, "applied"), status.len(), "{status:?}");
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn tables_are_not_dropped_under_a_running_bot(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let mut bot = world.start().await;
    refuses_beside_a_process(&world.database).await;
    world.ready(&mut bot).await;
    assert!(migrate(&world.database, &["up"]).await.len() > 5, "nothing is missing, so nothing changes");
    forget_the_newest(&world.database).await;
    let up = try_to_migrate(&world.database, &["up"]).await;
    assert!(up.complaint().contains("another process runs on this database"), "{up:?}");
    bot.kill().await;
    let gone = async || try_to_migrate(&world.database, &["down", "--steps", "1"]).await.code == Some(0);
    // PostgreSQL may take a moment to notice the death.
    world.until("the tables to be free", gone).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn tables_are_not_dropped_under_a_worker_or_a_standby() {
    let Some(mut crew) = Crew::start(1, 1).await else { return };
    let mut standby = crew.spawn_gateway(0, 1);
    standby.logged("standing by").await;
    crew.gateways.remove(0).kill().await;
    crew.world.ready(&mut standby).await;
    standby.kill().await;
    refuses_beside_a_process(&crew.world.database).await;
    crew.workers.remove(0).kill().await;
}

/// It has neither shards nor a place among the others yet.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn tables_are_not_dropped_under_a_bot_that_waits_for_discord() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let away = tributary_sandbox::Effect::Status(503);
    world.sandbox.fault(tributary_sandbox::Fault::on("*", "**", away).forever());
    let mut bot = world.spawn();
    bot.logged("Discord can't be reached yet").await;
    refuses_beside_a_process(&world.database).await;
}

/// Whatever removes them, readiness reports it.
#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn without_its_tables_a_bot_is_not_ready(
    #[case] backend: Backend,
    #[values("seaql_migrations", "key_check")] table: &str,
) {
    let Some(world) = World::on(backend).await else { return };
    let mut bot = world.start().await;
    world.ready(&mut bot).await;
    world.database.execute(&format!("DROP TABLE {table}")).await;
    let body = world.answers(&mut bot, 503).await;
    assert!(body.contains(r#""database":"its tables are missing""#), "{body}");
}
