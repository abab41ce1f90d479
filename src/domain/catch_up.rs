//! How far back the bot reads after an absence.

use chrono::TimeDelta;

/// How far back a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchUp {
    /// Messages older than this aren't mirrored any more.
    pub window: TimeDelta,
    /// At most so many messages of one source.
    pub messages: usize,
}

impl CatchUp {
    /// The most messages of one source. All of them are in memory at once while it is read.
    pub const MOST_MESSAGES: usize = 50_000;
}
