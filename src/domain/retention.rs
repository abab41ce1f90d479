//! How long things are kept that nobody deletes.

use chrono::TimeDelta;

/// What the operator chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPeriods {
    /// How long the contents of messages are kept after their last delivery.
    pub contents: TimeDelta,
    /// How long it is kept which mirrors show which message, so that edits and deletions reach them. At least
    /// as long as sources are read back.
    pub mirrors: TimeDelta,
    /// How far back people's feeds go, with the contents that they show.
    pub feeds: TimeDelta,
    /// How long it is kept who changed what.
    pub audit: TimeDelta,
}
