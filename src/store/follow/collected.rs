//! Follows that come from a collection's: who has them, and how they end.

use sea_orm::{ConnectionTrait, DbErr};
use serde_json::json;

use super::change::{commit_changed, lock};
use crate::domain::audit::{AuditAction, ChangeStamp};
use crate::domain::collection_follow::CollectionFollowId;
use crate::domain::follow::{ChannelPair, Follow, FollowId};
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::sql::Sql;
use crate::store::{Removed, Store, StoreError};

/// Forgets what kept a pair from being followed for the sake of a collection: it is followed now.
pub(super) async fn close_gaps(txn: &impl ConnectionTrait, pair: ChannelPair) -> Result<(), DbErr> {
    let delete = "DELETE FROM collection_follow_gaps WHERE channel_id = $1 AND collection_follow_id IN \
        (SELECT id FROM collection_follows WHERE target_channel_id = $2)";
    Sql::new(delete, [pair.source.to_db().into(), pair.target.to_db().into()]).execute(txn).await.map(drop)
}

impl Store {
    /// Removes a follow that comes from this collection's follow. `None` if it doesn't any more.
    pub async fn delete_collected_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        from: CollectionFollowId,
        stamp: ChangeStamp,
    ) -> Result<Option<Removed>, StoreError> {
        self.delete_if(guild, id, |row| row.collection_follow_id == Some(from.0), stamp).await
    }

    /// Passes a follow that comes from one collection's follow to another, or to those who made it by hand.
    /// `None` if it doesn't come from that one any more.
    pub async fn pass_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        from: CollectionFollowId,
        to: Option<CollectionFollowId>,
        stamp: ChangeStamp,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let row = lock(&txn, guild, id).await?;
        if row.is_none_or(|row| row.collection_follow_id != Some(from.0)) {
            return Ok(None);
        }
        let update = "UPDATE channel_follows SET collection_follow_id = $2, created_by = COALESCE($3, created_by) \
            WHERE id = $1";
        let by = stamp.by.user().filter(|_| to.is_none()).map(UserId::to_db);
        Sql::new(update, [id.0.into(), to.map(|to| to.0).into(), by.into()]).execute(&**txn).await?;
        let detail = json!({ "collectionFollow": [from.0, to.map(|to| to.0)] });
        commit_changed(txn, guild, id, AuditAction::FollowChanged, &detail).await
    }
}
