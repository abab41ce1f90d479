//! The database's own counts agree with counting, whatever happened to follows and however many changed at
//! once.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;

use super::*;
use crate::domain::follow::{BrokenReason, Door, FollowId};
use crate::store::BreakWhich;

const SOURCES: u64 = 4;
const TARGETS: u64 = 12;
const SERVERS: u64 = 3;

/// Both sides, as `what number`, sorted.
async fn agree(db: &Db) {
    let counted = db
        .texts(
            "SELECT 'source ' || source_channel_id || ' ' || COUNT(*) AS text FROM channel_follows GROUP BY source_channel_id \
             UNION ALL SELECT delivery || ' ' || state || ' ' || COUNT(*) AS text FROM (SELECT delivery, CASE WHEN is_active THEN 'active' \
             WHEN broken_reason IS NULL THEN 'paused' ELSE 'broken' END AS state FROM channel_follows) f GROUP BY delivery, state ORDER BY 1",
        )
        .await;
    let kept = db
        .texts(
            "SELECT 'source ' || source_channel_id || ' ' || followers AS text FROM follower_counts \
             UNION ALL SELECT delivery || ' ' || state || ' ' || CAST(SUM(follows) AS BIGINT) AS text FROM follow_totals \
             GROUP BY delivery, state HAVING SUM(follows) <> 0 ORDER BY 1",
        )
        .await;
    assert_eq!(kept, counted);
}

/// The server of a target.
fn server(target: u64) -> GuildId {
    guild(50 + target % SERVERS)
}

/// One random change, as commands, events and the sweep make them.
async fn change(store: &Store, random: &mut StdRng) {
    let (source, target) = (random.random_range(1..=SOURCES), 10 + random.random_range(0..TARGETS));
    let pair = ChannelPair { source: channel(source), target: channel(target) };
    let there = store.follow_by_pair(pair).await.unwrap();
    let Some(follow) = there else {
        let mut new = new_follow(source, target);
        new.guild = server(target);
        new.source_guild = guild(60 + source);
        let native = random.random_bool(0.3);
        let hook = if native {
            FollowWebhook::Native(webhook_id(target * 100 + source))
        } else {
            relay(target + 1_000)
        };
        new.options.delivery = if native { DeliveryMethod::Native } else { DeliveryMethod::Relay };
        store.insert_follow(&new, &hook, bot(at(0))).await.unwrap();
        return;
    };
    let (home, id) = (follow.guild, follow.id);
    match random.random_range(0..9) {
        0 | 1 => drop(store.delete_follow(home, id, bot(at(0))).await.unwrap()),
        2 | 3 => drop(store.pause_follow(home, id, bot(at(1))).await.unwrap()),
        4 => drop(store.resume_follow(&follow, None, Door::Own, bot(at(2))).await.unwrap()),
        5 => other_delivery(store, &follow, target).await,
        6 => break_some(store, BreakWhich::Follow(id)).await,
        7 => break_some(store, BreakWhich::Source(channel(source))).await,
        _ => break_some(store, BreakWhich::TargetGuild(home)).await,
    }
}

async fn break_some(store: &Store, which: BreakWhich) {
    store.break_follows(which, BrokenReason::TargetForbidden, bot(at(3))).await.unwrap();
}

async fn other_delivery(store: &Store, follow: &Follow, target: u64) {
    let (delivery, hook) = match follow.options.delivery {
        DeliveryMethod::Native => (DeliveryMethod::Relay, relay(target + 1_000)),
        DeliveryMethod::Relay => {
            (DeliveryMethod::Native, FollowWebhook::Native(webhook_id(target * 100 + 99)))
        }
    };
    let options = FollowOptions { delivery, ..follow.options.clone() };
    store
        .update_options(follow.guild, follow.id, &options, Some(&hook), Door::Own, bot(at(4)))
        .await
        .unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn are_kept_through_everything(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = Arc::new(db.again().await);
    for round in 0..6 {
        // Several at once; what one finds gone, it makes, and the other way round.
        let writers = (0..4).map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(round * 10 + writer);
                for _ in 0..40 {
                    change(&store, &mut random).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        agree(&db).await;
        store.forget_guild(guild(50 + round % SERVERS), at(0)).await.unwrap();
        store.forget_guild(guild(60 + 1 + round % SOURCES), at(0)).await.unwrap();
        agree(&db).await;
    }
}

/// Statements that no path of ours makes: many rows at once, another source, all gone.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_kept_through_what_an_operator_does(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for target in 10..16 {
        follow(&db.store, 1 + target % 2, target).await;
    }
    for statement in [
        "UPDATE channel_follows SET source_channel_id = 3 WHERE source_channel_id = 1",
        "UPDATE channel_follows SET is_active = FALSE, broken_reason = CASE WHEN id % 2 = 0 THEN 'unpublished' END",
        "UPDATE channel_follows SET is_active = TRUE, broken_reason = NULL WHERE id % 3 = 0",
        "DELETE FROM channel_follows WHERE source_channel_id = 3",
        "DELETE FROM channel_follows",
    ] {
        db.store.db.execute_unprepared(statement).await.unwrap();
        agree(&db).await;
    }
    assert_eq!(db.texts("SELECT 'left' AS text FROM follower_counts").await, [""; 0], "nothing is followed");
}

/// Existing follows are counted when the counters are created.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn begin_with_what_is_there(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for target in 10..16 {
        let follow = follow(&db.store, 1 + target % 2, target).await;
        if target % 3 == 0 {
            db.store.pause_follow(follow.guild, FollowId(follow.id.0), bot(at(0))).await.unwrap();
        }
    }
    db.store.migrate_down(1).await.unwrap();
    db.store.migrate_up().await.unwrap();
    agree(&db).await;
}
