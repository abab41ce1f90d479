//! Recording what happens in sources.

use rstest::rstest;

use super::*;
use crate::store::Recorded;

#[derive(Debug, PartialEq, FromQueryResult)]
struct ActivityRow {
    origin: String,
    revision: i32,
    deleted: bool,
    content: Option<Vec<u8>>,
}

async fn activities(db: &Db) -> Vec<ActivityRow> {
    db.rows("SELECT origin, revision, deleted, content FROM activities ORDER BY id").await
}

/// What an activity says, decrypted.
fn says(row: &ActivityRow, id: u64) -> Option<String> {
    let sealed = row.content.as_ref()?;
    Some(cipher(1).open_content(origin(1, id), sealed).unwrap().as_message()?.text.clone())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn is_idempotent_and_keeps_the_order(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for target in [4, 2, 3] {
        follow(&db.store, 1, target).await;
    }
    follow(&db.store, 5, 2).await;
    let events = [posted(1, 30), posted(5, 12), posted(1, 10), posted(1, 20)];
    let recorded = db.store.record_events(&events, at(0)).await.unwrap();
    assert_eq!(
        recorded,
        Recorded {
            lanes: vec![channel(2), channel(3), channel(4)],
            posted: 4,
            changed: 0,
            quoted: false,
            withheld: 0
        }
    );
    let again = db.store.record_events(&events, at(1)).await.unwrap();
    assert_eq!(again, Recorded::default());
    let origins: Vec<String> = activities(&db).await.into_iter().map(|row| row.origin).collect();
    assert_eq!(origins, ["discord:1/30", "discord:5/12", "discord:1/10", "discord:1/20"]);
    assert_eq!(db.deliveries().await.len(), 3 * 3 + 1);
    assert_eq!(db.store.seen_message(channel(1)).await.unwrap(), Some(message(30)));
    let lease = claim(&db.store, 2).await;
    // As they stand in their sources, whenever they were read.
    assert_eq!(show_all(&db.store, &lease, 500).await, [10, 12, 20, 30]);
    assert_eq!(db.store.record_events(&[], at(2)).await.unwrap(), Recorded::default());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn edits_make_revisions_and_reopen(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    store.record_events(&[edited(1, 10, "second")], at(1)).await.unwrap();
    let lease = claim(store, 2).await;
    let next = advance(store, &lease, None, at(2)).await;
    let (in_flight, work) = create(&next);
    assert_eq!(
        work.content.as_ref().unwrap().as_message().unwrap().text,
        "second",
        "the newest revision is the first shown"
    );
    assert_eq!(in_flight.revision.0, 2);
    assert_eq!(advance(store, &lease, Some(created(in_flight, 2, 500)), at(2)).await, NextAction::Idle);

    assert_eq!(store.record_events(&[edited(1, 10, "second")], at(3)).await.unwrap(), Recorded::default());
    let events = [edited(1, 10, "third"), edited(1, 10, "fourth"), edited(1, 99, "unknown")];
    let recorded = store.record_events(&events, at(4)).await.unwrap();
    assert_eq!(
        recorded,
        Recorded { lanes: vec![channel(2)], posted: 0, changed: 1, quoted: false, withheld: 0 }
    );
    let next = advance(store, &lease, None, at(5)).await;
    assert_eq!(about(&next), (Step::Edit(message(500), Part(0)), 10));
    let rows = activities(&db).await;
    assert_eq!((rows.len(), rows[0].revision, says(&rows[0], 10).as_deref()), (1, 4, Some("fourth")));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn deletions_forget_the_content(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    follow(store, 1, 3).await;
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let lease = claim(store, 2).await;
    show_all(store, &lease, 500).await;
    let recorded = store.record_events(&[deleted(1, 10)], at(1)).await.unwrap();
    assert_eq!(
        recorded,
        Recorded { lanes: vec![channel(2), channel(3)], posted: 0, changed: 1, quoted: false, withheld: 0 }
    );
    let rows = activities(&db).await;
    assert!(rows[0].deleted && rows[0].content.is_none());
    assert_eq!(rows[0].revision, 2);
    let events = [deleted(1, 10), edited(1, 10, "too late"), posted(1, 10)];
    assert_eq!(store.record_events(&events, at(2)).await.unwrap(), Recorded::default());

    let next = advance(store, &lease, None, at(3)).await;
    assert_eq!(about(&next), (Step::Delete(message(500)), 10));
    let never_shown = claim(store, 3).await;
    assert_eq!(advance(store, &never_shown, None, at(3)).await, NextAction::Idle);
    assert!(show_all(store, &lease, 600).await.is_empty());
    assert_eq!(db.deliveries().await, ["2 ended 1 withdrawn", "3 ended withdrawn"]);
    assert!(store.mirrored(message(500)).await.unwrap().is_none());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_batch_is_played_through_in_order(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let events = [
        edited(1, 10, "before it was posted"),
        posted(1, 10),
        posted(1, 11),
        edited(1, 10, "edited"),
        deleted(1, 11),
        posted(1, 12),
    ];
    let recorded = db.store.record_events(&events, at(0)).await.unwrap();
    assert_eq!(
        recorded,
        Recorded { lanes: vec![channel(2)], posted: 3, changed: 0, quoted: false, withheld: 0 }
    );
    assert_eq!(db.deliveries().await.len(), 2, "what is gone already is delivered to nobody");
    let rows = activities(&db).await;
    assert_eq!(says(&rows[0], 10).as_deref(), Some("edited"));
    assert!(rows[1].deleted && rows[1].content.is_none());
    let lease = claim(&db.store, 2).await;
    assert_eq!(show_all(&db.store, &lease, 500).await, [10, 12]);
}
