//! What the operator reads over the web: how the bot does, in numbers, and nothing of what people wrote.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::ids::UserId;
use crate::domain::servers::FollowLimits;
use crate::domain::shards::Shards;
use crate::rest::Client;
use crate::store::{Backlog, Store};

use super::ServiceError;
use super::follow::status::FollowTotals;
use super::gateway_view::GatewayView;
use super::health::{Health, HealthStatus};

/// What may be used, by settings; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetLimits {
    /// Actions of one person in an hour.
    pub actions_per_hour: Option<u32>,
    /// Panels of a server.
    pub panels_per_server: Option<u32>,
    /// Follows.
    pub follows: FollowLimits,
}

/// What the operator's figures are made from.
pub struct OperatorParts {
    /// Who operates the bot.
    pub operators: BTreeSet<UserId>,
    /// The database.
    pub store: Store,
    /// Discord.
    pub rest: Client,
    /// How the process does.
    pub health: Health,
    /// What the gateway knows.
    pub gateway: Arc<dyn GatewayView>,
    /// The shards of this process.
    pub shards: Shards,
    /// What may be used.
    pub limits: SetLimits,
    /// When this process began to serve.
    pub started_at: DateTime<Utc>,
}

/// The operator's figures.
pub struct OperatorFigures(OperatorParts);

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneFigures {
    /// Deliveries, and the lanes that they are in.
    pub backlog: Backlog,
    /// In how many lanes something has failed for more than a minute.
    pub failing: i64,
}

/// What limits the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitFigures {
    /// Requests of this process that Discord found invalid within ten minutes.
    pub invalid_requests: usize,
    /// From how many on none are made.
    pub most_invalid_requests: usize,
    /// How long none are made; `None` if they are.
    pub paused_for: Option<Duration>,
    /// What the settings say.
    pub set: SetLimits,
}

/// Which processes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessFigures {
    /// How many work with this database.
    pub processes: u64,
    /// The shards of the one that answers.
    pub shards: Shards,
    /// Since when that one serves.
    pub started_at: DateTime<Utc>,
}

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedFigures {
    /// How many servers the shards of this process are in.
    pub servers: usize,
    /// How many servers are blocked in the database.
    pub blocked: usize,
    /// All follows, of all processes.
    pub follows: FollowTotals,
}

impl OperatorFigures {
    /// Figures of these parts.
    pub const fn new(parts: OperatorParts) -> Self {
        Self(parts)
    }

    /// Whether this person operates the bot.
    pub fn is_operator(&self, person: UserId) -> bool {
        self.0.operators.contains(&person)
    }

    /// How the process does.
    pub async fn health(&self) -> HealthStatus {
        self.0.health.status().await
    }

    /// What is due.
    pub async fn lanes(&self) -> Result<LaneFigures, ServiceError> {
        let backlog = self.0.store.backlog().await?;
        Ok(LaneFigures { backlog, failing: self.0.health.failing_lanes().await? })
    }

    /// What limits the bot.
    pub fn limits(&self) -> LimitFigures {
        let fuse = self.0.rest.fuse();
        LimitFigures {
            invalid_requests: fuse.invalid,
            most_invalid_requests: fuse.limit,
            paused_for: fuse.retry_after,
            set: self.0.limits,
        }
    }

    /// Which processes there are.
    pub async fn processes(&self) -> Result<ProcessFigures, ServiceError> {
        let processes = self.0.store.count_processes().await?;
        Ok(ProcessFigures { processes, shards: self.0.shards, started_at: self.0.started_at })
    }

    /// What is served.
    pub async fn served(&self) -> Result<ServedFigures, ServiceError> {
        let OperatorParts { store, gateway, .. } = &self.0;
        Ok(ServedFigures {
            servers: gateway.servers().len(),
            blocked: store.blocked_servers().await?.len(),
            follows: FollowTotals::read(store).await?,
        })
    }
}
