//! What Discord answers about channels, servers, members and webhooks, as far as Tributary looks at it.
//! Unknown fields are ignored, so that an addition of Discord's breaks nothing. Messages have a file of their
//! own.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

mod application;
mod embed;
mod guild;
pub(super) mod lenient;
mod message;

pub use self::application::{ApplicationInfo, GatewayBot, SessionStartLimit};
pub use self::guild::{Guild, GuildCounts, OwnGuild};
pub use self::message::{
    Attachment, AuthorMember, MentionedUser, Message, MessageEmbed, MessageReference, Referenced,
    StickerItem, TextSound,
};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ApplicationId, ChannelId, GuildId, MessageId, RoleId, TagId, UserId, WebhookId};
use crate::domain::permissions::{Overwrite, OverwriteFor, Permissions};
use crate::domain::personal::avatar_link;

/// A channel or a thread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What it is.
    #[serde(rename = "type", deserialize_with = "kind")]
    pub kind: ChannelKind,
    /// Its server; none for direct messages.
    #[serde(default)]
    pub guild_id: Option<GuildId>,
    /// Its name, empty for direct messages.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The category of a channel, the channel of a thread.
    #[serde(default)]
    pub parent_id: Option<ChannelId>,
    /// What it allows and denies. A thread has none of its own.
    #[serde(default, deserialize_with = "overwrites")]
    pub permission_overwrites: Vec<Overwrite>,
    /// The newest message, which may be deleted by now; of a forum, its newest post.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub last_message_id: Option<MessageId>,
    /// The tags that a forum offers.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub available_tags: Vec<ForumTag>,
    /// The tags of a forum's post.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub applied_tags: Vec<TagId>,
    /// Discord: "Channel Flags".
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub flags: u64,
    /// Whether it is age-restricted. For a thread, its channel says so.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub nsfw: bool,
    /// What only threads have.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub thread_metadata: Option<ThreadMetadata>,
    /// How many messages a thread has besides its first one. Deleted ones don't count.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub message_count: Option<u64>,
    /// Who started a thread: a person, or a webhook.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub owner_id: Option<UserId>,
}

impl Channel {
    /// Discord: "Channel Flags", `REQUIRE_TAG`.
    const REQUIRE_TAG: u64 = 1 << 4;

    /// Whether a post of this forum must have a tag.
    pub const fn requires_tag(&self) -> bool {
        self.flags & Self::REQUIRE_TAG != 0
    }

    /// The channel of a thread; a channel's own parent is its category.
    pub fn thread_parent(&self) -> Option<ChannelId> {
        self.parent_id.filter(|_| self.kind.is_thread())
    }

    /// Whether a thread is archived.
    pub fn is_archived(&self) -> bool {
        self.thread_metadata.as_ref().is_some_and(|thread| thread.archived)
    }
}

/// A tag that a forum offers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ForumTag {
    /// Its number.
    pub id: TagId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// Whether only people who manage threads may apply it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub moderated: bool,
}

/// What only threads have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ThreadMetadata {
    /// Whether it is archived. A message wakes it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub archived: bool,
    /// Whether only moderators may wake it, or post there.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub locked: bool,
    /// When it was last archived or woken, in RFC 3339.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub archive_timestamp: Option<String>,
}

fn kind<'de, D: Deserializer<'de>>(d: D) -> Result<ChannelKind, D::Error> {
    let number = u64::deserialize(d)?;
    Ok(u8::try_from(number).map_or(ChannelKind::Unknown(u8::MAX), ChannelKind::from_number))
}

/// An overwrite as Discord writes it. Its id is a role's or a person's, by its type.
#[derive(Deserialize)]
struct RawOverwrite {
    id: serde_json::Value,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(deserialize_with = "lenient::permissions")]
    allow: Permissions,
    #[serde(deserialize_with = "lenient::permissions")]
    deny: Permissions,
}

/// One unreadable overwrite makes the channel unreadable: leaving it out could show people what they may not
/// see. Only a kind of overwrite that doesn't exist yet is left out.
fn overwrites<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Overwrite>, D::Error> {
    let raw = Option::<Vec<RawOverwrite>>::deserialize(d)?.unwrap_or_default();
    let known = raw.into_iter().filter(|overwrite| overwrite.kind <= 1);
    known
        .map(|RawOverwrite { id, kind, allow, deny }| {
            let subject = if kind == 0 {
                OverwriteFor::Role(RoleId::deserialize(id).map_err(serde::de::Error::custom)?)
            } else {
                OverwriteFor::Member(UserId::deserialize(id).map_err(serde::de::Error::custom)?)
            };
            Ok(Overwrite { subject, allow, deny })
        })
        .collect()
}

/// A person or a bot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The unique name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub username: String,
    /// The name that is shown, where it differs.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub global_name: Option<String>,
    /// The hash of the avatar.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub avatar: Option<String>,
    /// Whether it is a bot, or a webhook.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub bot: bool,
}

impl User {
    /// The name that is shown.
    pub fn display_name(&self) -> &str {
        self.global_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.username)
    }

    /// The address of the avatar, if there is one.
    pub fn avatar_url(&self) -> Option<String> {
        self.avatar.as_deref().map(|hash| avatar_link(self.id, hash))
    }
}

/// The bot itself.
pub type CurrentUser = User;

/// A member of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Who it is. Left out where Discord tells it in another place.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub user: Option<User>,
    /// The roles, without `@everyone`.
    pub roles: Vec<RoleId>,
    /// The name in this server.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub nick: Option<String>,
    /// The hash of the avatar in this server.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub avatar: Option<String>,
    /// Until when they may only read. May be in the past.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub communication_disabled_until: Option<DateTime<Utc>>,
}

/// What a webhook is. Discord: "Webhook Types".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookKind {
    /// One that posts what it is told (1).
    Incoming,
    /// One through which Discord itself copies what an announcement channel publishes (2).
    ChannelFollower,
    /// An application's own, for interactions (3), or something that Discord added later.
    Other(u8),
}

impl<'de> Deserialize<'de> for WebhookKind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match u8::deserialize(d)? {
            1 => Self::Incoming,
            2 => Self::ChannelFollower,
            other => Self::Other(other),
        })
    }
}

/// A webhook.
#[derive(Clone, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: WebhookKind,
    /// Where it posts.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Its server.
    #[serde(default)]
    pub guild_id: Option<GuildId>,
    /// The application that made it, if one did.
    #[serde(default)]
    pub application_id: Option<ApplicationId>,
    /// The name it posts with.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: Option<String>,
    /// The token that it takes to call it. Only incoming webhooks of this application have one.
    #[serde(default, deserialize_with = "secret")]
    pub token: Option<SecretString>,
    /// The server that a channel follower copies from. Missing when its maker has lost access to it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub source_guild: Option<SourceGuild>,
    /// The channel that it copies from. Missing in the same case.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub source_channel: Option<SourceChannel>,
}

impl fmt::Debug for Webhook {
    /// Without the token, whatever its type prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("channel_id", &self.channel_id)
            .field("guild_id", &self.guild_id)
            .field("application_id", &self.application_id)
            .field("source_guild", &self.source_guild)
            .field("source_channel", &self.source_channel)
            .finish_non_exhaustive()
    }
}

fn secret<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(d)?.map(SecretString::from))
}

/// Where a channel follower copies from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SourceGuild {
    /// The server.
    pub id: GuildId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
}

/// What a channel follower copies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SourceChannel {
    /// The channel.
    pub id: ChannelId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
}

/// What creating a native follow made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct FollowedChannel {
    /// The source.
    pub channel_id: ChannelId,
    /// The follower webhook in the target: deleting it ends the follow.
    pub webhook_id: WebhookId,
}

#[cfg(test)]
mod tests {
    use crate::domain::permissions::Role;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_channel_with_its_overwrites() {
        let channel: Channel = serde_json::from_value(json!({
            "id": "41", "type": 5, "guild_id": "7", "name": "news", "parent_id": null, "last_message_id": null,
            "permission_overwrites": [
                {"id": "7", "type": 0, "allow": "0", "deny": "1024"},
                {"id": "9", "type": 1, "allow": "1024", "deny": "0"},
                {"id": "9", "type": 2, "allow": "1024", "deny": "0"},
            ],
            "a_field_of_next_year": {},
        }))
        .unwrap();
        assert_eq!(channel.kind, ChannelKind::Announcement);
        assert_eq!(channel.permission_overwrites.len(), 2);
        assert_eq!(channel.permission_overwrites[0].deny, Permissions::VIEW_CHANNEL);
        let bad = json!({"id": "41", "type": 0, "permission_overwrites": [{"id": "7", "type": 0, "allow": "x", "deny": "0"}]});
        assert!(serde_json::from_value::<Channel>(bad).is_err(), "a lost overwrite could open a channel");
        let new = json!({"id": "41", "type": 1000});
        assert_eq!(serde_json::from_value::<Channel>(new).unwrap().kind, ChannelKind::Unknown(255));
    }

    #[test]
    fn reads_a_server_with_its_roles() {
        let read = |more: serde_json::Value| {
            let mut guild = json!({"id": "7", "owner_id": "4", "roles": [
                {"id": "7", "name": "@everyone", "permissions": "1024"}, {"id": "8", "permissions": "0"},
            ]});
            guild.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Guild>(guild)
        };
        let guild = read(json!({"name": "s", "premium_tier": 2})).unwrap();
        let everyone = RoleId::new(7).unwrap();
        assert_eq!(guild.roles[0], Role { id: everyone, permissions: Permissions::VIEW_CHANNEL });
        assert_eq!(guild.role_names[&everyone], "@everyone");
        assert_eq!((guild.role_names.len(), guild.premium_tier), (2, 2));
        assert_eq!(read(json!({"name": null, "premium_tier": "odd"})).unwrap().premium_tier, 0);
        assert_eq!(read(json!({})).unwrap().premium_tier, 0);
        assert!(read(json!({"roles": [{"id": "7", "permissions": "x"}]})).is_err());
    }

    #[test]
    fn a_webhook_keeps_its_token_to_itself() {
        let webhook: Webhook = serde_json::from_value(json!({
            "id": "5", "type": 1, "channel_id": "41", "name": "Tributary", "application_id": null, "token": "s3cret-token",
        }))
        .unwrap();
        assert!(webhook.token.is_some());
        assert!(!format!("{webhook:?}").contains("s3cret"));
    }
}
