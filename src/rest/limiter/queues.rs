//! Whose turn it is: the limiter as a state machine, without a clock of its own and without waiting. Each
//! bucket (found by [`routes`]) has a line in which tickets wait for their turn. The tickets in front wait in
//! a second line, for the global limit.

mod answers;
mod routes;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Readiness};
use super::edge_gate::EdgeGate;
use super::fuse::{Fuse, FuseBlown, FuseState};
use super::global_limit::{GlobalLimit, LinePosition};
use super::refusals::RefusalStreak;
use super::{LimitKey, MajorParameter, PermitId, Route, Ticket, TokenKind};
use crate::domain::request_pace::RequestPace;
use crate::rest::error::RateLimitScope;
use crate::rest::requester::Requester;

/// How often a ticket can be overtaken in its bucket's line by more urgent ones, so that every ticket's turn
/// comes.
const MOST_OVERTAKEN: u8 = 3;

/// What a ticket is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TicketState {
    /// Its request may leave, with this permit.
    Granted(PermitId),
    /// Not before this time; and whose limit it is.
    NotBefore(Instant, RateLimitScope),
    /// It is notified when something changes. It asks again at that time, if not before.
    Waiting(Option<Instant>),
    /// The fuse stops it for this long.
    FuseOpen(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct BucketId(u64);

#[derive(Debug)]
struct BucketQueue {
    bucket: Bucket,
    line: VecDeque<Ticket>,
    /// What it is about, and the routes that led to it. It is found by these.
    major: MajorParameter,
    routes: Vec<Route>,
    /// Discord's name for it, once that is known, or guessed from the same route elsewhere.
    name: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct WaitingTicket {
    queue: BucketId,
    key: LimitKey,
    /// Its position in the line for the global limit.
    global_position: Option<LinePosition>,
    /// How often it was overtaken in its bucket's line.
    overtaken: u8,
}

#[derive(Debug, Clone, Copy)]
struct InFlightRequest {
    queue: BucketId,
    key: LimitKey,
    at: Instant,
}

#[derive(Debug)]
pub(super) struct BucketQueues {
    queues: HashMap<BucketId, BucketQueue>,
    by_route: HashMap<(Route, MajorParameter), BucketId>,
    by_name: HashMap<(Arc<str>, MajorParameter), BucketId>,
    /// The name that a route's bucket had last. Elsewhere, its bucket will have the same name.
    names: HashMap<Route, Arc<str>>,
    waiting: HashMap<Ticket, WaitingTicket>,
    sent: HashMap<PermitId, InFlightRequest>,
    bot_limit: GlobalLimit,
    webhook_limit: GlobalLimit,
    /// Until when a global 429 holds everything.
    global_pause: Option<Instant>,
    global_refusals: RefusalStreak,
    fuse: Fuse,
    gate: EdgeGate,
    /// The tickets that should ask again.
    notified: Vec<Ticket>,
    last_number: u64,
    /// When to check which bucket for whether it is still used, in order.
    expiry_checks: VecDeque<(Instant, BucketId)>,
}

impl BucketQueues {
    pub(super) fn new(now: Instant, pace: RequestPace, fuse_limit: usize) -> Self {
        Self {
            queues: HashMap::new(),
            by_route: HashMap::new(),
            by_name: HashMap::new(),
            names: HashMap::new(),
            waiting: HashMap::new(),
            sent: HashMap::new(),
            bot_limit: GlobalLimit::new(pace, TokenKind::Bot, now),
            webhook_limit: GlobalLimit::new(pace, TokenKind::Webhook, now),
            global_pause: None,
            global_refusals: RefusalStreak::default(),
            fuse: Fuse::new(fuse_limit),
            gate: EdgeGate::default(),
            notified: Vec::new(),
            last_number: 0,
            expiry_checks: VecDeque::new(),
        }
    }

    /// Joins the line, at its end, or in front after a 429. Calls for people go before background calls.
    pub(super) fn join(&mut self, key: LimitKey, in_front: bool, now: Instant) -> Ticket {
        self.forget_unused(now);
        let id = self.bucket_of(key, now);
        let ticket = Ticket(self.next_number());
        self.waiting.insert(ticket, WaitingTicket { queue: id, key, global_position: None, overtaken: 0 });
        if let Some(queue) = self.queues.get_mut(&id) {
            let place = if in_front { 0 } else { position_in(&queue.line, key, &mut self.waiting) };
            queue.line.insert(place, ticket);
        }
        ticket
    }

    /// Asks whether it is this ticket's turn. A ticket that is granted is used up.
    pub(super) fn poll(&mut self, ticket: Ticket, now: Instant) -> TicketState {
        let Some(waiting) = self.waiting.get(&ticket).copied() else { return TicketState::Waiting(None) };
        if let Some(how_long) = self.fuse.pause_for(waiting.key.requester, waiting.key.token, now) {
            return TicketState::FuseOpen(how_long);
        }
        let credit = self.global_limit(waiting.key.token).credit();
        let Some(queue) = self.queues.get_mut(&waiting.queue) else { return TicketState::Waiting(None) };
        if queue.line.front() != Some(&ticket) {
            self.leave_global_line(ticket);
            return TicketState::Waiting(None);
        }
        let held = self
            .global_pause
            .filter(|until| *until > now)
            .max(self.gate.closed_until(waiting.key.major, now));
        let held = held.map(|until| Readiness::NotBefore(until, RateLimitScope::Global));
        let readiness = held.unwrap_or_else(|| queue.bucket.readiness(now, credit));
        if readiness != Readiness::Now {
            self.leave_global_line(ticket);
            return TicketState::from(readiness);
        }
        let place = self.join_global_line(ticket);
        match self.global_limit(waiting.key.token).readiness(place, now) {
            Readiness::Now => TicketState::Granted(self.grant(ticket, waiting, now)),
            readiness => TicketState::from(readiness),
        }
    }

    fn grant(
        &mut self,
        ticket: Ticket,
        WaitingTicket { queue: id, key, .. }: WaitingTicket,
        now: Instant,
    ) -> PermitId {
        self.leave(ticket);
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.bucket.record_sent();
        }
        self.global_limit(key.token).record_sent(key.urgency, now);
        self.gate.record_sent(key.major, now);
        let permit = PermitId(self.next_number());
        self.sent.insert(permit, InFlightRequest { queue: id, key, at: now });
        permit
    }

    /// Leaves the line.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.leave_global_line(ticket);
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        if let Some(queue) = self.queues.get_mut(&waiting.queue) {
            if queue.line.front() == Some(&ticket) {
                queue.line.pop_front();
            } else {
                queue.line.retain(|other| *other != ticket);
            }
            self.notified.extend(queue.line.front());
        }
    }

    /// Records that no answer came, or that nobody waits for it any more.
    pub(super) fn record_lost(&mut self, permit: PermitId, now: Instant) {
        let Some(sent) = self.sent.remove(&permit) else { return };
        self.global_limit(sent.key.token).record_lost(now);
        if let Some(queue) = self.queues.get_mut(&sent.queue) {
            queue.bucket.record_lost(now);
        }
        self.notify_first(sent.queue, sent);
    }

    /// Records that the request certainly never reached Discord.
    pub(super) fn record_unsent(&mut self, permit: PermitId) {
        let Some(sent) = self.sent.remove(&permit) else { return };
        self.global_limit(sent.key.token).record_unsent();
        if let Some(queue) = self.queues.get_mut(&sent.queue) {
            queue.bucket.record_unsent();
        }
        self.notify_first(sent.queue, sent);
    }

    /// The state of the fuse.
    pub(super) fn fuse(&mut self, now: Instant) -> FuseState {
        self.fuse.state(now)
    }

    /// What an invalid request of this requester has stopped since this was asked last.
    pub(super) fn newly_blown(&mut self, requester: Requester, now: Instant) -> Option<FuseBlown> {
        self.fuse.newly_blown(requester, now)
    }

    /// Takes the tickets that should ask again.
    pub(super) fn take_notified(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.notified)
    }

    /// Notifies the tickets in front of the lines that an answer is about.
    fn notify_first(&mut self, id: BucketId, sent: InFlightRequest) {
        for id in [id, sent.queue] {
            self.notified.extend(self.queues.get(&id).and_then(|queue| queue.line.front()));
        }
        let next = self.global_limit(sent.key.token).next();
        self.notified.extend(next);
    }

    const fn global_limit(&mut self, token: TokenKind) -> &mut GlobalLimit {
        match token {
            TokenKind::Bot => &mut self.bot_limit,
            TokenKind::Webhook => &mut self.webhook_limit,
        }
    }

    /// A ticket's position in the line for the global limit. It joins that line if it isn't in it.
    fn join_global_line(&mut self, ticket: Ticket) -> Option<LinePosition> {
        let waiting = self.waiting.get_mut(&ticket)?;
        let limit = match waiting.key.token {
            TokenKind::Bot => &mut self.bot_limit,
            TokenKind::Webhook => &mut self.webhook_limit,
        };
        let urgency = waiting.key.urgency;
        Some(*waiting.global_position.get_or_insert_with(|| limit.join_line(ticket, urgency)))
    }

    fn leave_global_line(&mut self, ticket: Ticket) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        if let Some(position) = waiting.global_position.take() {
            let token = waiting.key.token;
            self.global_limit(token).leave_line(position);
            let next = self.global_limit(token).next();
            self.notified.extend(next);
        }
    }

    const fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// How much is remembered, for tests.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queues.len() + self.by_route.len() + self.by_name.len() + self.waiting.len() + self.sent.len()
    }
}

/// The position of a new ticket in a bucket's line. Counts the tickets that are overtaken.
fn position_in(
    line: &VecDeque<Ticket>,
    key: LimitKey,
    waiting: &mut HashMap<Ticket, WaitingTicket>,
) -> usize {
    let mut place = line.len();
    while let Some(before) = place.checked_sub(1).and_then(|index| line.get(index)) {
        let Some(other) = waiting.get_mut(before) else { break };
        if other.key.urgency <= key.urgency || other.overtaken >= MOST_OVERTAKEN {
            break;
        }
        other.overtaken += 1;
        place -= 1;
    }
    place
}

impl From<Readiness> for TicketState {
    fn from(readiness: Readiness) -> Self {
        match readiness {
            Readiness::NotBefore(until, scope) => Self::NotBefore(until, scope),
            Readiness::AfterAnswer(until) => Self::Waiting(until),
            // Never asked for: a ticket that is ready is granted.
            Readiness::Now => Self::Waiting(None),
        }
    }
}
