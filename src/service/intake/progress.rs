//! How far behind the intake is, for readiness and metrics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What isn't written down yet. Shared with whoever asks for it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Behind>>);

#[derive(Debug, Clone, Copy, Default)]
struct Behind {
    /// Since when the oldest of the events that are being written down waits.
    writing: Option<Instant>,
    /// Since when the oldest of those waits that wait behind the reading of their source.
    held: Option<Instant>,
    /// How many sources events wait behind.
    sources: usize,
}

/// How far behind the intake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delay {
    /// The age of the oldest event that nothing but the database keeps from being written down.
    pub unwritten: Duration,
    /// The age of the oldest event that waits because its source can't be read yet.
    pub held: Duration,
    /// How many sources such events wait behind.
    pub sources: usize,
}

impl Delay {
    /// The age of the oldest event that isn't written down.
    pub fn oldest(self) -> Duration {
        self.unwritten.max(self.held)
    }
}

impl Progress {
    /// How far behind the intake is now.
    pub fn delay(&self) -> Delay {
        let behind = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |since: Option<Instant>| since.map_or(Duration::ZERO, |since| since.elapsed());
        Delay { unwritten: age(behind.writing), held: age(behind.held), sources: behind.sources }
    }

    /// Events are being written down, of which the oldest has waited since then.
    pub(super) fn writing(&self, since: Option<Instant>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).writing = since;
    }

    /// Events wait behind so many sources, the oldest since then.
    pub(super) fn held(&self, (sources, since): (usize, Option<Instant>)) {
        let mut behind = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (behind.sources, behind.held) = (sources, since);
    }

    /// Nothing waits any more: what did is read again by the next that listens.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Behind::default();
    }
}
