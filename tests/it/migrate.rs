//! `tributary migrate`, as an operator uses it.

use rstest::rstest;

use crate::harness::{Backend, Bot, Database, KEY, ended};

async fn migrate(database: &Database, words: &[&str]) -> Vec<String> {
    let mut command = Bot::command(database);
    command.arg("migrate").args(words).env("DATABASE_URL", database.url());
    let ended = ended(command).await;
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
    let all = migrate(&database, &["status"]).await;
    assert!(all.len() >= 5 && count(&all, "pending") == all.len(), "{all:?}");

    let up = migrate(&database, &["up"]).await;
    assert_eq!(count(&up, "applied"), all.len(), "{up:?}");
    assert_eq!(migrate(&database, &["up"]).await, up, "once more changes nothing");
    assert_eq!(migrate(&database, &["status"]).await, up);
    assert!(database.text("SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows").await.is_some());

    let down = migrate(&database, &["down", "--steps", "1"]).await;
    assert_eq!((count(&down, "applied"), count(&down, "pending")), (all.len() - 1, 1), "{down:?}");
    assert!(down.last().unwrap().starts_with("pending"), "the newest goes first: {down:?}");
    assert_eq!(migrate(&database, &["down"]).await, all, "all go");
    assert_eq!(tables(&database, backend).await, "0");
    assert_eq!(migrate(&database, &["up"]).await, up, "and back");
}

/// How many tables there are but the migrations' own.
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
