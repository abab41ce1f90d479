//! Discord's rate limits, so that a request leaves only when it will be let through.
//!
//! ```text
//! call ─► line of its bucket ─► line of the global limit ─► permit ─► request ─► answer ─┐
//!            ▲        ▲                  ▲                                               │
//!            │        │                  └── bot's token, and webhooks' tokens, apart    │
//!            │        └── fuse, edge gate, global 429                                    │
//!            └──────────────── bucket's name, limit, remaining, reset ◄──────────────────┘
//! ```
//!
//! A bucket is Discord's, and we see it only through answers, which come late, in any order, or not at all.
//! So three models of it are kept side by side, and a request leaves only when all three let it:
//!
//! ```text
//!                               one Bucket
//!   ┌──────────────────────────────┬────────────────────────────────┬─────────────────────────────┐
//!   │ Window                       │ RequestHistory                 │ RefusalStreak               │
//!   │ what the last answers say    │ what must hold however Discord │ what a 429 asked for        │
//!   │ of the present window:       │ counts: each known limit, over │                             │
//!   │ so many left, until then     │ any span of its length         │                             │
//!   ├──────────────────────────────┼────────────────────────────────┼─────────────────────────────┤
//!   │ fast: uses up each window    │ safe: other ways of counting,  │ last resort: nothing leaves │
//!   │ at once                      │ and limits no header tells of  │ before that time            │
//!   ├──────────────────────────────┼────────────────────────────────┼─────────────────────────────┤
//!   │ learns from x-ratelimit-*    │ learns from those, and from    │ learns from Retry-After,    │
//!   │                              │ 429s that Window can't explain │ with a floor that grows     │
//!   └──────────────────────────────┴────────────────────────────────┴─────────────────────────────┘
//!      all three say "now" ─► Readiness::Now; else NotBefore a time, or AfterAnswer
//! ```
//! Why one of them isn't enough is in `docs/rate-limits.md`.
//!
//! | module | knows |
//! |---|---|
//! | [`bucket`] | one bucket, by its [`window`], its [`history`] and its [`refusals`] |
//! | [`global_limit`] | the global limit; [`evidence`]: whether it applies where webhooks' calls go |
//! | [`fuse`] | the limit on invalid requests |
//! | [`edge_gate`] | what waits while something in front of Discord refuses |
//! | [`round_trip`] | how early a request may leave, because it still has to travel |
//! | [`queues`] | whose turn it is |
//!
//! All of these are plain state machines that are told the time. Here they are joined to the real clock: a
//! caller waits for its turn, and gives up when that would take too long.

mod answer;
mod bucket;
mod edge_gate;
mod evidence;
mod fuse;
mod global_limit;
mod history;
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

pub(super) use self::answer::{AnswerFacts, AnswerKind, is_json};
pub(super) use self::fuse::FuseBlown;
pub use self::fuse::FuseState;
use self::queues::{BucketQueues, TicketState};
use self::refusals::LimitPause;
use super::call::Route;
use super::error::{RateLimitScope, RestError};
use super::metrics;
use super::requester::Requester;
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::lock::lock;
use crate::domain::request_pace::RequestPace;

/// When to ask again, where an answer under way decides and the caller can't wait for it.
const SOON: Duration = Duration::from_millis(250);

/// A caller whose turn comes this long after its deadline was stopped meanwhile, with the process or the
/// whole machine. What its request rests on, such as a lane's lease, may have ended. So it has to look anew.
pub(super) const OVERDUE: Duration = Duration::from_secs(1);

/// What a route is about, as far as Discord limits it by that (Discord: "top-level resources").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MajorParameter {
    None,
    Channel(ChannelId),
    Guild(GuildId),
    Webhook(WebhookId),
}

/// Which token opens a call, and so which global limit it counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TokenKind {
    /// The bot's: the bot's limit.
    Bot,
    /// A webhook's: the limit of the address.
    Webhook,
}

/// Who waits for a call. The earlier variant goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Urgency {
    /// A person waits for an answer.
    People,
    Background,
}

/// What decides about a call's rate limit, and about its place among the calls that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LimitKey {
    pub(super) route: Route,
    pub(super) major: MajorParameter,
    pub(super) token: TokenKind,
    pub(super) urgency: Urgency,
    /// On whose behalf the call is made, and so whose share of the fuse it uses.
    pub(super) requester: Requester,
}

/// A place in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ticket(u64);

/// A request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PermitId(u64);

/// All limits of one bot.
#[derive(Debug)]
pub(super) struct RateLimiter {
    state: Mutex<State>,
    /// Servers that the bot has left. Nothing is asked on their behalf.
    closed: RwLock<HashSet<GuildId>>,
}

#[derive(Debug)]
struct State {
    queues: BucketQueues,
    notifiers: HashMap<Ticket, Arc<Notify>>,
}

impl State {
    /// Wakes the callers that should ask again.
    fn notify(&mut self) {
        for ticket in self.queues.take_notified() {
            if let Some(notifier) = self.notifiers.get(&ticket) {
                notifier.notify_one();
            }
        }
    }
}

impl RateLimiter {
    pub(super) fn new(pace: RequestPace, fuse_limit: usize) -> Arc<Self> {
        let queues = BucketQueues::new(Instant::now().into_std(), pace, fuse_limit);
        let state = Mutex::new(State { queues, notifiers: HashMap::new() });
        Arc::new(Self { state, closed: RwLock::default() })
    }

    /// From now on, asks nothing on behalf of this server.
    pub(super) fn close(&self, guild: GuildId) {
        self.closed.write().unwrap_or_else(PoisonError::into_inner).insert(guild);
    }

    /// Lets calls on behalf of this server go (again).
    pub(super) fn open(&self, guild: GuildId) {
        self.closed.write().unwrap_or_else(PoisonError::into_inner).remove(&guild);
    }

    fn is_closed(&self, requester: Requester) -> bool {
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        requester.guild().is_some_and(|guild| closed.contains(&guild))
    }

    /// Waits for this call's turn, until the deadline at most. `in_front` after a 429: the call keeps its
    /// place in front.
    ///
    /// Errors: [`RestError::RateLimited`] as soon as it is sure that the deadline will pass;
    /// [`RestError::FuseOpen`]; [`RestError::ServerLeft`].
    pub(super) async fn wait_turn(
        self: &Arc<Self>,
        key: LimitKey,
        in_front: bool,
        deadline: Instant,
    ) -> Result<Permit, RestError> {
        if self.is_closed(key.requester) {
            return Err(RestError::ServerLeft);
        }
        let caller = Caller::join(self, key, in_front);
        loop {
            let now = Instant::now();
            let (until, scope, sure) = match caller.poll(now) {
                TicketState::Granted(id) => {
                    let permit = Permit { limits: Arc::clone(self), id: Some(id) };
                    if self.is_closed(key.requester) {
                        permit.record_unsent();
                        return Err(RestError::ServerLeft);
                    }
                    if now <= deadline + OVERDUE {
                        return Ok(permit);
                    }
                    permit.record_unsent();
                    return Err(RestError::RateLimited {
                        retry_after: Duration::ZERO,
                        scope: RateLimitScope::User,
                    });
                }
                TicketState::FuseOpen(retry_after) => return Err(RestError::FuseOpen { retry_after }),
                TicketState::NotBefore(until, scope) => (Some(Instant::from_std(until)), scope, true),
                TicketState::Waiting(until) => (until.map(Instant::from_std), RateLimitScope::User, false),
            };
            if now >= deadline || (sure && until.is_some_and(|until| until > deadline)) {
                let retry_after = until.map_or(SOON, |until| until.saturating_duration_since(now));
                return Err(RestError::RateLimited { retry_after, scope });
            }
            let wake_at = until.map_or(deadline, |until| until.min(deadline));
            tokio::select! {
                () = caller.notifier.notified() => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// The state of the fuse.
    pub(super) fn fuse(&self) -> FuseState {
        let state = self.lock().queues.fuse(Instant::now().into_std());
        metrics::fuse(state.is_open());
        state
    }

    /// What an invalid request of this requester has stopped, since this was asked last. So it can be
    /// logged once.
    pub(super) fn newly_blown(&self, requester: Requester) -> Option<FuseBlown> {
        self.fuse();
        self.lock().queues.newly_blown(requester, Instant::now().into_std())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A caller in line. Dropped, it leaves the line.
struct Caller<'a> {
    limits: &'a RateLimiter,
    ticket: Ticket,
    notifier: Arc<Notify>,
}

impl<'a> Caller<'a> {
    fn join(limits: &'a RateLimiter, key: LimitKey, in_front: bool) -> Self {
        let mut state = limits.lock();
        let ticket = state.queues.join(key, in_front, Instant::now().into_std());
        let notifier = Arc::new(Notify::new());
        state.notifiers.insert(ticket, Arc::clone(&notifier));
        Self { limits, ticket, notifier }
    }

    fn poll(&self, now: Instant) -> TicketState {
        let mut state = self.limits.lock();
        let turn = state.queues.poll(self.ticket, now.into_std());
        state.notify();
        turn
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        let mut state = self.limits.lock();
        state.notifiers.remove(&self.ticket);
        state.queues.leave(self.ticket);
        state.notify();
    }
}

/// The permit for one request. Dropped without an answer, the request counts as lost.
#[derive(Debug)]
pub(super) struct Permit {
    limits: Arc<RateLimiter>,
    id: Option<PermitId>,
}

impl Permit {
    /// Records that the answer came. For a 429: how long it holds.
    pub(super) fn record_answer(mut self, received: Instant, answer: &AnswerFacts) -> Option<LimitPause> {
        self.end(|queues, id| queues.record_answer(id, received.into_std(), answer)).flatten()
    }

    /// Records that the request certainly never reached Discord.
    pub(super) fn record_unsent(mut self) {
        self.end(BucketQueues::record_unsent);
    }

    fn end<T>(&mut self, how: impl FnOnce(&mut BucketQueues, PermitId) -> T) -> Option<T> {
        let id = self.id.take()?;
        let mut state = self.limits.lock();
        let ended = how(&mut state.queues, id);
        state.notify();
        Some(ended)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(|queues, id| queues.record_lost(id, Instant::now().into_std()));
    }
}
