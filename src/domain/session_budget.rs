//! How many gateway sessions may begin. Discord counts them by day, and a bot that begins more loses its
//! token. So a part of each day's sessions is a reserve: the last ones are spread over the time that is left,
//! and no loop of restarts can use them up.

use std::time::{Duration, Instant};

/// One in so many sessions is kept in reserve.
const RESERVE: u32 = 5;
/// How many a bot has in a day.
const USUAL: u32 = 1_000;
/// The period in which Discord counts. Discord: "Session Start Limit Object".
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What Discord said of the sessions that may begin. Discord: "Session Start Limit Object".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimit {
    /// How many may begin in a day.
    pub total: u32,
    /// How many of them are left.
    pub remaining: u32,
    /// When all are free again.
    pub reset_after: Duration,
}

/// The sessions of a day, as one process counts them.
#[derive(Debug, Clone)]
pub struct SessionBudget {
    total: u32,
    remaining: u32,
    resets_at: Instant,
    /// When the last one was taken, or when counting began.
    last: Instant,
}

impl SessionBudget {
    /// The budget that Discord has just told of.
    pub fn new(limit: SessionLimit, now: Instant) -> Self {
        let SessionLimit { total, remaining, reset_after } = limit;
        // A stand-in for Discord may count nothing.
        let (total, remaining) = if total == 0 { (USUAL, USUAL) } else { (total, remaining) };
        Self { total, remaining: remaining.min(total), resets_at: now + reset_after.min(DAY), last: now }
    }

    /// When the next session may begin. In the past where it may begin at once.
    pub fn next_at(&self) -> Instant {
        if self.remaining > self.total / RESERVE {
            return self.last;
        }
        // A process that restarts again and again comes here each time, and waits longer the fewer sessions
        // are left.
        let left = self.resets_at.saturating_duration_since(self.last);
        self.last + left / (self.remaining.saturating_add(1))
    }

    /// Notes that a session begins.
    pub fn take(&mut self, now: Instant) {
        if now >= self.resets_at {
            (self.remaining, self.resets_at) = (self.total, now + DAY);
        }
        self.remaining = self.remaining.saturating_sub(1);
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(remaining: u32, reset_after: Duration) -> SessionLimit {
        SessionLimit { total: 1000, remaining, reset_after }
    }

    #[test]
    fn most_sessions_begin_at_once() {
        let now = Instant::now();
        for remaining in [201, 999, 1000] {
            assert!(SessionBudget::new(limit(remaining, DAY), now).next_at() <= now);
        }
        assert!(SessionBudget::new(limit(0, DAY), now).next_at() >= now + DAY);
    }

    /// One process after the other. Each begins a session as soon as it may, and dies.
    #[test]
    fn a_loop_of_restarts_never_uses_them_up() {
        let begun = Instant::now();
        let (mut now, mut remaining) = (begun, 1000);
        while now < begun + DAY {
            let budget = SessionBudget::new(limit(remaining, begun + DAY - now), now);
            now = now.max(budget.next_at()) + Duration::from_secs(5);
            assert!(remaining > 0 || now >= begun + DAY, "all are gone after {:?}", now - begun);
            remaining = remaining.saturating_sub(1);
        }
    }

    /// The same without restarts: Discord declares each session invalid.
    #[test]
    fn a_loop_of_sessions_never_uses_them_up() {
        let begun = Instant::now();
        let mut budget = SessionBudget::new(limit(1000, DAY), begun);
        let (mut now, mut taken) = (begun, 0);
        while now < begun + DAY {
            now = now.max(budget.next_at()) + Duration::from_secs(5);
            budget.take(now);
            taken += u32::from(now < begun + DAY);
        }
        assert!(taken <= 1000, "{taken}");
        assert!(budget.next_at() <= now + Duration::from_secs(1), "a new day has begun");
    }
}
