//! Leases, and the create in flight.

use rstest::rstest;

use super::*;
use crate::domain::activity::{DeliveryEnding, Revision};
use crate::store::{OpenLane, OpenLanes};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn are_held_by_one(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let other = db.again().await;
    for round in 0..10 {
        let (now, until) = (at(round * 10), at(round * 10 + 10));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let store = if number % 2 == 0 { db.store.clone() } else { other.clone() };
            let owner = format!("worker-{number}");
            tasks.spawn(async move { take(&store, 2, &owner, now, until).await });
        }
        let leases: Vec<Lease> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(leases.len(), 1);
        assert_eq!(leases[0].epoch, round + 1);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_renewed_and_released_by_their_holder(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    assert!(take(store, 2, "a", at(0), at(10)).await.is_none(), "there is nothing to do");
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let first = take(store, 2, "a", at(0), at(10)).await.unwrap();
    assert!(take(store, 2, "b", at(9), at(20)).await.is_none());
    let first = store.renew_lane(&first, at(15)).await.unwrap().unwrap();
    assert!(take(store, 2, "b", at(14), at(20)).await.is_none());
    let second = take(store, 2, "b", at(15), at(20)).await.unwrap();
    assert_eq!((first.epoch, second.epoch), (1, 2));
    assert!(store.renew_lane(&first, at(30)).await.unwrap().is_none());
    assert_eq!(rest(store, &first, at(16)).await, NextAction::LostLease);
    assert!(take(store, 2, "a", at(15), at(20)).await.is_none(), "it is held by its second holder");
    assert_eq!(rest(store, &second, at(16)).await, NextAction::Wait(at(16)));
    let third = take(store, 2, "b", at(16), at(20)).await.unwrap();
    assert_eq!(
        rest(store, &second, at(16)).await,
        NextAction::LostLease,
        "the same owner, but an earlier lease"
    );
    assert_eq!(third.epoch, 3);
    let again = take(store, 2, "b", at(17), at(20)).await.unwrap();
    assert_eq!(again.epoch, 4, "a hold of its own that ended unrecorded");
}

/// Gives a lane back, not to be looked at before that time.
async fn rest(store: &Store, lease: &Lease, until: DateTime<Utc>) -> NextAction {
    let decide: Decide<'_> = Box::new(move |_, _| Step::Wait(until));
    let request =
        LaneRequest { decide, rest_until: Some(until), ..request(LaneRef::Claimed(lease.clone()), None) };
    turn(store, request, at(16)).await.next
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lost_are_not_written_to(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let first = take(store, 2, "a", at(0), at(10)).await.unwrap();
    let next = advance(store, &first, None, at(1)).await;
    let (in_flight, _) = create(&next);
    let second = take(store, 2, "b", at(1_000_001), at(1_000_020)).await.unwrap();
    let late = advance(store, &first, Some(created(in_flight, 2, 500)), at(11)).await;
    assert_eq!(late, NextAction::LostLease);
    assert!(store.mirrored(message(500)).await.unwrap().is_none());
    let next = advance(store, &second, None, at(12)).await;
    assert_eq!(about(&next), (Step::Settle(in_flight), 10));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn remember_what_is_in_flight(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10), posted(1, 11), deleted(1, 11)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let next = advance(&db.store, &lease, None, at(1)).await;
    let (in_flight, work) = create(&next);
    assert_eq!(
        in_flight,
        InFlight {
            delivery: work.delivery.id,
            part: Part(0),
            revision: Revision(1),
            after: message(10),
            webhook: None
        }
    );
    // The process dies; meanwhile the message is edited.
    let store = db.again().await;
    store.record_events(&[edited(1, 10, "second")], at(2)).await.unwrap();
    let lease = take(&store, 2, "new", at(2_000_000), at(3_000_000)).await.unwrap();
    let next = advance(&store, &lease, None, at(3)).await;
    assert_eq!(about(&next), (Step::Settle(in_flight), 10));
    let next = advance(&store, &lease, Some(created(in_flight, 2, 500)), at(4)).await;
    assert_eq!(about(&next), (Step::Edit(message(500), Part(0)), 10), "adopted as the revision in flight");
    // Recording it once more, because the answer of the database was lost, changes nothing.
    let next = advance(&store, &lease, Some(created(in_flight, 2, 500)), at(4)).await;
    assert_eq!(about(&next), (Step::Edit(message(500), Part(0)), 10));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn know_the_newest_message(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10), posted(1, 11), posted(1, 900)], at(0)).await.unwrap();
    let lease = claim(store, 2).await;
    let mut done = None;
    for (after, made) in [(10, 500), (500, 501), (900, 901)] {
        let next = advance(store, &lease, done, at(1)).await;
        let (in_flight, _) = create(&next);
        assert_eq!(in_flight.after, message(after));
        done = Some(created(in_flight, 2, made));
    }
    assert_eq!(advance(store, &lease, done, at(2)).await, NextAction::Idle);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn settle_before_anything_else(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10), posted(1, 11)], at(0)).await.unwrap();
    let lease = claim(store, 2).await;
    let next = advance(store, &lease, None, at(1)).await;
    let (in_flight, _) = create(&next);
    let eager = |_: &Work, _| Step::Create(Part(1));
    let next = advance_by(store, &lease, None, at(2), eager).await;
    assert_eq!(about(&next), (Step::Settle(in_flight), 10), "no second create is begun");
    let patient = |_: &Work, _| Step::Wait(at(60));
    let next = advance_by(store, &lease, None, at(2), patient).await;
    assert_eq!(next, NextAction::Wait(at(60)));
    let tired = |work: &Work, _| match work.in_flight {
        Some(_) => Step::End(DeliveryEnding::GaveUp),
        None => Step::Create(Part(0)),
    };
    let next = advance_by(store, &lease, None, at(3), tired).await;
    assert_eq!(about(&next), (Step::Create(Part(0)), 11));
    assert_eq!(db.deliveries().await, ["2 ended gave_up", "2 due"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_open_while_they_have_work(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    follow(store, 1, 3).await;
    let open = async |now| store.open_lanes(None, now, 10).await.unwrap().lanes;
    let ready = |target| OpenLane { target: channel(target), ready_at: None };
    assert!(open(at(0)).await.is_empty());
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    assert_eq!(open(at(0)).await, [ready(2), ready(3)]);
    let page = async |after| store.open_lanes(after, at(0), 1).await.unwrap();
    assert_eq!(page(None).await, OpenLanes { lanes: vec![ready(2)], next: Some(channel(2)) });
    assert_eq!(page(Some(channel(2))).await.lanes, [ready(3)]);
    assert_eq!(page(Some(channel(3))).await, OpenLanes::default());

    let lease = take(store, 2, "a", at(0), at(30)).await.unwrap();
    assert_eq!(open(at(1)).await, [ready(3)], "held");
    assert_eq!(open(at(30)).await, [ready(2), ready(3)], "no longer held");
    let next = advance(store, &lease, None, at(1)).await;
    let (in_flight, _) = create(&next);
    let postponed = StepResult::Delayed { delivery: in_flight.delivery, until: at(60) };
    let waits = advance(store, &lease, Some(postponed), at(2)).await;
    assert!(matches!(waits, NextAction::Wait(_)), "{waits:?}");
    let until = stored(at(60));
    let waiting = OpenLane { target: channel(2), ready_at: Some(until) };
    assert_eq!(open(at(3)).await, [waiting, ready(3)]);
    assert_eq!(open(at(60)).await, [ready(2), ready(3)]);

    store.record_events(&[posted(1, 11)], at(4)).await.unwrap();
    assert_eq!(open(at(5)).await, [ready(2), ready(3)], "new work wakes it");
    let lease = take(store, 2, "a", at(5), at(30)).await.unwrap();
    assert_eq!(rest(store, &lease, at(50)).await, NextAction::Wait(at(50)), "11 waits behind 10");
    let waiting = OpenLane { target: channel(2), ready_at: Some(stored(at(50))) };
    assert_eq!(open(at(7)).await, [waiting, ready(3)]);
    store.record_events(&[posted(1, 12)], at(9)).await.unwrap();
    assert_eq!(
        open(at(10)).await,
        [ready(2), ready(3)],
        "what comes after it was given back isn't slept over"
    );
}

/// A lane's former holder retracts what it created while the new one is about to adopt it: whoever comes
/// first is right.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whose_a_message_is_is_decided_once(
    #[case] backend: Backend,
    #[values(true, false)] retracted_first: bool,
) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let first = take(store, 2, "a", at(0), at(10)).await.unwrap();
    let (in_flight, _) = create(&advance(store, &first, None, at(1)).await);
    let made = created(in_flight, 2, 500);
    let StepResult::Created { mirror, .. } = &made else { panic!("{made:?}") };
    let second = take(store, 2, "b", at(1_000_001), at(1_000_020)).await.unwrap();
    let retract = async || store.retract(channel(2), mirror, at(20)).await.unwrap();
    if retracted_first {
        assert!(retract().await && retract().await, "it is to be deleted, however often that is said");
        let next = advance(store, &second, Some(made.clone()), at(21)).await;
        assert_eq!(about(&next), (Step::Settle(in_flight), 10), "still in doubt");
        assert!(store.mirrored(message(500)).await.unwrap().is_none());
        assert_eq!(store.retracted_in(channel(2)).await.unwrap(), [message(500)].into());
        assert_eq!(store.open_retractions(at(19), 9).await.unwrap(), [], "its maker is at it");
        let open = store.open_retractions(at(20), 9).await.unwrap();
        assert_eq!(open.iter().map(|one| one.mirror.message).collect::<Vec<_>>(), [message(500)]);
        store.end_retraction(message(500)).await.unwrap();
        assert_eq!(store.open_retractions(at(20), 9).await.unwrap(), []);
        let next = advance(store, &second, Some(StepResult::NotBegun { in_flight }), at(22)).await;
        assert_eq!(about(&next), (Step::Create(Part(0)), 10));
    } else {
        assert_eq!(advance(store, &second, Some(made.clone()), at(21)).await, NextAction::Idle);
        assert!(!retract().await, "it is a mirror");
        assert!(store.retracted_in(channel(2)).await.unwrap().is_empty());
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn remember_the_webhook_of_what_is_in_flight(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10), posted(1, 11)], at(0)).await.unwrap();
    let taken = turn(store, request(LaneRef::Unclaimed(channel(2)), None), at(1)).await;
    let (in_flight, _) = create(&taken.next);
    assert_eq!(in_flight.webhook, Some(webhook_id(1_002)), "of a lane that is taken, the database knows it");
    let lease = taken.lease.unwrap();
    let other = Some(webhook_id(5));
    let done = Some(created(in_flight, 2, 500));
    let recording = LaneRequest { webhook: other, ..request(LaneRef::Claimed(lease), done) };
    let (in_flight, _) = create(&turn(store, recording, at(2)).await.next);
    assert_eq!(in_flight.webhook, other, "else its holder");
    let again = db.again().await;
    let settling = turn(&again, request(LaneRef::Unclaimed(channel(2)), None), at(2_000_000)).await.next;
    assert_eq!(about(&settling), (Step::Settle(in_flight), 11));
}
