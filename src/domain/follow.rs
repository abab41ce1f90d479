//! What a channel follow is: its source and target, its state, and how it delivers.

use std::fmt;

use chrono::{DateTime, Utc};

use super::choice::choice;
use super::collection_follow::CollectionFollowId;
use super::ids::{ChannelId, GuildId, UserId, WebhookId};
use super::permissions::Permissions;
use super::place::TargetKind;
use super::servers::FollowLimits;
use super::tags::{Tag, TagSet};

/// A follow's number, as people see it (`#12`) and the database keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FollowId(pub i64);

impl fmt::Display for FollowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The two ends of a follow; unique among all follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelPair {
    /// The channel that is followed.
    pub source: ChannelId,
    /// The channel that receives.
    pub target: ChannelId,
}

mod filter;
mod publication;
mod trouble;

pub use filter::{FollowFilter, FollowStateKind};
pub use publication::{Approval, Audience, Publication, PublicationChange};
pub use trouble::{BrokenReason, Exposure};

choice! {
    /// How posts get from the source to the target.
    DeliveryMethod {
        /// Discord's own channel following copies published messages itself.
        Native = "native",
        /// The bot copies, through a webhook that it owns in the target.
        Relay = "relay",
    }
}

choice! {
    /// Which posts a follow lets through.
    TagMode {
        /// Everything.
        All = "all",
        /// Everything but the posts with one of the follow's tags.
        Except = "except",
        /// Only the posts with one of the follow's tags.
        Only = "only",
    }
}

choice! {
    /// What of a source's threads a follow lets through. Private threads are never among them.
    ThreadScope {
        /// Nothing.
        None = "none",
        /// What each thread begins with; a forum's posts.
        Starter = "starter",
        /// That, and all that is posted in them.
        All = "all",
    }
}

/// Whether a follow delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FollowState {
    /// It delivers.
    Active,
    /// Somebody paused it; what is posted meanwhile is not sent later.
    Paused,
    /// It can't deliver.
    Broken(BrokenReason),
}

impl FollowState {
    /// The word for it: `active`, `paused`, or why it is broken. [`kind`](Self::kind) tells no reasons apart.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Broken(reason) => reason.as_str(),
        }
    }

    /// The state with this word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "paused" => Some(Self::Paused),
            reason => BrokenReason::parse(reason).map(Self::Broken),
        }
    }
}

/// What a person chooses for a follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowOptions {
    /// How posts get to the target.
    pub delivery: DeliveryMethod,
    /// Which posts are let through, by tag.
    pub filter: TagFilter,
    /// What of the source's threads is let through.
    pub threads: ThreadScope,
    /// Whether the source's panels are mirrored too.
    pub panels: bool,
}

/// A mode with its tags. `except` and `only` can't exist without a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagFilter {
    /// Everything.
    All,
    /// Everything but these.
    Except(TagSet),
    /// Only these.
    Only(TagSet),
}

impl TagFilter {
    /// The filter of a mode and its tags; `None` where `except` or `only` has no tag. `all` ignores tags.
    pub fn new(mode: TagMode, tags: Option<TagSet>) -> Option<Self> {
        match mode {
            TagMode::All => Some(Self::All),
            TagMode::Except => tags.map(Self::Except),
            TagMode::Only => tags.map(Self::Only),
        }
    }

    /// The mode alone.
    pub const fn mode(&self) -> TagMode {
        match self {
            Self::All => TagMode::All,
            Self::Except(_) => TagMode::Except,
            Self::Only(_) => TagMode::Only,
        }
    }

    /// Whether it lets something with these tags through.
    pub fn lets_through(&self, tags: &[Tag]) -> bool {
        let has_one = || {
            let keys: Vec<String> = tags.iter().map(Tag::key).collect();
            self.tags().iter().any(|tag| keys.contains(&tag.key()))
        };
        match self {
            Self::All => true,
            Self::Except(_) => !has_one(),
            Self::Only(_) => has_one(),
        }
    }

    /// The same for something of which only these tags are known, and which may have hashtags, too. `None`
    /// where those decide it.
    pub fn decides(&self, known: &[Tag]) -> Option<bool> {
        let lets_through = self.lets_through(known);
        let wants_hashtags = self.tags().iter().any(|tag| matches!(tag, Tag::Hashtag(_)));
        let has_one = lets_through == matches!(self, Self::Only(_));
        (!wants_hashtags || has_one).then_some(lets_through)
    }

    /// The tags in one line, as people read them.
    pub fn tag_list(&self) -> String {
        self.tags().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The tags, none under `all`.
    pub fn tags(&self) -> &[Tag] {
        self.tag_set().map_or(&[], TagSet::as_slice)
    }

    /// The tags as a set; `None` under `all`.
    pub const fn tag_set(&self) -> Option<&TagSet> {
        match self {
            Self::All => None,
            Self::Except(tags) | Self::Only(tags) => Some(tags),
        }
    }
}

/// One source–target relation, without its webhook's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Its number.
    pub id: FollowId,
    /// Source and target.
    pub pair: ChannelPair,
    /// The target's server.
    pub guild: GuildId,
    /// The source's server.
    pub source_guild: GuildId,
    /// The channel of a source that is a thread.
    pub source_parent: Option<ChannelId>,
    /// What the target is.
    pub target_kind: TargetKind,
    /// What was chosen for it.
    pub options: FollowOptions,
    /// The bot's own webhook in the target (relay).
    pub webhook: Option<WebhookId>,
    /// Discord's webhook in the target (native).
    pub follower_webhook: Option<WebhookId>,
    /// Whether it delivers.
    pub state: FollowState,
    /// Who set it up; none once that person is forgotten.
    pub created_by: Option<UserId>,
    /// When it was set up.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether it makes public what wasn't, as far as the bot has found out.
    pub exposure: Exposure,
    /// The permissions that the bot lacks for it, in the channel that its state is about. Of a broken follow,
    /// that is the reason.
    pub lacking: Permissions,
    /// Whether its source was age-restricted when it was last looked at.
    pub source_restricted: bool,
    /// Whether its source is a private thread; `None` of a thread where that isn't known yet.
    pub source_private: Option<bool>,
    /// From which collection's follow it comes; `None` if somebody made it by hand.
    pub collection_follow: Option<CollectionFollowId>,
}

impl Follow {
    /// Whether its ends are of different servers.
    pub fn crosses_servers(&self) -> bool {
        self.guild != self.source_guild
    }

    /// The channel of the source: that of a thread, or the source itself.
    pub fn source_root(&self) -> ChannelId {
        self.source_parent.unwrap_or(self.pair.source)
    }

    /// The channel of the target, which has its webhook.
    pub fn target_root(&self) -> ChannelId {
        self.target_kind.webhook_channel(self.pair.target)
    }
}

/// A follow that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFollow {
    /// Source and target.
    pub pair: ChannelPair,
    /// The target's server.
    pub guild: GuildId,
    /// The source's server.
    pub source_guild: GuildId,
    /// The channel of a source that is a thread.
    pub source_parent: Option<ChannelId>,
    /// What the target is.
    pub target_kind: TargetKind,
    /// What was chosen for it.
    pub options: FollowOptions,
    /// Who sets it up.
    pub created_by: UserId,
    /// What lets the target's server follow the source.
    pub door: Door,
    /// Whether somebody confirmed that it is meant to make public what wasn't.
    pub exposure: Exposure,
    /// Whether its source is age-restricted.
    pub source_restricted: bool,
    /// Whether its source is a private thread.
    pub source_private: bool,
    /// From which collection's follow it comes; `None` if somebody makes it by hand.
    pub collection_follow: Option<CollectionFollowId>,
    /// How many follows there may be, this one included.
    pub limits: FollowLimits,
}

/// What lets a server follow a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// It is the server's own channel.
    Own,
    /// It is an announcement channel that everybody sees. Discord itself lets all servers follow what is
    /// published there.
    Announcement,
    /// It was opened with `/publish`, and is open as long as that applies.
    Published,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An active relay follow between channels of these servers.
    pub(in crate::domain) fn follow(source_guild: u64, guild: u64) -> Follow {
        Follow {
            id: FollowId(1),
            pair: ChannelPair { source: ChannelId::new(10).unwrap(), target: ChannelId::new(20).unwrap() },
            guild: GuildId::new(guild).unwrap(),
            source_guild: GuildId::new(source_guild).unwrap(),
            source_parent: None,
            target_kind: TargetKind::Channel,
            options: FollowOptions {
                delivery: DeliveryMethod::Relay,
                filter: TagFilter::All,
                threads: ThreadScope::None,
                panels: false,
            },
            webhook: None,
            follower_webhook: None,
            state: FollowState::Active,
            created_by: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            exposure: Exposure::None,
            lacking: Permissions::empty(),
            source_restricted: false,
            source_private: None,
            collection_follow: None,
        }
    }

    #[test]
    fn words_are_read_back() {
        for reason in BrokenReason::ALL {
            assert_eq!(BrokenReason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(TagMode::parse("All"), None);
    }

    #[test]
    fn except_and_only_need_a_tag() {
        let tags = TagSet::new(Tag::hashtag("news"));
        assert_eq!(TagFilter::new(TagMode::Only, None), None);
        assert_eq!(TagFilter::new(TagMode::Except, None), None);
        assert_eq!(TagFilter::new(TagMode::All, tags.clone()), Some(TagFilter::All));
        assert_eq!(TagFilter::new(TagMode::Only, tags.clone()), tags.map(TagFilter::Only));
    }
}
