//! Gateway sessions that a clean stop leaves to the next start, each with what the bot knew in it. Taking
//! them removes them, so no session is resumed twice.
//!
//! They are sealed for the one bot that may resume them. Those of another application, token or set of
//! intents can't even be read.

use chrono::{DateTime, Utc};
use hmac::Mac;
use sea_orm::FromQueryResult;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::sql::{Sql, stored};
use crate::domain::gateway_session::GatewaySession;
use crate::domain::ids::ApplicationId;
use crate::domain::shards::Shard;
use crate::store::{Cipher, Store, StoreError};

/// The bot that may resume a session.
#[derive(Debug, Clone)]
pub struct GatewaySessionOwner {
    /// The application.
    pub application: ApplicationId,
    /// Its token.
    pub token: SecretString,
    /// Discord: "Gateway Intents", as a number. A session is resumed with the intents that it began with.
    pub intents: u64,
}

/// A session and what was known in it.
#[derive(Debug, Clone)]
pub struct KeptGatewaySession {
    /// The session.
    pub session: GatewaySession,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// What was known when it was left, in the format of its readers.
    pub knowledge: String,
}

#[derive(FromQueryResult)]
struct GatewaySessionRow {
    shard_id: i32,
    shard_total: i32,
    number: i64,
    began_at: DateTime<Utc>,
    stored_at: DateTime<Utc>,
    sealed: Vec<u8>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct SealedSession {
    id: String,
    address: Option<String>,
    knowledge: String,
}

impl Store {
    /// Keeps these sessions, and no others, for the next start.
    pub async fn keep_gateway_sessions(
        &self,
        owner: &GatewaySessionOwner,
        sessions: &[KeptGatewaySession],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        Sql::new("DELETE FROM gateway_sessions", []).execute(&*txn).await?;
        for kept in sessions {
            let Shard { id, total } = kept.session.shard;
            let number = i64::try_from(kept.session.number).map_err(|_| StoreError::Unreadable("number"))?;
            let insert = "INSERT INTO gateway_sessions (shard_id, shard_total, number, began_at, stored_at, sealed) \
                VALUES ($1, $2, $3, $4, $5, $6)";
            let values = [
                i64::from(id).into(),
                i64::from(total).into(),
                number.into(),
                stored(kept.began_at).into(),
                stored(now).into(),
                self.cipher.seal_session(owner, kept).into(),
            ];
            Sql::new(insert, values).execute(&*txn).await?;
        }
        txn.commit().await
    }

    /// Takes the sessions that were kept since that time and that this bot may resume. None is kept
    /// afterwards, whatever comes of them.
    pub async fn take_gateway_sessions(
        &self,
        owner: &GatewaySessionOwner,
        since: DateTime<Utc>,
    ) -> Result<Vec<KeptGatewaySession>, StoreError> {
        let txn = self.write().await?;
        let rows: Vec<GatewaySessionRow> =
            Sql::new("DELETE FROM gateway_sessions RETURNING *", []).rows_of(&*txn).await?;
        txn.commit().await?;
        let recent = rows.iter().filter(|row| row.stored_at >= stored(since));
        Ok(recent.filter_map(|row| self.cipher.open_session(owner, row)).collect())
    }
}

impl Cipher {
    fn seal_session(&self, owner: &GatewaySessionOwner, kept: &KeptGatewaySession) -> Vec<u8> {
        let GatewaySession { shard, id, address, number } = &kept.session;
        let sealed = SealedSession {
            id: id.expose_secret().to_owned(),
            address: address.clone(),
            knowledge: kept.knowledge.clone(),
        };
        let plain = serde_json::to_vec(&sealed).expect("texts always serialise");
        self.seal(&plain, &self.mark(owner, *shard, *number))
    }

    /// Opens a session. `None` if it belongs to another bot, or was sealed with another key.
    fn open_session(
        &self,
        owner: &GatewaySessionOwner,
        row: &GatewaySessionRow,
    ) -> Option<KeptGatewaySession> {
        let shard =
            Shard { id: u32::try_from(row.shard_id).ok()?, total: u32::try_from(row.shard_total).ok()? };
        let number = u64::try_from(row.number).ok()?;
        let plain = self.open(&row.sealed, &self.mark(owner, shard, number))?;
        let SealedSession { id, address, knowledge } = serde_json::from_slice(&plain).ok()?;
        let session = GatewaySession { shard, id: id.into(), address, number };
        Some(KeptGatewaySession { session, began_at: row.began_at, knowledge })
    }

    /// The owner of a session, and the parts of the session that are stored unsealed.
    fn mark(&self, owner: &GatewaySessionOwner, shard: Shard, number: u64) -> String {
        let mut token = self.digests();
        token.update(owner.token.expose_secret().as_bytes());
        let token = super::sql::hex(&token.finalize().into_bytes());
        let (application, intents) = (owner.application, owner.intents);
        let Shard { id, total } = shard;
        format!("gateway session {application} {intents} {id}/{total} {number} {token}")
    }
}
