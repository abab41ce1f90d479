//! Delivery: lanes claim their target, send, and record.
//!
//! ```text
//!          wake-ups: new work ─┐
//!  sometimes: a database poll ─┼─► Engine ─► a task per lane: claim ─► step ─► record ─► step … ─► give back
//! a lane's timer has run down ─┘     ▲                          └──────┬──────┘                       │
//!                                    │     Batcher: the requests of all lanes, in one transaction     │
//!                                    └────────── come back when woken, or at a time ──────────────────┘
//! ```
//! What a lane does next is decided by [`next_step`](crate::domain::next_step); this module is the I/O around
//! it. Lanes wait on their own: a slow or broken target never holds up another. Nothing here is needed to
//! remember work. That is in the database, so a lost wake-up is a delay and not a loss.

mod batcher;
mod engine;
mod guard;
mod lane;
mod lane_tasks;
mod schedule;
mod step;
mod warnings;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;

use crate::domain::clock::Clock;
use crate::domain::ids::{ApplicationId, GuildId};
use crate::rest::Rest;
use crate::store::{Lease, Store};

use self::batcher::Batcher;
pub use self::engine::{Engine, EngineParts, Waker};
use self::guard::{GuardedClient, LeaseGuard};
use self::step::file_limits::FileLimits;
use self::step::forum_cache::ForumCache;
use self::warnings::RecentWarnings;

/// How long a lane is held without being renewed. Before each request, the lease is extended to beyond that
/// request's end, where it would end sooner. So once a lease has run out, whatever was in flight is surely
/// over.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How long a request of a lane may take. With `PATIENCE` it fits into the lease, so that most requests
/// need no renewal.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);
/// How long after a connection ended without an answer Discord may still finish the request that it carried.
/// Only then does a lane check whether the message was made. A request that takes Discord longer yet can show
/// a message twice.
///
/// Also the wait after the death of a process that had the database for itself: its connections ended with
/// it, at the latest when the next process starts.
pub const SETTLING: TimeDelta = TimeDelta::seconds(5);
/// The name under which this process holds lanes; `None` while it can't say that it is alive. Then nothing is
/// begun, and what is under way is cut off, as others take its lanes. Each name is used until the first such
/// moment, and never again.
pub type OwnerName = watch::Receiver<Option<Arc<str>>>;

/// How long a lane waits for rate limits inside one call, before it gives way to others.
const PATIENCE: Duration = Duration::from_secs(3);

/// What all lanes have in common.
#[derive(Clone)]
struct DeliveryContext {
    store: Store,
    discord: GuardedClient,
    clock: Clock,
    /// The application that owns the webhooks.
    application: ApplicationId,
    batcher: Batcher,
    forums: ForumCache,
    file_limits: FileLimits,
    warnings: RecentWarnings,
}

/// What a lane works with while it is held.
#[derive(Clone)]
struct LaneTools {
    store: Store,
    /// Discord, as long as the lease lasts.
    rest: Rest,
    clock: Clock,
    application: ApplicationId,
    forums: ForumCache,
    file_limits: FileLimits,
    warnings: RecentWarnings,
}

impl DeliveryContext {
    /// The tools of a lane with this lease, and the guard that keeps the lease ahead of their requests.
    fn with_lease(&self, lease: Lease) -> (LaneTools, Arc<LeaseGuard>) {
        let server = lease.server;
        let guard = Arc::new(LeaseGuard::new(&self.store, self.clock, lease));
        (self.tools(self.discord.guarded_by(&guard, server)), guard)
    }

    /// The tools for what needs no lease: removing messages that must not stay.
    fn without_lease(&self, server: Option<GuildId>) -> LaneTools {
        self.tools(self.discord.unguarded(server))
    }

    fn tools(&self, rest: Rest) -> LaneTools {
        let Self { store, clock, application, forums, file_limits, warnings, .. } = self.clone();
        LaneTools { store, rest, clock, application, forums, file_limits, warnings }
    }
}
