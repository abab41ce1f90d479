//! How long requests travel, and how much of that can be counted on.
//!
//! Discord counts a request at a moment that we don't see. To be sure that one request is counted a period
//! after another, it would have to leave a period after the other's answer: a whole round trip later than
//! Discord asks for. But it travels, too. If no round trip ever takes less than `m`, then one request's way
//! to Discord and another's answer back take at least `m` together, whichever two they are. So the later
//! request may leave `m` earlier.
//!
//! `m` isn't known. What is known is the least round trip that was seen, and that is the least possible one
//! only where many come close to it: on a connection that takes 50 ms, and sometimes longer. Where round
//! trips are spread out below their average, as on a connection that takes anything from 1 to 1,400 ms, a
//! shorter one than was ever seen is only a matter of time. So a margin is subtracted: several times the
//! distance from the least to the shortest quarter of the last round trips. Nothing is left where that
//! distance is large. How long the longest round trips take doesn't matter.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the least round trip is believed; at most twice this.
const MEMORY: Duration = Duration::from_secs(30);
/// So many must be seen first, and so many of the last ones are looked at.
const SAMPLE: usize = 64;
/// How many times the distance from the least to the shortest quarter is subtracted. With 16 samples within a
/// fifth of the least, a connection with scattered round trips would have to look like a steady one sixteen
/// times over.
const SPREAD: u32 = 4;
/// What is subtracted in any case, for clocks and timers.
const LEAST_MARGIN: Duration = Duration::from_millis(5);
/// How long nothing is counted on after a 429 that shouldn't have happened.
const DISTRUST: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct RoundTrip {
    /// The last round trips, in the order of their answers.
    last: VecDeque<Duration>,
    /// The least round trip of the present period, and of the one before.
    least: Duration,
    least_before: Duration,
    /// When the present period began.
    since: Instant,
    distrusted_until: Option<Instant>,
    /// The result of all that.
    credit: Duration,
}

impl RoundTrip {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            last: VecDeque::new(),
            least: Duration::MAX,
            least_before: Duration::MAX,
            since: now,
            distrusted_until: None,
            credit: Duration::ZERO,
        }
    }

    /// Records the round trip of an answer.
    pub(super) fn record(&mut self, sent: Instant, received: Instant) {
        let took = received.saturating_duration_since(sent);
        if received.saturating_duration_since(self.since) > MEMORY {
            (self.least_before, self.least, self.since) = (self.least, Duration::MAX, received);
        }
        self.least = self.least.min(took);
        if self.last.len() == SAMPLE {
            self.last.pop_front();
        }
        self.last.push_back(took);
        self.distrusted_until = self.distrusted_until.filter(|until| *until > received);
        self.credit = if self.last.len() < SAMPLE || self.distrusted_until.is_some() {
            Duration::ZERO
        } else {
            let (shortest, quarter) = self.shortest();
            let least = self.least.min(self.least_before).min(shortest);
            let spread = quarter.saturating_sub(least);
            least.saturating_sub(LEAST_MARGIN.max(least / 10).max(spread * SPREAD))
        };
    }

    /// The shortest of the last round trips, and the time that a quarter of them didn't exceed.
    fn shortest(&self) -> (Duration, Duration) {
        let mut last: Vec<Duration> = self.last.iter().copied().collect();
        let (shorter, quarter, _) = last.select_nth_unstable(SAMPLE / 4);
        (shorter.iter().copied().min().unwrap_or(*quarter), *quarter)
    }

    /// Stops counting on travel time for a while: a limit was exceeded that should have been kept.
    pub(super) fn distrust(&mut self, now: Instant) {
        self.distrusted_until = Some(now + DISTRUST);
        self.credit = Duration::ZERO;
    }

    /// How much earlier a request may leave than the answer before it alone would allow.
    pub(super) const fn credit(&self) -> Duration {
        self.credit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The credit after these round trips, in milliseconds, one a second.
    fn credit(round_trips: impl IntoIterator<Item = u64>) -> u128 {
        let start = Instant::now();
        let mut round_trip = RoundTrip::new(start);
        for (second, ms) in (0..).zip(round_trips) {
            let sent = start + Duration::from_secs(second);
            round_trip.record(sent, sent + Duration::from_millis(ms));
        }
        round_trip.credit().as_millis()
    }

    #[test]
    fn a_steady_connection_is_counted_on_but_for_a_margin() {
        assert_eq!(credit([50; 63]), 0, "too few");
        assert_eq!(credit([50; 64]), 45);
        assert_eq!(credit([200; 64]), 180);
        assert_eq!(credit([4; 64]), 0);
        assert_eq!(
            credit((0..64).map(|n| if n % 2 == 0 { 50 } else { 3_000 })),
            45,
            "longer ones don't matter"
        );
    }

    #[test]
    fn a_connection_that_varies_is_not() {
        assert_eq!(credit((0..100).map(|n| 20 + 13 * n % 80)), 0);
        assert_eq!(credit((0..100).map(|n| 400 + 13 * n % 1_000)), 0, "a shorter one is still to come");
        assert!(credit((0..100).map(|n| 100 + n % 4)) > 85);
    }

    #[test]
    fn shorter_round_trips_count_at_once_and_longer_ones_after_a_minute() {
        assert_eq!(credit([50; 70].into_iter().chain([10])), 0);
        assert!(credit([10; 44].into_iter().chain([50; 20])) < 10);
        assert_eq!(credit([10; 20].into_iter().chain([50; 200])), 45);
    }

    #[test]
    fn a_429_ends_it_for_a_while() {
        let start = Instant::now();
        let mut round_trip = RoundTrip::new(start);
        let after = |round_trip: &mut RoundTrip, second| {
            let sent = start + Duration::from_secs(second);
            round_trip.record(sent, sent + Duration::from_millis(50));
            round_trip.credit() > Duration::ZERO
        };
        assert_eq!((0..68).filter(|second| after(&mut round_trip, *second)).count(), 5, "from the 64th on");
        round_trip.distrust(start + Duration::from_secs(20));
        assert!(!(69..600).any(|second| after(&mut round_trip, second)));
        assert!(after(&mut round_trip, 621));
    }
}
