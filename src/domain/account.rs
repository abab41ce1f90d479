//! Whoever signs in at the web pages: who they are, their sessions, and their API tokens.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::choice::choice;
use super::ids::{GuildId, UserId};
use super::public_url::LocalPath;
use super::scope::ScopeSet;
use super::secret::{SecretHash, WebSecret};

/// How long a sign-in link works.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How long somebody may take at Discord's page to sign in.
pub const PENDING_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long a session lasts without being used, and at most.
pub const SESSION_IDLE: TimeDelta = TimeDelta::days(7);
/// The same, however much it is used.
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::days(30);
/// How many tokens one person may have.
pub const MOST_TOKENS: u8 = 20;
/// How many sessions one person may have; the oldest end.
pub const MOST_SESSIONS: u8 = 50;
/// How many characters a token's name may have.
pub const LONGEST_TOKEN_NAME: usize = 50;

/// A person, as far as it was told when they signed in. It decides what is shown, never what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The person.
    pub user: UserId,
    /// The name that Discord shows.
    pub name: String,
    /// Servers that they are known to be in.
    pub servers: Vec<AccountServer>,
}

/// A server of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountServer {
    /// The server.
    pub id: GuildId,
    /// Its name, if it is known.
    pub name: Option<String>,
}

impl Account {
    /// Takes over the servers of an earlier session of the same person.
    pub fn remember(&mut self, earlier: Self) {
        if earlier.user != self.user {
            return;
        }
        for server in earlier.servers {
            if !self.servers.iter().any(|known| known.id == server.id) {
                self.servers.push(server);
            }
        }
    }
}

/// A sign-in with Discord that was begun, until the browser comes back from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    /// The browser in which it was begun, by the hash of its secret.
    pub browser: SecretHash,
    /// Proves to Discord that whoever comes back is who began it (RFC 7636).
    pub verifier: WebSecret,
    /// Where to go after it.
    pub next: LocalPath,
}

/// A browser in which somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSession {
    /// Its number.
    pub id: WebSessionId,
    /// Who is signed in.
    pub account: Account,
    /// The kind of browser and its system, as far as it said.
    pub browser: String,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within an hour.
    pub seen_at: DateTime<Utc>,
}

/// The number of a session. It opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WebSessionId(pub i64);

/// The number of a token. It opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiTokenId(pub i64);

/// When a session ends that began and was last used at these times.
pub fn web_session_end(created: DateTime<Utc>, seen: DateTime<Utc>) -> DateTime<Utc> {
    (created + SESSION_LIFETIME).min(seen + SESSION_IDLE)
}

/// The name of a token: 1 to 50 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    /// Reads a name, without the spaces around it; `None` if it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_short = (1..=LONGEST_TOKEN_NAME).contains(&text.chars().count());
        (is_short && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

choice! {
    /// How long a token works.
    TokenLifetime {
        /// 30 days.
        Month = "30d",
        /// 90 days.
        Quarter = "90d",
        /// 365 days.
        Year = "365d",
        /// Until it is revoked.
        Unlimited = "never",
    }
}

impl TokenLifetime {
    /// When a token ends that is made now.
    pub fn end(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = match self {
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
            Self::Unlimited => return None,
        };
        Some(now + TimeDelta::days(days))
    }
}

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    /// What is stored of its secret.
    pub hash: SecretHash,
    /// Its owner.
    pub user: UserId,
    /// What its owner calls it.
    pub name: TokenName,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The only server in which it is good for anything; `None` for all.
    pub server: Option<GuildId>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token as its owner sees it after it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiToken {
    /// Its number.
    pub id: ApiTokenId,
    /// Its owner.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The only server in which it is good for anything; `None` for all.
    pub server: Option<GuildId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// The beginning of the day (UTC) on which it was last used.
    pub used_on: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_idle_and_in_the_end_anyway() {
        let day = |days| DateTime::UNIX_EPOCH + TimeDelta::days(days);
        assert_eq!(web_session_end(day(0), day(0)), day(7));
        assert_eq!(web_session_end(day(0), day(20)), day(27));
        assert_eq!(web_session_end(day(0), day(29)), day(30));
    }

    #[test]
    fn names_are_short_and_visible() {
        for (text, name) in [
            (" my script ", Some("my script")),
            ("ä", Some("ä")),
            ("", None),
            ("  ", None),
            ("a\nb", None),
            ("\u{7f}", None),
        ] {
            assert_eq!(TokenName::parse(text).as_ref().map(TokenName::as_str), name, "{text:?}");
        }
        assert!(TokenName::parse(&"ä".repeat(50)).is_some());
        assert!(TokenName::parse(&"ä".repeat(51)).is_none());
    }

    #[test]
    fn lifetimes_are_read_back() {
        let now = DateTime::UNIX_EPOCH;
        for lifetime in TokenLifetime::ALL.iter().copied() {
            assert_eq!(TokenLifetime::parse(lifetime.as_str()), Some(lifetime));
            let days = lifetime.end(now).map(|end| format!("{}d", (end - now).num_days()));
            assert_eq!(days.as_deref().unwrap_or("never"), lifetime.as_str());
        }
        assert_eq!(TokenLifetime::parse("1d"), None);
    }

    #[test]
    fn only_ones_own_servers_are_remembered() {
        let server = |id| AccountServer { id: GuildId::new(id).unwrap(), name: None };
        let account = |user, servers: &[u64]| Account {
            user: UserId::new(user).unwrap(),
            name: "Alice".to_owned(),
            servers: servers.iter().map(|id| server(*id)).collect(),
        };
        let mut alice = account(1, &[7]);
        alice.remember(account(1, &[8, 7]));
        alice.remember(account(2, &[9]));
        assert_eq!(alice, account(1, &[7, 8]));
    }
}
