//! How long things are kept that nobody deletes.

use chrono::TimeDelta;

/// What the operator chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// What messages say, after their last delivery.
    pub contents: TimeDelta,
    /// Which mirrors show which message, so that edits and deletions reach them; at least as long as sources are read back.
    pub mirrors: TimeDelta,
}
