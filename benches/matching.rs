//! What a forum post with tags costs with this many followers, a third of which have each mode: the one
//! transaction that decides to whom it is delivered, and creates the deliveries. And what it costs to look up
//! afterwards what became of it in all of them.
//!
//! ```text
//! cargo bench --bench matching
//! TEST_POSTGRES_URL=postgres://… cargo bench --bench matching
//! ```
//! The second form measures PostgreSQL, too, in a temporary database.

#[expect(dead_code, reason = "other benchmarks need more of it")]
mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::{TIME, Town, now, numbers};
use divan::Bencher;
use tributary::domain::activity::Origin;
use tributary::domain::ids::{ChannelId, GuildId, MessageId, TagId, UserId};
use tributary::domain::message::{Content, InThread, PostTag};
use tributary::domain::place::SourcePlace;
use tributary::store::SourceEvent;

const FORUM: u64 = 1;
/// How many tags the forum has. Each follow with a filter has three of them, and so does each post.
const TAGS: u64 = 20;

fn main() {
    divan::main();
}

/// A forum with this many followers.
struct Forum {
    town: Town,
    next: AtomicU64,
}

impl Forum {
    fn on_sqlite(followers: u64) -> Self {
        Self::in_town(Town::on_sqlite(), followers)
    }

    /// `None` if there is no PostgreSQL.
    fn on_postgres(followers: u64) -> Option<Self> {
        Some(Self::in_town(Town::on_postgres()?, followers))
    }

    fn in_town(town: Town, followers: u64) -> Self {
        town.fill(with_followers(&town, followers));
        Self { town, next: AtomicU64::new(10_000_000) }
    }

    fn post(&self) -> SourceEvent {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let tag =
            |number: u64| PostTag { id: TagId::new(number + 1).expect("a number"), name: String::new() };
        let thread = InThread {
            thread: ChannelId::new(id).expect("a snowflake"),
            title: "It doesn't start".to_owned(),
            owner: None,
            title_withheld: false,
            tags: (0..3).map(|n| tag((id + n * 7) % TAGS)).collect(),
            place: SourcePlace::Starter,
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

    /// What became of a recorded post, for all followers.
    fn report(&self, post: &Origin) -> u64 {
        self.town.runtime.block_on(async {
            let asked = self
                .town
                .store
                .message_facts(post.channel(), post.message())
                .await
                .expect("the database answers");
            let asked = asked.expect("it is recorded");
            let server = GuildId::new(7).expect("a snowflake");
            self.town.store.followers_with_facts(&asked, server, 20).await.expect("the database answers");
            let counts =
                self.town.store.count_followers_by_facts(&asked).await.expect("the database answers");
            counts.into_iter().map(|(_, count)| count).sum()
        })
    }

    fn record(&self, post: SourceEvent) -> usize {
        let recorded = self.town.runtime.block_on(self.town.store.record_events(&[post], now()));
        recorded.expect("it is recorded").lanes.len()
    }
}

/// Follows, a third of them in each mode, in few statements.
fn with_followers(town: &Town, followers: u64) -> [String; 3] {
    let (numbers, token) = (numbers(followers), town.token());
    let follows = format!(
        "{numbers} INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, \
         webhook_token, mode, panels, is_active, created_by, created_at, updated_at, threads) \
         SELECT {FORUM}, 1000000 + i, 7, 8, 'relay', 5000000 + i, {token}, \
         CASE i % 3 WHEN 0 THEN 'all' WHEN 1 THEN 'only' ELSE 'except' END, FALSE, TRUE, 9, {TIME}, {TIME}, 'starter' FROM n"
    );
    let tags = format!(
        "INSERT INTO channel_follow_tags (follow_id, tag) SELECT f.id, 'forum:' || (1 + (f.id * 3 + k.k * 7) % {TAGS}) \
         FROM channel_follows f, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2) k WHERE f.mode <> 'all'"
    );
    let lanes = "INSERT INTO lanes (target_channel_id) SELECT target_channel_id FROM channel_follows";
    [follows, tags, lanes.to_owned()]
}

/// One post, recorded and committed, on SQLite.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn sqlite(bencher: Bencher<'_, '_>, followers: u64) {
    let forum = Forum::on_sqlite(followers);
    bencher.with_inputs(|| forum.post()).bench_values(|post| forum.record(post));
}

/// The same on PostgreSQL.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn postgres(bencher: Bencher<'_, '_>, followers: u64) {
    let Some(forum) = Forum::on_postgres(followers) else { return };
    bencher.with_inputs(|| forum.post()).bench_values(|post| forum.record(post));
}

/// A delivery report's queries on SQLite.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn report_on_sqlite(bencher: Bencher<'_, '_>, followers: u64) {
    let forum = Forum::on_sqlite(followers);
    let post = forum.post();
    let origin = post.origin();
    forum.record(post);
    bencher.bench(|| forum.report(&origin));
}

/// The same on PostgreSQL.
#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn report_on_postgres(bencher: Bencher<'_, '_>, followers: u64) {
    let Some(forum) = Forum::on_postgres(followers) else { return };
    let post = forum.post();
    let origin = post.origin();
    forum.record(post);
    bencher.bench(|| forum.report(&origin));
}
