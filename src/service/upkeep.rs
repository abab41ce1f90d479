//! Keeps follows true to what Discord has: deleted channels, servers that the bot left, webhooks that somebody deleted or moved. Learned from events, and,
//! for what happened while the bot was away, from a sweep over all follows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::domain::clock::Clock;
use crate::domain::follow::{BrokenReason, Delivery, Follow, FollowId, FollowState};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::shards::Shards;
use crate::rest::Rest;
use crate::rest::model::Webhook;
use crate::store::{BreakWhich, Store, StoreError};

use super::access::{Access, Found};
use super::watch::Watched;
use super::{Identity, Parts, ServiceError};

/// How many follows the sweep reads at once.
const SWEEP_PAGE: u64 = 100;
/// How many follows are looked at when the webhooks of their channel change; what is beyond is found by the sweep.
const THROUGH_ONE: u64 = 500;

/// Something that may have broken follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// A channel or a thread was deleted.
    ChannelDeleted(ChannelId),
    /// The bot is no longer in a server. An outage is not a leaving.
    GuildLeft(GuildId),
    /// The bot is in a server again that it had left.
    GuildBack(GuildId),
    /// The webhooks of a channel are not what they were; Discord doesn't say which.
    WebhooksChanged(ChannelId),
}

/// Which follows are broken, and why.
type Fault = (BreakWhich, BrokenReason);

/// Marks follows as broken when they are.
pub struct Upkeep {
    store: Store,
    rest: Rest,
    clock: Clock,
    identity: Identity,
    watched: Arc<Watched>,
    shards: Shards,
}

impl Upkeep {
    /// Upkeep over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, rest, clock, identity, watched, shards, .. } = parts;
        Self { store, rest, clock, identity, watched, shards }
    }

    /// Whether a change to this channel can matter. In memory only.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.watched.concerns(channel)
    }

    /// What to reflect when the bot is removed from a server.
    pub fn left(&self, guild: GuildId) -> Change {
        // At once, and not when the change is reflected: the bot may be invited again before.
        self.watched.add_left(guild);
        Change::GuildLeft(guild)
    }

    /// What to reflect when the bot is in a server; mostly nothing. In memory only.
    pub fn there(&self, guild: GuildId) -> Option<Change> {
        self.watched.take_left(guild).then_some(Change::GuildBack(guild))
    }

    /// Reflects changes as they come, until the last sender is gone. What fails is found by the next sweep.
    pub async fn run(&self, mut changes: UnboundedReceiver<Change>) {
        while let Some(change) = changes.recv().await {
            if let Err(error) = self.reflect(change).await {
                tracing::error!(%error, ?change, "a change at Discord could not be reflected");
            }
        }
    }

    /// Reads from the database which channels to listen to. Returns the sources of this process's servers of which more is to be read than before.
    pub async fn load_watched(&self) -> Result<Vec<(ChannelId, GuildId)>, ServiceError> {
        self.watched.extend_webhooks(self.store.own_webhooks().await?);
        for guild in self.store.left_guilds(self.clock.now()).await? {
            self.watched.add_left(guild);
        }
        let (sources, threads) = (self.store.followed_sources().await?, self.store.known_threads().await?);
        let mut more = self.watched.extend(sources, threads, self.store.followed_ends().await?);
        more.retain(|(_, guild)| self.shards.has(*guild));
        Ok(more)
    }

    /// Reflects a change in the follows that it concerns.
    async fn reflect(&self, change: Change) -> Result<(), ServiceError> {
        match change {
            Change::ChannelDeleted(channel) => {
                self.break_all(BreakWhich::Source(channel), BrokenReason::SourceDeleted).await?;
                self.break_all(BreakWhich::Target(channel), BrokenReason::TargetDeleted).await?;
                Ok(self.store.close_channel(channel).await?)
            }
            Change::GuildLeft(guild) => {
                self.break_all(BreakWhich::SourceGuild(guild), BrokenReason::SourceServerLeft).await?;
                self.break_all(BreakWhich::TargetGuild(guild), BrokenReason::TargetServerLeft).await?;
                // Last: the sweep looks at servers without a mark only.
                Ok(self.store.guild_left(guild, self.clock.now()).await?)
            }
            Change::GuildBack(guild) => {
                tracing::info!(%guild, "the bot is in a server again that it had left");
                Ok(self.store.guild_back(guild).await?)
            }
            Change::WebhooksChanged(channel) => self.check_webhooks(channel).await,
        }
    }

    /// Looks at every server and every active follow into one, of this process's shards, for what happened while nobody listened. `joined` knows the servers that
    /// the gateway named. Servers of other shards are named to others.
    pub async fn sweep(&self, joined: impl Fn(GuildId) -> bool) -> Result<(), ServiceError> {
        let mut access = Access::new(&self.rest);
        let known = self.store.known_guilds().await?;
        for guild in known.into_iter().filter(|guild| self.shards.has(*guild)) {
            if !joined(guild) && access.guild(guild).await?.is_none() {
                let left = self.left(guild);
                self.reflect(left).await?;
            }
        }
        let mut after = None;
        loop {
            // Anew for each page: a follow is never compared with something that is older than itself.
            let mut access = Access::new(&self.rest);
            let mut webhooks = HashMap::new();
            let follows = self.store.follows_after(after, SWEEP_PAGE).await?;
            let Some(last) = follows.last() else { return Ok(()) };
            after = Some(last.id);
            let ours = |follow: &Follow| follow.state == FollowState::Active && self.shards.has(follow.guild);
            for follow in follows.into_iter().filter(ours) {
                if let Some((which, reason)) = self.find_fault(&mut access, &mut webhooks, &follow).await? {
                    self.break_all(which, reason).await?;
                }
            }
        }
    }

    /// What keeps a follow from delivering, if anything does.
    async fn find_fault(
        &self,
        access: &mut Access<'_>,
        webhooks: &mut HashMap<ChannelId, Option<Vec<Webhook>>>,
        follow: &Follow,
    ) -> Result<Option<Fault>, ServiceError> {
        let target = access.find(follow.pair.target).await?;
        let source = access.find(follow.pair.source).await?;
        let mut left = async |found: &Found, guild| -> Result<bool, ServiceError> {
            Ok(matches!(found, Found::Hidden | Found::Gone) && access.guild(guild).await?.is_none())
        };
        let broken = |reason| Ok(Some((BreakWhich::Follow(follow.id), reason)));
        if left(&target, follow.guild).await? {
            return broken(BrokenReason::TargetServerLeft);
        }
        if left(&source, follow.source_guild).await? {
            return broken(BrokenReason::SourceServerLeft);
        }
        match (target, source, follow.options.delivery) {
            (Found::Gone, _, _) => return broken(BrokenReason::TargetDeleted),
            (_, Found::Gone, _) => return broken(BrokenReason::SourceDeleted),
            // Discord's own following goes on without the bot; a relay can't read any more.
            (_, Found::Hidden, Delivery::Relay) => return broken(BrokenReason::SourceForbidden),
            _ => {}
        }
        let channel = follow.spot.webhook_channel(follow.pair.target);
        let there = match webhooks.entry(channel) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(empty) => empty.insert(self.webhooks(channel).await?),
        };
        match there {
            Some(there) => self.webhook_fault(there, follow).await,
            None => Ok(None),
        }
    }

    /// Compares a channel's webhooks with the follows into it and its threads.
    async fn check_webhooks(&self, channel: ChannelId) -> Result<(), ServiceError> {
        // The follows are read first: one that is made meanwhile is not compared with a list that is older than its webhook.
        let follows = self.store.follows_through(channel, THROUGH_ONE).await?;
        let Some(there) = self.webhooks(channel).await? else { return Ok(()) };
        for follow in follows.into_iter().filter(|follow| follow.state == FollowState::Active) {
            if let Some((which, reason)) = self.webhook_fault(&there, &follow).await? {
                self.break_all(which, reason).await?;
            }
        }
        Ok(())
    }

    /// A channel's webhooks; `None` where the bot may not see them, which alone breaks nothing.
    async fn webhooks(&self, channel: ChannelId) -> Result<Option<Vec<Webhook>>, ServiceError> {
        match self.rest.channel_webhooks(channel).await {
            Ok(webhooks) => Ok(Some(webhooks)),
            Err(error) if error.is_forbidden() || error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is broken is whoever *still* uses a webhook that isn't there: the follow may have got another since it was read.
    async fn webhook_fault(&self, there: &[Webhook], follow: &Follow) -> Result<Option<Fault>, ServiceError> {
        let needed = match follow.options.delivery {
            Delivery::Native => follow.follower_webhook.map(|id| (id, BreakWhich::FollowerWebhook(id))),
            Delivery::Relay => follow.webhook.map(|id| (id, BreakWhich::RelayWebhook(id))),
        };
        let Some((webhook, users)) = needed else {
            return Ok(Some((BreakWhich::Follow(follow.id), BrokenReason::WebhookDeleted)));
        };
        let stands = there.iter().any(|other| other.id == webhook);
        let channel = follow.spot.webhook_channel(follow.pair.target);
        if stands || (follow.options.delivery == Delivery::Relay && self.mend(channel, webhook).await?) {
            return Ok(None);
        }
        let moved = self.stands_elsewhere(webhook, channel).await?;
        let reason = if moved { BrokenReason::WebhookMoved } else { BrokenReason::WebhookDeleted };
        Ok(Some((users, reason)))
    }

    /// Puts another of the bot's webhooks in the place of one that is gone; whether that was possible.
    async fn mend(&self, channel: ChannelId, gone: WebhookId) -> Result<bool, ServiceError> {
        if self.store.webhook_of(channel).await?.is_none_or(|webhook| webhook.id != gone) {
            return Ok(true);
        }
        match self.rest.own_webhook(channel, self.identity.application, None).await {
            Ok(own) => {
                self.watched.add_webhook(channel, own.webhook.id);
                self.store.replace_webhook(channel, &own.webhook, self.clock.now()).await?;
                tracing::info!(%channel, "a webhook was gone, and is replaced");
                Ok(true)
            }
            Err(error) if error.passes() => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    async fn stands_elsewhere(&self, webhook: WebhookId, channel: ChannelId) -> Result<bool, ServiceError> {
        match self.rest.webhook(webhook).await {
            Ok(webhook) => Ok(webhook.channel_id.is_some_and(|there| there != channel)),
            Err(error) if error.is_not_found() || error.is_forbidden() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn break_all(&self, which: BreakWhich, reason: BrokenReason) -> Result<(), ServiceError> {
        Ok(break_all(&self.store, which, reason, self.clock.now()).await?)
    }
}

/// Marks follows as broken.
pub(super) async fn break_all(
    store: &Store,
    which: BreakWhich,
    reason: BrokenReason,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for Follow { id: FollowId(id), .. } in store.break_follows(which, reason, now).await? {
        tracing::warn!(follow = id, reason = reason.as_str(), "follow broken");
    }
    Ok(())
}
