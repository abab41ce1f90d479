//! How far back is looked after an absence.

use chrono::TimeDelta;

/// How far back a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchUp {
    /// What is older than this is not mirrored any more.
    pub window: TimeDelta,
    /// At most so many messages of one source.
    pub messages: usize,
}

impl CatchUp {
    /// The most messages of one source: all of them are in memory at once while it is read.
    pub const MOST_MESSAGES: usize = 50_000;
}
