//! What the followed side decides about follows of other servers: who waits for it, whom it approves and declines.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use super::connect::Write;
use super::doors::{self, Servers};
use super::entity::channel_follows;
use super::follow_state::reactivate;
use super::follows::{Hook, lock, source_root};
use super::sql::{Sql, stored};
use super::{Store, StoreError, follow_row, untold};
use crate::domain::follow::{BrokenReason, Door, Follow, FollowId, FollowState};
use crate::domain::ids::{ChannelId, GuildId};

/// Has a locked follow wait.
pub(super) async fn wait(txn: &Write, id: FollowId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = "UPDATE channel_follows SET is_active = FALSE, lacking = 0, broken_reason = $2, updated_at = $3 \
        WHERE id = $1";
    let values = [id.0.into(), BrokenReason::AwaitingApproval.as_str().into(), now.into()];
    Sql::new(update, values).execute(&**txn).await?;
    Ok(())
}

/// Has a locked follow count from now on: what was posted before its source's moderators agreed is none of its, whatever becomes of that later.
pub(super) async fn count_from(txn: &Write, id: FollowId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = "UPDATE channel_follows SET created_at = $2 WHERE id = $1";
    Sql::new(update, [id.0.into(), now.into()]).execute(&**txn).await?;
    Ok(())
}

fn waits(row: &channel_follows::Model) -> bool {
    row.broken_reason.as_deref() == Some(BrokenReason::AwaitingApproval.as_str())
}

/// Whether the source's moderators ended a follow since it was seen like this: whoever resumes it doesn't know that.
pub(super) fn is_dismissed_since(ended: Option<BrokenReason>, seen: &Follow) -> bool {
    let dismissed = ended.filter(|reason| matches!(reason, BrokenReason::Declined | BrokenReason::Removed));
    dismissed.is_some_and(|reason| seen.state != FollowState::Broken(reason))
}

impl Store {
    /// A follow of a channel of this server, from another.
    pub async fn follower(&self, source: GuildId, id: FollowId) -> Result<Option<Follow>, StoreError> {
        let follow = self.follow_anywhere(id).await?;
        Ok(follow.filter(|follow| follow.source_guild == source && follow.crosses_servers()))
    }

    /// The follows that wait for this channel's moderators, those of its threads included, the oldest first; at most so many.
    pub async fn waiting_followers(&self, channel: ChannelId, limit: u64) -> Result<Vec<Follow>, StoreError> {
        let query = "SELECT * FROM channel_follows WHERE broken_reason = 'awaiting_approval' \
            AND (source_channel_id = $1 OR source_parent_id = $1) ORDER BY id LIMIT $2";
        let values = [channel.to_db().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        follow_row::follows(&self.db, Sql::new(query, values).rows_of(&self.db).await?).await
    }

    /// Makes a follow active that waits, as one of the source's moderators approved it; `None` where it doesn't wait any more.
    ///
    /// # Errors
    /// As [`resume_follow`](Self::resume_follow).
    pub async fn approve_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        hook: &Hook,
        door: Door,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.write().await?;
        let Some(row) = lock(&txn, guild, id).await?.filter(waits) else { return Ok(None) };
        doors::require(&*txn, door, source_root(&row)?, Servers::of(&row)?).await?;
        self.hook_up(&txn, &row, Some(hook), stored(now)).await?;
        reactivate(&txn, id, stored(now)).await?;
        count_from(&txn, id, stored(now)).await?;
        untold::note_approved(&*txn, id.0).await?;
        self.commit_resumed(txn, guild, id).await
    }

    /// Marks a follow that waits as declined, and has its people told; `None` where it doesn't wait any more.
    pub async fn decline_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.write().await?;
        let Some(row) = lock(&txn, guild, id).await?.filter(waits) else { return Ok(None) };
        let update = "UPDATE channel_follows SET broken_reason = $2, updated_at = $3 WHERE id = $1";
        let values = [row.id.into(), BrokenReason::Declined.as_str().into(), stored(now).into()];
        Sql::new(update, values).execute(&*txn).await?;
        untold::note(&*txn, &[row.id]).await?;
        let follow = follow_row::one(&*txn, super::follows::by_id(&*txn, guild, id).await?).await?;
        txn.commit().await?;
        Ok(follow)
    }

    /// How many follows of this channel don't count as followers.
    pub(super) async fn count_refused(&self, source: ChannelId) -> Result<u64, StoreError> {
        let query = "SELECT COUNT(*) FROM channel_follows WHERE source_channel_id = $1 \
            AND broken_reason IN ('awaiting_approval', 'declined', 'removed', 'blocked')";
        let counted = Sql::new(query, [source.to_db().into()]).numbers(&self.db).await?;
        Ok(counted.first().map_or(0, |count| count.unsigned_abs()))
    }
}
