//! Threads: starting them, their members, and the tags of a forum's posts.

use std::collections::BTreeSet;

use chrono::Utc;
use serde_json::json;

use super::messages::with_guild;
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::gateway::Event;
use crate::ids::{ChannelId, MessageId, TagId, UserId};
use crate::model::{Author, Channel, ChannelKind, Message, MessageFlags, Thread};
use crate::permissions::Permissions;
use crate::wire;
use crate::world::World;

/// Discord: a post has five tags at most.
const MOST_TAGS: usize = 5;
/// Discord: "Message Types".
const THREAD_CREATED: u8 = 18;
const THREAD_STARTER_MESSAGE: u8 = 21;

/// A thread to be created.
#[derive(Debug)]
pub(crate) struct NewThread {
    pub(crate) parent: ChannelId,
    pub(crate) kind: ChannelKind,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    /// The message it starts from, whose id the thread takes over.
    pub(crate) from: Option<MessageId>,
    pub(crate) tags: Vec<TagId>,
}

impl World {
    /// Creates a thread. 50024 where threads aren't possible, 160004 if the message already has one; for
    /// tags, see [`Self::check_tags`].
    ///
    /// A thread that starts from a message begins with a system message that refers to it. Any other thread
    /// is announced by a system message in the channel, unless it is private.
    pub(crate) fn create_thread(&mut self, new: NewThread) -> ApiResult<ChannelId> {
        let parent = self.channel(new.parent)?;
        let (guild, in_forum) = (parent.guild, parent.kind.is_forum());
        let fits = match parent.kind {
            ChannelKind::Text => matches!(new.kind, ChannelKind::PublicThread | ChannelKind::PrivateThread),
            ChannelKind::Announcement => new.kind == ChannelKind::AnnouncementThread,
            ChannelKind::Forum | ChannelKind::Media => new.kind == ChannelKind::PublicThread,
            _ => false,
        };
        if !fits {
            return Err(ApiError::wrong_channel_type());
        }
        self.check_tags(new.parent, &[], &new.tags, new.owner)?;
        if let Some(from) = new.from {
            let message = self.message(new.parent, from)?;
            if message.thread.is_some() {
                return Err(ApiError::thread_exists());
            }
        }
        let id = new.from.map_or_else(|| self.ids.next(), |message| ChannelId(message.0));
        let mut thread = Channel::new(id, guild, new.kind, new.name.trim());
        thread.parent = Some(new.parent);
        thread.thread = Some(Thread {
            owner: new.owner,
            archived: false,
            locked: false,
            invitable: true,
            auto_archive_minutes: 4320,
            archive_timestamp: Utc::now(),
            members: BTreeSet::from([new.owner]),
            applied_tags: new.tags,
            total_sent: 0,
        });
        self.channels.insert(id, thread);
        if in_forum {
            // Discord: a forum's last message is its newest thread.
            self.channel_mut(new.parent)?.last_message = Some(MessageId(id.0));
        }
        if let Some(from) = new.from {
            let message = self.message_mut(new.parent, from)?;
            message.thread = Some(id);
            message.flags |= MessageFlags::HAS_THREAD;
            self.emit_message("MESSAGE_UPDATE", new.parent, from);
        }
        self.emit_channel("THREAD_CREATE", id);
        match new.from {
            Some(from) => {
                let reference = json!({ "message_id": from });
                self.tell_of_thread(THREAD_STARTER_MESSAGE, id, new.parent, new.owner, reference, "");
            }
            None if in_forum || new.kind == ChannelKind::PrivateThread => {}
            None => {
                let name = new.name.trim();
                self.tell_of_thread(THREAD_CREATED, new.parent, id, new.owner, json!({}), name);
            }
        }
        Ok(id)
    }

    /// Posts a system message in `channel` that refers to something in `other`.
    fn tell_of_thread(
        &mut self,
        kind: u8,
        channel: ChannelId,
        other: ChannelId,
        by: UserId,
        mut reference: serde_json::Value,
        content: &str,
    ) {
        reference["type"] = json!(0);
        reference["channel_id"] = json!(other);
        let guild = self.channels.get(&other).and_then(|channel| channel.guild);
        let mut notice = Message::new(self.ids.next(), channel, Author::User(by));
        notice.kind = kind;
        content.clone_into(&mut notice.content);
        notice.reference = Some(with_guild(reference, guild));
        self.store(notice);
    }

    /// Whether a forum's post may get these tags in place of those: 50035 for more than five, 10087 for one
    /// that the forum doesn't have, 40067 for none if one is required, 50013 for a moderated one that this
    /// person may not add or remove. Somebody who isn't a member (a webhook) may add any.
    pub(crate) fn check_tags(
        &self,
        forum: ChannelId,
        before: &[TagId],
        after: &[TagId],
        by: UserId,
    ) -> ApiResult<()> {
        let of = self.channel(forum)?;
        if !of.kind.is_forum() {
            return Ok(());
        }
        if after.len() > MOST_TAGS {
            let mut form = FormErrors::default();
            form.too_long("applied_tags", MOST_TAGS);
            return Err(form.into_error());
        }
        let known = |id: &TagId| of.tags.iter().find(|tag| tag.id == *id);
        if after.iter().any(|id| known(id).is_none()) {
            return Err(ApiError::unknown_tag());
        }
        if of.tag_required && after.is_empty() {
            return Err(ApiError::tag_required());
        }
        let given = after.iter().filter(|id| !before.contains(id));
        let taken = before.iter().filter(|id| !after.contains(id));
        let moderated = given.chain(taken).any(|id| known(id).is_some_and(|tag| tag.moderated));
        if moderated && self.users.contains_key(&by) && !self.can(by, forum, Permissions::MANAGE_THREADS) {
            return Err(ApiError::missing_permissions());
        }
        Ok(())
    }

    /// The id of the next message in a channel: the first message of a forum's post has the post's id.
    pub(crate) fn next_message_id(&mut self, channel: ChannelId) -> MessageId {
        let parent = |of: &Channel| of.parent.and_then(|parent| self.channels.get(&parent));
        let of = self.channels.get(&channel);
        let begins = of.filter(|of| of.thread.as_ref().is_some_and(|thread| thread.total_sent == 0));
        match begins.and_then(parent) {
            Some(parent) if parent.kind.is_forum() => MessageId(channel.0),
            _ => self.ids.next(),
        }
    }

    /// Adds a person to a thread, or removes them.
    pub(crate) fn set_thread_member(&mut self, id: ChannelId, user: UserId, inside: bool) -> ApiResult<()> {
        let bot = self.app.bot;
        let channel = self.channel_mut(id)?;
        let guild = channel.guild;
        let Some(thread) = &mut channel.thread else { return Err(ApiError::wrong_channel_type()) };
        let changed = if inside { thread.members.insert(user) } else { thread.members.remove(&user) };
        if !changed {
            return Ok(());
        }
        let mut data = with_guild(json!({ "id": id, "member_count": thread.members.len().min(50) }), guild);
        if inside {
            let mut member = wire::thread_member(channel, user);
            if let Some(of) = guild.and_then(|guild| self.guilds.get(&guild)) {
                member["member"] = wire::member(self, of, user).unwrap_or_default();
                member["presence"] = serde_json::Value::Null;
            }
            data["added_members"] = json!([member]);
        } else {
            data["removed_member_ids"] = json!([user]);
        }
        if inside && user == bot {
            self.emit_channel("THREAD_CREATE", id);
        }
        self.emit(&Event { name: "THREAD_MEMBERS_UPDATE", guild, channel: Some(id), data });
        Ok(())
    }
}
