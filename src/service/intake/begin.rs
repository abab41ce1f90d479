//! How the reading of a source begins: from where on, and which earlier posts a new follow shows.

use chrono::TimeDelta;

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Follow, TagFilter, ThreadScope};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::message::Content;
use crate::service::ServiceError;
use crate::service::access::GuildChannel;
use crate::service::watch::SeenThread;
use crate::store::{FollowedSource, SourceEvent};

use super::Intake;
use super::batch::as_event;
use super::reading::ReadItem;
use super::reading::listing::start_of;

/// The gateway has surely reported everything older than this; no clock is that wrong.
const LATELY: TimeDelta = TimeDelta::hours(1);

/// The earlier posts that a new follow begins with.
#[derive(Debug, Default)]
pub struct Backfill {
    /// The newest posts that it lets through, oldest first.
    posts: Vec<SourceEvent>,
    /// The newest message at the time of reading; in a forum, the first message of its newest thread.
    seen: Option<MessageId>,
}

/// A post of a source, as a follow would find it.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierPost {
    /// Its channel or thread.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who posted it.
    pub author: UserId,
    /// What a mirror shows of it.
    pub content: Content,
}

impl Intake {
    /// Begins to read a source that no relay follow has read yet, with its threads if they are wanted. What
    /// was posted before is not sent later. It must be called before the follow is stored, so that no message
    /// is missed in between.
    pub async fn begin_reading(
        &self,
        source: &GuildChannel,
        threads: ThreadScope,
    ) -> Result<(), ServiceError> {
        let (channel, guild, parent) = (source.id(), source.guild, source.parent());
        self.watched.add_source(FollowedSource {
            channel,
            guild,
            parent,
            threads: threads != ThreadScope::None,
        });
        self.reader.describe(&source.channel);
        if !self.store.is_read(channel).await? {
            let from = match self.read_with_parent(source).await? {
                Some(seen) => seen,
                // Asks Discord now, because everything posted before anybody listened belongs to the time
                // before the follow.
                None => self.until_now(self.reader.newest_message(channel, guild).await?),
            };
            self.store.move_seen_message(channel, from).await?;
        }
        if let Some(parent) = parent {
            if let Some(seen) = SeenThread::read(&source.channel, guild) {
                self.watched.note_thread(seen);
            }
            self.store.note_thread(channel, parent).await?;
        }
        if threads != ThreadScope::None && !self.store.threads_are_read(channel).await? {
            let newest = self.reader.newest_in_threads(channel, guild).await?;
            // Checks again: the mark must be older than any follow that is read from it, and another follow
            // may have begun meanwhile.
            if !self.store.threads_are_read(channel).await? {
                let from = self.until_now(newest.max(source.channel.last_message_id));
                self.store.move_threads_from(channel, from).await?;
            }
        }
        Ok(())
    }

    /// Up to where a thread has been read that is read with its channel. What is newer may be on its way,
    /// delivered to the followers of the channel, so it doesn't count as seen.
    async fn read_with_parent(&self, source: &GuildChannel) -> Result<Option<MessageId>, ServiceError> {
        let thread = source.id();
        // A private thread is never read with its channel.
        let public = source.kind() != ChannelKind::PrivateThread;
        let Some(parent) = source.parent().filter(|_| public) else { return Ok(None) };
        if !self.store.threads_are_read(parent).await? {
            return Ok(None);
        }
        let Some(from) = self.store.threads_from(parent).await? else { return Ok(None) };
        let seen = self.store.seen_message(thread).await?;
        // If nothing of it was recorded yet, anything older than a moment was never due anywhere.
        let lately = MessageId::first_at(self.clock.now() - LATELY);
        let from = if seen.is_some() { from } else { from.max(lately) };
        Ok(Some(start_of(thread, seen, from)))
    }

    /// Where a reading begins: after the newest message. If nobody has posted for long, it begins a moment
    /// ago, because retention may have forgotten what was read long ago.
    fn until_now(&self, newest: Option<MessageId>) -> MessageId {
        let lately = MessageId::first_at(self.clock.now() - LATELY);
        newest.map_or(lately, |newest| newest.max(lately))
    }

    /// Reads the newest posts of a source that the filter lets through, oldest first and at most `posts` of
    /// them. In a forum, these are the first messages of its newest threads; in a channel, only messages of
    /// the channel itself.
    pub async fn read_backfill(
        &self,
        source: ChannelId,
        guild: GuildId,
        filter: &TagFilter,
        posts: u8,
    ) -> Result<Backfill, ServiceError> {
        if posts == 0 {
            return Ok(Backfill::default());
        }
        let (read, seen) = self.reader.newest_posts(source, guild, filter, posts).await?;
        Ok(Backfill { posts: read.into_iter().filter_map(as_event).collect(), seen })
    }

    /// The newest posts of a source, oldest first and at most `posts` of them, as [`Intake::read_backfill`]
    /// reads them. The source need not be followed.
    pub async fn earlier_posts(
        &self,
        source: &GuildChannel,
        posts: u8,
    ) -> Result<Vec<EarlierPost>, ServiceError> {
        self.reader.describe(&source.channel);
        let newest = self.reader.newest_posts(source.id(), source.guild, &TagFilter::All, posts);
        let (read, _) = newest.await?;
        let post = |read| match read {
            ReadItem::Message { message, content, .. } => Some(EarlierPost {
                channel: message.channel_id,
                message: message.id,
                author: message.author.id,
                content: *content,
            }),
            _ => None,
        };
        Ok(read.into_iter().filter_map(post).collect())
    }

    /// Delivers these posts to a new follow before all others, and then what was posted since they were read.
    /// Returns how many posts the follow begins with: not all of them may be let through.
    pub async fn deliver_backfill(&self, follow: &Follow, earlier: &Backfill) -> Result<u64, ServiceError> {
        let Backfill { posts, seen: Some(seen) } = earlier else { return Ok(0) };
        if posts.is_empty() {
            return Ok(0);
        }
        let deliveries = self.store.backfill(follow, posts, self.clock.now()).await?;
        self.note_threads(posts).await?;
        (self.wake)(vec![follow.pair.target]);
        let read = self.reader.read_after(follow.pair.source, follow.source_guild, *seen).await?;
        let since: Vec<SourceEvent> = read.into_iter().filter_map(as_event).collect();
        self.store.backfill(follow, &since, self.clock.now()).await?;
        self.note_threads(&since).await?;
        (self.wake)(vec![follow.pair.target]);
        Ok(deliveries)
    }

    /// Notes threads that are shown, so that they are checked after an absence.
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
