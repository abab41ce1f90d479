//! Recording events at the edges: sources whose follows rest, channels read before, and much at once.

use rstest::rstest;

use super::*;
use crate::domain::follow::{Audience, Door};
use crate::domain::paging::Cursor;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_is_kept_that_nobody_needs(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut native = new_follow(5, 2);
    native.options.delivery = DeliveryMethod::Native;
    store.insert_follow(&native, &FollowWebhook::Native(webhook_id(60)), bot(at(0))).await.unwrap();
    let paused = follow(store, 1, 2).await;
    store.pause_follow(paused.guild, paused.id, bot(at(0))).await.unwrap();
    let events = [posted(5, 9), posted(6, 8), posted(1, 10), edited(1, 10, "more")];
    let recorded = store.record_events(&events, at(1)).await.unwrap();
    assert!(recorded.lanes.is_empty());
    let kept =
        db.texts("SELECT origin || COALESCE(' ' || CAST(content AS text), '') AS text FROM activities").await;
    assert_eq!(kept, ["discord:1/10"], "remembered without its content");
    assert_eq!(store.seen_message(channel(5)).await.unwrap(), Some(message(9)));

    store.resume_follow(&paused, None, Door::Own, bot(at(2))).await.unwrap();
    let again = store.record_events(&[posted(1, 10), edited(1, 10, "even more")], at(3)).await.unwrap();
    assert!(again.lanes.is_empty() && db.deliveries().await.is_empty(), "posted while paused, never sent");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_read_only_moves_forward(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let source = channel(1);
    assert_eq!(store.seen_message(source).await.unwrap(), None);
    assert_eq!(store.audience(source).await.unwrap(), Audience::Nobody);
    assert_eq!(store.set_audience(source, guild(8), Audience::Servers).await.unwrap(), Audience::Nobody);
    assert_eq!(store.seen_message(source).await.unwrap(), None);
    for (id, seen) in [(20, 20), (10, 20), (30, 30)] {
        store.move_seen_message(source, message(id)).await.unwrap();
        assert_eq!(store.seen_message(source).await.unwrap(), Some(message(seen)));
    }
    store.record_events(&[posted(1, 25), edited(1, 99, "no post")], at(0)).await.unwrap();
    assert_eq!(store.seen_message(source).await.unwrap(), Some(message(30)));
    store.record_events(&[posted(1, 40), posted(1, 35)], at(0)).await.unwrap();
    assert_eq!(store.seen_message(source).await.unwrap(), Some(message(40)));
    assert_eq!(store.set_audience(source, guild(8), Audience::Everyone).await.unwrap(), Audience::Servers);
    assert_eq!(store.audience(source).await.unwrap(), Audience::Everyone);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_large_batch_reaches_many(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for target in 100..150 {
        follow(&db.store, 1, target).await;
    }
    let posts: Vec<SourceEvent> = (1_000..3_500).map(|id| posted(1, id)).collect();
    let recorded = db.store.record_events(&posts[..1_200], at(0)).await.unwrap();
    assert_eq!((recorded.posted, recorded.lanes.len()), (1_200, 50));
    let recorded = db.store.record_events(&posts, at(0)).await.unwrap();
    assert_eq!(recorded.posted, 1_300, "the rest");
    assert_eq!(db.store.backlog().await.unwrap().deliveries, 2_500 * 50);
}

/// Posts, edits and follows at the same time, from several tasks: nobody waits for ever, nothing is lost.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn writers_do_not_block_each_other(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for target in 10..20 {
        follow(&db.store, 1, target).await;
        follow(&db.store, 2, target).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for source in [1, 2] {
        let store = db.store.clone();
        tasks.spawn(async move {
            for id in 100..130 {
                let events = [posted(source, id), edited(source, id - 3, "again"), deleted(source, id - 7)];
                store.record_events(&events, at(1)).await.unwrap();
            }
        });
    }
    for target in 10..20 {
        let store = db.store.clone();
        tasks.spawn(async move {
            let lease = claim(&store, target).await;
            for round in 0..5 {
                show_all(&store, &lease, target * 10_000 + round * 1_000).await;
            }
        });
        let store = db.store.clone();
        tasks.spawn(async move {
            for follow in store.follows_into(channel(target), Cursor::Newest, 5).await.unwrap().items {
                store.pause_follow(follow.guild, follow.id, bot(at(2))).await.unwrap();
                store.resume_follow(&follow, None, Door::Own, bot(at(3))).await.unwrap();
                store.replace_webhook(channel(target), &webhook(9_000 + target), at(4)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    for target in 10..20 {
        let lease = claim(&db.store, target).await;
        show_all(&db.store, &lease, target * 10_000 + 9_000).await;
    }
    let outdated = db.texts(
        "SELECT a.origin AS text FROM deliveries d JOIN activities a ON a.id = d.activity_id \
         WHERE d.state = 'due' OR d.state = 'shown' AND (d.shown_revision <> a.revision OR a.deleted)",
    );
    assert_eq!(outdated.await, Vec::<String>::new());
}

/// More than a statement may have values, on either database.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tens_of_thousands_of_events_are_one_batch(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    // Each in a channel of its own, and without a text: it is the number that matters.
    let passed = |id: u64| SourceEvent::Passed { origin: origin(id, id), source: channel(id) };
    let events: Vec<SourceEvent> = (1_000..71_000).map(passed).chain([posted(1, 10)]).collect();
    let recorded = db.store.record_events(&events, at(0)).await.unwrap();
    assert_eq!(recorded.posted, 1);
    assert_eq!(db.store.seen_message(channel(70_999)).await.unwrap(), Some(message(70_999)));
    let mirrored = db.store.mirrored_between(channel(1), message(1), message(40_000)).await.unwrap();
    assert_eq!(mirrored, [message(10)]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_gap_leaves_the_message_behind_it_to_be_read(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let gap = SourceEvent::Posted {
        origin: Origin::Gap { channel: channel(1), before: message(50) },
        source: channel(1),
        author: None,
        content: content("much was missed").into(),
    };
    db.store.record_events(&[gap], at(0)).await.unwrap();
    assert_eq!(db.store.seen_message(channel(1)).await.unwrap(), Some(message(49)));
}

/// Somebody may write a character that no text of the database can have.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn texts_are_kept_without_the_character_that_no_database_takes(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let mut new = new_follow(1, 2);
    let tag = Tag::Forum { id: crate::domain::ids::TagId::new(7).unwrap(), name: "b\0ug".to_owned() };
    new.options.filter = TagFilter::Only(TagSet::new([tag]).unwrap());
    db.store.insert_follow(&new, &relay(1_002), bot(at(0))).await.unwrap();
    db.store.add_samples(&[("a\0b".to_owned(), 1.5)], at(0)).await.unwrap();
    let labels = "SELECT label AS text FROM channel_follow_tags UNION ALL SELECT series AS text FROM samples";
    assert_eq!(db.texts(labels).await, ["bug", "ab"]);
}

/// A follow that begins with a post which is still on its way to all others takes it from none of them.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_follow_begins_with_is_owed_to_all_others_too(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    store.move_seen_message(channel(1), message(10)).await.unwrap();
    follow(store, 1, 2).await;
    let late = follow(store, 1, 3).await;
    let due = store.backfill(&late, &[posted(1, 10), posted(1, 11)], at(1)).await.unwrap();
    assert_eq!(due, 2, "one now, and one at once");
    store.record_events(&[posted(1, 11)], at(2)).await.unwrap();
    let due = "SELECT d.target_channel_id || ' ' || a.source_message_id AS text FROM deliveries d \
        JOIN activities a ON a.id = d.activity_id ORDER BY 1";
    assert_eq!(db.texts(due).await, ["2 11", "3 10", "3 11"]);
}
