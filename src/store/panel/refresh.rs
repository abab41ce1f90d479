//! The outcome of refreshing a panel: its message, its data, its state.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::changes::change;
use super::mirrors;
use crate::domain::activity::{ActivityContent, Origin, Revision};
use crate::domain::audit::{AuditAction, ChangedBy};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::panel::{Panel, PanelId, PanelSnapshot};
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// The outcome of a panel's refresh, recorded at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRefresh {
    /// When it began.
    pub at: DateTime<Utc>,
    /// When the next one is due, unless somebody wants one earlier.
    pub next: DateTime<Utc>,
    /// The data that it collected, if the source answered.
    pub data: Option<serde_json::Value>,
    /// The revision that the panel's message shows now.
    pub shown_revision: Option<i32>,
    /// How often Discord refused an edit as too frequent.
    pub slowed: u32,
    /// What is wrong, for people.
    pub error: Option<String>,
}

#[derive(FromQueryResult)]
struct FaceRow {
    revision: i32,
    content: Option<Vec<u8>>,
}

impl Store {
    /// Records that a panel's message is about to be posted. It will be newer than the message `after`.
    pub async fn begin_posting(&self, id: PanelId, after: MessageId) -> Result<(), StoreError> {
        let update = "UPDATE panels SET posting_after_id = $2 WHERE id = $1 AND message_id IS NULL";
        Sql::new(update, [id.0.into(), after.to_db().into()]).execute(&self.db).await?;
        Ok(())
    }

    /// Records that a panel's message surely wasn't created.
    pub async fn not_posted(&self, id: PanelId) -> Result<(), StoreError> {
        let update = "UPDATE panels SET posting_after_id = NULL WHERE id = $1 AND message_id IS NULL";
        Sql::new(update, [id.0.into()]).execute(&self.db).await?;
        Ok(())
    }

    /// Records a panel's message: from now on the panel is an activity, delivered to all who follow its
    /// channel. `shown` is the revision that the message shows; a message that was found after a doubt may
    /// show something older, 0. Returns the targets.
    pub async fn panel_posted(
        &self,
        panel: &Panel,
        message: MessageId,
        face: PanelSnapshot,
        shown: Revision,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let origin = Origin::Panel { channel: panel.channel, message };
        let sealed = self.cipher.seal_content(origin, &ActivityContent::from(face));
        let txn = self.write().await?;
        locks::sources(&*txn, [panel.channel]).await?;
        let targets = mirrors::followers(&*txn, panel.channel).await?;
        locks::lanes(&*txn, targets.iter().copied()).await?;
        let update =
            "UPDATE panels SET message_id = $2, posting_after_id = NULL, shown_revision = $3 WHERE id = $1";
        let values = [panel.id.0.into(), message.to_db().into(), shown.0.into()];
        Sql::new(update, values).execute(&*txn).await?;
        let insert = "INSERT INTO activities \
            (origin, kind, source_channel_id, source_message_id, revision, content, created_at) \
            VALUES ($1, $2, $3, $4, 1, $5, $6) ON CONFLICT DO NOTHING RETURNING id";
        let values = [
            origin.to_string().into(),
            origin.kind().into(),
            panel.channel.to_db().into(),
            message.to_db().into(),
            sealed.into(),
            stored(now).into(),
        ];
        for activity in Sql::new(insert, values).numbers(&*txn).await? {
            mirrors::deliver_to_all(&*txn, activity).await?;
        }
        txn.commit().await?;
        Ok(targets)
    }

    /// What a panel shows, and as which revision. `None` if it is deleted or doesn't exist.
    pub async fn face(&self, origin: Origin) -> Result<Option<(Revision, PanelSnapshot)>, StoreError> {
        let query = "SELECT revision, content FROM activities WHERE origin = $1 AND NOT deleted";
        let row = Sql::new(query, [origin.to_string().into()]).rows_of::<FaceRow>(&self.db).await?.pop();
        let Some(FaceRow { revision, content: Some(sealed) }) = row else { return Ok(None) };
        match self.cipher.open_content(origin, &sealed)? {
            ActivityContent::Panel { panel } => Ok(Some((Revision(revision), *panel))),
            ActivityContent::Message(_) => Err(StoreError::Unreadable("content")),
        }
    }

    /// Records the refresh of a panel that was [claimed](Self::claim_panel) until that time.
    pub async fn record_refresh(
        &self,
        id: PanelId,
        claimed_until: DateTime<Utc>,
        look: &PanelRefresh,
    ) -> Result<(), StoreError> {
        let update = "UPDATE panels SET refreshed_at = $2, \
            next_refresh_at = CASE WHEN next_refresh_at = $3 THEN $4 ELSE next_refresh_at END, \
            data = COALESCE($5, data), data_at = CASE WHEN $5 IS NULL THEN data_at ELSE $2 END, \
            shown_revision = $6, slowed = $7, error = $8 WHERE id = $1 AND state = 'active'";
        let values = [
            id.0.into(),
            stored(look.at).into(),
            stored(claimed_until).into(),
            stored(look.next).into(),
            look.data.as_ref().map(ToString::to_string).into(),
            look.shown_revision.into(),
            i32::try_from(look.slowed).unwrap_or(i32::MAX).into(),
            look.error.clone().into(),
        ];
        Sql::new(update, values).execute(&self.db).await?;
        Ok(())
    }

    /// Stops keeping a panel current, for this reason; its message is no longer its own.
    pub async fn panel_inactive(
        &self,
        id: PanelId,
        error: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = "UPDATE panels SET state = 'inactive', error = $2, message_id = NULL, posting_after_id = NULL, \
            shown_revision = NULL, updated_at = $3 WHERE id = $1 AND state = 'active' RETURNING id, guild_id";
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        let update = Sql::new(update, [id.0.into(), error.into(), stored(now).into()]);
        let stopped = change(&**txn, update, AuditAction::PanelStopped).await?;
        txn.commit(stopped).await
    }
}
