//! The bot's own webhook in a channel. A channel has room for 15 (Discord: error 30007), so all relay follows
//! into it and into its threads share one. Each of their rows contains it, and it is replaced in all of them
//! at once.
//!
//! If there is no relay follow, the lane itself stores the webhook: for panels next to Discord's own
//! following, and after the last follow, until the panels that it posted are withdrawn.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, Value};

use super::row;
use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::place::TargetKind;
use crate::domain::webhook::WebhookCredentials;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, channel_ids, stored};
use crate::store::lane::webhook::{BEST, INTO, SealedWebhook, panel_webhook, read};
use crate::store::{Store, StoreError};

/// Follows whose webhook belongs to the channel `$1`: into it, or into its threads.
const FOLLOWS_THROUGH: &str = "(target_channel_id = $1 OR target_parent_id = $1)";
/// Lanes whose webhook belongs to it.
const LANES_THROUGH: &str = "(target_channel_id = $1 OR parent_id = $1)";

impl Store {
    /// The bot's webhook in this channel, whatever the state of the follows that use it: checked before
    /// another one is created. An active follow's comes first.
    pub async fn webhook_of(&self, channel: ChannelId) -> Result<Option<WebhookCredentials>, StoreError> {
        let known = match sealed(&self.db, FOLLOWS_THROUGH, channel, "").await? {
            None => panel_webhook(&self.db, LANES_THROUGH, channel).await?,
            of_follow => of_follow,
        };
        known.map(|known| self.open_webhook(&known)).transpose()
    }

    /// Whether anything still posts through this webhook of that channel.
    pub async fn webhook_in_use(&self, channel: ChannelId, webhook: WebhookId) -> Result<bool, StoreError> {
        Ok(in_use(&self.db, channel, webhook.to_db()).await?)
    }

    /// The active follows whose webhook belongs to this channel: those into it, by relay or natively, and
    /// those into its threads; at most `limit`.
    pub async fn follows_through(&self, channel: ChannelId, limit: u64) -> Result<Vec<Follow>, StoreError> {
        let query = format!(
            "SELECT * FROM channel_follows WHERE {FOLLOWS_THROUGH} AND is_active ORDER BY id DESC LIMIT $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = Sql::new(query, [channel.to_db().into(), limit.into()]).rows_of(&self.db).await?;
        row::follows(&self.db, rows).await
    }

    /// Takes the target's panel webhook for deletion, once no panel needs it. `None` while a panel or a relay
    /// follow uses it.
    pub async fn take_panel_webhook(
        &self,
        target: ChannelId,
        target_kind: TargetKind,
    ) -> Result<Option<WebhookId>, StoreError> {
        // Usually there is none, and nothing is locked.
        if panel_webhook(&self.db, INTO, target).await?.is_none() {
            return Ok(None);
        }
        let txn = self.write().await?;
        lock_lanes(&*txn, target, target_kind).await?;
        let Some(webhook) = panel_webhook(&*txn, INTO, target).await? else { return Ok(None) };
        if panels_stand(&*txn, target).await? {
            return Ok(None);
        }
        set_panel_webhook(&*txn, target, None).await?;
        let in_use = in_use(&*txn, target_kind.webhook_channel(target), webhook.id).await?;
        txn.commit().await?;
        Ok(if in_use { None } else { Some(WebhookId::from_db(webhook.id)?) })
    }

    /// All webhooks that the bot posts through.
    pub async fn own_webhooks(&self) -> Result<Vec<WebhookId>, StoreError> {
        let query = "SELECT webhook_id FROM channel_follows WHERE webhook_id IS NOT NULL \
            UNION SELECT webhook_id FROM lanes WHERE webhook_id IS NOT NULL";
        let ids = Sql::new(query, []).numbers(&self.db).await?;
        Ok(ids.into_iter().map(WebhookId::from_db).collect::<Result<_, _>>()?)
    }

    /// Replaces the former webhook of this channel in everything that posts through it, whatever its state.
    /// Returns how many follows changed.
    pub async fn replace_webhook(
        &self,
        channel: ChannelId,
        webhook: &WebhookCredentials,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        lock_lanes(&*txn, channel, TargetKind::Channel).await?;
        let replaced = replace(&*txn, channel, &self.seal_webhook(webhook), now).await?;
        txn.commit().await?;
        Ok(replaced)
    }

    /// The same, and stores it as the panel webhook of this target's lane if no relay follow into the target
    /// has a webhook: next to Discord's own following.
    pub async fn provide_webhook(
        &self,
        target: ChannelId,
        target_kind: TargetKind,
        webhook: &WebhookCredentials,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        lock_lanes(&*txn, target, target_kind).await?;
        let webhook = self.seal_webhook(webhook);
        replace(&*txn, target_kind.webhook_channel(target), &webhook, now).await?;
        if sealed(&*txn, INTO, target, "").await?.is_none() {
            set_panel_webhook(&*txn, target, Some(&webhook)).await?;
        }
        txn.commit().await
    }
}

/// Locks a target and all others whose webhook belongs to the same channel.
pub(super) async fn lock_lanes(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    target_kind: TargetKind,
) -> Result<(), StoreError> {
    let query = format!(
        "SELECT target_channel_id FROM channel_follows WHERE {FOLLOWS_THROUGH} \
         UNION SELECT target_channel_id FROM lanes WHERE {LANES_THROUGH}"
    );
    let through = Sql::new(query, [target_kind.webhook_channel(target).to_db().into()]).numbers(txn).await?;
    let through = channel_ids(through)?;
    Ok(locks::lanes(txn, through.into_iter().chain([target])).await?)
}

/// The webhook of active relay follows through this channel.
pub(super) async fn shared(
    txn: &impl ConnectionTrait,
    channel: ChannelId,
) -> Result<Option<SealedWebhook>, DbErr> {
    sealed(txn, FOLLOWS_THROUGH, channel, "AND is_active").await
}

/// The webhook of the relay follows that meet the conditions (one with `$1`, and `AND …`).
async fn sealed(
    db: &impl ConnectionTrait,
    which: &str,
    channel: ChannelId,
    condition: &str,
) -> Result<Option<SealedWebhook>, DbErr> {
    let query = format!(
        "SELECT webhook_id, webhook_token FROM channel_follows WHERE {which} AND webhook_id IS NOT NULL {condition} {BEST}"
    );
    Sql::new(query, [channel.to_db().into()]).row(db).await?.map(|row| read(&row, 0)).transpose()
}

/// Whether a follow or a lane has this webhook of that channel.
pub(super) async fn in_use(
    db: &impl ConnectionTrait,
    channel: ChannelId,
    webhook: i64,
) -> Result<bool, DbErr> {
    let query = format!(
        "SELECT webhook_id FROM channel_follows WHERE {FOLLOWS_THROUGH} AND webhook_id = $2 \
         UNION SELECT webhook_id FROM lanes WHERE {LANES_THROUGH} AND webhook_id = $2"
    );
    Ok(Sql::new(query, [channel.to_db().into(), webhook.into()]).row(db).await?.is_some())
}

/// Keeps the webhook that a follow into this target had, if no other follow has one and panels are posted
/// there or must be withdrawn. Returns whether anything needs it now. The lock must be held.
pub(super) async fn keep(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    target_kind: TargetKind,
    webhook: &SealedWebhook,
) -> Result<bool, DbErr> {
    if sealed(txn, INTO, target, "").await?.is_none() && panels_stand(txn, target).await? {
        set_panel_webhook(txn, target, Some(webhook)).await?;
    }
    in_use(txn, target_kind.webhook_channel(target), webhook.id).await
}

async fn set_panel_webhook(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    webhook: Option<&SealedWebhook>,
) -> Result<(), DbErr> {
    let update = "UPDATE lanes SET webhook_id = $2, webhook_token = $3 WHERE target_channel_id = $1";
    let id = Value::BigInt(webhook.map(|webhook| webhook.id));
    let token = webhook.map(|webhook| webhook.token.clone());
    Sql::new(update, [target.to_db().into(), id, token.into()]).execute(txn).await?;
    Ok(())
}

/// Whether a panel is shown in this target, will be, or must still be withdrawn.
async fn panels_stand(db: &impl ConnectionTrait, target: ChannelId) -> Result<bool, DbErr> {
    let query = "SELECT d.id FROM deliveries d JOIN activities a ON a.id = d.activity_id \
        WHERE d.target_channel_id = $1 AND d.state <> 'ended' AND a.kind = 'panel' LIMIT 1";
    Ok(Sql::new(query, [target.to_db().into()]).row(db).await?.is_some())
}

/// Stores this webhook in all relay follows, and panel webhooks of lanes, of this channel. The lock must be
/// held.
pub(super) async fn replace(
    txn: &impl ConnectionTrait,
    channel: ChannelId,
    webhook: &SealedWebhook,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let values = || [channel.to_db().into(), webhook.id.into(), webhook.token.clone().into()];
    let update = format!(
        "UPDATE lanes SET webhook_id = $2, webhook_token = $3 WHERE {LANES_THROUGH} AND webhook_id <> $2"
    );
    Sql::new(update, values()).execute(txn).await?;
    let update = format!(
        "UPDATE channel_follows SET webhook_id = $2, webhook_token = $3, updated_at = $4 \
         WHERE {FOLLOWS_THROUGH} AND delivery = 'relay' AND webhook_id <> $2"
    );
    Sql::new(update, values().into_iter().chain([stored(now).into()])).execute(txn).await
}
