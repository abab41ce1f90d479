//! Who gets digests of their feed, when, and up to where these went.
//!
//! A digest is claimed before it is sent: its next time moves on, in one statement that only one process can
//! win. So nobody gets two in a period, whatever happens between.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::digest::{Digest, DigestPeriod, DigestSchedule, MOST_REFUSALS, parse_time_zone};
use crate::domain::ids::{MessageId, UserId};
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

const COLUMNS: &str = "user_id, every, hour, time_zone, next_at, sent_position";

#[derive(FromQueryResult)]
struct DigestRow {
    user_id: i64,
    every: String,
    hour: i32,
    time_zone: String,
    next_at: Option<DateTime<Utc>>,
    sent_position: Option<i64>,
}

impl DigestRow {
    fn read(self) -> Result<Digest, StoreError> {
        let every = DigestPeriod::parse(&self.every).ok_or(StoreError::Unreadable("every"))?;
        let hour = u8::try_from(self.hour).map_err(|_| StoreError::Unreadable("hour"))?;
        // A time zone that isn't known any more is UTC: better at another hour than never.
        let time_zone = parse_time_zone(&self.time_zone).unwrap_or_default();
        Ok(Digest {
            user: UserId::from_db(self.user_id)?,
            schedule: DigestSchedule::new(every, hour, time_zone).ok_or(StoreError::Unreadable("hour"))?,
            next_at: self.next_at,
            sent: self.sent_position.map(MessageId::from_db).transpose()?,
        })
    }
}

impl Store {
    /// Somebody's digest.
    pub async fn digest(&self, user: UserId) -> Result<Option<Digest>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM digests WHERE user_id = $1");
        let rows: Vec<DigestRow> = Sql::new(query, [user.to_db().into()]).rows_of(&self.db).await?;
        rows.into_iter().next().map(DigestRow::read).transpose()
    }

    /// Sets somebody's digest up, or changes it. One that was paused goes on.
    pub async fn set_digest(&self, digest: &Digest, now: DateTime<Utc>) -> Result<(), StoreError> {
        let insert = "INSERT INTO digests (user_id, every, hour, time_zone, next_at, sent_position, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id) DO UPDATE SET every = excluded.every, \
            hour = excluded.hour, time_zone = excluded.time_zone, next_at = excluded.next_at, refusals = 0, \
            sent_position = COALESCE(excluded.sent_position, digests.sent_position)";
        let values = [
            digest.user.to_db().into(),
            digest.schedule.every.as_str().into(),
            i32::from(digest.schedule.hour).into(),
            digest.schedule.time_zone.name().into(),
            digest.next_at.map(stored).into(),
            digest.sent.map(MessageId::to_db).into(),
            stored(now).into(),
        ];
        let txn = self.write().await?;
        Sql::new(insert, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// Ends somebody's digest. Returns whether there was one.
    pub async fn remove_digest(&self, user: UserId) -> Result<bool, StoreError> {
        let txn = self.write().await?;
        let delete = "DELETE FROM digests WHERE user_id = $1";
        let removed = Sql::new(delete, [user.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(removed > 0)
    }

    /// At most so many digests whose time has come, the longest due first.
    pub async fn due_digests(&self, now: DateTime<Utc>, most: u16) -> Result<Vec<Digest>, StoreError> {
        let query =
            format!("SELECT {COLUMNS} FROM digests WHERE next_at <= $1 ORDER BY next_at, user_id LIMIT $2");
        let values = [stored(now).into(), i64::from(most).into()];
        let rows: Vec<DigestRow> = Sql::new(query, values).rows_of(&self.db).await?;
        rows.into_iter().map(DigestRow::read).collect()
    }

    /// Moves the time of a digest from this one to another. Returns whether it still was at this one: if so,
    /// whoever asks may send what was due then, and nobody else.
    pub async fn claim_digest(
        &self,
        user: UserId,
        due: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE digests SET next_at = $3 WHERE user_id = $1 AND next_at = $2";
        let values = [user.to_db().into(), stored(due).into(), stored(next).into()];
        let txn = self.write().await?;
        let claimed = Sql::new(update, values).execute(&*txn).await? > 0;
        txn.commit().await?;
        Ok(claimed)
    }

    /// Notes that a digest arrived, and the newest message in it.
    pub async fn record_digest_sent(&self, user: UserId, newest: MessageId) -> Result<(), StoreError> {
        let update = "UPDATE digests SET refusals = 0, sent_position = CASE WHEN sent_position > $2 \
            THEN sent_position ELSE $2 END WHERE user_id = $1";
        let txn = self.write().await?;
        Sql::new(update, [user.to_db().into(), newest.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Notes that Discord refused a digest. After some refusals in a row it pauses.
    pub async fn record_digest_refused(&self, user: UserId) -> Result<(), StoreError> {
        let update = "UPDATE digests SET refusals = refusals + 1, \
            next_at = CASE WHEN refusals + 1 >= $2 THEN NULL ELSE next_at END WHERE user_id = $1";
        let txn = self.write().await?;
        let values = [user.to_db().into(), i32::from(MOST_REFUSALS).into()];
        Sql::new(update, values).execute(&*txn).await?;
        txn.commit().await
    }
}
