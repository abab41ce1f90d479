//! Requests with a key: claimed by one, answered to all.

use rstest::rstest;

use super::*;
use crate::domain::idempotency::{KeyOwner, KeyedRequest};
use crate::store::KeyState;

fn request(user: u64, key: &str, body: &str) -> KeyedRequest {
    let owner = KeyOwner::Token(crate::domain::account::ApiTokenId(1));
    KeyedRequest::new(UserId::new(user).unwrap(), owner, key.as_bytes(), "/a", body.as_bytes())
}

/// One that is answered, and one that is under way.
pub(super) async fn rows(db: &Db) {
    for number in 1..=2 {
        let keyed = request(number, "k", "{}");
        assert_eq!(db.store.claim_request(&keyed, 1, at(0)).await.unwrap(), KeyState::Claimed);
    }
    db.store.keep_answer(&request(1, "k", "{}"), 1, b"answer").await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_claimed_answered_and_forgotten(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    rows(&db).await;
    let (answered, under_way) = (request(1, "k", "{}"), request(2, "k", "{}"));
    let claim = async |keyed: &KeyedRequest, number, time| store.claim_request(keyed, number, at(time)).await;
    let day = 24 * 60 * 60;
    assert_eq!(claim(&answered, 2, day - 1).await.unwrap(), KeyState::Answered(b"answer".to_vec()));
    assert_eq!(claim(&request(1, "k", "{ }"), 2, 1).await.unwrap(), KeyState::OtherRequest);
    assert_eq!(claim(&under_way, 2, 59).await.unwrap(), KeyState::InUse);
    // Whoever worked on it has died. If they haven't, they come too late.
    assert_eq!(claim(&under_way, 2, 60).await.unwrap(), KeyState::Claimed);
    store.keep_answer(&under_way, 1, b"late").await.unwrap();
    store.release_request(&under_way, 1).await.unwrap();
    assert_eq!(claim(&under_way, 3, 61).await.unwrap(), KeyState::InUse);
    store.release_request(&under_way, 2).await.unwrap();
    assert_eq!(claim(&under_way, 3, 61).await.unwrap(), KeyState::Claimed);
    // What was answered isn't released any more.
    store.keep_answer(&under_way, 3, b"done").await.unwrap();
    store.release_request(&under_way, 3).await.unwrap();
    assert_eq!(claim(&under_way, 4, 62).await.unwrap(), KeyState::Answered(b"done".to_vec()));

    let left =
        async || db.texts("SELECT CAST(user_id AS text) AS text FROM idempotency_keys ORDER BY 1").await;
    store.forget_old_answers(at(day + 60)).await.unwrap();
    assert_eq!(left().await, ["2"]);
    assert_eq!(claim(&under_way, 5, day + 61).await.unwrap(), KeyState::Claimed, "the day is over");
    store.forget_access(UserId::new(2).unwrap()).await.unwrap();
    assert_eq!(left().await, [""; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_keeps_more_than_so_many(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let most = u64::from(crate::domain::idempotency::MOST_ANSWERS);
    rows(&db).await;
    let insert = match backend {
        Backend::Sqlite => {
            "INSERT INTO idempotency_keys (key_hash, user_id, request_hash, claim, claimed_at, answer) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2499) \
             SELECT randomblob(32), 1, x'00', i, '2027-01-15T08:01:00+00:00', x'00' FROM n"
        }
        Backend::Postgres => {
            "INSERT INTO idempotency_keys (key_hash, user_id, request_hash, claim, claimed_at, answer) \
             SELECT sha256(i::text::bytea), 1, '\\x00', i, '2027-01-15T08:01:00+00:00', '\\x00' FROM generate_series(1, 2499) i"
        }
    };
    db.store.db.execute_unprepared(insert).await.unwrap();
    let kept = async |user: u64| {
        let count =
            format!("SELECT CAST(COUNT(*) AS text) AS text FROM idempotency_keys WHERE user_id = {user}");
        db.texts(&count).await.remove(0).parse::<u64>().unwrap()
    };
    assert_eq!(kept(1).await, most);
    let next = request(1, "next", "{}");
    assert_eq!(db.store.claim_request(&next, 1, at(120)).await.unwrap(), KeyState::Claimed);
    assert_eq!((kept(1).await, kept(2).await), (most, 1), "the oldest made room");
    let oldest = db.store.claim_request(&request(1, "k", "{}"), 9, at(1)).await.unwrap();
    assert_eq!(oldest, KeyState::Claimed, "it isn't known any more");
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test(flavor = "multi_thread")]
async fn of_many_processes_one_claims() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let other = db.again().await;
    for round in 0..20 {
        let keyed = request(1, &round.to_string(), "{}");
        let (one, two) =
            tokio::join!(db.store.claim_request(&keyed, 1, at(0)), other.claim_request(&keyed, 2, at(0)));
        let states = [one.unwrap(), two.unwrap()];
        assert!(states.contains(&KeyState::Claimed) && states.contains(&KeyState::InUse), "{states:?}");
        // The same with one that was left behind.
        let (one, two) =
            tokio::join!(db.store.claim_request(&keyed, 3, at(90)), other.claim_request(&keyed, 4, at(90)));
        let states = [one.unwrap(), two.unwrap()];
        assert!(states.contains(&KeyState::Claimed) && states.contains(&KeyState::InUse), "{states:?}");
    }
    other.close().await.unwrap();
}
