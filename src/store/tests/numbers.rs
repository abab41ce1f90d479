//! Numbers for people and metrics.

use rstest::rstest;

use super::*;
use crate::domain::follow::BrokenReason;
use crate::store::{Backlog, BreakWhich, FollowCounts};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_counted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    assert!(store.follow_counts().await.unwrap().is_empty());
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    let mut native = new_follow(1, 5);
    native.options.delivery = DeliveryMethod::Native;
    native.guild = guild(50);
    store.insert_follow(&native, &FollowWebhook::Native(webhook_id(60)), bot(at(0))).await.unwrap();
    let (a, b) = (follow(store, 1, 2).await, follow(store, 1, 3).await);
    follow(store, 1, 4).await;
    store.pause_follow(a.guild, a.id, bot(at(0))).await.unwrap();
    store.break_follows(BreakWhich::Follow(b.id), BrokenReason::WebhookMoved, bot(at(0))).await.unwrap();
    store.record_events(&[posted(1, 10), posted(1, 11)], at(0)).await.unwrap();

    assert_eq!(store.backlog().await.unwrap(), Backlog { deliveries: 2, lanes: 1, deepest: 2 });
    let native = FollowCounts { delivery: DeliveryMethod::Native, active: 1, paused: 0, broken: 0 };
    let relay = FollowCounts { delivery: DeliveryMethod::Relay, active: 1, paused: 1, broken: 1 };
    assert_eq!(store.follow_counts().await.unwrap(), [native, relay]);
    assert_eq!(store.count_followers(channel(1)).await.unwrap(), 4);

    let first = MessageId::first_at(at(100)).get();
    let lease = claim(store, 4).await;
    show_all(store, &lease, first).await;
    for (seconds, count) in [(99, 2), (100, 2), (101, 0)] {
        assert_eq!(store.count_mirrored_since(at(seconds)).await.unwrap(), count, "{seconds}");
    }
    store.ping().await.unwrap();
    store.close().await.unwrap();
    store.ping().await.unwrap_err();
}
