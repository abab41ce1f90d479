//! What feeds show: compared with Discord after a gap, gone with its channel, and without room for what
//! one can't see.

use rstest::rstest;

use super::migrations::{plan_of, revert};
use super::personal::{edit, everything, feed, in_server, know};
use super::retention::count;
use super::*;
use crate::domain::feed::FeedFilter;
use crate::domain::personal::Followee;
use crate::domain::shards::{Shard, Shards};
use crate::store::UncheckedPost;

const ALONE: Shard = Shard { id: 0, total: 1 };

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

/// Two people who follow 602, who posted messages 100 and up in these channels.
async fn followed(db: &Db, channels: impl IntoIterator<Item = u64>) {
    for id in [601, 602, 603] {
        know(&db.store, id).await;
    }
    for reader in [601, 603] {
        edit(&db.store, reader, Followee::User(user(602)), everything()).await;
    }
    let posts: Vec<SourceEvent> = (100..).zip(channels).map(|(id, channel)| in_server(channel, id)).collect();
    db.store.record_events(&posts, at(2)).await.unwrap();
}

/// Which posts of somebody's feed say something.
async fn certain(db: &Db) -> Vec<u64> {
    let found = super::personal::candidates(db, 601, &FeedFilter::default()).await;
    let posts = db.store.feed_posts(found, |_| true).await.unwrap();
    let said = posts.iter().filter(|post| post.content.is_some());
    said.map(|post| post.position.message.get()).collect()
}

async fn unchecked(db: &Db) -> Vec<UncheckedPost> {
    db.store.unchecked_posts(ALONE, MessageId::from_db(i64::MAX).unwrap(), 100).await.unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_gap_may_have_changed_says_nothing_until_it_is_compared(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    followed(&db, [61, 62, 61]).await;
    assert_eq!(certain(&db).await, Vec::<u64>::new(), "nobody ever said that anybody listens");
    store.begin_listening(Shards::all(1), at(1)).await.unwrap();
    store.begin_listening(Shards::all(1), at(9)).await.unwrap();
    assert_eq!((certain(&db).await, unchecked(&db).await.len()), (vec![102, 101, 100], 0));

    store.note_listening_gap(ALONE, at(3)).await.unwrap();
    store.note_listening_gap(ALONE, at(2)).await.unwrap();
    store.record_events(&[in_server(62, 103)], at(4)).await.unwrap();
    assert_eq!(certain(&db).await, [103], "it came after the gap");
    let waiting = unchecked(&db).await;
    assert_eq!(waiting.iter().map(|one| one.origin.message().get()).collect::<Vec<_>>(), [102, 101, 100]);
    let in_61 = store.unchecked_posts_in(channel(61), ALONE, message(102), 100).await.unwrap();
    assert_eq!(in_61.iter().map(|one| one.origin.message().get()).collect::<Vec<_>>(), [102, 100]);
    store.note_checked(&in_61, at(3)).await.unwrap();
    assert_eq!(certain(&db).await, [103], "Discord was asked while the gap went on");
    store.note_checked(&in_61, at(4)).await.unwrap();
    store.note_checked(&in_61, at(1)).await.unwrap();
    assert_eq!((certain(&db).await, unchecked(&db).await.len()), (vec![103, 102, 100], 1));
    // Of another number of shards, another has this server.
    store.note_listening_gap(Shard { id: 1, total: 2 }, at(9)).await.unwrap();
    assert_eq!(certain(&db).await, [103, 102, 100]);
    store.note_listening_gap(Shard { id: 0, total: 2 }, at(9)).await.unwrap();
    assert_eq!(certain(&db).await, Vec::<u64>::new());
    let found = super::personal::candidates(&db, 601, &FeedFilter::default()).await;
    assert_eq!(found.len(), 4, "links are left");
    revert(&db, "m20261130_000036_check_feeds").await;
    assert_eq!(count(&db, "activities").await, 4);
    store.migrate_up().await.unwrap();
    assert_eq!(certain(&db).await, Vec::<u64>::new(), "an earlier version noted no gaps");
}

/// Nobody may have listened to its channel since it was recorded.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_new_follow_begins_with_is_compared_first(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    db.store.begin_listening(Shards::all(1), at(1)).await.unwrap();
    know(&db.store, 601).await;
    follow(&db.store, 61, 70).await;
    db.store.record_events(&[in_server(61, 100)], at(2)).await.unwrap();
    edit(&db.store, 601, Followee::Channel(channel(61)), everything()).await;
    assert_eq!(feed(&db, 601, &FeedFilter::default()).await, [100]);
    assert_eq!((certain(&db).await, unchecked(&db).await.len()), (vec![], 1));
    db.store.note_checked(&unchecked(&db).await, at(3)).await.unwrap();
    assert_eq!(certain(&db).await, [100]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_one_cannot_see_takes_no_room(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    followed(&db, (0..2_600).map(|number| if number < 10 { 61 } else { 62 })).await;
    let all = FeedFilter::default();
    let read = async || {
        let (found, is_whole) =
            db.store.feed_candidates(user(601), &[channel(61)], &all, at(5)).await.unwrap();
        (found.len(), is_whole)
    };
    assert_eq!(read().await, (10, true));
    let channels = db.store.feed_channels(user(601), &all, None).await.unwrap();
    assert_eq!(channels.iter().map(|one| one.source.get()).collect::<Vec<_>>(), [62, 61]);
    let from = Some(message(105));
    let channels = db.store.feed_channels(user(601), &all, from).await.unwrap();
    assert_eq!(channels[0].source, channel(61), "that is where something is close");
    let newer = FeedFilter { after: Some(message(2_000)), ..all.clone() };
    assert_eq!(db.store.feed_channels(user(601), &newer, None).await.unwrap().len(), 1);
    // The same when what is too much is forgotten, of each person.
    assert_eq!(db.store.trim_feeds(message(1)).await.unwrap(), 2 * 590);
    assert_eq!(read().await, (10, true));
    assert_eq!(db.store.trim_feeds(message(105)).await.unwrap(), 2 * 5);
    assert_eq!(db.store.trim_feeds(message(105)).await.unwrap(), 0);

    let query = "SELECT activity_id FROM feed_items WHERE user_id = 601 AND source_channel_id IN \
        (SELECT t.value FROM (VALUES_OF) t) ORDER BY position DESC, activity_id DESC LIMIT 2000";
    let grouped = "SELECT source_channel_id, MAX(position) FROM feed_items WHERE user_id = 601 GROUP BY source_channel_id";
    if matches!(backend, Backend::Sqlite) {
        let query = query.replace("VALUES_OF", "SELECT value FROM json_each('[61]')");
        let plan = plan_of(&db, &query).await.join("; ");
        assert!(plan.contains("feed_items USING PRIMARY KEY (user_id=?)"), "{plan}");
        assert!(!plan.contains("FOR ORDER BY"), "{plan}");
        let plan = plan_of(&db, grouped).await.join("; ");
        assert!(plan.contains("feed_items USING PRIMARY KEY (user_id=?)"), "{plan}");
    } else {
        let txn = db.store.write().await.unwrap();
        Sql::new("SET LOCAL enable_seqscan = off", []).execute(&*txn).await.unwrap();
        let query = query.replace("VALUES_OF", "SELECT 61::bigint AS value");
        for query in [query.as_str(), grouped] {
            let rows = Sql::new(format!("EXPLAIN (FORMAT JSON) {query}"), []);
            let row = rows.row(&*txn).await.unwrap().unwrap();
            let plan = row.try_get_by_index::<serde_json::Value>(0).unwrap().to_string();
            assert!(plan.contains("feed_items_pkey"), "{plan}");
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn personal_follows_end_with_their_channel_and_their_server(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    followed(&db, [61, 62]).await;
    for (reader, source) in [(601, 61), (603, 61), (601, 62)] {
        edit(store, reader, Followee::Channel(channel(source)), everything()).await;
    }
    let ends = store.source_ends(guild(9)).await.unwrap();
    assert_eq!(ends.len(), 2, "the sweep looks at them");
    assert!(store.guild_checks().await.unwrap().iter().any(|check| check.guild == guild(9)));
    let stamp = ChangedBy::System.at(at(3));
    for _ in 0..2 {
        store.drop_deleted_channel(channel(61), stamp).await.unwrap();
    }
    let followers = async || {
        db.texts(
            "SELECT followee_kind || ' ' || followee_id || ' ' || followers AS text FROM followee_counts \
             WHERE followers > 0 ORDER BY 1",
        )
        .await
    };
    assert_eq!(followers().await, ["channel 62 1", "user 602 2"]);
    assert_eq!(unchecked(&db).await.len(), 0);
    store.begin_listening(Shards::all(1), at(3)).await.unwrap();
    assert_eq!(unchecked(&db).await.len(), 1, "what was posted in the deleted channel is nobody's any more");
    store.forget_guild(guild(9), at(4)).await.unwrap();
    assert_eq!(followers().await, ["user 602 2"]);
    assert_eq!(count(&db, "activities").await, 1, "only what isn't in feeds is left to its age");
    revert(&db, "m20261130_000037_index_followed_threads").await;
    store.migrate_up().await.unwrap();
}
