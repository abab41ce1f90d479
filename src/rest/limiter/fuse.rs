//! The fuse: Discord bans an address for a while after 10,000 invalid requests (401, 403, 429 not shared) in ten minutes. Long before, we
//! stop by ourselves.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(600);

/// How the fuse stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuseState {
    /// Invalid requests of the last ten minutes.
    pub invalid: usize,
    /// At how many it opens.
    pub limit: usize,
    /// While it is open: how long until there is room again, if nothing else fails.
    pub retry_after: Option<Duration>,
}

impl FuseState {
    /// Whether requests are refused here.
    pub const fn is_open(&self) -> bool {
        self.retry_after.is_some()
    }
}

#[derive(Debug)]
pub(super) struct Fuse {
    limit: usize,
    /// When invalid requests of the last ten minutes were answered, at most a few more than the limit.
    marks: VecDeque<Instant>,
    /// Whether this opening was said.
    said: bool,
}

impl Fuse {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), marks: VecDeque::new(), said: false }
    }

    pub(super) fn mark(&mut self, now: Instant) {
        self.marks.push_back(now);
        self.forget(now);
    }

    pub(super) fn state(&mut self, now: Instant) -> FuseState {
        self.forget(now);
        let over = self.marks.len().checked_sub(self.limit);
        let decisive = over.and_then(|over| self.marks.get(over));
        let retry_after = decisive.map(|mark| (*mark + WINDOW).saturating_duration_since(now));
        self.said &= retry_after.is_some();
        FuseState { invalid: self.marks.len(), limit: self.limit, retry_after }
    }

    /// Whether it has opened since this was asked last.
    pub(super) fn newly_open(&mut self, now: Instant) -> bool {
        let open = self.state(now).is_open();
        open && !std::mem::replace(&mut self.said, open)
    }

    fn forget(&mut self, now: Instant) {
        while self.marks.front().is_some_and(|mark| *mark + WINDOW <= now) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_at_its_limit_and_closes_when_the_window_has_room() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut fuse = Fuse::new(3);
        fuse.mark(at(0));
        fuse.mark(at(100));
        assert!(!fuse.state(at(100)).is_open());
        fuse.mark(at(200));
        fuse.mark(at(200));
        assert_eq!(fuse.state(at(200)).retry_after, Some(Duration::from_secs(500)), "two must be forgotten");
        assert!(fuse.newly_open(at(200)) && !fuse.newly_open(at(300)), "said once");
        assert!(fuse.state(at(699)).is_open());
        assert!(!fuse.state(at(700)).is_open());
        assert_eq!(fuse.state(at(800)).invalid, 0);
    }
}
