//! The global limit: so many requests in any second, whatever they are.
//!
//! Discord counts a request when it arrives, somewhere between its leaving and its answer. A slot is therefore taken from the leaving
//! until one period after the answer: then no second of Discord's ever sees more than allowed, however long requests travel.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::bucket::Room;
use super::evidence::Evidence;
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
    /// When the slots of answered requests are free again, in order.
    free_at: VecDeque<Instant>,
    /// Who waits for a slot: the first of each bucket, so that all buckets move on evenly.
    line: BTreeMap<Place, Ticket>,
    last_place: u64,
}

impl Pace {
    pub(super) fn new(pace: RequestPace, class: Class) -> Self {
        let (per_second, evidence) = match pace {
            RequestPace::Unlimited => (None, None),
            RequestPace::PerSecond(number) => (Some(number.get()), None),
            RequestPace::Auto => (Some(DISCORD_PER_SECOND), (class == Class::Anonymous).then(Evidence::new)),
        };
        let per_second = per_second.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let (free_at, line) = (VecDeque::new(), BTreeMap::new());
        Self { per_second, evidence, in_flight: 0, free_at, line, last_place: 0 }
    }

    /// Whether who stands at this place may go now.
    pub(super) fn room(&mut self, place: Option<Place>, now: Instant) -> Room {
        let limit = self.per_second.filter(|_| !self.evidence.is_some_and(Evidence::lifts));
        let Some(limit) = limit else { return Room::Now };
        if self.line.first_key_value().map(|(first, _)| *first) != place {
            return Room::Answer(None);
        }
        self.forget(now);
        if self.in_flight + self.free_at.len() < limit {
            return Room::Now;
        }
        self.free_at.front().map_or(Room::Answer(None), |free_at| Room::At(*free_at, Scope::Global))
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

    /// A request was answered.
    pub(super) fn answered(&mut self, received: Instant, answer: &Answer) {
        if let Some(evidence) = &mut self.evidence {
            evidence.weigh(answer, received);
        }
        self.lost(received);
    }

    /// A request has no answer.
    pub(super) fn lost(&mut self, now: Instant) {
        self.returned();
        self.forget(now);
        let free_at = now + PERIOD;
        let last = self.free_at.back().copied();
        self.free_at.push_back(last.map_or(free_at, |last| last.max(free_at)));
    }

    /// A request certainly never reached Discord.
    pub(super) const fn returned(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn forget(&mut self, now: Instant) {
        while self.free_at.front().is_some_and(|free_at| *free_at <= now) {
            self.free_at.pop_front();
        }
    }
}
