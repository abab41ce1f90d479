//! The people whom a person keeps from following them.

use chrono::{DateTime, Utc};

use super::profiles::{ProfileLock, lock_profile};
use super::requests;
use crate::domain::ids::UserId;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

impl Store {
    /// Ends somebody's follow of this person; with `block`, they can't follow again. Returns whether they
    /// followed.
    pub async fn remove_personal_follower(
        &self,
        user: UserId,
        follower: UserId,
        block: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let pair = || [user.to_db().into(), follower.to_db().into()];
        let txn = self.write().await?;
        lock_profile(&*txn, user, ProfileLock::Alone).await?;
        let delete = "DELETE FROM personal_follows WHERE followee_kind = 'user' AND followee_id = $1 AND follower_id = $2";
        let removed = Sql::new(delete, pair()).execute(&*txn).await?;
        if block {
            let insert = "INSERT INTO personal_blocks (user_id, blocked_id, created_at) VALUES ($1, $2, $3) \
                ON CONFLICT DO NOTHING";
            let values = pair().into_iter().chain([stored(now).into()]);
            Sql::new(insert, values).execute(&*txn).await?;
            requests::decline(&txn, follower, user, now).await?;
        }
        txn.commit().await?;
        Ok(removed > 0)
    }

    /// Lets somebody follow this person again. Returns whether they were blocked.
    pub async fn unblock_person(&self, user: UserId, blocked: UserId) -> Result<bool, StoreError> {
        let txn = self.write().await?;
        let delete = "DELETE FROM personal_blocks WHERE user_id = $1 AND blocked_id = $2";
        let gone = Sql::new(delete, [user.to_db().into(), blocked.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(gone > 0)
    }
}
