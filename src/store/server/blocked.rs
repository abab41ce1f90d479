//! Servers that the operator doesn't serve, and what ends with them.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::json;

use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject, ChangedBy};
use crate::domain::follow::{BrokenReason, Follow};
use crate::domain::ids::GuildId;
use crate::store::db::sql::{Sql, stored};
use crate::store::{BreakWhich, Notice, Store, StoreError};

/// Whether anything is kept of a server (`$1`) that must end or wait when the bot isn't there.
const KEPT: &str = "(EXISTS (SELECT 1 FROM channel_follows f WHERE f.guild_id = $1) \
    OR EXISTS (SELECT 1 FROM channel_follows f WHERE f.source_guild_id = $1) \
    OR EXISTS (SELECT 1 FROM panels p WHERE p.guild_id = $1) \
    OR EXISTS (SELECT 1 FROM channels c WHERE c.guild_id = $1) \
    OR EXISTS (SELECT 1 FROM personal_follows p WHERE p.guild_id = $1) \
    OR EXISTS (SELECT 1 FROM deliveries d WHERE d.former_guild_id = $1))";
/// What is kept of each server.
const USAGE: &str = "SELECT g.guild_id, \
    (SELECT COUNT(*) FROM channel_follows f WHERE f.guild_id = g.guild_id) AS follows_into, \
    (SELECT COUNT(*) FROM channel_follows f WHERE f.source_guild_id = g.guild_id) AS follows_of, \
    (SELECT COUNT(*) FROM panels p WHERE p.guild_id = g.guild_id AND p.state <> 'removed') AS panels, \
    EXISTS (SELECT 1 FROM left_guilds l WHERE l.guild_id = g.guild_id) AS is_left, \
    EXISTS (SELECT 1 FROM blocked_servers b WHERE b.guild_id = g.guild_id) AS is_blocked \
    FROM (SELECT guild_id FROM channel_follows UNION SELECT source_guild_id FROM channel_follows \
    UNION SELECT guild_id FROM panels UNION SELECT guild_id FROM left_guilds \
    UNION SELECT guild_id FROM blocked_servers) g ";

/// What the database knows of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerUsage {
    /// The server.
    pub guild: GuildId,
    /// How many follows its channels receive, in any state.
    pub follows_into: u64,
    /// How many follows its channels are the source of, by any server.
    pub follows_of: u64,
    /// How many panels it has.
    pub panels: u64,
    /// Whether the bot is known to have left it.
    pub left: bool,
    /// Whether `tributary block` blocked it.
    pub blocked: bool,
}

impl ServerUsage {
    /// A server that nothing is known about.
    pub const fn none(guild: GuildId) -> Self {
        Self { guild, follows_into: 0, follows_of: 0, panels: 0, left: false, blocked: false }
    }

    /// Whether anybody there would miss the bot.
    pub const fn is_used(&self) -> bool {
        self.follows_into > 0 || self.follows_of > 0 || self.panels > 0
    }
}

#[derive(FromQueryResult)]
struct UsageRow {
    guild_id: i64,
    follows_into: i64,
    follows_of: i64,
    panels: i64,
    is_left: bool,
    is_blocked: bool,
}

impl UsageRow {
    fn usage(self) -> Result<ServerUsage, StoreError> {
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(ServerUsage {
            guild: GuildId::from_db(self.guild_id)?,
            follows_into: count(self.follows_into),
            follows_of: count(self.follows_of),
            panels: count(self.panels),
            left: self.is_left,
            blocked: self.is_blocked,
        })
    }
}

/// The operator's decisions belong to no server.
fn entry(action: AuditAction, server: GuildId) -> AuditEntry {
    AuditEntry { guild: None, action, subject: AuditSubject::Server(server), detail: json!({}) }
}

impl Store {
    /// The servers that are blocked.
    pub async fn blocked_servers(&self) -> Result<Vec<GuildId>, StoreError> {
        let ids = Sql::new("SELECT guild_id FROM blocked_servers", []).numbers(&self.db).await?;
        Ok(ids.into_iter().map(GuildId::from_db).collect::<Result<_, _>>()?)
    }

    /// Blocks a server, and tells the other processes. Returns whether it wasn't blocked before.
    pub async fn block_server(&self, guild: GuildId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let insert =
            "INSERT INTO blocked_servers (guild_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        let new = Sql::new(insert, [guild.to_db().into(), stored(now).into()]).execute(&**txn).await? > 0;
        self.notify_on_commit(&**txn, &Notice::Servers).await?;
        txn.commit(new.then(|| entry(AuditAction::ServerBlocked, guild))).await?;
        Ok(new)
    }

    /// Unblocks a server, and tells the other processes. Returns whether it was blocked.
    pub async fn unblock_server(&self, guild: GuildId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        let delete = "DELETE FROM blocked_servers WHERE guild_id = $1";
        let was = Sql::new(delete, [guild.to_db().into()]).execute(&**txn).await? > 0;
        self.notify_on_commit(&**txn, &Notice::Servers).await?;
        txn.commit(was.then(|| entry(AuditAction::ServerUnblocked, guild))).await?;
        Ok(was)
    }

    /// Ends everything for a server that isn't served: from now on nothing is posted there, and its follows
    /// are broken. Returns those that were active. If nothing is kept of the server, nothing is written:
    /// inviting the bot again and again leaves no trace.
    pub async fn close_server(&self, guild: GuildId, now: DateTime<Utc>) -> Result<Vec<Follow>, StoreError> {
        // First, so that nobody is told in the server itself.
        if !self.mark_left(guild, now).await? {
            return Ok(Vec::new());
        }
        let (reason, stamp) = (BrokenReason::NotServed, ChangedBy::System.at(now));
        let mut broken = self.break_follows(BreakWhich::TargetGuild(guild), reason, stamp).await?;
        broken.extend(self.break_follows(BreakWhich::SourceGuild(guild), reason, stamp).await?);
        Ok(broken)
    }

    /// Records that the bot is no longer in a server, if anything is kept of that server. Returns whether
    /// anything is.
    pub async fn mark_left(&self, guild: GuildId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        // Checked outside a transaction: usually nothing is.
        let kept = Sql::new(format!("SELECT 1 WHERE {KEPT}"), [guild.to_db().into()]);
        if kept.row(&self.db).await?.is_none() {
            return Ok(false);
        }
        self.guild_left(guild, now).await?;
        Ok(true)
    }

    /// What the database knows about all servers, by their ids.
    pub async fn server_usage(&self) -> Result<Vec<ServerUsage>, StoreError> {
        let query = Sql::new(format!("{USAGE}WHERE g.guild_id IS NOT NULL ORDER BY g.guild_id"), []);
        query.rows_of::<UsageRow>(&self.db).await?.into_iter().map(UsageRow::usage).collect()
    }

    /// What it knows about one server.
    pub async fn usage_of(&self, guild: GuildId) -> Result<ServerUsage, StoreError> {
        let query = Sql::new(format!("{USAGE}WHERE g.guild_id = $1"), [guild.to_db().into()]);
        let row = query.rows_of::<UsageRow>(&self.db).await?.pop();
        row.map_or(Ok(ServerUsage::none(guild)), UsageRow::usage)
    }
}
