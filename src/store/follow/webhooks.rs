//! The bot's own webhook of a channel. A channel has room for 15 (Discord: error 30007), so all relay follows
//! into it and into its threads share one: every one of their rows carries it, and it is replaced in all of them at once.
//!
//! Where there is no relay follow, the lane itself has it: for panels beside Discord's own following, and after the last
//! follow, until the panels that it posted are taken back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::{row, state};
use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::place::Spot;
use crate::domain::webhook::Webhook;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, Table, channel_ids, stored};
use crate::store::{Store, StoreError};

/// A webhook whose token is still sealed; it can be copied to another row as it is.
pub(in crate::store) struct SealedWebhook {
    pub(in crate::store) id: i64,
    pub(in crate::store) token: Vec<u8>,
}

/// The webhook that a lane sends with.
#[derive(Debug, Clone)]
pub struct LaneWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// It is no relay follow's, but there for panels alone.
    pub beside: bool,
}

/// What posts into the target `$1`.
const INTO: &str = "target_channel_id = $1";
/// Follows whose webhook stands in the channel `$1`: into it, or into its threads.
const FOLLOWS_THROUGH: &str = "(target_channel_id = $1 OR target_parent_id = $1)";
/// Lanes whose webhook stands there.
const LANES_THROUGH: &str = "(target_channel_id = $1 OR parent_id = $1)";

/// Of several follows' webhooks, the best.
const BEST: &str = "ORDER BY is_active DESC, updated_at DESC, id LIMIT 1";

impl Store {
    /// The bot's webhook that stands in this channel, whatever the state of the follows that use it: to be looked at before
    /// another is made. An active follow's goes first.
    pub async fn webhook_of(&self, channel: ChannelId) -> Result<Option<Webhook>, StoreError> {
        let known = match sealed(&self.db, FOLLOWS_THROUGH, channel, "").await? {
            None => beside(&self.db, LANES_THROUGH, channel).await?,
            of_follow => of_follow,
        };
        known.map(|known| self.open_webhook(&known)).transpose()
    }

    /// The webhook to send into this target with: that of follows that aren't broken (theirs may be gone), or the one beside them.
    pub async fn lane_webhook(&self, target: ChannelId) -> Result<Option<LaneWebhook>, StoreError> {
        let of_follow = into(&self.db, [target.to_db()]).await?.remove(&target.to_db());
        let beside = beside(&self.db, INTO, target).await?;
        self.open_lane_webhook(of_follow.as_ref(), beside)
    }

    /// Opens the webhook that a lane sends with: a follow's, else the one beside them.
    pub(in crate::store) fn open_lane_webhook(
        &self,
        of_follow: Option<&SealedWebhook>,
        of_lane: Option<SealedWebhook>,
    ) -> Result<Option<LaneWebhook>, StoreError> {
        let beside = of_follow.is_none();
        let Some(sealed) = of_follow.or(of_lane.as_ref()) else { return Ok(None) };
        Ok(Some(LaneWebhook { webhook: self.open_webhook(sealed)?, beside }))
    }

    /// Whether anything still posts through this webhook, which stands in that channel.
    pub async fn webhook_in_use(&self, channel: ChannelId, webhook: WebhookId) -> Result<bool, StoreError> {
        Ok(in_use(&self.db, channel, webhook.to_db()).await?)
    }

    /// The active follows whose webhook stands in this channel: those into it, by relay or natively, and those into its threads; at most so many.
    pub async fn follows_through(&self, channel: ChannelId, limit: u64) -> Result<Vec<Follow>, StoreError> {
        let query = format!(
            "SELECT * FROM channel_follows WHERE {FOLLOWS_THROUGH} AND is_active ORDER BY id DESC LIMIT $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = Sql::new(query, [channel.to_db().into(), limit.into()]).rows_of(&self.db).await?;
        row::follows(&self.db, rows).await
    }

    /// Takes over the webhook that the target has beside those of follows, once no panel needs it: it is to be deleted. `None` while one does, or where a relay follow uses
    /// it.
    pub async fn take_webhook_beside(
        &self,
        target: ChannelId,
        spot: Spot,
    ) -> Result<Option<WebhookId>, StoreError> {
        // Mostly there is none, and nothing is locked.
        if beside(&self.db, INTO, target).await?.is_none() {
            return Ok(None);
        }
        let txn = self.write().await?;
        gate(&*txn, target, spot).await?;
        let Some(webhook) = beside(&*txn, INTO, target).await? else { return Ok(None) };
        if panels_stand(&*txn, target).await? {
            return Ok(None);
        }
        set_beside(&*txn, target, None).await?;
        let in_use = in_use(&*txn, spot.webhook_channel(target), webhook.id).await?;
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

    /// Puts a new webhook in the place of the former one that stood in this channel, in all that posts through it, whatever
    /// its state. Says how many follows changed.
    pub async fn replace_webhook(
        &self,
        channel: ChannelId,
        webhook: &Webhook,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        gate(&*txn, channel, Spot::Channel).await?;
        let replaced = replace(&*txn, channel, &self.seal_webhook(webhook), now).await?;
        txn.commit().await?;
        Ok(replaced)
    }

    /// The same, and gives the webhook to this target's lane where no relay follow into it has one: beside Discord's own following.
    pub async fn provide_webhook(
        &self,
        target: ChannelId,
        spot: Spot,
        webhook: &Webhook,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        gate(&*txn, target, spot).await?;
        let webhook = self.seal_webhook(webhook);
        replace(&*txn, spot.webhook_channel(target), &webhook, now).await?;
        if sealed(&*txn, INTO, target, "").await?.is_none() {
            set_beside(&*txn, target, Some(&webhook)).await?;
        }
        txn.commit().await
    }

    pub(super) fn seal_webhook(&self, webhook: &Webhook) -> SealedWebhook {
        SealedWebhook { id: webhook.id.to_db(), token: self.cipher.seal_token(webhook.id, &webhook.token) }
    }

    fn open_webhook(&self, sealed: &SealedWebhook) -> Result<Webhook, StoreError> {
        let id = WebhookId::from_db(sealed.id)?;
        Ok(Webhook { id, token: self.cipher.open_token(id, &sealed.token)? })
    }
}

/// Takes the gates of a target and of all others whose webhook stands in the same channel.
pub(super) async fn gate(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    spot: Spot,
) -> Result<(), StoreError> {
    let query = format!(
        "SELECT target_channel_id FROM channel_follows WHERE {FOLLOWS_THROUGH} \
         UNION SELECT target_channel_id FROM lanes WHERE {LANES_THROUGH}"
    );
    let through = Sql::new(query, [spot.webhook_channel(target).to_db().into()]).numbers(txn).await?;
    let through = channel_ids(through)?;
    Ok(locks::lanes(txn, through.into_iter().chain([target])).await?)
}

/// The webhook that active relay follows have, of those whose webhook stands in this channel.
pub(super) async fn shared(
    txn: &impl ConnectionTrait,
    channel: ChannelId,
) -> Result<Option<SealedWebhook>, DbErr> {
    sealed(txn, FOLLOWS_THROUGH, channel, "AND is_active").await
}

/// The webhook of relay follows, those that fit the conditions (one with `$1`, and `AND …`).
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

/// The webhooks of relay follows into these targets, of those that still have one there.
pub(in crate::store) async fn into(
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
        state::reaches_target()
    );
    let query = Sql::new("SELECT t.target, g.webhook_id, g.webhook_token FROM ", []);
    let rows = query.table(db, targets).then(&which).keyed_rows(db).await?;
    rows.iter().map(|(target, row)| Ok((*target, read(row, 1)?))).collect()
}

/// Whether a follow or a lane has this webhook, which stands in that channel.
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

/// Reads the two columns from this one on.
fn read(row: &QueryResult, from: usize) -> Result<SealedWebhook, DbErr> {
    Ok(SealedWebhook { id: row.try_get_by_index(from)?, token: row.try_get_by_index(from + 1)? })
}

/// The webhook that a lane has beside those of follows.
async fn beside(
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

/// Keeps the webhook that a follow into this target had, where no other has one, as long as panels stand there, or are to be taken back. Whether anything needs it now. The
/// gate must be held.
pub(super) async fn keep(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    spot: Spot,
    webhook: &SealedWebhook,
) -> Result<bool, DbErr> {
    if sealed(txn, INTO, target, "").await?.is_none() && panels_stand(txn, target).await? {
        set_beside(txn, target, Some(webhook)).await?;
    }
    in_use(txn, spot.webhook_channel(target), webhook.id).await
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

/// Gives this webhook to all relay follows, and lanes beside them, whose webhook stands in this channel. The gate must be held.
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
