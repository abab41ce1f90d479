//! Where panels' data comes from. What several panels want within a short time is asked once.

pub mod follows;
mod game_servers;
pub mod games;
pub mod growth;
pub mod history;
pub mod host;
pub mod host_facts;
mod server;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::domain::shards::Shards;
use crate::rest::Client;
use crate::store::{Sample, Store, StoreError};

use super::kind::Unavailable;

pub use self::game_servers::GameFacts;
pub use self::server::ServerFacts;

/// What the operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The servers in which the bot's own machine may be shown.
    pub monitoring_guilds: Vec<GuildId>,
    /// Whether game servers at private addresses may be asked.
    pub private_addresses: bool,
    /// The shards of this process, where others have others: each may be on a machine of its own.
    pub part: Option<Shards>,
}

/// All data sources.
pub struct Sources {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    game_servers: game_servers::GameServers,
    machine: host_facts::Machine,
    servers: server::Servers,
}

impl Sources {
    /// Sources over these.
    pub fn new(store: Store, rest: Client, clock: Clock, settings: Settings) -> Self {
        let game_servers = game_servers::GameServers::new(settings.private_addresses);
        let servers = server::Servers::new(rest, clock);
        Self { store, clock, settings, game_servers, machine: host_facts::Machine::default(), servers }
    }

    /// Adds a value to each of these series, at this moment.
    pub async fn sample(&self, values: &[(String, f64)]) -> Result<(), Unavailable> {
        self.store.add_samples(values, self.clock.now()).await.map_err(unavailable)
    }

    /// The values of these series within that time, oldest first.
    pub async fn samples(&self, series: &[String], within: TimeDelta) -> Result<Vec<Sample>, Unavailable> {
        self.store.samples(series, self.clock.now() - within).await.map_err(unavailable)
    }

    /// Forgets the values of the series whose names begin so that are older than that.
    pub async fn forget_samples(&self, prefix: &str, older_than: TimeDelta) -> Result<(), Unavailable> {
        self.store.forget_samples(prefix, self.clock.now() - older_than).await.map_err(unavailable)
    }

    /// What the operator allows.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

fn unavailable(error: StoreError) -> Unavailable {
    tracing::warn!(%error, "a panel's data can't be asked of the database");
    Unavailable("my database did not answer".to_owned())
}
