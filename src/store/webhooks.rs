//! The bot's own webhook of a target. A channel has room for 15 (Discord: error 30007), so all relay follows
//! into a target share one: every one of their rows carries it, and it is replaced in all of them at once.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::sql::{Sql, stored};
use super::{Store, StoreError, gates};
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::webhook::Webhook;

/// A webhook whose token is still sealed; it can be copied to another row as it is.
pub(super) struct SealedWebhook {
    pub(super) id: i64,
    pub(super) token: Vec<u8>,
}

impl Store {
    /// The bot's webhook of this target, whatever the state of the follows that use it: to be looked at before
    /// another is made. An active follow's goes first.
    pub async fn webhook_of(&self, target: ChannelId) -> Result<Option<Webhook>, StoreError> {
        self.open_webhook(sealed(&self.db, target, "").await?)
    }

    /// The webhook to send with: as above, but not that of broken follows, which may be gone.
    pub async fn lane_webhook(&self, target: ChannelId) -> Result<Option<Webhook>, StoreError> {
        self.open_webhook(sealed(&self.db, target, "AND broken_reason IS NULL").await?)
    }

    /// All webhooks that the bot posts through.
    pub async fn own_webhooks(&self) -> Result<Vec<WebhookId>, StoreError> {
        let query = "SELECT DISTINCT webhook_id FROM channel_follows WHERE webhook_id IS NOT NULL";
        let ids = Sql::new(query, []).numbers(&self.db).await?;
        Ok(ids.into_iter().map(WebhookId::from_db).collect::<Result<_, _>>()?)
    }

    /// Puts a new webhook in the place of the former one, for all relay follows into this target, whatever
    /// their state. Says how many there are.
    pub async fn replace_webhook(
        &self,
        target: ChannelId,
        webhook: &Webhook,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        gates::lanes(&*txn, [target]).await?;
        let replaced = replace(&*txn, target, &self.seal_webhook(webhook), now).await?;
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
    let read = |row: QueryResult| {
        Ok(SealedWebhook { id: row.try_get_by_index(0)?, token: row.try_get_by_index(1)? })
    };
    Sql::new(query, [target.to_db().into()]).row(db).await?.map(read).transpose()
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
