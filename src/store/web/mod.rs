//! Who is signed in at the web pages, and what programs may do for them.
//!
//! | file | what it owns |
//! |---|---|
//! | `sign_ins` | links that sign somebody in, each once |
//! | `pending` | sign-ins with Discord that were begun |
//! | `sessions` | browsers in which somebody is signed in |
//! | `tokens` | API tokens |
//! | `answers` | what was answered to requests with a key |
//!
//! Invariant: of every secret (a link, a cookie, a state, a token) only the SHA-256 is stored, and each is
//! looked up by it alone. So whoever reads the database can't act for anybody. What is known of a person is
//! sealed, bound to that hash. Who signs in, and who makes and revokes tokens, is recorded in the audit.
//!
//! Locks: none of `db::locks`. Transactions that add a token of one person run one after another.

pub(super) mod answers;
mod pending;
pub(super) mod sessions;
pub(super) mod sign_ins;
pub(super) mod tokens;

use chrono::{DateTime, Utc};

use crate::domain::account::Account;
use crate::domain::audit::{ChangeStamp, ChangedBy, Via};
use crate::domain::ids::UserId;
use crate::domain::secret::SecretHash;
use crate::store::db::sql::{Sql, hex, stored};
use crate::store::{Cipher, Store, StoreError};

impl Cipher {
    fn seal_account(&self, hash: SecretHash, account: &Account) -> Vec<u8> {
        let plain = serde_json::to_vec(account).expect("texts and numbers always serialise");
        self.seal(&plain, &owner(hash))
    }

    fn open_account(&self, hash: SecretHash, sealed: &[u8]) -> Result<Account, StoreError> {
        let plain = self.open(sealed, &owner(hash)).ok_or(StoreError::Decrypt("an account"))?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("account"))
    }
}

/// What a sealed account belongs to.
fn owner(hash: SecretHash) -> String {
    format!("account {}", hex(hash.bytes()))
}

/// A person changes something of their own at the web pages.
const fn oneself(user: UserId, at: DateTime<Utc>) -> ChangeStamp {
    ChangedBy::Oneself { user, via: Via::Web }.at(at)
}

/// A hash as a value of a statement.
fn bytes(hash: SecretHash) -> sea_orm::Value {
    hash.bytes().to_vec().into()
}

impl Store {
    /// Forgets links, sessions and tokens that don't work any more at this time. Returns how many.
    pub async fn forget_expired_access(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let txn = self.write().await?;
        for table in ["sign_ins", "web_sessions", "api_tokens"] {
            let delete = format!("DELETE FROM {table} WHERE expires_at <= $1");
            forgotten += Sql::new(delete, [stored(now).into()]).execute(&*txn).await?;
        }
        txn.commit().await?;
        Ok(forgotten)
    }

    /// Ends all sessions of a person, and revokes all their tokens. Returns how many there were. Answers that
    /// were kept for them go, too.
    pub(in crate::store) async fn forget_access(&self, user: UserId) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let txn = self.write().await?;
        for table in ["web_sessions", "api_tokens"] {
            let delete = format!("DELETE FROM {table} WHERE user_id = $1");
            forgotten += Sql::new(delete, [user.to_db().into()]).execute(&*txn).await?;
        }
        let delete = "DELETE FROM idempotency_keys WHERE user_id = $1";
        Sql::new(delete, [user.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }
}
