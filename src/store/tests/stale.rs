//! Mirrors that must be edited although they show the newest revision.

use rstest::rstest;

use super::copy::execute;
use super::*;
use crate::domain::activity::Revision;

const NAME: &str = "m20261130_000031_mark_stale_mirrors";

/// The mirrors, each as `MESSAGE REVISION [stale]`.
const MIRRORS: &str = "SELECT CAST(message_id AS text) || ' ' || CAST(revision AS text) || \
    CASE WHEN stale THEN ' stale' ELSE '' END AS text FROM mirrors ORDER BY message_id";

/// Messages of channel 1, shown in channel 2 as 500, 501, ….
async fn shown(db: &Db, messages: impl IntoIterator<Item = u64>) -> Lease {
    follow(&db.store, 1, 2).await;
    let messages: Vec<SourceEvent> = messages.into_iter().map(|id| posted(1, id)).collect();
    db.store.record_events(&messages, at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    show_all(&db.store, &lease, 500).await;
    lease
}

/// The edit that a lane should make.
async fn edit(db: &Db, lease: &Lease, done: Option<StepResult>) -> Option<StepResult> {
    match advance(&db.store, lease, done, at(20)).await {
        NextAction::Do { step: Step::Edit(message, _), work } => Some(edited_to_newest(&work, message)),
        NextAction::Idle => None,
        other => panic!("no edit: {other:?}"),
    }
}

/// Going up, a revision below all real ones becomes a mark; going down, it is one again. Either way the
/// mirror is still to be edited, and nothing else changes.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn marks_survive_the_migration_in_both_directions(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let lease = shown(&db, 10..14).await;
    db.store.show_again(message(501)).await.unwrap();
    db.store.show_again(message(501)).await.unwrap();
    assert_eq!(db.texts(MIRRORS).await, ["500 1", "501 1 stale", "502 1", "503 1"]);
    migrations::revert(&db, NAME).await;
    let revisions = "SELECT CAST(revision AS text) AS text FROM mirrors ORDER BY message_id";
    assert_eq!(db.texts(revisions).await, ["1", "-1", "1", "1"]);
    // What an earlier version writes: often marked, and unsure.
    for (mirror, revision) in [(502, -3), (503, 0)] {
        execute(&db, &format!("UPDATE mirrors SET revision = {revision} WHERE message_id = {mirror}")).await;
        execute(&db, "UPDATE deliveries SET state = 'due'").await;
    }
    db.store.migrate_up().await.unwrap();
    assert_eq!(db.texts(MIRRORS).await, ["500 1", "501 1 stale", "502 1 stale", "503 1 stale"]);
    let mut done = None;
    let mut edits = 0;
    while let Some(made) = edit(&db, &lease, done.take()).await {
        (done, edits) = (Some(made), edits + 1);
    }
    assert_eq!(edits, 3);
    assert_eq!(db.texts(MIRRORS).await, ["500 1", "501 1", "502 1", "503 1"]);
}

/// An edit that began before a mark doesn't lift it, whenever and however often it is recorded.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_marked_during_an_edit_is_edited_again(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let lease = shown(&db, [10]).await;
    db.store.show_again(message(500)).await.unwrap();
    let first = edit(&db, &lease, None).await.unwrap();
    db.store.show_again(message(500)).await.unwrap();
    let second = edit(&db, &lease, Some(first.clone())).await.expect("it is stale again");
    assert_eq!(edit(&db, &lease, Some(second.clone())).await, None);
    assert_eq!(db.texts(MIRRORS).await, ["500 1"]);
    db.store.show_again(message(500)).await.unwrap();
    for late in [first, second] {
        assert!(edit(&db, &lease, Some(late)).await.is_some(), "an earlier edit, recorded once more");
    }
    assert_eq!(db.texts(MIRRORS).await, ["500 1 stale"]);
}

/// A delivery isn't shown, nor at rest, while one of its mirrors is stale.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_delivery_rests_when_none_of_its_mirrors_is_stale(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let mut done = None;
    for id in [500, 501] {
        let next = advance_parts(&db.store, &lease, done, at(1), 2).await;
        done = Some(created(create(&next).0, 2, id));
    }
    let newest = Some(Revision(1));
    let record = async |done, shown| {
        let request = LaneRequest { shown, ..request(LaneRef::Claimed(lease.clone()), Some(done)) };
        let request = LaneRequest { decide: Box::new(|work, now| step_of(work, 2, now)), ..request };
        turn(&db.store, request, at(30)).await.next
    };
    assert!(matches!(record(done.unwrap(), newest).await, NextAction::Idle));
    assert_eq!(db.deliveries().await, ["2 shown 1"]);
    let lease = claim(&db.store, 2).await;
    for id in [500, 501] {
        db.store.show_again(message(id)).await.unwrap();
    }
    let NextAction::Do { step: Step::Edit(first, _), work } =
        advance_parts(&db.store, &lease, None, at(31), 2).await
    else {
        panic!("an edit")
    };
    let request = request(LaneRef::Claimed(lease.clone()), Some(edited_to_newest(&work, first)));
    let decide: Decide<'_> = Box::new(|work, now| step_of(work, 2, now));
    let next = turn(&db.store, LaneRequest { shown: newest, decide, ..request }, at(32)).await.next;
    assert!(matches!(next, NextAction::Do { step: Step::Edit(other, _), .. } if other != first));
    assert_eq!(db.deliveries().await, ["2 due 1"]);
}
