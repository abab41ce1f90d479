//! The bot's figures, for `/about` and the metrics.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::permissions::Permissions;
use crate::store::{ServerFollowers, ServerFollows, Store, StoreError};

use crate::service::{Actor, FollowService, ServiceError};

/// How many follows there are, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FollowTotals {
    /// Those that deliver.
    pub active: u64,
    /// Those that somebody paused.
    pub paused: u64,
    /// Those that can't deliver.
    pub broken: u64,
}

impl FollowTotals {
    /// Reads them.
    pub(in crate::service) async fn read(store: &Store) -> Result<Self, StoreError> {
        let counts = store.follow_counts().await?;
        Ok(counts.iter().fold(Self::default(), |totals, one| Self {
            active: totals.active + one.active,
            paused: totals.paused + one.paused,
            broken: totals.broken + one.broken,
        }))
    }

    /// All of them.
    pub const fn all(self) -> u64 {
        self.active + self.paused + self.broken
    }
}

/// The figures of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerFigures {
    /// The follows into its channels.
    pub follows: ServerFollows,
    /// The follows of its channels.
    pub followers: ServerFollowers,
}

/// The bot's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// About how many servers all processes have together, if this one has only some of them.
    pub servers_of_all: Option<u64>,
    /// Follows.
    pub follows: FollowTotals,
    /// Messages mirrored in the last 24 hours.
    pub delivered_today: u64,
}

/// How long the figures are kept.
const KEPT: TimeDelta = TimeDelta::seconds(30);

/// The last figures, and when they were counted. The lock is held while they are counted, so that many askers
/// cost one count.
#[derive(Debug, Default)]
pub(in crate::service) struct KeptStatus(tokio::sync::Mutex<Option<(DateTime<Utc>, Status)>>);

impl FollowService {
    /// The figures, at most half a minute old: counting those of a day takes a while, and anybody may ask.
    pub async fn status(&self) -> Result<Status, ServiceError> {
        let now = self.parts.clock.now();
        let mut kept = self.status.0.lock().await;
        if let Some((_, status)) = kept.filter(|(at, _)| now < *at + KEPT) {
            return Ok(status);
        }
        let status = self.count().await?;
        *kept = Some((now, status));
        Ok(status)
    }

    /// The figures of one server: what it follows, and who follows it. That takes Manage Messages in the
    /// server as a whole.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn server_figures(&self, actor: Actor) -> Result<ServerFigures, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        access.require_here(actor, Permissions::MANAGE_MESSAGES).await?;
        let store = &self.parts.store;
        let (follows, followers) =
            (store.server_follows(actor.guild).await?, store.server_followers(actor.guild).await?);
        Ok(ServerFigures { follows, followers })
    }

    async fn count(&self) -> Result<Status, ServiceError> {
        let since: DateTime<Utc> = self.parts.clock.now() - TimeDelta::days(1);
        let follows = FollowTotals::read(&self.parts.store).await?;
        let delivered_today = self.parts.store.count_mirrored_since(since).await?;
        // One figure among several isn't worth a failure.
        let servers_of_all = if self.parts.shards.is_all() {
            None
        } else {
            self.parts
                .rest
                .of_program()
                .application()
                .await
                .ok()
                .and_then(|application| application.approximate_guild_count)
        };
        Ok(Status { servers_of_all, follows, delivered_today })
    }
}
