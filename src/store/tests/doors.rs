//! What must hold in the transaction that stores a follow, and what is noted of it afterwards.

use rstest::rstest;

use super::*;
use crate::domain::follow::{Audience, BrokenReason, Door, Exposure, FollowState};
use crate::domain::permissions::Permissions;
use crate::store::{BreakWhich, FollowFindings, StoreError};

/// A follow of a thread of channel 1, through what `/publish` opened.
fn published(target: u64) -> NewFollow {
    NewFollow { door: Door::Published, source_parent: Some(channel(1)), ..new_follow(10, target) }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_closed_meanwhile_is_not_followed(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let closed = |done: Result<_, StoreError>| assert!(matches!(done, Err(StoreError::Closed)));
    closed(store.insert_follow(&published(2), &relay(50), bot(at(0))).await.map(drop));
    store.set_audience(channel(1), guild(8), Audience::Servers).await.unwrap();
    let Inserted::Made(made) = store.insert_follow(&published(2), &relay(50), bot(at(0))).await.unwrap()
    else {
        panic!("there before")
    };
    let options = FollowOptions { threads: ThreadScope::All, ..made.options.clone() };
    let door = Door::Published;
    let changed = store.update_options(made.guild, made.id, &options, None, door, bot(at(1))).await;
    assert_eq!(changed.unwrap().unwrap().options.threads, ThreadScope::All);
    store.pause_follow(made.guild, made.id, bot(at(2))).await.unwrap();
    store.set_audience(channel(1), guild(8), Audience::Nobody).await.unwrap();
    closed(store.resume_follow(&made, None, door, bot(at(3))).await.map(drop));
    closed(store.update_options(made.guild, made.id, &made.options, None, door, bot(at(3))).await.map(drop));
    let stays = store.follow(made.guild, made.id).await.unwrap().unwrap();
    assert_eq!((stays.state, stays.options.threads), (FollowState::Paused, ThreadScope::All));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_what_must_not_be_read_any_more_only_deletions_are_owed(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let made = follow(store, 1, 2).await;
    store.record_events(&[posted(1, 100), posted(1, 101)], at(1)).await.unwrap();
    db.rows::<Nothing>("UPDATE deliveries SET state = 'shown', shown_revision = 1 RETURNING 1 AS one").await;
    let stopped = store.stop_exposed(made.guild, made.id, at(2)).await.unwrap().unwrap();
    assert_eq!((stopped.state, stopped.exposure), (FollowState::Paused, Exposure::Stopped));
    assert_eq!(store.take_unannounced(10).await.unwrap().len(), 1);
    assert_eq!(store.stop_exposed(made.guild, made.id, at(2)).await.unwrap(), None, "once");
    store.record_events(&[edited(1, 100, "secret"), deleted(1, 101)], at(3)).await.unwrap();
    assert_eq!(db.deliveries().await, ["2 shown 1", "2 due 1"]);
    store.note_meant(made.guild, made.id, bot(at(0))).await.unwrap();
    let again = store.resume_follow(&made, None, Door::Own, bot(at(4))).await.unwrap().unwrap();
    assert_eq!((again.state, again.exposure), (FollowState::Active, Exposure::Meant));
    assert_eq!(db.deliveries().await, ["2 due 1", "2 due 1"], "what was edited meanwhile is due now");
    assert_eq!(store.stop_exposed(made.guild, made.id, at(5)).await.unwrap(), None, "it is meant");
}

#[derive(sea_orm::FromQueryResult)]
struct Nothing {}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_the_bot_lacked_comes_back_once(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let made = follow(store, 1, 2).await;
    let (lacking, reason) = (Permissions::VIEW_CHANNEL, BrokenReason::SourceForbidden);
    let which = BreakWhich::RelaySource(channel(1));
    let broken = store.break_lacking(which, reason, lacking, bot(at(1))).await.unwrap();
    assert_eq!((broken[0].state, broken[0].lacking), (FollowState::Broken(reason), lacking));
    assert_eq!(store.take_unannounced(10).await.unwrap().len(), 1);
    let mended = store.resume_mended(made.guild, made.id, Door::Own, at(2)).await.unwrap().unwrap();
    assert_eq!((mended.state, mended.lacking), (FollowState::Active, Permissions::empty()));
    assert_eq!(store.take_unannounced(10).await.unwrap().len(), 1, "that it goes on is told");
    assert_eq!(store.resume_mended(made.guild, made.id, Door::Own, at(2)).await.unwrap(), None);
    // One of which nobody was told that it broke.
    store.break_lacking(which, reason, lacking, bot(at(3))).await.unwrap();
    store.resume_mended(made.guild, made.id, Door::Own, at(4)).await.unwrap().unwrap();
    assert!(store.take_unannounced(10).await.unwrap().is_empty());
    // What broke for another reason doesn't go on by itself.
    store.break_follows(which, BrokenReason::SourceDeleted, bot(at(5))).await.unwrap();
    assert_eq!(store.resume_mended(made.guild, made.id, Door::Own, at(6)).await.unwrap(), None);
    // A webhook that is gone keeps what was noted before: the bot can't make another without it.
    let other = follow(store, 3, 4).await;
    let hooks = Permissions::MANAGE_WEBHOOKS;
    let found = FollowFindings { exposure: Exposure::None, lacking: hooks, source_restricted: true };
    store.record_findings(&other, found, true).await.unwrap();
    let which = BreakWhich::Follow(other.id);
    let broken = store.break_follows(which, BrokenReason::WebhookDeleted, bot(at(7))).await.unwrap();
    assert_eq!((broken[0].lacking, broken[0].source_restricted), (hooks, true));
    store
        .record_findings(&other, FollowFindings { lacking: Permissions::empty(), ..found }, false)
        .await
        .unwrap();
    let stays = store.follow(other.guild, other.id).await.unwrap().unwrap();
    assert_eq!(stays.lacking, hooks, "what was found of it as it was says nothing of it as it is");
}

/// What there is when this is added was asked about when it was made; the first look says whether that still
/// matters.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_followed_before_is_taken_over(#[case] backend: Backend) {
    const NAME: &str = "m20261129_000021_look_at_doors";
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    store.set_audience(channel(1), guild(8), Audience::Servers).await.unwrap();
    store.insert_follow(&published(2), &relay(50), bot(at(0))).await.unwrap();
    follow(store, 3, 4).await;
    let within = NewFollow { source_guild: guild(HOME), ..new_follow(5, 6) };
    store.insert_follow(&within, &relay(52), bot(at(0))).await.unwrap();
    let is_applied = async || {
        store.migration_status().await.unwrap().iter().any(|(name, applied)| name == NAME && *applied)
    };
    while is_applied().await {
        store.migrate_down(1).await.unwrap();
    }
    store.migrate_up().await.unwrap();
    let all = "SELECT exposure || CASE WHEN published_only THEN ' published only' ELSE '' END AS text \
        FROM channel_follows ORDER BY id";
    assert_eq!(db.texts(all).await, ["meant", "meant published only", "meant"]);
}
