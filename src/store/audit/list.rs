//! Finding what was recorded, and forgetting it: for its age, with its server, and the name of a person who
//! wants to be forgotten.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::account::ApiTokenId;
use crate::domain::audit::{AuditAction, AuditEntry, AuditRecord, AuditSubject, Via};
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::sql::{CHUNK, Sql, stored};
use crate::store::{Store, StoreError};

/// Which records of a server are wanted; `None` leaves that open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Made by this person.
    pub actor: Option<UserId>,
    /// Of this action.
    pub action: Option<AuditAction>,
    /// Made at this time or later.
    pub since: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, at, actor_id, via, token_id, action, subject_kind, subject_id, detail";

#[derive(FromQueryResult)]
struct AuditRow {
    id: i64,
    at: DateTime<Utc>,
    actor_id: Option<i64>,
    via: String,
    token_id: Option<i64>,
    action: String,
    subject_kind: String,
    subject_id: i64,
    detail: String,
}

impl AuditRow {
    fn record(self, guild: Option<GuildId>) -> Result<AuditRecord, StoreError> {
        let unreadable = || StoreError::Unreadable("audit");
        let via = match (self.via.as_str(), self.token_id) {
            ("system", _) => None,
            ("command", _) => Some(Via::Command),
            ("web", _) => Some(Via::Web),
            ("api", Some(token)) => Some(Via::Api(ApiTokenId(token))),
            _ => return Err(unreadable()),
        };
        let entry = AuditEntry {
            guild,
            action: AuditAction::parse(&self.action).ok_or_else(unreadable)?,
            subject: AuditSubject::from_parts(&self.subject_kind, self.subject_id).ok_or_else(unreadable)?,
            detail: serde_json::from_str(&self.detail).map_err(|_| unreadable())?,
        };
        let actor = self.actor_id.map(UserId::from_db).transpose()?;
        Ok(AuditRecord { id: self.id, at: self.at, actor, via, entry })
    }
}

impl Store {
    /// What was changed in a server, newest first: at most `limit` records, older than the one of the number
    /// `before`. Their details name channels and tags of follows whose sources not everybody there can see.
    pub async fn audit_of(
        &self,
        guild: GuildId,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM audit WHERE guild_id = $1 AND id < $2");
        let mut query = Sql::new(query, [guild.to_db().into(), before.unwrap_or(i64::MAX).into()]);
        if let Some(actor) = filter.actor {
            query = query.then(" AND actor_id = ").bind(actor.to_db());
        }
        if let Some(action) = filter.action {
            query = query.then(" AND action = ").bind(action.as_str());
        }
        if let Some(since) = filter.since {
            query = query.then(" AND at >= ").bind(stored(since));
        }
        let query = query.then(" ORDER BY id DESC LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<AuditRow> = query.rows_of(&self.db).await?;
        rows.into_iter().map(|row| row.record(Some(guild))).collect()
    }

    /// What a person changed of their own, newest first: at most `limit` records, older than the one of the
    /// number `before`.
    pub async fn own_audit_of(
        &self,
        user: UserId,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM audit WHERE guild_id IS NULL AND actor_id = $1 AND id < $2 \
             ORDER BY id DESC LIMIT $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [user.to_db().into(), before.unwrap_or(i64::MAX).into(), limit.into()];
        let rows: Vec<AuditRow> = Sql::new(query, values).rows_of(&self.db).await?;
        rows.into_iter().map(|row| row.record(None)).collect()
    }

    /// Forgets what was recorded before that time. Returns how much.
    pub async fn forget_old_audit(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.forget_audit(|delete| delete.then("at < ").bind(stored(before))).await
    }

    /// Forgets what was recorded of a server.
    pub(in crate::store) async fn forget_audit_of(&self, guild: GuildId) -> Result<u64, StoreError> {
        self.forget_audit(|delete| delete.then("guild_id = ").bind(guild.to_db())).await
    }

    async fn forget_audit(&self, condition: impl Fn(Sql) -> Sql) -> Result<u64, StoreError> {
        let delete = || {
            let delete = Sql::new("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE ", []);
            condition(delete).then(" ORDER BY id LIMIT ").bind(CHUNK).then(")")
        };
        self.delete_in_parts(delete).await
    }

    /// Removes a person's name from what they changed in servers, and forgets what they changed of their own.
    /// Returns how much that was.
    pub(in crate::store) async fn forget_who_changed(&self, user: UserId) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        let mut forgotten = 0;
        for statement in [
            "DELETE FROM audit WHERE actor_id = $1 AND guild_id IS NULL",
            "UPDATE audit SET actor_id = NULL WHERE actor_id = $1",
        ] {
            forgotten += Sql::new(statement, [user.to_db().into()]).execute(&*txn).await?;
        }
        txn.commit().await?;
        Ok(forgotten)
    }
}
