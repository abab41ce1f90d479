//! A person: posts, edits, deletes, publishes, runs commands, presses buttons.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::command::{Invocation, offers};
use super::reply::{find_component, start_component};
use super::{ActError, Arg, Channel, Choice, Options, Reply, SeenCommand, SeenMessage};
use crate::error::ApiError;
use crate::ids::{ChannelId, MessageId, TagId, UserId};
use crate::model::{Author, ChannelKind};
use crate::ops::{NewMessage, NewThread};
use crate::permissions::Permissions;
use crate::shared::Shared;
use crate::validate::{Draft, Upload};
use crate::world::World;

/// A message that a person writes; everything but the text is optional.
#[derive(Clone, Debug, Default)]
pub struct Post {
    body: serde_json::Map<String, Value>,
    files: Vec<Upload>,
}

impl Post {
    /// A message with this text.
    pub fn text(content: &str) -> Self {
        Self::default().field("content", json!(content))
    }

    /// Any field of Discord's Create Message (`embeds`, `flags`, `poll`, `sticker_items`, `allowed_mentions`,
    /// …).
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }

    /// With these embeds (which people have through link previews only).
    pub fn embeds(self, embeds: Vec<Value>) -> Self {
        self.field("embeds", Value::Array(embeds))
    }

    /// As an answer to a message of the same channel.
    pub fn reply_to(self, message: MessageId) -> Self {
        self.field("message_reference", json!({ "type": 0, "message_id": message }))
    }

    /// As an answer of which Discord doesn't say what it answers: `referenced_message` is absent.
    pub fn reply_withholding(self, message: MessageId) -> Self {
        self.field("message_reference", json!({ "type": 0, "message_id": message, "withheld": true }))
    }

    /// Its first file is a spoiler, as Discord's clients say it now: by a flag, not by the name.
    pub fn spoiler(self) -> Self {
        self.field("attachments", json!([{ "id": 0, "is_spoiler": true }]))
    }

    /// A forward of a message.
    pub fn forward(channel: ChannelId, message: MessageId) -> Self {
        let reference = json!({ "type": 1, "channel_id": channel, "message_id": message });
        Self::default().field("message_reference", reference)
    }

    /// With a file.
    pub fn file(mut self, filename: &str, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push(Upload {
            index: self.files.len() as u64,
            filename: filename.to_owned(),
            content_type: Some(content_type.to_owned()),
            bytes: bytes.into(),
        });
        self
    }

    pub(super) fn draft(&self) -> Result<Draft, ApiError> {
        Draft::read_persons(&Value::Object(self.body.clone()), &self.files)
    }
}

impl From<&str> for Post {
    fn from(content: &str) -> Self {
        Self::text(content)
    }
}

impl From<String> for Post {
    fn from(content: String) -> Self {
        Self::text(&content)
    }
}

/// A handle to a person. What they do is bound by their permissions.
#[derive(Clone, Debug)]
pub struct Person {
    pub(super) shared: Arc<Shared>,
    pub(super) id: UserId,
}

impl Person {
    pub(crate) fn new(shared: &Arc<Shared>, id: UserId) -> Self {
        Self { shared: Arc::clone(shared), id }
    }

    /// Their id.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// Their display name.
    pub fn name(&self) -> String {
        self.shared.read(|world| {
            world.users.get(&self.id).map(|user| user.display_name().to_owned()).unwrap_or_default()
        })
    }

    /// How they are mentioned.
    pub fn mention(&self) -> String {
        format!("<@{}>", self.id)
    }

    /// Changes the display name.
    pub fn rename(&self, name: &str) {
        self.shared.write(|world| {
            if let Some(user) = world.users.get_mut(&self.id) {
                user.global_name = Some(name.to_owned());
            }
        });
    }

    /// Sets the avatar's hash.
    pub fn set_avatar(&self, hash: Option<&str>) {
        self.shared.write(|world| {
            if let Some(user) = world.users.get_mut(&self.id) {
                user.avatar = hash.map(ToOwned::to_owned);
            }
        });
    }

    fn need(&self, world: &World, channel: ChannelId, wanted: Permissions) -> Result<(), ActError> {
        let missing = (wanted | Permissions::VIEW_CHANNEL).difference(world.permissions(self.id, channel));
        if missing.is_empty() {
            return Ok(());
        }
        let person = world.users.get(&self.id).map(|user| user.display_name().to_owned()).unwrap_or_default();
        Err(ActError::Forbidden { person, missing })
    }

    fn own(&self, world: &World, channel: ChannelId, id: MessageId) -> Result<bool, ActError> {
        Ok(matches!(world.message(channel, id)?.author, Author::User(user) if user == self.id))
    }

    /// Posts a message: a text, or a [`Post`].
    pub fn post(&self, channel: &Channel, post: impl Into<Post>) -> Result<SeenMessage, ActError> {
        let post = post.into();
        self.shared.write(|world| {
            self.need(world, channel.id(), world.send_permission(channel.id()))?;
            let new = NewMessage::plain(channel.id(), Author::User(self.id), post.draft()?);
            let id = world.post(new)?;
            Ok(SeenMessage::new(world, world.message(channel.id(), id)?))
        })
    }

    /// Starts a post in a forum: a thread with tags and a first message.
    pub fn start_post(
        &self,
        forum: &Channel,
        title: &str,
        tags: &[TagId],
        first: impl Into<Post>,
    ) -> Result<(Channel, SeenMessage), ActError> {
        let kind = ChannelKind::PublicThread;
        let thread = self.start(forum, title, kind, None, tags, Permissions::SEND_MESSAGES)?;
        let message = self.post(&thread, first)?;
        Ok((thread, message))
    }

    /// Starts a thread, from a message if one is given.
    pub fn start_thread(
        &self,
        channel: &Channel,
        name: &str,
        from: Option<MessageId>,
    ) -> Result<Channel, ActError> {
        let kind = match channel.kind() {
            Some(ChannelKind::Announcement) => ChannelKind::AnnouncementThread,
            _ => ChannelKind::PublicThread,
        };
        self.start(channel, name, kind, from, &[], Permissions::CREATE_PUBLIC_THREADS)
    }

    fn start(
        &self,
        parent: &Channel,
        name: &str,
        kind: ChannelKind,
        from: Option<MessageId>,
        tags: &[TagId],
        needed: Permissions,
    ) -> Result<Channel, ActError> {
        let new = NewThread {
            parent: parent.id(),
            kind,
            name: name.to_owned(),
            owner: self.id,
            from,
            tags: tags.to_vec(),
        };
        let id = self.shared.write(|world| {
            self.need(world, parent.id(), needed)?;
            Ok::<_, ActError>(world.create_thread(new)?)
        })?;
        Ok(Channel::new(&self.shared, id))
    }

    /// Edits an own message.
    pub fn edit(
        &self,
        channel: &Channel,
        id: MessageId,
        post: impl Into<Post>,
    ) -> Result<SeenMessage, ActError> {
        let post = post.into();
        self.shared.write(|world| {
            if !self.own(world, channel.id(), id)? {
                return Err(ApiError::cannot_edit_others().into());
            }
            world.edit(channel.id(), id, &post.draft()?)?;
            Ok(SeenMessage::new(world, world.message(channel.id(), id)?))
        })
    }

    /// Deletes a message; one of somebody else needs Manage Messages.
    pub fn delete(&self, channel: &Channel, id: MessageId) -> Result<(), ActError> {
        self.shared.write(|world| {
            if !self.own(world, channel.id(), id)? {
                self.need(world, channel.id(), Permissions::MANAGE_MESSAGES)?;
            }
            Ok(world.delete_message(channel.id(), id)?)
        })
    }

    /// Publishes a message of an announcement channel; one of somebody else needs Manage Messages.
    pub fn publish(&self, channel: &Channel, id: MessageId) -> Result<(), ActError> {
        self.shared.write(|world| {
            if !self.own(world, channel.id(), id)? {
                self.need(world, channel.id(), Permissions::MANAGE_MESSAGES)?;
            }
            Ok(world.crosspost(channel.id(), id)?)
        })
    }

    /// Lets a channel follow an announcement channel with Discord's own button; needs Manage Webhooks on the
    /// target.
    pub fn follow_natively(&self, source: &Channel, target: &Channel) -> Result<(), ActError> {
        self.shared.write(|world| {
            self.need(world, source.id(), Permissions::VIEW_CHANNEL)?;
            self.need(world, target.id(), Permissions::MANAGE_WEBHOOKS)?;
            world.follow(source.id(), target.id(), self.id)?;
            Ok(())
        })
    }

    /// The commands of all kinds that Discord's client offers them here.
    pub fn commands(&self, channel: &Channel) -> Vec<SeenCommand> {
        self.shared.read(|world| offers(world, self.id, channel.id()))
    }

    pub(super) fn patience(&self) -> Duration {
        self.shared.read(|world| world.config.patience)
    }

    /// Runs a slash command (`"/follow"`, or `"/panel create"` with a subcommand) and waits for the bot's
    /// whole answer.
    pub async fn run(
        &self,
        channel: &Channel,
        command: &str,
        options: impl Into<Options>,
    ) -> Result<Reply, ActError> {
        let reply = self.invoke(channel, Invocation::new(command, options.into())).await?;
        reply.settled(self.patience()).await
    }

    /// Like [`Self::run`], past `default_member_permissions` and contexts (a server admin may have lifted
    /// them) and past the option's visibility (a forged client can send any id).
    pub async fn run_unchecked(
        &self,
        channel: &Channel,
        command: &str,
        options: impl Into<Options>,
    ) -> Result<Reply, ActError> {
        let reply = self.invoke(channel, Invocation::new(command, options.into()).unchecked()).await?;
        reply.settled(self.patience()).await
    }

    /// Like [`Self::run`], but doesn't wait for the bot at all.
    pub fn start_command(
        &self,
        channel: &Channel,
        command: &str,
        options: impl Into<Options>,
    ) -> Result<Reply, ActError> {
        Invocation::new(command, options.into()).send(&self.shared, self.id, channel.id())
    }

    /// Runs a message command on a message.
    pub async fn run_on(
        &self,
        channel: &Channel,
        message: MessageId,
        command: &str,
    ) -> Result<Reply, ActError> {
        let reply = self.invoke(channel, Invocation::on_message(command, message)).await?;
        reply.settled(self.patience()).await
    }

    /// Like [`Self::run_on`], past `default_member_permissions` and contexts (a server admin may have lifted
    /// them).
    pub async fn run_on_unchecked(
        &self,
        channel: &Channel,
        message: MessageId,
        command: &str,
    ) -> Result<Reply, ActError> {
        let reply = self.invoke(channel, Invocation::on_message(command, message).unchecked()).await?;
        reply.settled(self.patience()).await
    }

    /// Like [`Self::run_on`], but doesn't wait for the bot at all.
    pub fn start_command_on(
        &self,
        channel: &Channel,
        message: MessageId,
        command: &str,
    ) -> Result<Reply, ActError> {
        Invocation::on_message(command, message).send(&self.shared, self.id, channel.id())
    }

    pub(super) async fn invoke(&self, channel: &Channel, invocation: Invocation) -> Result<Reply, ActError> {
        let reply = invocation.send(&self.shared, self.id, channel.id())?;
        reply.acknowledged().await
    }

    /// Types into an option and sees what the bot offers.
    pub async fn autocomplete(
        &self,
        channel: &Channel,
        command: &str,
        filled: impl Into<Options>,
        focused: &str,
        typed: &str,
    ) -> Result<Vec<Choice>, ActError> {
        let options = filled.into().set(focused, Arg::Text(typed.to_owned()));
        let invocation = Invocation::new(command, options).completing(focused);
        Ok(self.invoke(channel, invocation).await?.choices())
    }

    /// Presses a button, named by its custom id or label, and waits for the bot's whole answer.
    pub async fn press(
        &self,
        channel: &Channel,
        message: MessageId,
        button: &str,
    ) -> Result<Reply, ActError> {
        self.press_only(channel, message, button).await?.settled(self.patience()).await
    }

    /// Like [`Self::press`], but waits for the acknowledgement only.
    pub async fn press_only(
        &self,
        channel: &Channel,
        message: MessageId,
        button: &str,
    ) -> Result<Reply, ActError> {
        let found = find_component(&self.shared, channel.id(), message, self.id, button, true)?;
        start_component(&self.shared, channel.id(), message, self.id, &found, &[])?.acknowledged().await
    }

    /// Chooses values in a select, named by its custom id or placeholder, and waits for the bot's whole
    /// answer.
    pub async fn select(
        &self,
        channel: &Channel,
        message: MessageId,
        select: &str,
        values: &[&str],
    ) -> Result<Reply, ActError> {
        self.select_only(channel, message, select, values).await?.settled(self.patience()).await
    }

    /// Like [`Self::select`], but waits for the acknowledgement only.
    pub async fn select_only(
        &self,
        channel: &Channel,
        message: MessageId,
        select: &str,
        values: &[&str],
    ) -> Result<Reply, ActError> {
        let found = find_component(&self.shared, channel.id(), message, self.id, select, false)?;
        start_component(&self.shared, channel.id(), message, self.id, &found, values)?.acknowledged().await
    }
}
