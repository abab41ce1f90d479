//! What followed people post in channels that nobody follows. Such a channel isn't read: what is posted,
//! edited or deleted there while nobody listens is missed.
//!
//! Nothing is recorded before it is known what the channel is. Of a thread, the tags decide who wants its
//! posts. The gateway tells them, else Discord is asked once ([`Reading::Place`]), and the channel's events
//! wait meanwhile. What is posted in a channel that Discord doesn't show is left out.

use serde_json::Value;

use crate::domain::activity::{ActivityContent, ActivityId, Origin};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::message::InThread;
use crate::rest::model::Message;
use crate::service::content;
use crate::service::watch::{AuthorPlace, MessageLocation, SeenThread, ThreadChange};
use crate::store::{SourceEvent, StoreError};

use super::batch::{Batch, event};
use super::event_queue::ReceivedEvent;
use super::record::{catching, set_aside};
use super::sources::{Reading, SourceStates};
use super::threads::ThreadEnd;
use super::{GatewayEvent, Intake};

/// How many posts of a thread are brought up to date at once.
const TOGETHER: usize = 256;

/// A thread that nobody follows, and of which something is recorded: its name or its tags may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RetitledThread(pub(super) ChannelId);

impl Intake {
    /// Notes that a followed person posted in a channel that is no source: before the event is queued, as a
    /// deletion may follow at once.
    pub fn note_author_post(&self, channel: ChannelId) {
        self.watched.add_author_channel(channel);
    }

    /// Takes up a thread that nobody follows, if somebody follows people. What follows from that is returned
    /// as an event.
    pub fn author_thread_seen(&self, thread: SeenThread) -> Option<GatewayEvent> {
        let SeenThread { id, parent, guild, .. } = thread;
        let change = self.watched.note_author_thread(thread)?;
        if !self.watched.has_author_posts(id) {
            return None;
        }
        match change {
            ThreadChange::Hidden => {
                Some(GatewayEvent::ThreadEnded(ThreadEnd { thread: id, parent, guild, deleted: false }))
            }
            ThreadChange::New | ThreadChange::Changed => Some(GatewayEvent::Thread(id)),
            ThreadChange::Same => None,
        }
    }

    /// A thread that nobody follows was deleted; `None` if nothing of it is recorded.
    pub(super) fn author_thread_deleted(
        &self,
        thread: ChannelId,
        parent: Option<ChannelId>,
        guild: Option<GuildId>,
    ) -> Option<GatewayEvent> {
        let known = self.watched.forget_author_thread(thread);
        if !self.watched.has_author_posts(thread) {
            return None;
        }
        let parent = parent.or(known.map(|(parent, _)| parent))?;
        let guild = guild.or(known.map(|(_, guild)| guild))?;
        Some(GatewayEvent::ThreadEnded(ThreadEnd { thread, parent, guild, deleted: true }))
    }

    /// Accepts an event from a channel that is no source, or defers it while it is found out what that is.
    pub(super) fn dispatch_elsewhere(
        &self,
        channel: ChannelId,
        received: ReceivedEvent,
        sources: &mut SourceStates,
        batch: &mut Batch,
    ) {
        let Some(received) = sources.defer(channel, channel, received) else { return };
        if let Some(guild) = self.unknown_place(channel, &received.event) {
            sources.request(channel, Reading::Place(guild));
            // It is the first that waits, so it has a place.
            let _ = sources.defer(channel, channel, received);
            return;
        }
        match received.event {
            GatewayEvent::Posted(message) => self.accept_elsewhere(message, true, batch),
            GatewayEvent::Edited(message) => self.accept_elsewhere(message, false, batch),
            event => self.accept_elsewhere_at_end(event, batch),
        }
    }

    /// Accepts what needs no knowledge of its channel.
    pub(super) fn accept_elsewhere_at_end(&self, event: GatewayEvent, batch: &mut Batch) {
        match event {
            GatewayEvent::Deleted { channel, message } => {
                let origin = Origin::Message { channel, message };
                batch.events.push(SourceEvent::Deleted { origin });
            }
            GatewayEvent::Thread(thread) => batch.retitled.push(RetitledThread(thread)),
            _ => {}
        }
    }

    /// The server of a message that can't be accepted before it is known what its channel is.
    fn unknown_place(&self, channel: ChannelId, event: &GatewayEvent) -> Option<GuildId> {
        let (message, new) = match event {
            GatewayEvent::Posted(message) => (message, true),
            GatewayEvent::Edited(message) => (message, false),
            _ => return None,
        };
        let (guild, author) = (id::<GuildId>(&message["guild_id"])?, id::<UserId>(&message["author"]["id"])?);
        if new && !self.watched.is_followed_author(author) {
            return None;
        }
        let message = id::<MessageId>(&message["id"])?;
        let place = self.watched.locate_author_post(channel, message, self.clock.now());
        (place == AuthorPlace::Unknown).then_some(guild)
    }

    fn accept_elsewhere(&self, message: Value, new: bool, batch: &mut Batch) {
        if catching(|| self.accept_of_author(message, new, batch)).is_none() {
            tracing::warn!("a message of a followed person could not be read");
        }
    }

    fn accept_of_author(&self, message: Value, new: bool, batch: &mut Batch) {
        let (guild, author) = (id::<GuildId>(&message["guild_id"]), id::<UserId>(&message["author"]["id"]));
        let (Some(guild), Some(author)) = (guild, author) else { return };
        if new && !self.watched.is_followed_author(author) {
            return;
        }
        let Ok(message) = serde_json::from_value::<Message>(message) else { return };
        if !self.reader.is_post(&message) || message.webhook_id.is_some() {
            return;
        }
        if new {
            // Before its place is looked up: whoever changes that from now on sees that it matters.
            self.watched.add_author_channel(message.channel_id);
        }
        let now = self.clock.now();
        let place = self.watched.locate_author_post(message.channel_id, message.id, now);
        let AuthorPlace::At(MessageLocation { source, thread }) = place else { return };
        self.reader.names.note(&message, guild, now);
        let mut content = content::read(&message, guild, thread);
        // Names that aren't known stay out: nothing else is asked for a channel that nobody follows.
        let _ = self.reader.names.fill(&message, &mut content, guild, now);
        let origin = Origin::Message { channel: message.channel_id, message: message.id };
        if content::is_hollow(&content) {
            return set_aside(origin, if new { "posted" } else { "edited" }, "no content");
        }
        batch.add(&message, event(&message, source, content, new));
    }

    /// The next posts of a thread, with its present name and tags, as far as these differ from what was
    /// recorded; and the last post that was looked at, if there may be more.
    pub(super) async fn posts_to_retitle(
        &self,
        RetitledThread(thread): RetitledThread,
        after: Option<ActivityId>,
    ) -> Result<(Vec<SourceEvent>, Option<ActivityId>), StoreError> {
        let (posts, last) = self.store.feed_posts_in_thread(thread, after, TOGETHER).await?;
        let mut events = Vec::new();
        for post in posts {
            let place = self.watched.locate_author_post(thread, post.origin.message(), self.clock.now());
            let AuthorPlace::At(MessageLocation { source, thread: now }) = place else { continue };
            let Some(mut content) = post.content.as_message().cloned() else { continue };
            let of = |thread: &InThread| (thread.title.clone(), thread.tags.clone());
            if content.thread.as_ref().map(of) == now.as_ref().map(of) {
                continue;
            }
            content.thread = now;
            events.push(SourceEvent::Reread {
                origin: post.origin,
                source,
                revision: post.revision,
                author: post.author,
                content: ActivityContent::from(content),
            });
        }
        Ok((events, last))
    }
}

/// An id as Discord writes it.
fn id<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}
