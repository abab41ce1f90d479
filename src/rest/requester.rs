//! On whose behalf a call is made.

use crate::domain::ids::{GuildId, UserId};

/// On whose behalf a call is made. A refused call counts towards its share of invalid requests, and its calls
/// stop first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requester {
    /// A server: something happens there, or is kept up for it.
    Server(GuildId),
    /// A person who does something in a server.
    Person {
        /// The person.
        user: UserId,
        /// Where they do it.
        guild: GuildId,
    },
    /// Neither: the program itself.
    Program,
}

impl Requester {
    /// The server that it counts towards.
    pub(super) const fn guild(self) -> Option<GuildId> {
        match self {
            Self::Server(guild) | Self::Person { guild, .. } => Some(guild),
            Self::Program => None,
        }
    }

    /// The person that it counts towards.
    pub(super) const fn user(self) -> Option<UserId> {
        match self {
            Self::Person { user, .. } => Some(user),
            Self::Server(_) | Self::Program => None,
        }
    }
}
