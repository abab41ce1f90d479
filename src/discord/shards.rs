//! What the gateway has told about the shards' connections and the servers behind them: for readiness, for
//! metrics, and for everyone who asks whether the bot is in a server.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::domain::shards::{Shard, Shards};
use crate::service::gateway_view::{GatewayView, Membership};

/// The state of the shards' connections and of the servers behind them.
#[derive(Debug)]
pub struct GatewayState {
    /// The shards of this process.
    shards: Shards,
    facts: Mutex<GatewayFacts>,
    /// Counts the sessions that began. A session doesn't report what happened before it began.
    sessions: watch::Sender<u64>,
}

/// What the gateway has told so far.
#[derive(Debug, Default)]
struct GatewayFacts {
    /// The shards that are connected.
    connected: HashSet<u32>,
    /// The shards that have ever been connected.
    once_connected: HashSet<u32>,
    /// The servers that the bot is in.
    guilds: HashSet<GuildId>,
    /// When each shard's present session began; only with it is the shard's list of servers known.
    began: HashMap<u32, SessionStart>,
    /// Sessions from before a planned restart, until Discord resumes them: the shard's servers, and when the
    /// session began.
    resumable: HashMap<u32, (Vec<GuildId>, SessionStart)>,
}

/// When a session began.
#[derive(Debug, Clone, Copy)]
struct SessionStart {
    /// When this process learned of it.
    heard: Instant,
    /// How old it was then.
    age: Duration,
}

impl SessionStart {
    fn age(&self) -> Duration {
        self.age + self.heard.elapsed()
    }
}

impl GatewayState {
    /// Nothing is known of these shards' connections yet.
    pub fn new(shards: Shards) -> Self {
        Self { shards, facts: Mutex::default(), sessions: watch::channel(0).0 }
    }

    /// Whether every shard of this process is connected.
    pub fn is_up(&self) -> bool {
        let facts = self.facts();
        self.shards.each().all(|shard| facts.connected.contains(&shard.id))
    }

    /// How many servers of these shards the bot is in.
    pub fn guilds(&self) -> usize {
        self.facts().guilds.len()
    }

    /// Whether the bot is in this server, as far as the gateway has said.
    pub fn is_in(&self, guild: GuildId) -> bool {
        self.facts().guilds.contains(&guild)
    }

    /// A shard is connected: its session began or was resumed.
    pub(super) fn connected(&self, shard: Shard) {
        let mut facts = self.facts();
        facts.connected.insert(shard.id);
        if !facts.once_connected.insert(shard.id) {
            metrics::counter!(crate::metrics::GATEWAY_RECONNECTS).increment(1);
        }
    }

    /// A shard lost its connection.
    pub(super) fn lost(&self, shard: Shard) {
        self.facts().connected.remove(&shard.id);
    }

    /// A shard's session began. Of the shard's servers, the bot is in these and no others. Where the list
    /// can't be read, nothing more is known than before.
    pub(super) fn session_began(&self, shard: Shard, guilds: Option<Vec<GuildId>>) {
        self.connected(shard);
        self.facts().resumable.remove(&shard.id);
        if let Some(guilds) = guilds {
            let mut facts = self.facts();
            facts.guilds.retain(|guild| !shard.has(*guild));
            facts.guilds.extend(guilds);
            facts.began.insert(shard.id, SessionStart { heard: Instant::now(), age: Duration::ZERO });
        }
        self.sessions.send_modify(|count| *count += 1);
    }

    /// Keeps what was known in a session of this age that may be resumed in this process: of the shard's
    /// servers, the bot is in these and no others.
    pub fn keep(&self, shard: Shard, guilds: Vec<GuildId>, age: Duration) {
        let mut facts = self.facts();
        // Another process may have listened since this one did.
        facts.guilds.retain(|guild| !shard.has(*guild));
        facts.began.remove(&shard.id);
        facts.resumable.insert(shard.id, (guilds, SessionStart { heard: Instant::now(), age }));
    }

    /// A shard's session was resumed: what was kept of it holds, as the state before anything that the
    /// session tells from now on.
    pub(super) fn session_goes_on(&self, shard: Shard) {
        let mut facts = self.facts();
        let Some((guilds, began)) = facts.resumable.remove(&shard.id) else { return };
        facts.guilds.extend(guilds);
        facts.began.insert(shard.id, began);
        drop(facts);
        self.sessions.send_modify(|count| *count += 1);
    }

    /// The servers of a shard that the bot is in, and the age of its session; `None` while the session has
    /// told nothing yet.
    pub fn known(&self, shard: Shard) -> Option<(Vec<GuildId>, Duration)> {
        let facts = self.facts();
        if let Some((guilds, began)) = facts.resumable.get(&shard.id) {
            return Some((guilds.clone(), began.age()));
        }
        let age = facts.began.get(&shard.id)?.age();
        Some((facts.guilds.iter().filter(|guild| shard.has(**guild)).copied().collect(), age))
    }

    /// The bot is in this server.
    pub(super) fn joined(&self, guild: GuildId) {
        self.facts().guilds.insert(guild);
    }

    /// The bot is no longer in this server.
    pub(super) fn left(&self, guild: GuildId) {
        self.facts().guilds.remove(&guild);
    }

    fn facts(&self) -> MutexGuard<'_, GatewayFacts> {
        lock(&self.facts)
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
        self.facts().began.get(&shard.id).map(SessionStart::age)
    }

    fn servers(&self) -> HashSet<GuildId> {
        self.facts().guilds.clone()
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        self.sessions.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_names_the_servers_of_its_shard() {
        let (state, shard) = (GatewayState::new(Shards::all(1)), Shard { id: 0, total: 1 });
        let [home, joined, left] = [1, 2, 3].map(|id| GuildId::new(id).unwrap());
        assert_eq!(state.membership(left), Membership::Unknown, "nothing was told yet");
        state.session_began(shard, Some(vec![home, left]));
        state.joined(joined);
        assert_eq!(state.guilds(), 3);
        assert_eq!(state.membership(left), Membership::Member);
        // A new session: the bot was removed from one server meanwhile.
        state.session_began(shard, Some(vec![home]));
        assert!(state.is_in(home) && !state.is_in(joined));
        assert_eq!(state.membership(left), Membership::NotMember);
        // Servers of other shards are theirs to tell of.
        state.session_began(Shard { id: 1, total: 2 }, Some(Vec::new()));
        assert_eq!(state.guilds(), 1);
        state.session_began(shard, None);
        assert!(state.is_in(home), "a list that can't be read takes nothing away");
    }

    /// Another process had the shard meanwhile, and the bot was removed from a server.
    #[test]
    fn what_was_told_before_another_listened_holds_no_more() {
        let (state, shard) = (GatewayState::new(Shards::all(1)), Shard { id: 0, total: 1 });
        let [home, left] = [1, 2].map(|id| GuildId::new(id).unwrap());
        state.session_began(shard, Some(vec![home, left]));
        state.keep(shard, vec![home], Duration::ZERO);
        assert_eq!(state.membership(left), Membership::Unknown);
        state.session_goes_on(shard);
        assert_eq!(state.membership(home), Membership::Member);
        assert_eq!(state.membership(left), Membership::NotMember);
    }

    #[test]
    fn what_was_kept_holds_once_the_session_goes_on() {
        let (state, shard) = (GatewayState::new(Shards::all(1)), Shard { id: 0, total: 1 });
        let [home, left] = [1, 2].map(|id| GuildId::new(id).unwrap());
        let hour = Duration::from_secs(3_600);
        state.keep(shard, vec![home, left], hour);
        assert_eq!(state.membership(home), Membership::Unknown, "Discord may have forgotten it");
        assert_eq!(
            state.known(shard).unwrap().0,
            [home, left],
            "and this process may end before that is known"
        );
        state.session_goes_on(shard);
        state.left(left);
        state.session_goes_on(shard);
        assert_eq!(state.membership(home), Membership::Member);
        assert_eq!(state.membership(left), Membership::NotMember);
        assert!(state.session_age(home).unwrap() >= hour && state.known(shard).unwrap().1 >= hour);
        // Another session begins: nothing of it holds.
        state.keep(shard, vec![home], hour);
        state.session_began(shard, Some(Vec::new()));
        state.session_goes_on(shard);
        assert_eq!(state.membership(home), Membership::NotMember);
    }

    #[test]
    fn it_is_up_while_all_shards_are() {
        let state = GatewayState::new(Shards::all(2));
        let [first, second] = [0, 1].map(|id| Shard { id, total: 2 });
        state.connected(first);
        assert!(!state.is_up());
        state.connected(second);
        assert!(state.is_up());
        state.lost(first);
        assert!(!state.is_up());
    }
}
