//! Messages, their authors and files, and whom they notified.

use bitflags::bitflags;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::ids::{
    ApplicationId, AttachmentId, ChannelId, InteractionId, MessageId, RoleId, UserId, WebhookId,
};

bitflags! {
    /// Discord's message flags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MessageFlags: u64 {
        /// Published to the channel's followers.
        const CROSSPOSTED = 1 << 0;
        /// A copy that channel following delivered.
        const IS_CROSSPOST = 1 << 1;
        /// Embeds are hidden.
        const SUPPRESS_EMBEDS = 1 << 2;
        /// The original of this crosspost was deleted.
        const SOURCE_MESSAGE_DELETED = 1 << 3;
        /// A thread was started from this message.
        const HAS_THREAD = 1 << 5;
        /// Only the person who used the interaction sees it.
        const EPHEMERAL = 1 << 6;
        /// "The application is thinking."
        const LOADING = 1 << 7;
        /// Nobody gets a push notification.
        const SUPPRESS_NOTIFICATIONS = 1 << 12;
        /// A voice message.
        const IS_VOICE_MESSAGE = 1 << 13;
        /// A forward.
        const HAS_SNAPSHOT = 1 << 14;
        /// Made of components only.
        const IS_COMPONENTS_V2 = 1 << 15;
    }
}

/// Who wrote a message.
#[derive(Clone, Debug)]
pub(crate) enum Author {
    User(UserId),
    Webhook { id: WebhookId, name: String, avatar_url: Option<String> },
}

/// A file of a message. The bytes are stored separately, by id.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) id: AttachmentId,
    pub(crate) channel: ChannelId,
    /// The ASCII characters of its name.
    pub(crate) filename: String,
    /// Its name without the extension, if that isn't ASCII.
    pub(crate) title: Option<String>,
    /// Hidden until somebody clicks it.
    pub(crate) spoiler: bool,
    pub(crate) description: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) size: usize,
}

/// Whom a message notified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pinged {
    pub(crate) everyone: bool,
    pub(crate) users: Vec<UserId>,
    pub(crate) roles: Vec<RoleId>,
}

/// The interaction that a message answers.
#[derive(Clone, Debug)]
pub(crate) struct AnswerTo {
    pub(crate) id: InteractionId,
    pub(crate) kind: u8,
    /// The command's name.
    pub(crate) name: Option<String>,
    pub(crate) user: UserId,
    pub(crate) on_message: Option<MessageId>,
    /// What opened the form, if this answers one.
    pub(crate) trigger: Option<InteractionId>,
}

/// A message. Embeds, components, polls and stickers stay JSON: the sandbox checks them, and shows them as
/// they are.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) channel: ChannelId,
    pub(crate) author: Author,
    pub(crate) kind: u8,
    pub(crate) content: String,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) sticker_items: Vec<Value>,
    pub(crate) poll: Option<Value>,
    pub(crate) snapshots: Vec<Value>,
    pub(crate) reference: Option<Value>,
    /// Discord doesn't send the message that this one replies to along with it.
    pub(crate) withholds_original: bool,
    pub(crate) nonce: Option<Value>,
    pub(crate) tts: bool,
    pub(crate) pinned: bool,
    pub(crate) flags: MessageFlags,
    /// What the latest version of the message names and was allowed to notify.
    pub(crate) mentions: Pinged,
    /// Everyone it has ever notified, across all its versions.
    pub(crate) pinged: Pinged,
    pub(crate) edited_at: Option<DateTime<Utc>>,
    pub(crate) application: Option<ApplicationId>,
    pub(crate) answers: Option<AnswerTo>,
    /// Set for ephemeral messages: the only person who sees it.
    pub(crate) only_for: Option<UserId>,
    /// Copies of this message that channel following created.
    pub(crate) copies: Vec<(ChannelId, MessageId)>,
    pub(crate) thread: Option<ChannelId>,
}

impl Message {
    /// An empty message.
    pub(crate) fn new(id: MessageId, channel: ChannelId, author: Author) -> Self {
        Self {
            id,
            channel,
            author,
            kind: 0,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            attachments: Vec::new(),
            sticker_items: Vec::new(),
            poll: None,
            snapshots: Vec::new(),
            reference: None,
            withholds_original: false,
            nonce: None,
            tts: false,
            pinned: false,
            flags: MessageFlags::empty(),
            mentions: Pinged::default(),
            pinged: Pinged::default(),
            edited_at: None,
            application: None,
            answers: None,
            only_for: None,
            copies: Vec::new(),
            thread: None,
        }
    }

    /// The webhook that wrote it.
    pub(crate) fn webhook(&self) -> Option<WebhookId> {
        match self.author {
            Author::Webhook { id, .. } => Some(id),
            Author::User(_) => None,
        }
    }

    /// Whether this is a message that people and bots write (Discord calls the others system messages).
    pub(crate) fn is_ordinary(&self) -> bool {
        matches!(self.kind, 0 | 19 | 20 | 23)
    }
}
