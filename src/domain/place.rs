//! Where something was posted within its source, and what a target is.

use serde::{Deserialize, Serialize};

use super::choice::choice;
use super::ids::ChannelId;

choice! {
    /// Where in its source something was posted.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    SourcePlace {
        /// In the source itself.
        #[default]
        Source = "source",
        /// As what a thread of the source begins with: a forum's post, with title and tags.
        Starter = "starter",
        /// Later in a thread of the source.
        Answer = "answer",
    }
}

/// What a target is, as far as posting into it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TargetKind {
    /// A channel that holds messages.
    #[default]
    Channel,
    /// A thread. Its webhook is in its channel.
    Thread {
        /// The thread's channel.
        parent: ChannelId,
    },
    /// A forum. What is posted becomes a post.
    Forum,
}

impl TargetKind {
    /// The channel that has the webhook of a target.
    pub const fn webhook_channel(self, target: ChannelId) -> ChannelId {
        match self {
            Self::Thread { parent } => parent,
            Self::Channel | Self::Forum => target,
        }
    }

    /// The channel of a target that is a thread.
    pub const fn parent(self) -> Option<ChannelId> {
        match self {
            Self::Thread { parent } => Some(parent),
            Self::Channel | Self::Forum => None,
        }
    }

    /// Reads what the database keeps.
    pub const fn from_parts(parent: Option<ChannelId>, forum: bool) -> Self {
        match parent {
            Some(parent) => Self::Thread { parent },
            None if forum => Self::Forum,
            None => Self::Channel,
        }
    }
}
