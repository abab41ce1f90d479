//! Creating, changing and removing follows.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::{Value, json};

use super::doors::FollowServers;
use super::webhooks;
use super::{collected, doors, limits, news, row, state};
use crate::domain::audit::{AuditAction, ChangeStamp, differences, options_detail};
use crate::domain::follow::{
    Approval, BrokenReason, ChannelPair, DeliveryMethod, Door, Follow, FollowId, FollowOptions, NewFollow,
    TagFilter,
};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::place::TargetKind;
use crate::domain::servers::FollowsFull;
use crate::domain::webhook::WebhookCredentials;
use crate::store::audit::write::AuditedWrite;
use crate::store::db::connect::Write;
use crate::store::db::entity::{channel_follow_tags, channel_follows};
use crate::store::db::locks;
use crate::store::db::sql::{Kind, Sql, Table, stored};
use crate::store::lane::leases;
use crate::store::lane::webhook::SealedWebhook;
use crate::store::panel::mirrors;
use crate::store::{Notice, Store, StoreError};

/// The webhook that posts into the target.
#[derive(Debug, Clone)]
pub enum FollowWebhook {
    /// Discord's own webhook, which has no token.
    Native(WebhookId),
    /// Discord's own webhook, which doesn't exist yet: the follow waits for approval.
    NativePending,
    /// The bot's own webhook.
    Relay(WebhookCredentials),
}

/// What became of a follow that should be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored. Its webhook may differ from the given one: if follows into the target already deliver
    /// through a webhook, that one is kept, and the caller deletes the given one again.
    Made(Follow),
    /// Its source is followed by its target already. Nothing was changed.
    AlreadyThere(Follow),
    /// It would exceed this limit. Nothing was changed.
    Full(FollowsFull),
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The follow as it was.
    pub follow: Follow,
    /// Another follow, into the same channel or one of its threads, uses the bot's webhook. Otherwise it can
    /// be deleted.
    pub webhook_still_needed: bool,
}

impl Store {
    /// Stores a follow. It is active, unless the source's moderators must approve it or its webhook doesn't
    /// exist yet. Of two that are stored at the same instant for one pair, the second one finds the first.
    ///
    /// # Errors
    /// [`StoreError::WrongWebhook`] if the webhook is of another kind than the options' delivery.
    /// [`StoreError::Closed`] and [`StoreError::Blocked`] if the source was closed to the target's server
    /// meanwhile. [`StoreError::NotServed`] if one of the two servers is blocked.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "insert_follow", server = %new.guild, source = %new.pair.source, channel = %new.pair.target))]
    pub async fn insert_follow(
        &self,
        new: &NewFollow,
        hook: &FollowWebhook,
        stamp: ChangeStamp,
    ) -> Result<Inserted, StoreError> {
        let txn = self.audited_write(stamp).await?;
        limits::lock_server(&**txn, new).await?;
        locks::sources(&**txn, [Some(new.pair.source), new.source_parent].into_iter().flatten()).await?;
        webhooks::lock_lanes(&**txn, new.pair.target, new.target_kind).await?;
        let root = new.source_parent.unwrap_or(new.pair.source);
        let servers = FollowServers { source: new.source_guild, target: new.guild };
        let publication = doors::require(&**txn, new.door, root, servers).await?;
        if let Some(there) = row::one(&**txn, by_pair(&**txn, new.pair).await?).await? {
            return Ok(Inserted::AlreadyThere(there));
        }
        if let Some(full) = limits::full(&**txn, new).await? {
            return Ok(Inserted::Full(full));
        }
        let now = stored(stamp.at);
        let waits = publication.approval == Approval::Ask || matches!(hook, FollowWebhook::NativePending);
        let hook = match hook {
            FollowWebhook::Native(_) if waits => &FollowWebhook::NativePending,
            hook => hook,
        };
        let hooks = self
            .webhook_columns(
                &txn,
                new.target_kind.webhook_channel(new.pair.target),
                new.options.delivery,
                hook,
                now,
            )
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
            target_parent_id: Set(new.target_kind.parent().map(ChannelId::to_db)),
            target_forum: Set(new.target_kind == TargetKind::Forum),
            exposure: Set(new.exposure.as_str().to_owned()),
            lacking: Set(0),
            source_restricted: Set(new.source_restricted),
            source_private: Set(Some(new.source_private)),
            published_only: Set(new.door == Door::Announcement),
            collection_follow_id: Set(new.collection_follow.map(|from| from.0)),
        };
        let row = row.insert(&**txn).await?;
        insert_tags(&**txn, row.id, &new.options.filter).await?;
        // The server of the source stays known when nobody follows it any more.
        let server = "UPDATE channels SET guild_id = $2 WHERE channel_id = $1";
        let values = [new.pair.source.to_db().into(), new.source_guild.to_db().into()];
        Sql::new(server, values).execute(&**txn).await?;
        leases::set_spot(&**txn, new.pair.target, new.target_kind).await?;
        mirrors::sync_follow(&**txn, row.id).await?;
        collected::close_gaps(&**txn, new.pair).await?;
        if servers.differ() {
            news::note(&**txn, row.id, root, &publication).await?;
        }
        let made = row::one(&**txn, Some(row)).await?.ok_or(StoreError::Unreadable("channel_follows"))?;
        self.notify_on_commit(&**txn, &Notice::Follow(made.id)).await?;
        let mut detail = options_detail(&made.options);
        detail["state"] = made.state.as_str().into();
        if let Some(from) = made.collection_follow {
            detail["collectionFollow"] = from.0.into();
        }
        txn.commit_follow(Some(&made), AuditAction::FollowCreated, &detail).await?;
        Ok(Inserted::Made(made))
    }

    /// Changes a follow's options. `None` if this server has no such follow. `hook` is needed if the kind of
    /// delivery changes. A follow that leaves the relay ends the messages that were still due.
    ///
    /// # Errors
    /// [`StoreError::WrongWebhook`] if the delivery changes and no webhook of the new kind is given.
    /// [`StoreError::Closed`] and [`StoreError::Blocked`] if the source was closed to the target's server
    /// meanwhile.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "update_options", server = %guild, follow = id.0))]
    pub async fn update_options(
        &self,
        guild: GuildId,
        id: FollowId,
        options: &FollowOptions,
        hook: Option<&FollowWebhook>,
        door: Door,
        stamp: ChangeStamp,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let Some(before) = lock(&txn, guild, id).await? else { return Ok(None) };
        doors::require(&**txn, door, source_root(&before)?, FollowServers::of(&before)?).await?;
        let former = row::one(&**txn, Some(before.clone())).await?;
        let now = stored(stamp.at);
        let delivery = options.delivery;
        let mut row = before.clone().into_active_model();
        match hook {
            Some(hook) => {
                let (target, target_kind) = target(&before)?;
                let channel = target_kind.webhook_channel(target);
                let hooks = self.webhook_columns(&txn, channel, delivery, hook, now).await?;
                row.webhook_id = Set(hooks.relay.as_ref().map(|webhook| webhook.id));
                row.webhook_token = Set(hooks.relay.map(|webhook| webhook.token));
                row.follower_webhook_id = Set(hooks.native);
            }
            None if before.delivery != delivery.as_str() => return Err(StoreError::WrongWebhook),
            None => {}
        }
        if before.delivery == DeliveryMethod::Relay.as_str() && delivery == DeliveryMethod::Native {
            state::end_due_messages(&**txn, &[id.0]).await?;
        }
        row.delivery = Set(delivery.as_str().to_owned());
        row.mode = Set(options.filter.mode().as_str().to_owned());
        row.threads = Set(options.threads.as_str().to_owned());
        row.panels = Set(options.panels);
        row.updated_at = Set(now);
        let row = row.update(&**txn).await?;
        channel_follow_tags::Entity::delete_many()
            .filter(channel_follow_tags::Column::FollowId.eq(id.0))
            .exec(&**txn)
            .await?;
        insert_tags(&**txn, id.0, &options.filter).await?;
        if before.panels != options.panels {
            mirrors::sync_follow(&**txn, id.0).await?;
        }
        if before.delivery != delivery.as_str() {
            keep_for_panels(&txn, &before).await?;
        }
        let follow = row::one(&**txn, Some(row)).await?;
        self.notify_on_commit(&**txn, &Notice::Follow(id)).await?;
        let former = former.map(|follow| options_detail(&follow.options)).unwrap_or_default();
        let now = options_detail(options);
        let changed = follow.as_ref().filter(|_| former != now);
        let detail = differences(&former, &now);
        txn.commit_follow(changed, AuditAction::FollowChanged, &detail).await?;
        Ok(follow)
    }

    /// Removes a follow. `None` if this server has none of that number. What was still due ends with it, and
    /// the panels that it showed are deleted; mirrors of messages stay.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "delete_follow", server = %guild, follow = id.0))]
    pub async fn delete_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        stamp: ChangeStamp,
    ) -> Result<Option<Removed>, StoreError> {
        self.delete_if(guild, id, |_| true, stamp).await
    }

    /// The same, if the follow is this server's and passes as it is now.
    pub(super) async fn delete_if(
        &self,
        guild: GuildId,
        id: FollowId,
        passes: impl FnOnce(&channel_follows::Model) -> bool + Send,
        stamp: ChangeStamp,
    ) -> Result<Option<Removed>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let Some(row) = lock(&txn, guild, id).await?.filter(passes) else { return Ok(None) };
        let follow =
            row::one(&**txn, Some(row.clone())).await?.ok_or(StoreError::Unreadable("channel_follows"))?;
        mirrors::withdraw(&**txn, id.0).await?;
        state::end_due(&**txn, &[id.0]).await?;
        // What it has shown may still have to go, and nothing else tells the server of its target then.
        let server = "UPDATE deliveries SET former_guild_id = $2 WHERE follow_id = $1";
        Sql::new(server, [id.0.into(), row.guild_id.into()]).execute(&**txn).await?;
        channel_follows::Entity::delete_by_id(id.0).exec(&**txn).await?;
        if row.collection_follow_id.is_none() {
            // A collection may have the channel, too.
            let update = "UPDATE collection_follows SET revision = revision + 1 WHERE target_channel_id = $1";
            Sql::new(update, [row.target_channel_id.into()]).execute(&**txn).await?;
        }
        let webhook_still_needed = keep_for_panels(&txn, &row).await?;
        let detail = json!({ "from": follow.state.as_str() });
        txn.commit_follow(Some(&follow), AuditAction::FollowRemoved, &detail).await?;
        Ok(Some(Removed { follow, webhook_still_needed }))
    }

    /// The columns for a webhook of this channel. A relay follow takes the webhook of the active relay
    /// follows there. If there is none, the inactive ones take the new webhook.
    pub(super) async fn webhook_columns(
        &self,
        txn: &Write,
        channel: ChannelId,
        delivery: DeliveryMethod,
        hook: &FollowWebhook,
        now: DateTime<Utc>,
    ) -> Result<WebhookColumns, StoreError> {
        match (delivery, hook) {
            (DeliveryMethod::Native, FollowWebhook::Native(webhook)) => {
                Ok(WebhookColumns { native: Some(webhook.to_db()), relay: None })
            }
            (DeliveryMethod::Native, FollowWebhook::NativePending) => {
                Ok(WebhookColumns { native: Some(row::NO_WEBHOOK), relay: None })
            }
            (DeliveryMethod::Relay, FollowWebhook::Relay(webhook)) => {
                let shared = match webhooks::shared(&**txn, channel).await? {
                    Some(shared) => shared,
                    None => {
                        let webhook = self.seal_webhook(webhook);
                        webhooks::replace(&**txn, channel, &webhook, now).await?;
                        webhook
                    }
                };
                Ok(WebhookColumns { native: None, relay: Some(shared) })
            }
            _ => Err(StoreError::WrongWebhook),
        }
    }
}

/// Keeps the webhook that a follow had, if panels need it. Returns whether anything needs it.
async fn keep_for_panels(txn: &Write, former: &channel_follows::Model) -> Result<bool, StoreError> {
    let (Some(id), Some(token)) = (former.webhook_id, former.webhook_token.clone()) else { return Ok(false) };
    let (target, target_kind) = target(former)?;
    Ok(webhooks::keep(&**txn, target, target_kind, &SealedWebhook { id, token }).await?)
}

/// The target of a row, and its kind.
pub(super) fn target(row: &channel_follows::Model) -> Result<(ChannelId, TargetKind), StoreError> {
    let parent = row.target_parent_id.map(ChannelId::from_db).transpose()?;
    Ok((ChannelId::from_db(row.target_channel_id)?, TargetKind::from_parts(parent, row.target_forum)))
}

/// The source's channel, or the channel that the source is a thread of.
pub(super) fn source_root(row: &channel_follows::Model) -> Result<ChannelId, StoreError> {
    Ok(ChannelId::from_db(row.source_parent_id.unwrap_or(row.source_channel_id))?)
}

/// A follow's webhook as its row stores it: one or the other.
pub(super) struct WebhookColumns {
    pub(super) native: Option<i64>,
    pub(super) relay: Option<SealedWebhook>,
}

/// Finds a follow of this server, locks its source and target, and reads it again.
pub(super) async fn lock(
    txn: &Write,
    guild: GuildId,
    id: FollowId,
) -> Result<Option<channel_follows::Model>, StoreError> {
    let Some(row) = by_id(&**txn, guild, id).await? else { return Ok(None) };
    locks::sources(&**txn, [ChannelId::from_db(row.source_channel_id)?, source_root(&row)?]).await?;
    let (target, target_kind) = target(&row)?;
    webhooks::lock_lanes(&**txn, target, target_kind).await?;
    Ok(by_id(&**txn, guild, id).await?)
}

/// Commits a transaction that changed a follow in this way. Returns the follow as it is now.
pub(super) async fn commit_changed(
    txn: AuditedWrite,
    guild: GuildId,
    id: FollowId,
    action: AuditAction,
    detail: &Value,
) -> Result<Option<Follow>, StoreError> {
    let follow = row::one(&**txn, by_id(&**txn, guild, id).await?).await?;
    txn.commit_follow(follow.as_ref(), action, detail).await?;
    Ok(follow)
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
    pair: ChannelPair,
) -> Result<Option<channel_follows::Model>, DbErr> {
    channel_follows::Entity::find()
        .filter(channel_follows::Column::SourceChannelId.eq(pair.source.to_db()))
        .filter(channel_follows::Column::TargetChannelId.eq(pair.target.to_db()))
        .one(db)
        .await
}

async fn insert_tags(txn: &impl ConnectionTrait, follow: i64, filter: &TagFilter) -> Result<(), DbErr> {
    if filter.tags().is_empty() {
        return Ok(());
    }
    let tags = filter.tags().iter().map(|tag| [tag.key().into(), tag.label().into()]);
    let tags = Table::new([("tag", Kind::Text), ("label", Kind::Text)], tags);
    let insert = "INSERT INTO channel_follow_tags (follow_id, tag, label) SELECT $1, t.tag, t.label FROM ";
    Sql::new(insert, [follow.into()]).rows(tags).execute(txn).await?;
    Ok(())
}
