//! The global limit: so many requests in any second, whatever they are about.
//!
//! Discord counts a request when it arrives, somewhere between its leaving and its answer. So a request takes
//! a slot from its leaving until one period after its answer, less the time that it certainly travelled
//! ([`RoundTrip`]). Then no second of Discord's ever sees more than allowed, however long requests travel.
//!
//! With the bot's token, calls that people wait for go before background calls: commands before histories.
//! Background calls don't take all slots at once, which would leave none for the rest of the second. Beyond
//! the first few, they are spaced evenly. And one background call goes after every few calls for people, so
//! that people (or one person who doesn't stop) can't hold up everything else.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::answer::{AnswerFacts, AnswerKind};
use super::bucket::Readiness;
use super::evidence::Evidence;
use super::round_trip::RoundTrip;
use super::{Ticket, TokenKind, Urgency};
use crate::domain::request_pace::{DISCORD_PER_SECOND, RequestPace};
use crate::rest::error::RateLimitScope;

const PERIOD: Duration = Duration::from_secs(1);

/// How many calls for people go in a row while background calls wait.
const PEOPLE_IN_A_ROW: u32 = 3;
/// Background calls may take this part of all slots at once: one in so many.
const AT_ONCE: usize = 5;

/// A position in the line. Calls for people come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinePosition(Urgency, u64);

#[derive(Debug)]
pub(super) struct GlobalLimit {
    /// `None`: no limit.
    per_second: Option<usize>,
    /// Present where answers may lift the limit.
    evidence: Option<Evidence>,
    in_flight: usize,
    /// When the requests of the last second were answered, in order.
    answered: VecDeque<Instant>,
    round_trip: RoundTrip,
    /// The tickets that wait for a slot: the first one of each bucket, so that all buckets move on evenly.
    line: BTreeMap<LinePosition, Ticket>,
    last_position: u64,
    /// How many calls for people went in a row.
    people_in_a_row: u32,
    /// When the next background call may go, where those are spaced.
    next_background: Option<Instant>,
}

impl GlobalLimit {
    pub(super) fn new(pace: RequestPace, token: TokenKind, now: Instant) -> Self {
        let (per_second, evidence) = match pace {
            RequestPace::Unlimited => (None, None),
            RequestPace::PerSecond(number) => (Some(number.get()), None),
            RequestPace::Auto => {
                (Some(DISCORD_PER_SECOND), (token == TokenKind::Webhook).then(Evidence::new))
            }
        };
        let per_second = per_second.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        Self {
            per_second,
            evidence,
            in_flight: 0,
            answered: VecDeque::new(),
            round_trip: RoundTrip::new(now),
            line: BTreeMap::new(),
            last_position: 0,
            people_in_a_row: 0,
            next_background: (token == TokenKind::Bot).then_some(now),
        }
    }

    /// Whether the ticket at this position may go now.
    pub(super) fn readiness(&mut self, position: Option<LinePosition>, now: Instant) -> Readiness {
        let limit = self.per_second.filter(|_| !self.evidence.is_some_and(Evidence::is_lifted));
        let Some(limit) = limit else { return Readiness::Now };
        if self.first_in_line().map(|(first, _)| first) != position {
            return Readiness::AfterAnswer(None);
        }
        self.free_slots(now);
        let taken = self.in_flight + self.answered.len();
        let background = position.is_some_and(|LinePosition(urgency, _)| urgency == Urgency::Background);
        if let Some(next_background) = self
            .next_background
            .filter(|next_background| background && taken * AT_ONCE >= limit && *next_background > now)
        {
            return Readiness::NotBefore(next_background, RateLimitScope::Global);
        }
        if taken < limit {
            return Readiness::Now;
        }
        self.answered.front().map_or(Readiness::AfterAnswer(None), |answered| {
            Readiness::NotBefore(self.free_at(*answered), RateLimitScope::Global)
        })
    }

    pub(super) fn join_line(&mut self, ticket: Ticket, urgency: Urgency) -> LinePosition {
        self.last_position += 1;
        let position = LinePosition(urgency, self.last_position);
        self.line.insert(position, ticket);
        position
    }

    /// Leaves the line.
    pub(super) fn leave_line(&mut self, position: LinePosition) {
        self.line.remove(&position);
    }

    /// The ticket whose turn is next.
    pub(super) fn next(&self) -> Option<Ticket> {
        self.first_in_line().map(|(_, ticket)| ticket)
    }

    /// Whose turn it is: the first one's, but after so many calls for people a background call's.
    fn first_in_line(&self) -> Option<(LinePosition, Ticket)> {
        let others = || self.line.range(LinePosition(Urgency::Background, 0)..).next();
        let others = if self.people_in_a_row >= PEOPLE_IN_A_ROW { others() } else { None };
        others.or_else(|| self.line.first_key_value()).map(|(position, ticket)| (*position, *ticket))
    }

    /// Records that a request leaves.
    pub(super) fn record_sent(&mut self, urgency: Urgency, now: Instant) {
        self.in_flight += 1;
        match urgency {
            Urgency::People => self.people_in_a_row = self.people_in_a_row.saturating_add(1),
            Urgency::Background => self.people_in_a_row = 0,
        }
        if let (Some(next_background), Some(limit)) = (&mut self.next_background, self.per_second)
            && urgency == Urgency::Background
        {
            let step = PERIOD / u32::try_from(limit.max(1)).unwrap_or(u32::MAX);
            // A call that was a little late may make up for it.
            *next_background = (*next_background + step).max(now);
        }
    }

    /// How much earlier a request may leave because it still has to travel.
    pub(super) const fn credit(&self) -> Duration {
        self.round_trip.credit()
    }

    /// Stops counting on travel time for a while: a limit was exceeded that should have been kept.
    pub(super) fn distrust(&mut self, now: Instant) {
        self.round_trip.distrust(now);
    }

    /// Records that a request was answered.
    pub(super) fn record_answer(&mut self, sent: Instant, received: Instant, answer: &AnswerFacts) {
        self.round_trip.record(sent, received);
        if matches!(answer.kind, AnswerKind::Limited { scope: RateLimitScope::Global, .. }) {
            self.distrust(received);
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.weigh(answer, received);
        }
        self.record_lost(received);
    }

    /// Records that a request has no answer.
    pub(super) fn record_lost(&mut self, now: Instant) {
        self.record_unsent();
        self.free_slots(now);
        let last = self.answered.back().copied();
        self.answered.push_back(last.map_or(now, |last| last.max(now)));
    }

    /// Records that a request certainly never reached Discord.
    pub(super) const fn record_unsent(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn free_slots(&mut self, now: Instant) {
        while self.answered.front().is_some_and(|answered| self.free_at(*answered) <= now) {
            self.answered.pop_front();
        }
    }

    /// When the slot of an answered request is free again.
    fn free_at(&self, answered: Instant) -> Instant {
        answered + PERIOD.saturating_sub(self.credit())
    }
}
