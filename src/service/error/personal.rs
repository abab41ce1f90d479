//! Refusals around personal follows.

use chrono::{DateTime, Utc};

use crate::domain::personal::{MOST_FOLLOWED, MOST_REQUESTS, PersonalFilterError};

use super::{Refusal, ServiceError};

/// A rule about personal follows and feeds that forbids a use case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonalRefusal {
    /// Follower and followed are the same person.
    #[error("You can't follow yourself.")]
    Oneself,
    /// There is such a follow.
    #[error("You are already following this person.")]
    AlreadyFollowing,
    /// There is no such follow.
    #[error("You aren't following that.")]
    NotFollowing,
    /// Nobody has that id, or a bot does, or they are gone.
    #[error("I can't find that person.")]
    UnknownUser,
    /// They don't want to be followed, by anybody or by this person, or the operator doesn't want it.
    #[error("This person can't be followed.")]
    NotFollowable,
    /// That person doesn't follow the one who asks.
    #[error("That person doesn't follow you.")]
    NotFollower,
    /// The person follows as many as anybody may.
    #[error("You already follow {MOST_FOLLOWED} people, channels and collections, the maximum.")]
    Full,
    /// The person has asked as many people as one may.
    #[error(
        "You have asked {MOST_REQUESTS} people already. Take a request back before you ask somebody else."
    )]
    AskedTooMany,
    /// Nobody with this id asks to follow the person.
    #[error("That person isn't asking to follow you, or not any more.")]
    NotAsked,
    /// The mode and the tags don't go together.
    #[error("These tags don't go with this mode: {0}.")]
    Filter(#[from] PersonalFilterError),
    /// They don't show how many follow them, or how many they follow.
    #[error("This person keeps that private.")]
    CountsHidden,
    /// Too many people were looked up who don't exist.
    #[error("You looked for a lot of people whom I can't find. Please try again <t:{}:R>.", .0.timestamp())]
    TooManyUnknown(DateTime<Utc>),
    /// No such activity is in the feed.
    #[error("I can't find that post in your feed.")]
    UnknownActivity,
    /// A command takes one person or one channel, and got none or both.
    #[error("Choose a `member` or a `channel`.")]
    ChooseOne,
}

impl From<PersonalRefusal> for ServiceError {
    fn from(refusal: PersonalRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
