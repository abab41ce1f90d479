//! Refusals around collections.

use crate::domain::collection::{CollectionDescription, CollectionName, MOST_COLLECTED, MOST_COLLECTIONS};
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
    /// The channel isn't in the collection.
    #[error("<#{0}> isn't in this collection.")]
    NotCollected(ChannelId),
}

impl From<CollectionRefusal> for ServiceError {
    fn from(refusal: CollectionRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
