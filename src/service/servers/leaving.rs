//! Leaves the servers of this process's shards that aren't served: at the start, when the bot is invited to
//! one, and when one is blocked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::rest::{Client, LeaveOutcome};
use crate::service::gateway_view::GatewayView;
use crate::service::upkeep::Upkeep;
use crate::service::{ServiceError, ServiceParts};
use crate::store::Store;

use super::{Admission, ServerDecision};

/// How often to read the table of blocked servers if nobody reports a change.
const LOOK: Duration = Duration::from_secs(3);
/// The first and the longest pause before another attempt to leave a server.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60 * 60));

/// How many servers are left at the same time.
const AT_ONCE: usize = 4;
/// How long one attempt may wait for rate limits: the others wait, too.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far leaving one server is.
#[derive(Debug, Clone, Copy)]
enum LeaveState {
    /// Discord has confirmed that the bot is out. Until the gateway says so, too, nothing is requested again.
    Left,
    /// It couldn't be left. The next attempt is then; the one after it comes after the pause.
    Failed { again_at: Instant, pause: Duration },
}

/// Leaves servers.
pub struct Leaving {
    store: Store,
    rest: Client,
    clock: Clock,
    admission: Arc<Admission>,
    upkeep: Arc<Upkeep>,
    gateway: Arc<dyn GatewayView>,
    states: HashMap<GuildId, LeaveState>,
    /// Servers that were closed although the bot is in them.
    closed: HashSet<GuildId>,
    /// Whether the log says already that the table can't be read.
    said: bool,
}

impl Leaving {
    /// Leaves servers of these parts.
    pub fn new(parts: ServiceParts, upkeep: Arc<Upkeep>, gateway: Arc<dyn GatewayView>) -> Self {
        let ServiceParts { store, rest, clock, admission, .. } = parts;
        let (states, closed) = (HashMap::new(), HashSet::new());
        let rest = rest.with_patience(PATIENCE);
        Self { store, rest, clock, admission, upkeep, gateway, states, closed, said: false }
    }

    /// Leaves servers until it is stopped.
    pub async fn run(mut self) {
        let mut sessions = self.gateway.sessions();
        let admission = Arc::clone(&self.admission);
        loop {
            self.read_blocked().await;
            self.leave_due_servers().await;
            tokio::select! {
                () = admission.news() => {}
                changed = sessions.changed() => match changed {
                    // The list of the bot's servers is new, but may be older than the leaving.
                    Ok(()) => self.ask_again_later(),
                    Err(_) => return,
                },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn ask_again_later(&mut self) {
        let later = LeaveState::Failed { again_at: Instant::now() + AGAIN.0, pause: AGAIN.0 };
        let left = self.states.values_mut().filter(|attempt| matches!(attempt, LeaveState::Left));
        left.for_each(|attempt| *attempt = later);
    }

    async fn read_blocked(&mut self) {
        match self.store.blocked_servers().await {
            Ok(blocked) => {
                self.said = false;
                self.admission.set_blocked(blocked);
            }
            Err(error) if !std::mem::replace(&mut self.said, true) => {
                tracing::warn!(%error, "the blocked servers can't be read; those known so far stay blocked");
            }
            Err(_) => {}
        }
    }

    async fn leave_due_servers(&mut self) {
        for guild in self.admission.take_departed() {
            self.states.remove(&guild);
            self.closed.remove(&guild);
        }
        self.closed.extend(self.admission.take_arrived());
        let there = self.gateway.servers();
        self.states.retain(|guild, _| there.contains(guild));
        self.closed.retain(|guild| there.contains(guild));
        let (mut to_leave, now) = (Vec::new(), Instant::now());
        for guild in there {
            match self.admission.decide(guild) {
                ServerDecision::Leave if self.is_due(guild, now) => to_leave.push(guild),
                ServerDecision::Served if self.closed.remove(&guild) => self.readmit(guild).await,
                ServerDecision::Served | ServerDecision::Unserved | ServerDecision::Leave => {}
            }
        }
        self.closed.extend(&to_leave);
        let this = &*self;
        let leaving =
            to_leave.into_iter().map(|guild| async move { (guild, this.close_and_leave(guild).await) });
        let left: Vec<_> = stream::iter(leaving).buffer_unordered(AT_ONCE).collect().await;
        for (guild, left) in left {
            self.note_result(guild, left);
        }
    }

    /// Whether to try a server now: there was no attempt yet, or not lately.
    fn is_due(&self, guild: GuildId, now: Instant) -> bool {
        match self.states.get(&guild) {
            None => true,
            Some(LeaveState::Left) => false,
            Some(LeaveState::Failed { again_at, .. }) => *again_at <= now,
        }
    }

    /// Notes the result of an attempt.
    fn note_result(&mut self, guild: GuildId, left: Result<(), ServiceError>) {
        let before = self.states.get(&guild);
        let first = before.is_none();
        let pause = match before {
            Some(LeaveState::Failed { pause, .. }) => *pause,
            Some(LeaveState::Left) | None => AGAIN.0,
        };
        match left {
            Ok(()) => {
                tracing::info!(%guild, "left a server that isn't served");
                self.states.insert(guild, LeaveState::Left);
            }
            Err(error) => {
                if first {
                    tracing::warn!(%guild, %error, "a server that isn't served can't be left yet; it is tried again, ever more seldom");
                }
                let again_at = Instant::now() + pause;
                let pause = (pause * 2).min(AGAIN.1);
                self.states.insert(guild, LeaveState::Failed { again_at, pause });
            }
        }
    }

    /// Stops all posting there before the bot leaves.
    async fn close_and_leave(&self, guild: GuildId) -> Result<(), ServiceError> {
        self.upkeep.close(guild);
        for follow in self.store.close_server(guild, self.clock.now()).await? {
            tracing::warn!(follow = follow.id.0, reason = "not_served", "follow broken");
        }
        // Not on behalf of the server, for which nothing is requested any more.
        let (LeaveOutcome::Now | LeaveOutcome::Already) = self.rest.of_program().leave_guild(guild).await?;
        Ok(())
    }

    /// A server is served again before the bot was out of it.
    async fn readmit(&mut self, guild: GuildId) {
        self.states.remove(&guild);
        if let Err(error) = self.upkeep.readmit(guild).await {
            tracing::warn!(%guild, %error, "a server that is served again can't be taken up yet");
            self.closed.insert(guild);
        }
    }
}
