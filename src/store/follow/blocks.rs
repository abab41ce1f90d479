//! Servers that may not follow any channel of another server.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult};
use serde_json::json;

use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject, ChangeStamp};
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// PostgreSQL's class for the locks on a server's blocks: storing a follow waits for blocking a server, and
/// the other way round.
const LOCKS: i32 = 1_953_655_145;

#[derive(FromQueryResult)]
struct BlockedGuildRow {
    blocked_guild_id: i64,
}

/// Whether a server has blocked another. The answer holds until the transaction ends.
pub(super) async fn is_blocked(
    txn: &impl ConnectionTrait,
    guild: GuildId,
    other: GuildId,
) -> Result<bool, DbErr> {
    lock(txn, "pg_advisory_xact_lock_shared", guild).await?;
    let query = "SELECT blocked_guild_id FROM follower_blocks WHERE guild_id = $1 AND blocked_guild_id = $2";
    let found = Sql::new(query, [guild.to_db().into(), other.to_db().into()]).numbers(txn).await?;
    Ok(!found.is_empty())
}

/// On SQLite there is one writer at a time.
async fn lock(txn: &impl ConnectionTrait, function: &str, guild: GuildId) -> Result<(), DbErr> {
    if txn.get_database_backend() == DbBackend::Postgres {
        let lock = format!("SELECT {function}($1, hashtext($2))");
        Sql::new(lock, [LOCKS.into(), guild.to_string().into()]).execute(txn).await?;
    }
    Ok(())
}

fn entry(guild: GuildId, action: AuditAction, blocked: GuildId) -> AuditEntry {
    let subject = AuditSubject::Server(blocked);
    AuditEntry { guild: Some(guild), action, subject, detail: json!({}) }
}

impl Store {
    /// Blocks a server for all channels of another. Returns whether it wasn't blocked before. The caller
    /// breaks its follows afterwards.
    pub async fn block_follower(
        &self,
        guild: GuildId,
        blocked: GuildId,
        stamp: ChangeStamp,
    ) -> Result<bool, StoreError> {
        let txn = self.audited_write(stamp).await?;
        lock(&**txn, "pg_advisory_xact_lock", guild).await?;
        let insert = "INSERT INTO follower_blocks (guild_id, blocked_guild_id, blocked_by, created_at) \
            VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let by = stamp.by.user().map_or(0, UserId::to_db);
        let values = [guild.to_db().into(), blocked.to_db().into(), by.into(), stored(stamp.at).into()];
        let new = Sql::new(insert, values).execute(&**txn).await? > 0;
        txn.commit(new.then(|| entry(guild, AuditAction::ServerBlocked, blocked))).await?;
        Ok(new)
    }

    /// Unblocks it. Returns whether it was blocked. What broke stays broken until somebody resumes it.
    pub async fn unblock_follower(
        &self,
        guild: GuildId,
        blocked: GuildId,
        stamp: ChangeStamp,
    ) -> Result<bool, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let delete = "DELETE FROM follower_blocks WHERE guild_id = $1 AND blocked_guild_id = $2";
        let values = [guild.to_db().into(), blocked.to_db().into()];
        let was = Sql::new(delete, values).execute(&**txn).await? > 0;
        txn.commit(was.then(|| entry(guild, AuditAction::ServerUnblocked, blocked))).await?;
        Ok(was)
    }

    /// The servers that this one has blocked, newest first.
    pub async fn blocked_followers(&self, guild: GuildId) -> Result<Vec<GuildId>, StoreError> {
        let query = "SELECT blocked_guild_id FROM follower_blocks WHERE guild_id = $1 \
            ORDER BY created_at DESC, blocked_guild_id";
        let rows: Vec<BlockedGuildRow> = Sql::new(query, [guild.to_db().into()]).rows_of(&self.db).await?;
        Ok(rows.iter().map(|row| GuildId::from_db(row.blocked_guild_id)).collect::<Result<_, _>>()?)
    }

    /// Removes a person's name from the blocks that they made. Returns from how many.
    pub(in crate::store) async fn forget_who_blocked(&self, user: UserId) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        let update = "UPDATE follower_blocks SET blocked_by = 0 WHERE blocked_by = $1";
        let forgotten = Sql::new(update, [user.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }
}
