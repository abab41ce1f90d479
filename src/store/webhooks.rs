//! The bot's own webhook of a target. A channel has room for 15 (Discord: error 30007), so all relay follows
//! into a target share one: every one of their rows carries it, and it is replaced in all of them at once.
//!
//! Where there is no relay follow, the lane itself has it: for panels beside Discord's own following, and after the last
//! follow, until the panels that it posted are taken back.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::sql::{Sql, stored};
use super::{Store, StoreError, gates};
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::webhook::Webhook;

/// A webhook whose token is still sealed; it can be copied to another row as it is.
pub(super) struct SealedWebhook {
    pub(super) id: i64,
    pub(super) token: Vec<u8>,
}

/// The webhook that a lane sends with.
#[derive(Debug, Clone)]
pub struct LaneWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// It is no relay follow's, but there for panels alone.
    pub beside: bool,
}

impl Store {
    /// The bot's webhook of this target, whatever the state of the follows that use it: to be looked at before
    /// another is made. An active follow's goes first.
    pub async fn webhook_of(&self, target: ChannelId) -> Result<Option<Webhook>, StoreError> {
        Ok(self.webhook_or_beside(target, "").await?.map(|known| known.webhook))
    }

    /// The webhook to send with: as above, but not that of broken follows, which may be gone.
    pub async fn lane_webhook(&self, target: ChannelId) -> Result<Option<LaneWebhook>, StoreError> {
        self.webhook_or_beside(target, "AND broken_reason IS NULL").await
    }

    async fn webhook_or_beside(
        &self,
        target: ChannelId,
        which: &str,
    ) -> Result<Option<LaneWebhook>, StoreError> {
        let (sealed, beside) = match sealed(&self.db, target, which).await? {
            None => (beside(&self.db, target).await?, true),
            of_follow => (of_follow, false),
        };
        Ok(self.open_webhook(sealed)?.map(|webhook| LaneWebhook { webhook, beside }))
    }

    /// Takes over the webhook that the target has beside those of follows, once no panel needs it: it is to be deleted. `None` while one does, or where a relay follow uses
    /// it.
    pub async fn take_webhook_beside(&self, target: ChannelId) -> Result<Option<WebhookId>, StoreError> {
        // Mostly there is none, and nothing is locked.
        if beside(&self.db, target).await?.is_none() {
            return Ok(None);
        }
        let txn = self.write().await?;
        gates::lanes(&*txn, [target]).await?;
        let Some(webhook) = beside(&*txn, target).await? else { return Ok(None) };
        if panels_stand(&*txn, target).await? {
            return Ok(None);
        }
        set_beside(&*txn, target, None).await?;
        let in_use = sealed(&*txn, target, "").await?.is_some_and(|used| used.id == webhook.id);
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

    /// Puts a new webhook in the place of the former one, for all relay follows into this target, whatever
    /// their state; where there is none, beside Discord's own following. Says how many follows changed.
    pub async fn replace_webhook(
        &self,
        target: ChannelId,
        webhook: &Webhook,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        gates::lanes(&*txn, [target]).await?;
        let webhook = self.seal_webhook(webhook);
        let replaced = replace(&*txn, target, &webhook, now).await?;
        if sealed(&*txn, target, "").await?.is_none() {
            set_beside(&*txn, target, Some(&webhook)).await?;
        }
        txn.commit().await?;
        Ok(replaced)
    }

    pub(super) fn seal_webhook(&self, webhook: &Webhook) -> SealedWebhook {
        SealedWebhook { id: webhook.id.to_db(), token: self.cipher.seal_token(webhook.id, &webhook.token) }
    }

    fn open_webhook(&self, sealed: Option<SealedWebhook>) -> Result<Option<Webhook>, StoreError> {
        let Some(sealed) = sealed else { return Ok(None) };
        let id = WebhookId::from_db(sealed.id)?;
        Ok(Some(Webhook { id, token: self.cipher.open_token(id, &sealed.token)? }))
    }
}

/// The webhook that relay follows into this target have, those only that fit the condition (`AND …`).
pub(super) async fn sealed(
    db: &impl ConnectionTrait,
    target: ChannelId,
    condition: &str,
) -> Result<Option<SealedWebhook>, DbErr> {
    let query = format!(
        "SELECT webhook_id, webhook_token FROM channel_follows \
         WHERE target_channel_id = $1 AND webhook_id IS NOT NULL {condition} \
         ORDER BY is_active DESC, updated_at DESC, id LIMIT 1"
    );
    Sql::new(query, [target.to_db().into()]).row(db).await?.map(|row| read(&row)).transpose()
}

fn read(row: &QueryResult) -> Result<SealedWebhook, DbErr> {
    Ok(SealedWebhook { id: row.try_get_by_index(0)?, token: row.try_get_by_index(1)? })
}

/// The webhook that the target has beside those of follows.
async fn beside(db: &impl ConnectionTrait, target: ChannelId) -> Result<Option<SealedWebhook>, DbErr> {
    let query = "SELECT webhook_id, webhook_token FROM lanes \
        WHERE target_channel_id = $1 AND webhook_id IS NOT NULL AND webhook_token IS NOT NULL";
    Sql::new(query, [target.to_db().into()]).row(db).await?.map(|row| read(&row)).transpose()
}

/// Keeps a webhook that no relay follow has (any more) as long as panels stand in the target, or are to be taken back there. Whether there are any. The lane's gate must be
/// held.
pub(super) async fn keep_beside(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    webhook: &SealedWebhook,
) -> Result<bool, DbErr> {
    let needed = panels_stand(txn, target).await?;
    if needed {
        set_beside(txn, target, Some(webhook)).await?;
    }
    Ok(needed)
}

async fn set_beside(
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

/// Whether a panel is shown in this target, or is to be, or is still to be taken back.
async fn panels_stand(db: &impl ConnectionTrait, target: ChannelId) -> Result<bool, DbErr> {
    let query = "SELECT d.id FROM deliveries d JOIN activities a ON a.id = d.activity_id \
        WHERE d.target_channel_id = $1 AND d.state <> 'ended' AND a.kind = 'panel' LIMIT 1";
    Ok(Sql::new(query, [target.to_db().into()]).row(db).await?.is_some())
}

/// Gives all relay follows into this target this webhook. The lane's gate must be held.
pub(super) async fn replace(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    webhook: &SealedWebhook,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let update = "UPDATE channel_follows SET webhook_id = $2, webhook_token = $3, updated_at = $4 \
        WHERE target_channel_id = $1 AND delivery = 'relay' AND webhook_id <> $2";
    let values = [target.to_db().into(), webhook.id.into(), webhook.token.clone().into(), stored(now).into()];
    Sql::new(update, values).execute(txn).await
}
