//! What a post costs before anything is sent: one transaction that records it with its deliveries, and then
//! each step of a lane.
//!
//! ```text
//! cargo bench --bench fan_out
//! ```

#[expect(dead_code, reason = "other benchmarks need more of it")]
mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::{Town, id, now};
use divan::Bencher;
use tributary::domain::activity::Origin;
use tributary::domain::audit::ChangedBy;
use tributary::domain::follow::{
    ChannelPair, DeliveryMethod, Door, Exposure, FollowOptions, NewFollow, TagFilter, ThreadScope,
};
use tributary::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use tributary::domain::message::Content;
use tributary::domain::place::TargetKind;
use tributary::domain::servers::FollowLimits;
use tributary::domain::webhook::WebhookCredentials;
use tributary::store::{FollowWebhook, Recorded, SourceEvent};

const SOURCE: u64 = 1;
const GUILD: u64 = 2;
const PERSON: u64 = 3;

fn main() {
    divan::main();
}

/// One source with this many targets, on SQLite.
struct Source {
    town: Town,
    next: AtomicU64,
}

impl Source {
    fn new(targets: u64) -> Self {
        let town = Town::on_sqlite();
        town.runtime.block_on(async {
            for target in 0..targets {
                let hook =
                    WebhookCredentials { id: id(WebhookId::new, 1_000_000 + target), token: "token".into() };
                let follow = follow(1_000 + target);
                town.store
                    .insert_follow(&follow, &FollowWebhook::Relay(hook), ChangedBy::System.at(now()))
                    .await
                    .expect("a follow");
            }
        });
        Self { town, next: AtomicU64::new(10_000_000) }
    }

    fn post(&self) -> SourceEvent {
        let message = id(MessageId::new, self.next.fetch_add(1, Ordering::Relaxed));
        let channel = id(ChannelId::new, SOURCE);
        let content =
            Content { author: "Ada".to_owned(), text: "v1.0 is out".repeat(20), ..Content::default() };
        SourceEvent::Posted {
            origin: Origin::Message { channel, message },
            source: channel,
            author: UserId::new(PERSON).ok(),
            content: content.into(),
        }
    }

    fn record(&self, posts: &[SourceEvent]) -> Recorded {
        let recorded = self.town.runtime.block_on(self.town.store.record_events(posts, now()));
        recorded.expect("it is recorded")
    }
}

fn follow(target: u64) -> NewFollow {
    NewFollow {
        pair: ChannelPair { source: id(ChannelId::new, SOURCE), target: id(ChannelId::new, target) },
        guild: id(GuildId::new, GUILD),
        source_guild: id(GuildId::new, GUILD),
        source_parent: None,
        target_kind: TargetKind::Channel,
        options: FollowOptions {
            delivery: DeliveryMethod::Relay,
            filter: TagFilter::All,
            threads: ThreadScope::None,
            panels: false,
        },
        created_by: id(UserId::new, PERSON),
        door: Door::Own,
        exposure: Exposure::None,
        source_restricted: false,
        source_private: false,
        collection_follow: None,
        limits: FollowLimits::default(),
    }
}

/// One post to this many targets, recorded and committed.
#[divan::bench(args = [1, 100, 1_000])]
fn one_post(bencher: Bencher<'_, '_>, targets: u64) {
    let source = Source::new(targets);
    bencher.with_inputs(|| source.post()).bench_values(|post| source.record(&[post]));
}

/// A batch of posts to 20 targets, in one transaction.
#[divan::bench(args = [1, 16, 256])]
fn a_batch(bencher: Bencher<'_, '_>, posts: usize) {
    let source = Source::new(20);
    let batch = || -> Vec<SourceEvent> { (0..posts).map(|_| source.post()).collect() };
    bencher.with_inputs(batch).bench_values(|batch| source.record(&batch));
}
