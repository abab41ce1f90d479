//! What people see of the world: typed copies that don't change afterwards.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::ids::{ApplicationId, ChannelId, CommandId, GuildId, MessageId, RoleId, UserId, WebhookId};
use crate::model::{Author, Command, Message, MessageFlags, Pinged, Webhook, WebhookKind};
use crate::wire;
use crate::world::World;

/// A message, as people see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenMessage {
    /// Its id.
    pub id: MessageId,
    /// Its channel.
    pub channel: ChannelId,
    /// Discord's message type: 0 for ordinary ones, 12 for "follows now", 18 for "started a thread", 19 for
    /// replies, 20 for answers to commands, 21 for the message that a thread was started from.
    pub kind: u8,
    /// The author's name, as shown: nickname, display name or a webhook's username.
    pub author: String,
    /// The author; `None` for webhooks.
    pub author_id: Option<UserId>,
    /// Whether it is shown with an APP tag.
    pub is_app: bool,
    /// The avatar: a link for webhook messages that set one, otherwise a hash.
    pub avatar: Option<String>,
    /// The webhook that wrote it.
    pub webhook: Option<WebhookId>,
    /// The application that wrote it.
    pub application: Option<ApplicationId>,
    /// The text.
    pub content: String,
    /// Embeds, as JSON.
    pub embeds: Vec<Value>,
    /// Components, as JSON.
    pub components: Vec<Value>,
    /// Files.
    pub attachments: Vec<SeenAttachment>,
    /// Flags.
    pub flags: MessageFlags,
    /// Whom it notified, across all its versions.
    pub pinged: SeenPings,
    /// When it was posted.
    pub at: DateTime<Utc>,
    /// When it was last edited.
    pub edited_at: Option<DateTime<Utc>>,
    /// The one person who sees it, if it is ephemeral.
    pub only_for: Option<UserId>,
    /// The message it refers to: the one it replies to, the forwarded one, or the original of a crosspost.
    pub refers_to: Option<MessageId>,
    /// The complete message, as REST returns it.
    pub json: Value,
}

/// A file of a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenAttachment {
    /// Its name; Discord keeps only its ASCII characters.
    pub filename: String,
    /// Its name without the extension, if that isn't ASCII.
    pub title: Option<String>,
    /// Hidden until somebody clicks it.
    pub spoiler: bool,
    /// Alt text.
    pub description: Option<String>,
    /// The link, which expires after a while.
    pub url: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Whom a message notified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenPings {
    /// `@everyone` or `@here`.
    pub everyone: bool,
    /// People.
    pub users: Vec<UserId>,
    /// Roles.
    pub roles: Vec<RoleId>,
}

impl SeenPings {
    /// Whether nobody was notified.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&Pinged> for SeenPings {
    fn from(pinged: &Pinged) -> Self {
        Self { everyone: pinged.everyone, users: pinged.users.clone(), roles: pinged.roles.clone() }
    }
}

impl SeenMessage {
    pub(crate) fn new(world: &World, message: &Message) -> Self {
        let (author, author_id, is_app, avatar) = match &message.author {
            Author::Webhook { name, avatar_url, .. } => (name.clone(), None, true, avatar_url.clone()),
            Author::User(id) => {
                let user = world.users.get(id);
                let avatar = user.and_then(|user| user.avatar.clone());
                (
                    shown_name(world, message.channel, *id),
                    Some(*id),
                    user.is_some_and(|user| user.bot),
                    avatar,
                )
            }
        };
        let attachments = message.attachments.iter().map(|file| SeenAttachment {
            filename: file.filename.clone(),
            title: file.title.clone(),
            spoiler: file.spoiler,
            description: file.description.clone(),
            url: wire::attachment_url(world, file),
            bytes: world.files.get(&file.id).cloned().unwrap_or_default(),
        });
        let refers_to = message.reference.as_ref().and_then(|r| crate::validate::snowflake(&r["message_id"]));
        Self {
            id: message.id,
            channel: message.channel,
            kind: message.kind,
            author,
            author_id,
            is_app,
            avatar,
            webhook: message.webhook(),
            application: message.application,
            content: message.content.clone(),
            embeds: message.embeds.clone(),
            components: message.components.clone(),
            attachments: attachments.collect(),
            flags: message.flags,
            pinged: (&message.pinged).into(),
            at: message.id.created_at(),
            edited_at: message.edited_at,
            only_for: message.only_for,
            refers_to,
            json: wire::message(world, message),
        }
    }

    /// Everything readable in one text: content, then the embeds' titles, descriptions, fields and footers.
    pub fn text(&self) -> String {
        let mut lines = vec![self.content.clone()];
        for embed in &self.embeds {
            let part = |value: &Value| value.as_str().map(ToOwned::to_owned);
            lines.extend(part(&embed["author"]["name"]));
            lines.extend(part(&embed["title"]));
            lines.extend(part(&embed["description"]));
            for field in embed["fields"].as_array().into_iter().flatten() {
                lines.extend(part(&field["name"]));
                lines.extend(part(&field["value"]));
            }
            lines.extend(part(&embed["footer"]["text"]));
        }
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }
}

/// The name that people see next to a user's messages in this channel.
pub(crate) fn shown_name(world: &World, channel: ChannelId, user: UserId) -> String {
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    let nick = guild
        .and_then(|guild| world.guilds.get(&guild))
        .and_then(|guild| guild.members.get(&user))
        .and_then(|member| member.nick.clone());
    nick.or_else(|| world.users.get(&user).map(|user| user.display_name().to_owned()))
        .unwrap_or_else(|| "Deleted User".to_owned())
}

/// A webhook, with everything that moderators see of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenWebhook {
    /// Its id.
    pub id: WebhookId,
    /// Its channel.
    pub channel: ChannelId,
    /// Its name.
    pub name: String,
    /// The token of an incoming webhook.
    pub token: Option<String>,
    /// The application that created it.
    pub application: Option<ApplicationId>,
    /// For a channel follower, the channel it follows.
    pub follows: Option<ChannelId>,
}

impl SeenWebhook {
    pub(crate) fn new(_: &World, hook: &Webhook) -> Self {
        let follows = match hook.kind {
            WebhookKind::Follower { source, .. } => Some(source),
            WebhookKind::Incoming { .. } => None,
        };
        Self {
            id: hook.id,
            channel: hook.channel,
            name: hook.name.clone(),
            token: hook.token().map(ToOwned::to_owned),
            application: hook.application,
            follows,
        }
    }
}

/// A registered command.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenCommand {
    /// Its id.
    pub id: CommandId,
    /// Its name, without a slash.
    pub name: String,
    /// 1 for slash commands, 2 for user commands, 3 for message commands.
    pub kind: u64,
    /// The guild it is registered in; `None` for global ones.
    pub guild: Option<GuildId>,
    /// The complete command, as REST returns it.
    pub json: Value,
}

impl SeenCommand {
    pub(crate) fn all(world: &World) -> Vec<Self> {
        let mut all: Vec<Self> = world.commands.values().map(|command| Self::new(world, command)).collect();
        all.sort_by_key(|command| (command.guild, command.id));
        all
    }

    pub(super) fn new(world: &World, command: &Command) -> Self {
        Self {
            id: command.id,
            name: command.name.clone(),
            kind: command.kind,
            guild: command.guild,
            json: world.command_json(command.id).unwrap_or_default(),
        }
    }
}
