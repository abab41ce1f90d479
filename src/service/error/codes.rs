//! What programs know a failure by. The sentence of a refusal is for people and may change; its code is part
//! of the API's contract: it never changes, and it never gets another meaning.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CollectionRefusal, ConsentRefusal, PersonalRefusal, Refusal, ServiceError};
use crate::domain::follow::FollowId;
use crate::rest::RestError;

/// What kind of failure it is: what whoever asked has to do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// What was asked for makes no sense as it is (HTTP 400).
    Invalid,
    /// The person may not do this (HTTP 403).
    Forbidden,
    /// It doesn't exist, or the person can't see it; which of the two is never told (HTTP 404).
    NotFound,
    /// It doesn't go with how things are at the moment (HTTP 409).
    Conflict,
    /// It isn't as whoever asked said that it must be (HTTP 412).
    Stale,
    /// The bot itself can't do it, until somebody changes something at Discord (HTTP 422).
    BotCannot,
    /// Too much in a span of time; [`ServiceError::retry`] says when there is room again (HTTP 429).
    TooMany,
    /// Discord failed, or answered nothing that makes sense (HTTP 502).
    DiscordFailed,
    /// It can't be done at the moment, and nobody who asks can change that (HTTP 503).
    Unavailable,
}

/// When the same may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryTime {
    /// From this time on.
    At(DateTime<Utc>),
    /// After so long.
    After(Duration),
}

impl RetryTime {
    /// In how many whole seconds that is, at least one.
    pub fn seconds(self, now: DateTime<Utc>) -> u64 {
        let wait = match self {
            Self::At(at) => (at - now).to_std().unwrap_or_default(),
            Self::After(wait) => wait,
        };
        (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
    }
}

/// A failure as programs know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailureFacts {
    /// The code, in `snake_case`. No two kinds of failure share one.
    pub code: &'static str,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// A few words for it, the same each time.
    pub title: &'static str,
}

/// Gives each case a code, and lists all codes. The match has no catch-all, so a new case needs a code.
macro_rules! codes {
    ($type:ident: $($pattern:pat => $kind:ident $code:literal $title:literal),+ $(,)? $(; of $($nested:ident),+)?) => {
        impl $type {
            /// All codes that these failures have.
            pub const CODES: &'static [FailureFacts] =
                &[$(FailureFacts { code: $code, kind: FailureKind::$kind, title: $title }),+];

            /// What programs know it by.
            pub const fn facts(&self) -> FailureFacts {
                use $type::*;
                match self {
                    $($($nested(inner) => inner.facts(),)+)?
                    $($pattern => FailureFacts { code: $code, kind: FailureKind::$kind, title: $title }),+
                }
            }

            /// The code alone.
            pub const fn code(&self) -> &'static str {
                self.facts().code
            }
        }
    };
}

codes! { Refusal:
    ServersOnly => Invalid "servers_only" "Only in servers",
    UnknownServer => NotFound "unknown_server" "Server not found",
    SelfFollow => Invalid "self_follow" "A channel can't follow itself",
    NoChannel => Invalid "no_channel" "No channel named",
    TwoChannels => Invalid "two_channels" "Two channels named",
    NotALink => Invalid "not_a_link" "Not a channel link",
    AlreadyFollowing { .. } => Conflict "already_following" "Followed already",
    NotFollowing { .. } => NotFound "not_following" "Not followed",
    NoSuchFollow(_) => NotFound "unknown_follow" "Follow not found",
    NotConfirmed(_) => Conflict "confirmation_required" "Must be confirmed",
    Paused(_) => Conflict "paused" "Follow is paused",
    TagsMissing(_) => Invalid "tags_missing" "Mode needs tags",
    TagsWithoutMode => Invalid "tags_without_mode" "Tags need a mode",
    NoSuchTag { .. } => Invalid "unknown_tag" "Forum has no such tag",
    NotAHashtag(_) => Invalid "not_a_hashtag" "Not a hashtag",
    TooManyTags => Invalid "too_many_tags" "Too many tags",
    Elsewhere => Invalid "channel_elsewhere" "Channel of another server",
    SourceKind { .. } => Invalid "source_kind" "Kind of channel can't be followed",
    TargetKind { .. } => Invalid "target_kind" "Kind of channel can't follow",
    PublishKind(_) => Invalid "publish_kind" "Kind of channel can't be published",
    NativeImpossible => Invalid "native_impossible" "Native delivery isn't possible",
    ForumThreads => Invalid "forum_threads" "A forum holds only threads",
    ThreadThreads => Invalid "thread_threads" "A thread has no threads",
    PrivateElsewhere => Forbidden "private_thread_elsewhere" "Private thread of another server",
    PersonMay { .. } => Forbidden "missing_permission" "Missing permission",
    PersonMayInServer(_) => Forbidden "missing_server_permission" "Missing permission in the server",
    PersonTimedOut(_) => Forbidden "person_timed_out" "Timed out",
    AgeRestricted { .. } => Conflict "age_restricted" "Target isn't age-restricted",
    BotMay(_) => BotCannot "bot_lacks" "The bot lacks permissions",
    BotTimedOut { .. } => BotCannot "bot_timed_out" "The bot is timed out",
    UnseenThread(_) => BotCannot "unseen_thread" "The bot can't see the thread",
    UnknownSource => NotFound "unknown_source" "Source not found",
    UnknownChannel => NotFound "unknown_channel" "Channel not found",
    UnknownMessage => NotFound "unknown_message" "Message not found",
    UnreadableMessage => Invalid "unreadable_message" "Message can't be read",
    NotPublished => Forbidden "not_published" "Channel isn't open to other servers",
    NotPublic => Forbidden "not_public" "Announcement channel isn't public",
    NotServed => Forbidden "not_served" "Server isn't served",
    TooManyInto { .. } => Conflict "too_many_into_channel" "Too many follows into the channel",
    TooManyFollowers { .. } => Conflict "too_many_followers" "Too many followers of the channel",
    TooManyInServer(_) => Conflict "too_many_in_server" "Too many follows in the server",
    TooManyWebhooks(_) => BotCannot "too_many_webhooks" "Too many webhooks in the channel",
    TooManyServerWebhooks => BotCannot "too_many_server_webhooks" "Too many webhooks in the server",
    TooManyActions(_) => TooMany "too_many_actions" "Too many changes",
    TooManyQuestions(_) => TooMany "too_many_questions" "Too many questions",
    TooManyLookups(_) => TooMany "too_many_lookups" "Too many look-ups in vain",
    QuestionTooOld => Conflict "question_too_old" "Question is too old",
    Panel(_) => Invalid "invalid_panel" "Panel can't be so",
    PanelField { .. } => Invalid "invalid_panel_field" "Panel's field can't hold that",
    PanelForbidden(_) => Forbidden "panel_forbidden" "Kind of panel isn't allowed in the server",
    UnknownPanelKind => Invalid "unknown_panel_kind" "No such kind of panel",
    PanelKind { .. } => Invalid "panel_channel_kind" "Kind of channel can't hold a panel",
    TooManyPanels { .. } => Conflict "too_many_panels" "Too many panels in the channel",
    TooManyPanelsInServer(_) => Conflict "too_many_panels_in_server" "Too many panels in the server",
    PanelTitle(_) => Invalid "panel_title" "Panel's title is empty or too long",
    PanelRefresh => Invalid "panel_refresh" "Panel's interval is out of bounds",
    NoSuchPanel => NotFound "unknown_panel" "Panel not found",
    ManyPanels => Conflict "several_panels" "Several panels have that title",
    PanelGone => NotFound "panel_gone" "Panel was deleted",
    PanelLeft => Conflict "panel_left" "Panel is no longer followed",
    PanelThere(_) => Conflict "panel_there" "Panel is there already",
    TooSlowForForm => Unavailable "too_slow" "Too slow at the moment",
    PanelBusy => Conflict "panel_busy" "Panel was changed by somebody else",
    PanelStale => Stale "panel_stale" "Panel has changed",
    PanelRight { .. } => Forbidden "panel_right" "Not allowed to change the panel",
    AlreadyPaused(_) => Conflict "already_paused" "Paused already",
    AlreadyActive(_) => Conflict "already_active" "Active already",
    Broken(..) => Conflict "broken" "Follow is broken",
    ; of Consent, Personal, Collection
}

codes! { ConsentRefusal:
    NotForThisServer => Forbidden "not_for_this_server" "Not for this server",
    StillWaits(_) => Conflict "still_waits" "Waiting for approval",
    FollowAnew(..) => Conflict "follow_anew" "Ended by the other side",
    FollowerGone => NotFound "unknown_follower" "Follower not found",
    Decided(_) => Conflict "decided_already" "Decided already",
    FollowerUnready => Conflict "follower_unready" "Follower isn't ready",
    SourceClosed(_) => Conflict "source_closed" "Channel isn't open",
    ServerBlocked => Conflict "server_blocked" "Server is blocked",
    NotBlocked => Conflict "not_blocked" "Server isn't blocked",
    NotifyKind(_) => Invalid "notify_kind" "Kind of channel can't be told",
    NotifyAndQuiet => Invalid "notify_and_quiet" "Both notify and quiet",
}

codes! { PersonalRefusal:
    Oneself => Invalid "cannot_follow_yourself" "cannot follow yourself",
    AlreadyFollowing => Conflict "already_following_user" "already following this user",
    NotFollowing => NotFound "unknown_relationship" "follow relationship not found",
    UnknownUser => NotFound "unknown_user" "user not found",
    NotFollowable => Forbidden "not_followable" "this user can't be followed",
    NotFollower => NotFound "not_a_follower" "follower not found",
    Full => Conflict "following_too_many" "Too many are followed",
    AskedTooMany => Conflict "asked_too_many" "Too many are asked",
    NotAsked => NotFound "unknown_follow_request" "follow request not found",
    Filter(_) => Invalid "invalid_filter" "Tags don't go with the mode",
    CountsHidden => Forbidden "counts_hidden" "counts are hidden",
    TooManyUnknown(_) => TooMany "too_many_unknown_users" "Too many unknown users",
    UnknownActivity => NotFound "unknown_activity" "activity not found",
    TooManyFeedLinks => Conflict "too_many_feed_links" "Too many addresses of the feed",
    FeedLinkName => Invalid "feed_link_name" "Name of the address can't be one",
    DirectMessagesClosed => BotCannot "direct_messages_closed" "Direct messages are refused",
    TooManyDigestTrials(_) => TooMany "too_many_digest_trials" "The digest was changed too often",
    UnknownTimeZone => Invalid "unknown_time_zone" "time zone not found",
    ChooseOne => Invalid "choose_one" "One person or one channel must be named",
}

codes! { CollectionRefusal:
    Unknown => NotFound "unknown_collection" "collection not found",
    NameTaken => Conflict "collection_name_taken" "Collection's name is taken",
    Name => Invalid "collection_name" "Collection's name is empty or too long",
    Description => Invalid "collection_description" "Collection's description is too long",
    TooMany => Conflict "too_many_collections" "Too many collections in the server",
    ChannelsFull => Conflict "too_many_collected" "Too many channels in the collection",
    NotCollected(_) => NotFound "not_collected" "Channel isn't in the collection",
    AlreadyFollowed(_) => Conflict "already_following_collection" "Collection is followed already",
    UnknownFollow => NotFound "unknown_collection_follow" "Collection isn't followed",
    FromCollection(_) => Conflict "from_collection" "Follow comes from a collection",
    IsFollowed => Forbidden "collection_is_followed" "Channels follow the collection",
    NoBackfill => Invalid "no_backfill" "Collections have no backfill",
    OneOfBoth => Invalid "collection_and_channel" "Both a collection and a channel named",
}

impl Refusal {
    /// The follow that is in the way, if the person may know it by its number.
    pub const fn follow(&self) -> Option<FollowId> {
        match self {
            Self::AlreadyFollowing { follow, .. } => Some(*follow),
            _ => None,
        }
    }

    /// When the same may be asked again, where that is all that it takes.
    pub const fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::TooManyActions(at)
            | Self::TooManyQuestions(at)
            | Self::TooManyLookups(at)
            | Self::PersonTimedOut(at)
            | Self::BotTimedOut { until: at, .. }
            | Self::Personal(
                PersonalRefusal::TooManyUnknown(at) | PersonalRefusal::TooManyDigestTrials(at),
            ) => Some(*at),
            _ => None,
        }
    }
}

/// The codes of failures that are nobody's refusal.
const DISCORD_FORBIDS: FailureFacts =
    FailureFacts { code: "discord_forbids", kind: FailureKind::BotCannot, title: "Discord forbids it" };
const DISCORD_MISSES: FailureFacts =
    FailureFacts { code: "discord_misses", kind: FailureKind::BotCannot, title: "Gone at Discord" };
const DISCORD_REFUSES: FailureFacts =
    FailureFacts { code: "discord_refuses", kind: FailureKind::DiscordFailed, title: "Discord refuses it" };
const DISCORD_UNREADABLE: FailureFacts = FailureFacts {
    code: "discord_unreadable",
    kind: FailureKind::DiscordFailed,
    title: "Discord's answer is unreadable",
};
const DISCORD_UNAVAILABLE: FailureFacts = FailureFacts {
    code: "discord_unavailable",
    kind: FailureKind::Unavailable,
    title: "Discord doesn't answer",
};
const DISCORD_PAUSED: FailureFacts = FailureFacts {
    code: "discord_paused",
    kind: FailureKind::Unavailable,
    title: "The bot pauses its requests",
};
const DATABASE_UNAVAILABLE: FailureFacts = FailureFacts {
    code: "database_unavailable",
    kind: FailureKind::Unavailable,
    title: "The database doesn't answer",
};

impl ServiceError {
    /// The codes of failures of Discord and of the database. What is refused has those of [`Refusal`],
    /// [`ConsentRefusal`] and [`PersonalRefusal`].
    pub const CODES: &'static [FailureFacts] = &[
        DISCORD_FORBIDS,
        DISCORD_MISSES,
        DISCORD_REFUSES,
        DISCORD_UNREADABLE,
        DISCORD_UNAVAILABLE,
        DISCORD_PAUSED,
        DATABASE_UNAVAILABLE,
    ];

    /// What programs know it by.
    pub const fn facts(&self) -> FailureFacts {
        match self {
            Self::Refused(refusal) => refusal.facts(),
            Self::Store(_) => DATABASE_UNAVAILABLE,
            Self::Discord(error) => match error {
                RestError::Forbidden(_) => DISCORD_FORBIDS,
                RestError::NotFound(_) | RestError::ServerLeft => DISCORD_MISSES,
                RestError::WebhookToken | RestError::Refused { .. } => DISCORD_REFUSES,
                RestError::Malformed => DISCORD_UNREADABLE,
                RestError::FuseOpen { .. } => DISCORD_PAUSED,
                RestError::RateLimited { .. }
                | RestError::StillLimited { .. }
                | RestError::Unauthorized
                | RestError::Server { .. }
                | RestError::Edge { .. }
                | RestError::InDoubt(_)
                | RestError::NotSent => DISCORD_UNAVAILABLE,
            },
        }
    }

    /// The code alone.
    pub const fn code(&self) -> &'static str {
        self.facts().code
    }

    /// When the same may be asked again, where that is all that it takes.
    pub const fn retry(&self) -> Option<RetryTime> {
        match self {
            Self::Refused(refusal) => match refusal.retry_at() {
                Some(at) => Some(RetryTime::At(at)),
                None => None,
            },
            Self::Discord(
                RestError::RateLimited { retry_after, .. }
                | RestError::StillLimited { retry_after, .. }
                | RestError::FuseOpen { retry_after },
            ) => Some(RetryTime::After(*retry_after)),
            Self::Discord(_) | Self::Store(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_failure_has_a_code_of_its_own() {
        let all = [
            Refusal::CODES,
            ConsentRefusal::CODES,
            PersonalRefusal::CODES,
            CollectionRefusal::CODES,
            ServiceError::CODES,
        ]
        .concat();
        let codes: BTreeSet<&str> = all.iter().map(|failure| failure.code).collect();
        assert_eq!(codes.len(), all.len(), "two failures share a code");
        let titles: BTreeSet<&str> = all.iter().map(|failure| failure.title).collect();
        assert_eq!(titles.len(), all.len(), "two failures share a title");
        for code in codes {
            let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
            assert!(code.split('_').all(is_word), "{code} isn't in snake_case");
        }
    }

    #[test]
    fn consent_is_known_by_its_own_reason() {
        let refusal = Refusal::from(ConsentRefusal::StillWaits(FollowId(1)));
        assert_eq!((refusal.code(), refusal.facts().kind), ("still_waits", FailureKind::Conflict));
        assert_eq!(ServiceError::from(refusal).code(), "still_waits");
    }

    #[test]
    fn what_is_missing_and_what_is_private_are_not_found() {
        for refusal in [Refusal::UnknownSource, Refusal::UnknownChannel, Refusal::UnknownServer] {
            assert_eq!(refusal.facts().kind, FailureKind::NotFound, "{refusal}");
        }
    }

    #[test]
    fn what_passes_says_when() {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(5);
        assert_eq!(Refusal::TooManyActions(at).retry_at(), Some(at));
        assert_eq!(Refusal::UnknownChannel.retry_at(), None);
        let limited = RestError::FuseOpen { retry_after: Duration::from_secs(300) };
        let retry = ServiceError::from(limited).retry();
        assert_eq!(retry, Some(RetryTime::After(Duration::from_secs(300))));
        assert_eq!(retry.map(|retry| retry.seconds(DateTime::UNIX_EPOCH)), Some(300));
        assert_eq!(RetryTime::At(at).seconds(DateTime::UNIX_EPOCH), 300);
        assert_eq!(RetryTime::At(DateTime::UNIX_EPOCH).seconds(at), 1);
    }
}
