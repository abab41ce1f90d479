//! The time, handed in from outside, so that tests can say what time it is.

use chrono::{DateTime, Utc};

/// Tells the time. Built once, where the program is put together.
#[derive(Debug, Clone, Copy)]
pub struct Clock(fn() -> DateTime<Utc>);

impl Clock {
    /// A clock that asks this function.
    pub const fn new(now: fn() -> DateTime<Utc>) -> Self {
        Self(now)
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}
