//! How the reading of a source begins: from where on, and what a new follow shows of the time before it.

use chrono::TimeDelta;

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Filter, Follow, Threads};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::service::ServiceError;
use crate::service::access::Place;
use crate::service::watch::SeenThread;
use crate::store::{FollowedSource, SourceEvent};

use super::Intake;
use super::batch::as_event;
use super::reading::listing::start_of;

/// What is later than this before now, Discord has told of: more than any machine's clock is wrong.
const LATELY: TimeDelta = TimeDelta::hours(1);

/// What a new follow can begin with.
#[derive(Debug, Default)]
pub struct Earlier {
    /// The newest posts that it lets through, oldest first.
    posts: Vec<SourceEvent>,
    /// The newest message when they were read, or what the newest thread of a forum begins with.
    seen: Option<MessageId>,
}

impl Intake {
    /// A source that nobody had read by relay is read from now on, with those of its threads that are wanted: what was posted before is not sent later. To be
    /// called before its follow is stored, so that no message falls between.
    pub async fn begin_reading(&self, source: &Place, threads: Threads) -> Result<(), ServiceError> {
        let (channel, guild, parent) = (source.id(), source.guild, source.parent());
        self.watched.read(FollowedSource { channel, guild, parent, threads: threads != Threads::None });
        self.reader.describe(&source.channel);
        if !self.store.is_read(channel).await? {
            let from = match self.read_with_parent(source).await? {
                Some(seen) => seen,
                // Asked anew: what was posted before anybody listened belongs to the time before the follow.
                None => self.until_now(self.reader.newest_message(channel, guild).await?),
            };
            self.store.move_seen_message(channel, from).await?;
        }
        if let Some(parent) = parent {
            if let Some(seen) = SeenThread::read(&source.channel, guild) {
                self.watched.note(seen);
            }
            self.store.note_thread(channel, parent).await?;
        }
        if threads != Threads::None && !self.store.threads_are_read(channel).await? {
            let newest = self.reader.newest_in_threads(channel, guild).await?;
            // Asked once more: what was seen must be older than any follow that is read from it, and another may have begun meanwhile.
            if !self.store.threads_are_read(channel).await? {
                let from = self.until_now(newest.max(source.channel.last_message_id));
                self.store.move_threads_from(channel, from).await?;
            }
        }
        Ok(())
    }

    /// Up to where a thread has been read that is read with its channel. What is newer may be on its way, and owed to
    /// those who follow the channel: it is not taken for seen.
    async fn read_with_parent(&self, source: &Place) -> Result<Option<MessageId>, ServiceError> {
        let thread = source.id();
        // A private one is never read with its channel.
        let public = source.kind() != ChannelKind::PrivateThread;
        let Some(parent) = source.parent().filter(|_| public) else { return Ok(None) };
        if !self.store.threads_are_read(parent).await? {
            return Ok(None);
        }
        let Some(from) = self.store.threads_from(parent).await? else { return Ok(None) };
        let seen = self.store.seen_message(thread).await?;
        // One of which nothing was written down has nothing that is older than a moment.
        let lately = MessageId::first_at(self.clock.now() - LATELY);
        let from = if seen.is_some() { from } else { from.max(lately) };
        Ok(Some(start_of(thread, seen, from)))
    }

    /// Where a reading begins: behind the newest message; where nobody has posted for long, a moment ago, as what was last read long ago, and isn't followed yet, is
    /// forgotten.
    fn until_now(&self, newest: Option<MessageId>) -> MessageId {
        let lately = MessageId::first_at(self.clock.now() - LATELY);
        newest.map_or(lately, |newest| newest.max(lately))
    }

    /// The newest posts of a source that this lets through, at most so many, oldest first: what a new follow can begin with. Of a forum what its newest threads
    /// begin with; of a channel what was posted in itself.
    pub async fn newest(
        &self,
        source: ChannelId,
        guild: GuildId,
        filter: &Filter,
        posts: u8,
    ) -> Result<Earlier, ServiceError> {
        if posts == 0 {
            return Ok(Earlier::default());
        }
        let (read, seen) = self.reader.newest(source, guild, filter, posts).await?;
        Ok(Earlier { posts: read.into_iter().filter_map(as_event).collect(), seen })
    }

    /// Shows a new follow these posts before all others, and what was posted since they were read. Says with how many it begins: not all may be let through.
    pub async fn backfill(&self, follow: &Follow, earlier: &Earlier) -> Result<u64, ServiceError> {
        let Earlier { posts, seen: Some(seen) } = earlier else { return Ok(0) };
        if posts.is_empty() {
            return Ok(0);
        }
        let owed = self.store.backfill(follow, posts, self.clock.now()).await?;
        self.note_threads(posts).await?;
        (self.wake)(vec![follow.pair.target]);
        let read = self.reader.after(follow.pair.source, follow.source_guild, *seen).await?;
        let since: Vec<SourceEvent> = read.into_iter().filter_map(as_event).collect();
        self.store.backfill(follow, &since, self.clock.now()).await?;
        self.note_threads(&since).await?;
        (self.wake)(vec![follow.pair.target]);
        Ok(owed)
    }

    /// What is shown of threads is looked at again after an absence.
    async fn note_threads(&self, posts: &[SourceEvent]) -> Result<(), ServiceError> {
        for post in posts {
            let thread = post.origin().channel();
            if let Some(parent) = post.source().filter(|source| *source != thread) {
                self.store.note_thread(thread, parent).await?;
            }
        }
        Ok(())
    }
}
