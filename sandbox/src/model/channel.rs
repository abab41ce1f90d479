//! Channels of every kind, threads, and forum tags.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Message;
use crate::ids::{ChannelId, GuildId, MessageId, TagId, UserId};
use crate::permissions::Overwrite;

/// Discord's channel types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChannelKind {
    /// An ordinary text channel.
    Text = 0,
    /// A direct message with the bot.
    Dm = 1,
    /// A voice channel (it has a text chat, too).
    Voice = 2,
    /// A category: holds channels, no messages.
    Category = 4,
    /// A channel whose messages can be published to followers.
    Announcement = 5,
    /// A thread in an announcement channel.
    AnnouncementThread = 10,
    /// A thread that everyone who sees its parent can see.
    PublicThread = 11,
    /// A thread that only its members and moderators can see.
    PrivateThread = 12,
    /// A stage (voice with an audience).
    Stage = 13,
    /// A forum: holds only posts (threads).
    Forum = 15,
    /// A media channel: a forum for pictures.
    Media = 16,
}

impl ChannelKind {
    /// Discord's number for this kind.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    pub fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            0 => Self::Text,
            1 => Self::Dm,
            2 => Self::Voice,
            4 => Self::Category,
            5 => Self::Announcement,
            10 => Self::AnnouncementThread,
            11 => Self::PublicThread,
            12 => Self::PrivateThread,
            13 => Self::Stage,
            15 => Self::Forum,
            16 => Self::Media,
            _ => return None,
        })
    }

    /// Types 10, 11 and 12.
    pub fn is_thread(self) -> bool {
        matches!(self, Self::AnnouncementThread | Self::PublicThread | Self::PrivateThread)
    }

    /// Channels that hold posts, but no messages of their own.
    pub fn is_forum(self) -> bool {
        matches!(self, Self::Forum | Self::Media)
    }

    /// Channels in which people talk; their chats are for those who may connect.
    pub fn is_voice(self) -> bool {
        matches!(self, Self::Voice | Self::Stage)
    }

    /// Whether it can hold messages.
    pub fn holds_messages(self) -> bool {
        self != Self::Category && !self.is_forum()
    }

    /// Whether it can have webhooks (threads are reached through their parent's webhooks).
    pub fn takes_webhooks(self) -> bool {
        self != Self::Category && self != Self::Dm && !self.is_thread()
    }
}

/// A tag that a forum's posts can have.
#[derive(Clone, Debug)]
pub(crate) struct ForumTag {
    pub(crate) id: TagId,
    pub(crate) name: String,
    pub(crate) moderated: bool,
}

/// The fields that only threads have.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) owner: UserId,
    pub(crate) archived: bool,
    pub(crate) locked: bool,
    pub(crate) invitable: bool,
    pub(crate) auto_archive_minutes: u64,
    pub(crate) archive_timestamp: DateTime<Utc>,
    pub(crate) members: BTreeSet<UserId>,
    pub(crate) applied_tags: Vec<TagId>,
    pub(crate) total_sent: u64,
}

/// A channel, a thread, or a direct message.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) kind: ChannelKind,
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    pub(crate) position: u32,
    pub(crate) parent: Option<ChannelId>,
    pub(crate) overwrites: Vec<Overwrite>,
    pub(crate) nsfw: bool,
    pub(crate) slowmode_seconds: u64,
    pub(crate) tags: Vec<ForumTag>,
    /// A forum whose posts must have a tag (channel flag `1 << 4`).
    pub(crate) tag_required: bool,
    pub(crate) thread: Option<Thread>,
    pub(crate) recipients: Vec<UserId>,
    pub(crate) last_message: Option<MessageId>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    /// Counts the changes to the channel and its messages, so that whoever shows them can quickly tell that
    /// nothing has changed.
    pub(crate) version: u64,
}

impl Channel {
    /// Whether it is a thread that is archived.
    pub(crate) fn is_archived(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.archived)
    }

    /// An empty channel.
    pub(crate) fn new(id: ChannelId, guild: Option<GuildId>, kind: ChannelKind, name: &str) -> Self {
        Self {
            id,
            guild,
            kind,
            name: name.to_owned(),
            topic: None,
            position: 0,
            parent: None,
            overwrites: Vec::new(),
            nsfw: false,
            slowmode_seconds: 0,
            tags: Vec::new(),
            tag_required: false,
            thread: None,
            recipients: Vec::new(),
            last_message: None,
            messages: BTreeMap::new(),
            version: 0,
        }
    }
}
