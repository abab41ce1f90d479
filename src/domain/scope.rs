//! What an API token may be used for. A scope never gives a right that its owner doesn't have: it is checked
//! before, and Discord's permissions after.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::choice::choice;

choice! {
    /// One thing that a token may be used for.
    #[derive(PartialOrd, Ord)]
    TokenScope {
        /// To read what its owner follows.
        FollowsRead = "follows:read",
        /// To change that.
        FollowsWrite = "follows:write",
        /// To read its owner's feed, and to mark it as read.
        FeedRead = "feed:read",
        /// To read what servers follow, and what became of messages there.
        ServersRead = "servers:read",
        /// To change what servers follow.
        ServersWrite = "servers:write",
        /// To make, change and delete panels.
        PanelsWrite = "panels:write",
        /// To read how the bot itself fares; only of use to its operators.
        OperatorRead = "operator:read",
    }
}

/// A text that isn't a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope")]
pub struct UnknownScope;

impl TokenScope {
    /// What it allows, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::FollowsRead => "Read what you follow",
            Self::FollowsWrite => "Change what you follow",
            Self::FeedRead => "Read your feed",
            Self::ServersRead => "Read what your servers follow, and what became of messages there",
            Self::ServersWrite => "Change what your servers follow, where you may",
            Self::PanelsWrite => "Make, change and delete panels, where you may",
            Self::OperatorRead => "Read how the bot itself fares, if you run it",
        }
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of a token. As text: their names, separated by spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<TokenScope>);

impl ScopeSet {
    /// Whether this scope is among them.
    pub fn contains(&self, scope: TokenScope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order of [`TokenScope::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = TokenScope> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<TokenScope> for ScopeSet {
    fn from_iter<T: IntoIterator<Item = TokenScope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for ScopeSet {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split_ascii_whitespace().map(|word| TokenScope::parse(word).ok_or(UnknownScope)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_is_read_back(bits in 0_usize..128) {
            let all = TokenScope::ALL.iter().copied().enumerate();
            let set: ScopeSet = all.filter(|(at, _)| bits >> at & 1 == 1).map(|(_, scope)| scope).collect();
            prop_assert_eq!(set.to_string().parse(), Ok(set.clone()));
            prop_assert_eq!(set.is_empty(), bits == 0);
            for (at, scope) in TokenScope::ALL.iter().copied().enumerate() {
                prop_assert_eq!(set.contains(scope), bits >> at & 1 == 1);
            }
        }
    }

    #[test]
    fn others_are_refused() {
        for text in ["follows", "follows:read,servers:read", "FOLLOWS:READ", "follows:read admin"] {
            assert_eq!(text.parse::<ScopeSet>(), Err(UnknownScope), "{text}");
        }
    }
}
