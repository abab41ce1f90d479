//! How often a limit refused in a row, and how long to wait for that. Discord says how long with every 429, but has been seen to say "0" again and again; believed, that is a
//! request without a pause, and then a ban. So the wait has a floor that grows for as long as nothing is let through.

use std::time::{Duration, Instant};

/// The least wait after a first 429.
const FLOOR: Duration = Duration::from_millis(250);
/// What it grows to.
const HIGHEST_FLOOR: Duration = Duration::from_secs(60);

/// The wait after a 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rest) struct Pause {
    pub(in crate::rest) wait: Duration,
    /// How many requests in a row were refused, this one included. Those that were under way together count once.
    pub(in crate::rest) in_a_row: u32,
    /// A limit that no header tells of, and that is kept from now on: so many requests in this time.
    pub(in crate::rest) learned: Option<(u32, Duration)>,
}

#[derive(Debug, Default)]
pub(super) struct Refusals {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Refusals {
    /// A request that was sent then was refused, and asked to wait this long.
    pub(super) fn refused(&mut self, sent: Instant, received: Instant, asked: Duration) -> Pause {
        if self.last.is_none_or(|last| sent >= last) {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.last = Some(received);
        }
        let doublings = self.in_a_row.saturating_sub(1).min(16);
        let floor = (FLOOR * (1 << doublings)).min(HIGHEST_FLOOR);
        Pause { wait: asked.max(floor), in_a_row: self.in_a_row, learned: None }
    }

    /// A request was let through.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_has_a_floor_that_grows_until_something_is_let_through() {
        let (start, mut refusals) = (Instant::now(), Refusals::default());
        let at = |ms| start + Duration::from_millis(ms);
        let mut wait = |sent, received, asked| {
            let pause = refusals.refused(at(sent), at(received), Duration::from_millis(asked));
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
        assert_eq!(refusals.refused(at(0), at(1), Duration::ZERO).in_a_row, 1);
    }
}
