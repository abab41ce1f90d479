//! Numbers about one server's follows, for its `follows` panel. Their ids tell when a mirror and its original
//! were posted.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::follow::Follow;
use crate::domain::ids::{GuildId, MessageId};
use crate::store::db::entity::channel_follows;
use crate::store::db::sql::Sql;
use crate::store::follow::row;
use crate::store::{Store, StoreError};

/// Hours from 1970 to the beginning of Discord's time, the first of 2015.
const EPOCH_HOUR: i64 = 394_464;
/// What counts as immediate, in milliseconds.
const AT_ONCE: i64 = 2_000;

/// A server's follows in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromQueryResult)]
pub struct ServerFollows {
    /// Those that deliver into it.
    pub active: i64,
    /// Those that somebody paused.
    pub paused: i64,
    /// Those that can't deliver.
    pub broken: i64,
    /// How many channels they follow.
    pub sources: i64,
    /// How many channels they deliver into.
    pub targets: i64,
}

/// Who follows a server's channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromQueryResult)]
pub struct ServerFollowers {
    /// How many of its channels are followed.
    pub sources: i64,
    /// How many channels follow them.
    pub channels: i64,
    /// How many servers follow them.
    pub servers: i64,
}

/// What was mirrored into a server within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MirroredHour {
    /// When the hour began.
    pub at: DateTime<Utc>,
    /// How many messages.
    pub messages: i64,
    /// How many of them at most two seconds after their original.
    pub at_once: i64,
}

#[derive(FromQueryResult)]
struct HourRow {
    hour: i64,
    messages: i64,
    at_once: i64,
}

impl Store {
    /// The follows into this server's channels.
    pub async fn server_follows(&self, guild: GuildId) -> Result<ServerFollows, StoreError> {
        let query = "SELECT COUNT(CASE WHEN is_active THEN 1 END) AS active, \
            COUNT(CASE WHEN NOT is_active AND broken_reason IS NULL THEN 1 END) AS paused, \
            COUNT(broken_reason) AS broken, COUNT(DISTINCT source_channel_id) AS sources, \
            COUNT(DISTINCT target_channel_id) AS targets FROM channel_follows WHERE guild_id = $1";
        let rows: Vec<ServerFollows> = Sql::new(query, [guild.to_db().into()]).rows_of(&self.db).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// Who follows this server's channels.
    pub async fn server_followers(&self, guild: GuildId) -> Result<ServerFollowers, StoreError> {
        let query = "SELECT COUNT(DISTINCT source_channel_id) AS sources, \
            COUNT(DISTINCT target_channel_id) AS channels, COUNT(DISTINCT guild_id) AS servers \
            FROM channel_follows WHERE source_guild_id = $1";
        let rows: Vec<ServerFollowers> = Sql::new(query, [guild.to_db().into()]).rows_of(&self.db).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// The broken follows into this server's channels, the newest first.
    pub async fn broken_follows(&self, guild: GuildId, limit: u64) -> Result<Vec<Follow>, StoreError> {
        let query = "SELECT * FROM channel_follows WHERE guild_id = $1 AND broken_reason IS NOT NULL \
            ORDER BY updated_at DESC, id LIMIT ";
        let query = Sql::new(query, [guild.to_db().into()]).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<channel_follows::Model> = query.rows_of(&self.db).await?;
        row::follows(&self.db, rows).await
    }

    /// How many messages are due in this server's channels.
    pub async fn server_backlog(&self, guild: GuildId) -> Result<i64, StoreError> {
        let query = "SELECT COUNT(*) FROM deliveries d JOIN channel_follows f ON f.id = d.follow_id \
            WHERE d.state = 'due' AND f.guild_id = $1";
        Ok(Sql::new(query, [guild.to_db().into()])
            .numbers(&self.db)
            .await?
            .first()
            .copied()
            .unwrap_or_default())
    }

    /// What was mirrored into this server's channels since then, by the hour. Panels don't count.
    pub async fn mirrored_by_hour(
        &self,
        guild: GuildId,
        since: DateTime<Utc>,
    ) -> Result<Vec<MirroredHour>, StoreError> {
        let query = "SELECT (m.message_id >> 22) / 3600000 AS hour, COUNT(*) AS messages, \
            COUNT(CASE WHEN (m.message_id >> 22) - (a.source_message_id >> 22) <= $3 THEN 1 END) AS at_once \
            FROM mirrors m JOIN deliveries d ON d.id = m.delivery_id JOIN activities a ON a.id = d.activity_id \
            JOIN channel_follows f ON f.id = d.follow_id \
            WHERE m.message_id >= $2 AND m.part = 0 AND a.kind = 'message' AND f.guild_id = $1 \
            GROUP BY 1 ORDER BY 1";
        let values = [guild.to_db().into(), MessageId::first_at(since).to_db().into(), AT_ONCE.into()];
        let rows: Vec<HourRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let hour = |row: HourRow| MirroredHour {
            at: DateTime::from_timestamp((row.hour + EPOCH_HOUR) * 3600, 0).unwrap_or_default(),
            messages: row.messages,
            at_once: row.at_once,
        };
        Ok(rows.into_iter().map(hour).collect())
    }
}
