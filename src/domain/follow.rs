//! What a channel follow is: its pair, its state, and how it delivers.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{ChannelId, GuildId, UserId, WebhookId};
use super::place::Spot;
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
pub struct Pair {
    /// The channel that is followed.
    pub source: ChannelId,
    /// The channel that receives.
    pub target: ChannelId,
}

/// A named choice that people write in a command and the database keeps as text.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Every value, in the order in which people see them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it, in commands and in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// The value that this word stands for.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

choice! {
    /// How posts get from the source to the target.
    Delivery {
        /// Discord's own channel following copies published messages itself.
        Native = "native",
        /// The bot copies, through a webhook that it owns in the target.
        Relay = "relay",
    }
}

choice! {
    /// Which posts a follow lets through.
    Mode {
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
    Threads {
        /// Nothing.
        None = "none",
        /// What each thread begins with; a forum's posts.
        Starter = "starter",
        /// That, and all that is posted in them.
        All = "all",
    }
}

choice! {
    /// Who may follow a channel from other servers.
    Audience {
        /// Nobody; for an announcement channel that everyone in its server sees, Discord's own rule stands.
        Nobody = "nobody",
        /// Other servers' channels.
        Servers = "servers",
        /// Other servers' channels, and followers beyond Discord once there are such.
        Everyone = "everyone",
    }
}

choice! {
    /// Why a follow stopped delivering without anyone having paused it.
    #[derive(PartialOrd, Ord)]
    BrokenReason {
        /// The source channel was deleted.
        SourceDeleted = "source_deleted",
        /// The target channel was deleted.
        TargetDeleted = "target_deleted",
        /// The bot is no longer in the source's server.
        SourceServerLeft = "source_server_left",
        /// The bot is no longer in the target's server.
        TargetServerLeft = "target_server_left",
        /// The webhook in the target was deleted.
        WebhookDeleted = "webhook_deleted",
        /// The webhook was moved to another channel.
        WebhookMoved = "webhook_moved",
        /// Discord refuses to let the bot write in the target.
        TargetForbidden = "target_forbidden",
        /// The target is a thread that is locked.
        ThreadLocked = "thread_locked",
        /// The bot is timed out in the target's server.
        BotTimedOut = "bot_timed_out",
        /// The target's server demands two-factor authentication, and the application's owner has none.
        TwoFactor = "two_factor",
        /// There is no room for a webhook in the target, or in its server.
        TooManyWebhooks = "too_many_webhooks",
        /// The bot can no longer read the source.
        SourceForbidden = "source_forbidden",
        /// The source's server no longer lets other servers follow it.
        Unpublished = "unpublished",
        /// What is posted in the target is copied back into the source by somebody else.
        Circle = "circle",
    }
}

impl BrokenReason {
    /// What happened, and what a moderator can do about it.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::SourceDeleted => "The followed channel was deleted. Remove this follow.",
            Self::TargetDeleted => "The receiving channel was deleted. Remove this follow.",
            Self::SourceServerLeft => {
                "I am no longer in the followed channel's server. Invite me there again within a week, then resume this follow."
            }
            Self::TargetServerLeft => "I was removed from this server. Resume this follow to start it again.",
            Self::WebhookDeleted => {
                "The webhook that posts here was deleted. Give me Manage Webhooks if I lack it, then resume this follow, and I make a new one."
            }
            Self::WebhookMoved => {
                "The webhook that posts here was moved to another channel. Give me Manage Webhooks if I lack it, then resume this follow, and I make a new one."
            }
            Self::TargetForbidden => {
                "Discord does not let me post here any more, or see what I posted. Give me View Channel, Read Message History and Manage Webhooks, and unlock it if it is a locked thread; then resume this follow."
            }
            Self::ThreadLocked => {
                "The receiving thread is locked. Unlock it, or give me Manage Threads there, then resume this follow."
            }
            Self::BotTimedOut => {
                "I am timed out in the receiving channel's server, so I may only read there. End my timeout or wait until it is over, then resume this follow."
            }
            Self::TwoFactor => {
                "The receiving channel's server requires two-factor authentication for moderation, and the owner of my application hasn't enabled it, so Discord does not let me manage webhooks or threads there. Ask them to enable it for their account, or lift the server's requirement, then resume this follow."
            }
            Self::TooManyWebhooks => {
                "The webhook that posts in the receiving channel is gone, and Discord allows no new one: a channel may have 15 webhooks, and a server 1,000. Delete one that nobody needs, then resume this follow."
            }
            Self::SourceForbidden => {
                "I can no longer read the followed channel. Give me View Channel and Read Message History there, then resume this follow."
            }
            Self::Unpublished => {
                "The followed channel is no longer open to other servers. Ask its admins to `/publish` it, then resume this follow."
            }
            Self::Circle => {
                "Another bot or a webhook copies what I post in the receiving channel back into the followed channel, so the same message came round again and again. Stop that copying, then resume this follow, or remove it."
            }
        }
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

/// What a person chooses for a follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowOptions {
    /// How posts get to the target.
    pub delivery: Delivery,
    /// Which posts are let through, by tag.
    pub filter: Filter,
    /// What of the source's threads is let through.
    pub threads: Threads,
    /// Whether the source's panels are mirrored too.
    pub panels: bool,
}

/// A mode with the tags that it needs: `except` and `only` can't exist without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Everything.
    All,
    /// Everything but these.
    Except(TagSet),
    /// Only these.
    Only(TagSet),
}

impl Filter {
    /// The filter of a mode and its tags; `None` where `except` or `only` has no tag. `all` ignores tags.
    pub fn new(mode: Mode, tags: Option<TagSet>) -> Option<Self> {
        match mode {
            Mode::All => Some(Self::All),
            Mode::Except => tags.map(Self::Except),
            Mode::Only => tags.map(Self::Only),
        }
    }

    /// The mode alone.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::All => Mode::All,
            Self::Except(_) => Mode::Except,
            Self::Only(_) => Mode::Only,
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

    /// The same of something of which only these tags are known, and hashtags may follow: `None` where those decide it.
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
    pub pair: Pair,
    /// The target's server.
    pub guild: GuildId,
    /// The source's server.
    pub source_guild: GuildId,
    /// The channel of a source that is a thread.
    pub source_parent: Option<ChannelId>,
    /// What the target is.
    pub spot: Spot,
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
}

/// A follow that is about to be stored, active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFollow {
    /// Source and target.
    pub pair: Pair,
    /// The target's server.
    pub guild: GuildId,
    /// The source's server.
    pub source_guild: GuildId,
    /// The channel of a source that is a thread.
    pub source_parent: Option<ChannelId>,
    /// What the target is.
    pub spot: Spot,
    /// What was chosen for it.
    pub options: FollowOptions,
    /// Who sets it up.
    pub created_by: UserId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for reason in BrokenReason::ALL {
            assert_eq!(BrokenReason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(Mode::parse("All"), None);
    }

    #[test]
    fn except_and_only_need_a_tag() {
        let tags = TagSet::new(Tag::hashtag("news"));
        assert_eq!(Filter::new(Mode::Only, None), None);
        assert_eq!(Filter::new(Mode::Except, None), None);
        assert_eq!(Filter::new(Mode::All, tags.clone()), Some(Filter::All));
        assert_eq!(Filter::new(Mode::Only, tags.clone()), tags.map(Filter::Only));
    }
}
