//! How often a limit refused in a row, and how long to wait for that. Discord says how long with every 429,
//! but has been seen to say "0" again and again. Believing that would mean requests without a pause, and then
//! a ban. So the wait has a floor that grows as long as nothing is let through.

use std::time::{Duration, Instant};

/// The least wait after a first 429.
const FLOOR: Duration = Duration::from_millis(250);
/// How far the floor grows.
const HIGHEST_FLOOR: Duration = Duration::from_secs(60);

/// The wait after a 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rest) struct LimitPause {
    pub(in crate::rest) wait: Duration,
    /// How many requests in a row were refused, this one included. Those that were in flight together count
    /// once.
    pub(in crate::rest) in_a_row: u32,
    /// A limit that no header tells of, and that is kept from now on: so many requests in that time.
    pub(in crate::rest) learned: Option<(u32, Duration)>,
}

#[derive(Debug, Default)]
pub(super) struct RefusalStreak {
    in_a_row: u32,
    last: Option<Instant>,
}

impl RefusalStreak {
    /// Records that a request, sent at that time, was refused and asked to wait this long.
    pub(super) fn record_refusal(&mut self, sent: Instant, received: Instant, asked: Duration) -> LimitPause {
        if self.last.is_none_or(|last| sent >= last) {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.last = Some(received);
        }
        let doublings = self.in_a_row.saturating_sub(1).min(16);
        let floor = (FLOOR * (1 << doublings)).min(HIGHEST_FLOOR);
        LimitPause { wait: asked.max(floor), in_a_row: self.in_a_row, learned: None }
    }

    /// Records that a request was let through.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_has_a_floor_that_grows_until_something_is_let_through() {
        let (start, mut refusals) = (Instant::now(), RefusalStreak::default());
        let at = |ms| start + Duration::from_millis(ms);
        let mut wait = |sent, received, asked| {
            let pause = refusals.record_refusal(at(sent), at(received), Duration::from_millis(asked));
            (pause.wait.as_millis(), pause.in_a_row)
        };
        assert_eq!(wait(0, 10, 0), (250, 1));
        assert_eq!(wait(5, 12, 0), (250, 1), "it was under way already");
        assert_eq!(wait(262, 270, 0), (500, 2));
        assert_eq!(wait(770, 780, 9_000), (9_000, 3), "more was asked for");
        for n in 4..20 {
            wait(n * 100_000, n * 100_000 + 10, 0);
        }
        assert_eq!(wait(9_000_000, 9_000_010, 0).0, 60_000);
        refusals.end();
        assert_eq!(refusals.record_refusal(at(0), at(1), Duration::ZERO).in_a_row, 1);
    }
}
