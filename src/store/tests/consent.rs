//! What the followed side decides holds in the transactions that store follows.

use rstest::rstest;

use super::*;
use crate::domain::follow::{Approval, BrokenReason, FollowState};
use crate::store::{BreakWhich, Forgotten, StoreError};

const WAITS: FollowState = FollowState::Broken(BrokenReason::AwaitingApproval);

fn published(target: u64) -> NewFollow {
    NewFollow { door: Door::Published, ..new_follow(1, target) }
}

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

/// Channel 1 is open to other servers, asks first, and tells of followers in channel 90.
async fn asking(store: &Store) {
    let change = PublicationChange {
        audience: Some(Audience::Servers),
        approval: Some(Approval::Ask),
        notify: Some(Some(channel(90))),
    };
    store.set_publication(channel(1), guild(8), change, bot(at(0))).await.unwrap();
}

async fn insert(store: &Store, new: &NewFollow, hook: &FollowWebhook) -> Follow {
    match store.insert_follow(new, hook, bot(at(0))).await.unwrap() {
        Inserted::Made(follow) => follow,
        Inserted::AlreadyThere(follow) => panic!("{follow:?} is there"),
        Inserted::Full(full) => panic!("{full:?}"),
    }
}

fn state(follow: Option<Follow>) -> Option<FollowState> {
    follow.map(|follow| follow.state)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_follow_waits_and_is_decided_once(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    asking(store).await;
    let waits = insert(store, &published(2), &relay(50)).await;
    assert_eq!(waits.state, WAITS);
    let own = NewFollow { guild: guild(8), door: Door::Own, ..new_follow(1, 3) };
    assert_eq!(insert(store, &own, &relay(51)).await.state, FollowState::Active);
    store.record_events(&[posted(1, 100)], at(1)).await.unwrap();
    assert_eq!(db.deliveries().await, ["3 due"]);
    // To resume it changes nothing as long as it is asked.
    let (home, id, door) = (guild(HOME), waits.id, Door::Published);
    assert_eq!(state(store.resume_follow(&waits, None, door, bot(at(2))).await.unwrap()), Some(WAITS));
    let begun = store.approve_follow(home, id, &relay(50), door, bot(at(3))).await.unwrap().unwrap();
    assert_eq!((begun.state, begun.created_at), (FollowState::Active, stored(at(3))));
    assert_eq!(store.approve_follow(home, id, &relay(50), door, bot(at(3))).await.unwrap(), None, "once");
    assert_eq!(store.decline_follow(home, id, bot(at(3))).await.unwrap(), None);
    store.record_events(&[posted(1, 101)], at(4)).await.unwrap();
    assert_eq!(db.deliveries().await, ["3 due", "2 due", "3 due"].map(str::to_owned).to_vec());

    let declined = insert(store, &published(4), &relay(52)).await;
    let declined = store.decline_follow(home, declined.id, bot(at(5))).await.unwrap();
    assert_eq!(state(declined.clone()), Some(FollowState::Broken(BrokenReason::Declined)));
    let declined = declined.unwrap();
    let id = declined.id;
    assert_eq!(store.approve_follow(home, id, &relay(52), door, bot(at(6))).await.unwrap(), None);
    let stale = Follow { state: FollowState::Paused, ..declined.clone() };
    assert_eq!(store.resume_follow(&stale, None, door, bot(at(6))).await.unwrap(), Some(declined.clone()));
    let waits = store.resume_follow(&declined, None, door, bot(at(6))).await.unwrap();
    assert_eq!(state(waits.clone()), Some(WAITS));
    // Nobody is asked any more.
    let change = PublicationChange { approval: Some(Approval::None), ..PublicationChange::default() };
    store.set_publication(channel(1), guild(8), change, bot(at(0))).await.unwrap();
    let resumed = store.resume_follow(&waits.unwrap(), None, door, bot(at(7))).await.unwrap();
    assert_eq!(state(resumed), Some(FollowState::Active));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_native_follow_that_waits_has_no_webhook(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    asking(store).await;
    let mut new = published(2);
    new.options.delivery = DeliveryMethod::Native;
    // The choice to ask came while Discord was asked.
    let waits = insert(store, &new, &FollowWebhook::Native(webhook_id(60))).await;
    assert_eq!((waits.state, waits.follower_webhook), (WAITS, None));
    let change = PublicationChange { approval: Some(Approval::None), ..PublicationChange::default() };
    store.set_publication(channel(1), guild(8), change, bot(at(0))).await.unwrap();
    let door = Door::Published;
    let resumed = store.resume_follow(&waits, None, door, bot(at(1))).await.unwrap();
    assert_eq!(state(resumed), Some(WAITS), "nothing would deliver");
    let hook = FollowWebhook::Native(webhook_id(61));
    let resumed = store.resume_follow(&waits, Some(&hook), door, bot(at(1))).await.unwrap().unwrap();
    assert_eq!((resumed.state, resumed.follower_webhook), (FollowState::Active, Some(webhook_id(61))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_blocked_server_follows_nothing(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    store.set_audience(channel(1), guild(8), Audience::Servers).await.unwrap();
    let (active, paused) =
        (insert(store, &published(2), &relay(50)).await, insert(store, &published(3), &relay(51)).await);
    store.pause_follow(paused.guild, paused.id, bot(at(1))).await.unwrap();
    assert!(store.block_follower(guild(8), guild(HOME), by(user(5), guild(8)).at(at(2))).await.unwrap());
    assert!(
        !store.block_follower(guild(8), guild(HOME), by(user(6), guild(8)).at(at(2))).await.unwrap(),
        "once"
    );
    let which = BreakWhich::OfServer(guild(8), guild(HOME));
    let broken = store.break_follows(which, BrokenReason::Blocked, bot(at(3))).await.unwrap();
    assert_eq!(broken.iter().map(|follow| follow.id).collect::<Vec<_>>(), [active.id, paused.id]);
    assert!(store.break_follows(which, BrokenReason::Blocked, bot(at(3))).await.unwrap().is_empty(), "once");
    let blocked = |done: Result<_, StoreError>| assert!(matches!(done, Err(StoreError::Blocked)));
    blocked(store.insert_follow(&published(4), &relay(52), bot(at(4))).await.map(drop));
    for door in [Door::Published, Door::Announcement, Door::Own] {
        blocked(store.resume_follow(&active, None, door, bot(at(4))).await.map(drop));
    }
    let own = NewFollow { guild: guild(8), door: Door::Own, ..new_follow(1, 5) };
    insert(store, &own, &relay(53)).await;

    let forgotten = store.forget_user(user(5), false, at(5)).await.unwrap();
    assert_eq!(forgotten, Forgotten { blocks: 1, changes: 1, ..Forgotten::default() });
    assert_eq!(db.texts("SELECT CAST(blocked_by AS text) AS text FROM follower_blocks").await, ["0"]);
    assert_eq!(store.blocked_followers(guild(8)).await.unwrap(), [guild(HOME)]);
    assert!(store.unblock_follower(guild(8), guild(HOME), bot(at(0))).await.unwrap());
    assert!(!store.unblock_follower(guild(8), guild(HOME), bot(at(0))).await.unwrap());
    let resumed = store.resume_follow(&active, None, Door::Published, bot(at(6))).await.unwrap();
    assert_eq!(state(resumed), Some(FollowState::Active));
    // The blocked server's own leaving lifts no block.
    store.block_follower(guild(8), guild(HOME), by(user(6), guild(8)).at(at(7))).await.unwrap();
    store.forget_guild(guild(HOME), at(0)).await.unwrap();
    assert_eq!(store.blocked_followers(guild(8)).await.unwrap(), [guild(HOME)]);
    store.forget_guild(guild(8), at(0)).await.unwrap();
    assert!(store.blocked_followers(guild(8)).await.unwrap().is_empty());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_closed_channel_is_open_to_nobody(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let announced = |target| NewFollow { door: Door::Announcement, ..new_follow(1, target) };
    let made = insert(store, &announced(2), &relay(50)).await;
    store.pause_follow(made.guild, made.id, bot(at(1))).await.unwrap();
    store.set_audience(channel(1), guild(8), Audience::Closed).await.unwrap();
    let closed = |done: Result<_, StoreError>| assert!(matches!(done, Err(StoreError::Closed)));
    closed(store.insert_follow(&announced(3), &relay(51), bot(at(2))).await.map(drop));
    closed(store.resume_follow(&made, None, Door::Announcement, bot(at(2))).await.map(drop));
    closed(
        store
            .update_options(made.guild, made.id, &made.options, None, Door::Announcement, bot(at(2)))
            .await
            .map(drop),
    );
    assert_eq!(store.audiences(guild(8)).await.unwrap().get(&channel(1)), Some(&Audience::Closed));
    store.set_audience(channel(1), guild(8), Audience::Nobody).await.unwrap();
    insert(store, &announced(3), &relay(51)).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn news_is_given_once_a_pause_and_counts_are_true(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    asking(store).await;
    let pause = TimeDelta::minutes(1);
    let news = async |seconds| {
        let news = store.take_follower_news(at(seconds), pause).await.unwrap();
        news.iter().map(|one| (one.notify.get(), one.follows.len())).collect::<Vec<_>>()
    };
    assert!(news(0).await.is_empty());
    let first = insert(store, &published(2), &relay(50)).await;
    assert_eq!(news(0).await, [(90, 1)]);
    let (second, third) =
        (insert(store, &published(3), &relay(51)).await, insert(store, &published(4), &relay(52)).await);
    insert(store, &NewFollow { guild: guild(8), door: Door::Own, ..new_follow(1, 5) }, &relay(53)).await;
    assert!(news(59).await.is_empty());
    // What ended or was decided meanwhile is no news.
    store.delete_follow(second.guild, second.id, bot(at(0))).await.unwrap();
    store.decline_follow(first.guild, first.id, bot(at(60))).await.unwrap();
    assert_eq!(news(61).await, [(90, 1)]);
    assert!(news(200).await.is_empty(), "each once");
    let page = store.followers_of(channel(1), crate::domain::paging::Cursor::Newest, 10).await.unwrap();
    assert_eq!((page.total, page.items.len()), (1, 1), "its own server's");
    let waiting = store.waiting_followers(channel(1), 10).await.unwrap();
    assert_eq!(waiting.iter().map(|follow| follow.id).collect::<Vec<_>>(), [third.id]);

    store.refuse_notify(channel(1), channel(91), at(0)).await.unwrap();
    assert!(!store.publication(channel(1)).await.unwrap().notify_refused, "another was chosen meanwhile");
    store.refuse_notify(channel(1), channel(90), at(0)).await.unwrap();
    insert(store, &published(6), &relay(54)).await;
    assert!(news(300).await.is_empty());
    asking(store).await;
    insert(store, &published(7), &relay(55)).await;
    assert_eq!(news(300).await, [(90, 1)]);
    // What was chosen for a channel is kept though nobody follows it.
    for follow in store.waiting_followers(channel(1), 10).await.unwrap() {
        store.delete_follow(follow.guild, follow.id, bot(at(0))).await.unwrap();
    }
    let chosen = PublicationChange { audience: Some(Audience::Nobody), ..PublicationChange::default() };
    store.set_publication(channel(1), guild(8), chosen, bot(at(0))).await.unwrap();
    store.forget_unused(at(1_000_000_000), TimeDelta::days(30)).await.unwrap();
    assert_eq!(store.publication(channel(1)).await.unwrap().notify, Some(channel(90)));
}

/// The way back: an earlier version knows none of it, and reads all that is left.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_earlier_version_reads_what_is_left(#[case] backend: Backend) {
    const NAME: &str = "m20261129_000023_followed_side";
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    asking(store).await;
    insert(store, &published(2), &relay(50)).await;
    let mut native = published(3);
    native.options.delivery = DeliveryMethod::Native;
    insert(store, &native, &FollowWebhook::NativePending).await;
    for (id, audience) in [(11, Audience::Closed), (12, Audience::Everyone), (13, Audience::Nobody)] {
        store.set_audience(channel(id), guild(8), audience).await.unwrap();
        store.move_seen_message(channel(id), message(id)).await.unwrap();
    }
    store.block_follower(guild(8), guild(70), by(user(5), guild(8)).at(at(2))).await.unwrap();
    let rows = "SELECT channel_id || ' ' || audience || ' ' || COALESCE(guild_id, 0) || ' ' || \
        COALESCE(seen_message_id, 0) AS text FROM channels WHERE channel_id < 20 AND guild_id IS NOT NULL ORDER BY channel_id";
    while store.migration_status().await.unwrap().iter().any(|(name, applied)| name == NAME && *applied) {
        store.migrate_down(1).await.unwrap();
    }
    assert_eq!(
        db.texts(rows).await,
        ["1 servers 8 0", "11 nobody 8 11", "12 everyone 8 12", "13 nobody 8 13"]
    );
    let refused = "UPDATE channels SET audience = 'closed' WHERE channel_id = 11";
    assert!(store.db.execute_unprepared(refused).await.is_err(), "the check is the former");
    // An earlier version can't read a native follow whose webhook has no number.
    let reasons = "SELECT broken_reason AS text FROM channel_follows WHERE follower_webhook_id IS NULL \
        OR follower_webhook_id > 0 ORDER BY id";
    assert_eq!(db.texts(reasons).await, ["unpublished", "unpublished"]);
    store.migrate_up().await.unwrap();
    assert_eq!(db.texts(rows).await.len(), 4);
    store.db.execute_unprepared(refused).await.unwrap();
    let wrong = "UPDATE channels SET audience = 'somebody' WHERE channel_id = 11";
    assert!(store.db.execute_unprepared(wrong).await.is_err());
}
