//! Pages of follows.

use rstest::rstest;

use super::*;
use crate::domain::follow::{BrokenReason, FollowFilter, FollowId, FollowStateKind};
use crate::domain::paging::{Cursor, Page, PageStart};
use crate::store::BreakWhich;

/// All follows.
const ALL: FollowFilter =
    FollowFilter { source: None, target: None, channel: None, state: None, delivery: None };

fn number(number: u64) -> PageStart {
    PageStart::Number(std::num::NonZeroU64::new(number).unwrap())
}

fn ids(page: &Page<Follow>) -> Vec<FollowId> {
    page.items.iter().map(|follow| follow.id).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn go_both_ways(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut made = Vec::new();
    for target in 100..107 {
        made.push(follow(store, 1, target).await.id);
    }
    made.reverse();
    let page = async |cursor| {
        let page = store.follows_of_server(guild(HOME), &ALL, cursor, 3).await.unwrap();
        assert_eq!(page.total, 7);
        (ids(&page), page.has_newer(), page.has_older())
    };
    assert_eq!(page(Cursor::Newest).await, (made[..3].to_vec(), false, true));
    assert_eq!(page(Cursor::OlderThan(made[2].0)).await, (made[3..6].to_vec(), true, true));
    assert_eq!(page(Cursor::OlderThan(made[5].0)).await, (made[6..].to_vec(), true, false));
    assert_eq!(page(Cursor::OlderThan(made[6].0)).await, (vec![], true, false));
    assert_eq!(page(Cursor::NewerThan(made[6].0)).await, (made[3..6].to_vec(), true, true));
    assert_eq!(page(Cursor::NewerThan(made[3].0)).await, (made[..3].to_vec(), false, true));
    assert_eq!(page(Cursor::NewerThan(made[0].0)).await, (vec![], false, true));

    // The follow that the page begins behind may be gone.
    store.delete_follow(guild(HOME), made[2], bot(at(0))).await.unwrap();
    let older = store.follows_of_server(guild(HOME), &ALL, Cursor::OlderThan(made[2].0), 3).await.unwrap();
    assert_eq!((older.items[0].id, older.total), (made[3], 6));
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

    let of_guild = store.follows_of_server(guild(HOME), &ALL, Cursor::Newest, 10).await.unwrap();
    assert_eq!(ids(&of_guild), [ours[2], ours[1], ours[0]]);
    let with = FollowFilter::of_channel(Some(channel(100)));
    let of_channel = store.follows_of_server(guild(HOME), &with, Cursor::Newest, 10).await.unwrap();
    assert_eq!(ids(&of_channel), [ours[2], ours[0]], "as source or target");
    let followers = store.followers_of(channel(1), Cursor::Newest, 1).await.unwrap();
    assert_eq!((followers.total, followers.has_older(), followers.items.len()), (2, true, 1));
    let none = store.follows_of_server(guild(1), &ALL, Cursor::OlderThan(5), 10).await.unwrap();
    assert_eq!((none.total, none.has_newer(), none.has_older()), (0, false, false));
    let all = store.follows_of_server(guild(HOME), &ALL, Cursor::Newest, u64::MAX).await.unwrap();
    assert_eq!(all.items.len(), 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn have_numbers(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut made = Vec::new();
    for target in 100..107 {
        made.push(follow(store, 1, target).await.id);
    }
    made.reverse();
    let page = async |start, size| {
        let page = store.follows_of_server(guild(HOME), &ALL, start, size).await.unwrap();
        assert_eq!(page.total, 7);
        (ids(&page), page.newer, page.has_older())
    };
    assert_eq!(page(number(1), 3).await, (made[..3].to_vec(), 0, true));
    assert_eq!(page(number(2), 3).await, (made[3..6].to_vec(), 3, true));
    assert_eq!(page(number(3), 3).await, (made[6..].to_vec(), 6, false));
    assert_eq!(page(number(4), 3).await, (vec![], 7, false), "behind the last page");
    assert_eq!(page(number(u64::MAX), u64::MAX).await, (vec![], 7, false));
    let followers = store.followers_of(channel(1), number(2), 5).await.unwrap();
    assert_eq!((ids(&followers), followers.newer), (made[5..].to_vec(), 5));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn hold_only_what_is_wanted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut made = Vec::new();
    // Each source has a target of its own, one that they share, and one in another server. Channel 100 is a
    // source, too.
    for (source, target, home) in
        [(1, 100, HOME), (2, 101, HOME), (1, 102, HOME), (2, 102, HOME), (100, 102, HOME), (1, 200, HOME + 1)]
    {
        let mut new = new_follow(source, target);
        new.guild = guild(home);
        let Inserted::Made(follow) = store.insert_follow(&new, &relay(50), bot(at(0))).await.unwrap() else {
            panic!("there before")
        };
        made.push(follow.id);
    }
    store.pause_follow(guild(HOME), made[1], bot(at(1))).await.unwrap().unwrap();
    let gone = BreakWhich::Target(channel(100));
    store.break_follows(gone, BrokenReason::TargetDeleted, bot(at(1))).await.unwrap();
    let [one, two, hundred, shared] = [1, 2, 100, 102].map(|id| Some(channel(id)));
    let state = |state| FollowFilter { state: Some(state), ..ALL };
    let delivery = |delivery| FollowFilter { delivery: Some(delivery), ..ALL };
    let cases: [(FollowFilter, &[usize]); 13] = [
        (ALL, &[4, 3, 2, 1, 0]),
        (FollowFilter { source: one, ..ALL }, &[2, 0]),
        (FollowFilter { target: shared, ..ALL }, &[4, 3, 2]),
        (FollowFilter { source: two, target: shared, ..ALL }, &[3]),
        (FollowFilter { channel: hundred, ..ALL }, &[4, 0]),
        (FollowFilter { channel: hundred, source: one, ..ALL }, &[0]),
        (FollowFilter { channel: hundred, state: Some(FollowStateKind::Active), ..ALL }, &[4]),
        (state(FollowStateKind::Active), &[4, 3, 2]),
        (state(FollowStateKind::Paused), &[1]),
        (state(FollowStateKind::Broken), &[0]),
        (FollowFilter { source: two, state: Some(FollowStateKind::Broken), ..ALL }, &[]),
        (delivery(DeliveryMethod::Relay), &[4, 3, 2, 1, 0]),
        (delivery(DeliveryMethod::Native), &[]),
    ];
    for (wanted, expected) in cases {
        let expected: Vec<FollowId> = expected.iter().map(|index| made[*index]).collect();
        let page = async |start: PageStart, size| {
            let page = store.follows_of_server(guild(HOME), &wanted, start, size).await.unwrap();
            assert_eq!(page.total, expected.len() as u64, "{wanted:?} {start:?}");
            page
        };
        let all = page(Cursor::Newest.into(), 10).await;
        assert_eq!(ids(&all), expected, "{wanted:?}");
        // Page by page, by number and by cursor, nothing is left out and nothing comes twice.
        let (mut by_number, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), Cursor::Newest);
        for at in 1..=expected.len() as u64 {
            let one = page(number(at), 1).await;
            assert_eq!((one.newer, one.has_older()), (at - 1, at < one.total), "{wanted:?}");
            by_number.extend(ids(&one));
            let one = page(cursor.into(), 1).await;
            assert_eq!((one.newer, one.has_older()), (at - 1, at < one.total), "{wanted:?}");
            by_cursor.extend(ids(&one));
            cursor = Cursor::OlderThan(by_cursor.last().unwrap().0);
        }
        assert_eq!((&by_number, &by_cursor), (&expected, &expected), "{wanted:?}");
    }
    let elsewhere = store.follows_of_server(guild(HOME + 1), &ALL, Cursor::Newest, 10).await.unwrap();
    assert_eq!(ids(&elsewhere), [made[5]], "another server's are its own");
    assert_eq!(store.follow(guild(HOME), made[5]).await.unwrap(), None, "nor are they found by number");
}
