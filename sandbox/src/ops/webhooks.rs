//! Webhooks: creating, changing and removing them, and following channels.

use serde_json::json;

use crate::error::{ApiError, ApiResult};
use crate::gateway::Event;
use crate::ids::{ApplicationId, ChannelId, GuildId, UserId, WebhookId};
use crate::model::{Author, Channel, ChannelKind, Message, Webhook, WebhookKind};
use crate::world::{World, random_token};

const PER_CHANNEL: usize = 15;
const PER_GUILD: usize = 1000;

/// The changes to a webhook.
#[derive(Debug, Default)]
pub(crate) struct WebhookChange {
    pub(crate) name: Option<String>,
    pub(crate) avatar: Option<Option<String>>,
    pub(crate) channel: Option<ChannelId>,
}

impl World {
    /// Creates an incoming webhook. 50024 where webhooks aren't possible, 30007 and 30058 if there are too
    /// many.
    pub(crate) fn create_webhook(
        &mut self,
        channel: ChannelId,
        name: &str,
        avatar: Option<String>,
        creator: UserId,
        application: Option<ApplicationId>,
    ) -> ApiResult<WebhookId> {
        let kind = WebhookKind::Incoming { token: random_token(68) };
        self.add_webhook(channel, kind, name.trim(), avatar, creator, application)
    }

    /// Makes `target` follow the announcement channel `source`.
    pub(crate) fn follow(
        &mut self,
        source: ChannelId,
        target: ChannelId,
        creator: UserId,
    ) -> ApiResult<WebhookId> {
        let from = self.channel(source)?;
        let to = self.channel(target)?;
        if from.kind != ChannelKind::Announcement
            || !matches!(to.kind, ChannelKind::Text | ChannelKind::Announcement)
        {
            return Err(ApiError::wrong_channel_type());
        }
        let guild = from.guild.ok_or_else(ApiError::wrong_channel_type)?;
        let source_guild = self.guild(guild)?;
        let (name, source_name) = (format!("{} #{}", source_guild.name, from.name), from.name.clone());
        let kind = WebhookKind::Follower { source, source_guild: guild };
        let id = self.add_webhook(target, kind, &name, None, creator, None)?;
        // Discord announces it in the target with a system message (type 12, CHANNEL_FOLLOW_ADD).
        let mut notice = Message::new(self.ids.next(), target, Author::User(creator));
        notice.kind = 12;
        notice.content = source_name;
        notice.reference = Some(json!({ "type": 0, "channel_id": source, "guild_id": guild }));
        self.store(notice);
        Ok(id)
    }

    fn add_webhook(
        &mut self,
        channel: ChannelId,
        kind: WebhookKind,
        name: &str,
        avatar: Option<String>,
        creator: UserId,
        application: Option<ApplicationId>,
    ) -> ApiResult<WebhookId> {
        let guild = self.webhook_home(channel)?;
        self.check_room(channel)?;
        if self.webhooks.values().filter(|hook| hook.guild == guild).count() >= PER_GUILD {
            return Err(ApiError::too_many_guild_webhooks());
        }
        let id = self.ids.next();
        let name = name.to_owned();
        self.webhooks.insert(id, Webhook { id, kind, channel, guild, name, avatar, creator, application });
        self.emit_webhooks(channel);
        Ok(id)
    }

    /// Creates many text channels, each with one of the bot's webhooks, for load tests. They are created
    /// together, because one after another would count the existing ones each time. 30058 if there would be
    /// too many webhooks.
    pub(crate) fn create_targets(
        &mut self,
        guild: GuildId,
        name: &str,
        count: usize,
    ) -> ApiResult<Vec<WebhookId>> {
        self.guild(guild)?;
        let own = self.webhooks.values().filter(|hook| hook.guild == guild).count();
        if own + count > PER_GUILD {
            return Err(ApiError::too_many_guild_webhooks());
        }
        let first = self.channels.values().filter(|channel| channel.guild == Some(guild)).count();
        let (creator, application) = (self.app.bot, Some(self.app.id));
        let mut made = Vec::with_capacity(count);
        for number in 0..count {
            let id = self.ids.next();
            let mut channel = Channel::new(id, Some(guild), ChannelKind::Text, &format!("{name}-{number}"));
            channel.position = u32::try_from(first + number).unwrap_or(u32::MAX);
            self.channels.insert(id, channel);
            self.emit_channel("CHANNEL_CREATE", id);
            let (hook, kind) = (self.ids.next(), WebhookKind::Incoming { token: random_token(68) });
            let name = name.to_owned();
            let webhook =
                Webhook { id: hook, kind, channel: id, guild, name, avatar: None, creator, application };
            self.webhooks.insert(hook, webhook);
            self.emit_webhooks(id);
            made.push(hook);
        }
        Ok(made)
    }

    fn webhook_home(&self, channel: ChannelId) -> ApiResult<GuildId> {
        let channel = self.channel(channel)?;
        channel.guild.filter(|_| channel.kind.takes_webhooks()).ok_or_else(ApiError::wrong_channel_type)
    }

    fn check_room(&self, channel: ChannelId) -> ApiResult<()> {
        if self.webhooks.values().filter(|hook| hook.channel == channel).count() >= PER_CHANNEL {
            return Err(ApiError::too_many_webhooks());
        }
        Ok(())
    }

    /// Changes a webhook; if it moves to another channel, that must have room.
    pub(crate) fn change_webhook(&mut self, id: WebhookId, change: WebhookChange) -> ApiResult<()> {
        let from = self.webhook(id)?.channel;
        if let Some(to) = change.channel.filter(|to| *to != from) {
            if self.webhook_home(to)? != self.webhook(id)?.guild {
                return Err(ApiError::unknown_channel());
            }
            self.check_room(to)?;
        }
        let hook = self.webhooks.get_mut(&id).ok_or_else(ApiError::unknown_webhook)?;
        if let Some(name) = change.name {
            name.trim().clone_into(&mut hook.name);
        }
        if let Some(avatar) = change.avatar {
            hook.avatar = avatar;
        }
        if let Some(to) = change.channel {
            hook.channel = to;
        }
        let to = hook.channel;
        self.emit_webhooks(from);
        if to != from {
            self.emit_webhooks(to);
        }
        Ok(())
    }

    /// Deletes a webhook; its messages stay.
    pub(crate) fn delete_webhook(&mut self, id: WebhookId) -> ApiResult<()> {
        let hook = self.webhooks.remove(&id).ok_or_else(ApiError::unknown_webhook)?;
        self.emit_webhooks(hook.channel);
        Ok(())
    }

    fn emit_webhooks(&mut self, channel: ChannelId) {
        let Some(guild) = self.channels.get(&channel).and_then(|channel| channel.guild) else { return };
        let data = json!({ "guild_id": guild, "channel_id": channel });
        self.emit(&Event { name: "WEBHOOKS_UPDATE", guild: Some(guild), channel: None, data });
    }
}
