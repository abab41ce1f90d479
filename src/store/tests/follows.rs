//! Making, changing and removing follows.

use rstest::rstest;

use super::*;
use crate::domain::follow::{Door, FollowId, FollowState};
use crate::domain::paging::Cursor;
use crate::domain::permissions::Permissions;
use crate::store::{FollowedSource, Removed, StoreError};

fn only(tags: &str) -> TagFilter {
    TagFilter::Only(tag_set(tags))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_read_back_as_they_were_stored(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let mut new = new_follow(1, 2);
    new.options.filter = only("zebra, Ärger, news");
    new.options.panels = true;
    new.options.threads = ThreadScope::Starter;
    new.target_kind = TargetKind::Thread { parent: channel(3) };
    new.source_parent = Some(channel(4));
    let Inserted::Made(made) = store.insert_follow(&new, &relay(50), bot(at(0))).await.unwrap() else {
        panic!("there before")
    };
    let expected = Follow {
        id: made.id,
        pair: new.pair,
        guild: guild(HOME),
        source_guild: guild(8),
        source_parent: new.source_parent,
        target_kind: new.target_kind,
        options: new.options.clone(),
        webhook: Some(webhook_id(50)),
        follower_webhook: None,
        state: FollowState::Active,
        created_by: Some(new.created_by),
        created_at: crate::store::db::sql::stored(at(0)),
        updated_at: crate::store::db::sql::stored(at(0)),
        exposure: Exposure::None,
        lacking: Permissions::empty(),
        source_restricted: false,
        source_private: Some(false),
        collection_follow: None,
    };
    assert_eq!(made, expected);
    assert_eq!(store.follow(guild(HOME), made.id).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.follow_by_pair(new.pair).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.follow_by_pair(new_follow(2, 1).pair).await.unwrap(), None);
    let source =
        FollowedSource { channel: channel(1), guild: guild(8), parent: Some(channel(4)), threads: true };
    assert_eq!(store.followed_sources().await.unwrap(), [source]);
    let mut ends = store.followed_ends().await.unwrap();
    ends.sort_unstable();
    assert_eq!(ends, [1, 2, 3, 4].map(channel), "with the channels of threads");
    assert_eq!(store.own_webhooks().await.unwrap(), [webhook_id(50)]);
    let into = store.follows_into(channel(2), Cursor::Newest, u64::MAX).await.unwrap();
    assert_eq!((into.items, into.total), (vec![expected.clone()], 1));
    assert_eq!(
        store.follows_for_autocomplete(guild(HOME), 25).await.unwrap(),
        std::slice::from_ref(&expected)
    );
    let targets = store.target_ends(guild(HOME), FollowId(0), 5).await.unwrap();
    assert_eq!(
        targets.iter().map(|end| (end.follow, end.channel)).collect::<Vec<_>>(),
        [(made.id, channel(2))]
    );
    assert!(store.target_ends(guild(HOME), made.id, 5).await.unwrap().is_empty());
    let sources = store.source_ends(expected.source_guild).await.unwrap();
    assert_eq!(sources.iter().map(|end| end.channel).collect::<Vec<_>>(), [expected.pair.source]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_make_one(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = db.store.clone();
        tasks.spawn(async move {
            store.insert_follow(&new_follow(1, 2), &relay(100 + number), bot(at(0))).await.unwrap()
        });
    }
    let results = tasks.join_all().await;
    let made = results.iter().filter(|one| matches!(one, Inserted::Made(_))).count();
    assert_eq!((made, results.len()), (1, 20));
    let follows: Vec<&Follow> = results
        .iter()
        .map(|one| match one {
            Inserted::Made(follow) | Inserted::AlreadyThere(follow) => follow,
            Inserted::Full(full) => panic!("{full:?}"),
        })
        .collect();
    assert!(follows.iter().all(|follow| *follow == follows[0]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn into_one_target_share_a_webhook(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=10 {
        let store = db.store.clone();
        tasks.spawn(async move {
            let new = new_follow(10 + number, 2);
            store.insert_follow(&new, &relay(100 + number), bot(at(0))).await.unwrap()
        });
    }
    tasks.join_all().await;
    let own = db.store.own_webhooks().await.unwrap();
    assert_eq!(own.len(), 1, "whoever came later took the first one's");
    let used = db.store.webhook_of(channel(2)).await.unwrap().unwrap();
    assert_eq!((used.id, token(&used)), (own[0], token(&webhook(own[0].get()))));

    assert_eq!(db.store.replace_webhook(channel(2), &webhook(200), at(1)).await.unwrap(), 10);
    let used = db.store.lane_webhook(channel(2)).await.unwrap().unwrap().webhook;
    assert_eq!((used.id.get(), token(&used)), (200, "secret-token-200"));
    let follows = db.store.follows_into(channel(2), Cursor::Newest, 20).await.unwrap().items;
    assert!(follows.iter().all(|follow| follow.webhook == Some(webhook_id(200))));

    let (last, others) = follows.split_last().unwrap();
    for follow in others {
        let removed = db.store.delete_follow(follow.guild, follow.id, bot(at(0))).await.unwrap().unwrap();
        assert!(removed.webhook_still_needed);
    }
    let removed = db.store.delete_follow(last.guild, last.id, bot(at(0))).await.unwrap().unwrap();
    assert_eq!(removed, Removed { follow: last.clone(), webhook_still_needed: false });
    assert!(db.store.webhook_of(channel(2)).await.unwrap().is_none());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn change_their_options(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let made = follow(&db.store, 1, 2).await;
    let mut options = FollowOptions { filter: only("b,a"), panels: true, ..made.options.clone() };
    let (store, home) = (&db.store, guild(HOME));
    let changed =
        store.update_options(home, made.id, &options, None, Door::Own, bot(at(5))).await.unwrap().unwrap();
    assert_eq!(changed.options, options);
    assert!(changed.updated_at > made.updated_at && changed.created_at == made.created_at);
    options.filter = TagFilter::Except(tag_set("c"));
    store.update_options(home, made.id, &options, None, Door::Own, bot(at(6))).await.unwrap();
    assert_eq!(store.follow(home, made.id).await.unwrap().unwrap().options, options);
    assert_eq!(db.texts("SELECT tag AS text FROM channel_follow_tags").await, ["c"]);

    assert_eq!(
        store.update_options(home, FollowId(99), &options, None, Door::Own, bot(at(7))).await.unwrap(),
        None
    );
    assert_eq!(
        store.update_options(guild(8), made.id, &options, None, Door::Own, bot(at(7))).await.unwrap(),
        None
    );
    assert_eq!(store.follow(home, made.id).await.unwrap().unwrap().options, options);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn change_their_delivery(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (store, home) = (&db.store, guild(HOME));
    let made = follow(store, 1, 2).await;
    store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let mut options = made.options.clone();
    options.delivery = DeliveryMethod::Native;
    for hook in [None, Some(relay(50))] {
        let refused =
            store.update_options(home, made.id, &options, hook.as_ref(), Door::Own, bot(at(1))).await;
        assert!(matches!(refused, Err(StoreError::WrongWebhook)), "{refused:?}");
    }
    assert_eq!(store.follow(home, made.id).await.unwrap().unwrap(), made);

    let hook = FollowWebhook::Native(webhook_id(60));
    let native = store
        .update_options(home, made.id, &options, Some(&hook), Door::Own, bot(at(2)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((native.webhook, native.follower_webhook), (None, Some(webhook_id(60))));
    assert_eq!(db.deliveries().await, ["2 ended follow_ended"], "Discord copies from now on");
    let relayed =
        store.update_options(home, made.id, &made.options, Some(&relay(70)), Door::Own, bot(at(3))).await;
    let relayed = relayed.unwrap().unwrap();
    assert_eq!((relayed.webhook, relayed.follower_webhook), (Some(webhook_id(70)), None));
    let used = store.lane_webhook(channel(2)).await.unwrap().unwrap().webhook;
    assert_eq!(token(&used), "secret-token-70");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn native_ones_have_discords_webhook(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let mut new = new_follow(1, 2);
    new.options.delivery = DeliveryMethod::Native;
    let refused = db.store.insert_follow(&new, &relay(50), bot(at(0))).await;
    assert!(matches!(refused, Err(StoreError::WrongWebhook)), "{refused:?}");
    let hook = FollowWebhook::Native(webhook_id(60));
    let Inserted::Made(made) = db.store.insert_follow(&new, &hook, bot(at(0))).await.unwrap() else {
        panic!()
    };
    assert_eq!((made.webhook, made.follower_webhook), (None, Some(webhook_id(60))));
    assert!(db.store.webhook_of(channel(2)).await.unwrap().is_none());

    db.store.pause_follow(guild(HOME), made.id, bot(at(1))).await.unwrap();
    let wrong = db.store.resume_follow(&made, Some(&relay(50)), Door::Own, bot(at(2))).await;
    assert!(matches!(wrong, Err(StoreError::WrongWebhook)), "{wrong:?}");
    let hook = FollowWebhook::Native(webhook_id(61));
    let resumed = db.store.resume_follow(&made, Some(&hook), Door::Own, bot(at(2))).await.unwrap().unwrap();
    assert_eq!((resumed.state, resumed.follower_webhook), (FollowState::Active, Some(webhook_id(61))));
    let removed = db.store.delete_follow(guild(HOME), made.id, bot(at(0))).await.unwrap().unwrap();
    assert!(!removed.webhook_still_needed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_another_server_are_out_of_reach(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (store, other) = (&db.store, guild(HOME + 1));
    let made = follow(store, 1, 2).await;
    assert_eq!(store.follow(other, made.id).await.unwrap(), None);
    assert_eq!(store.pause_follow(other, made.id, bot(at(1))).await.unwrap(), None);
    assert_eq!(
        store
            .resume_follow(&Follow { guild: other, ..made.clone() }, None, Door::Own, bot(at(1)))
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.delete_follow(other, made.id, bot(at(0))).await.unwrap(), None);
    assert_eq!(store.follow(guild(HOME), made.id).await.unwrap(), Some(made));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn numbers_are_never_used_again(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let first = follow(&db.store, 1, 2).await;
    db.store.delete_follow(first.guild, first.id, bot(at(0))).await.unwrap().unwrap();
    assert_eq!(db.store.delete_follow(first.guild, first.id, bot(at(0))).await.unwrap(), None);
    assert!(follow(&db.store, 1, 2).await.id > first.id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn take_their_tags_with_them(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let mut made = Vec::new();
    for (target, filter) in [
        (2, TagFilter::Only(tag_set("bug,wish"))),
        (3, TagFilter::Except(tag_set("bug"))),
        (4, TagFilter::All),
    ] {
        let mut new = new_follow(1, target);
        new.options.filter = filter;
        let inserted = db.store.insert_follow(&new, &relay(target + 1_000), bot(at(0))).await.unwrap();
        let Inserted::Made(follow) = inserted else { panic!("{inserted:?}") };
        made.push(follow);
    }
    let tags = async || {
        let tags = "SELECT CAST(follow_id AS text) AS text FROM channel_follow_tags ORDER BY follow_id";
        db.texts(tags).await
    };
    let [first, second, _] = [0, 1, 2].map(|number: usize| made[number].id.0.to_string());
    assert_eq!(tags().await, [first.clone(), first, second.clone()]);
    db.store.delete_follow(made[0].guild, made[0].id, bot(at(0))).await.unwrap();
    assert_eq!(tags().await, [second]);
    db.store.forget_guild(guild(HOME), at(0)).await.unwrap();
    assert_eq!(tags().await, [""; 0]);
}
