//! Processes beside each other: shards that one holds, and what they tell each other.

use std::time::Duration;

use super::*;
use crate::domain::follow::FollowId;
use crate::domain::shards::Shards;
use crate::store::{Conflict, Session, Signal};

fn shards(text: &str) -> Shards {
    text.parse().unwrap()
}

/// Another process on the same database: a store of its own, and its session.
async fn process(db: &Db) -> (Store, Session) {
    let cipher = Cipher::new(&SecretBox::new(Box::new([7; 32])));
    let store = Store::connect(&db.address, cipher).await.unwrap();
    let session = store.session().await.unwrap().expect("PostgreSQL has sessions");
    (store, session)
}

#[tokio::test]
async fn on_sqlite_there_is_nobody_to_share_with() {
    let Some(db) = Db::new(Backend::Sqlite).await else { return };
    assert!(!db.store.is_shared() && db.store.session().await.unwrap().is_none());
    db.store.tell(&Signal::Look).await.unwrap();
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_shard_has_one_holder() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (one_store, mut one) = process(&db).await;
    let (other_store, mut other) = process(&db).await;
    assert_eq!(one.take(shards("0..3/16")).await.unwrap(), None);
    let taken = other.take(shards("3..5/16")).await.unwrap();
    assert!(matches!(taken, Some(Conflict::Taken { shard: 3, .. })), "{taken:?}");
    let divided = other.take(shards("7/8")).await.unwrap();
    assert_eq!(divided, Some(Conflict::OtherTotal { theirs: 16, ours: 8 }));
    assert_eq!(other.take(shards("4..15/16")).await.unwrap(), None);
    // All or nothing: what it could not have in part is still free of it.
    let (third_store, mut third) = process(&db).await;
    assert!(third.take(shards("0..4/16")).await.unwrap().is_some());
    one.close().await;
    assert_eq!(third.take(shards("0..3/16")).await.unwrap(), None);
    for session in [other, third] {
        session.close().await;
    }
    for store in [one_store, other_store, third_store] {
        store.close().await.unwrap();
    }
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn others_hear_and_oneself_does_not() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (one_store, mut one) = process(&db).await;
    let (other_store, mut other) = process(&db).await;
    one.tell(&[Signal::Work(vec![channel(5), channel(6)]), Signal::Look]).await.unwrap();
    one_store.tell(&Signal::Panel).await.unwrap();
    other_store.tell(&Signal::Follow(FollowId(7))).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(tokio::time::timeout(Duration::from_secs(10), other.next()).await.unwrap().unwrap());
    }
    let work = Signal::Work(vec![channel(5), channel(6)]);
    assert_eq!(heard, [work, Signal::Look, Signal::Panel]);
    let heard = tokio::time::timeout(Duration::from_secs(10), one.next()).await.unwrap().unwrap();
    assert_eq!(heard, Signal::Follow(FollowId(7)), "its own come before that, and aren't heard");
    for session in [one, other] {
        session.close().await;
    }
    for store in [one_store, other_store] {
        store.close().await.unwrap();
    }
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_connection_that_is_cut_says_so() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (store, mut session) = process(&db).await;
    assert_eq!(session.take(shards("0/1")).await.unwrap(), None);
    session.check().await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'tributary session' AND datname = current_database()";
    db.store.db.execute_unprepared(cut).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(10), session.next()).await.unwrap().is_err());
    let mut next = store.session().await.unwrap().unwrap();
    assert_eq!(next.take(shards("0/1")).await.unwrap(), None, "its locks went with it");
    next.close().await;
    session.close().await;
    store.close().await.unwrap();
}
