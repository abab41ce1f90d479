//! Reads what is newest in a source: what a new follow can begin with, and what it doesn't begin with.

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::follow::Filter;
use crate::domain::hashtags::hashtags;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::tags::Tag;
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::watch::{First, SeenThread};
use crate::service::{ServiceError, content};

use super::listing::{AT_ONCE, without_archived};
use super::{Read, Reader};

/// How many pages of a history are searched for posts at most.
const PAGES_BACK: usize = 10;
/// How many threads of a forum are listed for it at most, and of how many it is read what they begin with.
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

    /// The newest message in any active thread of a source, all of which are known from then on.
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
            self.watched.note(thread);
        }
        Ok(newest)
    }

    /// The newest posts of a source that this lets through, at most so many, oldest first; and the newest message of all, which in a forum is what its newest thread begins with.
    pub(in crate::service::intake) async fn newest(
        &self,
        source: ChannelId,
        guild: GuildId,
        filter: &Filter,
        posts: u8,
    ) -> Result<(Vec<Read>, Option<MessageId>), ServiceError> {
        let posts = usize::from(posts);
        if self.watched.is_forum(source) == Some(true) {
            return self.newest_in_forum(source, guild, filter, posts).await;
        }
        // System messages and the bot's own count for the pages, not for the posts.
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
        Ok((self.as_read(wanted.split_off(surplus), guild, true).await?, seen))
    }

    /// What the newest threads of a forum begin with, as far as this lets it through. Mostly their tags tell that; where hashtags decide, what they begin with has to be read.
    async fn newest_in_forum(
        &self,
        forum: ChannelId,
        guild: GuildId,
        filter: &Filter,
        posts: usize,
    ) -> Result<(Vec<Read>, Option<MessageId>), ServiceError> {
        let may_be_wanted = |thread: &&SeenThread| filter.decides(&tags_of(thread)) != Some(false);
        let mut threads = self.active(forum, guild).await?;
        // What was archived before the oldest that is wanted was made is older still.
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
                Read::Message { content, .. } => filter.lets_through(&content.tags()),
                _ => false,
            });
            found.append(&mut wanted);
            wanted = found;
        }
        Ok((wanted.split_off(wanted.len().saturating_sub(posts)), seen))
    }

    /// What was posted after that.
    pub(in crate::service::intake) async fn after(
        &self,
        source: ChannelId,
        guild: GuildId,
        after: MessageId,
    ) -> Result<Vec<Read>, ServiceError> {
        if self.watched.is_forum(source) == Some(true) {
            let mut threads = self.active(source, guild).await?;
            threads.retain(|thread| thread.id.first_message() > after);
            threads.sort_by_key(|thread| thread.id);
            return self.starters(threads, guild).await;
        }
        let messages = self.rest.of_server(guild).messages_after(source, after, HISTORY_PAGE).await?;
        self.as_read(messages, guild, true).await
    }

    /// What these threads of a forum begin with, in their order.
    async fn starters(&self, threads: Vec<SeenThread>, guild: GuildId) -> Result<Vec<Read>, ServiceError> {
        let first = |thread: SeenThread| async move {
            let messages = self
                .rest
                .of_server(guild)
                .messages_after(thread.id, thread.id.before_first_message(), 1)
                .await?;
            if let Some(message) = messages.first().filter(|message| self.is_post(message)) {
                let id = thread.id;
                self.watched.note(thread);
                self.watched.begin(id, First::Post(message.id));
            }
            self.as_read(messages, guild, true).await
        };
        let read: Vec<Vec<Read>> = stream::iter(threads).map(first).buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }
}

/// The tags of a thread, without those in what it begins with.
fn tags_of(thread: &SeenThread) -> Vec<Tag> {
    let forum = thread.tags.iter().map(|id| Tag::Forum { id: *id, name: String::new() });
    forum.chain(hashtags(&thread.title).into_iter().map(Tag::Hashtag)).collect()
}
