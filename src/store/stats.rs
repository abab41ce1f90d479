//! Numbers for `/about`, `/followers` and the metrics.

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};

use super::sql::Sql;
use super::{Store, StoreError};
use crate::domain::follow::Delivery;
use crate::domain::ids::{ChannelId, GuildId, MessageId};

/// How many follows there are of one kind of delivery, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowCounts {
    /// The kind.
    pub delivery: Delivery,
    /// Those that deliver.
    pub active: u64,
    /// Those that somebody paused.
    pub paused: u64,
    /// Those that can't deliver.
    pub broken: u64,
}

/// How many follow a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followers {
    /// Channels.
    pub channels: u64,
    /// Servers that these are in.
    pub servers: u64,
}

#[derive(FromQueryResult)]
struct CountsRow {
    delivery: String,
    active: i64,
    paused: i64,
    broken: i64,
}

impl Store {
    /// All follows by kind of delivery and state.
    pub async fn follow_counts(&self) -> Result<Vec<FollowCounts>, StoreError> {
        let query = "SELECT delivery, \
            COUNT(CASE WHEN is_active THEN 1 END) AS active, \
            COUNT(CASE WHEN NOT is_active AND broken_reason IS NULL THEN 1 END) AS paused, \
            COUNT(broken_reason) AS broken \
            FROM channel_follows GROUP BY delivery ORDER BY delivery";
        let rows: Vec<CountsRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let counts = |row: CountsRow| {
            Ok(FollowCounts {
                delivery: Delivery::parse(&row.delivery).ok_or(StoreError::Unreadable("delivery"))?,
                active: row.active.unsigned_abs(),
                paused: row.paused.unsigned_abs(),
                broken: row.broken.unsigned_abs(),
            })
        };
        rows.into_iter().map(counts).collect()
    }

    /// How many follows this server has.
    pub async fn count_follows_of_server(&self, guild: GuildId) -> Result<u64, StoreError> {
        self.count("SELECT COUNT(*) FROM channel_follows WHERE guild_id = $1", [guild.to_db().into()]).await
    }

    /// How many follow this channel, and from how many servers.
    pub async fn count_followers(&self, source: ChannelId) -> Result<Followers, StoreError> {
        let from = "FROM channel_follows WHERE source_channel_id = $1";
        let count = async |what: &str| {
            self.count(&format!("SELECT COUNT({what}) {from}"), [source.to_db().into()]).await
        };
        Ok(Followers { channels: count("*").await?, servers: count("DISTINCT guild_id").await? })
    }

    /// How many servers have follows.
    pub async fn count_servers(&self) -> Result<u64, StoreError> {
        self.count("SELECT COUNT(DISTINCT guild_id) FROM channel_follows", []).await
    }

    /// How many deliveries are owed.
    pub async fn count_open_deliveries(&self) -> Result<u64, StoreError> {
        self.count("SELECT COUNT(*) FROM deliveries WHERE state = 'due'", []).await
    }

    /// How many lanes they are owed through.
    pub async fn count_open_lanes(&self) -> Result<u64, StoreError> {
        self.count("SELECT COUNT(DISTINCT target_channel_id) FROM deliveries WHERE state = 'due'", []).await
    }

    /// How many are owed through the lane that owes most.
    pub async fn deepest_lane(&self) -> Result<u64, StoreError> {
        let query = "SELECT COUNT(*) AS depth FROM deliveries WHERE state = 'due' \
            GROUP BY target_channel_id ORDER BY depth DESC LIMIT 1";
        self.count(query, []).await
    }

    /// How many messages have been mirrored since then. A mirror's id tells when it was made; of several parts, the first counts.
    pub async fn count_mirrored_since(&self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let query = "SELECT COUNT(*) FROM mirrors WHERE message_id >= $1 AND part = 0";
        self.count(query, [MessageId::first_at(since).to_db().into()]).await
    }

    async fn count(&self, query: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, StoreError> {
        Ok(Sql::new(query, values).numbers(&self.db).await?.first().map_or(0, |count| count.unsigned_abs()))
    }
}
