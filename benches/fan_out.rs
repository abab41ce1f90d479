//! What a post costs before anything is sent: one transaction that writes it down with its deliveries, and then each step of a lane.
//!
//! ```text
//! cargo bench --bench fan_out
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use divan::Bencher;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tributary::config::EncryptionKey;
use tributary::domain::activity::Origin;
use tributary::domain::follow::{Delivery, Filter, FollowOptions, NewFollow, Pair, Threads};
use tributary::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use tributary::domain::message::Content;
use tributary::domain::place::Spot;
use tributary::domain::webhook::Webhook;
use tributary::store::{Cipher, Hook, SourceEvent, Store};

const SOURCE: u64 = 1;
const GUILD: u64 = 2;
const PERSON: u64 = 3;

fn main() {
    divan::main();
}

/// A SQLite database on disk with one source and so many targets.
struct Town {
    runtime: Runtime,
    store: Store,
    next: AtomicU64,
    _folder: TempDir,
}

impl Town {
    fn new(targets: u64) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("bench.db").display());
        let store = runtime.block_on(async {
            let cipher = Cipher::new(EncryptionKey::random().secret());
            let store = Store::connect(&url.into(), cipher).await.expect("a database");
            store.migrate_up().await.expect("tables");
            for target in 0..targets {
                let hook = Webhook { id: id(WebhookId::new, 1_000_000 + target), token: "token".into() };
                let follow = follow(1_000 + target);
                store.insert_follow(&follow, &Hook::Relay(hook), now()).await.expect("a follow");
            }
            store
        });
        Self { runtime, store, next: AtomicU64::new(10_000_000), _folder: folder }
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
}

fn follow(target: u64) -> NewFollow {
    NewFollow {
        pair: Pair { source: id(ChannelId::new, SOURCE), target: id(ChannelId::new, target) },
        guild: id(GuildId::new, GUILD),
        source_guild: id(GuildId::new, GUILD),
        source_parent: None,
        spot: Spot::Channel,
        options: FollowOptions {
            delivery: Delivery::Relay,
            filter: Filter::All,
            threads: Threads::None,
            panels: false,
        },
        created_by: id(UserId::new, PERSON),
    }
}

fn id<T, E: std::fmt::Debug>(new: impl Fn(u64) -> Result<T, E>, number: u64) -> T {
    new(number).expect("a snowflake")
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// One post to so many targets, written down and committed.
#[divan::bench(args = [1, 100, 1_000])]
fn one_post(bencher: Bencher<'_, '_>, targets: u64) {
    let town = Town::new(targets);
    bencher.with_inputs(|| town.post()).bench_values(|post| {
        town.runtime.block_on(town.store.record_events(&[post], now())).expect("it is written down")
    });
}

/// A batch of posts to 20 targets, in one transaction.
#[divan::bench(args = [1, 16, 256])]
fn a_batch(bencher: Bencher<'_, '_>, posts: usize) {
    let town = Town::new(20);
    let batch = || -> Vec<SourceEvent> { (0..posts).map(|_| town.post()).collect() };
    bencher.with_inputs(batch).bench_values(|batch| {
        town.runtime.block_on(town.store.record_events(&batch, now())).expect("it is written down")
    });
}
