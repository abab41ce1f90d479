//! The one clock of the process. It doesn't jump back, and on PostgreSQL it is the database's, so that
//! processes on machines whose clocks differ agree on leases.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::clock::Clock;
use crate::domain::lock::lock;
use crate::domain::steady::{ClockReading, SteadyClock};

/// When the monotonic clock was started, and the clock that is based on it.
static PROCESS: LazyLock<(Instant, Mutex<SteadyClock>)> = LazyLock::new(|| {
    let began = Instant::now();
    (began, Mutex::new(SteadyClock::new(read(began))))
});

/// The clock of this process.
pub fn clock() -> Clock {
    Clock::new(|| with(SteadyClock::now))
}

/// Adjusts the clock: the database says that it is this time, and took so long to answer.
pub(super) fn adjust(time: DateTime<Utc>, took: Duration) {
    let took = TimeDelta::from_std(took).unwrap_or(TimeDelta::MAX);
    // The database read its clock while the answer was under way, most likely in the middle.
    with(|clock, reading| clock.tell(reading, time + took / 2, took));
}

fn with<T>(use_it: impl FnOnce(&mut SteadyClock, ClockReading) -> T) -> T {
    let (began, clock) = &*PROCESS;
    let mut clock = lock(clock);
    use_it(&mut clock, read(*began))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the time comes in from outside")]
fn read(began: Instant) -> ClockReading {
    ClockReading { wall: Utc::now(), running: began.elapsed() }
}
