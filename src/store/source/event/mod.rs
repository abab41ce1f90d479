//! Events in sources, and how they become activities and deliveries.
//!
//! A batch is recorded in one transaction (`record`). It first locks the rows of its sources and threads,
//! then those of the lanes that it may reach (`effects`), and writes activities, deliveries and how far the
//! channels have been read together. So a message is either recorded with all its deliveries, or not at
//! all, and is read again.

pub(in crate::store) mod effects;
pub(in crate::store) mod followed;
pub(in crate::store) mod known;
mod record;

use std::collections::BTreeSet;

use crate::domain::activity::{ActivityContent, Origin, Revision};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::Content;
use crate::domain::place::SourcePlace;
use crate::store::follow::matching;

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
        content: ActivityContent,
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
        content: ActivityContent,
    },
    /// It was read again, because something that it quotes may have changed.
    Reread {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
        /// The revision that was known before it was read. A later revision wins.
        revision: Revision,
        /// Who wrote it, as far as that is told; what is kept of it may not name them any more.
        author: Option<UserId>,
        /// What it shows now.
        content: ActivityContent,
    },
    /// It was deleted.
    Deleted {
        /// Which.
        origin: Origin,
    },
    /// The source was read up to this message, whatever that is.
    Passed {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
    },
}

impl SourceEvent {
    /// The message that it is about.
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

    /// The source; a deletion doesn't name it.
    pub const fn source(&self) -> Option<ChannelId> {
        match self {
            Self::Posted { source, .. }
            | Self::Edited { source, .. }
            | Self::Reread { source, .. }
            | Self::Passed { source, .. } => Some(*source),
            Self::Deleted { .. } => None,
        }
    }

    /// The content, if the event has any.
    pub const fn content(&self) -> Option<&ActivityContent> {
        match self {
            Self::Posted { content, .. } | Self::Edited { content, .. } | Self::Reread { content, .. } => {
                Some(content)
            }
            Self::Deleted { .. } | Self::Passed { .. } => None,
        }
    }

    /// The same, mutable.
    pub(in crate::store) const fn content_mut(&mut self) -> Option<&mut ActivityContent> {
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
    /// The targets with new work, each once, ascending.
    pub lanes: Vec<ChannelId>,
    /// How many activities are new.
    pub posted: usize,
    /// How many known activities have a new revision.
    pub changed: usize,
    /// Whether something that is quoted may have changed.
    pub quoted: bool,
    /// How many events were left out because the messages' authors don't want them mirrored.
    pub withheld: u64,
}

/// The keys of a content's tags.
pub(in crate::store) fn keys(content: &ActivityContent) -> BTreeSet<String> {
    let Some(content) = content.as_message() else { return BTreeSet::new() };
    let published = content.published.then(|| matching::PUBLISHED.to_owned());
    content.tags().into_iter().map(|tag| tag.key()).chain(published).collect()
}

/// Where in its source it was posted.
pub(in crate::store) fn place(content: &ActivityContent) -> SourcePlace {
    content.as_message().map_or(SourcePlace::Source, Content::place)
}

/// The thread that it was posted in, if any.
pub(in crate::store) fn thread_of(origin: Origin, source: Option<ChannelId>) -> Option<ChannelId> {
    source.filter(|source| *source != origin.channel()).map(|_| origin.channel())
}
