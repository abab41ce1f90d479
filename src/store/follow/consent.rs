//! What the followed side decides about follows from other servers: which follows await approval, and which
//! are approved or declined.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use serde_json::json;

use super::change::{FollowWebhook, commit_changed, lock, source_root};
use super::doors::{self, FollowServers};
use super::state::reactivate;
use super::{row, unannounced};
use crate::domain::audit::{AuditAction, ChangeStamp};
use crate::domain::follow::{BrokenReason, Door, Follow, FollowId, FollowState};
use crate::domain::ids::{ChannelId, GuildId};
use crate::store::audit::write::AuditedWrite;
use crate::store::db::entity::channel_follows;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// Makes a locked follow await approval.
pub(super) async fn wait(txn: &AuditedWrite, id: FollowId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = "UPDATE channel_follows SET is_active = FALSE, lacking = 0, broken_reason = $2, updated_at = $3 \
        WHERE id = $1";
    let values = [id.0.into(), BrokenReason::AwaitingApproval.as_str().into(), now.into()];
    Sql::new(update, values).execute(&***txn).await?;
    Ok(())
}

/// Makes a locked follow count from now on: nothing that was posted before its source's moderators agreed
/// will ever be delivered to it.
pub(super) async fn count_from(txn: &AuditedWrite, id: FollowId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = "UPDATE channel_follows SET created_at = $2 WHERE id = $1";
    Sql::new(update, [id.0.into(), now.into()]).execute(&***txn).await?;
    Ok(())
}

fn waits(row: &channel_follows::Model) -> bool {
    row.broken_reason.as_deref() == Some(BrokenReason::AwaitingApproval.as_str())
}

/// Whether the source's moderators ended a follow since it was seen like this: whoever resumes it doesn't
/// know that.
pub(super) fn is_dismissed_since(ended: Option<BrokenReason>, seen: &Follow) -> bool {
    let dismissed = ended.filter(|reason| matches!(reason, BrokenReason::Declined | BrokenReason::Removed));
    dismissed.is_some_and(|reason| seen.state != FollowState::Broken(reason))
}

impl Store {
    /// A follow of this server's channel, by another server.
    pub async fn follower(&self, source: GuildId, id: FollowId) -> Result<Option<Follow>, StoreError> {
        let follow = self.follow_anywhere(id).await?;
        Ok(follow.filter(|follow| follow.source_guild == source && follow.crosses_servers()))
    }

    /// The follows that await the approval of this channel's moderators, oldest first, those of its threads
    /// included; at most `limit`.
    pub async fn waiting_followers(&self, channel: ChannelId, limit: u64) -> Result<Vec<Follow>, StoreError> {
        let query = "SELECT * FROM channel_follows WHERE broken_reason = 'awaiting_approval' \
            AND (source_channel_id = $1 OR source_parent_id = $1) ORDER BY id LIMIT $2";
        let values = [channel.to_db().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        row::follows(&self.db, Sql::new(query, values).rows_of(&self.db).await?).await
    }

    /// Activates a follow that awaits approval. `None` if it no longer does.
    ///
    /// # Errors
    /// As [`resume_follow`](Self::resume_follow).
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "approve_follow", server = %guild, follow = id.0))]
    pub async fn approve_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        hook: &FollowWebhook,
        door: Door,
        stamp: ChangeStamp,
    ) -> Result<Option<Follow>, StoreError> {
        let now = stored(stamp.at);
        let txn = self.audited_write(stamp).await?;
        let Some(row) = lock(&txn, guild, id).await?.filter(waits) else { return Ok(None) };
        doors::require(&**txn, door, source_root(&row)?, FollowServers::of(&row)?).await?;
        self.store_webhook(&txn, &row, Some(hook), now).await?;
        reactivate(&txn, id, now).await?;
        count_from(&txn, id, now).await?;
        unannounced::note_approved(&**txn, id.0).await?;
        self.commit_resumed(txn, &row, AuditAction::FollowApproved).await
    }

    /// Marks a follow that awaits approval as declined, and notes that its people should be told. `None` if
    /// it no longer awaits approval.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "decline_follow", server = %guild, follow = id.0))]
    pub async fn decline_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        stamp: ChangeStamp,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let Some(row) = lock(&txn, guild, id).await?.filter(waits) else { return Ok(None) };
        let update = "UPDATE channel_follows SET broken_reason = $2, updated_at = $3 WHERE id = $1";
        let values = [row.id.into(), BrokenReason::Declined.as_str().into(), stored(stamp.at).into()];
        Sql::new(update, values).execute(&**txn).await?;
        unannounced::note(&**txn, &[row.id]).await?;
        commit_changed(txn, guild, id, AuditAction::FollowDeclined, &json!({})).await
    }

    /// How many follows of this channel don't count as followers.
    pub(super) async fn count_refused(&self, source: ChannelId) -> Result<u64, StoreError> {
        let query = "SELECT COUNT(*) FROM channel_follows WHERE source_channel_id = $1 \
            AND broken_reason IN ('awaiting_approval', 'declined', 'removed', 'blocked')";
        let counted = Sql::new(query, [source.to_db().into()]).numbers(&self.db).await?;
        Ok(counted.first().map_or(0, |count| count.unsigned_abs()))
    }
}
