//! Leaves the servers that aren't served, of this process's shards: at the start, when the bot is invited to one, and when one is blocked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::rest::{Client, LeaveOutcome};
use crate::service::upkeep::{GatewayView, Upkeep};
use crate::service::{Parts, ServiceError};
use crate::store::Store;

use super::{Admission, Verdict};

/// How often the table of blocked servers is read, where nobody tells of a change.
const LOOK: Duration = Duration::from_secs(3);
/// How long to wait before a server is tried again that couldn't be left, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60 * 60));

/// How many servers are left at the same time.
const AT_ONCE: usize = 4;
/// How long one try may wait for rate limits: the others wait, too.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far the leaving of one server is.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    /// Discord has said that the bot is out. Until the gateway says so, too, nothing is asked again.
    Left,
    /// It couldn't be left; the next try is then, and after the pause the one after it.
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
    attempts: HashMap<GuildId, Attempt>,
    /// Servers that were closed though the bot is in them.
    closed: HashSet<GuildId>,
    /// Whether it was said that the table can't be read.
    said: bool,
}

impl Leaving {
    /// The leaving of these parts' servers.
    pub fn new(parts: Parts, upkeep: Arc<Upkeep>, gateway: Arc<dyn GatewayView>) -> Self {
        let Parts { store, rest, clock, admission, .. } = parts;
        let (attempts, closed) = (HashMap::new(), HashSet::new());
        let rest = rest.with_patience(PATIENCE);
        Self { store, rest, clock, admission, upkeep, gateway, attempts, closed, said: false }
    }

    /// Leaves what is to be left, as long as it is let.
    pub async fn run(mut self) {
        let mut sessions = self.gateway.sessions();
        let admission = Arc::clone(&self.admission);
        loop {
            self.read_blocked().await;
            self.look().await;
            tokio::select! {
                () = admission.news() => {}
                changed = sessions.changed() => match changed {
                    // What the bot is in is known anew, but it may be older than the leaving.
                    Ok(()) => self.ask_again_later(),
                    Err(_) => return,
                },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn ask_again_later(&mut self) {
        let later = Attempt::Failed { again_at: Instant::now() + AGAIN.0, pause: AGAIN.0 };
        let left = self.attempts.values_mut().filter(|attempt| matches!(attempt, Attempt::Left));
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

    async fn look(&mut self) {
        for guild in self.admission.take_departed() {
            self.attempts.remove(&guild);
            self.closed.remove(&guild);
        }
        self.closed.extend(self.admission.take_arrived());
        let there = self.gateway.servers();
        self.attempts.retain(|guild, _| there.contains(guild));
        self.closed.retain(|guild| there.contains(guild));
        let (mut to_leave, now) = (Vec::new(), Instant::now());
        for guild in there {
            match self.admission.verdict(guild) {
                Verdict::Leave if self.is_due(guild, now) => to_leave.push(guild),
                Verdict::Served if self.closed.remove(&guild) => self.take_back(guild).await,
                Verdict::Served | Verdict::Unserved | Verdict::Leave => {}
            }
        }
        self.closed.extend(&to_leave);
        let this = &*self;
        let leaving =
            to_leave.into_iter().map(|guild| async move { (guild, this.close_and_leave(guild).await) });
        let left: Vec<_> = stream::iter(leaving).buffer_unordered(AT_ONCE).collect().await;
        for (guild, left) in left {
            self.note(guild, left);
        }
    }

    /// Whether a server is to be tried now: it wasn't yet, or not lately.
    fn is_due(&self, guild: GuildId, now: Instant) -> bool {
        match self.attempts.get(&guild) {
            None => true,
            Some(Attempt::Left) => false,
            Some(Attempt::Failed { again_at, .. }) => *again_at <= now,
        }
    }

    /// Notes what came of a try.
    fn note(&mut self, guild: GuildId, left: Result<(), ServiceError>) {
        let before = self.attempts.get(&guild);
        let first = before.is_none();
        let pause = match before {
            Some(Attempt::Failed { pause, .. }) => *pause,
            Some(Attempt::Left) | None => AGAIN.0,
        };
        match left {
            Ok(()) => {
                tracing::info!(%guild, "left a server that isn't served");
                self.attempts.insert(guild, Attempt::Left);
            }
            Err(error) => {
                if first {
                    tracing::warn!(%guild, %error, "a server that isn't served can't be left yet; it is tried again, ever more seldom");
                }
                let again_at = Instant::now() + pause;
                let pause = (pause * 2).min(AGAIN.1);
                self.attempts.insert(guild, Attempt::Failed { again_at, pause });
            }
        }
    }

    /// Nothing is posted there any more before the bot leaves.
    async fn close_and_leave(&self, guild: GuildId) -> Result<(), ServiceError> {
        self.upkeep.close(guild);
        for follow in self.store.close_server(guild, self.clock.now()).await? {
            tracing::warn!(follow = follow.id.0, reason = "not_served", "follow broken");
        }
        // Not on behalf of the server: nothing is asked on its behalf any more.
        let (LeaveOutcome::Now | LeaveOutcome::Already) = self.rest.of_program().leave_guild(guild).await?;
        Ok(())
    }

    /// A server is served again before the bot was out of it.
    async fn take_back(&mut self, guild: GuildId) {
        self.attempts.remove(&guild);
        if let Err(error) = self.upkeep.take_back(guild).await {
            tracing::warn!(%guild, %error, "a server that is served again can't be taken up yet");
            self.closed.insert(guild);
        }
    }
}
