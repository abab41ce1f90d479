//! What a forum post with tags costs with so many followers, of which a third have each mode: the one transaction that decides who is owed it, and owes it. And what
//! it costs to ask afterwards what became of it in all of them.
//!
//! ```text
//! cargo bench --bench matching
//! TEST_POSTGRES_URL=postgres://… cargo bench --bench matching
//! ```
//! With the second, the same on PostgreSQL, in a database of its own that goes again.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use divan::Bencher;
use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tributary::config::EncryptionKey;
use tributary::domain::activity::Origin;
use tributary::domain::ids::{ChannelId, GuildId, MessageId, TagId, UserId};
use tributary::domain::message::{Content, InThread, PostTag};
use tributary::domain::place::Place;
use tributary::store::{Cipher, SourceEvent, Store};

const FORUM: u64 = 1;
/// The tags that the forum has; each follow with a filter has three of them, and each post too.
const TAGS: u64 = 20;

fn main() {
    divan::main();
}

/// A forum with so many followers.
struct Town {
    runtime: Runtime,
    store: Store,
    next: AtomicU64,
    _folder: TempDir,
    server: Option<(String, String)>,
}

impl Town {
    fn on_sqlite(followers: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("bench.db").display());
        Self::new(&url, followers, folder, None)
    }

    /// `None` where there is no PostgreSQL.
    fn on_postgres(followers: u64) -> Option<Self> {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            println!("skipped: TEST_POSTGRES_URL is not set");
            return None;
        };
        let name = format!("tributary_bench_{}", std::process::id());
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(run(&server, &format!("DROP DATABASE IF EXISTS {name}")));
        runtime.block_on(run(&server, &format!("CREATE DATABASE {name}")));
        let (base, _) = server.rsplit_once('/').expect("an address with a database");
        let url = format!("{base}/{name}");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self::new(&url, followers, folder, Some((server, name))))
    }

    fn new(url: &str, followers: u64, folder: TempDir, server: Option<(String, String)>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime.block_on(async {
            let cipher = Cipher::new(EncryptionKey::random().secret());
            let store = Store::connect(&url.to_owned().into(), cipher).await.expect("a database");
            store.migrate_up().await.expect("tables");
            fill(url, followers).await;
            store
        });
        Self { runtime, store, next: AtomicU64::new(10_000_000), _folder: folder, server }
    }

    fn post(&self) -> SourceEvent {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let tag =
            |number: u64| PostTag { id: TagId::new(number + 1).expect("a number"), name: String::new() };
        let thread = InThread {
            thread: ChannelId::new(id).expect("a snowflake"),
            title: "It doesn't start".to_owned(),
            tags: (0..3).map(|n| tag((id + n * 7) % TAGS)).collect(),
            place: Place::Starter,
            link: String::new(),
        };
        let content = Content {
            author: "Ada".to_owned(),
            text: "It says nothing. ".repeat(20),
            thread: Some(thread),
            ..Content::default()
        };
        SourceEvent::Posted {
            origin: Origin::Message {
                channel: ChannelId::new(id).expect("a snowflake"),
                message: MessageId::new(id).expect("a snowflake"),
            },
            source: ChannelId::new(FORUM).expect("a snowflake"),
            author: UserId::new(3).ok(),
            content: content.into(),
        }
    }

    /// What became of a post that was written down, in all followers.
    fn report(&self, post: &Origin) -> u64 {
        self.runtime.block_on(async {
            let asked = self.store.asked(post.channel(), post.message()).await.expect("the database answers");
            let asked = asked.expect("it is written down");
            let server = GuildId::new(7).expect("a snowflake");
            self.store.followers_with_facts(&asked, server, 20).await.expect("the database answers");
            let counts = self.store.count_followers_by_facts(&asked).await.expect("the database answers");
            counts.into_iter().map(|(_, count)| count).sum()
        })
    }

    fn record(&self, post: SourceEvent) -> usize {
        let recorded = self.runtime.block_on(self.store.record_events(&[post], now()));
        recorded.expect("it is written down").lanes.len()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            let _ = self.store.close().await;
            if let Some((server, name)) = &self.server {
                run(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
        });
    }
}

async fn run(url: &str, statements: &str) {
    let db = Database::connect(url).await.expect("a database");
    db.execute_unprepared(statements).await.expect("it is done");
    db.close().await.expect("it ends");
}

/// Follows with a third of each mode, in few statements.
async fn fill(url: &str, followers: u64) {
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {followers})");
    let token = if url.starts_with("sqlite") { "x'00'" } else { "'\\x00'::bytea" };
    let time = "'2024-10-04 00:00:00+00:00'";
    let follows = format!(
        "{numbers} INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, \
         webhook_token, mode, panels, is_active, created_by, created_at, updated_at, threads) \
         SELECT {FORUM}, 1000000 + i, 7, 8, 'relay', 5000000 + i, {token}, \
         CASE i % 3 WHEN 0 THEN 'all' WHEN 1 THEN 'only' ELSE 'except' END, FALSE, TRUE, 9, {time}, {time}, 'starter' FROM n"
    );
    let tags = format!(
        "INSERT INTO channel_follow_tags (follow_id, tag) SELECT f.id, 'forum:' || (1 + (f.id * 3 + k.k * 7) % {TAGS}) \
         FROM channel_follows f, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2) k WHERE f.mode <> 'all'"
    );
    let lanes = "INSERT INTO lanes (target_channel_id) SELECT target_channel_id FROM channel_follows";
    for statement in [follows.as_str(), &tags, lanes, "ANALYZE"] {
        run(url, statement).await;
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// One post, written down and committed, on SQLite.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn sqlite(bencher: Bencher<'_, '_>, followers: u64) {
    let town = Town::on_sqlite(followers);
    bencher.with_inputs(|| town.post()).bench_values(|post| town.record(post));
}

/// The same on PostgreSQL.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn postgres(bencher: Bencher<'_, '_>, followers: u64) {
    let Some(town) = Town::on_postgres(followers) else { return };
    bencher.with_inputs(|| town.post()).bench_values(|post| town.record(post));
}

/// A delivery report's questions to SQLite.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn report_on_sqlite(bencher: Bencher<'_, '_>, followers: u64) {
    let town = Town::on_sqlite(followers);
    let post = town.post();
    let origin = post.origin();
    town.record(post);
    bencher.bench(|| town.report(&origin));
}

/// The same to PostgreSQL.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn report_on_postgres(bencher: Bencher<'_, '_>, followers: u64) {
    let Some(town) = Town::on_postgres(followers) else { return };
    let post = town.post();
    let origin = post.origin();
    town.record(post);
    bencher.bench(|| town.report(&origin));
}
