//! What happens in sources, as it is recorded, and what came of recording it.

use std::collections::BTreeSet;

use super::matching;
use crate::domain::activity::{Origin, Revision, Showing};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::Content;
use crate::domain::place::Place;

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
        /// Who wrote it, as far as that is told; what is kept of it may not name them any more.
        author: Option<UserId>,
        /// What it shows now.
        content: Showing,
    },
    /// It was read again, as something that it quotes may have changed.
    Reread {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
        /// The revision that was known before it was read. Where there is a later one by now, that stands.
        revision: Revision,
        /// Who wrote it, as far as that is told; what is kept of it may not name them any more.
        author: Option<UserId>,
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
            | Self::Reread { origin, .. }
            | Self::Deleted { origin }
            | Self::Passed { origin, .. } => *origin,
        }
    }

    /// What happened, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Posted { .. } => "posted",
            Self::Edited { .. } => "edited",
            Self::Reread { .. } => "read again",
            Self::Deleted { .. } => "deleted",
            Self::Passed { .. } => "passed",
        }
    }

    /// The source; a deletion doesn't say it.
    pub const fn source(&self) -> Option<ChannelId> {
        match self {
            Self::Posted { source, .. }
            | Self::Edited { source, .. }
            | Self::Reread { source, .. }
            | Self::Passed { source, .. } => Some(*source),
            Self::Deleted { .. } => None,
        }
    }

    /// What it shows; nothing where that isn't said.
    pub const fn content(&self) -> Option<&Showing> {
        match self {
            Self::Posted { content, .. } | Self::Edited { content, .. } | Self::Reread { content, .. } => {
                Some(content)
            }
            Self::Deleted { .. } | Self::Passed { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(super) const fn content_mut(&mut self) -> Option<&mut Showing> {
        match self {
            Self::Posted { content, .. } | Self::Edited { content, .. } | Self::Reread { content, .. } => {
                Some(content)
            }
            Self::Deleted { .. } | Self::Passed { .. } => None,
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
    /// Whether something that is quoted may have changed.
    pub quoted: bool,
    /// How many events were left out, as the messages' authors don't want these mirrored.
    pub withheld: u64,
}

/// What a content's tags are known by.
pub(super) fn keys(content: &Showing) -> BTreeSet<String> {
    let Some(content) = content.as_message() else { return BTreeSet::new() };
    let published = content.published.then(|| matching::PUBLISHED.to_owned());
    content.tags().into_iter().map(|tag| tag.key()).chain(published).collect()
}

/// Where in its source it was posted.
pub(super) fn place(content: &Showing) -> Place {
    content.as_message().map_or(Place::Source, Content::place)
}

/// The thread of what was posted in one.
pub(super) fn thread_of(origin: Origin, source: Option<ChannelId>) -> Option<ChannelId> {
    source.filter(|source| *source != origin.channel()).map(|_| origin.channel())
}
