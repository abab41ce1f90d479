//! Whether the bot can do its work, for readiness and metrics.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::metrics as names;
use crate::rest::Client;
use crate::store::{Store, StoreError};

use super::follow::status::FollowTotals;
use super::intake::{Delay, IntakeProgress};

/// How long a lane must have failed to be worth mentioning.
const FAILING: TimeDelta = TimeDelta::minutes(1);
/// How old the count of such lanes may be.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The age of an unwritten event from which on the process isn't ready: only the database can be the cause.
pub const LONGEST_UNWRITTEN: Duration = Duration::from_secs(60);

/// The state of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayCondition {
    /// This process doesn't use it.
    None,
    /// All its shards are connected.
    Up,
    /// Some of them are not.
    Down,
    /// Another process has them, for this reason.
    Standby(Arc<str>),
}

/// What a starting process waits for, before anything else can be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// The database.
    Database {
        /// Why it couldn't be reached the last time.
        away: Option<Arc<str>>,
    },
    /// Discord: who the bot is, and where the gateway is.
    Discord,
}

/// The state of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseCondition {
    /// It answers.
    Up,
    /// It doesn't.
    Down,
    /// It answers, but the bot's tables are missing.
    NoTables,
}

/// What the process knows about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The gateway.
    pub gateway: GatewayCondition,
    /// It receives what other processes say, if there can be any.
    pub hears: bool,
}

/// Asks for the process's condition.
pub type AskCondition = Arc<dyn Fn() -> Condition + Send + Sync>;

/// What is well and what isn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthStatus {
    /// The role of the process.
    pub role: &'static str,
    /// The process itself.
    pub condition: Condition,
    /// The database.
    pub database: DatabaseCondition,
    /// Requests to Discord are allowed: not too many were invalid lately.
    pub fuse: bool,
    /// In how many lanes something has failed for more than a minute, if the database can tell. Each is a
    /// problem of its own target; the process is ready all the same.
    pub failing_lanes: Option<i64>,
    /// How far the recording of events is behind.
    pub delay: Delay,
}

impl HealthStatus {
    /// Whether the process is ready.
    pub fn is_ready(&self) -> bool {
        let gateway = matches!(self.condition.gateway, GatewayCondition::Up | GatewayCondition::None);
        let database = matches!(self.database, DatabaseCondition::Up);
        // Events that wait for the reading of their own source are that source's problem alone.
        let written = self.delay.unwritten <= LONGEST_UNWRITTEN;
        gateway && self.condition.hears && database && self.fuse && written
    }
}

/// Looks after the parts.
#[derive(Clone)]
pub struct Health {
    store: Store,
    rest: Client,
    role: &'static str,
    condition: AskCondition,
    clock: Clock,
    failing: Arc<Mutex<Option<(Instant, i64)>>>,
    progress: IntakeProgress,
}

impl Health {
    /// Looks after these parts.
    pub fn new(
        store: Store,
        rest: Client,
        role: &'static str,
        condition: AskCondition,
        clock: Clock,
        progress: IntakeProgress,
    ) -> Self {
        Self { store, rest, role, condition, clock, failing: Arc::default(), progress }
    }

    /// The current state of the parts.
    pub async fn status(&self) -> HealthStatus {
        HealthStatus {
            role: self.role,
            condition: (self.condition)(),
            database: match self.store.ping().await {
                Ok(()) => DatabaseCondition::Up,
                Err(StoreError::NoTables) => DatabaseCondition::NoTables,
                Err(_) => DatabaseCondition::Down,
            },
            fuse: !self.rest.fuse().is_open(),
            failing_lanes: self.failing_lanes().await.ok(),
            delay: self.progress.delay(),
        }
    }

    /// Asks the database at most every few seconds, however often the pages are read.
    pub(super) async fn failing_lanes(&self) -> Result<i64, StoreError> {
        let mut known = self.failing.lock().await;
        if let Some((asked, lanes)) = *known
            && asked.elapsed() < ASK_AGAIN
        {
            return Ok(lanes);
        }
        let lanes = self.store.failing_lanes(self.clock.now() - FAILING).await?;
        *known = Some((Instant::now(), lanes));
        Ok(lanes)
    }

    /// Updates the gauges that are read from the database.
    pub async fn observe(&self) -> Result<(), StoreError> {
        // Asking updates its gauge.
        self.rest.fuse();
        let up = (self.condition)().gateway == GatewayCondition::Up;
        metrics::gauge!(names::GATEWAY_UP).set(if up { 1.0 } else { 0.0 });
        let delay = self.progress.delay();
        metrics::gauge!(names::OLDEST_EVENT).set(delay.oldest().as_secs_f64());
        metrics::gauge!(names::DEFERRED_SOURCES).set(as_f64(delay.sources as u64));
        let follows = FollowTotals::read(&self.store).await?;
        for (state, count) in
            [("active", follows.active), ("paused", follows.paused), ("broken", follows.broken)]
        {
            metrics::gauge!(names::FOLLOWS, "state" => state).set(as_f64(count));
        }
        let backlog = self.store.backlog().await?;
        metrics::gauge!(names::OPEN_DELIVERIES).set(as_f64(backlog.deliveries.unsigned_abs()));
        metrics::gauge!(names::OPEN_LANES).set(as_f64(backlog.lanes.unsigned_abs()));
        metrics::gauge!(names::FAILING_LANES).set(as_f64(self.failing_lanes().await?.unsigned_abs()));
        metrics::gauge!(names::DEEPEST_LANE).set(as_f64(backlog.deepest.unsigned_abs()));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows, far below 2^52")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_doesnt_take_makes_a_process_unready_and_a_sick_channel_doesnt() {
        let condition = Condition { gateway: GatewayCondition::Up, hears: true };
        let ready = |unwritten, deferred| {
            let [unwritten, deferred] = [unwritten, deferred].map(Duration::from_secs);
            let delay = Delay { unwritten, deferred, sources: 1 };
            let condition = condition.clone();
            HealthStatus {
                role: "all",
                condition,
                database: DatabaseCondition::Up,
                fuse: true,
                failing_lanes: None,
                delay,
            }
            .is_ready()
        };
        assert!(ready(0, 0) && ready(60, 0) && ready(0, 3_600));
        assert!(!ready(61, 0));
    }
}
