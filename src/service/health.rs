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
use super::intake::{Delay, Progress};

/// Since when a lane has failed that is worth a word.
const FAILING: TimeDelta = TimeDelta::minutes(1);
/// How old the count of such lanes may be.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The age of an unwritten event from which on the process isn't ready: nothing but the database keeps it from being written down.
pub const LONGEST_UNWRITTEN: Duration = Duration::from_secs(60);

/// How it is with the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayCondition {
    /// This process has nothing to do with it.
    None,
    /// All its shards are connected.
    Up,
    /// They aren't.
    Down,
    /// Another process has them, for this reason.
    Standby(Arc<str>),
}

/// What a process waits for before there is anything else to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// The database.
    Database {
        /// Why it wasn't there when it was asked last.
        away: Option<Arc<str>>,
    },
    /// Discord's word who the bot is, and where the gateway.
    Discord,
}

/// How it is with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseCondition {
    /// It answers.
    Up,
    /// It doesn't.
    Down,
    /// It answers, and the bot's tables aren't there.
    NoTables,
}

/// What the process knows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The gateway.
    pub gateway: GatewayCondition,
    /// It hears what other processes tell, if there can be any.
    pub hears: bool,
}

/// Asks for it.
pub type AskCondition = Arc<dyn Fn() -> Condition + Send + Sync>;

/// What is well and what isn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the process does.
    pub role: &'static str,
    /// The process itself.
    pub condition: Condition,
    /// The database.
    pub database: DatabaseCondition,
    /// Requests to Discord are let through: not too many were invalid lately.
    pub fuse: bool,
    /// In how many lanes something has failed for more than a minute, if the database says so. Each is its own target's trouble: the process is ready all the same.
    pub failing_lanes: Option<i64>,
    /// How far behind the writing down of events is.
    pub delay: Delay,
}

impl Report {
    /// Whether all is well.
    pub fn is_ready(&self) -> bool {
        let gateway = matches!(self.condition.gateway, GatewayCondition::Up | GatewayCondition::None);
        let database = matches!(self.database, DatabaseCondition::Up);
        // What waits behind the reading of its own source is the trouble of that source alone.
        let written = self.delay.unwritten <= LONGEST_UNWRITTEN;
        gateway && self.condition.hears && database && self.fuse && written
    }
}

/// Looks at the parts.
#[derive(Clone)]
pub struct Health {
    store: Store,
    rest: Client,
    role: &'static str,
    condition: AskCondition,
    clock: Clock,
    failing: Arc<Mutex<Option<(Instant, i64)>>>,
    progress: Progress,
}

impl Health {
    /// Looks at these parts.
    pub fn new(
        store: Store,
        rest: Client,
        role: &'static str,
        condition: AskCondition,
        clock: Clock,
        progress: Progress,
    ) -> Self {
        Self { store, rest, role, condition, clock, failing: Arc::default(), progress }
    }

    /// How the parts are now.
    pub async fn report(&self) -> Report {
        Report {
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

    /// Asked of the database at most every few seconds, whoever reads the pages how often.
    async fn failing_lanes(&self) -> Result<i64, StoreError> {
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

    /// Brings the gauges up to date that are read from the database.
    pub async fn observe(&self) -> Result<(), StoreError> {
        // Asking brings its gauge up to date.
        self.rest.fuse();
        let up = (self.condition)().gateway == GatewayCondition::Up;
        metrics::gauge!(names::GATEWAY_UP).set(if up { 1.0 } else { 0.0 });
        let delay = self.progress.delay();
        metrics::gauge!(names::OLDEST_EVENT).set(delay.oldest().as_secs_f64());
        metrics::gauge!(names::HELD_SOURCES).set(as_f64(delay.sources as u64));
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
        let ready = |unwritten, held| {
            let [unwritten, held] = [unwritten, held].map(Duration::from_secs);
            let delay = Delay { unwritten, held, sources: 1 };
            let condition = condition.clone();
            Report {
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
