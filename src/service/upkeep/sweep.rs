//! The sweep: every server of this process's shards is compared with Discord once a day, and after a session that began anew, since what
//! happened before it was told to nobody. It goes server by server, the oldest check first, within a budget; what fails takes its
//! turn only.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::service::ServiceError;

use super::schedule::{Agenda, Looked};
use super::{Change, Upkeep};

/// How many servers are looked at at the same time: a slow one holds up a quarter of the sweep at most.
const LOOKS: usize = 4;
/// How long one look may take.
pub(super) const LOOK: Duration = Duration::from_secs(180);
/// How long the sweep rests where nothing is due.
const REST: Duration = Duration::from_secs(10 * 60);
/// How soon the list of servers is read again: several shards begin their sessions one after the other.
const LIST_AGAIN: Duration = Duration::from_secs(2);

/// What the gateway has said of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The bot is in it.
    Member,
    /// The present session of its shard doesn't name it, or it said that the bot was removed.
    NotMember,
    /// Its shard has no session yet.
    Unknown,
}

/// What the gateway knows of servers. Only what it says makes a server one that the bot has left.
pub trait GatewayView: Send + Sync {
    /// Whether the bot is in a server.
    fn membership(&self, guild: GuildId) -> Membership;
    /// How old the present session of a server's shard is: of what happened before, nobody was told.
    fn session_age(&self, guild: GuildId) -> Option<Duration>;
    /// The servers that the bot is in.
    fn servers(&self) -> HashSet<GuildId>;
    /// Changes with each session that begins.
    fn sessions(&self) -> watch::Receiver<u64>;
}

/// How a look ended: whether it was complete.
type Ended = Result<bool, ServiceError>;

impl Upkeep {
    /// Looks at servers, as long as it is let.
    pub async fn sweep(self: Arc<Self>, gateway: Arc<dyn GatewayView>) {
        let mut sessions = gateway.sessions();
        let mut sweep = Sweep::new();
        loop {
            if Instant::now() >= sweep.list_at {
                sweep.listed_at = Instant::now();
                sweep.list_at = sweep.listed_at + REST;
                if let Err(error) = self.list_servers(&mut sweep, &*gateway).await {
                    tracing::warn!(%error, "the servers to look at can't be listed yet");
                    sweep.list_at = Instant::now() + LIST_AGAIN;
                }
            }
            self.begin_looks(&mut sweep, &gateway);
            if sweep.agenda.is_drained() {
                sweep.list_at = sweep.list_at.min(Instant::now() + self.rest_of(&sweep.agenda));
            }
            tokio::select! {
                Some(looked) = sweep.looks.join_next_with_id() => self.end_look(&mut sweep, looked),
                changed = sessions.changed() => match changed {
                    Ok(()) => sweep.list_soon(),
                    Err(_) => return,
                },
                () = self.doubted.news.notified() => sweep.list_soon(),
                () = sleep_until(sweep.list_at) => {}
            }
        }
    }

    /// Has a server looked at soon: what the gateway tells of it doesn't fit the follows.
    pub(in crate::service) fn doubt(&self, guild: GuildId) {
        lock(&self.doubted.guilds).insert(guild, Instant::now());
        self.doubted.news.notify_one();
    }

    /// The servers that wait to be looked at because of what the gateway told; none where something of that was lost.
    pub(in crate::service) fn left_doubts(&self) -> Option<Vec<GuildId>> {
        let ended = lock(&self.ended).take()?;
        Some(ended.into_iter().chain(self.doubted.list()).collect())
    }

    async fn list_servers(&self, sweep: &mut Sweep, gateway: &dyn GatewayView) -> Result<(), ServiceError> {
        let now = self.clock.now();
        // Whoever was taken for left, but is named by the gateway, wasn't.
        for guild in self.store.left_guilds(now).await? {
            if self.shards.has(guild)
                && self.admission.serves(guild)
                && gateway.membership(guild) == Membership::Member
            {
                self.there(guild);
                self.reflect(Change::GuildBack(guild)).await?;
            }
        }
        let mut checks = self.store.guild_checks().await?;
        checks.retain(|check| self.shards.has(check.guild));
        sweep.agenda.refill(&checks, &self.doubted.list(), gateway, now);
        Ok(())
    }

    /// How long there is nothing to do.
    fn rest_of(&self, agenda: &Agenda) -> Duration {
        let next = agenda.next_at().map(|at| (at - self.clock.now()).to_std().unwrap_or_default());
        next.map_or(REST, |next| next.clamp(LIST_AGAIN, REST))
    }

    fn begin_looks(self: &Arc<Self>, sweep: &mut Sweep, gateway: &Arc<dyn GatewayView>) {
        while sweep.looks.len() < LOOKS
            && let Some(guild) = sweep.agenda.begin(self.clock.now())
        {
            let (upkeep, gateway) = (Arc::clone(self), Arc::clone(gateway));
            let look = async move {
                match timeout(LOOK, upkeep.look_at(guild, &*gateway)).await {
                    Ok(looked) => looked,
                    Err(_) => Ok(false),
                }
            };
            let id = sweep.looks.spawn(look).id();
            sweep.running.insert(id, (guild, Instant::now()));
        }
    }

    fn end_look(&self, sweep: &mut Sweep, looked: Result<(Id, Ended), JoinError>) {
        let (id, complete) = match looked {
            Ok((id, Ok(complete))) => (id, complete),
            Ok((id, Err(error))) => {
                let guild = sweep.running.get(&id).map(|(guild, _)| guild);
                tracing::warn!(?guild, %error, "a server can't be looked at; it is tried again later");
                (id, false)
            }
            Err(error) => {
                let guild = sweep.running.get(&error.id()).map(|(guild, _)| guild);
                tracing::error!(?guild, "the look at a server panicked; it is tried again later");
                (error.id(), false)
            }
        };
        if let Some((guild, began)) = sweep.running.remove(&id) {
            let looked = match complete {
                true => Looked::Whole,
                false if self.rights.is_unsure(guild) => Looked::InVain,
                false => Looked::InPart,
            };
            sweep.agenda.end(guild, looked, self.clock.now());
            if complete && self.doubted.settle(guild, began) {
                sweep.list_soon();
            }
        }
    }

    /// Looks at one server; whether the look was complete.
    async fn look_at(&self, guild: GuildId, gateway: &dyn GatewayView) -> Ended {
        let began = self.clock.now();
        if self.watched.is_left(guild) {
            // The gateway said so: there is nothing to ask.
            return Ok(true);
        }
        let complete = match gateway.membership(guild) {
            Membership::Member => self.check_server(guild).await?,
            Membership::NotMember => self.check_leaving(guild).await?,
            Membership::Unknown => false,
        };
        if complete {
            self.store.note_guild_check(guild, began).await?;
        }
        Ok(complete)
    }

    /// The gateway doesn't name a server: the bot has left it, if Discord's other side says so, too.
    async fn check_leaving(&self, guild: GuildId) -> Result<bool, ServiceError> {
        self.budget.request().await;
        // Whether the bot is there is what this asks about.
        match self.rest.of_program().guild(guild).await {
            Ok(_) => {
                tracing::warn!(%guild, "the gateway doesn't name a server that Discord shows to the bot");
                Ok(false)
            }
            Err(error) if error.is_not_found() || error.is_forbidden() => {
                let left = self.left(guild);
                self.reflect(left).await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The sweep at work.
struct Sweep {
    agenda: Agenda,
    looks: JoinSet<Ended>,
    /// Which server each look is at, and when it began.
    running: HashMap<Id, (GuildId, Instant)>,
    listed_at: Instant,
    /// When the servers are listed again.
    list_at: Instant,
}

impl Sweep {
    fn new() -> Self {
        let now = Instant::now();
        let (agenda, looks, running) = (Agenda::default(), JoinSet::new(), HashMap::new());
        Self { agenda, looks, running, listed_at: now, list_at: now }
    }

    fn list_soon(&mut self) {
        self.list_at = self.list_at.min(self.listed_at + LIST_AGAIN);
    }
}

/// Servers that an event made the bot doubt.
#[derive(Debug, Default)]
pub(super) struct Doubted {
    /// Since when, the last time; until a look that began later was complete.
    guilds: Mutex<HashMap<GuildId, Instant>>,
    news: tokio::sync::Notify,
}

impl Doubted {
    /// Lists them all.
    fn list(&self) -> HashSet<GuildId> {
        lock(&self.guilds).keys().copied().collect()
    }

    /// A look at a server that began at this time was complete. Whether it has been doubted since.
    fn settle(&self, guild: GuildId, began: Instant) -> bool {
        let mut guilds = lock(&self.guilds);
        let again = guilds.get(&guild).is_some_and(|since| *since > began);
        if !again {
            guilds.remove(&guild);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_that_is_raised_during_a_look_stays() {
        let (doubted, guild) = (Doubted::default(), GuildId::new(1).unwrap());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        lock(&doubted.guilds).insert(guild, at(1));
        assert!(!doubted.settle(guild, at(2)));
        assert!(doubted.list().is_empty());
        lock(&doubted.guilds).insert(guild, at(3));
        assert!(doubted.settle(guild, at(2)), "the look may have missed it");
        assert_eq!(doubted.list().len(), 1);
        assert!(!doubted.settle(guild, at(4)));
    }
}
