//! The words of the audit. Each change of a channel's follow, of what is published, of a panel, of a
//! collection or of which servers are blocked is recorded in the transaction that makes it. So are signing in
//! and out, and making and revoking tokens. Personal follows, mutes, blocks between people and what
//! `/feed privacy` changes aren't recorded: they concern nobody but the people themselves.
//!
//! What is recorded are ids, words and numbers: no text that somebody wrote (but the tags of a follow), no
//! webhook and no token.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::account::{ApiTokenId, WebSessionId};
use super::choice::choice;
use super::feed_link::FeedLinkId;
use super::follow::{Follow, FollowId, FollowOptions};
use super::ids::{ChannelId, GuildId, UserId};
use super::panel::PanelId;
use super::personal::CollectionId;
use super::tags::Tag;

/// The way in which a person acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// A command, a button or a form in Discord.
    Command,
    /// A page of the web.
    Web,
    /// A program, with this token of theirs.
    Api(ApiTokenId),
}

impl Via {
    /// The word for it in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Web => "web",
            Self::Api(_) => "api",
        }
    }
}

/// Who makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// The bot itself, or its operator.
    System,
    /// A person, who changes something of their own that concerns no server.
    Oneself {
        /// Who.
        user: UserId,
        /// In which way.
        via: Via,
    },
    /// A person, for a server.
    Person {
        /// Who.
        user: UserId,
        /// The server for which they act.
        guild: GuildId,
        /// In which way.
        via: Via,
    },
}

impl ChangedBy {
    /// The change is made at this time.
    pub const fn at(self, at: DateTime<Utc>) -> ChangeStamp {
        ChangeStamp { by: self, at }
    }

    /// The person; `None` for the system.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::System => None,
            Self::Oneself { user, .. } | Self::Person { user, .. } => Some(user),
        }
    }

    /// The server for which a person acts.
    pub const fn guild(self) -> Option<GuildId> {
        match self {
            Self::System | Self::Oneself { .. } => None,
            Self::Person { guild, .. } => Some(guild),
        }
    }

    /// What another server may know of it: that server doesn't learn who it was.
    #[must_use]
    pub fn as_seen_in(self, server: Option<GuildId>) -> Self {
        match self {
            Self::Person { guild, .. } if server.is_some_and(|server| server != guild) => Self::System,
            by => by,
        }
    }
}

/// Who makes a change, and when. Nothing that the audit covers changes without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeStamp {
    /// Who.
    pub by: ChangedBy,
    /// When.
    pub at: DateTime<Utc>,
}

choice! {
    /// What was done.
    AuditAction {
        /// A follow was made; its detail says whether it waits for approval.
        FollowCreated = "follow_created",
        /// Options of a follow changed, or somebody confirmed what it makes public.
        FollowChanged = "follow_changed",
        /// A follow was paused.
        FollowPaused = "follow_paused",
        /// A paused or broken follow became active.
        FollowResumed = "follow_resumed",
        /// A follow was sent back to wait until its source's moderators approve it.
        FollowWaits = "follow_waits",
        /// A follow broke.
        FollowBroken = "follow_broken",
        /// A waiting follow was approved, and is active.
        FollowApproved = "follow_approved",
        /// A waiting follow was declined.
        FollowDeclined = "follow_declined",
        /// A follow was removed.
        FollowRemoved = "follow_removed",
        /// The followed side ended follows of other servers, all at once.
        FollowersEnded = "followers_ended",
        /// Who may follow a channel, whether they are approved, or where that is announced.
        PublicationChanged = "publication_changed",
        /// A server was blocked: by another, or by the operator.
        ServerBlocked = "server_blocked",
        /// A server was unblocked.
        ServerUnblocked = "server_unblocked",
        /// A panel was created.
        PanelCreated = "panel_created",
        /// A panel's title, configuration or interval changed.
        PanelChanged = "panel_changed",
        /// A panel was moved: it is another one now.
        PanelMoved = "panel_moved",
        /// An inactive panel became active.
        PanelResumed = "panel_resumed",
        /// A panel became inactive.
        PanelStopped = "panel_stopped",
        /// A panel was removed.
        PanelRemoved = "panel_removed",
        /// A collection was made.
        CollectionCreated = "collection_created",
        /// A collection's name, description or openness changed.
        CollectionChanged = "collection_changed",
        /// A collection was deleted, and with it everybody's follows of it.
        CollectionDeleted = "collection_deleted",
        /// A channel was added to a collection.
        CollectionChannelAdded = "collection_channel_added",
        /// A channel was removed from a collection, or doesn't exist any more.
        CollectionChannelRemoved = "collection_channel_removed",
        /// A channel began to follow a collection.
        CollectionFollowed = "collection_followed",
        /// A channel doesn't follow a collection any more.
        CollectionUnfollowed = "collection_unfollowed",
        /// Somebody signed in at the web pages; its detail says how, and with which kind of browser.
        SignedIn = "signed_in",
        /// A session was ended.
        SignedOut = "signed_out",
        /// Somebody made a token; its detail says for what.
        TokenCreated = "token_created",
        /// A token was revoked.
        TokenRevoked = "token_revoked",
        /// Somebody made a private address for their feed.
        FeedLinkCreated = "feed_link_created",
        /// Such an address was revoked.
        FeedLinkRevoked = "feed_link_revoked",
    }
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditSubject {
    /// A follow.
    Follow(FollowId),
    /// A channel.
    Channel(ChannelId),
    /// A panel.
    Panel(PanelId),
    /// A server.
    Server(GuildId),
    /// A session at the web pages.
    Session(WebSessionId),
    /// A token.
    Token(ApiTokenId),
    /// A collection.
    Collection(CollectionId),
    /// A private address of a feed.
    FeedLink(FeedLinkId),
}

impl AuditSubject {
    /// Its kind and its number, as the database keeps them.
    pub const fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Follow(id) => ("follow", id.0),
            Self::Channel(id) => ("channel", id.to_db()),
            Self::Panel(id) => ("panel", id.0),
            Self::Server(id) => ("server", id.to_db()),
            Self::Session(id) => ("session", id.0),
            Self::Token(id) => ("token", id.0),
            Self::Collection(id) => ("collection", id.0),
            Self::FeedLink(id) => ("feed_link", id.0),
        }
    }

    /// The subject that these stand for.
    pub fn from_parts(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "follow" => Some(Self::Follow(FollowId(id))),
            "channel" => ChannelId::from_db(id).ok().map(Self::Channel),
            "panel" => Some(Self::Panel(PanelId(id))),
            "server" => GuildId::from_db(id).ok().map(Self::Server),
            "session" => Some(Self::Session(WebSessionId(id))),
            "token" => Some(Self::Token(ApiTokenId(id))),
            "collection" => Some(Self::Collection(CollectionId(id))),
            "feed_link" => Some(Self::FeedLink(FeedLinkId(id))),
            _ => None,
        }
    }
}

/// A change, as one server's audit records it. Who made it is known to the transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// In whose audit; `None` for what the operator changes, and for what somebody changes of their own.
    pub guild: Option<GuildId>,
    /// What was done.
    pub action: AuditAction,
    /// What was changed.
    pub subject: AuditSubject,
    /// A JSON object: from what to what. Discord's ids are texts.
    pub detail: Value,
}

/// A recorded change.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its number: a later record has a higher one.
    pub id: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Who made it; `None` for the system, and for a person who was forgotten.
    pub actor: Option<UserId>,
    /// In which way that person acted; `None` for the system.
    pub via: Option<Via>,
    /// What changed.
    pub entry: AuditEntry,
}

/// A change of a follow, in the audit of its target's server. If somebody acted for its source's server, it
/// is in the audit of that server, too, without the other's channel.
pub fn follow_entries(
    by: ChangedBy,
    follow: &Follow,
    action: AuditAction,
    detail: &Value,
) -> Vec<AuditEntry> {
    let entry = |guild: GuildId, other: (&str, String)| {
        let mut all = Map::from_iter([("source".to_owned(), json!(follow.pair.source))]);
        all.insert(other.0.to_owned(), Value::String(other.1));
        if let Value::Object(detail) = detail {
            all.extend(detail.clone());
        }
        AuditEntry {
            guild: Some(guild),
            action,
            subject: AuditSubject::Follow(follow.id),
            detail: Value::Object(all),
        }
    };
    let mut entries = vec![entry(follow.guild, ("target", follow.pair.target.to_string()))];
    if follow.crosses_servers() && by.guild() == Some(follow.source_guild) {
        entries.push(entry(follow.source_guild, ("server", follow.guild.to_string())));
    }
    entries
}

/// A change that somebody makes of something of their own.
pub const fn own_entry(action: AuditAction, subject: AuditSubject, detail: Value) -> AuditEntry {
    AuditEntry { guild: None, action, subject, detail }
}

/// The options of a follow.
pub fn options_detail(options: &FollowOptions) -> Value {
    let tags: Vec<String> = options.filter.tags().iter().map(Tag::key).collect();
    json!({
        "delivery": options.delivery.as_str(),
        "mode": options.filter.mode().as_str(),
        "tags": tags,
        "threads": options.threads.as_str(),
        "panels": options.panels,
    })
}

/// Those members in which two JSON objects differ: each as `[before, now]`.
pub fn differences(before: &Value, now: &Value) -> Value {
    let (Value::Object(before), Value::Object(now)) = (before, now) else { return json!({}) };
    let changed = now.iter().filter_map(|(name, value)| {
        let former = before.get(name).unwrap_or(&Value::Null);
        (former != value).then(|| (name.clone(), json!([former, value])))
    });
    Value::Object(changed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::follow::tests::follow;

    fn guild(id: u64) -> GuildId {
        GuildId::new(id).unwrap()
    }

    fn person(server: u64) -> ChangedBy {
        ChangedBy::Person { user: UserId::new(1).unwrap(), guild: guild(server), via: Via::Command }
    }

    #[test]
    fn words_are_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
        }
        for subject in [
            AuditSubject::Follow(FollowId(7)),
            AuditSubject::Channel(ChannelId::new(7).unwrap()),
            AuditSubject::Panel(PanelId(7)),
            AuditSubject::Server(guild(7)),
            AuditSubject::Session(WebSessionId(7)),
            AuditSubject::Token(ApiTokenId(7)),
            AuditSubject::Collection(CollectionId(7)),
            AuditSubject::FeedLink(FeedLinkId(7)),
        ] {
            let (kind, id) = subject.parts();
            assert_eq!(AuditSubject::from_parts(kind, id), Some(subject));
        }
        assert_eq!(AuditSubject::from_parts("message", 7), None);
    }

    #[test]
    fn another_server_learns_neither_who_nor_which_channel() {
        let follow = follow(8, 7);
        let lists = |by: ChangedBy| {
            let entries = follow_entries(by, &follow, AuditAction::FollowBroken, &json!({ "reason": "x" }));
            let named = |entry: &AuditEntry| by.as_seen_in(entry.guild).user().is_some();
            entries.iter().map(|entry| (entry.guild, named(entry), entry.detail.clone())).collect::<Vec<_>>()
        };
        let own = json!({ "source": "10", "target": "20", "reason": "x" });
        let other = json!({ "source": "10", "server": "7", "reason": "x" });
        assert_eq!(lists(ChangedBy::System), [(Some(guild(7)), false, own.clone())]);
        assert_eq!(lists(person(7)), [(Some(guild(7)), true, own.clone())]);
        assert_eq!(lists(person(8)), [(Some(guild(7)), false, own), (Some(guild(8)), true, other)]);
    }

    #[test]
    fn only_what_differs_is_named() {
        let (before, now) = (json!({ "mode": "all", "tags": [] }), json!({ "mode": "only", "tags": [] }));
        assert_eq!(differences(&before, &now), json!({ "mode": ["all", "only"] }));
        assert_eq!(differences(&now, &now), json!({}));
    }
}
