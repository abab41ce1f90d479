//! Channels: creating, changing and removing them; for threads, whatever they have in common with channels.

use chrono::Utc;
use serde_json::json;

use super::messages::with_guild;
use crate::error::{ApiError, ApiResult};
use crate::gateway::Event;
use crate::ids::{ChannelId, GuildId, TagId, UserId};
use crate::model::{Channel, ChannelKind, ForumTag};
use crate::permissions::{Overwrite, Permissions};
use crate::wire;
use crate::world::World;

/// A channel to be created.
#[derive(Debug)]
pub(crate) struct NewChannel {
    pub(crate) guild: GuildId,
    pub(crate) kind: ChannelKind,
    pub(crate) name: String,
    pub(crate) parent: Option<ChannelId>,
    pub(crate) overwrites: Vec<Overwrite>,
}

/// The changes to a channel or thread.
#[derive(Debug, Default)]
pub(crate) struct ChannelChange {
    pub(crate) name: Option<String>,
    pub(crate) topic: Option<Option<String>>,
    pub(crate) kind: Option<ChannelKind>,
    pub(crate) parent: Option<Option<ChannelId>>,
    pub(crate) overwrites: Option<Vec<Overwrite>>,
    pub(crate) archived: Option<bool>,
    pub(crate) locked: Option<bool>,
    pub(crate) applied_tags: Option<Vec<TagId>>,
    pub(crate) tags: Option<Vec<ForumTag>>,
    pub(crate) tag_required: Option<bool>,
    pub(crate) nsfw: Option<bool>,
}

impl World {
    pub(crate) fn create_channel(&mut self, new: NewChannel) -> ApiResult<ChannelId> {
        self.guild(new.guild)?;
        let id = self.ids.next();
        let position = self.channels.values().filter(|channel| channel.guild == Some(new.guild)).count();
        let mut channel = Channel::new(id, Some(new.guild), new.kind, &new.name);
        channel.position = u32::try_from(position).unwrap_or(u32::MAX);
        channel.parent = new.parent;
        channel.overwrites = new.overwrites;
        self.channels.insert(id, channel);
        self.emit_channel("CHANNEL_CREATE", id);
        Ok(id)
    }

    pub(crate) fn change_channel(&mut self, id: ChannelId, change: ChannelChange) -> ApiResult<()> {
        let could_see = self.can(self.app.bot, id, Permissions::VIEW_CHANNEL);
        let synced = change.overwrites.as_ref().map(|_| self.synced_with(id)).unwrap_or_default();
        let channel = self.channel_mut(id)?;
        if let Some(name) = change.name {
            channel.name = name;
        }
        if let Some(topic) = change.topic {
            channel.topic = topic;
        }
        if let Some(kind) = change.kind {
            channel.kind = kind;
        }
        if let Some(parent) = change.parent {
            channel.parent = parent;
        }
        let overwrites = change.overwrites.clone();
        if let Some(overwrites) = change.overwrites {
            channel.overwrites = overwrites;
        }
        channel.nsfw = change.nsfw.unwrap_or(channel.nsfw);
        if let Some(tags) = change.tags {
            channel.tags = tags;
        }
        if let Some(required) = change.tag_required {
            channel.tag_required = required;
        }
        if let Some(thread) = &mut channel.thread {
            if let Some(archived) = change.archived
                && archived != thread.archived
            {
                thread.archived = archived;
                thread.archive_timestamp = Utc::now();
            }
            thread.locked = change.locked.unwrap_or(thread.locked);
            if let Some(tags) = change.applied_tags {
                thread.applied_tags = tags;
            }
        }
        let is_thread = channel.kind.is_thread();
        self.emit_channel(if is_thread { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" }, id);
        if !is_thread && !could_see {
            self.emit_thread_list(id);
        }
        for child in synced {
            let overwrites = overwrites.clone();
            self.change_channel(child, ChannelChange { overwrites, ..ChannelChange::default() })?;
        }
        Ok(())
    }

    /// The channels of a category whose overwrites equal the category's: Discord changes them with it, and
    /// sends an event for each.
    fn synced_with(&self, category: ChannelId) -> Vec<ChannelId> {
        let Some(of) = self.channels.get(&category).filter(|c| c.kind == ChannelKind::Category) else {
            return Vec::new();
        };
        let same = |other: &&Channel| {
            other.overwrites.len() == of.overwrites.len()
                && other.overwrites.iter().all(|one| of.overwrites.contains(one))
        };
        let inside = self.channels.values().filter(|channel| channel.parent == Some(category));
        inside.filter(same).map(|channel| channel.id).collect()
    }

    /// The threads of a channel that the bot couldn't see until now.
    fn emit_thread_list(&mut self, id: ChannelId) {
        let bot = self.app.bot;
        let Some(guild) = self.channels.get(&id).and_then(|channel| channel.guild) else { return };
        let active = self.channels.values().filter(|channel| {
            channel.parent == Some(id) && channel.thread.as_ref().is_some_and(|thread| !thread.archived)
        });
        let active: Vec<&Channel> =
            active.filter(|thread| self.can(bot, thread.id, Permissions::VIEW_CHANNEL)).collect();
        let joined = active.iter().filter(|c| c.thread.as_ref().is_some_and(|t| t.members.contains(&bot)));
        let members: Vec<_> = joined.map(|thread| wire::thread_member(thread, bot)).collect();
        let threads: Vec<_> = active.iter().map(|thread| wire::channel(self, thread)).collect();
        let data = json!({ "guild_id": guild, "channel_ids": [id], "threads": threads, "members": members });
        self.emit(&Event { name: "THREAD_LIST_SYNC", guild: Some(guild), channel: Some(id), data });
    }

    /// Deletes a channel with its threads, messages and webhooks. A category's channels stay, without it.
    pub(crate) fn delete_channel(&mut self, id: ChannelId) -> ApiResult<()> {
        let (guild, kind) = {
            let channel = self.channel(id)?;
            (channel.guild, channel.kind)
        };
        let children: Vec<ChannelId> = self
            .channels
            .values()
            .filter(|channel| channel.parent == Some(id))
            .map(|channel| channel.id)
            .collect();
        for child in children {
            if kind == ChannelKind::Category {
                self.change_channel(child, ChannelChange { parent: Some(None), ..ChannelChange::default() })?;
            } else {
                self.channels.remove(&child);
            }
        }
        if kind.is_thread() {
            let parent = self.channel(id)?.parent;
            let data = json!({ "id": id, "parent_id": parent, "type": kind.code() });
            let data = with_guild(data, guild);
            self.emit(&Event { name: "THREAD_DELETE", guild, channel: Some(id), data });
        } else {
            self.emit_channel("CHANNEL_DELETE", id);
        }
        self.channels.remove(&id);
        self.webhooks.retain(|_, hook| hook.channel != id);
        Ok(())
    }

    /// The direct-message channel between the bot and a person; created on first use.
    pub(crate) fn direct_message(&mut self, person: UserId) -> ApiResult<ChannelId> {
        self.user(person)?;
        if person == self.app.bot {
            return Err(ApiError::cannot_message_user());
        }
        let known = self
            .channels
            .values()
            .find(|channel| channel.kind == ChannelKind::Dm && channel.recipients.contains(&person));
        if let Some(known) = known {
            return Ok(known.id);
        }
        let id = self.ids.next();
        let mut channel = Channel::new(id, None, ChannelKind::Dm, "");
        channel.recipients = vec![person];
        self.channels.insert(id, channel);
        Ok(id)
    }

    /// Whether these are direct messages with somebody who shares no server with the bot, or takes none from
    /// it: Discord doesn't deliver them then.
    pub(crate) fn is_closed_to_bot(&self, channel: ChannelId) -> bool {
        let Some(channel) = self.channels.get(&channel).filter(|channel| channel.kind == ChannelKind::Dm)
        else {
            return false;
        };
        let bot = self.app.bot;
        let together = |person| {
            let members = self.guilds.values().map(|guild| &guild.members);
            members.into_iter().any(|members| members.contains_key(&bot) && members.contains_key(person))
        };
        let takes_none = |person: &UserId| self.users.get(person).is_some_and(|user| user.closed);
        channel.recipients.iter().any(takes_none) || !channel.recipients.iter().all(together)
    }

    /// Sends a channel event. Bots learn about all channels, but only about threads that they see.
    pub(crate) fn emit_channel(&mut self, name: &'static str, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let guild = channel.guild;
        let mut data = wire::channel(self, channel);
        if name == "THREAD_CREATE" {
            data["newly_created"] = json!(true);
        }
        let seen = channel.kind.is_thread().then_some(id);
        self.emit(&Event { name, guild, channel: seen, data });
    }
}
