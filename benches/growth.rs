//! How costs grow with use, as Markdown for `docs/scaling.md`: how much disk a month of mirrors takes and
//! what it does to the cost of a post, how much memory follows take in a gateway, how long the last mirror of
//! a post waits if an address may make 50 requests a second, and what all of that means for bots of different
//! sizes.
//!
//! ```text
//! cargo bench --bench growth
//! TEST_POSTGRES_URL=postgres://… cargo bench --bench growth
//! ```
//! The second form measures PostgreSQL, too.

mod common;

use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use common::{TIME, Town, id, now, numbers};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tributary::domain::activity::Origin;
use tributary::domain::ids::{ChannelId, MessageId, UserId};
use tributary::domain::message::Content;
use tributary::domain::request_pace::DISCORD_PER_SECOND;
use tributary::service::watch::Watched;
use tributary::store::{SourceEvent, Store};

/// How many mirrors there are when costs are measured.
const MIRRORS: [u64; 3] = [100_000, 1_000_000, 3_000_000];
/// Each message is mirrored in this many channels.
const FOLLOWERS: u64 = 20;
/// This many sources have those followers.
const SOURCES: u64 = 1_000;
/// How often each is measured.
const TIMES: u64 = 200;

const SOURCE: u64 = 1_000;
const TARGET: u64 = 10_000_000;
const MESSAGE: u64 = 1_000_000_000;
const MIRROR: u64 = 100_000_000_000;

fn main() {
    println!("### Rows\n");
    let sqlite = rows("SQLite", Town::on_sqlite);
    let postgres = std::env::var_os("TEST_POSTGRES_URL")
        .map(|_| rows("PostgreSQL", || Town::on_postgres().expect("a server")));
    println!("### Memory of a gateway\n");
    let follow = follows_in_memory();
    println!("\n### Waiting for Discord\n");
    waiting();
    println!("\n### Sizes\n");
    sizes(sqlite, postgres, follow);
}

/// The contents of the tables, and how they affect costs. Returns the bytes of one mirror in the fullest
/// database.
fn rows(name: &str, town: impl Fn() -> Town) -> f64 {
    let mut each = 0.0;
    println!("{name}, {SOURCES} sources with {FOLLOWERS} followers each:\n");
    println!(
        "| mirrors kept | on the disk | each | a post is written down (p50, p95) | an edit of an old one | its deletion |"
    );
    println!("|---|---|---|---|---|---|");
    for mirrors in MIRRORS {
        let town = town();
        let empty = town.bytes();
        town.fill(history(&town, mirrors));
        let bytes = (town.bytes() - empty) as f64;
        each = bytes / mirrors as f64;
        let post = took(&town, |number| vec![posted(mirrors / FOLLOWERS + 1 + number)]);
        let edit = took(&town, |number| vec![edited(number * 7 + 1)]);
        let deletion = took(&town, |number| vec![deleted(number * 7 + 1)]);
        println!(
            "| {} | {:.0} MB | {each:.0} B | {post} | {edit} | {deletion} |",
            thousands(mirrors),
            bytes / 1e6
        );
    }
    println!();
    each
}

/// A number as people write it.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

/// The statements that fill a database with mirrors of text messages of the usual length, whose contents have
/// been forgotten.
fn history(town: &Town, mirrors: u64) -> Vec<String> {
    let (token, messages) = (town.token(), mirrors / FOLLOWERS);
    let follows = format!(
        "{} INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, webhook_token, \
         mode, panels, is_active, created_by, created_at, updated_at, threads) \
         SELECT {SOURCE} + i % {SOURCES}, {TARGET} + i, 1 + i % 100, 1, 'relay', {TARGET} + i, {token}, 'all', FALSE, TRUE, 9, {TIME}, {TIME}, 'none' FROM n",
        numbers(SOURCES * FOLLOWERS)
    );
    let activities = format!(
        "{} INSERT INTO activities (id, origin, kind, source_channel_id, source_message_id, author_id, revision, created_at, settled_at, digest) \
         SELECT i, 'discord:' || ({SOURCE} + i % {SOURCES}) || '/' || ({MESSAGE} + i), 'message', {SOURCE} + i % {SOURCES}, {MESSAGE} + i, 9, 1, {TIME}, {TIME}, {} FROM n",
        numbers(messages),
        town.digest(),
    );
    // In the order in which they were created: message after message.
    let deliveries = "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position, state, shown_revision) \
        SELECT a.id, f.target_channel_id, f.id, a.id, 'shown', 1 FROM activities a JOIN channel_follows f ON f.source_channel_id = a.source_channel_id \
        ORDER BY a.id, f.target_channel_id";
    let made = format!(
        "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision) \
         SELECT {MIRROR} + id, target_channel_id, target_channel_id, id, 0, 1 FROM deliveries ORDER BY id"
    );
    let lanes =
        "INSERT INTO lanes (target_channel_id) SELECT DISTINCT target_channel_id FROM channel_follows";
    let ids = "SELECT setval(pg_get_serial_sequence('activities', 'id'), (SELECT MAX(id) FROM activities))";
    let mut statements = vec![follows, activities, deliveries.to_owned(), made, lanes.to_owned()];
    if town.is_postgres() {
        statements.push(ids.to_owned());
    }
    statements
}

fn origin(message: u64) -> Origin {
    Origin::Message {
        channel: id(ChannelId::new, SOURCE + message % SOURCES),
        message: id(MessageId::new, MESSAGE + message),
    }
}

fn content(text: &str) -> Content {
    Content { author: "Ada".to_owned(), text: text.repeat(20), ..Content::default() }
}

fn posted(message: u64) -> SourceEvent {
    let (origin, author) = (origin(message), UserId::new(9).ok());
    SourceEvent::Posted { origin, source: origin.channel(), author, content: content("v1.0 is out").into() }
}

fn edited(message: u64) -> SourceEvent {
    let origin = origin(message);
    SourceEvent::Edited {
        origin,
        source: origin.channel(),
        author: None,
        content: content("v1.1 is out").into(),
    }
}

fn deleted(message: u64) -> SourceEvent {
    SourceEvent::Deleted { origin: origin(message) }
}

/// How long it takes to record such an event, with what it means for the followers, and commit it.
fn took(town: &Town, event: impl Fn(u64) -> Vec<SourceEvent>) -> String {
    let mut took: Vec<Duration> = Vec::new();
    town.runtime.block_on(async {
        for number in 0..TIMES {
            let events = event(number);
            let started = Instant::now();
            let recorded = town.store.record_events(&events, now()).await.expect("it is recorded");
            took.push(started.elapsed());
            assert_eq!(u64::try_from(recorded.lanes.len()), Ok(FOLLOWERS), "it is due in all followers");
        }
    });
    took.sort_unstable();
    let ms = |per_cent: usize| took[(took.len() - 1) * per_cent / 100].as_secs_f64() * 1_000.0;
    format!("{:.1} ms, {:.1} ms", ms(50), ms(95))
}

/// What a gateway keeps in memory about follows: which channels it has to listen to. Returns the bytes of one
/// follow in the fullest database.
fn follows_in_memory() -> f64 {
    let mut each = 0.0;
    println!("| follows | read at the start in | resident memory |\n|---|---|---|");
    for follows in [10_000_u64, 100_000, 1_000_000] {
        let town = Town::on_sqlite();
        let token = town.token();
        // Ten followers to a source, two follows to a target.
        town.fill([format!(
            "{} INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, webhook_token, \
             mode, panels, is_active, created_by, created_at, updated_at, threads) \
             SELECT {SOURCE} + i / 10, {TARGET} * 10 + i % {}, 1 + i % 100, 1, 'relay', {TARGET} + i % {}, {token}, 'all', FALSE, TRUE, 9, {TIME}, {TIME}, 'none' FROM n",
            numbers(follows),
            follows / 2,
            follows / 2,
        )]);
        let (before, started) = (resident(), Instant::now());
        let watched = Watched::default();
        town.runtime.block_on(load(&town.store, &watched));
        let (took, grown) = (started.elapsed(), resident().saturating_sub(before));
        assert!(watched.concerns(id(ChannelId::new, SOURCE + 1)), "it was read");
        println!("| {} | {:.2} s | {:.1} MB |", thousands(follows), took.as_secs_f64(), grown as f64 / 1e6);
        each = grown as f64 / follows as f64;
    }
    each
}

async fn load(store: &Store, watched: &Watched) {
    watched.extend_webhooks(store.own_webhooks().await.expect("the database answers"));
    let sources = store.followed_sources().await.expect("the database answers");
    let ends = store.followed_ends().await.expect("the database answers");
    watched.extend(sources, [], ends);
}

/// This process's memory in bytes, as the kernel counts it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// How long the last mirror of a post waits for the global limit, by simulation. Posts arrive at random (a
/// Poisson process). Each has 1 to 200 followers, most have few. An address sends its requests one after
/// another, 50 a second, and the addresses share the requests evenly.
fn waiting() {
    println!(
        "| mirrors a day | a second | addresses | in use | last mirror of a post, p50 | p99 |\n|---|---|---|---|---|---|"
    );
    for (a_day, addresses) in [
        (100_000, 1),
        (1_000_000, 1),
        (2_000_000, 1),
        (3_500_000, 1),
        (4_200_000, 1),
        (10_000_000, 3),
        (100_000_000, 24),
        (100_000_000, 28),
    ] {
        let rate = per_second(a_day);
        let waits = simulate(rate, addresses);
        println!(
            "| {} | {rate:.1} | {addresses} | {:.0} % | {:.1} s | {:.1} s |",
            thousands(a_day),
            100.0 * rate / f64::from(DISCORD_PER_SECOND * addresses),
            of(&waits, 50),
            of(&waits, 99)
        );
    }
}

fn per_second(a_day: u64) -> f64 {
    a_day as f64 / 86_400.0
}

/// That percentile.
fn of(sorted: &[f64], per_cent: usize) -> f64 {
    sorted[(sorted.len() - 1) * per_cent / 100]
}

/// What bots of different sizes need, based on what was measured and simulated above. At the busiest time,
/// three times as much is posted as on average.
fn sizes(sqlite: f64, postgres: Option<f64>, follow: f64) {
    const DAYS: u64 = 30;
    println!("| | 1× | 10× | 100× | 1,000× |\n|---|---|---|---|---|");
    let line = |what: &str, value: &dyn Fn(u64) -> String| {
        let values: Vec<String> = [1, 10, 100, 1_000].map(value).to_vec();
        println!("| {what} | {} |", values.join(" | "));
    };
    let gigabytes = |bytes: f64| format!("{:.1} GB", bytes / 1e9);
    let kept = |size: u64| 100_000 * DAYS * size;
    line("servers", &|size| thousands(1_000 * size));
    line("follows", &|size| thousands(10_000 * size));
    line("mirrors a day", &|size| thousands(100_000 * size));
    line("mirrors a second, at the busiest time", &|size| format!("{:.1}", 3.0 * per_second(100_000 * size)));
    line("addresses for that, last mirror within 10 s in 99 of 100 posts", &|size| {
        let rate = 3.0 * per_second(100_000 * size);
        let least = (rate / f64::from(DISCORD_PER_SECOND)).ceil().max(1.0) as u32;
        let enough = (least..).find(|addresses| of(&simulate(rate, *addresses), 99) <= 10.0);
        enough.expect("more are always enough").to_string()
    });
    line("mirrors kept for 30 days", &|size| thousands(kept(size)));
    line("of these on the disk, SQLite", &|size| gigabytes(sqlite * kept(size) as f64));
    if let Some(postgres) = postgres {
        line("of these on the disk, PostgreSQL", &|size| gigabytes(postgres * kept(size) as f64));
    }
    line("memory for follows, in each gateway", &|size| {
        format!("{:.1} MB", follow * 10_000.0 * size as f64 / 1e6)
    });
    line("shards, at 1,000 servers each", &|size| thousands(size));
}

/// The seconds from each post to its last mirror, sorted.
fn simulate(mirrors_per_second: f64, addresses: u32) -> Vec<f64> {
    const POSTS: usize = 200_000;
    let mut random = StdRng::seed_from_u64(1);
    // A truncated Pareto distribution: many have few followers, few have many.
    let mut followers = || random_followers(&mut random);
    let sizes: Vec<u32> = (0..POSTS).map(|_| followers()).collect();
    let mean = sizes.iter().map(|size| f64::from(*size)).sum::<f64>() / POSTS as f64;
    let posts_per_second = mirrors_per_second / mean;
    let step = 1.0 / f64::from(DISCORD_PER_SECOND);
    // When each address is free, the earliest first; in microseconds, because integers can be ordered.
    let mut free: BinaryHeap<std::cmp::Reverse<u64>> = (0..addresses).map(|_| std::cmp::Reverse(0)).collect();
    let (mut time, mut waits) = (0.0_f64, Vec::with_capacity(POSTS));
    for size in sizes {
        time += -(1.0 - random.random::<f64>()).ln() / posts_per_second;
        let mut last = time;
        for _ in 0..size {
            let std::cmp::Reverse(micros) = free.pop().expect("there is one");
            let leaves = (micros as f64 / 1e6).max(time);
            last = leaves;
            free.push(std::cmp::Reverse(((leaves + step) * 1e6) as u64));
        }
        waits.push(last - time);
    }
    waits.sort_unstable_by(f64::total_cmp);
    waits
}

fn random_followers(random: &mut StdRng) -> u32 {
    let draw = (1.0 - random.random::<f64>()).powf(-1.0 / 1.1);
    (draw as u32).clamp(1, 200)
}
