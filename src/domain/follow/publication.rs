//! What a channel's moderators choose for followers from other servers.

use super::Door;
use crate::domain::choice::choice;
use crate::domain::ids::ChannelId;

choice! {
    /// Who may follow a channel from other servers.
    Audience {
        /// Nobody. For an announcement channel that everyone in its server sees, Discord's own rule applies.
        Nobody = "nobody",
        /// Other servers' channels.
        Servers = "servers",
        /// Other servers' channels, and followers outside Discord once there are any.
        Everyone = "everyone",
        /// Nobody through this bot, even where Discord itself opens the channel to all servers.
        Closed = "closed",
    }
}

impl Audience {
    /// Whether the channel was opened to other servers.
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Servers | Self::Everyone)
    }

    /// What lets other servers follow a channel, if something does. Only this decides whether a channel is
    /// open. `public_announcement`: whether it is an announcement channel that everyone in its server sees.
    pub const fn door(self, public_announcement: bool) -> Option<Door> {
        match self {
            Self::Servers | Self::Everyone => Some(Door::Published),
            Self::Nobody if public_announcement => Some(Door::Announcement),
            Self::Nobody | Self::Closed => None,
        }
    }
}

choice! {
    /// Whether a channel's moderators are asked before a channel of another server follows it.
    Approval {
        /// They aren't.
        None = "none",
        /// They are. Until one of them agrees, nothing is delivered.
        Ask = "ask",
    }
}

/// What a channel's moderators have chosen for followers from other servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication {
    /// Who may follow.
    pub audience: Audience,
    /// Whether they are asked first.
    pub approval: Approval,
    /// Where requests and new followers are announced, if anywhere.
    pub notify: Option<ChannelId>,
    /// The bot may not post there any more.
    pub notify_refused: bool,
}

impl Publication {
    /// The settings before anyone chose.
    pub const UNCHOSEN: Self =
        Self { audience: Audience::Nobody, approval: Approval::None, notify: None, notify_refused: false };
}

/// What is to change about that; the rest stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublicationChange {
    /// Who may follow.
    pub audience: Option<Audience>,
    /// Whether they are asked first.
    pub approval: Option<Approval>,
    /// Where requests and new followers are announced: nowhere, or there.
    pub notify: Option<Option<ChannelId>>,
}
