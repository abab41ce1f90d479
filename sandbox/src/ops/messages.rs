//! Posting, editing, deleting and publishing messages.

use chrono::Utc;
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::gateway::Event;
use crate::ids::{ApplicationId, AttachmentId, ChannelId, GuildId, MessageId, UserId};
use crate::mentions::{AllowedMentions, named_in};
use crate::model::message::AnswerTo;
use crate::model::{Attachment, Author, ChannelKind, Message, MessageFlags, Pinged, WebhookKind};
use crate::permissions::Permissions;
use crate::validate::Draft;
use crate::wire;
use crate::world::World;

/// A message to be posted.
#[derive(Debug)]
pub(crate) struct NewMessage {
    pub(crate) channel: ChannelId,
    pub(crate) author: Author,
    pub(crate) draft: Draft,
    pub(crate) application: Option<ApplicationId>,
    pub(crate) answers: Option<AnswerTo>,
    pub(crate) only_for: Option<UserId>,
}

impl NewMessage {
    pub(crate) fn plain(channel: ChannelId, author: Author, draft: Draft) -> Self {
        Self { channel, author, draft, application: None, answers: None, only_for: None }
    }
}

impl World {
    /// Posts a message. 50006 if it shows nothing, 50008 where messages aren't possible, 10008 for an unknown
    /// reference.
    pub(crate) fn post(&mut self, new: NewMessage) -> ApiResult<MessageId> {
        let channel = self.channel(new.channel)?;
        if !channel.kind.holds_messages() {
            return Err(ApiError::non_text_channel());
        }
        let flags = new.draft.flags.unwrap_or_default();
        let mut message = Message::new(self.next_message_id(new.channel), new.channel, new.author);
        message.application = new.application;
        message.answers = new.answers;
        message.only_for = new.only_for;
        message.flags = flags;
        message.flags.set(MessageFlags::EPHEMERAL, new.only_for.is_some());
        message.tts = new.draft.tts;
        message.nonce = new.draft.nonce.clone();
        message.sticker_items = new.draft.sticker_items.clone();
        message.poll = new.draft.poll.clone();
        if let Some(answers) = &message.answers {
            message.kind = if answers.kind == 2 { 20 } else { 0 };
        }
        let replied = self.refer(&mut message, &new.draft)?;
        let is_forward = !message.snapshots.is_empty();
        if new.draft.is_empty() && !is_forward && !flags.contains(MessageFlags::LOADING) {
            return Err(ApiError::empty_message());
        }
        self.fill(&mut message, &new.draft, replied);
        Ok(self.store(message))
    }

    /// Handles `message_reference`: a reply (type 0) or a forward (type 1). Returns the author of the message
    /// that is replied to.
    fn refer(&self, message: &mut Message, draft: &Draft) -> ApiResult<Option<UserId>> {
        let Some(given) = &draft.reference else { return Ok(None) };
        let Some(id) = crate::validate::snowflake::<MessageId>(&given["message_id"]) else { return Ok(None) };
        let channel = crate::validate::snowflake(&given["channel_id"]).unwrap_or(message.channel);
        let kind = given["type"].as_u64().unwrap_or(0);
        let guild = self.channel(channel)?.guild;
        let Ok(original) = self.message(channel, id) else {
            if given["fail_if_not_exists"] == false {
                return Ok(None);
            }
            return Err(ApiError::field("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"));
        };
        let mut reference = json!({ "type": kind, "message_id": id, "channel_id": channel });
        if let Some(guild) = guild {
            reference["guild_id"] = json!(guild);
        }
        message.reference = Some(reference);
        message.withholds_original = given["withheld"] == true;
        if kind == 1 {
            let full = wire::message(self, original);
            let mut kept = serde_json::Map::new();
            for key in [
                "type",
                "content",
                "embeds",
                "attachments",
                "timestamp",
                "edited_timestamp",
                "flags",
                "mentions",
                "mention_roles",
                "sticker_items",
                "components",
            ] {
                if let Some(value) = full.get(key) {
                    kept.insert(key.to_owned(), value.clone());
                }
            }
            message.snapshots = vec![json!({ "message": kept })];
            message.flags |= MessageFlags::HAS_SNAPSHOT;
            return Ok(None);
        }
        message.kind = 19;
        Ok(match original.author {
            Author::User(user) => Some(user),
            Author::Webhook { .. } => None,
        })
    }

    /// Writes the draft's contents into the message, and records who is notified.
    fn fill(&mut self, message: &mut Message, draft: &Draft, replied: Option<UserId>) {
        if let Some(content) = &draft.content {
            message.content.clone_from(content);
        }
        if let Some(embeds) = &draft.embeds {
            message.embeds.clone_from(embeds);
        }
        if let Some(components) = &draft.components {
            message.components.clone_from(components);
        }
        if let Some(wanted) = &draft.attachments {
            message.attachments = self.attach(message, draft, wanted);
        }
        let allowed = draft.allowed_mentions.clone().unwrap_or_else(AllowedMentions::everything);
        let mut named = self.nameable(message, named_in(&message.content));
        named = allowed.filter(&named);
        if let Some(replied) = replied.filter(|_| allowed.replied_user) {
            named.absorb(&Pinged { users: vec![replied], ..Pinged::default() });
        }
        message.pinged.absorb(&named);
        message.mentions = named;
    }

    fn attach(
        &mut self,
        message: &Message,
        draft: &Draft,
        wanted: &[crate::validate::DraftAttachment],
    ) -> Vec<Attachment> {
        let mut all = Vec::new();
        for entry in wanted {
            if let Some(upload) = draft.upload(entry) {
                let id: AttachmentId = self.ids.next();
                let given = entry.filename.clone().unwrap_or_else(|| upload.filename.clone());
                let filename = safe_filename(&given);
                all.push(Attachment {
                    id,
                    channel: message.channel,
                    title: entry.title.clone().or_else(|| title(&given)),
                    spoiler: entry.spoiler.unwrap_or_default() || filename.starts_with("SPOILER_"),
                    filename,
                    description: entry.description.clone(),
                    content_type: upload.content_type.clone(),
                    size: upload.bytes.len(),
                });
                self.files.insert(id, upload.bytes.clone());
            } else if let Some(kept) = message.attachments.iter().find(|kept| kept.id.0 == entry.id) {
                let spoiler = entry.spoiler.unwrap_or(kept.spoiler);
                all.push(Attachment { spoiler, ..kept.clone() });
            }
        }
        all
    }

    /// Removes everything from `named` that this author can't notify at all.
    fn nameable(&self, message: &Message, mut named: Pinged) -> Pinged {
        let Some(guild) = self.channels.get(&message.channel).and_then(|channel| channel.guild) else {
            return named;
        };
        let may_all = match message.author {
            Author::User(user) => self.can(user, message.channel, Permissions::MENTION_EVERYONE),
            Author::Webhook { .. } => true,
        };
        let Some(guild) = self.guilds.get(&guild) else { return named };
        named.everyone &= may_all;
        named.users.retain(|user| self.users.contains_key(user));
        named.roles.retain(|role| guild.roles.get(role).is_some_and(|role| may_all || role.mentionable));
        named
    }

    /// Adds a finished message to its channel and sends an event.
    pub(crate) fn store(&mut self, message: Message) -> MessageId {
        let (id, channel_id) = (message.id, message.channel);
        let hidden = message.only_for.is_some();
        let author = message.author.clone();
        let mut woke = false;
        if let Ok(channel) = self.channel_mut(channel_id) {
            channel.messages.insert(id, message);
            if !hidden {
                channel.last_message = Some(id);
                if let Some(thread) = &mut channel.thread {
                    thread.total_sent += 1;
                    woke = std::mem::take(&mut thread.archived);
                    if let Author::User(user) = author {
                        thread.members.insert(user);
                    }
                }
            }
        }
        if woke {
            self.emit_channel("THREAD_UPDATE", channel_id);
        }
        self.emit_message("MESSAGE_CREATE", channel_id, id);
        id
    }

    /// Edits a message: what the draft leaves out stays. 50006 if nothing would be left, 50083 in an archived
    /// thread.
    pub(crate) fn edit(&mut self, channel: ChannelId, id: MessageId, draft: &Draft) -> ApiResult<()> {
        if self.channel(channel)?.is_archived() {
            return Err(ApiError::thread_archived());
        }
        let mut message = self.message(channel, id)?.clone();
        let replied = message.mentions.users.iter().copied().find(|_| message.kind == 19);
        if let Some(flags) = draft.flags {
            let settable = MessageFlags::SUPPRESS_EMBEDS | MessageFlags::IS_COMPONENTS_V2;
            message.flags = message.flags.difference(MessageFlags::SUPPRESS_EMBEDS) | (flags & settable);
        }
        self.fill(&mut message, draft, replied);
        let fills_in = message.flags.contains(MessageFlags::LOADING);
        message.flags.remove(MessageFlags::LOADING);
        let bare = message.content.is_empty()
            && message.embeds.is_empty()
            && message.components.is_empty()
            && message.attachments.is_empty()
            && message.sticker_items.is_empty()
            && message.snapshots.is_empty()
            && message.poll.is_none();
        if bare {
            return Err(ApiError::empty_message());
        }
        // For readers, replacing "thinking" isn't an edit.
        if !fills_in {
            message.edited_at = Some(Utc::now());
        }
        let copies = message.copies.clone();
        *self.message_mut(channel, id)? = message;
        self.emit_message("MESSAGE_UPDATE", channel, id);
        for (copy_channel, copy) in copies {
            self.refresh_copy((channel, id), (copy_channel, copy));
        }
        Ok(())
    }

    /// When a published message is edited, Discord edits its copies.
    fn refresh_copy(&mut self, from: (ChannelId, MessageId), to: (ChannelId, MessageId)) {
        let Ok(original) = self.message(from.0, from.1).cloned() else { return };
        let Ok(copy) = self.message_mut(to.0, to.1) else { return };
        copy.content = original.content;
        copy.embeds = original.embeds;
        copy.attachments = original.attachments;
        copy.edited_at = original.edited_at;
        self.emit_message("MESSAGE_UPDATE", to.0, to.1);
    }

    /// Discord adds previews to a message shortly after it is posted: embeds, without an edit.
    pub(crate) fn add_embeds(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        embeds: Vec<Value>,
    ) -> ApiResult<()> {
        self.message_mut(channel, id)?.embeds.extend(embeds);
        self.emit_message("MESSAGE_UPDATE", channel, id);
        Ok(())
    }

    /// A poll ends: its votes are counted, which isn't an edit.
    pub(crate) fn end_poll(&mut self, channel: ChannelId, id: MessageId, votes: &[u64]) -> ApiResult<()> {
        let poll = self.message_mut(channel, id)?.poll.as_mut().ok_or_else(ApiError::unknown_message)?;
        let counts = votes
            .iter()
            .zip(1..)
            .map(|(count, answer)| json!({ "id": answer, "count": count, "me_voted": false }));
        poll["results"] = json!({ "is_finalized": true, "answer_counts": counts.collect::<Vec<_>>() });
        poll["expiry"] = wire::time(Utc::now()).into();
        self.emit_message("MESSAGE_UPDATE", channel, id);
        Ok(())
    }

    /// Deletes one message. Copies of a published message stay, with a mark.
    pub(crate) fn delete_message(&mut self, channel: ChannelId, id: MessageId) -> ApiResult<()> {
        let message =
            self.channel_mut(channel)?.messages.remove(&id).ok_or_else(ApiError::unknown_message)?;
        self.forget_files(&message);
        if message.only_for.is_none() {
            let guild = self.channel(channel)?.guild;
            let data = with_guild(json!({ "id": id, "channel_id": channel }), guild);
            self.emit(&Event { name: "MESSAGE_DELETE", guild, channel: Some(channel), data });
        }
        self.mark_copies(&message);
        Ok(())
    }

    /// Deletes several messages with one event; unknown ones are skipped.
    pub(crate) fn delete_messages(&mut self, channel: ChannelId, ids: &[MessageId]) -> ApiResult<()> {
        let mut gone = Vec::new();
        for id in ids {
            if let Some(message) = self.channel_mut(channel)?.messages.remove(id) {
                gone.push(message);
            }
        }
        let guild = self.channel(channel)?.guild;
        let ids: Vec<MessageId> = gone.iter().map(|message| message.id).collect();
        let data = with_guild(json!({ "ids": ids, "channel_id": channel }), guild);
        self.emit(&Event { name: "MESSAGE_DELETE_BULK", guild, channel: Some(channel), data });
        for message in &gone {
            self.forget_files(message);
            self.mark_copies(message);
        }
        Ok(())
    }

    fn forget_files(&mut self, message: &Message) {
        if message.copies.is_empty() && !message.flags.contains(MessageFlags::IS_CROSSPOST) {
            for attachment in &message.attachments {
                self.files.remove(&attachment.id);
            }
        }
    }

    fn mark_copies(&mut self, original: &Message) {
        for (channel, id) in &original.copies {
            if let Ok(copy) = self.message_mut(*channel, *id) {
                copy.flags |= MessageFlags::SOURCE_MESSAGE_DELETED;
                copy.content = "[Original Message Deleted]".to_owned();
                copy.embeds.clear();
                copy.attachments.clear();
                self.emit_message("MESSAGE_UPDATE", *channel, *id);
            }
        }
    }

    /// Publishes a message of an announcement channel: every follower gets a copy.
    /// 50024 elsewhere, 40033 the second time, 50021 for system messages.
    pub(crate) fn crosspost(&mut self, channel: ChannelId, id: MessageId) -> ApiResult<()> {
        let of = self.channel(channel)?;
        if of.kind != ChannelKind::Announcement {
            return Err(ApiError::wrong_channel_type());
        }
        let message = self.message(channel, id)?;
        if message.flags.contains(MessageFlags::CROSSPOSTED) {
            return Err(ApiError::already_crossposted());
        }
        if !message.is_ordinary() || message.flags.contains(MessageFlags::IS_CROSSPOST) {
            return Err(ApiError::system_message());
        }
        self.message_mut(channel, id)?.flags |= MessageFlags::CROSSPOSTED;
        self.emit_message("MESSAGE_UPDATE", channel, id);
        let followers: Vec<_> = self
            .webhooks
            .values()
            .filter(|hook| matches!(hook.kind, WebhookKind::Follower { source, .. } if source == channel))
            .map(|hook| (hook.id, hook.channel, hook.name.clone(), hook.avatar.clone()))
            .collect();
        for (webhook, target, name, avatar_url) in followers {
            let original = self.message(channel, id)?.clone();
            let guild = self.channel(channel)?.guild;
            let author = Author::Webhook { id: webhook, name, avatar_url };
            let mut copy = Message::new(self.ids.next(), target, author);
            copy.content = original.content;
            copy.embeds = original.embeds;
            copy.attachments = original.attachments;
            copy.sticker_items = original.sticker_items;
            copy.flags = MessageFlags::IS_CROSSPOST;
            copy.reference = Some(json!({
                "type": 0, "message_id": id, "channel_id": channel,
                "guild_id": guild.map(|guild| guild.to_string()),
            }));
            let copy_id = self.store(copy);
            self.message_mut(channel, id)?.copies.push((target, copy_id));
        }
        Ok(())
    }

    /// Sends a message event; there are none for ephemeral messages.
    pub(crate) fn emit_message(&mut self, name: &'static str, channel: ChannelId, id: MessageId) {
        let Ok(message) = self.message(channel, id) else { return };
        if message.only_for.is_some() {
            return;
        }
        let data = wire::gateway_message(self, message);
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        self.emit(&Event { name, guild, channel: Some(channel), data });
    }
}

/// Adds `guild_id` if there is a guild.
pub(super) fn with_guild(mut data: Value, guild: Option<GuildId>) -> Value {
    if let Some(guild) = guild {
        data["guild_id"] = json!(guild);
    }
    data
}

/// Discord keeps only ASCII letters, digits, `.`, `-` and `_` in a file name.
fn safe_filename(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| if c == ' ' { '_' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .collect();
    match kept.strip_prefix('.') {
        Some(extension) => format!("unknown.{extension}"),
        None if kept.is_empty() => "unknown".to_owned(),
        None => kept,
    }
}

/// The title that preserves a name that isn't ASCII, without its extension.
fn title(name: &str) -> Option<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    (!name.is_ascii()).then(|| stem.trim_start_matches("SPOILER_").to_owned())
}
