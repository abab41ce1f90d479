//! How many requests the sweep may make: a twentieth of the global limit, divided among the processes as the
//! shards are.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::lock::lock;
use crate::domain::shards::Shards;

/// A twentieth of Discord's 50 requests a second.
const EVERY: Duration = Duration::from_millis(400);
/// How many requests may go at once after a rest.
const BURST: u32 = 10;
/// What a refused request costs: Discord counts refusals, and bans clients that cause too many.
pub(super) const REFUSAL: u32 = 20;

/// Hands out requests at a steady rate.
#[derive(Debug)]
pub(super) struct Budget {
    every: Duration,
    /// When all that was handed out is paid for.
    paid_at: Mutex<Option<Instant>>,
}

impl Budget {
    /// The share of these shards.
    pub(super) fn new(shards: Shards) -> Self {
        let every = EVERY.mul_f64(f64::from(shards.total()) / f64::from(shards.count()));
        Self { every, paid_at: Mutex::new(None) }
    }

    /// Takes one request, and waits until it may go.
    pub(super) async fn request(&self) {
        tokio::time::sleep_until(self.reserve(1, Instant::now())).await;
    }

    /// Charges for a refused request: the next ones wait longer.
    pub(super) fn charge_refusal(&self) {
        self.reserve(REFUSAL, Instant::now());
    }

    /// Reserves these requests, and returns when they may go.
    pub(super) fn reserve(&self, requests: u32, now: Instant) -> Instant {
        let mut paid_at = lock(&self.paid_at);
        let from = paid_at.map_or(now, |at| at.max(now));
        let until = from + self.every * requests;
        *paid_at = Some(until);
        // The instant may lie before the beginning of the clock.
        until.checked_sub(self.every * BURST).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_the_limit_is_handed_out() {
        let budget = Budget::new(Shards::all(16));
        let start = Instant::now();
        let mut now = start;
        for _ in 0..25_000 {
            now = budget.reserve(1, now);
        }
        let rate = 25_000.0 / (now - start).as_secs_f64();
        assert!((2.49..=2.51).contains(&rate), "{rate} a second");
    }

    #[test]
    fn processes_share_it_as_they_share_the_shards() {
        let quarter = Budget::new(Shards::new(4, 7, 16).unwrap());
        assert_eq!(quarter.every, EVERY * 4);
    }

    /// Even if every request of the sweep were refused, it alone would stay far below the fuse (1,000 in ten
    /// minutes).
    #[test]
    fn refusals_stay_far_below_the_fuse() {
        let budget = Budget::new(Shards::all(1));
        let (start, mut refused) = (Instant::now(), 0);
        let mut now = start;
        while now - start < Duration::from_secs(600) {
            now = budget.reserve(1, now);
            budget.reserve(REFUSAL, now);
            refused += 1;
        }
        assert!(refused <= 100, "{refused} refusals in ten minutes");
    }
}
