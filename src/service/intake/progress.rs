//! How far behind the intake is, for readiness and metrics.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::domain::lock::lock;

/// What isn't recorded yet. It is shared with those who ask for it.
#[derive(Debug, Clone, Default)]
pub struct IntakeProgress(Arc<Mutex<Behind>>);

#[derive(Debug, Clone, Copy, Default)]
struct Behind {
    /// Since when the oldest event that is being recorded has waited.
    writing: Option<Instant>,
    /// Since when the oldest event that waits for the reading of its source has waited.
    deferred: Option<Instant>,
    /// How many sources have events waiting for their reading.
    sources: usize,
}

/// How far behind the intake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delay {
    /// The age of the oldest event that only the database keeps from being recorded.
    pub unwritten: Duration,
    /// The age of the oldest event whose source can't be read yet.
    pub deferred: Duration,
    /// How many sources have such events.
    pub sources: usize,
}

impl Delay {
    /// The age of the oldest event that isn't recorded.
    pub fn oldest(self) -> Duration {
        self.unwritten.max(self.deferred)
    }
}

impl IntakeProgress {
    /// How far behind the intake is now.
    pub fn delay(&self) -> Delay {
        let behind = *lock(&self.0);
        let age = |since: Option<Instant>| since.map_or(Duration::ZERO, |since| since.elapsed());
        Delay { unwritten: age(behind.writing), deferred: age(behind.deferred), sources: behind.sources }
    }

    /// Notes that events are being recorded, the oldest of which has waited since then.
    pub(super) fn writing(&self, since: Option<Instant>) {
        lock(&self.0).writing = since;
    }

    /// Notes how many sources have events waiting, the oldest since then.
    pub(super) fn deferred(&self, (sources, since): (usize, Option<Instant>)) {
        let mut behind = lock(&self.0);
        (behind.sources, behind.deferred) = (sources, since);
    }

    /// Notes that nothing waits any more: the next process that listens reads it again.
    pub(super) fn clear(&self) {
        *lock(&self.0) = Behind::default();
    }
}
