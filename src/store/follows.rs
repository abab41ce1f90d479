//! Making, changing and removing follows.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
};

use super::connect::Write;
use super::doors::Servers;
use super::entity::{channel_follow_tags, channel_follows};
use super::sql::{Kind, Sql, Table, stored};
use super::webhooks::{self, SealedWebhook};
use super::{
    Signal, Store, StoreError, doors, follow_limits, follow_row, follow_state, follower_news, gates, lanes,
    panel_mirrors,
};
use crate::domain::follow::{
    Approval, BrokenReason, Delivery, Door, Filter, Follow, FollowId, FollowOptions, NewFollow, Pair,
};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::place::Spot;
use crate::domain::servers::FollowsFull;
use crate::domain::webhook::Webhook;

/// What posts into the target.
#[derive(Debug, Clone)]
pub enum Hook {
    /// Discord's own webhook, which has no token.
    Native(WebhookId),
    /// The same, which there isn't yet: the follow waits until it is approved.
    NativeLater,
    /// The bot's.
    Relay(Webhook),
}

/// What became of a follow that was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored. Its webhook may be another than the one given: where follows into the target already
    /// deliver through one, that is kept, and the one given is to be removed again.
    Made(Follow),
    /// Its pair is followed already; nothing was changed.
    AlreadyThere(Follow),
    /// It would pass this limit; nothing was changed.
    Full(FollowsFull),
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The follow as it was.
    pub follow: Follow,
    /// Another follow, into the same channel or a thread of it, uses the bot's webhook; otherwise it can be deleted.
    pub webhook_still_needed: bool,
}

impl Store {
    /// Stores a follow, active; waiting, where the source's moderators want to be asked, or nothing delivers yet. Of two that come at the same instant for one
    /// pair, the second finds the first.
    ///
    /// # Errors
    /// [`StoreError::WrongHook`] where the hook is of another kind than the options' delivery. [`StoreError::Closed`] and [`StoreError::Blocked`] where the source
    /// was closed to the target's server meanwhile. [`StoreError::NotServed`] where one of the two servers is blocked.
    pub async fn insert_follow(
        &self,
        new: &NewFollow,
        hook: &Hook,
        now: DateTime<Utc>,
    ) -> Result<Inserted, StoreError> {
        let txn = self.write().await?;
        follow_limits::gate(&*txn, new).await?;
        gates::sources(&*txn, [Some(new.pair.source), new.source_parent].into_iter().flatten()).await?;
        webhooks::gate(&*txn, new.pair.target, new.spot).await?;
        let root = new.source_parent.unwrap_or(new.pair.source);
        let servers = Servers { source: new.source_guild, target: new.guild };
        let publication = doors::require(&*txn, new.door, root, servers).await?;
        if let Some(there) = follow_row::one(&*txn, by_pair(&*txn, new.pair).await?).await? {
            return Ok(Inserted::AlreadyThere(there));
        }
        if let Some(full) = follow_limits::full(&*txn, new).await? {
            return Ok(Inserted::Full(full));
        }
        let now = stored(now);
        let waits = publication.approval == Approval::Ask || matches!(hook, Hook::NativeLater);
        let hook = match hook {
            Hook::Native(_) if waits => &Hook::NativeLater,
            hook => hook,
        };
        let hooks = self
            .hook_columns(&txn, new.spot.webhook_channel(new.pair.target), new.options.delivery, hook, now)
            .await?;
        let row = channel_follows::ActiveModel {
            id: NotSet,
            source_channel_id: Set(new.pair.source.to_db()),
            target_channel_id: Set(new.pair.target.to_db()),
            guild_id: Set(new.guild.to_db()),
            source_guild_id: Set(new.source_guild.to_db()),
            delivery: Set(new.options.delivery.as_str().to_owned()),
            webhook_id: Set(hooks.relay.as_ref().map(|webhook| webhook.id)),
            webhook_token: Set(hooks.relay.map(|webhook| webhook.token)),
            follower_webhook_id: Set(hooks.native),
            mode: Set(new.options.filter.mode().as_str().to_owned()),
            panels: Set(new.options.panels),
            is_active: Set(!waits),
            broken_reason: Set(waits.then(|| BrokenReason::AwaitingApproval.as_str().to_owned())),
            created_by: Set(new.created_by.to_db()),
            created_at: Set(now),
            updated_at: Set(now),
            threads: Set(new.options.threads.as_str().to_owned()),
            source_parent_id: Set(new.source_parent.map(ChannelId::to_db)),
            target_parent_id: Set(new.spot.parent().map(ChannelId::to_db)),
            target_forum: Set(new.spot == Spot::Forum),
            exposure: Set(new.exposure.as_str().to_owned()),
            lacking: Set(0),
            source_restricted: Set(new.source_restricted),
            source_private: Set(Some(new.source_private)),
            published_only: Set(new.door == Door::Announcement),
        };
        let row = row.insert(&*txn).await?;
        insert_tags(&*txn, row.id, &new.options.filter).await?;
        // It is still known when nobody follows the source any more.
        let server = "UPDATE channels SET guild_id = $2 WHERE channel_id = $1";
        let values = [new.pair.source.to_db().into(), new.source_guild.to_db().into()];
        Sql::new(server, values).execute(&*txn).await?;
        lanes::set_spot(&*txn, new.pair.target, new.spot).await?;
        panel_mirrors::refit(&*txn, row.id).await?;
        if servers.differ() {
            follower_news::note(&*txn, row.id, root, &publication).await?;
        }
        let made =
            follow_row::one(&*txn, Some(row)).await?.ok_or(StoreError::Unreadable("channel_follows"))?;
        self.tell_with(&*txn, &Signal::Follow(made.id)).await?;
        txn.commit().await?;
        Ok(Inserted::Made(made))
    }

    /// Changes what was chosen for a follow; `None` where this server has no such follow. `hook` is needed
    /// where the kind of delivery changes. A follow that leaves the relay ends what it still owed.
    ///
    /// # Errors
    /// [`StoreError::WrongHook`] where the delivery changes and no hook of the new kind is given. [`StoreError::Closed`] and [`StoreError::Blocked`] where the
    /// source was closed to the target's server meanwhile.
    pub async fn update_options(
        &self,
        guild: GuildId,
        id: FollowId,
        options: &FollowOptions,
        hook: Option<&Hook>,
        door: Door,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.write().await?;
        let Some(before) = lock(&txn, guild, id).await? else { return Ok(None) };
        doors::require(&*txn, door, source_root(&before)?, Servers::of(&before)?).await?;
        let now = stored(now);
        let delivery = options.delivery;
        let mut row = before.clone().into_active_model();
        match hook {
            Some(hook) => {
                let (target, spot) = target(&before)?;
                let channel = spot.webhook_channel(target);
                let hooks = self.hook_columns(&txn, channel, delivery, hook, now).await?;
                row.webhook_id = Set(hooks.relay.as_ref().map(|webhook| webhook.id));
                row.webhook_token = Set(hooks.relay.map(|webhook| webhook.token));
                row.follower_webhook_id = Set(hooks.native);
            }
            None if before.delivery != delivery.as_str() => return Err(StoreError::WrongHook),
            None => {}
        }
        if before.delivery == Delivery::Relay.as_str() && delivery == Delivery::Native {
            follow_state::end_owed_messages(&*txn, &[id.0]).await?;
        }
        row.delivery = Set(delivery.as_str().to_owned());
        row.mode = Set(options.filter.mode().as_str().to_owned());
        row.threads = Set(options.threads.as_str().to_owned());
        row.panels = Set(options.panels);
        row.updated_at = Set(now);
        let row = row.update(&*txn).await?;
        channel_follow_tags::Entity::delete_many()
            .filter(channel_follow_tags::Column::FollowId.eq(id.0))
            .exec(&*txn)
            .await?;
        insert_tags(&*txn, id.0, &options.filter).await?;
        if before.panels != options.panels {
            panel_mirrors::refit(&*txn, id.0).await?;
        }
        if before.delivery != delivery.as_str() {
            keep_for_panels(&txn, &before).await?;
        }
        let follow = follow_row::one(&*txn, Some(row)).await?;
        self.tell_with(&*txn, &Signal::Follow(id)).await?;
        txn.commit().await?;
        Ok(follow)
    }

    /// Removes a follow; `None` where this server has none of that number. What it still owed ends with it, and the
    /// panels that it showed go; mirrors of messages stay.
    pub async fn delete_follow(&self, guild: GuildId, id: FollowId) -> Result<Option<Removed>, StoreError> {
        let txn = self.write().await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        let follow = follow_row::one(&*txn, Some(row.clone()))
            .await?
            .ok_or(StoreError::Unreadable("channel_follows"))?;
        panel_mirrors::withdraw(&*txn, id.0).await?;
        follow_state::end_owed(&*txn, &[id.0]).await?;
        // What it has shown may still have to go, and nothing else will say in which server that is.
        let server = "UPDATE deliveries SET former_guild_id = $2 WHERE follow_id = $1";
        Sql::new(server, [id.0.into(), row.guild_id.into()]).execute(&*txn).await?;
        channel_follows::Entity::delete_by_id(id.0).exec(&*txn).await?;
        let webhook_still_needed = keep_for_panels(&txn, &row).await?;
        txn.commit().await?;
        Ok(Some(Removed { follow, webhook_still_needed }))
    }

    /// The columns of a hook that stands in this channel. A relay follow takes the webhook that active ones through it have; where
    /// there is none, those that aren't active take this one.
    pub(super) async fn hook_columns(
        &self,
        txn: &Write,
        channel: ChannelId,
        delivery: Delivery,
        hook: &Hook,
        now: DateTime<Utc>,
    ) -> Result<HookColumns, StoreError> {
        match (delivery, hook) {
            (Delivery::Native, Hook::Native(webhook)) => {
                Ok(HookColumns { native: Some(webhook.to_db()), relay: None })
            }
            (Delivery::Native, Hook::NativeLater) => {
                Ok(HookColumns { native: Some(follow_row::NO_WEBHOOK), relay: None })
            }
            (Delivery::Relay, Hook::Relay(webhook)) => {
                let shared = match webhooks::shared(&**txn, channel).await? {
                    Some(shared) => shared,
                    None => {
                        let webhook = self.seal_webhook(webhook);
                        webhooks::replace(&**txn, channel, &webhook, now).await?;
                        webhook
                    }
                };
                Ok(HookColumns { native: None, relay: Some(shared) })
            }
            _ => Err(StoreError::WrongHook),
        }
    }
}

/// Whether the webhook that a follow had is still needed: by another follow, or by panels; for these it is kept.
async fn keep_for_panels(txn: &Write, former: &channel_follows::Model) -> Result<bool, StoreError> {
    let (Some(id), Some(token)) = (former.webhook_id, former.webhook_token.clone()) else { return Ok(false) };
    let (target, spot) = target(former)?;
    Ok(webhooks::keep(&**txn, target, spot, &SealedWebhook { id, token }).await?)
}

/// The target of a row, and what that is.
pub(super) fn target(row: &channel_follows::Model) -> Result<(ChannelId, Spot), StoreError> {
    let parent = row.target_parent_id.map(ChannelId::from_db).transpose()?;
    Ok((ChannelId::from_db(row.target_channel_id)?, Spot::from_parts(parent, row.target_forum)))
}

/// The channel of a row's source.
pub(super) fn source_root(row: &channel_follows::Model) -> Result<ChannelId, StoreError> {
    Ok(ChannelId::from_db(row.source_parent_id.unwrap_or(row.source_channel_id))?)
}

/// A follow's webhook as its row has it: one or the other.
pub(super) struct HookColumns {
    pub(super) native: Option<i64>,
    pub(super) relay: Option<SealedWebhook>,
}

/// Finds a follow of this server, takes the gates of its source and target, and reads it again.
pub(super) async fn lock(
    txn: &Write,
    guild: GuildId,
    id: FollowId,
) -> Result<Option<channel_follows::Model>, StoreError> {
    let Some(row) = by_id(&**txn, guild, id).await? else { return Ok(None) };
    gates::sources(&**txn, [ChannelId::from_db(row.source_channel_id)?, source_root(&row)?]).await?;
    let (target, spot) = target(&row)?;
    webhooks::gate(&**txn, target, spot).await?;
    Ok(by_id(&**txn, guild, id).await?)
}

pub(super) async fn by_id(
    db: &impl ConnectionTrait,
    guild: GuildId,
    id: FollowId,
) -> Result<Option<channel_follows::Model>, DbErr> {
    channel_follows::Entity::find_by_id(id.0)
        .filter(channel_follows::Column::GuildId.eq(guild.to_db()))
        .one(db)
        .await
}

pub(super) async fn by_pair(
    db: &impl ConnectionTrait,
    pair: Pair,
) -> Result<Option<channel_follows::Model>, DbErr> {
    channel_follows::Entity::find()
        .filter(channel_follows::Column::SourceChannelId.eq(pair.source.to_db()))
        .filter(channel_follows::Column::TargetChannelId.eq(pair.target.to_db()))
        .one(db)
        .await
}

async fn insert_tags(txn: &impl ConnectionTrait, follow: i64, filter: &Filter) -> Result<(), DbErr> {
    if filter.tags().is_empty() {
        return Ok(());
    }
    let tags = filter.tags().iter().map(|tag| [tag.key().into(), tag.label().into()]);
    let tags = Table::new([("tag", Kind::Text), ("label", Kind::Text)], tags);
    let insert = "INSERT INTO channel_follow_tags (follow_id, tag, label) SELECT $1, t.tag, t.label FROM ";
    Sql::new(insert, [follow.into()]).rows(tags).execute(txn).await?;
    Ok(())
}
