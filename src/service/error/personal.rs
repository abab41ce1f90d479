//! Refusals around personal follows.

use chrono::{DateTime, Utc};

use crate::domain::feed_link::MOST_FEED_LINKS;
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
    /// The person has as many private addresses of their feed as one may.
    #[error(
        "You already have {MOST_FEED_LINKS} addresses of your feed. Revoke one that you don't need any more."
    )]
    TooManyFeedLinks,
    /// The name of an address can't be one.
    #[error("A name has 1 to 50 visible characters.")]
    FeedLinkName,
    /// Discord doesn't let the bot write to the person.
    #[error(
        "Discord doesn't let me send you direct messages. Allow them in the privacy settings of a server that we share, or unblock me, and try again."
    )]
    DirectMessagesClosed,
    /// The person set up their digest too often.
    #[error("You changed your digest a lot, and each time I send you one. Please try again <t:{}:R>.", .0.timestamp())]
    TooManyDigestTrials(DateTime<Utc>),
    /// A time zone that nobody knows.
    #[error(
        "I don't know that time zone. Write it like `Europe/Berlin`; the command suggests some as you type."
    )]
    UnknownTimeZone,
    /// A command takes one person or one channel, and got none or both.
    #[error("Choose a `member` or a `channel`.")]
    ChooseOne,
}

impl From<PersonalRefusal> for ServiceError {
    fn from(refusal: PersonalRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
