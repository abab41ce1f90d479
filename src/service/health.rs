//! Whether the bot can do its work, for readiness and metrics.

use std::sync::Arc;

use crate::metrics as names;
use crate::rest::Rest;
use crate::store::{Store, StoreError};

use super::status::FollowTotals;

/// Asks whether the gateway is connected.
pub type GatewayUp = Arc<dyn Fn() -> bool + Send + Sync>;

/// What is well and what isn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The gateway is connected.
    pub gateway: bool,
    /// The database answers.
    pub database: bool,
    /// Requests to Discord are let through: not too many were invalid lately.
    pub fuse: bool,
}

impl Report {
    /// Whether all is well.
    pub const fn is_ready(self) -> bool {
        self.gateway && self.database && self.fuse
    }
}

/// Looks at the parts.
#[derive(Clone)]
pub struct Health {
    store: Store,
    rest: Rest,
    gateway: GatewayUp,
}

impl Health {
    /// Looks at these parts.
    pub const fn new(store: Store, rest: Rest, gateway: GatewayUp) -> Self {
        Self { store, rest, gateway }
    }

    /// How the parts are now.
    pub async fn report(&self) -> Report {
        Report {
            gateway: (self.gateway)(),
            database: self.store.ping().await.is_ok(),
            fuse: !self.rest.fuse().is_open(),
        }
    }

    /// Brings the gauges up to date that are read from the database.
    pub async fn observe(&self) -> Result<(), StoreError> {
        // Asking brings its gauge up to date.
        self.rest.fuse();
        metrics::gauge!(names::GATEWAY_UP).set(if (self.gateway)() { 1.0 } else { 0.0 });
        let follows = FollowTotals::read(&self.store).await?;
        for (state, count) in
            [("active", follows.active), ("paused", follows.paused), ("broken", follows.broken)]
        {
            metrics::gauge!(names::FOLLOWS, "state" => state).set(as_f64(count));
        }
        let backlog = self.store.backlog().await?;
        metrics::gauge!(names::OPEN_DELIVERIES).set(as_f64(backlog.deliveries.unsigned_abs()));
        metrics::gauge!(names::OPEN_LANES).set(as_f64(backlog.lanes.unsigned_abs()));
        metrics::gauge!(names::DEEPEST_LANE).set(as_f64(backlog.deepest.unsigned_abs()));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows, far below 2^52")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}
