//! What the gateway tells of threads: which of it matters, and what becomes of what was mirrored from a thread that is gone or private now.

use serde_json::Value;

use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, GuildId, TagId};
use crate::rest::model::Channel;
use crate::service::upkeep::break_all;
use crate::service::watch::{First, Noted, SeenThread, Watched};
use crate::store::{BreakWhich, StoreError};

use super::{Intake, Report};

/// How the gateway came to tell of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is new.
    Created,
    /// Something about it changed.
    Updated,
    /// It is one of those that stand, in a list.
    Listed,
}

/// A thread that is no part of its channel any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadEnd {
    /// The thread.
    pub thread: ChannelId,
    /// Its channel.
    pub parent: ChannelId,
    /// Its server.
    pub guild: GuildId,
    /// It was deleted; otherwise it was made private.
    pub deleted: bool,
}

impl Intake {
    /// Whether anything of this thread is to be written down, its messages or its end. In memory only.
    pub fn wants_thread(&self, thread: ChannelId, parent: ChannelId) -> bool {
        self.watched.wants_thread(thread, parent)
    }

    /// Takes up what a thread is called and how it is tagged. At once, as it stands before the thread's messages; what follows from it comes as a report.
    pub fn thread_seen(&self, thread: SeenThread, told: Told) -> Option<Report> {
        let SeenThread { id, parent, guild, last_message, .. } = thread;
        match (self.watched.note(thread)?, told) {
            (Noted::Hidden, _) => {
                Some(Report::ThreadEnded(ThreadEnd { thread: id, parent, guild, deleted: false }))
            }
            // A post of a forum begins with a message that comes at once, and may be told of already: it has the thread's number. Elsewhere it may have been
            // started from one.
            (Noted::New, Told::Created)
                if last_message.is_none_or(|last| last == id.first_message())
                    && self.watched.is_forum(parent) == Some(true) =>
            {
                self.watched.begin(id, First::Awaited);
                None
            }
            (Noted::New, Told::Created) | (Noted::Changed, Told::Updated) => Some(Report::Thread(id)),
            _ => None,
        }
    }

    /// Reads a thread of this server in Discord's form; none where it is no thread. A thread has no permissions of its own, so nothing that stands there can
    /// make it unreadable.
    pub fn read_thread(&self, thread: &Value, guild: GuildId) -> Option<SeenThread> {
        let mut fields = thread.as_object()?.clone();
        fields.remove("permission_overwrites");
        fields.remove("guild_id");
        let channel: Channel = serde_json::from_value(Value::Object(fields)).ok()?;
        SeenThread::read(&channel, guild)
    }

    /// A thread was deleted; none where nothing of it is read. What the gateway doesn't say of it may be known.
    pub fn thread_deleted(
        &self,
        thread: ChannelId,
        parent: Option<ChannelId>,
        guild: Option<GuildId>,
    ) -> Option<Report> {
        let parent = parent.or_else(|| self.watched.parent_of(thread))?;
        let guild = guild.or_else(|| self.watched.root_of(thread).map(|(_, guild)| guild))?;
        if !self.wants_thread(thread, parent) {
            return None;
        }
        self.watched.forget_thread(thread);
        Some(Report::ThreadEnded(ThreadEnd { thread, parent, guild, deleted: true }))
    }

    /// A channel was deleted, and its threads with it.
    pub fn channel_deleted(&self, channel: ChannelId) {
        if self.watched.wants_tags(channel) {
            self.watched.forget_threads_of(channel);
        }
    }

    /// Who may see which of a server's channels may have changed.
    pub fn doors_changed(&self, guild: GuildId) {
        self.reader.names.forget(guild);
    }

    /// Whether it matters which tags this channel offers.
    pub fn wants_tags(&self, forum: ChannelId) -> bool {
        self.watched.wants_tags(forum)
    }

    /// The tags that a forum offers from now on.
    pub fn tags_offered(&self, forum: ChannelId, tags: impl IntoIterator<Item = (TagId, String)>) {
        self.watched.offer_tags(forum, tags);
    }

    /// Takes back what was mirrored from a thread. The follows of one that was deleted break before: what they have shown stays, as where a channel is deleted.
    pub(super) async fn end_thread(&self, end: ThreadEnd) -> Result<(), StoreError> {
        let ThreadEnd { thread, parent, deleted, .. } = end;
        if deleted {
            let now = self.clock.now();
            break_all(&self.store, BreakWhich::Source(thread), BrokenReason::SourceDeleted, now).await?;
            break_all(&self.store, BreakWhich::Target(thread), BrokenReason::TargetDeleted, now).await?;
        }
        let targets = if deleted {
            self.store.delete_thread(thread, parent).await?
        } else {
            self.store.hide_thread(thread, parent).await?
        };
        if !targets.is_empty() {
            (self.wake)(targets);
        }
        Ok(())
    }
}

impl Watched {
    /// What was posted first in a thread is no post: nothing that is posted later begins it.
    pub(super) fn begin_elsewhere(&self, thread: ChannelId) {
        self.settle(thread, First::Elsewhere);
    }

    /// A thread that was new when it was last looked at begins with this.
    pub(super) fn settle(&self, thread: ChannelId, first: First) {
        if self.first(thread) == First::Awaited {
            self.begin(thread, first);
        }
    }
}
