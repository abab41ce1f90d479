//! The lease that a lane's requests rest on. A lane reaches Discord only through a client that asks here
//! before each request. So no request can begin that the lease doesn't outlast, however many of them a step
//! takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::rest::{Client, RequestGuard, Requester, Rest};
use crate::store::{Lease, Store};

use super::{LEASE, PATIENCE};

/// What surrounds a request: connecting, reading the answer, recording.
const MARGIN: TimeDelta = TimeDelta::seconds(1);

/// Discord, as lanes reach it: only under their lease.
#[derive(Clone)]
pub(super) struct GuardedClient(Client);

impl GuardedClient {
    /// The same client with a lane's patience.
    pub(super) fn new(rest: &Client) -> Self {
        Self(rest.with_patience(PATIENCE))
    }

    /// For a lane, as long as its lease lasts.
    pub(super) fn guarded_by(&self, guard: &Arc<LeaseGuard>, server: Option<GuildId>) -> Rest {
        self.0.guarded(Arc::<LeaseGuard>::clone(guard)).on_behalf_of(requester(server))
    }

    /// For removing messages that must not stay, whoever holds the lane.
    pub(super) fn unguarded(&self, server: Option<GuildId>) -> Rest {
        self.0.on_behalf_of(requester(server))
    }
}

/// Calls for a target count towards its server. The server isn't known of a target that nobody follows into
/// any more.
fn requester(server: Option<GuildId>) -> Requester {
    server.map_or(Requester::Program, Requester::Server)
}

/// Keeps a lane's lease ahead of its requests.
pub(super) struct LeaseGuard {
    store: Store,
    clock: Clock,
    /// `None` once another process has the lane.
    lease: Mutex<Option<Lease>>,
}

impl LeaseGuard {
    /// The guard of this lease.
    pub(super) fn new(store: &Store, clock: Clock, lease: Lease) -> Self {
        Self { store: store.clone(), clock, lease: Mutex::new(Some(lease)) }
    }

    /// The lease as it is now; `None` where it was lost.
    pub(super) fn lease(&self) -> Option<Lease> {
        lock(&self.lease).clone()
    }

    /// Notes how the lease is now.
    pub(super) fn set(&self, lease: Option<Lease>) {
        *lock(&self.lease) = lease;
    }

    /// Whether the lease outlasts a request of this length. Renews it where it wouldn't.
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
                self.set(renewed);
                held
            }
            Err(error) => {
                tracing::error!(channel = %lease.target, %error, "a lane's lease can't be renewed, so nothing is sent");
                false
            }
        }
    }
}

impl RequestGuard for LeaseGuard {
    fn admit(&self, within: Duration) -> BoxFuture<'_, bool> {
        self.outlasts(within).boxed()
    }
}
