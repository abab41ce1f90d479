//! Servers that aren't served, and how many follows there may be.

use rstest::rstest;

use super::*;
use crate::domain::follow::{BrokenReason, FollowState};
use crate::domain::servers::{FollowLimits, FollowsFull};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn end_with_all_follows_from_and_into_them(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let into = follow(store, 1, 2).await;
    let of = NewFollow { guild: guild(9), source_guild: guild(HOME), ..new_follow(3, 4) };
    store.insert_follow(&of, &relay(50), bot(at(0))).await.unwrap();
    let beside = NewFollow { guild: guild(9), ..new_follow(5, 6) };
    store.insert_follow(&beside, &relay(51), bot(at(0))).await.unwrap();
    assert!(store.block_server(guild(HOME), at(1)).await.unwrap());
    assert!(!store.block_server(guild(HOME), at(2)).await.unwrap(), "it is blocked already");
    assert_eq!(store.blocked_servers().await.unwrap(), [guild(HOME)]);
    let broken = store.close_server(guild(HOME), at(1)).await.unwrap();
    assert_eq!(broken.len(), 2);
    assert!(broken.iter().all(|follow| follow.state == FollowState::Broken(BrokenReason::NotServed)));
    assert_eq!(store.close_server(guild(HOME), at(1)).await.unwrap(), [], "once");
    let usage = store.usage_of(guild(HOME)).await.unwrap();
    assert_eq!((usage.follows_into, usage.follows_of, usage.panels), (1, 1, 0));
    assert!(usage.left && usage.blocked && usage.is_used());
    assert_eq!(store.server_usage().await.unwrap().len(), 3, "those of other servers, too");

    // Nobody comes back while it is blocked.
    let resumed = store.resume_follow(&into, None, Door::Own, bot(at(3))).await;
    assert!(matches!(resumed, Err(StoreError::NotServed)), "{resumed:?}");
    let new = store.insert_follow(&new_follow(1, 7), &relay(52), bot(at(3))).await;
    assert!(matches!(new, Err(StoreError::NotServed)), "{new:?}");
    store.guild_back(guild(HOME)).await.unwrap();
    assert_eq!(store.left_guilds(at(9)).await.unwrap(), [guild(HOME)], "the bot leaves it again");

    assert!(store.unblock_server(guild(HOME), at(0)).await.unwrap());
    assert!(!store.unblock_server(guild(HOME), at(0)).await.unwrap());
    store.guild_back(guild(HOME)).await.unwrap();
    assert_eq!(store.left_guilds(at(9)).await.unwrap(), []);
    let resumed = store.resume_follow(&into, None, Door::Own, bot(at(4))).await.unwrap().unwrap();
    assert_eq!(resumed.state, FollowState::Active);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_which_nothing_is_kept_leave_no_trace(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    assert_eq!(db.store.close_server(guild(90), at(1)).await.unwrap(), []);
    assert!(!db.store.mark_left(guild(90), at(1)).await.unwrap());
    assert_eq!(db.store.left_guilds(at(9)).await.unwrap(), []);
}

/// If several come at once and there is room for one, one of them finds it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn follows_at_once_pass_no_limit(#[case] backend: Backend) {
    const ROOM: u32 = 3;
    const MANY: u64 = 12;
    let room = Some(ROOM);
    let none = FollowLimits::default();
    let cases = [
        // Into one target, of one source by many servers, into many channels of one server.
        (FollowLimits { per_target: room, ..none }, FollowsFull::Target(ROOM)),
        (FollowLimits { per_source: room, ..none }, FollowsFull::Source(ROOM)),
        (FollowLimits { per_server: room, ..none }, FollowsFull::Server(ROOM)),
    ];
    for (limits, expected) in cases {
        let Some(db) = Db::new(backend).await else { return };
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..MANY {
            let (source, target, server) = match expected {
                FollowsFull::Target(_) => (100 + number, 2, HOME),
                FollowsFull::Source(_) => (1, 100 + number, 300 + number),
                FollowsFull::Server(_) => (100 + number, 200 + number, HOME),
            };
            let store = db.store.clone();
            let new = NewFollow { guild: guild(server), limits, ..new_follow(source, target) };
            tasks.spawn(async move {
                store.insert_follow(&new, &relay(1_000 + number), bot(at(0))).await.unwrap()
            });
        }
        let results = tasks.join_all().await;
        let made = results.iter().filter(|one| matches!(one, Inserted::Made(_))).count();
        let full = results.iter().filter(|one| **one == Inserted::Full(expected)).count();
        assert_eq!((made, full), (3, 9), "{expected:?}");
    }
}

/// Existing follows beyond a lower limit go on, and a thread of a source counts as that.
#[tokio::test]
async fn limits_bound_what_is_new() {
    let db = Db::new(Backend::Sqlite).await.unwrap();
    let mut thread = new_follow(10, 2);
    thread.source_parent = Some(channel(1));
    db.store.insert_follow(&thread, &relay(50), bot(at(0))).await.unwrap();
    let second = follow(&db.store, 1, 3).await;
    db.store.pause_follow(second.guild, second.id, bot(at(1))).await.unwrap();
    let limits = FollowLimits { per_source: Some(1), ..FollowLimits::default() };
    let another = NewFollow { limits, ..new_follow(1, 4) };
    assert_eq!(db.store.follows_full(&another).await.unwrap(), Some(FollowsFull::Source(1)));
    let inserted = db.store.insert_follow(&another, &relay(51), bot(at(2))).await.unwrap();
    assert_eq!(inserted, Inserted::Full(FollowsFull::Source(1)));
    let resumed = db.store.resume_follow(&second, None, Door::Own, bot(at(3))).await.unwrap();
    assert_eq!(resumed.unwrap().state, FollowState::Active);
}
