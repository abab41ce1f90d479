//! Pages of follows.

use rstest::rstest;

use super::*;
use crate::domain::follow::FollowId;
use crate::store::Cursor;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn go_both_ways(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut ids = Vec::new();
    for target in 100..107 {
        ids.push(follow(store, 1, target).await.id);
    }
    ids.reverse();
    let page = async |cursor| {
        let page = store.follows_of_server(guild(HOME), None, cursor, 3).await.unwrap();
        assert_eq!(page.total, 7);
        let ids: Vec<FollowId> = page.items.iter().map(|follow| follow.id).collect();
        (ids, page.has_newer(), page.has_older())
    };
    assert_eq!(page(Cursor::Newest).await, (ids[..3].to_vec(), false, true));
    assert_eq!(page(Cursor::OlderThan(ids[2])).await, (ids[3..6].to_vec(), true, true));
    assert_eq!(page(Cursor::OlderThan(ids[5])).await, (ids[6..].to_vec(), true, false));
    assert_eq!(page(Cursor::OlderThan(ids[6])).await, (vec![], true, false));
    assert_eq!(page(Cursor::NewerThan(ids[6])).await, (ids[3..6].to_vec(), true, true));
    assert_eq!(page(Cursor::NewerThan(ids[3])).await, (ids[..3].to_vec(), false, true));
    assert_eq!(page(Cursor::NewerThan(ids[0])).await, (vec![], false, true));

    // The follow that the page begins behind may be gone.
    store.delete_follow(guild(HOME), ids[2], bot(at(0))).await.unwrap();
    let older = store.follows_of_server(guild(HOME), None, Cursor::OlderThan(ids[2]), 3).await.unwrap();
    assert_eq!((older.items[0].id, older.total), (ids[3], 6));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_of_a_server_a_channel_or_a_source(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let ours =
        [follow(store, 1, 100).await.id, follow(store, 2, 101).await.id, follow(store, 100, 101).await.id];
    let mut elsewhere = new_follow(1, 200);
    elsewhere.guild = guild(HOME + 1);
    store.insert_follow(&elsewhere, &relay(50), bot(at(0))).await.unwrap();

    let ids = |page: crate::store::Page<Follow>| page.items.iter().map(|one| one.id).collect::<Vec<_>>();
    let of_guild = store.follows_of_server(guild(HOME), None, Cursor::Newest, 10).await.unwrap();
    assert_eq!(ids(of_guild), [ours[2], ours[1], ours[0]]);
    let of_channel =
        store.follows_of_server(guild(HOME), Some(channel(100)), Cursor::Newest, 10).await.unwrap();
    assert_eq!(ids(of_channel), [ours[2], ours[0]], "as source or target");
    let followers = store.followers_of(channel(1), Cursor::Newest, 1).await.unwrap();
    assert_eq!((followers.total, followers.has_older(), followers.items.len()), (2, true, 1));
    let none = store.follows_of_server(guild(1), None, Cursor::OlderThan(FollowId(5)), 10).await.unwrap();
    assert_eq!((none.total, none.has_newer(), none.has_older()), (0, false, false));
    let all = store.follows_of_server(guild(HOME), None, Cursor::Newest, u64::MAX).await.unwrap();
    assert_eq!(all.items.len(), 3);
}
