//! Refusals around collections.

use crate::domain::collection::{CollectionDescription, CollectionName, MOST_COLLECTED, MOST_COLLECTIONS};
use crate::domain::follow::FollowId;
use crate::domain::ids::ChannelId;

use super::{Refusal, ServiceError};

/// A rule about collections that forbids a use case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CollectionRefusal {
    /// There is none of this number, or the person may not know of it.
    #[error("I can't find that collection: it doesn't exist, or isn't open to you.")]
    Unknown,
    /// Another one of the server has that name.
    #[error("This server already has a collection of that name. Choose another name.")]
    NameTaken,
    /// Empty, or too long.
    #[error("A collection's name must have 1 to {} characters.", CollectionName::LONGEST)]
    Name,
    /// Too long.
    #[error("A collection's description can have {} characters at most.", CollectionDescription::LONGEST)]
    Description,
    /// The server has as many as it may.
    #[error(
        "This server already has {MOST_COLLECTIONS} collections, the most that it can have. Delete one first."
    )]
    TooMany,
    /// The collection has as many channels as it may.
    #[error(
        "This collection already has {MOST_COLLECTED} channels, the most that it can have. Remove one first."
    )]
    ChannelsFull,
    /// The channel follows the collection already.
    #[error(
        "<#{0}> already follows that collection. To choose other options, end that with `/unfollow collection:` first."
    )]
    AlreadyFollowed(ChannelId),
    /// The channel doesn't follow the collection.
    #[error("That collection isn't followed there. `/follows` shows what this server follows.")]
    UnknownFollow,
    /// A follow comes from a collection.
    #[error(
        "Follow {0} comes from a collection. Remove the channel from that with `/collection remove`, or stop following the whole with `/unfollow collection:`. To have it differ from the others, follow its channel by itself with `/follow`."
    )]
    FromCollection(FollowId),
    /// Channels follow the collection.
    #[error(
        "Channels follow this collection, so what you add would be posted there. That takes Manage Channels in the server as a whole."
    )]
    IsFollowed,
    /// A choice is for single channels only.
    #[error("`backfill` works for a single channel only, not for a collection.")]
    NoBackfill,
    /// Both a collection and a channel were named.
    #[error("Give either a collection or a channel, not both.")]
    OneOfBoth,
    /// The channel isn't in the collection.
    #[error("<#{0}> isn't in this collection.")]
    NotCollected(ChannelId),
}

impl From<CollectionRefusal> for ServiceError {
    fn from(refusal: CollectionRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
