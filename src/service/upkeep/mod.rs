//! Keeps follows true to what Discord has: deleted channels, servers that the bot left, webhooks that somebody deleted or moved, and who may see what (`doors`).
//! Learned from events (`changes`), and, for what happened while the bot was away, from a sweep over all servers (`sweep`).

mod budget;
mod change_queue;
mod permissions;
mod rights;
mod schedule;
mod server;
mod sweep;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::domain::clock::Clock;
use crate::domain::follow::{BrokenReason, Delivery, Follow, FollowId};
use crate::domain::ids::{ChannelId, GuildId, UserId, WebhookId};
use crate::domain::lock::lock;
use crate::domain::shards::Shards;
use crate::rest::model::Webhook;
use crate::rest::{Client, RestError};
use crate::store::{BreakWhich, Store, StoreError};

use self::budget::Budget;
use self::change_queue::{ChangeQueue, Look, Subject};
use self::sweep::{Doubted, LOOK};
pub use self::sweep::{GatewayView, Membership};
use super::backoff::Failing;
use super::check_requests::DoorLooks;
use super::intake::Wake;
use super::server_rights::ServerRights;
use super::servers::Admission;
use super::watch::Watched;
use super::{Identity, Parts, ServiceError};

/// How many looks there are at the same time, each at another server.
const LOOKS: usize = 4;
/// How many follows are looked at when the webhooks of their channel change. Those by relay share one, and a channel has 15 at most.
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
    WebhooksChanged {
        /// The channel's server.
        guild: GuildId,
        /// The channel.
        channel: ChannelId,
    },
    /// Who may see what in a server may not be what it was.
    DoorsChanged(GuildId),
}

/// Which follows are broken, and why.
type Fault = (BreakWhich, BrokenReason);

/// Marks follows as broken when they are.
pub struct Upkeep {
    store: Store,
    rest: Client,
    clock: Clock,
    identity: Identity,
    watched: Arc<Watched>,
    wake: Wake,
    shards: Shards,
    doors: Arc<DoorLooks>,
    admission: Arc<Admission>,
    budget: Budget,
    /// For what events tell of, so that it doesn't wait behind the sweep.
    event_budget: Budget,
    doubted: Doubted,
    /// Follows with which something failed that has to be done.
    failing: Mutex<Failing<FollowId>>,
    rights: Arc<ServerRights>,
    /// Once it has ended by itself, and all changes could be reflected: the servers of which webhooks were still to be looked at.
    ended: Mutex<Option<HashSet<GuildId>>>,
}

impl Upkeep {
    /// Upkeep over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, rest, clock, identity, watched, wake, shards, doors, rights, admission, .. } =
            parts;
        let (budget, event_budget) = (Budget::new(shards), Budget::new(shards));
        let (doubted, failing, ended) = (Doubted::default(), Mutex::default(), Mutex::default());
        Self {
            store,
            rest,
            clock,
            identity,
            watched,
            wake,
            shards,
            doors,
            admission,
            budget,
            event_budget,
            doubted,
            failing,
            rights,
            ended,
        }
    }

    /// Whether a change to this channel can matter. In memory only.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.watched.concerns(channel)
    }

    /// Whether what happens in this server can matter. In memory only.
    pub fn concerns_server(&self, guild: GuildId) -> bool {
        self.watched.concerns_server(guild)
    }

    /// Whether this is the bot.
    pub fn is_self(&self, user: UserId) -> bool {
        self.identity.user == user
    }

    /// What to reflect when the bot is removed from a server.
    pub fn left(&self, guild: GuildId) -> Change {
        // At once, and not when the change is reflected: the bot may be invited again before.
        self.close(guild);
        Change::GuildLeft(guild)
    }

    /// Whether this server is served. Of one that isn't, nothing is asked from now on.
    pub fn admits(&self, guild: GuildId) -> bool {
        let serves = self.admission.serves(guild);
        if !serves {
            self.close(guild);
            self.admission.arrived(guild);
        }
        serves
    }

    /// Takes up a server again that was closed though the bot is in it.
    pub(super) async fn take_back(&self, guild: GuildId) -> Result<(), ServiceError> {
        match self.there(guild) {
            Some(back) => self.reflect(back).await,
            None => Ok(()),
        }
    }

    /// What to reflect when the bot is in a server; mostly nothing. In memory only.
    pub fn there(&self, guild: GuildId) -> Option<Change> {
        self.rest.open_server(guild);
        self.watched.take_left(guild).then_some(Change::GuildBack(guild))
    }

    /// Nothing is asked on behalf of a server that the bot isn't in, or isn't to be in.
    pub(super) fn close(&self, guild: GuildId) {
        self.rest.close_server(guild);
        self.watched.add_left(guild);
    }

    /// Compares the channels that the gateway tells of a server with those of the follows there: one that is missing was deleted while
    /// nobody listened. In memory only; the server is looked at soon.
    pub fn told_of_channels(&self, guild: GuildId, stands: impl Fn(ChannelId) -> bool) {
        if self.watched.has_missing_channel(guild, stands) {
            self.doubt(guild);
        }
    }

    /// Reflects changes as they come, until the last sender is gone. What fails is found by the sweep.
    pub async fn run(self: Arc<Self>, mut changes: UnboundedReceiver<Change>) {
        let mut queue = ChangeQueue::default();
        let mut looks = JoinSet::new();
        let mut running: HashMap<Id, Look> = HashMap::new();
        let mut all_reflected = true;
        loop {
            while let Some(change) = queue.pop_first() {
                if let Err(error) = self.reflect(change).await {
                    all_reflected = false;
                    tracing::error!(%error, ?change, "a change at Discord could not be reflected");
                }
            }
            while looks.len() < LOOKS
                && let Some(look) = queue.begin_look(Instant::now())
            {
                let upkeep = Arc::clone(&self);
                let id = looks.spawn(async move { upkeep.look(look).await }).id();
                running.insert(id, look);
            }
            let wait = queue.next_look_at().filter(|_| looks.len() < LOOKS);
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => queue.push(change),
                    None => {
                        *lock(&self.ended) = all_reflected.then(|| queue.servers().collect());
                        return;
                    }
                },
                servers = self.doors.next() => {
                    servers.into_iter().for_each(|server| queue.push(Change::DoorsChanged(server)));
                }
                Some(ended) = looks.join_next_with_id() => {
                    let id = ended.map_or_else(|panic| panic.id(), |(id, ())| id);
                    if let Some(look) = running.remove(&id) {
                        queue.end_look(look, Instant::now());
                    }
                }
                () = async { sleep_until(wait.unwrap_or_else(Instant::now)).await }, if wait.is_some() => {}
            }
            // All that came meanwhile is folded before the next look begins.
            while let Ok(change) = changes.try_recv() {
                queue.push(change);
            }
        }
    }

    async fn look(&self, look: Look) {
        let looking = async {
            match look.at {
                Subject::Webhooks(channel) => self.check_webhooks(look.guild, channel).await,
                Subject::Doors => self.look_at_doors(look.guild).await,
            }
        };
        let failure = match timeout(LOOK, AssertUnwindSafe(looking).catch_unwind()).await {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "panic".to_owned(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::error!(error = failure, ?look, "what an event told of could not be looked at");
        self.doubt(look.guild);
    }

    /// Reads from the database which channels to listen to. Returns the sources of this process's servers of which more is to be read than before.
    pub async fn load_watched(&self) -> Result<Vec<(ChannelId, GuildId)>, ServiceError> {
        self.watched.extend_webhooks(self.store.own_webhooks().await?);
        self.watched.extend_channels(self.store.followed_channels().await?);
        self.watched.extend_servers(self.store.followed_servers().await?);
        self.rights.extend(self.store.rights_looked_at().await?);
        for guild in self.store.left_guilds(self.clock.now()).await? {
            self.close(guild);
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
                // First those into it: nobody is told of them there.
                self.break_all(BreakWhich::TargetGuild(guild), BrokenReason::TargetServerLeft).await?;
                self.break_all(BreakWhich::SourceGuild(guild), BrokenReason::SourceServerLeft).await?;
                // Last: a server with a mark is not looked at any more.
                let now = self.clock.now();
                if !self.admission.serves(guild) {
                    // Whoever invites the bot there again and again is to leave no trace.
                    return Ok(self.store.mark_left(guild, now).await.map(drop)?);
                }
                Ok(self.store.guild_left(guild, now).await?)
            }
            Change::GuildBack(guild) => {
                tracing::info!(%guild, "the bot is in a server again that it had left");
                Ok(self.store.guild_back(guild).await?)
            }
            Change::WebhooksChanged { guild, channel } => self.check_webhooks(guild, channel).await,
            Change::DoorsChanged(guild) => self.look_at_doors(guild).await,
        }
    }

    /// Compares a channel's webhooks with the follows into it and its threads.
    async fn check_webhooks(&self, guild: GuildId, channel: ChannelId) -> Result<(), ServiceError> {
        // The follows are read first: one that is made meanwhile is not compared with a list that is older than its webhook.
        let follows = self.store.follows_through(channel, THROUGH_ONE).await?;
        if follows.is_empty() {
            return Ok(());
        }
        let there = self.rest.of_server(guild).channel_webhooks(channel).await;
        // Not to see them breaks nothing.
        let Some(there) = self.seen_or_refused(there)? else { return Ok(()) };
        for follow in follows {
            if let Some((which, reason)) = self.webhook_fault(&there, &follow).await? {
                self.break_all(which, reason).await?;
            }
        }
        Ok(())
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
        if there.iter().any(|other| other.id == webhook) {
            return Ok(None);
        }
        let channel = follow.spot.webhook_channel(follow.pair.target);
        if follow.options.delivery == Delivery::Relay {
            let Err(error) = self.mend(follow.guild, channel, webhook).await? else { return Ok(None) };
            let rest = self.rest.of_server(follow.guild);
            if let Some(cause) = rest.cause_of_break(channel, &error, self.clock.now()).await {
                return Ok(Some((users, cause)));
            }
        }
        let moved = self.stands_elsewhere(follow.guild, webhook, channel).await?;
        let reason = if moved { BrokenReason::WebhookMoved } else { BrokenReason::WebhookDeleted };
        Ok(Some((users, reason)))
    }

    /// Puts another of the bot's webhooks in the place of one that is gone, or says why Discord doesn't let it.
    async fn mend(
        &self,
        guild: GuildId,
        channel: ChannelId,
        gone: WebhookId,
    ) -> Result<Result<(), RestError>, ServiceError> {
        if self.store.webhook_of(channel).await?.is_none_or(|webhook| webhook.id != gone) {
            return Ok(Ok(()));
        }
        match self.rest.of_server(guild).own_webhook(channel, self.identity.application, None).await {
            Ok(own) => {
                self.watched.add_webhook(channel, own.webhook.id);
                self.store.replace_webhook(channel, &own.webhook, self.clock.now()).await?;
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
        match self.rest.of_server(guild).webhook(webhook).await {
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
