//! Reads what is newest in a source: what a new follow can begin with, and what it doesn't begin with.

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::activity::Origin;
use crate::domain::follow::Filter;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::watch::{First, SeenThread};
use crate::service::{ServiceError, content};

use super::listing::{AT_ONCE, without_archived};
use super::reader::{Read, Reader};

/// How many pages of a history are searched for posts at most.
const PAGES_BACK: usize = 10;

impl Reader {
    /// The newest message in any active thread of a source, all of which are known from then on.
    pub(super) async fn newest_in_threads(
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

    /// The newest posts of a source that this lets through, at most so many, oldest first.
    pub(super) async fn newest(
        &self,
        source: ChannelId,
        guild: GuildId,
        filter: &Filter,
        posts: u8,
    ) -> Result<Vec<Read>, ServiceError> {
        let posts = usize::from(posts);
        if self.watched.is_forum(source) == Some(true) {
            let mut threads = self.active(source, guild).await?;
            // What was archived before the oldest of them was made is older still.
            let newer = |archived: DateTime<Utc>, listed: &[SeenThread]| {
                let mut ids: Vec<ChannelId> = listed.iter().map(|thread| thread.id).collect();
                ids.sort_unstable_by(|one, other| other.cmp(one));
                posts
                    .checked_sub(1)
                    .and_then(|last| ids.get(last))
                    .is_none_or(|last| archived >= last.created_at())
            };
            let archived = self.archived(source, newer, guild, &mut threads).await;
            without_archived(source, archived)?;
            threads.sort_by_key(|thread| thread.id);
            let surplus = threads.len().saturating_sub(posts);
            return self.starters(threads.split_off(surplus), guild).await;
        }
        // System messages and the bot's own count for the pages, not for the posts.
        let mut newest: Vec<Message> = Vec::new();
        let mut wanted = Vec::new();
        for _ in 0..PAGES_BACK {
            let page = match newest.first() {
                None => self.rest.of_server(guild).messages_latest(source, HISTORY_PAGE).await?,
                Some(oldest) => {
                    self.rest.of_server(guild).messages_before(source, oldest.id, HISTORY_PAGE).await?
                }
            };
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
        self.as_read(wanted.split_off(surplus), guild, true).await
    }

    /// What was posted after that.
    pub(super) async fn after(
        &self,
        source: ChannelId,
        guild: GuildId,
        after: Origin,
    ) -> Result<Vec<Read>, ServiceError> {
        if self.watched.is_forum(source) == Some(true) {
            let mut threads = self.active(source, guild).await?;
            threads.retain(|thread| thread.id > after.channel());
            threads.sort_by_key(|thread| thread.id);
            return self.starters(threads, guild).await;
        }
        let messages =
            self.rest.of_server(guild).messages_after(source, after.message(), HISTORY_PAGE).await?;
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
