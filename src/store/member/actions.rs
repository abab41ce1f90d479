//! What people did in the last hour: counted for all processes together, and for all ways in which they act.
//! The hour slides: an action counts until it is an hour old.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use crate::domain::ids::UserId;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// How long an action counts.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// An action that was counted. It can be [given back](Store::give_actions_back).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedAction(i64);

impl Store {
    /// Counts an action of a person who has `most` of them within an hour, at least 1. If none is left,
    /// nothing is counted, and the answer is the time when the next is free. Of several processes that count
    /// the last one at once, one succeeds.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "count_action"))]
    pub async fn count_action(
        &self,
        user: UserId,
        most: u32,
        now: DateTime<Utc>,
    ) -> Result<Result<CountedAction, DateTime<Utc>>, StoreError> {
        // Checked outside the transaction first: whoever tries again and again holds up no writer.
        if let Some(free) = next_free(&self.db, user, most, now).await? {
            return Ok(Err(free));
        }
        let txn = self.write().await?;
        lock(&*txn, user).await?;
        if let Some(free) = next_free(&*txn, user, most, now).await? {
            return Ok(Err(free));
        }
        let insert = "INSERT INTO person_actions (user_id, at) VALUES ($1, $2) RETURNING id";
        let counted = Sql::new(insert, [user.to_db().into(), stored(now).into()]).numbers(&*txn).await?;
        txn.commit().await?;
        let id = counted.first().ok_or(StoreError::Unreadable("person_actions"))?;
        Ok(Ok(CountedAction(*id)))
    }

    /// Gives these actions back: they don't count any more.
    pub async fn give_actions_back(&self, actions: &[CountedAction]) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let delete = Sql::new("DELETE FROM person_actions WHERE id IN ", []);
        delete.list(actions.iter().map(|action| action.0)).execute(&*txn).await?;
        txn.commit().await
    }

    /// Forgets actions that don't count any more. Returns how many.
    pub(in crate::store) async fn forget_old_actions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let (from, until) = window(now);
        let txn = self.write().await?;
        let delete = "DELETE FROM person_actions WHERE at <= $1 OR at >= $2";
        let forgotten = Sql::new(delete, [from.into(), until.into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }
}

/// Actions count if their time is between these two, both excluded. Later ones are from before the clock was
/// set back: they would count for as long as it was set back.
fn window(now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (stored(now - HOUR), stored(now + HOUR))
}

/// When a person has another action, if none is left.
async fn next_free(
    db: &impl ConnectionTrait,
    user: UserId,
    most: u32,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let (from, until) = window(now);
    // The oldest of those that use up the hour.
    let query = "SELECT at FROM person_actions WHERE user_id = $1 AND at > $2 AND at < $3 \
        ORDER BY at DESC LIMIT 1 OFFSET $4";
    let before = i64::from(most.saturating_sub(1));
    let values = [user.to_db().into(), from.into(), until.into(), before.into()];
    let Some(row) = Sql::new(query, values).row(db).await? else { return Ok(None) };
    let oldest: DateTime<Utc> = row.try_get_by_index(0)?;
    Ok(Some(oldest + HOUR))
}

/// Makes transactions that count actions of this person run one after the other. It is the only lock of its
/// transaction. SQLite has one writer at a time.
async fn lock(txn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    if !locks::has_row_locks(txn) {
        return Ok(());
    }
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('actions', $1))";
    Sql::new(lock, [user.to_db().into()]).row(txn).await.map(drop)
}
