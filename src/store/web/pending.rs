//! Sign-ins with Discord that were begun. Each can come back once: whoever deletes it goes on with it.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::bytes;
use crate::domain::account::PendingSignIn;
use crate::domain::public_url::LocalPath;
use crate::domain::secret::{SecretHash, WebSecret};
use crate::store::db::sql::{Sql, hex, stored};
use crate::store::{Cipher, Store, StoreError};

#[derive(FromQueryResult)]
struct PendingRow {
    browser_hash: Vec<u8>,
    verifier: Vec<u8>,
    next: String,
}

impl PendingRow {
    fn read(self, state: SecretHash, cipher: &Cipher) -> Result<PendingSignIn, StoreError> {
        let browser = self.browser_hash.try_into().map_err(|_| StoreError::Unreadable("browser_hash"))?;
        let verifier = cipher.open(&self.verifier, &owner(state)).ok_or(StoreError::Decrypt("a verifier"))?;
        let verifier = verifier.try_into().map_err(|_| StoreError::Unreadable("verifier"))?;
        Ok(PendingSignIn {
            browser: SecretHash::from_bytes(browser),
            verifier: WebSecret::new(verifier),
            next: LocalPath::parse(&self.next).ok_or(StoreError::Unreadable("next"))?,
        })
    }
}

/// What a sealed verifier belongs to.
fn owner(state: SecretHash) -> String {
    format!("verifier {}", hex(state.bytes()))
}

impl Store {
    /// Stores a sign-in with Discord that was begun, until it expires.
    pub async fn add_pending_sign_in(
        &self,
        state: SecretHash,
        pending: &PendingSignIn,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO sign_ins (secret_hash, kind, browser_hash, verifier, next, expires_at) \
            VALUES ($1, 'oauth', $2, $3, $4, $5)";
        let values = [
            bytes(state),
            bytes(pending.browser),
            self.cipher.seal(pending.verifier.bytes(), &owner(state)).into(),
            pending.next.as_str().into(),
            stored(expires_at).into(),
        ];
        let txn = self.write().await?;
        Sql::new(insert, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// Takes a sign-in with Discord, which nobody can come back to from then on; `None` if there is none
    /// (any more).
    pub async fn take_pending_sign_in(
        &self,
        state: SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let take = "DELETE FROM sign_ins WHERE secret_hash = $1 AND kind = 'oauth' AND expires_at > $2 \
            RETURNING browser_hash, verifier, next";
        let txn = self.write().await?;
        let rows: Vec<PendingRow> = Sql::new(take, [bytes(state), stored(now).into()]).rows_of(&*txn).await?;
        txn.commit().await?;
        rows.into_iter().next().map(|row| row.read(state, &self.cipher)).transpose()
    }
}
