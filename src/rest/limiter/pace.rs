//! The global limit: so many requests in any second, whatever they are.
//!
//! Discord counts a request when it arrives, somewhere between its leaving and its answer. A slot is therefore taken from the leaving
//! until one period after the answer, less what can be counted on of the way there ([`RoundTrip`]): then no second of Discord's ever sees more than allowed, however
//! long requests travel.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::answer::{Answer, Verdict};
use super::bucket::Room;
use super::evidence::Evidence;
use super::round_trip::RoundTrip;
use super::{Class, Ticket};
use crate::domain::request_pace::{DISCORD_PER_SECOND, RequestPace};
use crate::rest::error::Scope;

const PERIOD: Duration = Duration::from_secs(1);

/// A place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

#[derive(Debug)]
pub(super) struct Pace {
    /// `None`: as many as come.
    per_second: Option<usize>,
    /// Where the answers may lift the limit.
    evidence: Option<Evidence>,
    in_flight: usize,
    /// When the requests of the last second were answered, in order.
    answered: VecDeque<Instant>,
    round_trip: RoundTrip,
    /// Who waits for a slot: the first of each bucket, so that all buckets move on evenly.
    line: BTreeMap<Place, Ticket>,
    last_place: u64,
}

impl Pace {
    pub(super) fn new(pace: RequestPace, class: Class, now: Instant) -> Self {
        let (per_second, evidence) = match pace {
            RequestPace::Unlimited => (None, None),
            RequestPace::PerSecond(number) => (Some(number.get()), None),
            RequestPace::Auto => (Some(DISCORD_PER_SECOND), (class == Class::Anonymous).then(Evidence::new)),
        };
        let per_second = per_second.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        Self {
            per_second,
            evidence,
            in_flight: 0,
            answered: VecDeque::new(),
            round_trip: RoundTrip::new(now),
            line: BTreeMap::new(),
            last_place: 0,
        }
    }

    /// Whether who stands at this place may go now.
    pub(super) fn room(&mut self, place: Option<Place>, now: Instant) -> Room {
        let limit = self.per_second.filter(|_| !self.evidence.is_some_and(Evidence::lifts));
        let Some(limit) = limit else { return Room::Now };
        if self.line.first_key_value().map(|(first, _)| *first) != place {
            return Room::Answer(None);
        }
        self.forget(now);
        if self.in_flight + self.answered.len() < limit {
            return Room::Now;
        }
        self.answered
            .front()
            .map_or(Room::Answer(None), |answered| Room::At(self.free_at(*answered), Scope::Global))
    }

    pub(super) fn step_in(&mut self, ticket: Ticket) -> Place {
        self.last_place += 1;
        let place = Place(self.last_place);
        self.line.insert(place, ticket);
        place
    }

    /// Leaves the line.
    pub(super) fn step_out(&mut self, place: Place) {
        self.line.remove(&place);
    }

    /// Who is next.
    pub(super) fn next(&self) -> Option<Ticket> {
        self.line.first_key_value().map(|(_, ticket)| *ticket)
    }

    pub(super) const fn sent(&mut self) {
        self.in_flight += 1;
    }

    /// How much earlier a request may leave because of its way there.
    pub(super) const fn credit(&self) -> Duration {
        self.round_trip.credit()
    }

    /// A limit was passed that should have been kept.
    pub(super) fn distrust(&mut self, now: Instant) {
        self.round_trip.distrust(now);
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, sent: Instant, received: Instant, answer: &Answer) {
        self.round_trip.took(sent, received);
        if matches!(answer.verdict, Verdict::Limited { scope: Scope::Global, .. }) {
            self.distrust(received);
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.weigh(answer, received);
        }
        self.lost(received);
    }

    /// A request has no answer.
    pub(super) fn lost(&mut self, now: Instant) {
        self.returned();
        self.forget(now);
        let last = self.answered.back().copied();
        self.answered.push_back(last.map_or(now, |last| last.max(now)));
    }

    /// A request certainly never reached Discord.
    pub(super) const fn returned(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn forget(&mut self, now: Instant) {
        while self.answered.front().is_some_and(|answered| self.free_at(*answered) <= now) {
            self.answered.pop_front();
        }
    }

    /// When the slot of a request that was answered is free again.
    fn free_at(&self, answered: Instant) -> Instant {
        answered + PERIOD.saturating_sub(self.credit())
    }
}
