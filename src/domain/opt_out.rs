//! People who don't want their messages mirrored.

use super::ids::{GuildId, InvalidId, MessageId, UserId};

/// Where somebody isn't mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OptOutScope {
    /// From sources of any server.
    Everywhere,
    /// From the sources of this server.
    Server(GuildId),
}

impl OptOutScope {
    /// As the database has it: the server's id, or 0 for all of them.
    pub const fn to_db(self) -> i64 {
        match self {
            Self::Everywhere => 0,
            Self::Server(guild) => guild.to_db(),
        }
    }

    /// The scope that the database has.
    ///
    /// # Errors
    /// If it is neither 0 nor an id.
    pub fn from_db(server: i64) -> Result<Self, InvalidId> {
        if server == 0 { Ok(Self::Everywhere) } else { GuildId::from_db(server).map(Self::Server) }
    }

    /// Whether it covers posts in this server, if the server is known.
    pub fn covers(self, server: Option<GuildId>) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Server(own) => server == Some(own),
        }
    }
}

/// A person's opt-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptOut {
    /// The person.
    pub user: UserId,
    /// Where they aren't mirrored.
    pub scope: OptOutScope,
    /// They opted in again. Messages older than this one still aren't mirrored.
    pub until: Option<MessageId>,
}

impl OptOut {
    /// Whether it keeps a message of theirs in this server, if the server is known, from being mirrored.
    pub fn withholds(&self, server: Option<GuildId>, message: MessageId) -> bool {
        self.scope.covers(server) && self.until.is_none_or(|until| message < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_covers_its_server_until_they_opt_in_again() {
        let [one, two] = [1, 2].map(|id| GuildId::new(id).unwrap());
        let message = |id| MessageId::new(id).unwrap();
        let user = UserId::new(9).unwrap();
        let opt_out = |scope, until| OptOut { user, scope, until };
        let here = opt_out(OptOutScope::Server(one), None);
        let withheld = |opt_out: OptOut, server, id| opt_out.withholds(server, message(id));
        assert!(withheld(here, Some(one), 5));
        assert!(!withheld(here, Some(two), 5) && !withheld(here, None, 5));
        let ended = opt_out(OptOutScope::Everywhere, Some(message(5)));
        assert!(withheld(ended, None, 4) && !withheld(ended, Some(one), 5));
    }
}
