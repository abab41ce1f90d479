//! Where panels' data comes from. What several panels want within a short time is asked for once.

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

pub use self::game_servers::GameFacts;
pub use self::server::ServerFacts;

/// Why a data source failed, in a few words for people, such as "Discord did not answer". The last good
/// values are shown instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceUnavailable(pub String);

/// What the operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelSettings {
    /// The servers in which the bot's own machine may be shown.
    pub monitoring_guilds: Vec<GuildId>,
    /// Whether game servers at private addresses may be asked.
    pub private_addresses: bool,
    /// The shards of this process, if other processes have other shards: each may be on a machine of its own.
    pub part: Option<Shards>,
}

/// All data sources.
pub struct DataSources {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: PanelSettings,
    game_servers: game_servers::GameServers,
    host: host_facts::HostCache,
    servers: server::ServerCache,
}

impl DataSources {
    /// Sources over these.
    pub fn new(store: Store, rest: Client, clock: Clock, settings: PanelSettings) -> Self {
        let game_servers = game_servers::GameServers::new(settings.private_addresses);
        let servers = server::ServerCache::new(rest, clock);
        Self { store, clock, settings, game_servers, host: host_facts::HostCache::default(), servers }
    }

    /// Adds a value to each of these series, at the current time.
    pub async fn sample(&self, values: &[(String, f64)]) -> Result<(), SourceUnavailable> {
        self.store.add_samples(values, self.clock.now()).await.map_err(unavailable)
    }

    /// The values of these series within that time before now, oldest first.
    pub async fn samples(
        &self,
        series: &[String],
        within: TimeDelta,
    ) -> Result<Vec<Sample>, SourceUnavailable> {
        self.store.samples(series, self.clock.now() - within).await.map_err(unavailable)
    }

    /// Forgets values older than that, of all series whose names begin with this prefix.
    pub async fn forget_samples(&self, prefix: &str, older_than: TimeDelta) -> Result<(), SourceUnavailable> {
        self.store.forget_samples(prefix, self.clock.now() - older_than).await.map_err(unavailable)
    }

    /// What the operator allows.
    pub const fn settings(&self) -> &PanelSettings {
        &self.settings
    }
}

fn unavailable(error: StoreError) -> SourceUnavailable {
    tracing::warn!(%error, "a panel's data can't be asked of the database");
    SourceUnavailable("my database did not answer".to_owned())
}
