//! A channel, as a test changes and reads it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::sandbox::wait;
use super::{ActError, Guild, Person, Post, SeenMessage, SeenWebhook};
use crate::ids::{ChannelId, MessageId, RoleId, TagId, UserId, WebhookId};
use crate::model::message::AnswerTo;
use crate::model::{Author, ChannelKind, ForumTag, MessageFlags};
use crate::ops::{ChannelChange, NewMessage, NewThread, WebhookChange};
use crate::permissions::{Overwrite, OverwriteTarget, Permissions};
use crate::shared::Shared;
use crate::validate::Draft;

/// A handle to a channel or thread. Changes made through it need no permission: they are what moderators do.
#[derive(Clone, Debug)]
pub struct Channel {
    shared: Arc<Shared>,
    id: ChannelId,
}

impl Channel {
    pub(crate) fn new(shared: &Arc<Shared>, id: ChannelId) -> Self {
        Self { shared: Arc::clone(shared), id }
    }

    /// Its id.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Its name; empty once it is deleted.
    pub fn name(&self) -> String {
        self.shared.read(|world| world.channels.get(&self.id).map(|c| c.name.clone()).unwrap_or_default())
    }

    /// Its kind, while it exists.
    pub fn kind(&self) -> Option<ChannelKind> {
        self.shared.read(|world| world.channels.get(&self.id).map(|channel| channel.kind))
    }

    /// Its guild; direct messages have none.
    pub fn guild(&self) -> Option<Guild> {
        let id = self.shared.read(|world| world.channels.get(&self.id).and_then(|channel| channel.guild))?;
        Some(Guild::new(&self.shared, id))
    }

    /// How people mention it.
    pub fn mention(&self) -> String {
        format!("<#{}>", self.id)
    }

    /// Its link, as "Copy Link" gives it.
    pub fn link(&self) -> String {
        let guild = self.guild().map_or_else(|| "@me".to_owned(), |guild| guild.id().to_string());
        format!("https://discord.com/channels/{guild}/{}", self.id)
    }

    /// Whether it still exists.
    pub fn exists(&self) -> bool {
        self.kind().is_some()
    }

    fn change(&self, change: ChannelChange) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.change_channel(self.id, change))?)
    }

    /// Renames it.
    pub fn rename(&self, name: &str) -> Result<(), ActError> {
        self.change(ChannelChange { name: Some(name.to_owned()), ..ChannelChange::default() })
    }

    /// Changes its kind (text ↔ announcement).
    pub fn convert(&self, kind: ChannelKind) -> Result<(), ActError> {
        self.change(ChannelChange { kind: Some(kind), ..ChannelChange::default() })
    }

    /// Makes it age-restricted, or not.
    pub fn set_age_restricted(&self, restricted: bool) -> Result<(), ActError> {
        self.change(ChannelChange { nsfw: Some(restricted), ..ChannelChange::default() })
    }

    /// Archives a thread, or reopens it.
    pub fn set_archived(&self, archived: bool) -> Result<(), ActError> {
        self.change(ChannelChange { archived: Some(archived), ..ChannelChange::default() })
    }

    /// Locks a thread, or unlocks it.
    pub fn set_locked(&self, locked: bool) -> Result<(), ActError> {
        self.change(ChannelChange { locked: Some(locked), ..ChannelChange::default() })
    }

    /// Sets the tags of a forum post.
    pub fn set_applied_tags(&self, tags: &[TagId]) -> Result<(), ActError> {
        self.change(ChannelChange { applied_tags: Some(tags.to_vec()), ..ChannelChange::default() })
    }

    /// Reserves a tag of this forum for those who manage threads, or opens it to everyone.
    pub fn set_moderated(&self, tag: TagId, moderated: bool) -> Result<(), ActError> {
        self.shared.write(|world| {
            let mut tags = world.channel(self.id)?.tags.clone();
            tags.iter_mut().filter(|known| known.id == tag).for_each(|tag| tag.moderated = moderated);
            let change = ChannelChange { tags: Some(tags), ..ChannelChange::default() };
            Ok(world.change_channel(self.id, change)?)
        })
    }

    /// The threads of this channel, or the posts of this forum, oldest first.
    pub fn threads(&self) -> Vec<Channel> {
        self.shared.read(|world| {
            let own = world.channels.values().filter(|channel| channel.parent == Some(self.id));
            let threads = own.filter(|channel| channel.kind.is_thread());
            threads.map(|thread| Channel::new(&self.shared, thread.id)).collect()
        })
    }

    /// The names of a post's tags.
    pub fn applied_tags(&self) -> Vec<String> {
        self.shared.read(|world| {
            let Some(post) = world.channels.get(&self.id) else { return Vec::new() };
            let forum = post.parent.and_then(|forum| world.channels.get(&forum));
            let applied = post.thread.iter().flat_map(|thread| &thread.applied_tags);
            let name = |id: &TagId| {
                let tag = forum.and_then(|forum| forum.tags.iter().find(|tag| tag.id == *id));
                tag.map_or_else(|| id.to_string(), |tag| tag.name.clone())
            };
            applied.map(name).collect()
        })
    }

    /// Whether a thread is archived.
    pub fn is_archived(&self) -> bool {
        self.shared.read(|world| world.channels.get(&self.id).is_some_and(|channel| channel.is_archived()))
    }

    /// Sets the tags of a forum; tags whose names are already known stay as they are.
    pub fn set_tags(&self, names: &[&str]) -> Result<Vec<TagId>, ActError> {
        let ids = self.shared.write(|world| {
            let known = world.channel(self.id)?.tags.clone();
            let tags: Vec<ForumTag> = names
                .iter()
                .map(|name| {
                    let same = known.iter().find(|tag| tag.name == *name).cloned();
                    let new =
                        || ForumTag { id: world.ids.next(), name: (*name).to_owned(), moderated: false };
                    same.unwrap_or_else(new)
                })
                .collect();
            let ids = tags.iter().map(|tag| tag.id).collect();
            world.change_channel(self.id, ChannelChange { tags: Some(tags), ..ChannelChange::default() })?;
            Ok::<_, crate::error::ApiError>(ids)
        })?;
        Ok(ids)
    }

    /// Renames a tag of a forum, which keeps its id.
    pub fn rename_tag(&self, tag: TagId, name: &str) -> Result<(), ActError> {
        Ok(self.shared.write(|world| {
            let mut tags = world.channel(self.id)?.tags.clone();
            for known in tags.iter_mut().filter(|known| known.id == tag) {
                name.clone_into(&mut known.name);
            }
            world.change_channel(self.id, ChannelChange { tags: Some(tags), ..ChannelChange::default() })
        })?)
    }

    /// Whether posts of a forum must have a tag.
    pub fn set_tag_required(&self, required: bool) -> Result<(), ActError> {
        self.change(ChannelChange { tag_required: Some(required), ..ChannelChange::default() })
    }

    /// Deletes it with its threads, messages and webhooks.
    pub fn delete(&self) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.delete_channel(self.id))?)
    }

    /// Sets the overwrite for one role or member; if both sides are empty, removes it.
    pub fn overwrite(&self, overwrite: Overwrite) {
        let mut all = self
            .shared
            .read(|world| world.channels.get(&self.id).map(|channel| channel.overwrites.clone()))
            .unwrap_or_default();
        all.retain(|known| known.target != overwrite.target);
        if !(overwrite.allow | overwrite.deny).is_empty() {
            all.push(overwrite);
        }
        let _ = self.change(ChannelChange { overwrites: Some(all), ..ChannelChange::default() });
    }

    /// Denies `@everyone` something here.
    pub fn deny_everyone(&self, deny: Permissions) {
        if let Some(guild) = self.guild() {
            self.deny_role(guild.id().everyone(), deny);
        }
    }

    /// Denies a role something here.
    pub fn deny_role(&self, role: RoleId, deny: Permissions) {
        let target = OverwriteTarget::Role(role);
        self.overwrite(Overwrite { target, allow: Permissions::empty(), deny });
    }

    /// Allows a role something here.
    pub fn allow_role(&self, role: RoleId, allow: Permissions) {
        let target = OverwriteTarget::Role(role);
        self.overwrite(Overwrite { target, allow, deny: Permissions::empty() });
    }

    /// Allows a person something here.
    pub fn allow(&self, person: &Person, allow: Permissions) {
        let target = OverwriteTarget::Member(person.id());
        self.overwrite(Overwrite { target, allow, deny: Permissions::empty() });
    }

    /// Denies a person something here.
    pub fn deny(&self, person: &Person, deny: Permissions) {
        let target = OverwriteTarget::Member(person.id());
        self.overwrite(Overwrite { target, allow: Permissions::empty(), deny });
    }

    /// What a user may do here.
    pub fn permissions_of(&self, user: UserId) -> Permissions {
        self.shared.read(|world| world.permissions(user, self.id))
    }

    /// A new thread here, started by the guild's owner. In a forum, it is a post that has no message yet.
    pub fn thread(&self, name: &str) -> Result<Channel, ActError> {
        let kind = match self.kind() {
            Some(ChannelKind::Announcement) => ChannelKind::AnnouncementThread,
            _ => ChannelKind::PublicThread,
        };
        self.new_thread(name, kind)
    }

    /// A new private thread here: only its members and moderators see it.
    pub fn private_thread(&self, name: &str) -> Result<Channel, ActError> {
        self.new_thread(name, ChannelKind::PrivateThread)
    }

    fn new_thread(&self, name: &str, kind: ChannelKind) -> Result<Channel, ActError> {
        let owner = self.guild().map_or(UserId(0), |guild| guild.owner().id());
        let new =
            NewThread { parent: self.id, kind, name: name.to_owned(), owner, from: None, tags: Vec::new() };
        let id = self.shared.write(|world| world.create_thread(new))?;
        Ok(Self::new(&self.shared, id))
    }

    /// Adds a user to this thread (the bot, too).
    pub fn add_to_thread(&self, user: UserId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.set_thread_member(self.id, user, true))?)
    }

    /// Removes a user from this thread.
    pub fn remove_from_thread(&self, user: UserId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.set_thread_member(self.id, user, false))?)
    }

    /// The messages that everyone sees here, including system messages, oldest first.
    pub fn messages(&self) -> Vec<SeenMessage> {
        self.shared.read(|world| {
            let Some(channel) = world.channels.get(&self.id) else { return Vec::new() };
            let open = channel.messages.values().filter(|message| message.only_for.is_none());
            open.map(|message| SeenMessage::new(world, message)).collect()
        })
    }

    /// How many messages everyone sees here; cheaper than [`Self::messages`].
    pub fn message_count(&self) -> usize {
        self.shared.read(|world| {
            let messages = world.channels.get(&self.id).map(|channel| channel.messages.values());
            messages.into_iter().flatten().filter(|message| message.only_for.is_none()).count()
        })
    }

    /// One message, including ephemeral ones.
    pub fn message(&self, id: MessageId) -> Option<SeenMessage> {
        self.shared.read(|world| {
            let message = world.channels.get(&self.id)?.messages.get(&id)?;
            Some(SeenMessage::new(world, message))
        })
    }

    /// Waits until a message fits, and returns it. Existing messages count, too.
    pub async fn wait_for_message(
        &self,
        timeout: Duration,
        fits: impl Fn(&SeenMessage) -> bool,
    ) -> Result<SeenMessage, ActError> {
        let what = format!("a message in #{}", self.name());
        wait(&self.shared, &what, timeout, || self.messages().into_iter().find(|message| fits(message))).await
    }

    /// Waits until the messages together fit, and returns them.
    pub async fn wait_for_messages(
        &self,
        timeout: Duration,
        fit: impl Fn(&[SeenMessage]) -> bool,
    ) -> Result<Vec<SeenMessage>, ActError> {
        let what = format!("messages in #{}", self.name());
        wait(&self.shared, &what, timeout, || Some(self.messages()).filter(|all| fit(all))).await
    }

    /// The webhooks of this channel.
    pub fn webhooks(&self) -> Vec<SeenWebhook> {
        self.shared.read(|world| {
            let own = world.webhooks.values().filter(|hook| hook.channel == self.id);
            own.map(|hook| SeenWebhook::new(world, hook)).collect()
        })
    }

    /// A moderator creates webhooks by hand, up to this many more. Returns their ids.
    pub fn add_webhooks(&self, count: usize) -> Result<Vec<WebhookId>, ActError> {
        let owner = self.guild().map_or(UserId(0), |guild| guild.owner().id());
        let make = |n| {
            let name = format!("by hand {n}");
            self.shared.write(|world| world.create_webhook(self.id, &name, None, owner, None))
        };
        Ok((0..count).map(make).collect::<Result<_, _>>()?)
    }

    /// A moderator deletes a webhook of this channel by hand.
    pub fn delete_webhook(&self, id: WebhookId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.delete_webhook(id))?)
    }

    /// A moderator moves a webhook to another channel of the guild by hand.
    pub fn move_webhook(&self, id: WebhookId, to: &Channel) -> Result<(), ActError> {
        let change = WebhookChange { channel: Some(to.id), ..WebhookChange::default() };
        Ok(self.shared.write(|world| world.change_webhook(id, change))?)
    }

    /// Somebody who has the webhook's address posts through it, under this name.
    pub fn post_through(
        &self,
        id: WebhookId,
        name: &str,
        post: impl Into<Post>,
    ) -> Result<SeenMessage, ActError> {
        let post = post.into();
        self.shared.write(|world| {
            let channel = world.webhook(id)?.channel;
            let author = Author::Webhook { id, name: name.to_owned(), avatar_url: None };
            let draft = post.draft()?;
            let message = world.post(NewMessage::plain(channel, author, draft))?;
            Ok(SeenMessage::new(world, world.message(channel, message)?))
        })
    }

    /// Another application begins to think about its answer to a command ("… is thinking"). The answer itself
    /// is an edit.
    pub fn start_thinking(&self, application: &Person) -> Result<SeenMessage, ActError> {
        self.shared.write(|world| {
            let flags = MessageFlags::LOADING.bits();
            let draft = Draft::read(&json!({ "flags": flags }), &[])?;
            let answers = AnswerTo {
                id: world.ids.next(),
                kind: 2,
                name: Some("think".to_owned()),
                user: application.id(),
                on_message: None,
                trigger: None,
            };
            let author = Author::User(application.id());
            let new = NewMessage { answers: Some(answers), ..NewMessage::plain(self.id, author, draft) };
            let message = world.post(new)?;
            Ok(SeenMessage::new(world, world.message(self.id, message)?))
        })
    }

    /// A poll ends, with this many votes for each answer.
    pub fn end_poll(&self, id: MessageId, votes: &[u64]) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.end_poll(self.id, id, votes))?)
    }

    /// A moderator deletes a message by hand.
    pub fn delete_message(&self, id: MessageId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.delete_message(self.id, id))?)
    }

    /// A moderation bot deletes many messages at once.
    pub fn bulk_delete(&self, ids: &[MessageId]) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.delete_messages(self.id, ids))?)
    }

    /// Discord adds link previews to a message: an update that isn't an edit.
    pub fn add_embeds(&self, id: MessageId, embeds: Vec<Value>) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.add_embeds(self.id, id, embeds))?)
    }
}
