//! What must not be readable isn't.

use rstest::rstest;

use super::*;
use crate::store::{KeyFit, StoreError};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tokens_and_contents_are_not_in_the_database(#[case] backend: Backend) {
    #[derive(FromQueryResult)]
    struct Row {
        token: Vec<u8>,
        content: Vec<u8>,
    }
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    db.store.record_events(&[edited(1, 10, "plain words")], at(0)).await.unwrap();
    let query = "SELECT f.webhook_token AS token, a.content AS content FROM channel_follows f, activities a";
    let rows: Vec<Row> = db.rows(query).await;
    let mut bytes = rows[0].token.clone();
    bytes.extend_from_slice(&rows[0].content);
    if let Some(directory) = &db.directory {
        for file in std::fs::read_dir(directory.path()).unwrap() {
            bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        assert!(holds(&bytes, b"discord:1/10"), "these are the right files");
    }
    for secret in ["secret-token", "plain words", "Ada"] {
        assert!(!holds(&bytes, secret.as_bytes()), "{secret}");
    }
    let used = db.store.webhook_of(channel(2)).await.unwrap().unwrap();
    assert_eq!(token(&used), "secret-token-1002");
    assert!(!format!("{used:?} {:?}", db.store).contains("secret-token"));
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn another_key_is_noticed(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    db.store.check_key().await.unwrap();
    db.again().await.check_key().await.unwrap();
    follow(&db.store, 1, 2).await;
    let other = db.with_key(2).await;
    let error = other.check_key().await.unwrap_err();
    assert!(error.to_string().contains("ENCRYPTION_KEY"), "{error}");
    assert!(matches!(other.webhook_of(channel(2)).await, Err(StoreError::Decrypt(_))));
    db.again().await.check_key().await.unwrap();
}

/// Whoever can write into the database can't make the bot post one message as another, or through another
/// webhook.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn sealed_values_open_in_their_own_row_only(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    follow(&db.store, 1, 3).await;
    db.store.record_events(&[posted(1, 10), posted(1, 11)], at(0)).await.unwrap();
    for (table, column, key) in [
        ("channel_follows", "webhook_token", "target_channel_id = 2"),
        ("activities", "content", "source_message_id = 10"),
    ] {
        let other = format!("SELECT o.{column} FROM {table} o WHERE NOT (o.{key})");
        let copy = format!("UPDATE {table} SET {column} = ({other}) WHERE {key}");
        db.store.db.execute_unprepared(&copy).await.unwrap();
    }
    assert!(matches!(db.store.webhook_of(channel(2)).await, Err(StoreError::Decrypt(_))));
    assert_eq!(token(&db.store.webhook_of(channel(3)).await.unwrap().unwrap()), "secret-token-1003");

    let lease = claim(&db.store, 3).await;
    let holder = Holder { owner: "test", now: at(1), lease: TimeDelta::seconds(60) };
    let asked = vec![request(LaneRef::Claimed(lease), None)];
    let turn = db.store.advance(holder, asked).await.unwrap().pop().unwrap().unwrap();
    assert!(matches!(turn.unreadable[0].1, StoreError::Decrypt(_)), "{turn:?}");
    assert!(matches!(turn.next, NextAction::Wait(_)), "{turn:?}");
}

/// Where the mark is gone, what was written with the key tells.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_known_without_its_mark(#[case] backend: Backend) {
    let Some(db) = Db::empty(backend).await else { return };
    assert_eq!(db.store.key_fit().await.unwrap(), KeyFit::Unused, "without tables");
    db.store.migrate_up().await.unwrap();
    assert_eq!(db.store.key_fit().await.unwrap(), KeyFit::Unused, "without rows");
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let clear = "UPDATE activities SET content = NULL, digest = NULL";
    db.store.db.execute_unprepared(clear).await.unwrap();
    assert_eq!(db.store.key_fit().await.unwrap(), KeyFit::Unused, "nothing of it is encrypted");
    db.store.db.execute_unprepared("DELETE FROM activities").await.unwrap();
    db.store.check_key().await.unwrap();
    assert_eq!(db.store.key_fit().await.unwrap(), KeyFit::Fits);
    assert_eq!(db.with_key(2).await.key_fit().await.unwrap(), KeyFit::Differs);
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 11)], at(0)).await.unwrap();
    db.store.db.execute_unprepared("DELETE FROM key_check").await.unwrap();
    assert_eq!(db.store.key_fit().await.unwrap(), KeyFit::Fits, "by a token");
    assert_eq!(db.with_key(2).await.key_fit().await.unwrap(), KeyFit::Differs);
    db.store.db.execute_unprepared("DELETE FROM channel_follows").await.unwrap();
    assert_eq!(db.store.key_fit().await.unwrap(), KeyFit::Unknown, "something is encrypted");
}

#[tokio::test]
async fn addresses_are_not_repeated() {
    let closed = "postgres://user:hunter2@localhost/name?host=/nowhere";
    for address in
        ["", "mysql://u:hunter2@h/x", "postgres://u:hunter2@h:port/x", "sqlite://x?mode=hunter2", closed]
    {
        let error = Store::connect(&SecretString::from(address), cipher(1)).await.unwrap_err();
        let (text, debug) = (error.to_string(), format!("{error:?}"));
        assert!(!text.contains("hunter2") && !debug.contains("hunter2"), "{text} {debug}");
        assert_eq!(matches!(error, StoreError::Address), address != closed, "{debug}");
    }
}

#[tokio::test]
async fn a_missing_file_is_said() {
    let address = SecretString::from("sqlite:///nowhere/at/all.db?mode=rwc");
    let error = Store::connect(&address, cipher(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
}
