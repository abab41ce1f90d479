//! API tokens.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::{bytes, oneself};
use crate::domain::account::{ApiTokenId, MOST_TOKENS, NewApiToken, StoredApiToken};
use crate::domain::audit::{AuditAction, AuditSubject, own_entry};
use crate::domain::ids::{GuildId, UserId};
use crate::domain::scope::TokenScope;
use crate::domain::secret::SecretHash;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

const COLUMNS: &str = "id, user_id, name, scopes, guild_id, created_at, expires_at, used_on";
const WORKS: &str = "(expires_at IS NULL OR expires_at > $2)";

#[derive(FromQueryResult)]
struct TokenRow {
    id: i64,
    user_id: i64,
    name: String,
    scopes: String,
    guild_id: Option<i64>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    used_on: Option<DateTime<Utc>>,
}

impl TokenRow {
    fn read(self) -> Result<StoredApiToken, StoreError> {
        Ok(StoredApiToken {
            id: ApiTokenId(self.id),
            user: UserId::from_db(self.user_id)?,
            name: self.name,
            scopes: self.scopes.parse().map_err(|_| StoreError::Unreadable("scopes"))?,
            server: self.guild_id.map(GuildId::from_db).transpose()?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            used_on: self.used_on,
        })
    }
}

impl Store {
    /// Stores a token; `None` if that person has too many already.
    pub async fn add_api_token(
        &self,
        new: &NewApiToken,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredApiToken>, StoreError> {
        let user = new.user.to_db();
        let txn = self.audited_write(oneself(new.user, now)).await?;
        if locks::has_row_locks(&**txn) {
            let lock = "SELECT pg_advisory_xact_lock(hashtextextended('tokens', $1))";
            Sql::new(lock, [user.into()]).row(&**txn).await?;
        }
        let count = format!("SELECT COUNT(*) FROM api_tokens WHERE user_id = $1 AND {WORKS}");
        let count = Sql::new(count, [user.into(), stored(now).into()]).numbers(&**txn).await?;
        if count.first().is_some_and(|count| *count >= i64::from(MOST_TOKENS)) {
            return Ok(None);
        }
        let insert = format!(
            "INSERT INTO api_tokens (secret_hash, user_id, name, scopes, guild_id, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {COLUMNS}"
        );
        let values = [
            bytes(new.hash),
            user.into(),
            new.name.as_str().into(),
            new.scopes.to_string().into(),
            new.server.map(GuildId::to_db).into(),
            stored(now).into(),
            new.expires_at.map(stored).into(),
        ];
        let rows: Vec<TokenRow> = Sql::new(insert, values).rows_of(&**txn).await?;
        let token = rows.into_iter().next().ok_or(StoreError::Unreadable("api_tokens"))?.read()?;
        let scopes: Vec<&str> = token.scopes.iter().map(TokenScope::as_str).collect();
        let detail = json!({ "scopes": scopes, "server": token.server, "expiresAt": token.expires_at });
        let subject = AuditSubject::Token(token.id);
        txn.commit([own_entry(AuditAction::TokenCreated, subject, detail)]).await?;
        Ok(Some(token))
    }

    /// The token with this secret; `None` if it doesn't work (any more). The day of its use is noted.
    pub async fn use_api_token(
        &self,
        token: SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredApiToken>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM api_tokens WHERE secret_hash = $1 AND {WORKS}");
        let rows: Vec<TokenRow> =
            Sql::new(query, [bytes(token), stored(now).into()]).rows_of(&self.db).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let token = row.read()?;
        let today = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        if token.used_on.is_none_or(|day| day < today) {
            let update = "UPDATE api_tokens SET used_on = $2 WHERE id = $1";
            let txn = self.write().await?;
            Sql::new(update, [token.id.0.into(), stored(today).into()]).execute(&*txn).await?;
            txn.commit().await?;
        }
        Ok(Some(token))
    }

    /// A person's tokens, the newest first.
    pub async fn api_tokens_of(
        &self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredApiToken>, StoreError> {
        let query =
            format!("SELECT {COLUMNS} FROM api_tokens WHERE user_id = $1 AND {WORKS} ORDER BY id DESC");
        let rows: Vec<TokenRow> =
            Sql::new(query, [user.to_db().into(), stored(now).into()]).rows_of(&self.db).await?;
        rows.into_iter().map(TokenRow::read).collect()
    }

    /// Revokes one of a person's tokens. Returns whether there was one.
    pub async fn revoke_api_token(
        &self,
        user: UserId,
        token: ApiTokenId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let delete = "DELETE FROM api_tokens WHERE user_id = $1 AND id = $2";
        let txn = self.audited_write(oneself(user, now)).await?;
        let revoked = Sql::new(delete, [user.to_db().into(), token.0.into()]).execute(&**txn).await? > 0;
        let entry = || own_entry(AuditAction::TokenRevoked, AuditSubject::Token(token), json!({}));
        txn.commit(revoked.then(entry)).await?;
        Ok(revoked)
    }
}
