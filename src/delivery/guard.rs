//! The lease that a lane's requests rest on. A lane reaches Discord only through a client that asks here before each request, so that none
//! can begin that the lease doesn't outlast, however many a step takes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::rest::{Cause, Client, Guard, Rest};
use crate::store::{Lease, Store};

use super::{LEASE, PATIENCE};

/// What surrounds a request: connecting, reading the answer, recording.
const MARGIN: TimeDelta = TimeDelta::seconds(1);

/// Discord, which nothing in a lane can reach but under its lease.
#[derive(Clone)]
pub(super) struct Discord(Client);

impl Discord {
    /// The same client with a lane's patience.
    pub(super) fn new(rest: &Client) -> Self {
        Self(rest.with_patience(PATIENCE))
    }

    /// For a lane, as long as its lease lasts.
    pub(super) fn under(&self, guard: &Arc<LeaseGuard>, server: Option<GuildId>) -> Rest {
        self.0.guarded(Arc::<LeaseGuard>::clone(guard)).caused_by(cause(server))
    }

    /// For removing what must not stand, whoever has the lane.
    pub(super) fn without_lease(&self, server: Option<GuildId>) -> Rest {
        self.0.caused_by(cause(server))
    }
}

/// What is done for a target is its server's matter; of one that nobody follows into any more, the server isn't known.
fn cause(server: Option<GuildId>) -> Cause {
    server.map_or(Cause::Program, Cause::Server)
}

/// Keeps a lane's lease ahead of its requests.
pub(super) struct LeaseGuard {
    store: Store,
    clock: Clock,
    /// None once another process has the lane.
    lease: Mutex<Option<Lease>>,
}

impl LeaseGuard {
    /// The guard of this lease.
    pub(super) fn new(store: &Store, clock: Clock, lease: Lease) -> Self {
        Self { store: store.clone(), clock, lease: Mutex::new(Some(lease)) }
    }

    /// The lease as it is now; none where it was lost.
    pub(super) fn lease(&self) -> Option<Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how the lease is now.
    pub(super) fn put(&self, lease: Option<Lease>) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    /// Whether the lease outlasts a request of this length; it is renewed where it wouldn't.
    async fn outlasts(&self, request: Duration) -> bool {
        let Some(lease) = self.lease() else { return false };
        let (now, request) = (self.clock.now(), TimeDelta::from_std(request).unwrap_or(LEASE));
        if lease.until - now >= request + MARGIN {
            return true;
        }
        match self.store.renew_lane(&lease, now + request + LEASE).await {
            Ok(renewed) => {
                let held = renewed.is_some();
                if !held {
                    tracing::warn!(channel = %lease.target, "a lane was lost to another process in the middle of a step");
                }
                self.put(renewed);
                held
            }
            Err(error) => {
                tracing::error!(channel = %lease.target, %error, "a lane's lease can't be renewed, so nothing is sent");
                false
            }
        }
    }
}

impl Guard for LeaseGuard {
    fn admit(&self, within: Duration) -> BoxFuture<'_, bool> {
        self.outlasts(within).boxed()
    }
}
