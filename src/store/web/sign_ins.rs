//! Links that sign somebody in. Each works once: redeeming it deletes it, and whoever deletes it is signed
//! in.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::sessions::{NewWebSession, delete, insert};
use super::{bytes, oneself};
use crate::domain::account::Account;
use crate::domain::secret::SecretHash;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

#[derive(FromQueryResult)]
struct SignInRow {
    account: Vec<u8>,
}

impl Store {
    /// Stores a link that signs this person in until it expires.
    pub async fn add_sign_in(
        &self,
        link: SecretHash,
        account: &Account,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let insert =
            "INSERT INTO sign_ins (secret_hash, kind, account, expires_at) VALUES ($1, 'link', $2, $3)";
        let sealed = self.cipher.seal_account(link, account);
        let txn = self.write().await?;
        Sql::new(insert, [bytes(link), sealed.into(), stored(expires_at).into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Whom a link would sign in; `None` if it doesn't work (any more).
    pub async fn sign_in(&self, link: SecretHash, now: DateTime<Utc>) -> Result<Option<Account>, StoreError> {
        let query =
            "SELECT account FROM sign_ins WHERE secret_hash = $1 AND kind = 'link' AND expires_at > $2";
        let rows: Vec<SignInRow> =
            Sql::new(query, [bytes(link), stored(now).into()]).rows_of(&self.db).await?;
        rows.first().map(|row| self.cipher.open_account(link, &row.account)).transpose()
    }

    /// Redeems a link: begins a session, and ends the one that this browser had, whose servers are taken over
    /// if it was the same person's. `None`, and nothing changes, if the link doesn't work (any more).
    pub async fn redeem_sign_in(
        &self,
        link: SecretHash,
        session: NewWebSession<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Account>, StoreError> {
        let Some(account) = self.sign_in(link, now).await? else { return Ok(None) };
        let txn = self.audited_write(oneself(account.user, now)).await?;
        let redeem = "DELETE FROM sign_ins WHERE secret_hash = $1 AND kind = 'link' AND expires_at > $2 \
            RETURNING account";
        let rows: Vec<SignInRow> =
            Sql::new(redeem, [bytes(link), stored(now).into()]).rows_of(&**txn).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut account = self.cipher.open_account(link, &row.account)?;
        if let Some(replaced) = session.replaces
            && let Some(sealed) = delete(&**txn, replaced).await?
            // What can't be read any more is no reason not to sign in.
            && let Ok(earlier) = self.cipher.open_account(replaced, &sealed)
        {
            account.remember(earlier);
        }
        let sealed = self.cipher.seal_account(session.hash, &account);
        let signed_in = insert(&**txn, &session, account.user, sealed, ("link", now)).await?;
        txn.commit([signed_in]).await?;
        Ok(Some(account))
    }
}
