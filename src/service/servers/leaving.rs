//! Leaves the servers that aren't served, of this process's shards: at the start, when the bot is invited to one, and when one is blocked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::rest::{Client, Left, RestError};
use crate::service::upkeep::{GatewayView, Upkeep};
use crate::service::{Parts, ServiceError};
use crate::store::Store;

use super::{Admission, Verdict};

/// How often the table of blocked servers is read, where nobody tells of a change.
const LOOK: Duration = Duration::from_secs(3);
/// How long to wait before a server is tried again that couldn't be left, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60 * 60));

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
    /// Servers that this closed, and that the bot is still in.
    closed: HashSet<GuildId>,
    /// Whether it was said that the table can't be read.
    said: bool,
}

impl Leaving {
    /// The leaving of these parts' servers.
    pub fn new(parts: Parts, upkeep: Arc<Upkeep>, gateway: Arc<dyn GatewayView>) -> Self {
        let Parts { store, rest, clock, admission, .. } = parts;
        let (attempts, closed) = (HashMap::new(), HashSet::new());
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
                    // What the bot is in is known anew.
                    Ok(()) => self.attempts.retain(|_, attempt| matches!(attempt, Attempt::Failed { .. })),
                    Err(_) => return,
                },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
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
        let there = self.gateway.servers();
        self.attempts.retain(|guild, _| there.contains(guild));
        self.closed.retain(|guild| there.contains(guild));
        for guild in there {
            match self.admission.verdict(guild) {
                Verdict::Leave => self.leave(guild).await,
                Verdict::Served if self.closed.remove(&guild) => self.take_back(guild).await,
                Verdict::Served | Verdict::Unserved => {}
            }
        }
    }

    /// Leaves a server, unless that is done or has to wait.
    async fn leave(&mut self, guild: GuildId) {
        let pause = match self.attempts.get(&guild) {
            None => AGAIN.0,
            Some(Attempt::Failed { again_at, pause }) if *again_at <= Instant::now() => *pause,
            Some(_) => return,
        };
        let first = !self.attempts.contains_key(&guild);
        self.closed.insert(guild);
        match self.close_and_leave(guild).await {
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
        match self.rest.of_program().leave_guild(guild).await {
            Ok(Left::Now | Left::Already) => Ok(()),
            Err(error) => Err(RestError::into(error)),
        }
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
