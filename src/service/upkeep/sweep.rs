//! The sweep compares every server of this process's shards with Discord: once a day, and after a session
//! that began anew, because nobody was told what happened before it. It goes server by server, the oldest
//! check first, within a budget. A check that fails uses only its own turn.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::service::ServiceError;
use crate::service::gateway_view::{GatewayView, Membership};

use super::schedule::{CheckOutcome, SweepSchedule};
use super::{DiscordChange, Upkeep};

/// How many servers are checked at the same time: a slow one holds up at most a quarter of the sweep.
const AT_ONCE: usize = 4;
/// How long one check may take.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(180);
/// How long the sweep rests if nothing is due.
const REST: Duration = Duration::from_secs(10 * 60);
/// How soon the list of servers is read again: several shards begin their sessions one after the other.
const LIST_AGAIN: Duration = Duration::from_secs(2);

/// The result of a check: whether it was complete.
type CheckResult = Result<bool, ServiceError>;

impl Upkeep {
    /// Checks servers until it is stopped.
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
            self.begin_checks(&mut sweep, &gateway);
            if sweep.schedule.is_drained() {
                sweep.list_at = sweep.list_at.min(Instant::now() + self.rest_of(&sweep.schedule));
            }
            tokio::select! {
                Some(outcome) = sweep.checks.join_next_with_id() => self.end_check(&mut sweep, outcome),
                changed = sessions.changed() => match changed {
                    Ok(()) => sweep.list_soon(),
                    Err(_) => return,
                },
                () = self.suspects.news.notified() => sweep.list_soon(),
                () = sleep_until(sweep.list_at) => {}
            }
        }
    }

    /// Has a server checked soon, because what the gateway says about it doesn't fit its follows.
    pub(in crate::service) fn suspect(&self, guild: GuildId) {
        lock(&self.suspects.guilds).insert(guild, Instant::now());
        self.suspects.news.notify_one();
    }

    /// The servers that wait for a check because of what the gateway said; `None` if some of that was lost.
    pub(in crate::service) fn take_suspects(&self) -> Option<Vec<GuildId>> {
        let ended = lock(&self.ended).take()?;
        Some(ended.into_iter().chain(self.suspects.list()).collect())
    }

    async fn list_servers(&self, sweep: &mut Sweep, gateway: &dyn GatewayView) -> Result<(), ServiceError> {
        let now = self.parts.clock.now();
        // A server that was thought to be left, but is named by the gateway, wasn't left.
        for guild in self.parts.store.left_guilds(now).await? {
            if self.parts.shards.has(guild)
                && self.parts.admission.serves(guild)
                && gateway.membership(guild) == Membership::Member
            {
                self.note_present(guild);
                self.reflect(DiscordChange::GuildBack(guild)).await?;
            }
        }
        let mut checks = self.parts.store.guild_checks().await?;
        checks.retain(|check| self.parts.shards.has(check.guild));
        sweep.schedule.refill(&checks, &self.suspects.list(), gateway, now);
        Ok(())
    }

    /// How long there is nothing to do.
    fn rest_of(&self, schedule: &SweepSchedule) -> Duration {
        let next = schedule.next_at().map(|at| (at - self.parts.clock.now()).to_std().unwrap_or_default());
        next.map_or(REST, |next| next.clamp(LIST_AGAIN, REST))
    }

    fn begin_checks(self: &Arc<Self>, sweep: &mut Sweep, gateway: &Arc<dyn GatewayView>) {
        while sweep.checks.len() < AT_ONCE
            && let Some(guild) = sweep.schedule.begin(self.parts.clock.now())
        {
            let (upkeep, gateway) = (Arc::clone(self), Arc::clone(gateway));
            let check = async move {
                match timeout(CHECK_TIMEOUT, upkeep.check(guild, &*gateway)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Ok(false),
                }
            };
            let id = sweep.checks.spawn(check).id();
            sweep.running.insert(id, (guild, Instant::now()));
        }
    }

    fn end_check(&self, sweep: &mut Sweep, outcome: Result<(Id, CheckResult), JoinError>) {
        let (id, complete) = match outcome {
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
            let outcome = match complete {
                true => CheckOutcome::Complete,
                false if self.parts.permissions.is_unsure(guild) => CheckOutcome::IncompleteAndAwaited,
                false => CheckOutcome::Incomplete,
            };
            sweep.schedule.end(guild, outcome, self.parts.clock.now());
            if complete && self.suspects.clear(guild, began) {
                sweep.list_soon();
            }
        }
    }

    /// Checks one server. Whether the check was complete.
    async fn check(&self, guild: GuildId, gateway: &dyn GatewayView) -> CheckResult {
        let began = self.parts.clock.now();
        if self.parts.watched.is_left(guild) {
            // The gateway has said so: there is nothing to ask.
            return Ok(true);
        }
        let complete = match gateway.membership(guild) {
            Membership::Member => self.check_server(guild).await?,
            Membership::NotMember => self.check_leaving(guild).await?,
            Membership::Unknown => false,
        };
        if complete {
            self.parts.store.note_guild_check(guild, began).await?;
        }
        Ok(complete)
    }

    /// The gateway doesn't name a server. The bot has left it if REST confirms that.
    async fn check_leaving(&self, guild: GuildId) -> Result<bool, ServiceError> {
        self.budget.request().await;
        // Not on behalf of the server: the question is whether the bot is there at all.
        match self.parts.rest.of_program().guild(guild).await {
            Ok(_) => {
                tracing::warn!(%guild, "the gateway doesn't name a server that Discord shows to the bot");
                Ok(false)
            }
            Err(error) if error.is_not_found() || error.is_forbidden() => {
                let left = self.note_left(guild);
                self.reflect(left).await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The running sweep.
struct Sweep {
    schedule: SweepSchedule,
    checks: JoinSet<CheckResult>,
    /// Which server each check is for, and when it began.
    running: HashMap<Id, (GuildId, Instant)>,
    listed_at: Instant,
    /// When the servers are listed again.
    list_at: Instant,
}

impl Sweep {
    fn new() -> Self {
        let now = Instant::now();
        let (schedule, checks, running) = (SweepSchedule::default(), JoinSet::new(), HashMap::new());
        Self { schedule, checks, running, listed_at: now, list_at: now }
    }

    fn list_soon(&mut self) {
        self.list_at = self.list_at.min(self.listed_at + LIST_AGAIN);
    }
}

/// Servers that an event made suspect.
#[derive(Debug, Default)]
pub(super) struct SuspectServers {
    /// The last time that each was suspected; until a check that began later was complete.
    guilds: Mutex<HashMap<GuildId, Instant>>,
    news: tokio::sync::Notify,
}

impl SuspectServers {
    /// Lists them all.
    fn list(&self) -> HashSet<GuildId> {
        lock(&self.guilds).keys().copied().collect()
    }

    /// A check of a server that began at this time was complete. Whether it has been suspected again since.
    fn clear(&self, guild: GuildId, began: Instant) -> bool {
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
        let (doubted, guild) = (SuspectServers::default(), GuildId::new(1).unwrap());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        lock(&doubted.guilds).insert(guild, at(1));
        assert!(!doubted.clear(guild, at(2)));
        assert!(doubted.list().is_empty());
        lock(&doubted.guilds).insert(guild, at(3));
        assert!(doubted.clear(guild, at(2)), "the look may have missed it");
        assert_eq!(doubted.list().len(), 1);
        assert!(!doubted.clear(guild, at(4)));
    }
}
