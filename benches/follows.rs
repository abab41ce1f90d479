//! What commands cost in a database with a million follows: the median, the 95th percentile and the maximum
//! of many runs.
//!
//! ```text
//! cargo bench --bench follows
//! TEST_POSTGRES_URL=postgres://… cargo bench --bench follows
//! ```
//! The second form measures PostgreSQL, too; with `-- postgres` at its end, PostgreSQL only. Five sources
//! have 100,000 followers each, and 50,000 have ten. The 100,000 targets are in 20,000 servers, one of which
//! has five hundred of them, as many as Discord allows. A twentieth of the follows are paused, another
//! twentieth broken, a tenth are native, and a third chose tags. One message is due in 100,000 targets,
//! another was mirrored in just as many.

#[expect(dead_code, reason = "other benchmarks need more of it")]
mod common;
#[path = "common/timing.rs"]
mod timing;

use std::future::Future;
use std::time::Instant;

use common::{TIME, Town, id, now, numbers};
use timing::Row;
use tributary::domain::activity::Origin;
use tributary::domain::audit::ChangedBy;
use tributary::domain::follow::{
    BrokenReason, ChannelPair, DeliveryMethod, Door, Exposure, FollowFilter, FollowId, FollowOptions,
    NewFollow, TagFilter, ThreadScope,
};
use tributary::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use tributary::domain::paging::Cursor;
use tributary::domain::place::TargetKind;
use tributary::domain::servers::FollowLimits;
use tributary::domain::webhook::WebhookCredentials;
use tributary::store::{BreakWhich, FollowWebhook, Inserted, Store};

/// How many follows there are.
const FOLLOWS: u64 = 1_000_000;
/// How many channels they have as targets.
const TARGETS: u64 = 100_000;
/// The numbers of the sources with many followers begin here.
const GIANT: u64 = 1_000;
/// How many such sources there are; each is followed from all targets.
const GIANTS: u64 = 5;
/// Where the numbers of the other sources begin, and how many there are.
const SMALL: (u64, u64) = (1_000_000, 50_000);
/// Where the numbers of the targets begin, and below those of their webhooks.
const TARGET: u64 = 10_000_000;
const WEBHOOK: u64 = 20_000_000;
/// The server of the first five hundred targets; the others are in the servers that come after it.
const LARGE_SERVER: u64 = 100_000;
const SERVERS: u64 = 20_000;
/// Follows on a page, as `/follows` and `/followers` show them.
const PAGE: u64 = 10;
const FOLLOWERS: u64 = 50;

/// How often each is measured.
const TIMES: u64 = 300;
/// The limits for changing, listing and counting, in milliseconds.
const CHANGE: f64 = 20.0;
const LIST: f64 = 10.0;
const COUNT: f64 = 5.0;

fn main() {
    let only = std::env::args().find(|word| ["sqlite", "postgres"].contains(&word.as_str()));
    let wanted = |word: &str| only.as_deref().is_none_or(|only| only == word);
    if wanted("sqlite") {
        measure("SQLite", &Town::on_sqlite());
    }
    if wanted("postgres")
        && let Some(town) = Town::on_postgres()
    {
        measure("PostgreSQL", &town);
    }
}

fn measure(name: &str, town: &Town) {
    let started = Instant::now();
    town.fill(million(town));
    timing::head(name, started);
    changes(town);
    lists(town);
    counts(town);
}

/// Measures something that is done repeatedly, each time with another number.
fn table<T>(
    town: &Town,
    what: &str,
    expected: Option<f64>,
    times: u64,
    one: impl AsyncFnMut(&Store, u64) -> T,
) {
    timing::measure(town, &Row { what, expected, times, whole: expected == Some(CHANGE) }, one);
}

fn changes(town: &Town) {
    for (what, first) in [("a giant source", GIANT), ("a small source", SMALL.0)] {
        // New pairs: targets from the end of the existing ones.
        let pair = |number| (first, TARGET + 2 * TARGETS + first + number);
        let mut made = Vec::new();
        let change = |word: &str| format!("{word} {what}");
        table(town, &change("follow"), Some(CHANGE), TIMES, async |store, number| {
            made.push(follow(store, pair(number)).await);
        });
        let server = id(GuildId::new, LARGE_SERVER);
        table(town, &change("pause a follow of"), Some(CHANGE), TIMES, async |store, number| {
            done(store.pause_follow(server, nth(&made, number), ChangedBy::System.at(now())))
                .await
                .expect("it is there")
        });
        table(town, &change("resume a follow of"), Some(CHANGE), TIMES, async |store, number| {
            let seen = done(store.follow(server, nth(&made, number))).await.expect("it is there");
            done(store.resume_follow(&seen, None, Door::Own, ChangedBy::System.at(now())))
                .await
                .expect("it is there")
        });
        table(town, &change("a follow breaks, of"), Some(CHANGE), TIMES, async |store, number| {
            let which = BreakWhich::Follow(nth(&made, number));
            done(store.break_follows(which, BrokenReason::WebhookMoved, ChangedBy::System.at(now()))).await
        });
        table(town, &change("unfollow"), Some(CHANGE), TIMES, async |store, number| {
            done(store.delete_follow(server, nth(&made, number), ChangedBy::System.at(now())))
                .await
                .expect("it was there")
        });
    }
    // Follows with one delivery due and another shown: those of the large server, one after another.
    let server = id(GuildId::new, LARGE_SERVER);
    let giants = (0..TIMES).map(|number| ChannelPair {
        source: id(ChannelId::new, GIANT + number % 2),
        target: id(ChannelId::new, TARGET + number),
    });
    let old: Vec<FollowId> = town.runtime.block_on(async {
        let mut old = Vec::new();
        for pair in giants {
            old.push(
                town.store.follow_by_pair(pair).await.expect("the database answers").expect("it is there").id,
            );
        }
        old
    });
    table(town, "unfollow a giant source that was mirrored", Some(CHANGE), TIMES, async |store, number| {
        done(store.delete_follow(server, nth(&old, number), ChangedBy::System.at(now())))
            .await
            .expect("it was there")
    });
}

fn lists(town: &Town) {
    let large = id(GuildId::new, LARGE_SERVER);
    let server = |number: u64| id(GuildId::new, LARGE_SERVER + 1 + number % SERVERS);
    let giant = |number: u64| id(ChannelId::new, GIANT + number % GIANTS);
    let target = |number: u64| id(ChannelId::new, TARGET + 1 + number);
    let positions = [
        ("first", Cursor::Newest),
        ("in the middle", Cursor::OlderThan(500_000)),
        ("last", Cursor::NewerThan(0)),
    ];
    table(town, "/follows of a server", Some(LIST), TIMES, async |store, number| {
        done(store.follows_of_server(server(number), &FollowFilter::default(), Cursor::Newest, PAGE)).await
    });
    for (position, cursor) in positions {
        table(
            town,
            &format!("/follows of a large server, {position}"),
            Some(LIST),
            TIMES,
            async |store, _| {
                done(store.follows_of_server(large, &FollowFilter::default(), cursor, PAGE)).await
            },
        );
    }
    for (position, cursor) in positions {
        table(
            town,
            &format!("/follows channel:target, {position}"),
            Some(LIST),
            TIMES,
            async |store, number| {
                done(store.follows_of_server(
                    large,
                    &FollowFilter::of_channel(Some(target(number))),
                    cursor,
                    PAGE,
                ))
                .await
            },
        );
        table(
            town,
            &format!("/follows channel:giant, {position}"),
            Some(LIST),
            TIMES,
            async |store, number| {
                done(store.follows_of_server(
                    large,
                    &FollowFilter::of_channel(Some(giant(number))),
                    cursor,
                    PAGE,
                ))
                .await
            },
        );
    }
    // The command shows only the newest; the store can page through them.
    for (position, cursor) in positions {
        let expected = (cursor == Cursor::Newest).then_some(LIST);
        table(town, &format!("/followers of a giant, {position}"), expected, TIMES, async |store, number| {
            done(store.followers_of(giant(number), cursor, FOLLOWERS)).await
        });
    }
    table(town, "/followers of a small source", Some(LIST), TIMES, async |store, number| {
        done(store.followers_of(id(ChannelId::new, SMALL.0 + number), Cursor::Newest, FOLLOWERS)).await
    });
    table(town, "choices of /unfollow", Some(LIST), TIMES, async |store, number| {
        done(store.follows_for_autocomplete(server(number), 25)).await
    });
}

fn counts(town: &Town) {
    table(town, "follows by state (/about, metrics)", Some(COUNT), TIMES, async |store, _| {
        done(store.follow_counts()).await
    });
    table(town, "follows panel: follows of a server", Some(COUNT), TIMES, async |store, number| {
        done(store.server_follows(id(GuildId::new, LARGE_SERVER + 1 + number))).await
    });
    table(town, "follows panel: followers of a server", Some(COUNT), TIMES, async |store, number| {
        done(store.server_followers(id(GuildId::new, LARGE_SERVER + 100 + number))).await
    });
    table(town, "follows panel: followers of a giant's server", None, 5, async |store, number| {
        done(store.server_followers(id(GuildId::new, 1 + number % GIANTS))).await
    });
    table(town, "mirrored in 24 hours (/about), 100,000", None, 20, async |store, _| {
        done(store.count_mirrored_since(DISCORD_BEGAN)).await
    });
    table(town, "open deliveries (metrics), 100,000", None, 20, async |store, _| done(store.backlog()).await);
    let origin =
        Origin::Message { channel: id(ChannelId::new, GIANT + 1), message: id(MessageId::new, OWED) };
    table(town, "delivery report of 100,000 followers", None, 5, async |store, _| {
        let asked =
            done(store.message_facts(origin.channel(), origin.message())).await.expect("it is recorded");
        done(store.followers_with_facts(&asked, id(GuildId::new, LARGE_SERVER), 20)).await;
        done(store.count_followers_by_facts(&asked)).await
    });
}

/// Earlier than any message.
const DISCORD_BEGAN: chrono::DateTime<chrono::Utc> =
    chrono::DateTime::from_timestamp(1_420_070_400, 0).expect("in range");
/// The message that is delivered to the followers of the second giant.
const OWED: u64 = 90_000_002;

async fn done<T, E: std::fmt::Debug>(asked: impl Future<Output = Result<T, E>>) -> T {
    asked.await.expect("the database answers")
}

fn nth(follows: &[FollowId], number: u64) -> FollowId {
    follows[usize::try_from(number).expect("a few")]
}

async fn follow(store: &Store, (source, target): (u64, u64)) -> FollowId {
    let new = NewFollow {
        pair: ChannelPair { source: id(ChannelId::new, source), target: id(ChannelId::new, target) },
        guild: id(GuildId::new, LARGE_SERVER),
        source_guild: id(GuildId::new, 1),
        source_parent: None,
        target_kind: TargetKind::Channel,
        options: FollowOptions {
            delivery: DeliveryMethod::Relay,
            filter: TagFilter::All,
            threads: ThreadScope::None,
            panels: false,
        },
        created_by: id(UserId::new, 9),
        door: Door::Own,
        exposure: Exposure::None,
        source_restricted: false,
        source_private: false,
        collection_follow: None,
        limits: FollowLimits::default(),
    };
    let hook = FollowWebhook::Relay(WebhookCredentials {
        id: id(WebhookId::new, WEBHOOK + target),
        token: "token".into(),
    });
    match done(store.insert_follow(&new, &hook, ChangedBy::System.at(now()))).await {
        Inserted::Made(follow) => follow.id,
        Inserted::AlreadyThere(_) | Inserted::Full(_) => panic!("it is new, and there is room"),
    }
}

/// The statements that fill the database. Sources, targets and states are mixed, as if the follows had been
/// added over years.
fn million(town: &Town) -> Vec<String> {
    let token = town.token();
    let (small, smalls) = SMALL;
    // `r` counts the follows in a different order from their numbers. In the half that belongs to the giants,
    // each giant has one follower in each target.
    let half = FOLLOWS / 2;
    let mixed = format!("SELECT (i * 7919) % {FOLLOWS} AS r FROM n");
    let pairs = format!(
        "SELECT r, CASE WHEN r < {half} THEN {GIANT} + r / {TARGETS} ELSE {small} + (r - {half}) % {smalls} END AS source, \
         CASE WHEN r < {half} THEN r % {TARGETS} ELSE ((r - {half}) % {smalls} * 13 + (r - {half}) / {smalls} * 10007) % {TARGETS} END AS target, \
         CASE WHEN r < {half} THEN 1 + r / {TARGETS} ELSE {LARGE_SERVER} + 1 + (r - {half}) % {SERVERS} END AS source_server FROM ({mixed}) mixed"
    );
    let follows = format!(
        "{} INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, webhook_token, \
         follower_webhook_id, mode, panels, is_active, broken_reason, created_by, created_at, updated_at, threads) \
         SELECT source, {TARGET} + target, CASE WHEN target < 500 THEN {LARGE_SERVER} ELSE {LARGE_SERVER} + 1 + target % {SERVERS} END, source_server, \
         CASE WHEN r % 10 = 3 THEN 'native' ELSE 'relay' END, CASE WHEN r % 10 <> 3 THEN {WEBHOOK} + target END, CASE WHEN r % 10 <> 3 THEN {token} END, \
         CASE WHEN r % 10 = 3 THEN 50000000 + r END, CASE r % 6 WHEN 0 THEN 'only' WHEN 2 THEN 'except' ELSE 'all' END, FALSE, \
         r % 20 > 1, CASE WHEN r % 20 = 1 THEN 'target_forbidden' END, 9, {TIME}, {TIME}, 'none' FROM ({pairs}) pairs",
        numbers(FOLLOWS)
    );
    let tags = "INSERT INTO channel_follow_tags (follow_id, tag) SELECT f.id, k.tag FROM channel_follows f, \
        (SELECT 'news' AS tag UNION ALL SELECT 'release') k WHERE f.mode <> 'all'";
    let lanes =
        "INSERT INTO lanes (target_channel_id) SELECT DISTINCT target_channel_id FROM channel_follows";
    let channels = "INSERT INTO channels (channel_id, audience, guild_id) \
        SELECT source_channel_id, 'servers', MIN(source_guild_id) FROM channel_follows GROUP BY source_channel_id";
    // The first giant's message is shown everywhere, the second's nowhere yet.
    let activity = |number: u64| {
        let message = OWED - 2 + number;
        format!(
            "INSERT INTO activities (id, origin, kind, source_channel_id, source_message_id, created_at) \
             VALUES ({number}, 'discord:{channel}/{message}', 'message', {channel}, {message}, {TIME})",
            channel = GIANT - 1 + number
        )
    };
    let deliveries = |number: u64, state: &str, shown: &str| {
        format!(
            "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position, state, shown_revision) \
             SELECT {number}, target_channel_id, id, {number}, '{state}', {shown} FROM channel_follows WHERE source_channel_id = {}",
            GIANT - 1 + number
        )
    };
    let mirrors = "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision) \
        SELECT 1000000000 + id, target_channel_id, 1, id, 0, 1 FROM deliveries WHERE activity_id = 1";
    vec![
        follows,
        tags.to_owned(),
        lanes.to_owned(),
        channels.to_owned(),
        activity(1),
        activity(2),
        deliveries(1, "shown", "1"),
        deliveries(2, "due", "NULL"),
        mirrors.to_owned(),
    ]
}
