//! What is quarantined is recorded and delivered to nobody; once released, it is delivered to everyone whom
//! it reaches, in its order.

use std::collections::HashSet;

use rstest::rstest;

use super::*;
use crate::domain::follow::FollowId;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_held_is_owed_when_it_is_released(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (two, three) = (follow(&db.store, 1, 2).await, follow(&db.store, 1, 3).await);
    let held = HashSet::from([origin(1, 100)]);
    let events = [posted(1, 100), posted(1, 101)];
    let recorded = db.store.record_events_quarantining(&events, &held, at(0)).await.unwrap();
    assert_eq!((recorded.lanes, recorded.posted), (vec![channel(2), channel(3)], 1));
    assert_eq!(db.deliveries().await, ["2 due", "3 due"]);
    // Its content is kept, and an edit changes it.
    db.store.mark_contents_unneeded(at(1)).await.unwrap();
    db.store.clear_contents(at(9)).await.unwrap();
    db.store.record_events(&[edited(1, 100, "held and edited")], at(1)).await.unwrap();
    assert_eq!(db.deliveries().await, ["2 due", "3 due"]);
    assert_eq!(db.store.follows_that_want(origin(1, 100)).await.unwrap(), [two.id, three.id]);

    let some = [three.id, FollowId(99)];
    assert_eq!(db.store.release_quarantined(origin(1, 100), Some(&some)).await.unwrap(), [channel(3)]);
    assert!(db.store.is_being_shown(&[origin(1, 100)]).await.unwrap());
    assert_eq!(db.store.release_overdue(at(60)).await.unwrap(), [], "it is still held");
    assert_eq!(db.store.release_overdue(at(1_300)).await.unwrap(), [channel(2)]);
    assert_eq!(
        db.store.release_quarantined(origin(1, 100), None).await.unwrap(),
        [],
        "nothing is held any more"
    );
    // Older than what was posted after it, it is shown first.
    let lease = claim(&db.store, 2).await;
    assert!(matches!(about(&advance(&db.store, &lease, None, at(1_301)).await), (Step::Create(_), 100)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_deleted_while_it_was_held_is_owed_to_nobody(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let held = HashSet::from([origin(1, 100)]);
    db.store.record_events_quarantining(&[posted(1, 100)], &held, at(0)).await.unwrap();
    db.store.record_events(&[deleted(1, 100)], at(1)).await.unwrap();
    assert_eq!(db.store.release_overdue(at(1_300)).await.unwrap(), []);
    assert!(db.deliveries().await.is_empty());
}
