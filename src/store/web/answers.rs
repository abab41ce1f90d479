//! Answers to requests that carry a key (`idempotency_keys`). Whoever inserts a key's row, or takes over one
//! that was left behind, works on the request; all others wait, or get the answer that is kept.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::idempotency::{ANSWER_LIFETIME, CLAIM_LIFETIME, KeyedRequest, MOST_ANSWERS};
use crate::store::db::sql::{Sql, hex, stored};
use crate::store::{Store, StoreError};

/// What is known of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing: it may be worked on now, under this claim.
    Claimed,
    /// It is under way.
    InUse,
    /// The key belongs to another request.
    OtherRequest,
    /// It was answered so.
    Answered(Vec<u8>),
}

#[derive(FromQueryResult)]
struct KeyRow {
    request_hash: Vec<u8>,
    claim: i64,
    claimed_at: DateTime<Utc>,
    answer: Option<Vec<u8>>,
}

impl KeyRow {
    /// Whether the key is free again: its answer was kept long enough, or whoever worked on it has died.
    fn has_ended(&self, now: DateTime<Utc>) -> bool {
        let lifetime = if self.answer.is_some() { ANSWER_LIFETIME } else { CLAIM_LIFETIME };
        self.claimed_at + lifetime <= now
    }
}

/// What a sealed answer belongs to.
fn owner(request: &KeyedRequest) -> String {
    format!("answer {}", hex(&request.key))
}

fn key(request: &KeyedRequest) -> sea_orm::Value {
    request.key.to_vec().into()
}

impl Store {
    /// Claims a request, under a number that names this try, or says what is known of it. Of several who
    /// claim at the same time, whatever their process, one succeeds.
    pub async fn claim_request(
        &self,
        request: &KeyedRequest,
        claim: i64,
        now: DateTime<Utc>,
    ) -> Result<KeyState, StoreError> {
        let txn = self.write().await?;
        let insert = "INSERT INTO idempotency_keys (key_hash, user_id, request_hash, claim, claimed_at) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_hash) DO NOTHING";
        let user = request.user.to_db();
        let values =
            [key(request), user.into(), request.request.to_vec().into(), claim.into(), stored(now).into()];
        if Sql::new(insert, values).execute(&*txn).await? == 1 {
            let oldest = "DELETE FROM idempotency_keys WHERE user_id = $1 AND answer IS NOT NULL AND claimed_at <= \
                (SELECT claimed_at FROM idempotency_keys WHERE user_id = $1 ORDER BY claimed_at DESC LIMIT 1 OFFSET $2)";
            Sql::new(oldest, [user.into(), i64::from(MOST_ANSWERS).into()]).execute(&*txn).await?;
            txn.commit().await?;
            return Ok(KeyState::Claimed);
        }
        let query =
            "SELECT request_hash, claim, claimed_at, answer FROM idempotency_keys WHERE key_hash = $1";
        let rows: Vec<KeyRow> = Sql::new(query, [key(request)]).rows_of(&*txn).await?;
        // It was deleted in this very moment: the next try finds the key free.
        let Some(row) = rows.into_iter().next() else { return Ok(KeyState::InUse) };
        if row.has_ended(now) {
            let take_over = "UPDATE idempotency_keys SET request_hash = $2, claim = $3, claimed_at = $4, answer = NULL \
                WHERE key_hash = $1 AND claim = $5";
            let values = [
                key(request),
                request.request.to_vec().into(),
                claim.into(),
                stored(now).into(),
                row.claim.into(),
            ];
            let taken = Sql::new(take_over, values).execute(&*txn).await?;
            txn.commit().await?;
            return Ok(if taken == 1 { KeyState::Claimed } else { KeyState::InUse });
        }
        if row.request_hash != request.request {
            return Ok(KeyState::OtherRequest);
        }
        let Some(sealed) = row.answer else { return Ok(KeyState::InUse) };
        let answer = self.cipher.open(&sealed, &owner(request)).ok_or(StoreError::Decrypt("an answer"))?;
        Ok(KeyState::Answered(answer))
    }

    /// Keeps the answer to a request that was claimed under this number, unless somebody else has it by now.
    pub async fn keep_answer(
        &self,
        request: &KeyedRequest,
        claim: i64,
        answer: &[u8],
    ) -> Result<(), StoreError> {
        let update = "UPDATE idempotency_keys SET answer = $3 WHERE key_hash = $1 AND claim = $2";
        let sealed = self.cipher.seal(answer, &owner(request));
        let txn = self.write().await?;
        Sql::new(update, [key(request), claim.into(), sealed.into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Frees the key of a request that was claimed under this number, so that it can be tried again.
    pub async fn release_request(&self, request: &KeyedRequest, claim: i64) -> Result<(), StoreError> {
        let delete = "DELETE FROM idempotency_keys WHERE key_hash = $1 AND claim = $2 AND answer IS NULL";
        let txn = self.write().await?;
        Sql::new(delete, [key(request), claim.into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Forgets answers that were kept long enough.
    pub(in crate::store) async fn forget_old_answers(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = "DELETE FROM idempotency_keys WHERE claimed_at <= $1";
        let txn = self.write().await?;
        let before = stored(now - ANSWER_LIFETIME);
        let forgotten = Sql::new(delete, [before.into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }
}
