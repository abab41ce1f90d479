//! Browsers in which somebody is signed in. A session ends when it was idle for too long, and in the end
//! anyway.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::{bytes, oneself};
use crate::domain::account::{Account, MOST_SESSIONS, WebSession, WebSessionId, web_session_end};
use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject, own_entry};
use crate::domain::ids::UserId;
use crate::domain::secret::SecretHash;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Cipher, Store, StoreError};

/// How much older than now the noted time of a session's use may be.
const STALE: TimeDelta = TimeDelta::hours(1);

const COLUMNS: &str = "id, secret_hash, account, browser, created_at, seen_at";

/// A session to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewWebSession<'a> {
    /// What is stored of its secret.
    pub hash: SecretHash,
    /// The session that this browser has had until now.
    pub replaces: Option<SecretHash>,
    /// The kind of browser and its system, as far as it said.
    pub browser: &'a str,
}

#[derive(FromQueryResult)]
struct WebSessionRow {
    id: i64,
    secret_hash: Vec<u8>,
    account: Vec<u8>,
    browser: String,
    created_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
}

impl WebSessionRow {
    fn read(self, cipher: &Cipher) -> Result<WebSession, StoreError> {
        let hash = self.secret_hash.try_into().map_err(|_| StoreError::Unreadable("secret_hash"))?;
        Ok(WebSession {
            id: WebSessionId(self.id),
            account: cipher.open_account(SecretHash::from_bytes(hash), &self.account)?,
            browser: self.browser,
            created_at: self.created_at,
            seen_at: self.seen_at,
        })
    }
}

/// Stores a session, and ends the oldest of that person if there are too many. Returns what to record: this
/// person signed in in this way.
pub(super) async fn insert(
    txn: &impl ConnectionTrait,
    session: &NewWebSession<'_>,
    user: UserId,
    account: Vec<u8>,
    (way, now): (&str, DateTime<Utc>),
) -> Result<AuditEntry, StoreError> {
    let insert = "INSERT INTO web_sessions (secret_hash, user_id, account, browser, created_at, seen_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $5, $6) RETURNING id";
    let values = [
        bytes(session.hash),
        user.to_db().into(),
        account.into(),
        session.browser.into(),
        stored(now).into(),
        stored(web_session_end(now, now)).into(),
    ];
    let id = Sql::new(insert, values).numbers(txn).await?;
    let id = id.first().copied().ok_or(StoreError::Unreadable("web_sessions"))?;
    let end = "DELETE FROM web_sessions WHERE user_id = $1 AND id NOT IN \
        (SELECT id FROM web_sessions WHERE user_id = $1 ORDER BY id DESC LIMIT $2)";
    Sql::new(end, [user.to_db().into(), i64::from(MOST_SESSIONS).into()]).execute(txn).await?;
    let detail = json!({ "by": way, "browser": session.browser });
    Ok(own_entry(AuditAction::SignedIn, AuditSubject::Session(WebSessionId(id)), detail))
}

/// Deletes a session, and returns its sealed account.
pub(super) async fn delete(
    txn: &impl ConnectionTrait,
    session: SecretHash,
) -> Result<Option<Vec<u8>>, StoreError> {
    let delete = "DELETE FROM web_sessions WHERE secret_hash = $1 RETURNING account";
    let row = Sql::new(delete, [bytes(session)]).row(txn).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

impl Store {
    /// Begins a session of this person, whom Discord named, and ends the one that this browser had.
    pub async fn begin_web_session(
        &self,
        session: NewWebSession<'_>,
        account: &Account,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sealed = self.cipher.seal_account(session.hash, account);
        let txn = self.audited_write(oneself(account.user, now)).await?;
        if let Some(replaced) = session.replaces {
            delete(&**txn, replaced).await?;
        }
        let signed_in = insert(&**txn, &session, account.user, sealed, ("discord", now)).await?;
        txn.commit([signed_in]).await
    }

    /// The session with this secret; `None` if it ended. That it is used is noted about once an hour.
    pub async fn web_session(
        &self,
        session: SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<WebSession>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM web_sessions WHERE secret_hash = $1 AND expires_at > $2");
        let rows: Vec<WebSessionRow> =
            Sql::new(query, [bytes(session), stored(now).into()]).rows_of(&self.db).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let session = row.read(&self.cipher)?;
        if session.seen_at < now - STALE {
            let update = "UPDATE web_sessions SET seen_at = $2, expires_at = $3 WHERE id = $1";
            let end = web_session_end(session.created_at, now);
            let values = [session.id.0.into(), stored(now).into(), stored(end).into()];
            let txn = self.write().await?;
            Sql::new(update, values).execute(&*txn).await?;
            txn.commit().await?;
        }
        Ok(Some(session))
    }

    /// A person's sessions, the newest first.
    pub async fn web_sessions_of(
        &self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<WebSession>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM web_sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY id DESC"
        );
        let rows: Vec<WebSessionRow> =
            Sql::new(query, [user.to_db().into(), stored(now).into()]).rows_of(&self.db).await?;
        rows.into_iter().map(|row| row.read(&self.cipher)).collect()
    }

    /// Ends one of a person's sessions. Returns whether there was one.
    pub async fn end_web_session(
        &self,
        user: UserId,
        session: WebSessionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let delete = "DELETE FROM web_sessions WHERE user_id = $1 AND id = $2 RETURNING id";
        Ok(self.end(Sql::new(delete, [user.to_db().into(), session.0.into()]), user, now).await? > 0)
    }

    /// Ends all sessions of a person. Returns how many there were.
    pub async fn end_web_sessions(&self, user: UserId, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let delete = "DELETE FROM web_sessions WHERE user_id = $1 RETURNING id";
        self.end(Sql::new(delete, [user.to_db().into()]), user, now).await
    }

    /// Ends the sessions of this person that a statement deletes. Returns how many there were.
    async fn end(&self, delete: Sql, user: UserId, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let txn = self.audited_write(oneself(user, now)).await?;
        let ended = delete.numbers(&**txn).await?;
        let entry =
            |id: &i64| own_entry(AuditAction::SignedOut, AuditSubject::Session(WebSessionId(*id)), json!({}));
        txn.commit(ended.iter().map(entry)).await?;
        Ok(ended.len())
    }
}
