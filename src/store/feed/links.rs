//! Private addresses at which programs read feeds.

use chrono::{DateTime, NaiveTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use serde_json::json;

use crate::domain::audit::{AuditAction, AuditSubject, ChangeStamp, ChangedBy, Via, own_entry};
use crate::domain::feed_link::{FeedLink, FeedLinkId, MOST_FEED_LINKS, NewFeedLink};
use crate::domain::ids::UserId;
use crate::domain::secret::SecretHash;
use crate::store::db::locks;
use crate::store::db::sql::{CHUNK, Sql, stored};
use crate::store::{Store, StoreError};

const COLUMNS: &str = "id, user_id, name, created_at, used_on";

#[derive(FromQueryResult)]
struct FeedLinkRow {
    id: i64,
    user_id: i64,
    name: String,
    created_at: DateTime<Utc>,
    used_on: Option<DateTime<Utc>>,
}

impl FeedLinkRow {
    fn read(self) -> Result<FeedLink, StoreError> {
        Ok(FeedLink {
            id: FeedLinkId(self.id),
            user: UserId::from_db(self.user_id)?,
            name: self.name,
            created_at: self.created_at,
            used_on: self.used_on,
        })
    }
}

/// A person changes something of their own.
const fn oneself(user: UserId, via: Via, at: DateTime<Utc>) -> ChangeStamp {
    ChangedBy::Oneself { user, via }.at(at)
}

fn bytes(hash: SecretHash) -> Value {
    hash.bytes().to_vec().into()
}

/// Revokes all addresses of a person's feed. Returns how many there were.
pub(in crate::store) async fn forget_feed_links(
    txn: &impl ConnectionTrait,
    user: UserId,
) -> Result<u64, StoreError> {
    let delete = "DELETE FROM feed_links WHERE user_id = $1";
    Ok(Sql::new(delete, [user.to_db().into()]).execute(txn).await?)
}

impl Store {
    /// Stores a feed link; `None` if that person has too many already.
    pub async fn add_feed_link(
        &self,
        new: &NewFeedLink,
        via: Via,
        now: DateTime<Utc>,
    ) -> Result<Option<FeedLink>, StoreError> {
        let user = new.user.to_db();
        let txn = self.audited_write(oneself(new.user, via, now)).await?;
        if locks::has_row_locks(&**txn) {
            let lock = "SELECT pg_advisory_xact_lock(hashtextextended('feed links', $1))";
            Sql::new(lock, [user.into()]).row(&**txn).await?;
        }
        let count = "SELECT COUNT(*) FROM feed_links WHERE user_id = $1";
        let count = Sql::new(count, [user.into()]).numbers(&**txn).await?;
        if count.first().is_some_and(|count| *count >= i64::from(MOST_FEED_LINKS)) {
            return Ok(None);
        }
        let insert = format!(
            "INSERT INTO feed_links (secret_hash, user_id, name, created_at) VALUES ($1, $2, $3, $4) \
             RETURNING {COLUMNS}"
        );
        let values = [bytes(new.hash), user.into(), new.name.as_str().into(), stored(now).into()];
        let rows: Vec<FeedLinkRow> = Sql::new(insert, values).rows_of(&**txn).await?;
        let link = rows.into_iter().next().ok_or(StoreError::Unreadable("feed_links"))?.read()?;
        let entry = own_entry(AuditAction::FeedLinkCreated, AuditSubject::FeedLink(link.id), json!({}));
        txn.commit([entry]).await?;
        Ok(Some(link))
    }

    /// The feed link with this secret; `None` if there is none (any more). The day of its use is noted.
    pub async fn use_feed_link(
        &self,
        secret: SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<FeedLink>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM feed_links WHERE secret_hash = $1");
        let rows: Vec<FeedLinkRow> = Sql::new(query, [bytes(secret)]).rows_of(&self.db).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let link = row.read()?;
        let today = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        if link.used_on.is_none_or(|day| day < today) {
            let update = "UPDATE feed_links SET used_on = $2 WHERE id = $1";
            let txn = self.write().await?;
            Sql::new(update, [link.id.0.into(), stored(today).into()]).execute(&*txn).await?;
            txn.commit().await?;
        }
        Ok(Some(link))
    }

    /// A person's feed links, the newest first.
    pub async fn feed_links_of(&self, user: UserId) -> Result<Vec<FeedLink>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM feed_links WHERE user_id = $1 ORDER BY id DESC");
        let rows: Vec<FeedLinkRow> = Sql::new(query, [user.to_db().into()]).rows_of(&self.db).await?;
        rows.into_iter().map(FeedLinkRow::read).collect()
    }

    /// Revokes one of a person's feed links. Returns whether there was one.
    pub async fn revoke_feed_link(
        &self,
        user: UserId,
        link: FeedLinkId,
        via: Via,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let delete = "DELETE FROM feed_links WHERE user_id = $1 AND id = $2";
        let txn = self.audited_write(oneself(user, via, now)).await?;
        let revoked = Sql::new(delete, [user.to_db().into(), link.0.into()]).execute(&**txn).await? > 0;
        let entry = || own_entry(AuditAction::FeedLinkRevoked, AuditSubject::FeedLink(link), json!({}));
        txn.commit(revoked.then(entry)).await?;
        Ok(revoked)
    }

    /// Forgets feed links that were made before this time and weren't used since. Returns how many.
    pub async fn forget_unused_feed_links(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = "DELETE FROM feed_links WHERE id IN (SELECT id FROM feed_links \
            WHERE created_at < $1 AND (used_on IS NULL OR used_on < $1) LIMIT $2)";
        self.delete_in_parts(|| Sql::new(delete, [stored(before).into(), CHUNK.into()])).await
    }
}
