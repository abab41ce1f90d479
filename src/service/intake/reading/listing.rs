//! Reads the threads of a source: which of them may have changed, their names and tags, and how they begin.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};

use crate::domain::activity::Origin;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::rest::model::Channel;
use crate::rest::{HISTORY_PAGE, RestError};
use crate::service::ServiceError;
use crate::service::watch::{SeenThread, ThreadChange, ThreadStart};

use super::missed::Missed;
use super::{ReadItem, Reader};
use crate::service::intake::sources::Reading;
use crate::service::intake::threads::ThreadEnd;

/// How often the active threads are listed again because some of them were unknown: their messages may have
/// been skipped meanwhile.
const LISTINGS: u8 = 3;
/// How many threads of one source are read at once.
pub(in crate::service::intake) const AT_ONCE: usize = 8;

/// What looking up a thread found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThreadLookup {
    /// It exists.
    There,
    /// It isn't part of its channel.
    Hidden,
    /// It was deleted.
    Deleted,
    /// Its channel can't be seen either.
    Unseen,
}

impl Reader {
    /// Takes up whether a channel is a forum, and which tags it offers.
    pub(in crate::service::intake) fn describe(&self, channel: &Channel) {
        match channel.kind {
            ChannelKind::Forum => {
                let tags = channel.available_tags.iter().map(|tag| (tag.id, tag.name.clone()));
                self.watched.describe_tags(channel.id, tags.collect());
            }
            kind if kind.is_thread() => {}
            _ => self.watched.offers_nothing(channel.id),
        }
    }

    /// Asks Discord about a channel.
    pub(in crate::service::intake) async fn look_at_channel(
        &self,
        channel: ChannelId,
        guild: GuildId,
    ) -> Result<ChannelKind, ServiceError> {
        let channel = self.rest.of_server(guild).channel(channel).await?;
        self.describe(&channel);
        Ok(channel.kind)
    }

    /// Asks Discord about a thread.
    pub(in crate::service::intake) async fn look_at_thread(
        &self,
        thread: ChannelId,
        guild: GuildId,
    ) -> Result<(), ServiceError> {
        self.look_up_thread(thread, guild).await.map(drop)
    }

    async fn look_up_thread(&self, thread: ChannelId, guild: GuildId) -> Result<ThreadLookup, ServiceError> {
        let channel = match self.rest.of_server(guild).channel(thread).await {
            Ok(channel) => channel,
            Err(error) if error.is_not_found() => return Ok(ThreadLookup::Deleted),
            Err(error) if error.is_forbidden() => return self.look_up_parent(thread, guild).await,
            Err(error) => return Err(error.into()),
        };
        let Some(seen) = SeenThread::read(&channel, guild) else { return Ok(ThreadLookup::Unseen) };
        if !seen.tags.is_empty() && self.watched.is_forum(seen.parent).is_none() {
            match self.look_at_channel(seen.parent, guild).await {
                Err(ServiceError::Discord(error)) if !error.passes() => {
                    self.watched.offers_nothing(seen.parent);
                }
                looked => drop(looked?),
            }
        }
        let private = seen.private && !self.watched.is_followed(thread);
        let hidden = self.watched.note_thread(seen) == Some(ThreadChange::Hidden);
        Ok(if private || hidden { ThreadLookup::Hidden } else { ThreadLookup::There })
    }

    /// If a thread can't be seen but its channel can, the thread is private.
    async fn look_up_parent(&self, thread: ChannelId, guild: GuildId) -> Result<ThreadLookup, ServiceError> {
        let Some(parent) = self.watched.parent_of(thread) else { return Ok(ThreadLookup::Unseen) };
        match self.rest.of_server(guild).channel(parent).await {
            Ok(_) => Ok(ThreadLookup::Hidden),
            Err(error) if error.passes() => Err(error.into()),
            Err(_) => Ok(ThreadLookup::Unseen),
        }
    }

    /// Everything new in a thread, and what became of its mirrored messages, including its first message,
    /// however long ago that was.
    pub(in crate::service::intake) async fn read_thread(
        &self,
        thread: ChannelId,
        parent: ChannelId,
        guild: GuildId,
        described: bool,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let ended = |deleted| ReadItem::ThreadEnded(ThreadEnd { thread, parent, guild, deleted });
        let mut read = Vec::new();
        match if described { ThreadLookup::There } else { self.look_up_thread(thread, guild).await? } {
            ThreadLookup::There => {}
            ThreadLookup::Deleted => return Ok(vec![ended(true)]),
            ThreadLookup::Hidden if !self.watched.is_followed(thread) => return Ok(vec![ended(false)]),
            ThreadLookup::Hidden => read.push(ended(false)),
            ThreadLookup::Unseen => return Ok(Vec::new()),
        }
        let Some(seen) = self.seen_in(thread, parent).await? else { return Ok(read) };
        self.find_start(thread, parent, guild, seen).await?;
        match self.read_from(thread, guild, seen).await {
            Err(ServiceError::Discord(error)) if error.is_not_found() => return Ok(vec![ended(true)]),
            more => read.extend(more?),
        }
        read.extend(self.starter_again(thread, guild, &read).await?);
        Ok(read)
    }

    /// Up to where a thread has been read; `None` if it isn't read at all.
    async fn seen_in(&self, thread: ChannelId, parent: ChannelId) -> Result<Option<MessageId>, ServiceError> {
        let seen = self.store.seen_message(thread).await?;
        // A follow of the thread alone that begins at this moment listens before that is noted.
        let alone = self.watched.is_followed(thread);
        if alone && (seen.is_some() || !self.watched.wants_threads(parent)) {
            return Ok(seen);
        }
        let from = self.store.threads_from(parent).await?;
        Ok(from.map(|from| start_of(thread, seen, from)))
    }

    /// The first message of a thread, if it wasn't read yet: its mirror has the thread's title and tags,
    /// which may have changed.
    async fn starter_again(
        &self,
        thread: ChannelId,
        guild: GuildId,
        read: &[ReadItem],
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let starter = match self.watched.thread_start(thread) {
            ThreadStart::Post(message) => Some(message),
            ThreadStart::Unknown => {
                let parent = self.watched.parent_of(thread);
                parent
                    .filter(|parent| self.watched.is_forum(*parent) == Some(true))
                    .map(|_| thread.first_message())
            }
            ThreadStart::Awaited | ThreadStart::Elsewhere => None,
        };
        let is = |read: &ReadItem, starter| match read {
            ReadItem::Message { message, .. } => message.id == starter,
            ReadItem::Gone(origin) => origin.message() == starter,
            _ => false,
        };
        match starter {
            Some(starter) if !read.iter().any(|read| is(read, starter)) => {
                self.read_message(thread, guild, starter, false).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Reads the threads of a source that have something new within the limits, or whose mirrored messages
    /// may have changed. All others are current without a request.
    pub(in crate::service::intake) async fn read_threads(
        &self,
        source: ChannelId,
        guild: GuildId,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let Some(from) = self.store.threads_from(source).await? else { return Ok(Vec::new()) };
        let listed = self.list_threads(source, guild).await?;
        let seen = self.store.seen_in_threads(source).await?;
        let mirrored = self.store.mirrored_threads(source, self.oldest()).await?;
        let mut mirrored: HashSet<ChannelId> = mirrored.into_iter().collect();
        let mut known = Vec::new();
        let mut new = Vec::new();
        for thread in listed.into_iter().filter(|thread| !self.watched.is_followed(thread.id)) {
            let start = start_of(thread.id, seen.get(&thread.id).copied(), from);
            let last = thread.last_message.unwrap_or(thread.id.first_message());
            if mirrored.remove(&thread.id) {
                known.push((thread.id, Reading::Thread(guild)));
            } else if last > start {
                new.push((last, thread.id));
            }
        }
        // These were archived long ago, deleted or hidden.
        mirrored.retain(|thread| !self.watched.is_followed(*thread));
        known.extend(mirrored.into_iter().map(|thread| (thread, Reading::History(guild))));
        let (new, beyond) = within(new, self.oldest(), self.catch_up.messages);
        known.extend(new.into_iter().map(|(_, thread)| (thread, Reading::Thread(guild))));
        let of_threads = known.into_iter().map(|(thread, reading)| self.try_thread(thread, reading));
        let mut of_threads = stream::iter(of_threads).buffer_unordered(AT_ONCE);
        let (mut read, mut missed) = (Vec::new(), Vec::from_iter(beyond.iter().map(|(last, _)| *last)));
        while let Some(of_thread) = of_threads.next().await {
            read.extend(of_thread);
            // Now and then, so that memory never holds everything of all threads.
            if read.len() > 2 * self.catch_up.messages.max(usize::from(HISTORY_PAGE)) {
                missed.extend(keep_newest(&mut read, self.catch_up.messages));
            }
        }
        missed.extend(keep_newest(&mut read, self.catch_up.messages));
        if let (Some(first), Some(last)) = (missed.iter().min(), missed.iter().max()) {
            read.push(ReadItem::Missed(Missed::threads_of(source, guild, *first, *last)));
        }
        let passed = beyond.into_iter().map(|(message, channel)| Origin::Message { channel, message });
        read.extend(passed.map(|origin| ReadItem::Passed { origin, source }));
        Ok(read)
    }

    /// One of them. If it can't be read now, it waits by itself.
    fn try_thread(&self, thread: ChannelId, reading: Reading) -> BoxFuture<'_, Vec<ReadItem>> {
        Box::pin(async move {
            match self.read(thread, reading).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%thread, %error, "a thread can't be read yet");
                    vec![ReadItem::Postponed(thread, reading)]
                }
            }
        })
    }

    /// The public threads of a source that are active, or were archived within the limits.
    async fn list_threads(&self, source: ChannelId, guild: GuildId) -> Result<Vec<SeenThread>, ServiceError> {
        let mut listed = Vec::new();
        for _ in 0..LISTINGS {
            listed = self.active(source, guild).await?;
            let noted: Vec<_> =
                listed.iter().map(|thread| self.watched.note_thread(thread.clone())).collect();
            if !noted.contains(&Some(ThreadChange::New)) {
                break;
            }
        }
        let oldest = self.oldest().created_at();
        let archived = self.archived(source, |archived, _| archived >= oldest, guild, &mut listed).await;
        without_archived(source, archived)?;
        for thread in &listed {
            self.watched.note_thread(thread.clone());
        }
        Ok(listed)
    }

    pub(in crate::service::intake) async fn active(
        &self,
        source: ChannelId,
        guild: GuildId,
    ) -> Result<Vec<SeenThread>, RestError> {
        let threads = self.rest.of_server(guild).active_threads(guild).await?;
        let threads = threads.iter().filter_map(|thread| SeenThread::read(thread, guild));
        Ok(threads.filter(|thread| thread.parent == source && !thread.private).collect())
    }

    /// Adds the archived threads of a source, as long as `go_on` agrees. It is given the time when a thread
    /// was archived, and all threads listed so far.
    pub(in crate::service::intake) async fn archived(
        &self,
        source: ChannelId,
        go_on: impl Fn(DateTime<Utc>, &[SeenThread]) -> bool,
        guild: GuildId,
        listed: &mut Vec<SeenThread>,
    ) -> Result<(), RestError> {
        let mut before: Option<String> = None;
        loop {
            let page = self.rest.of_server(guild).archived_threads(source, before.as_deref()).await?;
            for thread in &page.threads {
                let metadata = thread.thread_metadata.as_ref();
                let Some(archived) = metadata.and_then(|thread| thread.archive_timestamp.as_ref()) else {
                    continue;
                };
                let at = DateTime::parse_from_rfc3339(archived).map(|at| at.to_utc()).unwrap_or_default();
                if !go_on(at, listed) {
                    return Ok(());
                }
                listed.extend(SeenThread::read(thread, guild));
                before = Some(archived.clone());
            }
            if !page.has_more || page.threads.is_empty() {
                return Ok(());
            }
        }
    }
}

/// If Discord refuses the list of archived threads, the active ones are read all the same.
pub(in crate::service::intake) fn without_archived(
    source: ChannelId,
    listed: Result<(), RestError>,
) -> Result<(), RestError> {
    match listed {
        Err(error) if !error.passes() => {
            tracing::warn!(%source, %error, "the archived threads of a followed channel can't be listed");
            Ok(())
        }
        listed => listed,
    }
}

/// From where on a thread is read. What is older than `from` was never wanted.
pub(in crate::service::intake) fn start_of(
    thread: ChannelId,
    seen: Option<MessageId>,
    from: MessageId,
) -> MessageId {
    seen.unwrap_or_else(|| thread.before_first_message()).max(from)
}

/// Keeps the newest of all new messages, at most `most`. Returns the others.
fn keep_newest(read: &mut Vec<ReadItem>, most: usize) -> Vec<MessageId> {
    let mut new: Vec<MessageId> = read.iter().filter_map(new_message).collect();
    new.sort_unstable();
    let surplus = new.len().saturating_sub(most);
    new.truncate(surplus);
    read.retain(|read| new_message(read).is_none_or(|message| new.binary_search(&message).is_err()));
    new
}

fn new_message(read: &ReadItem) -> Option<MessageId> {
    match read {
        ReadItem::Message { message, new: true, .. } => Some(message.id),
        _ => None,
    }
}

/// A thread with its newest message.
type Newest = (MessageId, ChannelId);

/// Splits threads into those within the limits and those beyond, each oldest first.
fn within(mut threads: Vec<Newest>, oldest: MessageId, most: usize) -> (Vec<Newest>, Vec<Newest>) {
    threads.sort_unstable();
    let old = threads.partition_point(|(last, _)| *last < oldest);
    let surplus = threads.len().saturating_sub(most);
    let new = threads.split_off(old.max(surplus));
    (new, threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_threads_are_within_the_bounds() {
        let thread = |last: u64| (MessageId::new(last).unwrap(), ChannelId::new(last % 10 + 1).unwrap());
        let threads = vec![thread(33), thread(12), thread(25), thread(41)];
        let of = |oldest, most| {
            let (new, beyond) = within(threads.clone(), MessageId::new(oldest).unwrap(), most);
            [new, beyond].map(|some| some.into_iter().map(|(last, _)| last.get()).collect::<Vec<_>>())
        };
        assert_eq!(of(1, 9), [vec![12, 25, 33, 41], vec![]]);
        assert_eq!(of(20, 9), [vec![25, 33, 41], vec![12]]);
        assert_eq!(of(20, 2), [vec![33, 41], vec![12, 25]]);
        assert_eq!(of(50, 9), [vec![], vec![12, 25, 33, 41]]);
    }

    #[test]
    fn a_thread_is_read_from_its_beginning_or_from_when_it_was_first_wanted() {
        let start = |thread: u64, seen: Option<u64>, from: u64| {
            let message = |id| MessageId::new(id).unwrap();
            start_of(ChannelId::new(thread).unwrap(), seen.map(message), message(from)).get()
        };
        assert_eq!(start(50, None, 40), 49, "it is new");
        assert_eq!(start(30, None, 40), 40, "it was there before");
        assert_eq!(start(30, Some(60), 40), 60);
        assert_eq!(start(30, Some(35), 40), 40, "nobody wanted it for a while");
    }
}
