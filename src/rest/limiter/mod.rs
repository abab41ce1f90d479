//! Discord's rate limits, so that a request leaves only when it will be let through.
//!
//! ```text
//! call ─► line of its bucket ─► line of the global limit ─► permit ─► request ─► answer ─┐
//!            ▲        ▲                  ▲                                               │
//!            │        └── fuse, hold     └── bot's token, and webhooks' tokens, apart    │
//!            └──────────────── bucket's name, limit, remaining, reset ◄──────────────────┘
//! ```
//!
//! [`bucket`] knows one bucket, by its [`window`] and its [`history`], [`pace`] the global limit, [`evidence`] whether it stands, [`fuse`] the limit on invalid requests, [`refusals`] how long a 429 holds, [`gate`] what waits while something before Discord refuses, [`round_trip`] how early a request may leave, [`queues`] who goes next; all of them are plain state machines that are
//! told the time. Here they are joined to the real clock: a caller waits its turn, and gives up when that would take too long.

mod answer;
mod bucket;
mod evidence;
mod fuse;
mod gate;
mod history;
mod pace;
mod queues;
mod refusals;
mod round_trip;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(super) use self::answer::{Answer, Verdict, is_json};
pub(super) use self::fuse::Blown;
pub use self::fuse::FuseState;
use self::queues::{Queues, Turn};
use self::refusals::Pause;
use super::call::Route;
use super::cause::Cause;
use super::error::{RestError, Scope};
use super::metrics;
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::request_pace::RequestPace;

/// When to ask again, where an answer under way decides and the caller can't wait for it.
const SOON: Duration = Duration::from_millis(250);

/// Whose turn comes this long after the deadline was stopped meanwhile (the process, or the whole machine). What the request rests on, a lane's lease say, may have ended: the caller
/// looks anew.
pub(super) const OVERDUE: Duration = Duration::from_secs(1);

/// The thing that a route is about, for which Discord limits it apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Major {
    None,
    Channel(ChannelId),
    Guild(GuildId),
    Webhook(WebhookId),
}

/// Which global limit a call counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// With the bot's token: the bot's limit.
    Bot,
    /// With a webhook's token: the address's limit.
    Anonymous,
}

/// For whom a call is made. The earlier goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Urgency {
    /// For somebody who waits for an answer.
    People,
    Background,
}

/// What a call's rate limit goes by, and its place among those that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) route: Route,
    pub(super) major: Major,
    pub(super) class: Class,
    pub(super) urgency: Urgency,
    /// What causes the call: whose share of the fuse it is.
    pub(super) cause: Cause,
}

/// A place in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ticket(u64);

/// A request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PermitId(u64);

/// All limits of one bot.
#[derive(Debug)]
pub(super) struct Limits {
    state: Mutex<State>,
    /// Servers that the bot has left: nothing is asked on their behalf.
    closed: RwLock<HashSet<GuildId>>,
}

#[derive(Debug)]
struct State {
    queues: Queues,
    bells: HashMap<Ticket, Arc<Notify>>,
}

impl State {
    /// Tells those who should ask again.
    fn ring(&mut self) {
        for ticket in self.queues.take_rung() {
            if let Some(bell) = self.bells.get(&ticket) {
                bell.notify_one();
            }
        }
    }
}

impl Limits {
    pub(super) fn new(pace: RequestPace, fuse_limit: usize) -> Arc<Self> {
        let queues = Queues::new(Instant::now().into_std(), pace, fuse_limit);
        let state = Mutex::new(State { queues, bells: HashMap::new() });
        Arc::new(Self { state, closed: RwLock::default() })
    }

    /// From now on, nothing is asked on behalf of this server.
    pub(super) fn close(&self, guild: GuildId) {
        self.closed.write().unwrap_or_else(PoisonError::into_inner).insert(guild);
    }

    /// What is asked on behalf of this server may go (again).
    pub(super) fn open(&self, guild: GuildId) {
        self.closed.write().unwrap_or_else(PoisonError::into_inner).remove(&guild);
    }

    fn is_closed(&self, cause: Cause) -> bool {
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        cause.guild().is_some_and(|guild| closed.contains(&guild))
    }

    /// Waits for this call's turn, until the deadline at most. `again` after a 429: it keeps its place in front.
    ///
    /// Errors: [`RestError::RateLimited`] as soon as it is sure that the deadline will pass; [`RestError::FuseOpen`];
    /// [`RestError::ServerLeft`].
    pub(super) async fn turn(
        self: &Arc<Self>,
        key: Key,
        again: bool,
        deadline: Instant,
    ) -> Result<Permit, RestError> {
        if self.is_closed(key.cause) {
            return Err(RestError::ServerLeft);
        }
        let place = Place::join(self, key, again);
        loop {
            let now = Instant::now();
            let (until, scope, sure) = match place.poll(now) {
                Turn::Go(id) => {
                    let permit = Permit { limits: Arc::clone(self), id: Some(id) };
                    if self.is_closed(key.cause) {
                        permit.unsent();
                        return Err(RestError::ServerLeft);
                    }
                    if now <= deadline + OVERDUE {
                        return Ok(permit);
                    }
                    permit.unsent();
                    return Err(RestError::RateLimited { retry_after: Duration::ZERO, scope: Scope::User });
                }
                Turn::Blown(retry_after) => return Err(RestError::FuseOpen { retry_after }),
                Turn::At(until, scope) => (Some(Instant::from_std(until)), scope, true),
                Turn::Rung(until) => (until.map(Instant::from_std), Scope::User, false),
            };
            if now >= deadline || (sure && until.is_some_and(|until| until > deadline)) {
                let retry_after = until.map_or(SOON, |until| until.saturating_duration_since(now));
                return Err(RestError::RateLimited { retry_after, scope });
            }
            let wake_at = until.map_or(deadline, |until| until.min(deadline));
            tokio::select! {
                () = place.bell.notified() => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// How the fuse stands.
    pub(super) fn fuse(&self) -> FuseState {
        let state = self.lock().queues.fuse(Instant::now().into_std());
        metrics::fuse(state.is_open());
        state
    }

    /// What has stopped through an invalid request with this cause, since this was asked last: to be said once.
    pub(super) fn newly_blown(&self, cause: Cause) -> Option<Blown> {
        self.fuse();
        self.lock().queues.newly_blown(cause, Instant::now().into_std())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's place in line, given up when dropped.
struct Place<'a> {
    limits: &'a Limits,
    ticket: Ticket,
    bell: Arc<Notify>,
}

impl<'a> Place<'a> {
    fn join(limits: &'a Limits, key: Key, again: bool) -> Self {
        let mut state = limits.lock();
        let ticket = state.queues.join(key, again, Instant::now().into_std());
        let bell = Arc::new(Notify::new());
        state.bells.insert(ticket, Arc::clone(&bell));
        Self { limits, ticket, bell }
    }

    fn poll(&self, now: Instant) -> Turn {
        let mut state = self.limits.lock();
        let turn = state.queues.poll(self.ticket, now.into_std());
        state.ring();
        turn
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.limits.lock();
        state.bells.remove(&self.ticket);
        state.queues.leave(self.ticket);
        state.ring();
    }
}

/// The permit for one request. Dropped without an answer, the request counts as lost.
#[derive(Debug)]
pub(super) struct Permit {
    limits: Arc<Limits>,
    id: Option<PermitId>,
}

impl Permit {
    /// The answer came. For a 429: how long it holds.
    pub(super) fn answered(mut self, received: Instant, answer: &Answer) -> Option<Pause> {
        self.end(|queues, id| queues.answered(id, received.into_std(), answer)).flatten()
    }

    /// The request certainly never reached Discord.
    pub(super) fn unsent(mut self) {
        self.end(Queues::unsent);
    }

    fn end<T>(&mut self, how: impl FnOnce(&mut Queues, PermitId) -> T) -> Option<T> {
        let id = self.id.take()?;
        let mut state = self.limits.lock();
        let ended = how(&mut state.queues, id);
        state.ring();
        Some(ended)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(|queues, id| queues.lost(id, Instant::now().into_std()));
    }
}
