//! The check of one server: its channels, threads and webhooks are listed once, and compared with the follows
//! from and into it. The lists only raise suspicions. What looks gone is asked about by itself before
//! anything breaks, so a list that is older than a follow, or incomplete, does no harm.

use std::collections::{HashMap, HashSet};

use rand::seq::SliceRandom;

use crate::domain::follow::{BrokenReason, FollowId};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::permissions::Permissions;
use crate::rest::RestError;
use crate::rest::model::Channel;
use crate::service::ServiceError;
use crate::service::access::{Access, ChannelLookup, GuildChannel};
use crate::store::{BreakWhich, SourceEnd, TargetEnd};

use super::{DiscordChange, Upkeep};

/// How many follows are read at once.
const PAGE: u64 = 1_000;
/// How many suspicions of each kind are investigated at one time; the others wait for the server's next turn.
const MOST: usize = 20;

/// What Discord lists of a server.
struct ServerListing {
    channels: HashMap<ChannelId, Channel>,
    /// The threads that aren't archived; empty if nobody follows one.
    threads: HashSet<ChannelId>,
    /// Each webhook and its channel; `None` if the bot may not list those of the whole server.
    webhooks: Option<HashMap<WebhookId, Option<ChannelId>>>,
}

/// What the lists leave in doubt.
#[derive(Default)]
struct Suspicions {
    /// Channels and threads that may be gone, or hidden from the bot.
    channels: HashSet<ChannelId>,
    /// Threads that are archived or gone: the list can't tell.
    resting: HashSet<ChannelId>,
    /// Channels whose webhooks may not be those that follows need.
    webhooks: HashSet<ChannelId>,
}

impl Upkeep {
    /// Compares a server with the follows from and into it. Whether all suspicions could be investigated.
    #[tracing::instrument(level = "debug", skip_all, fields(server = %guild))]
    pub(super) async fn check_server(&self, guild: GuildId) -> Result<bool, ServiceError> {
        let permissions = self.parts.permissions.begin(guild);
        let sources = self.parts.store.source_ends(guild).await?;
        let first = self.parts.store.target_ends(guild, FollowId(0), PAGE).await?;
        if sources.is_empty() && first.is_empty() && !self.parts.watched.concerns_server(guild) {
            return Ok(true);
        }
        let rest = self.parts.rest.of_server(guild);
        let mut access = Access::new(&rest, self.parts.clock);
        let listed = self.list_server(&mut access, guild, &sources, &first).await?;
        let mut doubts = Suspicions::default();
        let managed = Permissions::VIEW_CHANNEL | Permissions::MANAGE_WEBHOOKS;
        let managed = self.permitted(&mut access, guild, &listed, managed).await?;
        let channels = listed.channels.values().cloned();
        let Some(mut check) = self.check_follows(access, guild, channels, &self.budget).await? else {
            return Ok(false);
        };
        self.note_permissions(guild, permissions).await?;
        sources.iter().for_each(|source| doubts.add_source(source, &listed));
        let mut targets = first;
        while let Some(last) = targets.last().map(|target| target.follow) {
            targets.iter().for_each(|target| doubts.add_target(target, &listed));
            targets = self.parts.store.target_ends(guild, last, PAGE).await?;
        }
        // Where the bot may not see them, a request would only be refused.
        doubts.webhooks.retain(|channel| managed.contains(channel));
        let resolved = self.resolve(guild, doubts).await?;
        Ok(self.repair_follows(&mut check).await && resolved)
    }

    async fn list_server(
        &self,
        access: &mut Access<'_>,
        guild: GuildId,
        sources: &[SourceEnd],
        targets: &[TargetEnd],
    ) -> Result<ServerListing, ServiceError> {
        self.budget.request().await;
        let channels = self.parts.rest.of_server(guild).guild_channels(guild).await?;
        let channels = channels.into_iter().map(|channel| {
            let channel = Channel { guild_id: Some(guild), ..channel };
            (channel.id, channel)
        });
        let in_threads = sources.iter().any(|source| source.parent.is_some())
            || targets.iter().any(|target| target.parent.is_some());
        let mut threads = HashSet::new();
        if in_threads {
            self.budget.request().await;
            threads.extend(
                self.parts
                    .rest
                    .of_server(guild)
                    .active_threads(guild)
                    .await?
                    .into_iter()
                    .map(|thread| thread.id),
            );
        }
        // The server's roles and those of the bot are requested once each.
        self.budget.request().await;
        self.budget.request().await;
        let bot = access.permissions_in_server(self.parts.identity.user, guild).await?;
        let may_list = !targets.is_empty() && bot.contains(Permissions::MANAGE_WEBHOOKS);
        let webhooks = if may_list { self.list_webhooks(guild).await? } else { None };
        Ok(ServerListing { channels: channels.collect(), threads, webhooks })
    }

    async fn list_webhooks(
        &self,
        guild: GuildId,
    ) -> Result<Option<HashMap<WebhookId, Option<ChannelId>>>, ServiceError> {
        self.budget.request().await;
        match self.parts.rest.of_server(guild).guild_webhooks(guild).await {
            Ok(all) => Ok(Some(all.into_iter().map(|webhook| (webhook.id, webhook.channel_id)).collect())),
            // Manage Webhooks may be granted in single channels: each is asked by itself.
            Err(error) if error.is_forbidden() => {
                self.budget.charge_refusal();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The channels in which the bot has these permissions.
    async fn permitted(
        &self,
        access: &mut Access<'_>,
        guild: GuildId,
        listed: &ServerListing,
        needed: Permissions,
    ) -> Result<HashSet<ChannelId>, ServiceError> {
        let mut permitted = HashSet::new();
        for channel in listed.channels.values() {
            let place = GuildChannel { channel: channel.clone(), guild };
            if access.granted_to(self.parts.identity.user, &place).await?.contains(needed) {
                permitted.insert(channel.id);
            }
        }
        Ok(permitted)
    }

    /// Investigates suspicions one by one, as many as fit into one turn. Whether all did.
    async fn resolve(&self, guild: GuildId, doubts: Suspicions) -> Result<bool, ServiceError> {
        let (channels, rest) = some_of(doubts.channels);
        let (webhooks, more) = some_of(doubts.webhooks);
        // A few archived threads at each turn are enough: a post that finds one gone reveals it, too.
        let (resting, _) = some_of(doubts.resting);
        for channel in channels.into_iter().chain(resting) {
            self.budget.request().await;
            self.check_channel(guild, channel).await?;
        }
        for channel in webhooks {
            self.budget.request().await;
            self.check_webhooks(guild, channel).await?;
        }
        Ok(!rest && !more)
    }

    /// Asks about a channel or thread by itself. If it is gone, or hidden from the bot, the follows that need
    /// it break.
    async fn check_channel(&self, guild: GuildId, channel: ChannelId) -> Result<(), ServiceError> {
        match Access::new(&self.parts.rest.of_server(guild), self.parts.clock).find(channel).await? {
            ChannelLookup::Seen(_) => Ok(()),
            ChannelLookup::Gone => self.reflect(DiscordChange::ChannelDeleted(channel)).await,
            ChannelLookup::Hidden => {
                self.budget.charge_refusal();
                // Discord's own following goes on without the bot; a relay can no longer read it.
                self.break_follows(BreakWhich::RelaySource(channel), BrokenReason::SourceForbidden).await
            }
        }
    }

    /// A channel's webhooks; `None` if the bot may not see them, which by itself breaks nothing.
    pub(super) fn seen_or_refused<T>(&self, answer: Result<T, RestError>) -> Result<Option<T>, ServiceError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_forbidden() || error.is_not_found() => {
                self.budget.charge_refusal();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Suspicions {
    fn add_source(&mut self, source: &SourceEnd, listed: &ServerListing) {
        let SourceEnd { channel, parent } = *source;
        let root = parent.unwrap_or(channel);
        if !listed.channels.contains_key(&root) {
            self.channels.insert(root);
        } else if parent.is_some() && !listed.threads.contains(&channel) {
            self.resting.insert(channel);
        }
    }

    fn add_target(&mut self, target: &TargetEnd, listed: &ServerListing) {
        let root = target.webhook_channel();
        if !listed.channels.contains_key(&root) {
            self.channels.insert(root);
            return;
        }
        if target.parent.is_some() && !listed.threads.contains(&target.channel) {
            self.resting.insert(target.channel);
        }
        let stands = |all: &HashMap<WebhookId, Option<ChannelId>>| {
            let webhook = target.webhook.and_then(|webhook| all.get(&webhook));
            webhook.is_some_and(|channel| channel.is_none_or(|channel| channel == root))
        };
        if !listed.webhooks.as_ref().is_some_and(stands) {
            self.webhooks.insert(root);
        }
    }
}

/// A random selection, so that all have their turn; and whether there are more.
fn some_of(all: HashSet<ChannelId>) -> (Vec<ChannelId>, bool) {
    let mut some: Vec<ChannelId> = all.into_iter().collect();
    some.shuffle(&mut rand::rng());
    let more = some.len() > MOST;
    some.truncate(MOST);
    (some, more)
}
