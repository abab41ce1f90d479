//! Feed links: private addresses at which a person's programs read their feed. Such an address opens the feed
//! and nothing else: it changes nothing, and doesn't say whose it is.

use chrono::{DateTime, Utc};

use super::account::TokenName;
use super::choice::choice;
use super::ids::UserId;
use super::secret::{SecretHash, WebSecret};

/// How many of them one person may have.
pub const MOST_FEED_LINKS: u8 = 20;
/// How many posts such a feed has.
pub const LINKED_POSTS: usize = 50;

/// The number of a feed link. It opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeedLinkId(pub i64);

choice! {
    /// How a feed is written, by the ending of its address.
    FeedFormat {
        /// Atom (RFC 4287).
        Atom = "atom",
        /// RSS 2.0.
        Rss = "rss",
        /// JSON Feed 1.1.
        Json = "json",
    }
}

impl FeedFormat {
    /// The path at which somebody with this secret reads their feed.
    pub fn path(self, secret: &WebSecret) -> String {
        format!("/feeds/{}.{}", secret.text(), self.as_str())
    }

    /// The secret and the format that the last part of such a path names; `None` if that can't be one.
    pub fn parse_file(file: &str) -> Option<(WebSecret, Self)> {
        let (secret, format) = file.split_once('.')?;
        Some((WebSecret::parse(secret)?, Self::parse(format)?))
    }
}

/// A feed link to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeedLink {
    /// What is stored of its secret.
    pub hash: SecretHash,
    /// Whose feed it opens.
    pub user: UserId,
    /// What they call it.
    pub name: TokenName,
}

/// A feed link as its owner sees it after it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedLink {
    /// Its number.
    pub id: FeedLinkId,
    /// Whose feed it opens.
    pub user: UserId,
    /// What they call it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The beginning of the day (UTC) on which it was last used.
    pub used_on: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_path_is_read_back(bytes: [u8; 32], format in prop::sample::select(FeedFormat::ALL)) {
            let secret = WebSecret::new(bytes);
            let path = format.path(&secret);
            let file = path.strip_prefix("/feeds/").unwrap();
            prop_assert_eq!(FeedFormat::parse_file(file), Some((secret, format)));
        }

        #[test]
        fn nothing_else_is_one(file in "\\PC{0,60}|[A-Za-z0-9_-]{42,44}\\.(atom|rss|json|ATOM|atom.rss)?") {
            if let Some((secret, format)) = FeedFormat::parse_file(&file) {
                prop_assert_eq!(format.path(&secret), format!("/feeds/{file}"));
            }
        }
    }
}
