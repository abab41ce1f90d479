//! What a person's feed has in it. It is put together when it is read, from what they follow, newest first.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::activity::ActivityId;
use super::channel::message_link;
use super::choice::choice;
use super::ids::{ChannelId, GuildId, MessageId, UserId};
use super::message::Content;
use super::paging::InvalidCursor;
use super::personal::{CollectionId, PersonalFollowId};
use super::post_shape::PostShape;

/// How many unread posts are counted at most.
pub const MOST_UNREAD: usize = 100;

/// Where something is in a feed: a newer post's is greater. As text, it is a cursor: opaque, but no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition {
    /// The message.
    pub message: MessageId,
    /// The activity.
    pub activity: ActivityId,
}

impl fmt::Display for FeedPosition {
    /// 22 letters, digits, `-` and `_`: two numbers of eight bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [self.message.to_db(), self.activity.0].map(i64::to_be_bytes);
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(numbers.concat()))
    }
}

impl FromStr for FeedPosition {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (message, activity) = bytes.split_at_checked(8).ok_or(InvalidCursor)?;
        let number = |bytes: &[u8]| bytes.try_into().map(i64::from_be_bytes).map_err(|_| InvalidCursor);
        let message = MessageId::from_db(number(message)?).map_err(|_| InvalidCursor)?;
        let activity = ActivityId(number(activity)?);
        if activity.0 > 0 { Ok(Self { message, activity }) } else { Err(InvalidCursor) }
    }
}

choice! {
    /// What a post has in it, as a filter of feeds names it.
    PostContent {
        /// A link.
        Link = "link",
        /// A picture.
        Image = "image",
        /// A film.
        Video = "video",
        /// A sound.
        Audio = "audio",
        /// Another file.
        File = "file",
        /// A poll.
        Poll = "poll",
        /// None of these.
        None = "none",
    }
}

impl PostContent {
    /// The shape of posts that have it; none for [`PostContent::None`].
    pub const fn shape(self) -> PostShape {
        match self {
            Self::Link => PostShape::LINK,
            Self::Image => PostShape::IMAGE,
            Self::Video => PostShape::VIDEO,
            Self::Audio => PostShape::AUDIO,
            Self::File => PostShape::FILE,
            Self::Poll => PostShape::POLL,
            Self::None => PostShape::empty(),
        }
    }

    /// What a post of this shape has, the most telling first.
    pub fn of(shape: PostShape) -> Self {
        let kinds = [Self::Video, Self::Image, Self::Audio, Self::Poll, Self::File, Self::Link];
        kinds.into_iter().find(|kind| shape.intersects(kind.shape())).unwrap_or(Self::None)
    }
}

/// What a person wants to see of their feed: what meets everything that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedFilter {
    /// By this person.
    pub author: Option<UserId>,
    /// In this channel or thread.
    pub channel: Option<ChannelId>,
    /// In this server.
    pub server: Option<GuildId>,
    /// Through this collection.
    pub collection: Option<CollectionId>,
    /// With this tag, given by its key.
    pub tag: Option<String>,
    /// With this in it.
    pub content: Option<PostContent>,
    /// Newer than this message.
    pub after: Option<MessageId>,
}

/// Something that a feed may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCandidate {
    /// Where in the feed it is.
    pub position: FeedPosition,
    /// Its source.
    pub source: ChannelId,
    /// The thread of the source in which it was posted.
    pub thread: Option<ChannelId>,
    /// The server.
    pub server: GuildId,
    /// The follows that let it through, at least one, ascending.
    pub because: Vec<PersonalFollowId>,
}

/// A channel in which something is that a feed may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedChannel {
    /// The source of the posts.
    pub source: ChannelId,
    /// Its server.
    pub server: GuildId,
}

/// A post in a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPost {
    /// Where in the feed it is.
    pub position: FeedPosition,
    /// Its source.
    pub source: ChannelId,
    /// The thread of the source in which it was posted.
    pub thread: Option<ChannelId>,
    /// The server.
    pub server: GuildId,
    /// Who wrote it; `None` once that person is forgotten.
    pub author: Option<UserId>,
    /// Whether its author edited it, as far as what it says is kept.
    pub edited: bool,
    /// What kind of post it is.
    pub shape: PostShape,
    /// What it says; `None` where that isn't kept any more, or may have changed while nobody listened.
    pub content: Option<Content>,
    /// Its tags, as people read them.
    pub tags: Vec<String>,
    /// The follows that let it through.
    pub because: Vec<PersonalFollowId>,
}

impl FeedPost {
    /// When it was posted.
    pub fn posted_at(&self) -> DateTime<Utc> {
        self.position.message.created_at()
    }

    /// A link to it.
    pub fn link(&self) -> String {
        message_link(self.server, self.thread.unwrap_or(self.source), self.position.message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_comes_back_as_it_was(message in 1..=i64::MAX, activity in 1..=i64::MAX) {
            let position =
                FeedPosition { message: MessageId::from_db(message).unwrap(), activity: ActivityId(activity) };
            let text = position.to_string();
            prop_assert_eq!(text.len(), 22);
            prop_assert_eq!(text.parse(), Ok(position));
        }

        #[test]
        fn no_text_does_harm(text in "\\PC{0,40}|[A-Za-z0-9_=+/-]{20,24}") {
            if let Ok(position) = text.parse::<FeedPosition>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn a_post_is_called_after_what_is_most_telling() {
        assert_eq!(PostContent::of(PostShape::LINK | PostShape::IMAGE | PostShape::LONG), PostContent::Image);
        assert_eq!(PostContent::of(PostShape::LONG | PostShape::STARTER), PostContent::None);
        for kind in PostContent::ALL.iter().filter(|kind| **kind != PostContent::None) {
            assert_eq!(PostContent::of(kind.shape()), *kind);
        }
    }
}
