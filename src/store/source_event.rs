//! What happens in sources, as it is recorded, and what came of recording it.

use crate::domain::activity::{Origin, Showing};
use crate::domain::ids::{ChannelId, UserId};

/// Something that happened in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// A message was posted.
    Posted {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
        /// Who wrote it.
        author: Option<UserId>,
        /// What it shows.
        content: Showing,
    },
    /// It was edited, or its embeds arrived, or its thread was renamed or got other tags.
    Edited {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
        /// What it shows now.
        content: Showing,
    },
    /// It was deleted.
    Deleted {
        /// Which.
        origin: Origin,
    },
    /// The source was read up to here, whatever that message is.
    Passed {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
    },
}

impl SourceEvent {
    /// Which message it is about.
    pub const fn origin(&self) -> Origin {
        match self {
            Self::Posted { origin, .. }
            | Self::Edited { origin, .. }
            | Self::Deleted { origin }
            | Self::Passed { origin, .. } => *origin,
        }
    }

    /// What happened, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Posted { .. } => "posted",
            Self::Edited { .. } => "edited",
            Self::Deleted { .. } => "deleted",
            Self::Passed { .. } => "passed",
        }
    }

    /// The source; a deletion doesn't say it.
    pub const fn source(&self) -> Option<ChannelId> {
        match self {
            Self::Posted { source, .. } | Self::Edited { source, .. } | Self::Passed { source, .. } => {
                Some(*source)
            }
            Self::Deleted { .. } => None,
        }
    }
}

/// What a batch led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// The targets that have new work, each once, ascending.
    pub lanes: Vec<ChannelId>,
    /// How many activities are new.
    pub posted: usize,
    /// How many that were known before have a new revision.
    pub changed: usize,
}
