//! Why a use case did not happen: what the person is told, or what only the operator should see.

use chrono::{DateTime, Utc};

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{BrokenReason, FollowId, Mode};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::rest::RestError;
use crate::store::StoreError;

/// A use case that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A rule forbids it; nothing was changed. The text is for the person who asked.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Discord did not do its part.
    #[error("discord: {0}")]
    Discord(#[from] RestError),
    /// The database did not do its part.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

/// A rule that forbids a use case. Each says what is the matter and, where something can be done, what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Outside servers.
    #[error("This works in servers only.")]
    ServersOnly,
    /// Source and target are the same.
    #[error(
        "A channel can't follow itself. Run this in the channel that should receive the posts, or name it with `into`."
    )]
    SelfFollow,
    /// Neither `channel` nor `link` was given.
    #[error("Which channel? Choose it with `channel`, or paste its link or id as `link`.")]
    NoChannel,
    /// Both were given.
    #[error("Give either `channel` or `link`, not both.")]
    TwoChannels,
    /// The text is no channel's link.
    #[error(
        "That is not a channel link. Right-click the channel, choose Copy Link, and paste it as `link` (a channel id will do too)."
    )]
    NotALink,
    /// The same pair with the same options.
    #[error("<#{target}> is already following <#{source_channel}>. `/follows` shows it.")]
    AlreadyFollowing {
        /// The channel that is followed.
        source_channel: ChannelId,
        /// The channel that receives.
        target: ChannelId,
    },
    /// There is no such follow.
    #[error("<#{target}> is not following <#{source_channel}>. `/follows` shows what this server follows.")]
    NotFollowing {
        /// The channel that isn't followed.
        source_channel: ChannelId,
        /// The channel that doesn't receive.
        target: ChannelId,
    },
    /// The follow was removed meanwhile.
    #[error("Follow {0} is gone: somebody removed it. `/follows` shows those that stand.")]
    NoSuchFollow(FollowId),
    /// The delivery of a follow can only be changed while it works.
    #[error(
        "Follow {0} is paused or broken. Resume it in `/follows` first; then its delivery can be changed."
    )]
    NotActive(FollowId),
    /// `except` and `only` need tags.
    #[error("The mode `{word}` needs at least one tag: name them with `tags`, separated by commas.", word = .0.as_str())]
    TagsMissing(Mode),
    /// Tags without a mode that uses them.
    #[error(
        "Tags have a meaning only with the mode `except` or `only`. Choose one of these, or leave `tags` out."
    )]
    TagsWithoutMode,
    /// The target belongs to another server.
    #[error(
        "Posts can only be sent into a channel of this server. Run `/follow` in the other server to follow from there."
    )]
    TargetElsewhere,
    /// That kind can't be a source.
    #[error("<#{channel}> can't be followed: {kinds} hold no messages that I can mirror{later}.", kinds = kind.plural(), later = later(*kind))]
    SourceKind {
        /// Which channel.
        channel: ChannelId,
        /// Its kind.
        kind: ChannelKind,
    },
    /// That kind can't be a target.
    #[error("<#{channel}> can't follow: {kinds} can't receive posts from me{later}.", kinds = kind.plural(), later = later(*kind))]
    TargetKind {
        /// Which channel.
        channel: ChannelId,
        /// Its kind.
        kind: ChannelKind,
    },
    /// That kind can't be published.
    #[error("Only channels with messages can be published, not {kinds}.", kinds = .0.plural())]
    PublishKind(ChannelKind),
    /// Native delivery needs an announcement source.
    #[error(
        "Native delivery is Discord's own channel following: it needs an announcement channel as source, a text or announcement channel as target, and the mode `all`. Use `relay`, or leave `delivery` out."
    )]
    NativeImpossible,
    /// The person lacks a permission.
    #[error("You need {permissions} in <#{channel}> for this.", permissions = list(*permissions))]
    PersonMay {
        /// Where.
        channel: ChannelId,
        /// What is missing.
        permissions: Permissions,
    },
    /// The person lacks a permission in the whole server.
    #[error("You need {permissions} in this server for this.", permissions = list(*.0))]
    PersonMayInServer(Permissions),
    /// The bot lacks a permission.
    #[error("I need {permissions} in <#{channel}>. Give me that in the channel's settings under Permissions, then try again.", permissions = list(*permissions))]
    BotMay {
        /// Where.
        channel: ChannelId,
        /// What is missing.
        permissions: Permissions,
    },
    /// The person can't see the source, or there is no such channel: which of both is not told.
    #[error(
        "I can't find that channel, or you can't see it. You can follow a channel that you see, in a server that I am in."
    )]
    UnknownSource,
    /// A channel that was deleted.
    #[error("That channel no longer exists.")]
    ChannelGone,
    /// The source's server doesn't let other servers follow it.
    #[error(
        "That channel is not open to other servers. Somebody with Manage Channels there can open it with `/publish`."
    )]
    NotPublished,
    /// An announcement channel of another server that isn't public there.
    #[error(
        "That announcement channel is not visible to everyone in its server, so other servers can't follow it unless it is opened with `/publish`."
    )]
    NotPublic,
    /// Discord: 15 webhooks per channel, error 30007.
    #[error("<#{channel}> has 15 webhooks already, and Discord allows no more. Delete one that is not needed under Edit Channel → Integrations → Webhooks, then try again.", channel = .0)]
    TooManyWebhooks(ChannelId),
    /// Discord: 1000 webhooks per server, error 30058.
    #[error(
        "This server has 1,000 webhooks already, and Discord allows no more. Delete some under Server Settings → Integrations → Webhooks, then try again."
    )]
    TooManyServerWebhooks,
    /// The person's actions of this hour are used up.
    #[error("That was a lot of following and unfollowing. You can go on <t:{}:R>.", .0.timestamp())]
    TooManyActions(DateTime<Utc>),
    /// It is paused already.
    #[error("Follow {0} is paused already.")]
    AlreadyPaused(FollowId),
    /// It is active already.
    #[error("Follow {0} is active already.")]
    AlreadyActive(FollowId),
    /// A broken follow can't be paused.
    #[error("Follow {0} is broken, so there is nothing to pause. {explanation}", explanation = .1.explanation())]
    Broken(FollowId, BrokenReason),
}

const fn later(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Forum | ChannelKind::PublicThread | ChannelKind::PrivateThread => " yet",
        _ => "",
    }
}

/// `**Manage Webhooks** and **View Channel**`, as Discord's interface names them.
fn list(permissions: Permissions) -> String {
    let names: Vec<_> = permissions.names().iter().map(|name| format!("**{name}**")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "**Administrator**".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_named_as_discord_does() {
        let refusal = Refusal::BotMay {
            channel: ChannelId::new(7).unwrap(),
            permissions: Permissions::MANAGE_WEBHOOKS
                | Permissions::VIEW_CHANNEL
                | Permissions::READ_MESSAGE_HISTORY,
        };
        let text = refusal.to_string();
        assert!(
            text.starts_with(
                "I need **View Channel**, **Manage Webhooks** and **Read Message History** in <#7>."
            ),
            "{text}"
        );
    }
}
