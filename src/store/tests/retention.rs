//! What nobody needs is forgotten, and nothing else: on both databases.

use rstest::rstest;

use super::*;
use crate::domain::activity::Revision;
use crate::domain::panel::{NewPanel, PanelId, PanelSnapshot, PanelView, REFRESH};
use crate::store::ForgottenMessages;

/// A message that was posted so many days after the tests' moment.
pub(super) fn id_on(day: i64) -> u64 {
    MessageId::first_at(on(day)).get()
}

pub(super) fn on(day: i64) -> DateTime<Utc> {
    at(day * 86_400)
}

async fn contents(db: &Db) -> Vec<String> {
    let kept = "CASE WHEN content IS NULL THEN '-' ELSE 'kept' END";
    let settled = "CASE WHEN settled_at IS NULL THEN '' ELSE ' settled' END";
    db.texts(&format!("SELECT {kept} || {settled} AS text FROM activities ORDER BY id")).await
}

pub(super) async fn count(db: &Db, table: &str) -> i64 {
    db.texts(&format!("SELECT CAST(COUNT(*) AS text) AS text FROM {table}")).await[0].parse().unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn contents_go_when_nobody_needs_them(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let late = follow(&db.store, 1, 3).await;
    let pause = db.store.pause_follow(late.guild, late.id, bot(at(0))).await.unwrap();
    assert!(pause.is_some());
    db.store.record_events(&[posted(1, 100)], at(1)).await.unwrap();
    assert_eq!(db.store.mark_contents_unneeded(at(2)).await.unwrap(), 0, "it is still due");
    let lease = claim(&db.store, 2).await;
    assert_eq!(show_all(&db.store, &lease, 500).await, [100]);
    assert_eq!(db.store.mark_contents_unneeded(at(20)).await.unwrap(), 1);
    assert_eq!(db.store.mark_contents_unneeded(at(30)).await.unwrap(), 0, "the first time counts");
    assert_eq!(db.store.clear_contents(at(19)).await.unwrap(), 0);
    assert_eq!(contents(&db).await, ["kept settled"]);

    // Somebody needs it again.
    db.store.backfill(&late, &[posted(1, 100)], at(31)).await.unwrap();
    db.store.resume_follow(&late, None, Door::Own, bot(at(31))).await.unwrap();
    db.store.backfill(&late, &[posted(1, 100)], at(31)).await.unwrap();
    assert_eq!(db.store.clear_contents(at(40)).await.unwrap(), 0);
    assert_eq!(contents(&db).await, ["kept"]);
    let other = claim(&db.store, 3).await;
    assert_eq!(show_all(&db.store, &other, 600).await, [100]);
    db.store.mark_contents_unneeded(at(50)).await.unwrap();
    assert_eq!(db.store.clear_contents(at(50)).await.unwrap(), 1);
    assert_eq!(contents(&db).await, ["- settled"]);

    // What arrives later reaches the mirrors as before.
    let same = db.store.record_events(&[edited(1, 100, "first")], at(51)).await.unwrap();
    assert_eq!((same.changed, same.lanes.len()), (0, 0), "it says the same");
    let edit = db.store.record_events(&[edited(1, 100, "second")], at(52)).await.unwrap();
    assert_eq!((edit.changed, edit.lanes.len()), (1, 2));
    assert_eq!(contents(&db).await, ["kept"]);
    for (lease, mirror) in [(&lease, 500), (&other, 600)] {
        let next = advance(&db.store, lease, None, at(53)).await;
        let NextAction::Do { step: Step::Edit(message, _), work } = &next else { panic!("{next:?}") };
        assert_eq!((message.get(), work.content.is_some()), (mirror, true));
        let done = edited_to_newest(work, *message);
        assert_eq!(advance(&db.store, lease, Some(done), at(53)).await, NextAction::Idle);
    }
    db.store.mark_contents_unneeded(at(60)).await.unwrap();
    assert_eq!(db.store.clear_contents(at(60)).await.unwrap(), 1);
    db.store.record_events(&[deleted(1, 100)], at(61)).await.unwrap();
    let next = advance(&db.store, &lease, None, at(62)).await;
    assert!(matches!(about(&next), (Step::Delete(mirror), 100) if mirror == message(500)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_edit_of_the_time_of_a_break_is_lost_with_its_content(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let follow = follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 100), posted(1, 101)], at(1)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    show_all(&db.store, &lease, 500).await;
    let which = crate::store::BreakWhich::Follow(follow.id);
    let reason = crate::domain::follow::BrokenReason::TargetForbidden;
    db.store.break_follows(which, reason, bot(at(20))).await.unwrap();
    db.store.record_events(&[edited(1, 100, "lost"), deleted(1, 101)], at(21)).await.unwrap();
    db.store.mark_contents_unneeded(at(22)).await.unwrap();
    db.store.clear_contents(at(22)).await.unwrap();
    db.store.resume_follow(&follow, None, Door::Own, bot(at(23))).await.unwrap();
    let next = advance(&db.store, &lease, None, at(24)).await;
    let NextAction::Do { step: Step::Delete(gone), work } = &next else { panic!("{next:?}") };
    assert_eq!(*gone, message(501), "the deletion needs no content");
    let done = StepResult::Deleted { delivery: work.delivery.id, message: *gone };
    assert_eq!(advance(&db.store, &lease, Some(done), at(24)).await, NextAction::Idle);
    assert_eq!(db.deliveries().await, ["2 shown 1", "2 ended 1 withdrawn"], "what stands, stays");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn old_messages_are_not_followed_up_any_more(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let posts = [posted(1, id_on(-40)), posted(1, id_on(-39)), posted(1, id_on(-1))];
    db.store.record_events(&posts, on(-1)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    show_all(&db.store, &lease, 500).await;
    let limit = |day: i64| (MessageId::first_at(on(day)), on(day));
    let (message, recorded) = limit(-30);
    let none = ForgottenMessages::default();
    assert_eq!(
        db.store.forget_old_messages(message, recorded).await.unwrap(),
        none,
        "they were written down lately"
    );
    // In flight, or due, it stays.
    db.store.record_events(&[edited(1, id_on(-40), "later")], on(0)).await.unwrap();
    let (message, recorded) = limit(0);
    let gone = db.store.forget_old_messages(message, recorded).await.unwrap();
    assert_eq!(gone, ForgottenMessages { activities: 2, deliveries: 2 });
    assert_eq!((count(&db, "activities").await, count(&db, "mirrors").await), (1, 1));
    show_all(&db.store, &lease, 600).await;
    assert_eq!(db.store.forget_old_messages(message, recorded).await.unwrap().activities, 1);
    assert_eq!((count(&db, "deliveries").await, count(&db, "mirrors").await), (0, 0));
    // What happens to them now is of no concern, and they aren't new.
    let late = [edited(1, id_on(-40), "too late"), deleted(1, id_on(-39))];
    assert_eq!(db.store.record_events(&late, on(1)).await.unwrap(), Default::default());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_on_its_way_stays(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let follow = follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, id_on(-40))], on(-40)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    create(&advance(&db.store, &lease, None, at(1)).await);
    db.store.delete_follow(follow.guild, follow.id, bot(at(0))).await.unwrap();
    assert_eq!(db.deliveries().await, ["2 ended follow_ended"]);
    let (message, recorded) = (MessageId::first_at(on(0)), on(0));
    assert_eq!(db.store.forget_old_messages(message, recorded).await.unwrap(), ForgottenMessages::default());
    assert_eq!(db.store.forget_idle_lanes(on(100)).await.unwrap(), 0);
    db.store.forget_guild(guild(8), at(0)).await.unwrap();
    assert_eq!(count(&db, "deliveries").await, 1);
    let next = advance(&db.store, &lease, None, at(1)).await;
    let NextAction::Do { step: Step::Settle(in_flight), .. } = next else { panic!("{next:?}") };
    assert_eq!(
        advance(&db.store, &lease, Some(StepResult::NotBegun { in_flight }), at(2)).await,
        NextAction::Idle
    );
    assert_eq!(db.store.forget_old_messages(message, recorded).await.unwrap().activities, 1);
    give_back(&db.store, &lease).await;
    assert_eq!(db.store.forget_idle_lanes(on(100)).await.unwrap(), 1);
}

/// Between the check and the deletion somebody edits the message, and its mirror must be edited, too. Only
/// PostgreSQL has two writers at once.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_delivery_that_becomes_due_meanwhile_is_spared() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, id_on(-40)), posted(1, id_on(-39))], on(-40)).await.unwrap();
    show_all(&db.store, &claim(&db.store, 2).await, 500).await;
    let writer = db.store.write().await.unwrap();
    locks::lanes(&*writer, [channel(2)]).await.unwrap();
    let store = db.again().await;
    let forgetting =
        tokio::spawn(async move { store.forget_old_messages(MessageId::first_at(on(0)), on(0)).await });
    let waiting = "SELECT CAST(COUNT(*) AS text) AS text FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let asked = std::time::Instant::now();
    while db.texts(waiting).await != ["1"] {
        assert!(!forgetting.is_finished() && asked.elapsed().as_secs() < 60, "it never waits for the lane");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let due = "UPDATE deliveries SET state = 'due' WHERE id = (SELECT MIN(id) FROM deliveries)";
    writer.execute_unprepared(due).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(forgetting.await.unwrap().unwrap(), ForgottenMessages { activities: 1, deliveries: 1 });
    assert_eq!(db.deliveries().await, ["2 due 1"]);
    assert_eq!((count(&db, "activities").await, count(&db, "mirrors").await), (1, 1));
}

/// More followers than one transaction takes away.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_message_with_many_mirrors_goes_in_pieces(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, id_on(-40))], on(-40)).await.unwrap();
    show_all(&db.store, &claim(&db.store, 2).await, 500).await;
    db.store
        .db
        .execute_unprepared(
            "INSERT INTO deliveries (activity_id, target_channel_id, position, state, shown_revision) \
             WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 2509) \
             SELECT a.id, n.i, 1, 'shown', 1 FROM n CROSS JOIN activities a",
        )
        .await
        .unwrap();
    let gone = db.store.forget_old_messages(MessageId::first_at(on(0)), on(0)).await.unwrap();
    assert_eq!(gone, ForgottenMessages { activities: 1, deliveries: 2_501 });
    assert_eq!((count(&db, "deliveries").await, count(&db, "mirrors").await), (0, 0));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn live_panels_and_lively_threads_stay(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let view = PanelView::of(crate::domain::message::Embed::default());
    let new = NewPanel {
        guild: guild(8),
        channel: channel(1),
        kind: "custom".to_owned(),
        title: "Notice".to_owned(),
        config: serde_json::json!({}),
        refresh: REFRESH,
        created_by: None,
    };
    let panel = db.store.insert_panel(&new, None, bot(on(-40)), on(-39)).await.unwrap().unwrap();
    let face = PanelSnapshot {
        panel: PanelId(1),
        author: "Bot".to_owned(),
        avatar_url: None,
        link: String::new(),
        only_in: None,
        since: on(-40),
        view,
    };
    let shown_by = message(id_on(-40));
    db.store.panel_posted(&panel, shown_by, face, Revision(1), on(-40)).await.unwrap();

    let mut new = new_follow(1, 2);
    new.options.threads = ThreadScope::All;
    db.store.insert_follow(&new, &relay(1_002), bot(on(-40))).await.unwrap();
    db.store.move_threads_from(channel(1), message(id_on(-50))).await.unwrap();
    // Two posts of a forum, the first answered lately, the second not: a thread has the number of its first
    // message.
    let (lively, quiet) = (id_on(-38), id_on(-37));
    let post = |thread: u64, id: u64| SourceEvent::Posted {
        origin: origin(thread, id),
        source: channel(1),
        author: None,
        content: content("answer").into(),
    };
    let all = [post(lively, lively), post(quiet, quiet), post(quiet, quiet + 1), post(lively, id_on(-2))];
    db.store.record_events(&all, on(-37)).await.unwrap();
    show_all(&db.store, &claim(&db.store, 2).await, 500).await;
    let limit = MessageId::first_at(on(-30));
    assert_eq!(db.store.forget_old_messages(limit, on(-30)).await.unwrap().activities, 2);
    let left = "SELECT origin AS text FROM activities ORDER BY id";
    let lively_posts = [format!("discord:{lively}/{lively}"), format!("discord:{lively}/{}", id_on(-2))];
    let panel_origin = format!("panel:1/{shown_by}");
    assert_eq!(
        db.texts(left).await,
        [panel_origin.clone(), lively_posts[0].clone(), lively_posts[1].clone()]
    );
    db.store.mark_contents_unneeded(on(0)).await.unwrap();
    assert_eq!(db.store.clear_contents(on(0)).await.unwrap(), 2, "not the panel's");
    assert_eq!(contents(&db).await, ["kept", "- settled", "- settled"]);

    // The quiet thread is forgotten, and the others of its channel are read from there on.
    assert_eq!(db.store.forget_unread_channels(limit).await.unwrap(), 1);
    assert_eq!(db.store.threads_from(channel(1)).await.unwrap(), Some(limit));
    let threads = db.store.seen_in_threads(channel(1)).await.unwrap();
    assert_eq!(threads.into_keys().collect::<Vec<_>>(), [channel(lively)]);

    // Once the panel is gone, so is what is known of it.
    let gone = Origin::Panel { channel: channel(1), message: shown_by };
    db.store.record_events(&[SourceEvent::Deleted { origin: gone }], on(0)).await.unwrap();
    db.store.forget_old_messages(limit, on(-30)).await.unwrap();
    assert_eq!(db.texts(left).await, lively_posts);
    db.store.panel_inactive(panel.id, "Its channel was deleted.", on(0)).await.unwrap();
    assert_eq!(db.store.forget_resting_panels(on(0), on(1)).await.unwrap(), 0);
    assert_eq!(db.store.forget_resting_panels(on(1), on(1)).await.unwrap(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn rows_that_are_used_stay(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    for source in [1, 3, 4, 5] {
        db.store.move_seen_message(channel(source), message(id_on(-40))).await.unwrap();
    }
    db.store.move_seen_message(channel(5), message(id_on(-2))).await.unwrap();
    db.store.set_audience(channel(3), guild(8), crate::domain::follow::Audience::Servers).await.unwrap();
    assert_eq!(db.store.forget_unread_channels(MessageId::first_at(on(-30))).await.unwrap(), 1);
    let left = "SELECT CAST(channel_id AS text) AS text FROM channels ORDER BY channel_id";
    assert_eq!(db.texts(left).await, ["1", "3", "5"], "followed, open to others, and read lately");
    // The panels' webhook of a target, a lane at work, a follow.
    for target in [6, 7, 8] {
        let lease = claim_until(&db.store, target, on(1)).await;
        if target != 7 {
            give_back(&db.store, &lease).await;
        }
    }
    db.store.provide_webhook(channel(8), TargetKind::Channel, &webhook(9), on(0)).await.unwrap();
    assert_eq!(db.store.forget_idle_lanes(on(0)).await.unwrap(), 1);
    let left = "SELECT CAST(target_channel_id AS text) AS text FROM lanes ORDER BY target_channel_id";
    assert_eq!(db.texts(left).await, ["2", "7", "8"]);
    assert_eq!(db.store.forget_idle_lanes(on(1)).await.unwrap(), 1, "its lease has ended");

    let values = |at: i64| vec![(format!("gone:{at}"), 1.0), ("server.members:8".to_owned(), 2.0)];
    for day in [-100, -92, -90] {
        db.store.add_samples(&values(day), on(day)).await.unwrap();
    }
    assert_eq!(db.store.forget_old_samples(on(-91)).await.unwrap(), 4);
    assert_eq!(count(&db, "samples").await, 2);
}

/// Without these, each of them would read a whole table.
#[tokio::test]
async fn forgetting_reads_its_indexes() {
    let db = Db::new(Backend::Sqlite).await.unwrap();
    for (query, index) in [
        (
            "SELECT id FROM activities WHERE kind = 'message' AND content IS NOT NULL AND settled_at IS NULL AND id > 5 ORDER BY id LIMIT 9",
            "ix_activities_unsettled",
        ),
        (
            "SELECT id FROM activities WHERE kind = 'message' AND content IS NOT NULL AND settled_at <= 'x' ORDER BY settled_at LIMIT 9",
            "ix_activities_settled_at",
        ),
        (
            "SELECT id FROM activities WHERE (source_message_id, id) > (1, 2) AND source_message_id < 3 ORDER BY source_message_id, id LIMIT 9",
            "ix_activities_source_message_id",
        ),
        ("SELECT 1 FROM lanes l WHERE l.in_flight_delivery_id = 5", "ix_lanes_in_flight_delivery_id"),
        ("SELECT series, at FROM samples WHERE at < 'x' ORDER BY at LIMIT 9", "ix_samples_at"),
    ] {
        let plan = migrations::plan_of(&db, query).await.join("; ");
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{query}: {plan}");
    }
}
