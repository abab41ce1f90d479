//! The global limit: so many requests in any second, whatever they are.
//!
//! Discord counts a request when it arrives, somewhere between its leaving and its answer. A slot is therefore taken from the leaving
//! until one period after the answer, less what can be counted on of the way there ([`RoundTrip`]): then no second of Discord's ever sees more than allowed, however
//! long requests travel.
//!
//! With the bot's token, what people wait for goes before what nobody waits for: commands before histories. So that there is a slot for them, the others don't take
//! all slots at once, to leave none for the rest of the second: beyond the first few, they are spaced evenly. And so that people (or one person who doesn't stop)
//! can't hold up all else, one of the others goes after every few of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::answer::{Answer, Verdict};
use super::bucket::Room;
use super::evidence::Evidence;
use super::round_trip::RoundTrip;
use super::{Class, Ticket, Urgency};
use crate::domain::request_pace::{DISCORD_PER_SECOND, RequestPace};
use crate::rest::error::Scope;

const PERIOD: Duration = Duration::from_secs(1);

/// So many calls for people go in a row while others wait.
const PEOPLE_IN_A_ROW: u32 = 3;
/// Of all slots, this part may be taken at once by what nobody waits for.
const AT_ONCE: usize = 5;

/// A place in the line: what people wait for comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(Urgency, u64);

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
    /// How many calls for people went in a row.
    people_in_a_row: u32,
    /// Where what nobody waits for is spaced: when the next one of that may go.
    spaced: Option<Instant>,
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
            people_in_a_row: 0,
            spaced: (class == Class::Bot).then_some(now),
        }
    }

    /// Whether who stands at this place may go now.
    pub(super) fn room(&mut self, place: Option<Place>, now: Instant) -> Room {
        let limit = self.per_second.filter(|_| !self.evidence.is_some_and(Evidence::lifts));
        let Some(limit) = limit else { return Room::Now };
        if self.first().map(|(first, _)| first) != place {
            return Room::Answer(None);
        }
        self.forget(now);
        let taken = self.in_flight + self.answered.len();
        let background = place.is_some_and(|Place(urgency, _)| urgency == Urgency::Background);
        if let Some(spaced) =
            self.spaced.filter(|spaced| background && taken * AT_ONCE >= limit && *spaced > now)
        {
            return Room::At(spaced, Scope::Global);
        }
        if taken < limit {
            return Room::Now;
        }
        self.answered
            .front()
            .map_or(Room::Answer(None), |answered| Room::At(self.free_at(*answered), Scope::Global))
    }

    pub(super) fn step_in(&mut self, ticket: Ticket, urgency: Urgency) -> Place {
        self.last_place += 1;
        let place = Place(urgency, self.last_place);
        self.line.insert(place, ticket);
        place
    }

    /// Leaves the line.
    pub(super) fn step_out(&mut self, place: Place) {
        self.line.remove(&place);
    }

    /// Who is next.
    pub(super) fn next(&self) -> Option<Ticket> {
        self.first().map(|(_, ticket)| ticket)
    }

    /// Whose turn it is: the first, but after so many for people one of the others.
    fn first(&self) -> Option<(Place, Ticket)> {
        let others = || self.line.range(Place(Urgency::Background, 0)..).next();
        let others = if self.people_in_a_row >= PEOPLE_IN_A_ROW { others() } else { None };
        others.or_else(|| self.line.first_key_value()).map(|(place, ticket)| (*place, *ticket))
    }

    /// A request leaves.
    pub(super) fn sent(&mut self, urgency: Urgency, now: Instant) {
        self.in_flight += 1;
        match urgency {
            Urgency::People => self.people_in_a_row = self.people_in_a_row.saturating_add(1),
            Urgency::Background => self.people_in_a_row = 0,
        }
        if let (Some(spaced), Some(limit)) = (&mut self.spaced, self.per_second)
            && urgency == Urgency::Background
        {
            let step = PERIOD / u32::try_from(limit.max(1)).unwrap_or(u32::MAX);
            // Who was a little late may make up for it.
            *spaced = (*spaced + step).max(now);
        }
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
