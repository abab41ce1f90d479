//! Which servers are served, in memory: it is asked for each event of a server and for each command.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::domain::servers::ServerLists;
use crate::store::{Store, StoreError};

/// What the settings say.
#[derive(Debug, Clone, Default)]
pub struct AdmissionSettings {
    /// The lists.
    pub lists: ServerLists,
    /// How many servers with follows or panels may be left because the list of allowed servers leaves them
    /// out; `None` for no limit.
    pub leave_at_most: Option<u32>,
}

/// What to do with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerDecision {
    /// It is served.
    Served,
    /// It isn't served, but the bot stays: the list that leaves it out may be a mistake.
    Unserved,
    /// The bot leaves it.
    Leave,
}

/// Which servers are served.
#[derive(Debug)]
pub struct Admission {
    lists: ServerLists,
    /// Servers with follows or panels that the list of allowed servers leaves out, if these are more than may
    /// be left. They are still served, and no server is left because of that list.
    spared: Option<HashSet<GuildId>>,
    /// Those in the table of blocked servers.
    blocked: RwLock<HashSet<GuildId>>,
    /// Servers that aren't served, and that the bot was said to have joined or left since the last look.
    arrived: Mutex<HashSet<GuildId>>,
    departed: Mutex<HashSet<GuildId>>,
    news: Notify,
}

impl Admission {
    /// Reads the database, and decides whether the list of allowed servers can be meant.
    pub async fn load(store: &Store, bounds: &AdmissionSettings) -> Result<Self, StoreError> {
        let AdmissionSettings { lists, leave_at_most } = bounds;
        let blocked: HashSet<GuildId> = store.blocked_servers().await?.into_iter().collect();
        let mut left_out = HashSet::new();
        if !lists.allowed.is_empty() {
            let used = store.server_usage().await?.into_iter().filter(|usage| usage.is_used() && !usage.left);
            let guilds = used.map(|usage| usage.guild);
            left_out.extend(guilds.filter(|guild| {
                lists.leaves_out(*guild) && !lists.blocks(*guild) && !blocked.contains(guild)
            }));
        }
        let too_many =
            leave_at_most.is_some_and(|most| left_out.len() > usize::try_from(most).unwrap_or(usize::MAX));
        if too_many {
            let mut some: Vec<u64> = left_out.iter().map(|guild| guild.get()).take(10).collect();
            some.sort_unstable();
            tracing::error!(
                servers = left_out.len(),
                some = ?some,
                "ALLOWED_SERVERS leaves out so many servers with follows or panels that it looks like a mistake: none of them is left, and they are served on. \
                 If it is meant, set LEAVE_SERVERS_AT_MOST to that number or more (0 = no limit), and start again; else complete the list"
            );
        }
        Ok(Self {
            lists: lists.clone(),
            spared: too_many.then_some(left_out),
            blocked: RwLock::new(blocked),
            arrived: Mutex::default(),
            departed: Mutex::default(),
            news: Notify::new(),
        })
    }

    /// Ends everything for servers that must be left, before anything is posted anywhere: the settings may
    /// have changed since the last start.
    pub async fn close_unserved(&self, store: &Store, clock: Clock) -> Result<(), StoreError> {
        if self.serves_all() {
            return Ok(());
        }
        for usage in store.server_usage().await? {
            if !usage.left && self.decide(usage.guild) == ServerDecision::Leave {
                store.close_server(usage.guild, clock.now()).await?;
            }
        }
        Ok(())
    }

    /// What to do with this server.
    pub fn decide(&self, guild: GuildId) -> ServerDecision {
        if self.lists.blocks(guild) || self.read_blocked().contains(&guild) {
            return ServerDecision::Leave;
        }
        match &self.spared {
            _ if !self.lists.leaves_out(guild) => ServerDecision::Served,
            None => ServerDecision::Leave,
            Some(spared) if spared.contains(&guild) => ServerDecision::Served,
            Some(_) => ServerDecision::Unserved,
        }
    }

    /// Whether this server is served.
    pub fn serves(&self, guild: GuildId) -> bool {
        self.decide(guild) == ServerDecision::Served
    }

    /// Whether no server is left out or blocked.
    fn serves_all(&self) -> bool {
        self.lists == ServerLists::default() && self.read_blocked().is_empty()
    }

    /// Hears that the table of blocked servers, or the servers that the bot is in, may have changed.
    pub fn poke(&self) {
        self.news.notify_one();
    }

    /// Waits for such a change.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Replaces the table with its current content.
    pub(super) fn set_blocked(&self, blocked: impl IntoIterator<Item = GuildId>) {
        *self.blocked.write().unwrap_or_else(PoisonError::into_inner) = blocked.into_iter().collect();
    }

    /// The bot is in a server that isn't served, as far as is known here: the table may say otherwise by now.
    pub(in crate::service) fn arrived(&self, guild: GuildId) {
        lock(&self.arrived).insert(guild);
        self.poke();
    }

    /// The servers that the bot has joined since the last call.
    pub(super) fn take_arrived(&self) -> HashSet<GuildId> {
        std::mem::take(&mut *lock(&self.arrived))
    }

    /// The bot is out of a server. If it is invited again, it leaves again.
    pub fn departed(&self, guild: GuildId) {
        if !self.serves(guild) {
            lock(&self.departed).insert(guild);
            self.poke();
        }
    }

    /// The servers that the bot has left since the last call.
    pub(super) fn take_departed(&self) -> HashSet<GuildId> {
        std::mem::take(&mut *lock(&self.departed))
    }

    fn read_blocked(&self) -> RwLockReadGuard<'_, HashSet<GuildId>> {
        self.blocked.read().unwrap_or_else(PoisonError::into_inner)
    }
}
