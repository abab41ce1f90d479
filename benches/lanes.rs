//! What the storage half of delivery costs: lanes are claimed, and each create is recorded before and after
//! it is sent, until nothing is left; Discord answers immediately. Prints the time of 1,000 deliveries by
//! database, number of lanes, and how many lanes ask at once.
//!
//! ```text
//! cargo bench --bench lanes                                      # SQLite on disk
//! TEST_POSTGRES_URL=postgres://… cargo bench --bench lanes       # and PostgreSQL, where databases can be
//! created
//! ```

#[expect(dead_code, reason = "other benchmarks need more of it")]
mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use common::{Town, id, now};
use divan::Bencher;
use divan::counter::ItemsCount;
use tributary::domain::activity::{Mirror, Origin, Staleness};
use tributary::domain::audit::ChangedBy;
use tributary::domain::follow::{
    ChannelPair, DeliveryMethod, Door, Exposure, FollowOptions, NewFollow, TagFilter, ThreadScope,
};
use tributary::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use tributary::domain::message::Content;
use tributary::domain::next_step::{Situation, Step, next_step};
use tributary::domain::place::TargetKind;
use tributary::domain::servers::FollowLimits;
use tributary::domain::webhook::WebhookCredentials;
use tributary::store::{
    FollowWebhook, Holder, LaneAnswer, LaneRef, LaneRequest, NextAction, SourceEvent, StepResult, Work,
};

const SOURCE: u64 = 1;
const PERSON: u64 = 3;
const FIRST_TARGET: u64 = 1_000;
/// How many deliveries one run makes.
const DELIVERIES: u64 = 1_000;

fn main() {
    divan::main();
}

/// One source with this many targets.
struct Source {
    town: Town,
    targets: u64,
    next: AtomicU64,
}

impl Source {
    fn new(town: Town, targets: u64) -> Self {
        town.runtime.block_on(async {
            for target in 0..targets {
                let hook =
                    WebhookCredentials { id: id(WebhookId::new, 1_000_000 + target), token: "token".into() };
                let follow = follow(FIRST_TARGET + target);
                town.store
                    .insert_follow(&follow, &FollowWebhook::Relay(hook), ChangedBy::System.at(now()))
                    .await
                    .expect("a follow");
            }
        });
        Self { town, targets, next: AtomicU64::new(10_000_000) }
    }

    fn id(&self) -> MessageId {
        id(MessageId::new, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Posts enough messages for that many deliveries.
    fn post(&self) {
        let channel = id(ChannelId::new, SOURCE);
        let post = |_| SourceEvent::Posted {
            origin: Origin::Message { channel, message: self.id() },
            source: channel,
            author: UserId::new(PERSON).ok(),
            content: Content {
                author: "Ada".to_owned(),
                text: "v1.0 is out".repeat(20),
                ..Content::default()
            }
            .into(),
        };
        let posts: Vec<SourceEvent> = (0..DELIVERIES / self.targets).map(post).collect();
        let recorded = self.town.runtime.block_on(self.town.store.record_events(&posts, now()));
        recorded.expect("it is recorded");
    }

    /// Delivers all that is due, this many lanes to a transaction.
    fn deliver(&self, at_once: usize) -> u64 {
        let mut lanes: Vec<Asking> = (0..self.targets)
            .map(|target| Asking {
                lane: LaneRef::Unclaimed(id(ChannelId::new, FIRST_TARGET + target)),
                done: None,
            })
            .collect();
        let mut made = 0;
        while !lanes.is_empty() {
            // The others wait their turn.
            let asking: Vec<Asking> = lanes.drain(..at_once.min(lanes.len())).collect();
            let turns = asking.into_iter().map(Asking::request).collect();
            let holder = Holder { owner: "bench", now: now(), lease: TimeDelta::days(1) };
            let turns = self.town.runtime.block_on(self.town.store.advance(holder, turns));
            for turn in turns.expect("they advance") {
                let LaneAnswer { next, lease, .. } = turn.expect("it can be read");
                let (NextAction::Do { work, .. }, Some(lease)) = (next, lease) else { continue };
                made += 1;
                lanes.push(Asking { lane: LaneRef::Claimed(lease), done: Some(self.made(&work)) });
            }
        }
        made
    }

    fn made(&self, work: &Work) -> StepResult {
        let in_flight = work.in_flight.expect("it is a create");
        let mirror = Mirror {
            message: self.id(),
            channel: work.target,
            webhook: id(WebhookId::new, 1),
            part: in_flight.part,
            revision: in_flight.revision,
            staleness: Staleness::default(),
            files: Vec::new(),
        };
        StepResult::Created { in_flight, mirror, overtakes: false }
    }
}

/// A lane that will ask for work.
struct Asking {
    lane: LaneRef,
    done: Option<StepResult>,
}

impl Asking {
    fn request(self) -> LaneRequest<'static> {
        let shown = self.done.as_ref().and_then(|done| done.shows(&[], 1));
        LaneRequest {
            lane: self.lane,
            done: self.done,
            shown,
            webhook: None,
            decide: Box::new(decide),
            rest_until: None,
        }
    }
}

fn decide(work: &Work, now: DateTime<Utc>) -> Step {
    next_step(Situation {
        activity: &work.activity,
        parts: 1,
        delivery: &work.delivery,
        mirrors: &work.mirrors,
        in_flight: work.in_flight,
        now,
    })
}

fn follow(target: u64) -> NewFollow {
    let guild = id(GuildId::new, 2);
    NewFollow {
        pair: ChannelPair { source: id(ChannelId::new, SOURCE), target: id(ChannelId::new, target) },
        guild,
        source_guild: guild,
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

/// How many lanes there are, and how many of them ask at once.
const TOWNS: [(u64, usize); 5] = [(20, 1), (20, 20), (1_000, 1), (1_000, 20), (1_000, 128)];

fn deliveries(bencher: Bencher<'_, '_>, town: Town, (targets, at_once): (u64, usize)) {
    let source = Source::new(town, targets);
    bencher.counter(ItemsCount::new(DELIVERIES)).with_inputs(|| source.post()).bench_values(|()| {
        assert_eq!(source.deliver(at_once), DELIVERIES);
    });
}

#[divan::bench(args = TOWNS, sample_count = 10)]
fn sqlite(bencher: Bencher<'_, '_>, lanes: (u64, usize)) {
    deliveries(bencher, Town::on_sqlite(), lanes);
}

#[divan::bench(args = TOWNS, sample_count = 10)]
fn postgres(bencher: Bencher<'_, '_>, lanes: (u64, usize)) {
    if let Some(town) = Town::on_postgres() {
        deliveries(bencher, town, lanes);
    }
}
