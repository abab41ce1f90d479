//! The shards' connections: what is known of them, for readiness and metrics, and the watch over those that hang.
//!
//! serenity 0.12.5 can't be left alone with a lost connection. When its first attempt to resume can't connect, the shard's runner spins
//! without ever yielding, until its next heartbeat is due (41 s); told to shut down in that state, it spins for ever. So a shard that is
//! away is *nudged*: a heartbeat is sent through it, which does no harm where there is a connection, and where there is none ends the
//! runner. What stays away is built anew.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::{ConnectionStage, ShardId, ShardManager};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::domain::ids::GuildId;
use crate::domain::shards::{Shard, Shards};
use crate::service::upkeep::{GatewayView, Membership};

/// How often the shards are looked at when none reports anything.
const LOOK: Duration = Duration::from_millis(500);
/// How long a shard may take to come back by itself: longer than the 5 s after which serenity starts one anew that it gave up itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(6);
/// The same when it has failed again and again. Each try may cost a session, and Discord allows 1000 a day.
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(300);
/// How long leaving the gateway may take before the connections are simply dropped.
const GOODBYE: Duration = Duration::from_secs(1);
/// A heartbeat, as the gateway takes it at any time.
const HEARTBEAT: &str = r#"{"op":1,"d":null}"#;

/// What is known of the connection and of the servers behind it.
#[derive(Debug)]
pub struct GatewayState {
    /// The shards of this process.
    shards: Shards,
    connected: Mutex<HashMap<ShardId, bool>>,
    /// The servers that the bot is in, and of each whether that was told on the present connection.
    guilds: Mutex<HashMap<GuildId, bool>>,
    /// When the present session of each shard began, and with it the list of its servers.
    began: Mutex<HashMap<u32, Instant>>,
    /// Shards that were connected before.
    known: Mutex<HashSet<ShardId>>,
    /// Counts the sessions that began: what happened before one is not reported in it.
    sessions: watch::Sender<u64>,
    changed: Notify,
}

impl GatewayState {
    /// Nothing is known of these shards' connections yet.
    pub fn new(shards: Shards) -> Self {
        Self {
            shards,
            connected: Mutex::default(),
            guilds: Mutex::default(),
            began: Mutex::default(),
            known: Mutex::default(),
            sessions: watch::channel(0).0,
            changed: Notify::new(),
        }
    }

    /// Whether every shard of this process is connected.
    pub fn is_up(&self) -> bool {
        let connected = lock(&self.connected);
        self.shards.each().all(|shard| connected.get(&ShardId(shard.id)).copied().unwrap_or_default())
    }

    /// In how many servers of these shards the bot is.
    pub fn guilds(&self) -> usize {
        lock(&self.guilds).len()
    }

    /// A shard changed its stage: look at it soon.
    pub(super) fn stage_changed(&self) {
        self.changed.notify_one();
    }

    /// A session began.
    pub(super) fn began(&self, shard: ShardId) {
        self.connected_again(shard);
        self.sessions.send_modify(|count| *count += 1);
    }

    /// A session went on after its connection was lost.
    pub(super) fn connected_again(&self, shard: ShardId) {
        if !lock(&self.known).insert(shard) {
            metrics::counter!(crate::metrics::GATEWAY_RECONNECTS).increment(1);
        }
        self.changed.notify_one();
    }

    /// Whether the bot is in this server, as far as the gateway has said.
    pub fn is_in(&self, guild: GuildId) -> bool {
        lock(&self.guilds).contains_key(&guild)
    }

    /// A shard connects anew: what was known of its servers is to be told again.
    pub(super) fn connecting(&self, shard: Shard) {
        let mut known = lock(&self.guilds);
        known.iter_mut().filter(|(guild, _)| shard.has(**guild)).for_each(|(_, told)| *told = false);
    }

    /// A shard's session begins: of its servers, the bot is in these, and in those that it has joined since. The events are told of in tasks of their own, and so in any
    /// order.
    pub(super) fn found(&self, shard: Shard, guilds: impl IntoIterator<Item = GuildId>) {
        let mut known = lock(&self.guilds);
        known.extend(guilds.into_iter().map(|guild| (guild, true)));
        known.retain(|guild, told| *told || !shard.has(*guild));
        lock(&self.began).insert(shard.id, Instant::now());
    }

    /// The bot is in this server.
    pub(super) fn joined(&self, guild: GuildId) {
        lock(&self.guilds).insert(guild, true);
    }

    /// The bot is no longer in this server.
    pub(super) fn left(&self, guild: GuildId) {
        lock(&self.guilds).remove(&guild);
    }

    /// Takes over what serenity knows now: its stages are the truth, the events about them arrive in any order. Returns
    /// who is away.
    async fn look(&self, manager: &ShardManager) -> Vec<ShardId> {
        let runners = manager.runners.lock().await;
        let mut connected = lock(&self.connected);
        connected.values_mut().for_each(|connected| *connected = false);
        connected
            .extend(runners.iter().map(|(id, runner)| (*id, runner.stage == ConnectionStage::Connected)));
        let away = runners.iter().filter(|(_, runner)| runner.stage != ConnectionStage::Connected);
        away.map(|(id, _)| *id).collect()
    }
}

impl GatewayView for GatewayState {
    fn membership(&self, guild: GuildId) -> Membership {
        if self.is_in(guild) {
            Membership::Member
        } else if self.session_age(guild).is_some() {
            Membership::NotMember
        } else {
            Membership::Unknown
        }
    }

    fn session_age(&self, guild: GuildId) -> Option<Duration> {
        let shard = self.shards.each().find(|shard| shard.has(guild))?;
        lock(&self.began).get(&shard.id).map(Instant::elapsed)
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        self.sessions.subscribe()
    }
}

/// Keeps the state up to date; ends when a shard is away for too long.
pub(super) async fn watch(manager: &ShardManager, state: &GatewayState, patience: Duration) {
    let mut away: HashMap<ShardId, Instant> = HashMap::new();
    loop {
        let found = state.look(manager).await;
        away.retain(|id, _| found.contains(id));
        for id in found {
            let since = *away.entry(id).or_insert_with(Instant::now);
            if since.elapsed() >= patience {
                tracing::warn!(shard = id.0, "the connection to the gateway hangs; it is built anew");
                return;
            }
            if since.elapsed() >= LOOK {
                nudge(manager, id).await;
            }
        }
        // Without a report the next look comes by itself: a hanging shard reports nothing.
        let _ = tokio::time::timeout(LOOK, state.changed.notified()).await;
    }
}

/// Ends the connections; those that hang are dropped.
pub(super) async fn leave(manager: &ShardManager, state: &GatewayState) {
    for id in state.look(manager).await {
        nudge(manager, id).await;
    }
    if tokio::time::timeout(GOODBYE, manager.shutdown_all()).await.is_err() {
        tracing::debug!("the gateway did not say goodbye in time");
    }
    lock(&state.connected).values_mut().for_each(|connected| *connected = false);
}

async fn nudge(manager: &ShardManager, id: ShardId) {
    if let Some(runner) = manager.runners.lock().await.get(&id) {
        runner.runner_tx.websocket_message(HEARTBEAT.to_owned().into());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_in_whatever_order_they_are_told() {
        let (state, shard) = (GatewayState::new(Shards::all(1)), Shard { id: 0, total: 1 });
        let [home, joined, left] = [1, 2, 3].map(|id| GuildId::new(id).unwrap());
        assert_eq!(state.membership(left), Membership::Unknown, "nothing was told yet");
        state.found(shard, [home, left]);
        state.joined(joined);
        assert_eq!(state.guilds(), 3);
        assert_eq!(state.membership(left), Membership::Member);
        // A new session: the bot was removed from one server meanwhile, and joins another before the list is taken up.
        state.connecting(shard);
        state.joined(joined);
        state.found(shard, [home]);
        assert!(state.is_in(home) && state.is_in(joined) && !state.is_in(left));
        assert_eq!(state.membership(left), Membership::NotMember);
        // Servers of other shards are theirs to tell of.
        let other = Shard { id: 1, total: 2 };
        state.connecting(other);
        state.found(other, []);
        assert_eq!(state.guilds(), 2);
    }
}
