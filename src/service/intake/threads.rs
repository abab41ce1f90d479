//! What the gateway reports about threads: which of it matters, and what happens to the mirrors of a thread
//! that was deleted or made private.

use serde_json::Value;

use crate::domain::audit::ChangedBy;
use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, GuildId, TagId};
use crate::rest::model::Channel;
use crate::service::breaks::break_follows;
use crate::service::watch::{SeenThread, ThreadChange, ThreadStart, Watched};
use crate::store::{BreakWhich, StoreError};

use super::{GatewayEvent, Intake};

/// In which way the gateway reported a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadNotice {
    /// As a new one.
    Created,
    /// Because something about it changed.
    Updated,
    /// In a list of existing threads.
    Listed,
}

/// A thread that is no longer part of its channel.
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
    /// Whether anything of this thread is recorded, its messages or its end. In memory only.
    pub fn wants_thread(&self, thread: ChannelId, parent: ChannelId) -> bool {
        self.watched.wants_thread(thread, parent)
    }

    /// Takes up a thread's name and tags. This happens at once, because it precedes the thread's messages;
    /// what follows from it is returned as an event.
    pub fn thread_seen(&self, thread: SeenThread, told: ThreadNotice) -> Option<GatewayEvent> {
        let SeenThread { id, parent, guild, last_message, .. } = thread;
        match (self.watched.note_thread(thread)?, told) {
            (ThreadChange::Hidden, _) => {
                Some(GatewayEvent::ThreadEnded(ThreadEnd { thread: id, parent, guild, deleted: false }))
            }
            // A forum post begins with a message that comes at once and may have been reported already: it
            // has the thread's number. Elsewhere, a thread may have been started from a message.
            (ThreadChange::New, ThreadNotice::Created)
                if last_message.is_none_or(|last| last == id.first_message())
                    && self.watched.is_forum(parent) == Some(true) =>
            {
                self.watched.set_thread_start(id, ThreadStart::Awaited);
                None
            }
            (ThreadChange::New, ThreadNotice::Created) | (ThreadChange::Changed, ThreadNotice::Updated) => {
                Some(GatewayEvent::Thread(id))
            }
            _ => None,
        }
    }

    /// Reads a thread of this server in Discord's form; `None` if it isn't a thread. A thread has no
    /// permissions of its own, so nothing in those fields can make it unreadable.
    pub fn read_thread(&self, thread: &Value, guild: GuildId) -> Option<SeenThread> {
        let mut fields = thread.as_object()?.clone();
        fields.remove("permission_overwrites");
        fields.remove("guild_id");
        let channel: Channel = serde_json::from_value(Value::Object(fields)).ok()?;
        SeenThread::read(&channel, guild)
    }

    /// A thread was deleted; `None` if nothing of it is read. What the gateway leaves out may be known
    /// already.
    pub fn thread_deleted(
        &self,
        thread: ChannelId,
        parent: Option<ChannelId>,
        guild: Option<GuildId>,
    ) -> Option<GatewayEvent> {
        let of_source = parent.or_else(|| self.watched.parent_of(thread));
        let Some(of_source) = of_source.filter(|parent| self.wants_thread(thread, *parent)) else {
            return self.author_thread_deleted(thread, parent, guild);
        };
        let guild = guild.or_else(|| self.watched.root_of(thread).map(|(_, guild)| guild))?;
        let parent = of_source;
        self.watched.forget_thread(thread);
        Some(GatewayEvent::ThreadEnded(ThreadEnd { thread, parent, guild, deleted: true }))
    }

    /// A channel was deleted, and its threads with it.
    pub fn channel_deleted(&self, channel: ChannelId) {
        if self.watched.wants_tags(channel) {
            self.watched.forget_threads_of(channel);
        }
    }

    /// Hears that permissions in a server may have changed.
    pub fn permissions_changed(&self, guild: GuildId) {
        self.reader.names.forget(guild);
    }

    /// Whether it matters which tags this channel offers.
    pub fn wants_tags(&self, forum: ChannelId) -> bool {
        self.watched.wants_tags(forum)
    }

    /// Takes up the tags that a forum offers from now on.
    pub fn tags_offered(&self, forum: ChannelId, tags: impl IntoIterator<Item = (TagId, String)>) {
        self.watched.offer_tags(forum, tags);
    }

    /// Withdraws what was mirrored from a thread. If it was deleted, its own follows break first: what they
    /// have shown stays, as for a deleted channel.
    pub(super) async fn end_thread(&self, end: ThreadEnd) -> Result<(), StoreError> {
        let ThreadEnd { thread, parent, deleted, .. } = end;
        if deleted {
            let now = self.clock.now();
            break_follows(&self.store, BreakWhich::Source(thread), BrokenReason::SourceDeleted, now).await?;
            break_follows(&self.store, BreakWhich::Target(thread), BrokenReason::TargetDeleted, now).await?;
            self.store.drop_deleted_channel(thread, ChangedBy::System.at(now)).await?;
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
    /// The first message in a thread is no post, so no later post begins it.
    pub(super) fn begin_elsewhere(&self, thread: ChannelId) {
        self.decide_start(thread, ThreadStart::Elsewhere);
    }

    /// Decides how a thread begins that was new when it was last looked at.
    pub(super) fn decide_start(&self, thread: ChannelId, first: ThreadStart) {
        if self.thread_start(thread) == ThreadStart::Awaited {
            self.set_thread_start(thread, first);
        }
    }
}
