//! Which delivery of a lane is next.

use rstest::rstest;

use super::*;
use crate::domain::activity::{DeliveryEnding, DeliveryId};
use crate::store::db::sql::stored;

fn delivery(next: &NextAction) -> DeliveryId {
    match next {
        NextAction::Do { work, .. } => work.delivery.id,
        other => panic!("no step: {other:?}"),
    }
}

fn postponed(next: &NextAction, seconds: i64) -> Option<StepResult> {
    Some(StepResult::Delayed { delivery: delivery(next), until: at(seconds) })
}

/// Target 2 follows source 1; of these messages all were shown, as the mirrors 500, 501 ….
async fn shown(db: &Db, messages: &[u64]) -> Lease {
    follow(&db.store, 1, 2).await;
    let events: Vec<SourceEvent> = messages.iter().map(|id| posted(1, *id)).collect();
    db.store.record_events(&events, at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    assert_eq!(show_all(&db.store, &lease, 500).await, messages);
    lease
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn first_showings_keep_their_order(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[10]).await;
    store.record_events(&[posted(1, 11), posted(1, 12)], at(1)).await.unwrap();
    let next = advance(store, &lease, None, at(2)).await;
    assert_eq!(about(&next).1, 11);
    let next = advance(store, &lease, postponed(&next, 60), at(2)).await;
    assert_eq!(next, NextAction::Wait(stored(at(60))), "12 waits behind 11");

    store.record_events(&[edited(1, 10, "new")], at(3)).await.unwrap();
    let next = advance(store, &lease, None, at(4)).await;
    assert_eq!(about(&next), (Step::Edit(message(500), Part(0)), 10), "an edit doesn't");
    let next = advance(store, &lease, postponed(&next, 40), at(5)).await;
    assert_eq!(next, NextAction::Wait(stored(at(40))));

    let next = advance(store, &lease, None, at(61)).await;
    let (in_flight, work) = create(&next);
    assert_eq!((about(&next).1, work.delivery.attempts), (11, 0));
    let next = advance(store, &lease, Some(created(in_flight, 2, 600)), at(61)).await;
    assert_eq!(about(&next).1, 10, "the edit's turn");
    let ended = StepResult::Ended { delivery: delivery(&next), ending: DeliveryEnding::Refused };
    let next = advance(store, &lease, Some(ended), at(61)).await;
    assert_eq!(about(&next).1, 12);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_edit_waits_alone(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[10, 11]).await;
    store.record_events(&[edited(1, 10, "new")], at(1)).await.unwrap();
    let next = advance(store, &lease, None, at(2)).await;
    assert_eq!(about(&next).1, 10);
    store.record_events(&[edited(1, 11, "new")], at(2)).await.unwrap();
    let next = advance(store, &lease, postponed(&next, 60), at(2)).await;
    assert_eq!(about(&next), (Step::Edit(message(501), Part(0)), 11));
    store.record_events(&[posted(1, 12)], at(2)).await.unwrap();
    let next = advance(store, &lease, postponed(&next, 30), at(2)).await;
    let (in_flight, _) = create(&next);
    assert_eq!(about(&next).1, 12);
    let next = advance(store, &lease, Some(created(in_flight, 2, 600)), at(3)).await;
    assert_eq!(next, NextAction::Wait(stored(at(30))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_deletion_goes_first(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[10, 11, 12]).await;
    let events = [edited(1, 10, "new"), posted(1, 13), deleted(1, 12), deleted(1, 11)];
    store.record_events(&events, at(1)).await.unwrap();
    let next = advance(store, &lease, None, at(2)).await;
    assert_eq!(about(&next), (Step::Delete(message(501)), 11));
    let gone = StepResult::Deleted { delivery: delivery(&next), message: message(501) };
    let next = advance(store, &lease, Some(gone), at(2)).await;
    assert_eq!(about(&next), (Step::Delete(message(502)), 12));
    let next = advance(store, &lease, postponed(&next, 60), at(2)).await;
    assert_eq!(about(&next), (Step::Create(Part(0)), 13), "a deletion that waits lets the others go on");
    let next = advance(store, &lease, postponed(&next, 60), at(2)).await;
    assert_eq!(about(&next).1, 10);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn first_showings_and_edits_take_turns(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[10, 11, 12, 13]).await;
    let edits = [10, 11, 12, 13].map(|id| edited(1, id, "new"));
    store.record_events(&edits, at(1)).await.unwrap();
    store.record_events(&[posted(1, 14), posted(1, 15), posted(1, 16)], at(1)).await.unwrap();
    let (mut done, mut order) = (None, Vec::new());
    loop {
        let next = advance(store, &lease, done, at(2)).await;
        done = match &next {
            NextAction::Idle => break,
            NextAction::Do { step: Step::Edit(message, _), work } => Some(edited_to_newest(work, *message)),
            next => Some(created(create(next).0, 2, 600 + about(next).1)),
        };
        order.push(about(&next).1);
    }
    let posts = |id: &u64| *id > 13;
    assert_eq!(order.iter().map(posts).collect::<Vec<_>>(), [true, false, true, false, true, false, false]);
    assert_eq!(order.iter().copied().filter(posts).collect::<Vec<_>>(), [14, 15, 16]);
    order.sort_unstable();
    assert_eq!(order, [10, 11, 12, 13, 14, 15, 16], "each once");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_edited_without_end_holds_up_nothing(#[case] backend: Backend, #[values(1, 2)] parts: usize) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[10, 11]).await;
    store.record_events(&[posted(1, 12), posted(1, 13), posted(1, 14)], at(1)).await.unwrap();
    let (mut next, mut order) = (advance_parts(store, &lease, None, at(2), parts).await, Vec::new());
    for time in 3..60 {
        order.push(about(&next).1);
        // With each step, it is outdated before it is recorded.
        let endless = [10, 11, 12].map(|id| edited(1, id, &time.to_string()));
        store.record_events(&endless, at(time)).await.unwrap();
        let done = match &next {
            NextAction::Do { step: Step::Edit(message, _), work } => edited_to_newest(work, *message),
            next => created(create(next).0, 2, 600 + u64::try_from(time).unwrap()),
        };
        let NextAction::Do { work, .. } = &next else { panic!("{next:?}") };
        let shown = done.shows(&work.mirrors, parts);
        let decide: Decide<'_> = Box::new(|work, now| {
            let first = work.delivery.shown.is_none();
            step_of(work, if first { parts } else { work.mirrors.len() }, now)
        });
        let recording = LaneRequest { decide, shown, ..request(LaneRef::Claimed(lease.clone()), Some(done)) };
        next = turn(store, recording, at(time)).await.next;
    }
    for id in 10..15 {
        assert!(order.contains(&id), "{id} is held up: {order:?}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_deleted_while_it_waited_frees_the_lane(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[]).await;
    store.record_events(&[posted(1, 10), posted(1, 11)], at(1)).await.unwrap();
    let next = advance_parts(store, &lease, None, at(2), 2).await;
    let (in_flight, _) = create(&next);
    let next = advance_parts(store, &lease, Some(created(in_flight, 2, 500)), at(2), 2).await;
    let next = advance_parts(store, &lease, postponed(&next, 600), at(2), 2).await;
    assert_eq!(next, NextAction::Wait(stored(at(600))), "half shown");
    store.record_events(&[deleted(1, 10)], at(3)).await.unwrap();
    let next = advance_parts(store, &lease, None, at(4), 2).await;
    assert_eq!(
        about(&next),
        (Step::Delete(message(500)), 10),
        "a deletion doesn't wait for the retry of a create"
    );
    let next = advance_parts(store, &lease, postponed(&next, 600), at(5), 2).await;
    assert_eq!(about(&next).1, 11, "nor holds up others while it waits itself");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn many_that_end_take_several_turns(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[]).await;
    let posts: Vec<SourceEvent> = (100..300).map(|id| posted(1, id)).collect();
    let deletions: Vec<SourceEvent> = (100..299).map(|id| deleted(1, id)).collect();
    store.record_events(&posts, at(1)).await.unwrap();
    store.record_events(&deletions, at(1)).await.unwrap();
    let mut turns = 0;
    let next = loop {
        turns += 1;
        match advance(store, &lease, None, at(2)).await {
            NextAction::Wait(until) => assert_eq!(until, at(2)),
            next => break next,
        }
    };
    assert_eq!((about(&next).1, turns), (299, 13));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_decide_makes_wait_waits(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let lease = shown(&db, &[10]).await;
    store.record_events(&[posted(1, 11), edited(1, 10, "new")], at(1)).await.unwrap();
    let mut asked = Vec::new();
    let decide = |work: &Work, _| {
        asked.push(work.delivery.shown.is_some());
        Step::Wait(at(if work.delivery.shown.is_some() { 90 } else { 50 }))
    };
    let next = advance_by(store, &lease, None, at(2), decide).await;
    assert_eq!((next, asked), (NextAction::Wait(stored(at(50))), vec![false, true]));

    let mut asked = 0;
    let stop = |_: &Work, _| {
        asked += 1;
        Step::Wait(at(100))
    };
    let next = advance_by(store, &lease, None, at(100), stop).await;
    assert_eq!((next, asked), (NextAction::Wait(at(100)), 1), "at once, but not now");
}
