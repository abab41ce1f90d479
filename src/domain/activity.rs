//! Activities, the deliveries that bring them to targets, the mirrors that show them, and the lanes between:
//! what [`next_step`](super::next_step) decides upon.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::choice::choice;
use super::ids::{ChannelId, GuildId, MessageId, WebhookId};
use super::message::Content;
use super::panel::PanelSnapshot;

/// An activity's number; among the activities of one source, a later one has a greater number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityId(pub i64);

/// A delivery's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub i64);

/// A revision of an activity; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i32);

/// A part of an activity, from 0: long messages take several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(pub i32);

/// What an activity wants shown now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its number.
    pub id: ActivityId,
    /// Where it comes from. Unique.
    pub origin: Origin,
    /// The newest revision.
    pub revision: Revision,
    /// Whether it was deleted in the source, so that nothing of it should be shown any more.
    pub deleted: bool,
}

/// Where an activity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A message in a channel.
    Message {
        /// The source channel.
        channel: ChannelId,
        /// The message there.
        message: MessageId,
    },
    /// Messages of a channel that were missed for good. A line says so.
    Gap {
        /// The source channel.
        channel: ChannelId,
        /// What comes after the gap is newer than this.
        before: MessageId,
    },
    /// A panel, as long as it is shown by this message of the bot's.
    Panel {
        /// The source channel.
        channel: ChannelId,
        /// The message there.
        message: MessageId,
    },
}

impl Origin {
    /// The source channel.
    pub const fn channel(self) -> ChannelId {
        match self {
            Self::Message { channel, .. } | Self::Gap { channel, .. } | Self::Panel { channel, .. } => {
                channel
            }
        }
    }

    /// The message itself, or the one that marks its place among the others. What shows it is newer.
    pub const fn message(self) -> MessageId {
        match self {
            Self::Message { message, .. }
            | Self::Gap { before: message, .. }
            | Self::Panel { message, .. } => message,
        }
    }

    /// The word for the kind of activity, as the database keeps it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Message { .. } | Self::Gap { .. } => "message",
            Self::Panel { .. } => "panel",
        }
    }
}

/// A text that names no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin")]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (kind, place) = text.split_once(':').ok_or(InvalidOrigin)?;
        let (channel, message) = place.split_once('/').ok_or(InvalidOrigin)?;
        let channel = channel.parse().map_err(|_| InvalidOrigin)?;
        let message = message.parse().map_err(|_| InvalidOrigin)?;
        match kind {
            "discord" => Ok(Self::Message { channel, message }),
            "gap" => Ok(Self::Gap { channel, before: message }),
            "panel" => Ok(Self::Panel { channel, message }),
            _ => Err(InvalidOrigin),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { channel, message } => write!(f, "discord:{channel}/{message}"),
            Self::Gap { channel, before } => write!(f, "gap:{channel}/{before}"),
            Self::Panel { channel, message } => write!(f, "panel:{channel}/{message}"),
        }
    }
}

/// What an activity shows. Kept, encrypted, until nothing needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ActivityContent {
    /// A panel.
    Panel {
        /// How it looks.
        panel: Box<PanelSnapshot>,
    },
    /// A message.
    Message(Box<Content>),
}

impl ActivityContent {
    /// Whether an edit from one to the other is worth a request.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(one), Self::Message(other)) => one.shows_the_same(other),
            (Self::Panel { panel: one }, Self::Panel { panel: other }) => one.shows_the_same(other),
            _ => false,
        }
    }

    /// A link to the original.
    pub fn link(&self) -> &str {
        match self {
            Self::Message(content) => &content.link,
            Self::Panel { panel } => &panel.link,
        }
    }

    /// The server of the original, which its link names.
    pub fn server(&self) -> Option<GuildId> {
        self.link().strip_prefix("https://discord.com/channels/")?.split('/').next()?.parse().ok()
    }

    /// The author's name above its mirrors.
    pub fn author(&self) -> &str {
        match self {
            Self::Message(content) => &content.author,
            Self::Panel { panel } => &panel.author,
        }
    }

    /// Whether it has files that have to be fetched first.
    pub fn has_files(&self) -> bool {
        matches!(self, Self::Message(content) if content.has_files())
    }

    /// Whether it has a chart, which is at hand, and is uploaded with each edit, too.
    pub fn has_chart(&self) -> bool {
        matches!(self, Self::Panel { panel } if panel.view.picture.is_some())
    }

    /// The message, where it is one.
    pub fn as_message(&self) -> Option<&Content> {
        match self {
            Self::Message(content) => Some(content),
            Self::Panel { .. } => None,
        }
    }
}

impl From<Content> for ActivityContent {
    fn from(content: Content) -> Self {
        Self::Message(Box::new(content))
    }
}

impl From<PanelSnapshot> for ActivityContent {
    fn from(face: PanelSnapshot) -> Self {
        Self::Panel { panel: Box::new(face) }
    }
}

/// A delivery that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// The revision that all its parts have shown; none before the first showing is complete.
    pub shown: Option<Revision>,
    /// Failed attempts since the last success.
    pub attempts: u32,
    /// Not to be tried before.
    pub wait_until: Option<DateTime<Utc>>,
}

choice! {
    /// How a delivery ended for good.
    DeliveryEnding {
        /// The activity was deleted and nothing shows it any more.
        Withdrawn = "withdrawn",
        /// Discord refused the message.
        Refused = "refused",
        /// The follow was removed, paused or broke before the message was shown.
        FollowEnded = "follow_ended",
        /// It failed for too long.
        GaveUp = "gave_up",
    }
}

/// A message in a target that shows a part of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The message.
    pub message: MessageId,
    /// Where it is posted: the target, or a thread of it.
    pub channel: ChannelId,
    /// The webhook that made it, which is the only one that can edit it.
    pub webhook: WebhookId,
    /// Which part it shows.
    pub part: Part,
    /// The revision it shows.
    pub revision: Revision,
    /// Whether it has to be edited although it shows that revision.
    pub staleness: Staleness,
    /// The numbers of the source's files that are posted with it, in their order there. Also empty where that
    /// isn't known.
    pub files: Vec<u64>,
}

impl Mirror {
    /// Whether it has to be edited to show this revision.
    pub fn is_outdated(&self, newest: Revision) -> bool {
        self.staleness.is_stale || self.revision < newest
    }
}

/// Whether a mirror has to be edited, whichever revision it shows: what it shows depends on more than the
/// activity (a panel's mirror says whether its follow is paused), or nobody knows what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Staleness {
    /// Whether it has to.
    pub is_stale: bool,
    /// How often it was marked as stale, ever. An edit makes it fresh only if it wasn't marked again since
    /// the edit began.
    pub marks: i32,
}

/// A create that was begun and whose answer isn't recorded. Discord may or may not have made the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// The delivery it serves.
    pub delivery: DeliveryId,
    /// The part it makes.
    pub part: Part,
    /// The revision it shows.
    pub revision: Revision,
    /// The newest message known in the target when it was begun. What it made is newer.
    pub after: MessageId,
    /// The webhook that carries it, which may have been replaced since; none where an earlier version of the
    /// program recorded the create, or where there was no webhook yet.
    pub webhook: Option<WebhookId>,
}
