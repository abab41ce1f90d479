//! Reads the newest posts of a source: those that a new follow begins with, and where its reading begins.

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::follow::TagFilter;
use crate::domain::hashtags::hashtags;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::tags::Tag;
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::watch::{SeenThread, ThreadStart};
use crate::service::{ServiceError, content};

use super::listing::{AT_ONCE, without_archived};
use super::{ReadItem, Reader};

/// How many pages of a history are searched for posts at most.
const PAGES_BACK: usize = 10;
/// How many threads of a forum are listed at most, and how many of them have their first message read.
const THREADS_BACK: usize = 1_000;
const STARTERS_BACK: usize = 200;

impl Reader {
    /// The newest message of a channel or thread.
    pub(in crate::service::intake) async fn newest_message(
        &self,
        channel: ChannelId,
        guild: GuildId,
    ) -> Result<Option<MessageId>, ServiceError> {
        Ok(self.rest.of_server(guild).channel(channel).await?.last_message_id)
    }

    /// The newest message in any active thread of a source. From then on, all of these threads are known.
    pub(in crate::service::intake) async fn newest_in_threads(
        &self,
        source: ChannelId,
        guild: GuildId,
    ) -> Result<Option<MessageId>, ServiceError> {
        let active = self.active(source, guild).await?;
        let ids = active
            .iter()
            .flat_map(|thread| thread.last_message.into_iter().chain([thread.id.first_message()]));
        let newest = ids.max();
        for thread in active {
            self.watched.note_thread(thread);
        }
        Ok(newest)
    }

    /// The newest posts of a source that the filter lets through, at most `posts` of them, oldest first; and
    /// the newest message of all. In a forum, that is the first message of its newest thread.
    pub(in crate::service::intake) async fn newest_posts(
        &self,
        source: ChannelId,
        guild: GuildId,
        filter: &TagFilter,
        posts: u8,
    ) -> Result<(Vec<ReadItem>, Option<MessageId>), ServiceError> {
        let posts = usize::from(posts);
        if self.watched.is_forum(source) == Some(true) {
            return self.newest_in_forum(source, guild, filter, posts).await;
        }
        // System messages and the bot's own count towards the pages, not towards the posts.
        let mut newest: Vec<Message> = Vec::new();
        let mut wanted = Vec::new();
        let mut seen = None;
        for _ in 0..PAGES_BACK {
            let page = match newest.first() {
                None => self.rest.of_server(guild).messages_latest(source, HISTORY_PAGE).await?,
                Some(oldest) => {
                    self.rest.of_server(guild).messages_before(source, oldest.id, HISTORY_PAGE).await?
                }
            };
            seen = seen.or_else(|| page.last().map(|message| message.id));
            let is_last = page.len() < usize::from(HISTORY_PAGE);
            let wants = |message: &&Message| {
                self.is_post(message) && filter.lets_through(&content::read(message, guild, None).tags())
            };
            let mut found: Vec<Message> = page.iter().filter(wants).cloned().collect();
            found.append(&mut wanted);
            wanted = found;
            newest = page;
            if is_last || wanted.len() >= posts {
                break;
            }
        }
        let surplus = wanted.len().saturating_sub(posts);
        Ok((self.to_items(wanted.split_off(surplus), guild, true).await?, seen))
    }

    /// The first messages of a forum's newest threads, as far as the filter lets them through. Mostly their
    /// tags decide that; where hashtags decide, the messages must be read.
    async fn newest_in_forum(
        &self,
        forum: ChannelId,
        guild: GuildId,
        filter: &TagFilter,
        posts: usize,
    ) -> Result<(Vec<ReadItem>, Option<MessageId>), ServiceError> {
        let may_be_wanted = |thread: &&SeenThread| filter.decides(&tags_of(thread)) != Some(false);
        let mut threads = self.active(forum, guild).await?;
        // Threads that were archived before the oldest wanted thread was created are older still.
        let go_on = |archived: DateTime<Utc>, listed: &[SeenThread]| {
            let surely = listed.iter().filter(|thread| filter.decides(&tags_of(thread)) == Some(true));
            let mut ids: Vec<ChannelId> = surely.map(|thread| thread.id).collect();
            ids.sort_unstable_by(|one, other| other.cmp(one));
            let last = posts.checked_sub(1).and_then(|last| ids.get(last));
            listed.len() < THREADS_BACK && last.is_none_or(|last| archived >= last.created_at())
        };
        let archived = self.archived(forum, go_on, guild, &mut threads).await;
        without_archived(forum, archived)?;
        threads.sort_by_key(|thread| thread.id);
        let seen = threads.last().map(|thread| thread.id.first_message());
        let mut threads: Vec<SeenThread> = threads.iter().filter(may_be_wanted).cloned().collect();
        threads.drain(..threads.len().saturating_sub(STARTERS_BACK));
        let mut wanted = Vec::new();
        while wanted.len() < posts && !threads.is_empty() {
            let missing = (posts - wanted.len()).max(AT_ONCE);
            let next = threads.split_off(threads.len().saturating_sub(missing));
            let mut found = self.starters(next, guild).await?;
            found.retain(|read| match read {
                ReadItem::Message { content, .. } => filter.lets_through(&content.tags()),
                _ => false,
            });
            found.append(&mut wanted);
            wanted = found;
        }
        Ok((wanted.split_off(wanted.len().saturating_sub(posts)), seen))
    }

    /// What was posted after that message.
    pub(in crate::service::intake) async fn read_after(
        &self,
        source: ChannelId,
        guild: GuildId,
        after: MessageId,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        if self.watched.is_forum(source) == Some(true) {
            let mut threads = self.active(source, guild).await?;
            threads.retain(|thread| thread.id.first_message() > after);
            threads.sort_by_key(|thread| thread.id);
            return self.starters(threads, guild).await;
        }
        let messages = self.rest.of_server(guild).messages_after(source, after, HISTORY_PAGE).await?;
        self.to_items(messages, guild, true).await
    }

    /// The first messages of these threads of a forum, in the order of the threads.
    async fn starters(
        &self,
        threads: Vec<SeenThread>,
        guild: GuildId,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let first = |thread: SeenThread| async move {
            let messages = self
                .rest
                .of_server(guild)
                .messages_after(thread.id, thread.id.before_first_message(), 1)
                .await?;
            if let Some(message) = messages.first().filter(|message| self.is_post(message)) {
                let id = thread.id;
                self.watched.note_thread(thread);
                self.watched.set_thread_start(id, ThreadStart::Post(message.id));
            }
            self.to_items(messages, guild, true).await
        };
        let read: Vec<Vec<ReadItem>> =
            stream::iter(threads).map(first).buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }
}

/// The tags of a thread, without those in its first message.
fn tags_of(thread: &SeenThread) -> Vec<Tag> {
    let forum = thread.tags.iter().map(|id| Tag::Forum { id: *id, name: String::new() });
    forum.chain(hashtags(&thread.title).into_iter().map(Tag::Hashtag)).collect()
}
