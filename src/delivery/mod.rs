//! Delivery: lanes claim their target, send, and record.
//!
//! ```text
//!             wake (new work) ─┐
//!  look at the database (slow) ─┼─► Engine ─► one task a lane: take, what is next? ─► send ─► done, what is next? … ─► nothing: given back
//!      a lane's time has come ─┘     ▲                    └─────────────┬──────────────────┘                           │
//!                                    │                               Ledger: all that ask, in one transaction          │
//!                                    └──────────────── came to rest, or: again at … ───────────────────────────────────┘
//! ```
//! What a lane does next is decided by [`next_step`](crate::domain::next_step); this module is the I/O around it. Lanes wait on their own: a slow or broken
//! target never holds another. Nothing here is needed to remember work: that is in the database, and a lost wake-up is a delay, not a loss.

mod batcher;
mod engine;
mod guard;
mod lane;
mod lane_tasks;
mod said;
mod schedule;
mod step;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;

use crate::domain::clock::Clock;
use crate::domain::ids::{ApplicationId, GuildId};
use crate::rest::Rest;
use crate::store::{Lease, Store};

use self::batcher::Ledger;
pub use self::engine::{Engine, Parts, Waker};
use self::guard::{Discord, LeaseGuard};
use self::said::Said;
use self::step::forums::Forums;
use self::step::sizes::FileSizes;

/// How long a lane is held without being renewed. Before each request it is renewed until after that request's end, where that is later: so after it,
/// whatever was in flight is surely over.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How long a request of a lane may take. With the patience below it fits into the lease, so that most need no renewal.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);
/// How long after a connection ended without an answer Discord may still finish the request that it carried: only then is it looked whether the
/// message was made. A request that takes Discord longer yet can show a message twice. Also the wait after the death of a process that had the
/// database for itself: its connections ended with it, at the latest when the next one starts.
pub const SETTLING: TimeDelta = TimeDelta::seconds(5);
/// The name under which this process holds lanes. None while it can't say that it lives: nothing is begun then, and what is under way is cut off, as others take
/// its lanes. Each name is used until the first such moment, and never again.
pub type OwnerName = watch::Receiver<Option<Arc<str>>>;

/// How long a lane waits for rate limits inside one call, before it gives way to others.
const PATIENCE: Duration = Duration::from_secs(3);

/// What all lanes have in common.
#[derive(Clone)]
struct Base {
    store: Store,
    discord: Discord,
    clock: Clock,
    /// Owns the webhooks.
    application: ApplicationId,
    ledger: Ledger,
    forums: Forums,
    sizes: FileSizes,
    said: Said,
}

/// What a lane works with while it is held.
#[derive(Clone)]
struct Tools {
    store: Store,
    /// Discord, as long as the lease lasts.
    rest: Rest,
    clock: Clock,
    application: ApplicationId,
    forums: Forums,
    sizes: FileSizes,
    said: Said,
}

impl Base {
    /// The tools of a lane with this lease, and what keeps the lease ahead of its requests.
    fn under(&self, lease: Lease) -> (Tools, Arc<LeaseGuard>) {
        let server = lease.server;
        let guard = Arc::new(LeaseGuard::new(&self.store, self.clock, lease));
        (self.tools(self.discord.under(&guard, server)), guard)
    }

    /// The tools for what no lease is needed for: removing what must not stand.
    fn without_lease(&self, server: Option<GuildId>) -> Tools {
        self.tools(self.discord.without_lease(server))
    }

    fn tools(&self, rest: Rest) -> Tools {
        let Self { store, clock, application, forums, sizes, said, .. } = self.clone();
        Tools { store, rest, clock, application, forums, sizes, said }
    }
}
