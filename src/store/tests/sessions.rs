//! Processes side by side: the shards that each holds, and the notices that they send each other.

use std::time::Duration;

use sea_orm::sqlx::Executor as _;

use super::*;
use crate::domain::follow::FollowId;
use crate::domain::shards::Shards;
use crate::store::db::connect;
use crate::store::{Notice, OpenLane, Registration, ShardConflict};

fn shards(text: &str) -> Shards {
    text.parse().unwrap()
}

/// Another process on the same database: a store of its own, and its session.
async fn process(db: &Db) -> (Store, Registration) {
    let cipher = Cipher::new(&SecretBox::new(Box::new([7; 32])));
    let store = Store::connect(&db.address, cipher).await.unwrap();
    let session = store.register().await.unwrap().expect("PostgreSQL has sessions");
    (store, session)
}

#[tokio::test]
async fn on_sqlite_there_is_nobody_to_share_with() {
    let Some(db) = Db::new(Backend::Sqlite).await else { return };
    assert!(!db.store.is_shared() && db.store.register().await.unwrap().is_none());
    db.store.notify(&Notice::AnyWork).await.unwrap();
}

/// Takes shards whose holder's connection has ended: PostgreSQL frees them as soon as it notices.
async fn take_freed(session: &mut Registration, wanted: &str) {
    let taking = async { while session.take(shards(wanted)).await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), taking).await.expect("the shards are free");
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_shard_has_one_holder() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (one_store, mut one) = process(&db).await;
    let (other_store, mut other) = process(&db).await;
    assert_eq!(one.take(shards("0..3/16")).await.unwrap(), None);
    let taken = other.take(shards("3..5/16")).await.unwrap();
    assert!(matches!(taken, Some(ShardConflict::Taken { shard: 3, .. })), "{taken:?}");
    let divided = other.take(shards("7/8")).await.unwrap();
    assert_eq!(divided, Some(ShardConflict::OtherTotal { theirs: 16, ours: 8 }));
    assert_eq!(other.take(shards("4..15/16")).await.unwrap(), None);
    // All or nothing: what it could not have in part is still free of it.
    let (third_store, mut third) = process(&db).await;
    assert!(third.take(shards("0..4/16")).await.unwrap().is_some());
    one.close().await;
    take_freed(&mut third, "0..3/16").await;
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
    one.notify(&[Notice::Work(vec![channel(5), channel(6)]), Notice::AnyWork]).await.unwrap();
    one_store.notify(&Notice::Panel).await.unwrap();
    other_store.notify(&Notice::Follow(FollowId(7))).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(tokio::time::timeout(Duration::from_secs(10), other.next()).await.unwrap().unwrap());
    }
    let work = Notice::Work(vec![channel(5), channel(6)]);
    assert_eq!(heard, [work, Notice::AnyWork, Notice::Panel]);
    let heard = tokio::time::timeout(Duration::from_secs(10), one.next()).await.unwrap().unwrap();
    assert_eq!(heard, Notice::Follow(FollowId(7)), "its own come before that, and aren't heard");
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
    session.time().await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'tributary session' AND datname = current_database()";
    db.store.db.execute_unprepared(cut).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(10), session.next()).await.unwrap().is_err());
    let mut next = store.register().await.unwrap().unwrap();
    // Its locks went with it.
    take_freed(&mut next, "0/1").await;
    next.close().await;
    session.close().await;
    store.close().await.unwrap();
}

/// The row of a lane: its owner, and when what is in flight there is settled.
async fn row(db: &Db, target: u64) -> (Option<String>, Option<DateTime<Utc>>) {
    let query = format!("SELECT lease_owner, settle_at FROM lanes WHERE target_channel_id = {target}");
    let row = Sql::new(query, []).row(&db.store.db).await.unwrap().unwrap();
    (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())
}

/// However long their leases are, and nobody else's.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn lanes_of_dead_processes_are_freed_and_those_of_the_living_are_not() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (alive_store, alive) = process(&db).await;
    let (dead_store, dead) = process(&db).await;
    let (store, mut looking) = process(&db).await;
    for target in [2, 3, 4, 5] {
        follow(&store, 1, target).await;
    }
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let hour = at(3_600);
    take(&store, 2, &alive.owner(), at(0), hour).await.unwrap();
    take(&store, 3, &dead.owner(), at(0), hour).await.unwrap();
    // Of another version, say: only its lease counts.
    take(&store, 4, "4711-0123456789abcdef", at(0), hour).await.unwrap();
    let in_doubt = take(&store, 5, &dead.owner(), at(0), hour).await.unwrap();
    create(&advance(&store, &in_doubt, None, at(1)).await);
    assert_eq!(looking.free_lanes_of_the_dead(at(9)).await.unwrap(), []);

    dead.close().await;
    // PostgreSQL ends the connection in its own time.
    let mut freed = Vec::new();
    while freed.is_empty() {
        freed = looking.free_lanes_of_the_dead(at(9)).await.unwrap();
    }
    freed.sort_unstable();
    assert_eq!(freed, [channel(3), channel(5)]);
    assert_eq!(row(&db, 2).await.0, Some(alive.owner()));
    assert_eq!(row(&db, 3).await, (None, None));
    assert_eq!(row(&db, 4).await.0.as_deref(), Some("4711-0123456789abcdef"));
    assert_eq!(row(&db, 5).await, (None, Some(stored(at(9)))), "looked for, but not before that");
    let open = store.open_lanes(None, at(2), 10).await.unwrap().lanes;
    let ready = |target| OpenLane { target: channel(target), ready_at: None };
    assert_eq!(open, [ready(3), ready(5)]);
    for session in [alive, looking] {
        session.close().await;
    }
    for store in [alive_store, dead_store, store] {
        store.close().await.unwrap();
    }
}

/// On every connection of the pool, also those that are opened later.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn no_connection_waits_for_ever() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (store, session) = process(&db).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let txn = store.write().await.unwrap();
        for setting in connect::SETTINGS.split(';') {
            let (name, value) = setting.trim().strip_prefix("SET ").unwrap().split_once(" = ").unwrap();
            let row = Sql::new(format!("SHOW {name}"), []).row(&*txn).await.unwrap().unwrap();
            let now: String = row.try_get_by_index(0).unwrap();
            assert_eq!(now, value.trim_matches('\''), "{name}");
        }
        held.push(txn);
    }
    drop(held);
    session.close().await;
    store.close().await.unwrap();
}

/// A process that is frozen inside a transaction, because its machine is gone, holds up its lanes and sources
/// no longer than PostgreSQL is told.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_transaction_in_which_nothing_happens_is_ended() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (store, still) = (&db.store, db.again().await);
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let txn = still.write().await.unwrap();
    locks::sources(&*txn, [channel(1)]).await.unwrap();
    locks::lanes(&*txn, [channel(2)]).await.unwrap();
    let next = turn(store, request(LaneRef::Unclaimed(channel(2)), None), at(1)).await.next;
    assert_eq!(next, NextAction::Locked);
    // It waits for the locks, and gets them.
    store.record_events(&[posted(1, 11)], at(1)).await.unwrap();
    assert!(txn.commit().await.is_err(), "what it had begun is undone");
    let next = turn(store, request(LaneRef::Unclaimed(channel(2)), None), at(2)).await.next;
    assert_eq!(about(&next).1, 10);
}

/// As behind a pooler that gives each transaction another connection: what was locked belongs to another
/// process, or to nobody.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_session_that_does_not_hold_its_name_says_so() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let (store, mut session) = process(&db).await;
    session.free_lanes_of_the_dead(at(9)).await.unwrap();
    session.listener.execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    let looked = session.free_lanes_of_the_dead(at(9)).await;
    assert!(matches!(looked, Err(StoreError::SharedConnection)), "{looked:?}");
    session.close().await;
    store.close().await.unwrap();
}
