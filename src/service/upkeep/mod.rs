//! Keeps follows true to Discord: deleted channels, servers that the bot left, webhooks that somebody deleted
//! or moved, and permissions (`permissions`). It learns of them from events (`change_queue`), and of what
//! happened while the bot was away, from a sweep over all servers (`sweep`).

mod budget;
mod change_queue;
mod described;
mod permissions;
mod repair;
mod schedule;
mod server;
mod sweep;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::domain::audit::ChangedBy;
use crate::domain::follow::{BrokenReason, DeliveryMethod, Follow, FollowId};
use crate::domain::ids::{ChannelId, GuildId, UserId, WebhookId};
use crate::domain::lock::lock;
use crate::rest::RestError;
use crate::rest::model::Webhook;
use crate::store::{BreakWhich, Notice};

use self::budget::Budget;
use self::change_queue::{ChangeQueue, CheckSubject, ServerCheck};
use self::sweep::{CHECK_TIMEOUT, SuspectServers};
use super::backoff::Backoffs;
use super::breaks::break_follows;
use super::{ServiceError, ServiceParts};

/// How many checks run at the same time, each in another server.
const AT_ONCE: usize = 4;
/// How many follows are checked when the webhooks of their channel change. Relay follows share one webhook,
/// and a channel has at most 15.
const THROUGH_ONE: u64 = 500;

/// Something that may have broken follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiscordChange {
    /// A channel or a thread was deleted.
    ChannelDeleted(ChannelId),
    /// The bot is no longer in a server. An outage doesn't count.
    GuildLeft(GuildId),
    /// The bot is in a server again that it had left.
    GuildBack(GuildId),
    /// The webhooks of a channel have changed; Discord doesn't say which.
    WebhooksChanged {
        /// The channel's server.
        guild: GuildId,
        /// The channel.
        channel: ChannelId,
    },
    /// The permissions in a server may have changed.
    PermissionsChanged(GuildId),
    /// The same, for other processes that remember who may see what.
    VisibilityChanged(GuildId),
}

/// Which follows are broken, and why.
type FollowFault = (BreakWhich, BrokenReason);

/// Marks follows as broken when they are.
pub struct Upkeep {
    parts: ServiceParts,
    budget: Budget,
    /// For what events report, so that it doesn't wait behind the sweep.
    event_budget: Budget,
    suspects: SuspectServers,
    /// Follows for which something necessary has failed.
    failing: Mutex<Backoffs<FollowId>>,
    /// Once it has ended by itself and could reflect all changes: the servers whose webhooks were still to be
    /// checked.
    ended: Mutex<Option<HashSet<GuildId>>>,
}

impl Upkeep {
    /// Upkeep over these parts.
    pub fn new(parts: ServiceParts) -> Self {
        let (budget, event_budget) = (Budget::new(parts.shards), Budget::new(parts.shards));
        let (suspects, failing, ended) = (SuspectServers::default(), Mutex::default(), Mutex::default());
        Self { parts, budget, event_budget, suspects, failing, ended }
    }

    /// Whether a change to this channel can matter. In memory only.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.parts.watched.concerns(channel)
    }

    /// Whether what happens in this server can matter. In memory only.
    pub fn concerns_server(&self, guild: GuildId) -> bool {
        self.parts.watched.concerns_server(guild)
    }

    /// Whether this is the bot.
    pub fn is_self(&self, user: UserId) -> bool {
        self.parts.identity.user == user
    }

    /// The change to reflect when the bot is removed from a server.
    pub fn note_left(&self, guild: GuildId) -> DiscordChange {
        // At once, not when the change is reflected: the bot may be invited again before that.
        self.close(guild);
        DiscordChange::GuildLeft(guild)
    }

    /// Whether this server is served. If it isn't, nothing is requested for it from now on.
    pub fn admits(&self, guild: GuildId) -> bool {
        let serves = self.parts.admission.serves(guild);
        if !serves {
            self.close(guild);
            self.parts.admission.arrived(guild);
        }
        serves
    }

    /// Takes up a server again that was closed although the bot is in it.
    pub(super) async fn readmit(&self, guild: GuildId) -> Result<(), ServiceError> {
        match self.note_present(guild) {
            Some(back) => self.reflect(back).await,
            None => Ok(()),
        }
    }

    /// The change to reflect when the bot is in a server; mostly none. In memory only.
    pub fn note_present(&self, guild: GuildId) -> Option<DiscordChange> {
        self.parts.rest.open_server(guild);
        self.parts.watched.remove_left(guild).then_some(DiscordChange::GuildBack(guild))
    }

    /// Stops all requests on behalf of a server that the bot isn't in, or shouldn't be in.
    pub(super) fn close(&self, guild: GuildId) {
        self.parts.rest.close_server(guild);
        self.parts.watched.add_left(guild);
    }

    /// Compares the channels that the gateway lists for a server with those of its follows: a missing one was
    /// deleted while nobody listened. In memory only; the server is checked soon.
    pub fn compare_channels(&self, guild: GuildId, stands: impl Fn(ChannelId) -> bool) {
        if self.parts.watched.has_missing_channel(guild, stands) {
            self.suspect(guild);
        }
    }

    /// Reflects changes as they come, until the last sender is gone. The sweep finds those that fail.
    pub async fn run(self: Arc<Self>, mut changes: UnboundedReceiver<DiscordChange>) {
        let mut queue = ChangeQueue::default();
        let mut checks = JoinSet::new();
        let mut running: HashMap<Id, ServerCheck> = HashMap::new();
        let mut all_reflected = true;
        loop {
            while let Some(change) = queue.pop_first() {
                if let Err(error) = self.reflect(change).await {
                    all_reflected = false;
                    tracing::error!(%error, ?change, "a change at Discord could not be reflected");
                }
            }
            while checks.len() < AT_ONCE
                && let Some(check) = queue.begin_check(Instant::now())
            {
                let upkeep = Arc::clone(&self);
                let id = checks.spawn(async move { upkeep.run_check(check).await }).id();
                running.insert(id, check);
            }
            let wait = queue.next_check_at().filter(|_| checks.len() < AT_ONCE);
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => queue.push(change),
                    None => {
                        *lock(&self.ended) = all_reflected.then(|| queue.servers().collect());
                        return;
                    }
                },
                servers = self.parts.checks.next() => {
                    servers.into_iter().for_each(|server| queue.push(DiscordChange::PermissionsChanged(server)));
                }
                Some(ended) = checks.join_next_with_id() => {
                    let id = ended.map_or_else(|panic| panic.id(), |(id, ())| id);
                    if let Some(check) = running.remove(&id) {
                        queue.end_check(check, Instant::now());
                    }
                }
                () = async { sleep_until(wait.unwrap_or_else(Instant::now)).await }, if wait.is_some() => {}
            }
            // Everything that came meanwhile is merged before the next check begins.
            while let Ok(change) = changes.try_recv() {
                queue.push(change);
            }
        }
    }

    async fn run_check(&self, check: ServerCheck) {
        let looking = async {
            match check.at {
                CheckSubject::Webhooks(channel) => self.check_webhooks(check.guild, channel).await,
                CheckSubject::Permissions => self.check_permissions(check.guild).await,
            }
        };
        let failure = match timeout(CHECK_TIMEOUT, AssertUnwindSafe(looking).catch_unwind()).await {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "panic".to_owned(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::error!(error = failure, ?check, "what an event told of could not be looked at");
        self.suspect(check.guild);
    }

    /// Reads from the database which channels to listen to. Returns the sources in this process's servers of
    /// which more must be read than before.
    pub async fn load_watched(&self) -> Result<Vec<(ChannelId, GuildId)>, ServiceError> {
        self.parts.watched.extend_webhooks(self.parts.store.own_webhooks().await?);
        self.parts.watched.extend_channels(self.parts.store.followed_channels().await?);
        self.parts.watched.extend_servers(self.parts.store.followed_servers().await?);
        self.parts.permissions.extend(self.parts.store.checked_permissions().await?);
        let (authors, channels) = self.parts.store.followed_authors().await?;
        self.parts.watched.extend_authors(authors, channels);
        for guild in self.parts.store.left_guilds(self.parts.clock.now()).await? {
            self.close(guild);
        }
        let (sources, threads) =
            (self.parts.store.followed_sources().await?, self.parts.store.known_threads().await?);
        let mut more = self.parts.watched.extend(sources, threads, self.parts.store.followed_ends().await?);
        more.retain(|(_, guild)| self.parts.shards.has(*guild));
        Ok(more)
    }

    /// Reflects a change in the follows that it concerns.
    async fn reflect(&self, change: DiscordChange) -> Result<(), ServiceError> {
        match change {
            DiscordChange::ChannelDeleted(channel) => {
                self.break_follows(BreakWhich::Source(channel), BrokenReason::SourceDeleted).await?;
                self.break_follows(BreakWhich::Target(channel), BrokenReason::TargetDeleted).await?;
                let now = self.parts.clock.now();
                self.parts.store.drop_deleted_channel(channel, ChangedBy::System.at(now)).await?;
                Ok(self.parts.store.close_channel(channel, now).await?)
            }
            DiscordChange::GuildLeft(guild) => {
                // First those into it: nobody there can be told about them.
                self.break_follows(BreakWhich::TargetGuild(guild), BrokenReason::TargetServerLeft).await?;
                self.break_follows(BreakWhich::SourceGuild(guild), BrokenReason::SourceServerLeft).await?;
                // Last, because a server with this mark isn't checked any more.
                let now = self.parts.clock.now();
                if !self.parts.admission.serves(guild) {
                    // Inviting the bot there again and again must leave no trace.
                    return Ok(self.parts.store.mark_left(guild, now).await.map(drop)?);
                }
                Ok(self.parts.store.guild_left(guild, now).await?)
            }
            DiscordChange::GuildBack(guild) => {
                tracing::info!(%guild, "the bot is in a server again that it had left");
                Ok(self.parts.store.guild_back(guild).await?)
            }
            DiscordChange::VisibilityChanged(guild) => {
                Ok(self.parts.store.notify(&Notice::Visibility(guild)).await?)
            }
            DiscordChange::WebhooksChanged { guild, channel } => self.check_webhooks(guild, channel).await,
            DiscordChange::PermissionsChanged(guild) => self.check_permissions(guild).await,
        }
    }

    /// Compares a channel's webhooks with the follows into it and its threads.
    async fn check_webhooks(&self, guild: GuildId, channel: ChannelId) -> Result<(), ServiceError> {
        // The follows are read first, so that a new follow is never compared with a list that is older than
        // its webhook.
        let follows = self.parts.store.follows_through(channel, THROUGH_ONE).await?;
        if follows.is_empty() {
            return Ok(());
        }
        let there = self.parts.rest.of_server(guild).channel_webhooks(channel).await;
        // Not being allowed to see them breaks nothing.
        let Some(there) = self.seen_or_refused(there)? else { return Ok(()) };
        for follow in follows {
            if let Some((which, reason)) = self.webhook_fault(&there, &follow).await? {
                self.break_follows(which, reason).await?;
            }
        }
        Ok(())
    }

    /// If a webhook is missing, the follows that *still* use it are broken: this follow may have got another
    /// since it was read.
    async fn webhook_fault(
        &self,
        there: &[Webhook],
        follow: &Follow,
    ) -> Result<Option<FollowFault>, ServiceError> {
        let needed = match follow.options.delivery {
            DeliveryMethod::Native => follow.follower_webhook.map(|id| (id, BreakWhich::FollowerWebhook(id))),
            DeliveryMethod::Relay => follow.webhook.map(|id| (id, BreakWhich::RelayWebhook(id))),
        };
        let Some((webhook, users)) = needed else {
            return Ok(Some((BreakWhich::Follow(follow.id), BrokenReason::WebhookDeleted)));
        };
        if there.iter().any(|other| other.id == webhook) {
            return Ok(None);
        }
        let channel = follow.target_kind.webhook_channel(follow.pair.target);
        if follow.options.delivery == DeliveryMethod::Relay {
            let Err(error) = self.replace_webhook(follow.guild, channel, webhook).await? else {
                return Ok(None);
            };
            let rest = self.parts.rest.of_server(follow.guild);
            if let Some(cause) = rest.break_reason(channel, &error, self.parts.clock.now()).await {
                return Ok(Some((users, cause)));
            }
        }
        let moved = self.stands_elsewhere(follow.guild, webhook, channel).await?;
        let reason = if moved { BrokenReason::WebhookMoved } else { BrokenReason::WebhookDeleted };
        Ok(Some((users, reason)))
    }

    /// Puts another of the bot's webhooks in the place of a missing one, or returns why Discord doesn't allow
    /// it.
    async fn replace_webhook(
        &self,
        guild: GuildId,
        channel: ChannelId,
        gone: WebhookId,
    ) -> Result<Result<(), RestError>, ServiceError> {
        if self.parts.store.webhook_of(channel).await?.is_none_or(|webhook| webhook.id != gone) {
            return Ok(Ok(()));
        }
        match self
            .parts
            .rest
            .of_server(guild)
            .ensure_webhook(channel, self.parts.identity.application, None)
            .await
        {
            Ok(own) => {
                self.parts.watched.add_webhook(channel, own.webhook.id);
                self.parts.store.replace_webhook(channel, &own.webhook, self.parts.clock.now()).await?;
                tracing::info!(%channel, "a webhook was gone, and is replaced");
                Ok(Ok(()))
            }
            Err(error) if error.passes() => Err(error.into()),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn stands_elsewhere(
        &self,
        guild: GuildId,
        webhook: WebhookId,
        channel: ChannelId,
    ) -> Result<bool, ServiceError> {
        match self.parts.rest.of_server(guild).webhook(webhook).await {
            Ok(webhook) => Ok(webhook.channel_id.is_some_and(|there| there != channel)),
            Err(error) if error.is_not_found() || error.is_forbidden() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn break_follows(&self, which: BreakWhich, reason: BrokenReason) -> Result<(), ServiceError> {
        Ok(break_follows(&self.parts.store, which, reason, self.parts.clock.now()).await?)
    }
}
