//! Whose fault a failure is, told by real ones.

use rstest::rstest;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};

use super::*;
use crate::store::Blame;

/// What becomes of this statement.
async fn blame(db: &Db, statement: &str) -> Blame {
    let error = db.store.db.execute_unprepared(statement).await.unwrap_err();
    StoreError::from(error).blame()
}

fn data(code: &'static str) -> Blame {
    Blame::Data(code.into())
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn postgres_tells_data_from_troubles_of_its_own() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let long = "(SELECT string_agg(md5(CAST(n AS text)), '') FROM generate_series(1, 500) n)";
    db.store.record_events(&[], at(0)).await.unwrap();
    let insert = format!("INSERT INTO channel_follow_tags (follow_id, tag) VALUES (1, {long})");
    assert_eq!(blame(&db, &insert).await, data("54000"), "an index row that is too large");
    for (statement, code) in [
        ("SELECT 1 / 0", "22012"),
        (r#"SELECT '"\u0000"'::jsonb ->> 0"#, "22P05"),
        ("SELECT CAST('' AS bigint)", "22P02"),
        ("INSERT INTO lanes (target_channel_id, lease_owner) VALUES (NULL, 'x')", "23502"),
        ("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$", "P0001"),
    ] {
        assert_eq!(blame(&db, statement).await, data(code), "{statement}");
    }
    for statement in [
        "SELECT 1 FROM gone",
        "SELECT gone FROM lanes",
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "SET statement_timeout = 1; SELECT pg_sleep(1)",
        "BEGIN READ ONLY; DELETE FROM lanes",
    ] {
        assert_eq!(blame(&db, statement).await, Blame::Database, "{statement}");
    }
}

#[tokio::test]
async fn sqlite_tells_data_from_troubles_of_its_own() {
    let db = Db::new(Backend::Sqlite).await.unwrap();
    for (statement, code) in [
        ("INSERT INTO lanes (target_channel_id) VALUES (1), (1)", "1555"),
        ("SELECT json('{')", "1"),
        ("SELECT zeroblob(2000000000)", "18"),
    ] {
        assert_eq!(blame(&db, statement).await, data(code), "{statement}");
    }
    for statement in ["SELECT 1 FROM gone", "SELECT gone FROM lanes"] {
        assert_eq!(blame(&db, statement).await, Blame::Database, "{statement}");
    }
    // One connection that finds the disk full, one that may only read, and one that waits for no other.
    let open = async |pragma: &str| {
        let mut options = ConnectOptions::new(db.address.expose_secret());
        options.max_connections(1);
        let other = Database::connect(options).await.unwrap();
        other.execute_unprepared(pragma).await.unwrap();
        other
    };
    let fill = "INSERT INTO key_check (id, sealed) SELECT 1, zeroblob(9000000)";
    let (full, reader) = (open("PRAGMA max_page_count = 1").await, open("PRAGMA query_only = TRUE").await);
    for other in [full, reader] {
        let error = other.execute_unprepared(fill).await.unwrap_err();
        assert_eq!(StoreError::from(error).blame(), Blame::Database);
    }
    let waiting = open("PRAGMA busy_timeout = 0").await;
    let _held = db.store.write().await.unwrap();
    let error = waiting.execute_unprepared(fill).await.unwrap_err();
    assert_eq!(StoreError::from(error).blame(), Blame::Database);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_pool_that_is_closed_is_no_fault_of_the_data(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = db.again().await;
    follow(&store, 1, 2).await;
    store.close().await.unwrap();
    let error = store.record_events(&[posted(1, 10)], at(0)).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Database);
}
