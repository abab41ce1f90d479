//! Pausing, resuming, breaking and removing, and what that does to deliveries.

use rstest::rstest;

use super::*;
use crate::domain::follow::{BrokenReason, Door, FollowState};
use crate::store::BreakWhich;

/// Two follows of source 1; one message is shown in the first target, one is due in both.
async fn half_shown(db: &Db) -> (Follow, Follow, Lease) {
    let (first, second) = (follow(&db.store, 1, 2).await, follow(&db.store, 1, 3).await);
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    assert_eq!(show_all(&db.store, &lease, 500).await, [10]);
    db.store.record_events(&[posted(1, 11)], at(1)).await.unwrap();
    assert_eq!(db.deliveries().await, ["2 shown 1", "3 due", "2 due", "3 due"]);
    (first, second, lease)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn pausing_ends_only_what_was_never_shown(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (first, _, lease) = half_shown(&db).await;
    let paused = db.store.pause_follow(first.guild, first.id, bot(at(2))).await.unwrap().unwrap();
    assert_eq!(paused.state, FollowState::Paused);
    assert_eq!(db.deliveries().await, ["2 shown 1", "3 due", "2 ended follow_ended", "3 due"]);

    let events = [posted(1, 12), edited(1, 10, "new"), edited(1, 11, "new")];
    db.store.record_events(&events, at(3)).await.unwrap();
    let expected = ["2 due 1", "3 due", "2 ended follow_ended", "3 due", "3 due"];
    assert_eq!(db.deliveries().await, expected, "what is shown is kept up to date, what is new is not sent");
    assert!(show_all(&db.store, &lease, 600).await.is_empty());

    let again = db.store.pause_follow(first.guild, first.id, bot(at(4))).await.unwrap().unwrap();
    assert_eq!(again, paused, "pausing twice changes nothing");
    let resumed = db.store.resume_follow(&first, None, Door::Own, bot(at(5))).await.unwrap().unwrap();
    assert_eq!(resumed.state, FollowState::Active);
    assert!(show_all(&db.store, &lease, 600).await.is_empty(), "and isn't sent later");
    db.store.record_events(&[posted(1, 13)], at(6)).await.unwrap();
    assert_eq!(show_all(&db.store, &lease, 600).await, [13]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn pausing_spares_what_has_begun(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let made = follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10), posted(1, 11)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let next = advance_parts(&db.store, &lease, None, at(1), 2).await;
    let (first_part, _) = create(&next);
    db.store.pause_follow(made.guild, made.id, bot(at(2))).await.unwrap();
    assert_eq!(db.deliveries().await, ["2 due", "2 ended follow_ended"], "in flight");
    let next = advance_parts(&db.store, &lease, Some(created(first_part, 2, 500)), at(3), 2).await;
    let (second_part, _) = create(&next);
    assert_eq!(second_part.part, Part(1), "half of it stands");
    let done = Some(created(second_part, 2, 501));
    assert_eq!(advance_parts(&db.store, &lease, done, at(4), 2).await, NextAction::Idle);
    assert_eq!(db.deliveries().await, ["2 shown 1", "2 ended follow_ended"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn pausing_lets_what_is_half_shown_become_whole(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let made = follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let next = advance_parts(&db.store, &lease, None, at(1), 2).await;
    let (in_flight, _) = create(&next);
    let next = advance_parts(&db.store, &lease, Some(created(in_flight, 2, 500)), at(2), 2).await;
    let postponed = StepResult::Delayed { delivery: create(&next).0.delivery, until: at(60) };
    advance_parts(&db.store, &lease, Some(postponed), at(3), 2).await;
    db.store.pause_follow(made.guild, made.id, bot(at(4))).await.unwrap();
    assert_eq!(db.deliveries().await, ["2 due"]);
    let next = advance_parts(&db.store, &lease, None, at(60), 2).await;
    assert_eq!(about(&next), (Step::Create(Part(1)), 10));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_in_flight_at_a_pause_and_was_not_made_ends(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let made = follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let next = advance(&db.store, &lease, None, at(1)).await;
    let (in_flight, _) = create(&next);
    db.store.pause_follow(made.guild, made.id, bot(at(2))).await.unwrap();
    let next = advance(&db.store, &lease, Some(StepResult::NotBegun { in_flight }), at(3)).await;
    assert_eq!((next, db.deliveries().await), (NextAction::Idle, vec!["2 ended follow_ended".to_owned()]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn breaking_ends_what_is_owed_and_resuming_catches_up(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (first, second, lease) = half_shown(&db).await;
    db.store.record_events(&[edited(1, 10, "new")], at(2)).await.unwrap();
    let reason = BrokenReason::WebhookDeleted;
    let broken = db
        .store
        .break_follows(BreakWhich::RelayWebhook(webhook_id(1_002)), reason, bot(at(3)))
        .await
        .unwrap();
    assert_eq!(broken.iter().map(|one| one.id).collect::<Vec<_>>(), [first.id]);
    assert_eq!(broken[0].state, FollowState::Broken(reason));
    assert_eq!(db.deliveries().await, ["2 shown 1", "3 due", "2 ended follow_ended", "3 due"]);
    assert!(db.store.lane_webhook(channel(2)).await.unwrap().is_none());
    assert!(db.store.webhook_of(channel(2)).await.unwrap().is_some());

    let again =
        db.store.break_follows(BreakWhich::Target(channel(2)), BrokenReason::TargetDeleted, bot(at(4))).await;
    assert!(again.unwrap().is_empty(), "it is broken already");
    db.store.pause_follow(second.guild, second.id, bot(at(4))).await.unwrap();
    let paused =
        db.store.break_follows(BreakWhich::Source(channel(1)), BrokenReason::SourceDeleted, bot(at(4))).await;
    assert!(paused.unwrap().is_empty(), "a pause is kept");
    let kept = db.store.pause_follow(first.guild, first.id, bot(at(4))).await.unwrap().unwrap();
    assert_eq!(kept.state, FollowState::Broken(reason), "pausing doesn't hide a fault");

    db.store.record_events(&[edited(1, 10, "newer"), posted(1, 12)], at(5)).await.unwrap();
    assert_eq!(db.deliveries().await[0], "2 shown 1", "not due while broken");
    let hook = relay(77);
    let resumed = db.store.resume_follow(&first, Some(&hook), Door::Own, bot(at(6))).await.unwrap().unwrap();
    assert_eq!((resumed.state, resumed.webhook), (FollowState::Active, Some(webhook_id(77))));
    let next = advance(&db.store, &lease, None, at(7)).await;
    assert_eq!(about(&next), (Step::Edit(message(500), Part(0)), 10));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn resuming_withdraws_what_was_deleted_meanwhile(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (first, _, lease) = half_shown(&db).await;
    let reason = BrokenReason::TargetForbidden;
    db.store.break_follows(BreakWhich::Follow(first.id), reason, bot(at(2))).await.unwrap();
    db.store.record_events(&[deleted(1, 10), deleted(1, 11)], at(3)).await.unwrap();
    assert_eq!(advance(&db.store, &lease, None, at(4)).await, NextAction::Idle);
    db.store.resume_follow(&first, None, Door::Own, bot(at(5))).await.unwrap();
    let next = advance(&db.store, &lease, None, at(6)).await;
    assert_eq!(about(&next), (Step::Delete(message(500)), 10));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn removing_ends_what_is_owed_and_keeps_what_stands(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (first, _, lease) = half_shown(&db).await;
    db.store.record_events(&[edited(1, 10, "new")], at(2)).await.unwrap();
    let next = advance(&db.store, &lease, None, at(3)).await;
    let not_made = StepResult::NotBegun { in_flight: create(&next).0 };
    let next = advance(&db.store, &lease, Some(not_made), at(3)).await;
    assert_eq!(about(&next).1, 10);
    db.store.delete_follow(first.guild, first.id, bot(at(0))).await.unwrap().unwrap();
    assert_eq!(db.deliveries().await, ["2 ended 1 follow_ended", "3 due", "2 ended follow_ended", "3 due"]);
    assert_eq!(advance(&db.store, &lease, None, at(4)).await, NextAction::Idle);
    db.store.record_events(&[deleted(1, 10)], at(5)).await.unwrap();
    assert_eq!(advance(&db.store, &lease, None, at(6)).await, NextAction::Idle, "mirrors that stand stay");
    let mirrored = db.store.mirrored(message(500)).await.unwrap().unwrap();
    assert_eq!((mirrored.follow, mirrored.target, mirrored.origin), (None, channel(2), origin(1, 10)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_affected_is_chosen_exactly(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut native = new_follow(1, 3);
    native.options.delivery = DeliveryMethod::Native;
    native.guild = guild(8);
    follow(store, 1, 2).await;
    store.insert_follow(&native, &FollowWebhook::Native(webhook_id(60)), bot(at(0))).await.unwrap();
    follow(store, 4, 2).await;
    let (a, b, c) = ((1, 2), (1, 3), (4, 2));
    for (affected, expected) in [
        (BreakWhich::Source(channel(1)), vec![a, b]),
        (BreakWhich::RelaySource(channel(1)), vec![a]),
        (BreakWhich::CrossServerOf(channel(1)), vec![a]),
        (BreakWhich::Target(channel(2)), vec![a, c]),
        (BreakWhich::SourceGuild(guild(8)), vec![a, b, c]),
        (BreakWhich::TargetGuild(guild(8)), vec![b]),
        (BreakWhich::RelayWebhook(webhook_id(1_002)), vec![a, c]),
        (BreakWhich::FollowerWebhook(webhook_id(60)), vec![b]),
        (BreakWhich::Target(channel(1)), vec![]),
    ] {
        let broken = store.break_follows(affected, BrokenReason::SourceDeleted, bot(at(1))).await.unwrap();
        let pairs: Vec<_> = broken.iter().map(|one| (one.pair.source.get(), one.pair.target.get())).collect();
        assert_eq!(pairs, expected, "{affected:?}");
        for follow in broken {
            store.resume_follow(&follow, None, Door::Own, bot(at(2))).await.unwrap();
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lanes_that_fail_for_long_are_counted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    for target in [2, 3, 4] {
        follow(store, 1, target).await;
    }
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let failing = async |since| store.failing_lanes(at(since)).await.unwrap();
    assert_eq!(failing(60).await, 0, "waiting is not failing");
    let fail = "UPDATE deliveries SET attempts = 1 WHERE target_channel_id IN (2, 3)";
    store.db.execute_unprepared(fail).await.unwrap();
    assert_eq!(failing(-1).await, 0, "not for long");
    assert_eq!(failing(60).await, 2);
    // Shown, and to be edited since an unknown time.
    let edit = "UPDATE deliveries SET shown_revision = 1 WHERE target_channel_id = 3";
    store.db.execute_unprepared(edit).await.unwrap();
    assert_eq!(failing(60).await, 1);
    store
        .db
        .execute_unprepared("UPDATE deliveries SET attempts = 9 WHERE target_channel_id = 3")
        .await
        .unwrap();
    assert_eq!(failing(-1).await, 1);
}
