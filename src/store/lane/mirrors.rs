//! What a message in a target mirrors.

use sea_orm::{EntityTrait, FromQueryResult};

use super::deliveries::{SET_DUE, WAKE};
use crate::domain::activity::{ActivityId, DeliveryId, Mirror, Origin, Part, Revision, Staleness};
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::store::db::entity::mirrors;
use crate::store::db::locks;
use crate::store::db::sql::Sql;
use crate::store::{Notice, Store, StoreError};

/// Assigns to a row of `mirrors` that it has to be edited although it shows the newest revision. An edit that
/// began before, and is recorded after, doesn't make it fresh.
pub(in crate::store) const MARK_STALE: &str = "stale = TRUE, stale_marks = stale_marks + 1";

/// A mirror and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The mirror.
    pub mirror: Mirror,
    /// The activity that it shows a part of.
    pub activity: ActivityId,
    /// The activity's origin.
    pub origin: Origin,
    /// The delivery that it fulfils.
    pub delivery: DeliveryId,
    /// The webhook's channel; the mirror may be in a thread of it.
    pub target: ChannelId,
    /// The follow; `None` once that is removed.
    pub follow: Option<FollowId>,
}

#[derive(FromQueryResult)]
struct MirroredRow {
    activity_id: i64,
    target_channel_id: i64,
    follow_id: Option<i64>,
    origin: String,
}

impl Store {
    /// Whether this is the only known mirror in its channel.
    pub async fn stands_alone(&self, mirror: &Mirror) -> Result<bool, StoreError> {
        let query = "SELECT message_id FROM mirrors WHERE channel_id = $1 AND message_id <> $2 LIMIT 1";
        let values = [mirror.channel.to_db().into(), mirror.message.to_db().into()];
        Ok(Sql::new(query, values).row(&self.db).await?.is_none())
    }

    /// Has this mirror edited again: a process that had lost the lane may have been the last to change it, to
    /// something old.
    pub async fn show_again(&self, message: MessageId) -> Result<(), StoreError> {
        let Some(Mirrored { delivery, target, .. }) = self.mirrored(message).await? else { return Ok(()) };
        let txn = self.write().await?;
        locks::existing_lanes(&*txn, [target]).await?;
        let unsure = format!("UPDATE mirrors SET {MARK_STALE}, file_ids = NULL WHERE message_id = $1");
        Sql::new(unsure, [message.to_db().into()]).execute(&*txn).await?;
        let reopen = format!("UPDATE deliveries SET {SET_DUE} WHERE id = $1 AND state = 'shown'");
        Sql::new(reopen, [delivery.0.into()]).execute(&*txn).await?;
        Sql::new(WAKE, []).list([target.to_db()]).execute(&*txn).await?;
        self.notify_on_commit(&*txn, &Notice::Work(vec![target])).await?;
        txn.commit().await
    }

    /// What this message mirrors. `None` if it isn't a mirror.
    pub async fn mirrored(&self, message: MessageId) -> Result<Option<Mirrored>, StoreError> {
        let Some(row) = mirrors::Entity::find_by_id(message.to_db()).one(&self.db).await? else {
            return Ok(None);
        };
        let delivery = DeliveryId(row.delivery_id);
        let mirror = read_mirror(row)?;
        let query = "SELECT d.activity_id, d.target_channel_id, d.follow_id, a.origin \
            FROM deliveries d JOIN activities a ON a.id = d.activity_id WHERE d.id = $1";
        let Some(row) = Sql::new(query, [delivery.0.into()]).rows_of::<MirroredRow>(&self.db).await?.pop()
        else {
            return Ok(None);
        };
        let origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
        Ok(Some(Mirrored {
            mirror,
            activity: ActivityId(row.activity_id),
            origin,
            delivery,
            target: ChannelId::from_db(row.target_channel_id)?,
            follow: row.follow_id.map(FollowId),
        }))
    }
}

/// The mirror of this row.
pub(in crate::store) fn read_mirror(row: mirrors::Model) -> Result<Mirror, StoreError> {
    Ok(Mirror {
        message: MessageId::from_db(row.message_id)?,
        channel: ChannelId::from_db(row.channel_id)?,
        webhook: WebhookId::from_db(row.webhook_id)?,
        part: Part(row.part),
        revision: Revision(row.revision),
        staleness: Staleness { is_stale: row.stale, marks: row.stale_marks },
        files: row.file_ids.iter().flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()).collect(),
    })
}
