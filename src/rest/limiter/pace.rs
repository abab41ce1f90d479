//! The global limit: so many requests in any second, whatever they are.
//!
//! Discord counts a request when it arrives, somewhere between its leaving and its answer. A slot is therefore taken from the leaving
//! until one period after the answer: then no second of Discord's ever sees more than allowed, however long requests travel.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Ticket;
use super::bucket::Room;
use crate::rest::error::Scope;

const PERIOD: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pace {
    per_second: usize,
    in_flight: usize,
    /// When the slots of answered requests are free again, in order.
    free_at: VecDeque<Instant>,
    /// Who waits for a slot: the first of each bucket, so that all buckets move on evenly.
    line: VecDeque<Ticket>,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = usize::try_from(per_second.max(1)).unwrap_or(usize::MAX);
        Self { per_second, in_flight: 0, free_at: VecDeque::new(), line: VecDeque::new() }
    }

    /// Whether this ticket, standing in the line, may go now.
    pub(super) fn room(&mut self, ticket: Ticket, now: Instant) -> Room {
        if self.line.front() != Some(&ticket) {
            return Room::Answer(None);
        }
        while self.free_at.front().is_some_and(|free_at| *free_at <= now) {
            self.free_at.pop_front();
        }
        if self.in_flight + self.free_at.len() < self.per_second {
            return Room::Now;
        }
        self.free_at.front().map_or(Room::Answer(None), |free_at| Room::At(*free_at, Scope::Global))
    }

    pub(super) fn step_in(&mut self, ticket: Ticket) {
        self.line.push_back(ticket);
    }

    /// Leaves the line.
    pub(super) fn step_out(&mut self, ticket: Ticket) {
        if self.line.front() == Some(&ticket) {
            self.line.pop_front();
        } else {
            self.line.retain(|waiting| *waiting != ticket);
        }
    }

    /// Who is next.
    pub(super) fn next(&self) -> Option<Ticket> {
        self.line.front().copied()
    }

    pub(super) const fn sent(&mut self) {
        self.in_flight += 1;
    }

    /// A request was answered or lost.
    pub(super) fn over(&mut self, now: Instant) {
        self.returned();
        let free_at = now + PERIOD;
        let last = self.free_at.back().copied();
        self.free_at.push_back(last.map_or(free_at, |last| last.max(free_at)));
    }

    /// A request certainly never reached Discord.
    pub(super) const fn returned(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}
