//! How the reading of a source begins: from where on, and what a new follow shows of the time before it.

use crate::domain::follow::{Follow, Threads};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::service::ServiceError;
use crate::service::access::Place;
use crate::service::watch::SeenThread;
use crate::store::{FollowedSource, SourceEvent};

use super::{Intake, as_event};

impl Intake {
    /// A source that nobody had read by relay is read from now on, with those of its threads that are wanted: what was posted before is not sent later. To be
    /// called before its follow is stored, so that no message falls between.
    pub async fn begin_reading(&self, source: &Place, threads: Threads) -> Result<(), ServiceError> {
        let (channel, guild, parent) = (source.id(), source.guild, source.parent());
        self.watched.read(FollowedSource { channel, guild, parent, threads: threads != Threads::None });
        self.reader.describe(&source.channel);
        if !self.store.is_read(channel).await? {
            // A channel's own number is older than all its messages.
            let oldest = MessageId::from_db(channel.to_db()).ok();
            if let Some(newest) = source.channel.last_message_id.or(oldest) {
                self.store.move_seen_message(channel, newest).await?;
            }
        }
        if let Some(parent) = parent {
            if let Some(seen) = SeenThread::read(&source.channel, guild) {
                self.watched.note(seen);
            }
            self.store.note_thread(channel, parent).await?;
        }
        if threads != Threads::None && !self.store.threads_are_read(channel).await? {
            let newest = self.reader.newest_in_threads(channel, guild).await?;
            let own = source.channel.last_message_id;
            let from = newest.max(own).or_else(|| MessageId::from_db(channel.to_db()).ok());
            if let Some(from) = from {
                self.store.move_threads_from(channel, from).await?;
            }
        }
        Ok(())
    }

    /// The newest posts of a source, at most so many, oldest first: what a new follow can begin with. Of a forum what its newest threads begin with; of a channel
    /// what was posted in itself.
    pub async fn newest(
        &self,
        source: ChannelId,
        guild: GuildId,
        posts: u8,
    ) -> Result<Vec<SourceEvent>, ServiceError> {
        if posts == 0 {
            return Ok(Vec::new());
        }
        let read = self.reader.newest(source, guild, posts).await?;
        Ok(read.into_iter().filter_map(as_event).collect())
    }

    /// Shows a new follow these posts before all others, and what was posted since they were read. Says with how many it begins: not all may be let through.
    pub async fn backfill(&self, follow: &Follow, posts: &[SourceEvent]) -> Result<u64, ServiceError> {
        let Some(last) = posts.last() else { return Ok(0) };
        let owed = self.store.backfill(follow, posts, self.clock.now()).await?;
        self.note_threads(posts).await?;
        (self.wake)(vec![follow.pair.target]);
        let read = self.reader.after(follow.pair.source, follow.source_guild, last.origin()).await?;
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
