//! What people did in the last hour is limited, over all processes.

use rstest::rstest;

use super::*;
use crate::store::CountedAction;

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    at(minutes * 60)
}

async fn count(store: &Store, id: u64, most: u32, minute: i64) -> Result<CountedAction, DateTime<Utc>> {
    store.count_action(user(id), most, minutes(minute)).await.unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_hour_slides_and_tells_when_the_next_is_free(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    assert!(count(store, 1, 2, 0).await.is_ok());
    assert!(count(store, 1, 2, 10).await.is_ok());
    for _ in 0..3 {
        assert_eq!(count(store, 1, 2, 20).await, Err(stored(minutes(60))), "a refusal doesn't count");
    }
    assert!(count(store, 2, 2, 20).await.is_ok(), "somebody else");
    let at_sixty = count(store, 1, 2, 60).await.unwrap();
    assert_eq!(count(store, 1, 2, 61).await, Err(stored(minutes(70))));
    // It may become fewer while some count already.
    assert_eq!(count(store, 1, 1, 61).await, Err(stored(minutes(120))));
    store.give_actions_back(&[at_sixty]).await.unwrap();
    assert!(count(store, 1, 2, 61).await.is_ok());
}

/// Two processes, and several at once in each: on PostgreSQL neither sees what the other hasn't committed.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_last_one_is_taken_once(#[case] backend: Backend) {
    const MOST: u32 = 10;
    let Some(db) = Db::new(backend).await else { return };
    let stores = [db.store.clone(), db.again().await];
    for person in 1..=5 {
        for minute in 1..MOST {
            count(&stores[0], person, MOST, i64::from(minute)).await.unwrap();
        }
        let tries = (0..8).map(|number| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move { count(&store, person, MOST, 20).await })
        });
        let mut taken = 0;
        for attempt in tries.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(_) => taken += 1,
                Err(free) => assert_eq!(free, stored(minutes(61))),
            }
        }
        assert_eq!(taken, 1, "of person {person}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn only_what_counts_is_kept(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let kept =
        async || db.texts("SELECT CAST(user_id AS text) AS text FROM person_actions ORDER BY id").await;
    // The clock was a day ahead, and was set back.
    for (person, minute) in [(1, 1_440), (2, 0), (3, 1), (1, 1), (4, 60)] {
        count(&db.store, person, 1, minute).await.unwrap();
    }
    assert_eq!(count(&db.store, 1, 1, 2).await, Err(stored(minutes(61))));
    db.store.forget_unused(minutes(60), TimeDelta::days(30)).await.unwrap();
    assert_eq!(kept().await, ["3", "1", "4"]);
}
