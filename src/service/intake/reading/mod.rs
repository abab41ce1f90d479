//! Reads what the gateway did not bring: the history of a source since it was last seen, including what
//! became of messages that are mirrored already; or one message in full.

mod backfill;
pub(super) mod listing;
mod loading;
pub(super) mod missed;
mod names;
mod page;
mod place;
mod starter;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::activity::Origin;
use crate::domain::catch_up::CatchUp;
use crate::domain::channel::ChannelKind;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::Content;
use crate::rest::model::{AuthorMember, Message, Referenced};
use crate::rest::{Client, HISTORY_PAGE, RestError, UnknownResource};
use crate::service::watch::{MessageLocation, Watched};
use crate::service::{Identity, ServiceError, ServiceParts, content};
use crate::store::Store;

use self::loading::{LOADS_FOR, Loading};
use self::missed::{HistorySince, Missed};
use self::names::NameBook;
use super::record::{catching, set_aside};
use super::sources::Reading;
use super::threads::ThreadEnd;

/// Something that was read.
pub(super) enum ReadItem {
    /// A message, as it is now.
    Message {
        /// The message.
        message: Box<Message>,
        /// Its channel, or the channel of its thread.
        source: ChannelId,
        /// What a mirror shows of it.
        content: Box<Content>,
        /// It was not seen before; otherwise it may have been edited.
        new: bool,
    },
    /// A message that was deleted.
    Gone(Origin),
    /// Messages that won't be mirrored.
    Missed(Missed),
    /// Everything up to this message was read.
    Passed {
        /// The message.
        origin: Origin,
        /// Its channel, or the channel of its thread.
        source: ChannelId,
    },
    /// A thread that is no longer part of its channel.
    ThreadEnded(ThreadEnd),
    /// A thread that can't be read yet. It waits by itself, without the other threads of its channel.
    Postponed(ChannelId, Reading),
}

/// Puts what was read of a source and of its threads into one order: first changes, then new messages in the
/// order of their posting.
fn in_order(mut read: Vec<ReadItem>) -> Vec<ReadItem> {
    read.sort_by_key(|read| match read {
        ReadItem::Message { new: false, .. } | ReadItem::Gone(_) => (0, None),
        ReadItem::Message { message, .. } => (1, Some(message.id)),
        ReadItem::Missed(missed) => (1, Some(missed.end())),
        ReadItem::Passed { .. } | ReadItem::ThreadEnded(_) | ReadItem::Postponed(..) => (2, None),
    });
    read
}

/// What was recorded longer than this before the last message seen is older than any request made now.
const RECENT: TimeDelta = TimeDelta::minutes(10);

/// Messages that were mirrored before Discord was asked about them.
struct MirroredBefore {
    /// All from this one on are included.
    from: MessageId,
    /// The last one seen, which none of them is newer than.
    seen: MessageId,
    messages: Vec<MessageId>,
}

/// Asks Discord.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) rest: Client,
    clock: Clock,
    identity: Identity,
    pub(super) watched: Arc<Watched>,
    pub(super) catch_up: CatchUp,
    pub(super) names: NameBook,
    pub(super) loading: Loading,
}

impl Reader {
    pub(super) fn new(parts: ServiceParts, catch_up: CatchUp) -> Self {
        let ServiceParts { store, rest, clock, identity, watched, .. } = parts;
        let (names, loading) = (NameBook::default(), Loading::default());
        Self { store, rest, clock, identity, watched, catch_up, names, loading }
    }

    /// Whether somebody posted this, other than Discord and the bot itself. The bot's own messages are never
    /// mirrored, otherwise two channels that follow each other would echo for ever. A message that is still
    /// loading isn't a post yet; it is noted here, because everything that is read passes through here.
    pub(super) fn is_post(&self, message: &Message) -> bool {
        self.loading.note(message, self.clock.now());
        content::is_post(message) && !content::is_own(message, self.identity, &self.watched)
    }

    /// Whether a message that isn't a post shows that no post begins its thread: the thread was started from
    /// another message, or by the bot.
    pub(super) fn begins_nothing(&self, message: &Message) -> bool {
        content::is_thread_starter(message) || content::is_own(message, self.identity, &self.watched)
    }

    /// Reads once. If Discord refuses, there is nothing to read; any other failure may pass.
    pub(super) async fn read(
        &self,
        source: ChannelId,
        reading: Reading,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let read = match reading {
            Reading::History(guild) => self.history(source, guild, false).await,
            Reading::Thread(guild) => self.history(source, guild, true).await,
            Reading::Message { guild, message, new } => self.read_message(source, guild, message, new).await,
            Reading::Place(guild) => self.find_place(source, guild).await.map(|()| Vec::new()),
        };
        match read {
            Err(ServiceError::Discord(error)) if !error.passes() => {
                tracing::warn!(%source, %error, "a followed channel can't be read");
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// One message that the gateway did not bring in full.
    pub(super) async fn read_message(
        &self,
        source: ChannelId,
        guild: GuildId,
        message: MessageId,
        new: bool,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        match self.rest.of_server(guild).message(source, message).await {
            Ok(message) => self.to_items(vec![message], guild, new).await,
            Err(error) if error.is_not_found() => {
                Ok(vec![ReadItem::Gone(Origin::Message { channel: source, message })])
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Everything new in a channel or thread. `described` means that Discord has just described the thread,
    /// with its name and tags.
    async fn history(
        &self,
        channel: ChannelId,
        guild: GuildId,
        described: bool,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        if let Some(parent) = self.watched.parent_of(channel) {
            return self.read_thread(channel, parent, guild, described).await;
        }
        if !self.watched.wants_threads(channel) {
            return self.messages_of(channel, guild).await;
        }
        // A forum has no messages of its own.
        let mut read = match self.look_at_channel(channel, guild).await? {
            ChannelKind::Forum => Vec::new(),
            _ => self.messages_of(channel, guild).await?,
        };
        read.extend(self.read_threads(channel, guild).await?);
        Ok(in_order(read))
    }

    async fn messages_of(&self, channel: ChannelId, guild: GuildId) -> Result<Vec<ReadItem>, ServiceError> {
        match self.store.seen_message(channel).await? {
            Some(seen) => self.read_from(channel, guild, seen).await,
            None => Ok(Vec::new()),
        }
    }

    /// What became of messages that are mirrored already, then everything new, oldest first.
    pub(super) async fn read_from(
        &self,
        channel: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let mut read = Vec::new();
        // Nothing of a thread is mirrored if it is read from its beginning.
        if seen > channel.before_first_message() || self.watched.parent_of(channel).is_none() {
            let before = self.mirrored_before(channel, seen).await?;
            let latest = self.rest.of_server(guild).messages_latest(channel, HISTORY_PAGE).await?;
            // Mostly nothing is new, and this one request tells everything.
            if latest.last().is_none_or(|newest| newest.id <= seen) {
                return self.changes(channel, guild, before, &latest).await;
            }
            let known = self.page_up_to(channel, guild, seen).await?;
            read = self.changes(channel, guild, before, &known).await?;
        }
        let HistorySince { messages, missed, newest } = self.read_since(channel, guild, seen).await?;
        read.extend(missed.map(ReadItem::Missed));
        read.extend(self.to_items(messages, guild, true).await?);
        // Otherwise messages that aren't posts would be read again and again.
        if let Some(message) = newest {
            let source = self.locate(channel, guild, message, false).await?.source;
            read.push(ReadItem::Passed { origin: Origin::Message { channel, message }, source });
        }
        Ok(read)
    }

    /// Where a message stands. Asks Discord about its thread if too little is known of that.
    pub(super) async fn locate(
        &self,
        channel: ChannelId,
        guild: GuildId,
        message: MessageId,
        new: bool,
    ) -> Result<MessageLocation, ServiceError> {
        if let Some(location) = self.watched.locate(channel, message, new) {
            return Ok(location);
        }
        self.look_at_thread(channel, guild).await?;
        let location = self.watched.locate(channel, message, new);
        // It has disappeared meanwhile, or is private: then it is shown to nobody.
        Ok(location.unwrap_or(MessageLocation { source: channel, thread: None }))
    }

    /// The newest messages that are known to be mirrored, up to the last one seen. It must be called before
    /// Discord is asked: Discord's answer can't cover what anybody records only afterwards.
    async fn mirrored_before(
        &self,
        channel: ChannelId,
        seen: MessageId,
    ) -> Result<MirroredBefore, ServiceError> {
        let from = MessageId::first_at(seen.created_at() - RECENT);
        let messages = self.store.mirrored_between(channel, from, seen).await?;
        Ok(MirroredBefore { from, seen, messages })
    }

    /// What became of messages that were mirrored before this page was requested: edited or deleted. The page
    /// ends with the newest of them.
    async fn changes(
        &self,
        source: ChannelId,
        guild: GuildId,
        before: MirroredBefore,
        page: &[Message],
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let reach = match page.first() {
            Some(first) if page.len() == usize::from(HISTORY_PAGE) => first.id,
            _ => self.oldest(),
        };
        let mut mirrored: HashSet<MessageId> =
            before.messages.iter().copied().filter(|id| *id >= reach).collect();
        if let Ok(older) = MessageId::from_db(before.from.to_db() - 1)
            && reach <= older
        {
            mirrored.extend(self.store.mirrored_between(source, reach, older).await?);
        }
        if page.is_empty() && !mirrored.is_empty() {
            let Some(again) = self.read_again(source, guild, before.seen).await? else {
                return Ok(Vec::new());
            };
            if !again.is_empty() {
                return Box::pin(self.changes(source, guild, before, &again)).await;
            }
        }
        let there: HashSet<MessageId> = page.iter().map(|message| message.id).collect();
        // A thread's messages have the thread's tags, so one that wasn't mirrored may be wanted now.
        let in_thread = self.watched.parent_of(source).is_some();
        let location = page.iter().filter(|message| in_thread || mirrored.contains(&message.id));
        let mut read = self.to_items(location.cloned().collect(), guild, false).await?;
        read.extend(self.loaded_since(&mirrored, page, guild).await?);
        let gone: Vec<MessageId> = mirrored.difference(&there).copied().collect();
        let gone = gone.into_iter().map(|message| Origin::Message { channel: source, message });
        read.extend(gone.map(ReadItem::Gone));
        Ok(read)
    }

    /// Messages that were still loading when they were passed over, and have been completed since.
    async fn loaded_since(
        &self,
        mirrored: &HashSet<MessageId>,
        page: &[Message],
        guild: GuildId,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let from = MessageId::first_at(self.clock.now() - LOADS_FOR);
        let may_be = |message: &&Message| {
            message.id >= from && content::may_have_loaded(message) && !mirrored.contains(&message.id)
        };
        self.to_items(page.iter().filter(may_be).cloned().collect(), guild, true).await
    }

    /// The oldest message that is read.
    pub(super) fn oldest(&self) -> MessageId {
        MessageId::first_at(self.clock.now() - self.catch_up.window)
    }

    /// What is shown of those messages that are posts.
    pub(super) async fn to_items(
        &self,
        messages: Vec<Message>,
        guild: GuildId,
        new: bool,
    ) -> Result<Vec<ReadItem>, ServiceError> {
        let mut posts: Vec<Message> = messages.into_iter().filter(|message| self.is_post(message)).collect();
        if new {
            self.name_authors(guild, &mut posts).await;
        }
        for message in &mut posts {
            self.look_at_original(guild, message).await?;
            self.names.note(message, guild, self.clock.now());
        }
        let mut read = Vec::with_capacity(posts.len());
        for message in posts {
            let MessageLocation { source, thread } =
                self.locate(message.channel_id, guild, message.id, new).await?;
            let now = self.clock.now();
            let shown = || {
                let mut content = content::read(&message, guild, thread.clone());
                let named = self.names.fill(&message, &mut content, guild, now);
                (content, named)
            };
            let Some((mut content, named)) = catching(shown) else {
                let origin = Origin::Message { channel: message.channel_id, message: message.id };
                set_aside(origin, "read", "panic");
                read.extend(new.then_some(ReadItem::Passed { origin, source }));
                continue;
            };
            if let Err(unnamed) = named {
                self.names.learn(&self.rest.of_server(guild), guild, &unnamed, now).await?;
                // It goes without the names that nobody knows.
                drop(self.names.fill(&message, &mut content, guild, now));
            }
            read.push(ReadItem::Message {
                message: Box::new(message),
                source,
                content: Box::new(content),
                new,
            });
        }
        Ok(read)
    }

    /// Asks for the message that this one answers, if Discord said nothing about it.
    async fn look_at_original(&self, guild: GuildId, message: &mut Message) -> Result<(), ServiceError> {
        let Some(id) = content::unknown_original(message) else { return Ok(()) };
        match self.rest.of_server(guild).message(message.channel_id, id).await {
            Ok(original) => message.referenced_message = Referenced::Standing(Box::new(original)),
            Err(RestError::NotFound(UnknownResource::Message)) => {
                message.referenced_message = Referenced::Deleted
            }
            Err(error) if error.was_not_asked() => return Err(error.into()),
            // Nothing is known about it, and the answer must not wait for it.
            Err(_) => {}
        }
        Ok(())
    }

    /// A history leaves out who the authors are in the server. They are asked for once each, so that mirrors
    /// show the same names as live ones.
    async fn name_authors(&self, guild: GuildId, messages: &mut [Message]) {
        let mut known: HashMap<_, Option<AuthorMember>> = HashMap::new();
        for message in
            messages.iter_mut().filter(|message| message.webhook_id.is_none() && message.member.is_none())
        {
            let user = message.author.id;
            let member = match known.entry(user) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(empty) => {
                    let member = self.rest.of_server(guild).member(guild, user).await.ok().flatten();
                    empty.insert(
                        member.map(|member| AuthorMember { nick: member.nick, avatar: member.avatar }),
                    )
                }
            };
            message.member.clone_from(member);
        }
    }
}
