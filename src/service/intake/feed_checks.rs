//! Compares what feeds show with Discord, after a gap in which nobody heard of edits and deletions: the
//! newest posts first, a page of a channel at a time, and a few requests a second. A channel that is only
//! watched because somebody follows a person who posts there has no other reading.
//!
//! This works beside the intake and never holds it up. What was read is recorded only if nothing else was
//! recorded meanwhile. Until a post was compared, feeds show a link to it and nothing of what it said.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::domain::activity::{ActivityId, Origin};
use crate::domain::audit::ChangedBy;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::shards::Shard;
use crate::rest::model::Message;
use crate::rest::{HISTORY_PAGE, RestError, UnknownResource};
use crate::service::ServiceError;
use crate::service::backoff::Backoffs;
use crate::service::watch::{AuthorPlace, MessageLocation};
use crate::store::{SourceEvent, UncheckedPost};

use super::Intake;
use super::batch::Batch;
use super::reading::ReadItem;

/// How often to look again for what could not be compared, and for what nobody reported.
const AGAIN: Duration = Duration::from_secs(60);
const EACH: Duration = Duration::from_secs(600);
/// The pause between two requests: at most four a second.
const PAUSE: Duration = Duration::from_millis(250);
/// How many posts are looked up at once.
const TOGETHER: u32 = 500;

impl Intake {
    /// Wakes the comparison of what feeds show: something in them isn't certain.
    pub fn check_feeds_soon(&self) {
        self.feeds.notify_one();
    }

    /// Keeps what feeds show true until it is stopped.
    pub async fn keep_feeds(self: Arc<Self>) {
        let mut failing = Backoffs::default();
        let mut known = false;
        loop {
            let checked = async {
                if !known {
                    self.store.begin_listening(self.shards, self.clock.now()).await?;
                    known = true;
                }
                let mut all = true;
                for shard in self.shards.each() {
                    all &= self.check_feeds(shard, &mut failing).await?;
                }
                Ok::<_, ServiceError>(all)
            };
            let all = checked.await.unwrap_or_else(|error| {
                tracing::warn!(%error, "what feeds show can't be compared with Discord yet");
                false
            });
            let wait = if all { EACH } else { AGAIN };
            drop(tokio::time::timeout(wait, self.feeds.notified()).await);
        }
    }

    /// Compares all posts of a shard's servers that aren't certain, from the newest back. Whether all could
    /// be compared.
    async fn check_feeds(
        &self,
        shard: Shard,
        failing: &mut Backoffs<ChannelId>,
    ) -> Result<bool, ServiceError> {
        let (mut all, mut up_to) = (true, MessageId::from_db(i64::MAX).ok());
        // Before the shard is heard, everything would have to be compared again.
        while let Some(from) = up_to.filter(|_| self.listening.hears(shard)) {
            let posts = self.store.unchecked_posts(shard, from, TOGETHER).await?;
            let mut done: HashSet<ActivityId> = HashSet::new();
            for post in &posts {
                let channel = post.origin.channel();
                if done.contains(&post.activity) {
                    continue;
                }
                if failing.waits(&channel, Instant::now()) {
                    all = false;
                    continue;
                }
                match AssertUnwindSafe(self.check_posts(post, shard)).catch_unwind().await {
                    Ok(Ok(Some(asked))) => {
                        failing.forget(&channel);
                        done.extend(asked);
                    }
                    Ok(Ok(None)) => {
                        failing.fail(channel, Instant::now());
                    }
                    Ok(Err(error @ ServiceError::Store(_))) => return Err(error),
                    Ok(Err(error)) => {
                        failing.fail(channel, Instant::now());
                        tracing::debug!(%channel, %error, "posts in feeds can't be compared with Discord yet");
                    }
                    Err(_) => {
                        failing.fail(channel, Instant::now());
                        tracing::error!(%channel, "posts in feeds can't be compared with Discord: a panic");
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
            up_to = posts.last().and_then(|last| MessageId::from_db(last.origin.message().to_db() - 1).ok());
        }
        Ok(all)
    }

    /// Compares a post, and older ones on the same page of its channel. Returns those that Discord was asked
    /// about; `None` if the bot may not read the channel.
    async fn check_posts(
        &self,
        newest: &UncheckedPost,
        shard: Shard,
    ) -> Result<Option<Vec<ActivityId>>, ServiceError> {
        let (channel, server, up_to) = (newest.origin.channel(), newest.server, newest.origin.message());
        // From now on, what happens to them is heard.
        self.watched.add_author_channel(channel);
        let most = u32::from(HISTORY_PAGE);
        let posts = self.store.unchecked_posts_in(channel, shard, up_to, most).await?;
        let asked_at = self.clock.now();
        let page = match self.reader.existing_up_to(channel, server, up_to).await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(None),
            Err(ServiceError::Discord(RestError::NotFound(UnknownResource::Channel))) => {
                let stamp = ChangedBy::System.at(self.clock.now());
                self.store.drop_deleted_channel(channel, stamp).await?;
                return Ok(Some(posts.iter().map(|post| post.activity).collect()));
            }
            Err(error) => return Err(error),
        };
        let reach = page.first().filter(|_| page.len() == usize::from(HISTORY_PAGE)).map(|first| first.id);
        let within = |post: &UncheckedPost| reach.is_none_or(|reach| post.origin.message() >= reach);
        let posts: Vec<UncheckedPost> = posts.into_iter().filter(within).collect();
        let found = |id: MessageId| page.iter().any(|message| message.id == id);
        let asked = posts.iter().map(|post| post.activity).collect();
        let (there, gone): (Vec<UncheckedPost>, Vec<UncheckedPost>) =
            posts.iter().copied().partition(|post| found(post.origin.message()));
        let is_there = |message: &&Message| there.iter().any(|post| post.origin.message() == message.id);
        let messages = page.iter().filter(is_there).cloned().collect();
        let mut batch = Batch::default();
        let mut compared = gone.clone();
        batch.events.extend(gone.into_iter().map(|post| SourceEvent::Deleted { origin: post.origin }));
        for item in self.reader.to_items(messages, server, false).await? {
            let ReadItem::Message { message, mut content, .. } = item else { continue };
            let origin = Origin::Message { channel, message: message.id };
            let Some(post) = there.iter().find(|post| post.origin == origin) else { continue };
            let UncheckedPost { source, revision, .. } = *post;
            if self.watched.root_of(channel).is_none() {
                let Some(location) = self.find_author_post(origin, server).await? else { continue };
                content.thread = location.thread;
            }
            let (author, content) = (Some(message.author.id), (*content).into());
            batch.events.push(SourceEvent::Reread { origin, source, author, revision, content });
            compared.push(*post);
        }
        self.record(batch).await;
        self.store.note_checked(&compared, asked_at).await?;
        Ok(Some(asked))
    }

    /// Where a post is, in a channel that nobody follows. Of a thread, its tags decide who wants it, so they
    /// are asked for if they aren't known. `None` if the channel is hidden from the bot.
    async fn find_author_post(
        &self,
        origin: Origin,
        server: GuildId,
    ) -> Result<Option<MessageLocation>, ServiceError> {
        let (channel, message) = (origin.channel(), origin.message());
        let place = || self.watched.locate_author_post(channel, message, self.clock.now());
        if place() == AuthorPlace::Unknown {
            self.reader.find_place(channel, server).await?;
        }
        match place() {
            AuthorPlace::At(location) => Ok(Some(location)),
            AuthorPlace::Unknown | AuthorPlace::Hidden => Ok(None),
        }
    }
}
