//! What the sweep compares with Discord, server by server, and when it last did. The times survive a restart,
//! so that a sweep neither starts over nor skips a server.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::doors::PermissionsDigest;
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// A server that anything is kept of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuildCheck {
    /// The server.
    pub guild: GuildId,
    /// When it was last compared with Discord; `None` if never.
    pub checked_at: Option<DateTime<Utc>>,
}

/// A channel or thread that is the source of active follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceEnd {
    /// The channel or thread.
    pub channel: ChannelId,
    /// The channel of a thread.
    pub parent: Option<ChannelId>,
}

/// The target of an active follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetEnd {
    /// The follow.
    pub follow: FollowId,
    /// The channel or thread.
    pub channel: ChannelId,
    /// The channel of a thread.
    pub parent: Option<ChannelId>,
    /// The webhook that posts there: the bot's own, or Discord's.
    pub webhook: Option<WebhookId>,
}

impl TargetEnd {
    /// The channel that its webhook must be in.
    pub fn webhook_channel(&self) -> ChannelId {
        self.parent.unwrap_or(self.channel)
    }
}

#[derive(FromQueryResult)]
struct CheckRow {
    guild_id: i64,
    checked_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct PermissionsRow {
    guild_id: i64,
    rights_digest: i64,
}

#[derive(FromQueryResult)]
struct SourceRow {
    source_channel_id: i64,
    source_parent_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct TargetRow {
    id: i64,
    target_channel_id: i64,
    target_parent_id: Option<i64>,
    webhook_id: Option<i64>,
}

impl Store {
    /// The servers that anything is kept of, except for those that the bot has left: first those that were
    /// never checked, then those whose check is the oldest.
    pub async fn guild_checks(&self) -> Result<Vec<GuildCheck>, StoreError> {
        let query = "SELECT g.guild_id, c.checked_at FROM (SELECT guild_id FROM channel_follows \
            UNION SELECT source_guild_id FROM channel_follows UNION SELECT guild_id FROM panels \
            UNION SELECT guild_id FROM channels WHERE guild_id IS NOT NULL \
            UNION SELECT guild_id FROM personal_follows WHERE guild_id IS NOT NULL AND followee_kind = 'channel') g \
            LEFT JOIN guild_checks c ON c.guild_id = g.guild_id \
            WHERE g.guild_id NOT IN (SELECT guild_id FROM left_guilds) \
            ORDER BY c.checked_at IS NOT NULL, c.checked_at, g.guild_id";
        let rows: Vec<CheckRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let check = |row: CheckRow| {
            Ok(GuildCheck { guild: GuildId::from_db(row.guild_id)?, checked_at: row.checked_at })
        };
        rows.into_iter().map(check).collect()
    }

    /// Records that a server was compared with Discord, as of that time.
    pub async fn note_guild_check(&self, guild: GuildId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let insert = "INSERT INTO guild_checks (guild_id, checked_at) VALUES ($1, $2) \
            ON CONFLICT (guild_id) DO UPDATE SET checked_at = excluded.checked_at";
        let txn = self.write().await?;
        Sql::new(insert, [guild.to_db().into(), stored(at).into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// The digest of each server's permissions at its last complete check.
    pub async fn checked_permissions(&self) -> Result<Vec<(GuildId, PermissionsDigest)>, StoreError> {
        let query = "SELECT guild_id, rights_digest FROM guild_checks WHERE rights_digest IS NOT NULL";
        let rows: Vec<PermissionsRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let looked_at = |row: PermissionsRow| {
            Ok((GuildId::from_db(row.guild_id)?, PermissionsDigest::from_db(row.rights_digest)))
        };
        rows.into_iter().map(looked_at).collect()
    }

    /// Records the digest of a server's permissions. A server that the sweep has never compared remains
    /// unchecked.
    pub async fn note_permissions(
        &self,
        guild: GuildId,
        digest: PermissionsDigest,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO guild_checks (guild_id, checked_at, rights_digest) VALUES ($1, $2, $3) \
            ON CONFLICT (guild_id) DO UPDATE SET rights_digest = excluded.rights_digest";
        let values = [guild.to_db().into(), stored(DateTime::UNIX_EPOCH).into(), digest.to_db().into()];
        let txn = self.write().await?;
        Sql::new(insert, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// Forgets the checks of servers that haven't been checked since that time: nothing is kept of them any
    /// more.
    pub(in crate::store) async fn forget_guild_checks(
        &self,
        before: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let delete = "DELETE FROM guild_checks WHERE checked_at < $1";
        Sql::new(delete, [stored(before).into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// This server's channels and threads that are the source of active follows, by any server, or that
    /// people follow.
    pub async fn source_ends(&self, guild: GuildId) -> Result<Vec<SourceEnd>, StoreError> {
        let query = "SELECT source_channel_id, MAX(source_parent_id) AS source_parent_id \
            FROM channel_follows WHERE source_guild_id = $1 AND is_active GROUP BY source_channel_id \
            UNION SELECT followee_id, parent_id FROM personal_follows WHERE guild_id = $1 AND followee_kind = 'channel'";
        let rows: Vec<SourceRow> = Sql::new(query, [guild.to_db().into()]).rows_of(&self.db).await?;
        let end = |row: SourceRow| {
            Ok(SourceEnd {
                channel: ChannelId::from_db(row.source_channel_id)?,
                parent: row.source_parent_id.map(ChannelId::from_db).transpose()?,
            })
        };
        rows.into_iter().map(end).collect()
    }

    /// The targets of active follows into this server with a number above `after`, oldest follows first; at
    /// most `limit`.
    pub async fn target_ends(
        &self,
        guild: GuildId,
        after: FollowId,
        limit: u64,
    ) -> Result<Vec<TargetEnd>, StoreError> {
        let query = "SELECT id, target_channel_id, target_parent_id, \
            COALESCE(webhook_id, follower_webhook_id) AS webhook_id \
            FROM channel_follows WHERE guild_id = $1 AND is_active AND id > $2 ORDER BY id LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [guild.to_db().into(), after.0.into(), limit.into()];
        let rows: Vec<TargetRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let end = |row: TargetRow| {
            Ok(TargetEnd {
                follow: FollowId(row.id),
                channel: ChannelId::from_db(row.target_channel_id)?,
                parent: row.target_parent_id.map(ChannelId::from_db).transpose()?,
                webhook: row.webhook_id.map(WebhookId::from_db).transpose()?,
            })
        };
        rows.into_iter().map(end).collect()
    }
}
