//! The webhook that a lane sends with: that of the relay follows into its target, or one that the lane itself
//! keeps for panels. `follow::webhooks` says which one that is, and when it changes.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::deliveries::reaches_target;
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::webhook::WebhookCredentials;
use crate::store::db::sql::{Sql, Table};
use crate::store::{Store, StoreError};

/// A webhook whose token is still sealed. It can be copied to another row as it is.
pub(in crate::store) struct SealedWebhook {
    pub(in crate::store) id: i64,
    pub(in crate::store) token: Vec<u8>,
}

/// The webhook that a lane sends with.
#[derive(Debug, Clone)]
pub struct LaneWebhook {
    /// The webhook.
    pub webhook: WebhookCredentials,
    /// It belongs to no relay follow, and is kept for panels only.
    pub panels_only: bool,
}

/// What posts into the target `$1`.
pub(in crate::store) const INTO: &str = "target_channel_id = $1";
/// Prefers the best of several follows' webhooks.
pub(in crate::store) const BEST: &str = "ORDER BY is_active DESC, updated_at DESC, id LIMIT 1";

impl Store {
    /// The webhook to send into this target with: that of follows that aren't broken (a broken follow's may
    /// be gone), or the one for panels.
    pub async fn lane_webhook(&self, target: ChannelId) -> Result<Option<LaneWebhook>, StoreError> {
        let of_follow = of_targets(&self.db, [target.to_db()]).await?.remove(&target.to_db());
        let for_panels = panel_webhook(&self.db, INTO, target).await?;
        self.open_lane_webhook(of_follow.as_ref(), for_panels)
    }

    /// Opens the webhook that a lane sends with: a follow's, or else the one for panels.
    pub(super) fn open_lane_webhook(
        &self,
        of_follow: Option<&SealedWebhook>,
        of_lane: Option<SealedWebhook>,
    ) -> Result<Option<LaneWebhook>, StoreError> {
        let panels_only = of_follow.is_none();
        let Some(sealed) = of_follow.or(of_lane.as_ref()) else { return Ok(None) };
        Ok(Some(LaneWebhook { webhook: self.open_webhook(sealed)?, panels_only }))
    }

    pub(in crate::store) fn seal_webhook(&self, webhook: &WebhookCredentials) -> SealedWebhook {
        SealedWebhook { id: webhook.id.to_db(), token: self.cipher.seal_token(webhook.id, &webhook.token) }
    }

    pub(in crate::store) fn open_webhook(
        &self,
        sealed: &SealedWebhook,
    ) -> Result<WebhookCredentials, StoreError> {
        let id = WebhookId::from_db(sealed.id)?;
        Ok(WebhookCredentials { id, token: self.cipher.open_token(id, &sealed.token)? })
    }
}

/// The webhooks of relay follows into these targets, for those that still have one.
pub(super) async fn of_targets(
    db: &impl ConnectionTrait,
    targets: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, SealedWebhook>, DbErr> {
    let targets = Table::numbers("target", targets);
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let which = format!(
        " CROSS JOIN channel_follows g WHERE g.id = (SELECT id FROM channel_follows f \
         WHERE target_channel_id = t.target AND webhook_id IS NOT NULL AND {} {BEST})",
        reaches_target()
    );
    let query = Sql::new("SELECT t.target, g.webhook_id, g.webhook_token FROM ", []);
    let rows = query.table(db, targets).then(&which).keyed_rows(db).await?;
    rows.iter().map(|(target, row)| Ok((*target, read(row, 1)?))).collect()
}

/// The webhook that a lane keeps for panels.
pub(in crate::store) async fn panel_webhook(
    db: &impl ConnectionTrait,
    which: &str,
    channel: ChannelId,
) -> Result<Option<SealedWebhook>, DbErr> {
    let query = format!(
        "SELECT webhook_id, webhook_token FROM lanes \
         WHERE {which} AND webhook_id IS NOT NULL AND webhook_token IS NOT NULL LIMIT 1"
    );
    Sql::new(query, [channel.to_db().into()]).row(db).await?.map(|row| read(&row, 0)).transpose()
}

/// Reads the two columns from this one on.
pub(in crate::store) fn read(row: &QueryResult, from: usize) -> Result<SealedWebhook, DbErr> {
    Ok(SealedWebhook { id: row.try_get_by_index(from)?, token: row.try_get_by_index(from + 1)? })
}
