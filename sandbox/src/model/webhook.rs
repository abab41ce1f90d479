//! Webhooks.

use crate::ids::{ApplicationId, ChannelId, GuildId, UserId, WebhookId};

/// What a webhook is for.
#[derive(Clone, Debug)]
pub(crate) enum WebhookKind {
    /// Type 1: anybody who has the token may post.
    Incoming { token: String },
    /// Type 2: Discord posts the messages that are published in `source`.
    Follower { source: ChannelId, source_guild: GuildId },
}

/// A webhook.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) id: WebhookId,
    pub(crate) kind: WebhookKind,
    pub(crate) channel: ChannelId,
    pub(crate) guild: GuildId,
    pub(crate) name: String,
    pub(crate) avatar: Option<String>,
    pub(crate) creator: UserId,
    /// The application that created it, if one did.
    pub(crate) application: Option<ApplicationId>,
}

impl Webhook {
    /// The token of an incoming webhook.
    pub(crate) fn token(&self) -> Option<&str> {
        match &self.kind {
            WebhookKind::Incoming { token } => Some(token),
            WebhookKind::Follower { .. } => None,
        }
    }
}
