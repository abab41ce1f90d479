//! OAuth2: what people let the application know of them, and the codes and tokens that stand for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::ids::UserId;

/// Something that an application may be allowed to know or do for a person. Discord has more scopes; those
/// here are the ones that it gives to any application, and whose answers the sandbox knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OAuthScope {
    Email,
    Guilds,
    GuildsMembersRead,
    Identify,
}

impl OAuthScope {
    /// All scopes, in the order of their names.
    pub(crate) const ALL: [Self; 4] = [Self::Email, Self::Guilds, Self::GuildsMembersRead, Self::Identify];

    /// Discord's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Guilds => "guilds",
            Self::GuildsMembersRead => "guilds.members.read",
            Self::Identify => "identify",
        }
    }

    /// What it allows, in words for the person who is asked.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Email => "See your email address",
            Self::Guilds => "See which servers you’re in",
            Self::GuildsMembersRead => "See your nickname and roles in your servers",
            Self::Identify => "See your name and avatar",
        }
    }

    /// Reads a list as `scope` holds it: names with spaces between them. `None` if a name is unknown, or if
    /// there is none.
    pub(crate) fn read_list(text: &str) -> Option<BTreeSet<Self>> {
        let named = |name: &str| Self::ALL.into_iter().find(|scope| scope.name() == name);
        let scopes: Option<BTreeSet<Self>> = text.split_ascii_whitespace().map(named).collect();
        scopes.filter(|scopes| !scopes.is_empty())
    }

    /// A list as Discord answers it: in an order of its own, not in the one that was asked for.
    pub(crate) fn write_list(scopes: &BTreeSet<Self>) -> String {
        scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
    }
}

/// What a link to the authorization page asks for, checked.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) redirect_uri: String,
    pub(crate) scopes: BTreeSet<OAuthScope>,
    pub(crate) state: Option<String>,
    /// The S256 challenge of PKCE.
    pub(crate) challenge: Option<String>,
    /// `prompt=none`: no page for people who have authorized these scopes before.
    pub(crate) silent: bool,
}

/// An authorization code, until it is exchanged.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationCode {
    pub(crate) user: UserId,
    pub(crate) scopes: BTreeSet<OAuthScope>,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
    pub(crate) at: Instant,
}

/// An access token and its refresh token.
#[derive(Clone, Debug)]
pub(crate) struct OAuthTokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) user: UserId,
    pub(crate) scopes: BTreeSet<OAuthScope>,
    /// When the access token ends. The refresh token has no end.
    pub(crate) expires: DateTime<Utc>,
}

/// Everything that people have authorized.
#[derive(Debug, Default)]
pub(crate) struct Authorizations {
    /// What each person has authorized so far, and not taken back.
    pub(crate) scopes: BTreeMap<UserId, BTreeSet<OAuthScope>>,
    pub(crate) codes: HashMap<String, AuthorizationCode>,
    pub(crate) tokens: Vec<OAuthTokens>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_written() {
        let scopes = OAuthScope::read_list("identify guilds").expect("both are known");
        assert_eq!(OAuthScope::write_list(&scopes), "guilds identify");
        for wrong in ["", " ", "identify everything", "Identify", "identify,guilds"] {
            assert_eq!(OAuthScope::read_list(wrong), None, "{wrong:?}");
        }
    }
}
