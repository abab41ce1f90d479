//! Reads what the gateway did not bring: the history of a source since it was last seen, with what became of the messages that are mirrored already; or
//! one message in full.

mod backfill;
pub(super) mod listing;
mod loading;
pub(super) mod missed;
mod names;
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
use crate::domain::permissions::Permissions;
use crate::rest::model::{AuthorMember, Message, Referenced};
use crate::rest::{Client, HISTORY_PAGE, Missing, RestError};
use crate::service::access::{self, Access, Found};
use crate::service::watch::{Standing, Watched};
use crate::service::{Identity, Parts, ServiceError, content};
use crate::store::Store;

use self::loading::{LOADS_FOR, Loading};
use self::missed::{Missed, Since};
use self::names::NameBook;
use super::record::{catching, set_aside};
use super::sources::Reading;
use super::threads::ThreadEnd;

/// Something that was read.
pub(super) enum Read {
    /// A message, as it is now.
    Message {
        /// The message.
        message: Box<Message>,
        /// Its channel, or that of its thread.
        source: ChannelId,
        /// What a mirror shows of it.
        content: Box<Content>,
        /// It was not seen before; otherwise it may have been edited.
        new: bool,
    },
    /// A message that is no more.
    Gone(Origin),
    /// Messages that are not mirrored.
    Missed(Missed),
    /// All up to this message was read.
    Passed {
        /// The message.
        origin: Origin,
        /// Its channel, or that of its thread.
        source: ChannelId,
    },
    /// A thread that is no part of its channel any more.
    ThreadEnded(ThreadEnd),
    /// A thread that can't be read yet: it waits by itself, not with all others of its channel.
    Postponed(ChannelId, Reading),
}

/// Brings what was read of a source and of its threads into one order: first what changed, then what is new, as it was posted.
fn in_order(mut read: Vec<Read>) -> Vec<Read> {
    read.sort_by_key(|read| match read {
        Read::Message { new: false, .. } | Read::Gone(_) => (0, None),
        Read::Message { message, .. } => (1, Some(message.id)),
        Read::Missed(missed) => (1, Some(missed.end())),
        Read::Passed { .. } | Read::ThreadEnded(_) | Read::Postponed(..) => (2, None),
    });
    read
}

/// What was recorded longer than this before the last message seen is older than any request that is made now.
const RECENT: TimeDelta = TimeDelta::minutes(10);

/// Messages that were mirrored before Discord was asked about them.
struct Before {
    /// All from this one on.
    from: MessageId,
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
    pub(super) fn new(parts: Parts, catch_up: CatchUp) -> Self {
        let Parts { store, rest, clock, identity, watched, .. } = parts;
        let (names, loading) = (NameBook::default(), Loading::default());
        Self { store, rest, clock, identity, watched, catch_up, names, loading }
    }

    /// Whether somebody posted this: not Discord, and not the bot itself. What that posted is never mirrored, or two channels that follow each other would
    /// echo without end. What is still loading is none yet; it is remembered here, as everything that is read comes by.
    pub(super) fn is_post(&self, message: &Message) -> bool {
        self.loading.note(message, self.clock.now());
        content::is_post(message) && !content::is_own(message, self.identity, &self.watched)
    }

    /// Whether a message that is no post says that no post begins its thread: that was started from another message, or by the bot.
    pub(super) fn begins_nothing(&self, message: &Message) -> bool {
        content::is_thread_starter(message) || content::is_own(message, self.identity, &self.watched)
    }

    /// Reads once. Where Discord says no, there is nothing to read; any other failure may pass.
    pub(super) async fn read(&self, source: ChannelId, reading: Reading) -> Result<Vec<Read>, ServiceError> {
        let read = match reading {
            Reading::History(guild) => self.history(source, guild, false).await,
            Reading::Thread(guild) => self.history(source, guild, true).await,
            Reading::Message { guild, message, new } => self.one(source, guild, message, new).await,
        };
        match read {
            Err(ServiceError::Discord(error)) if !error.passes() => {
                tracing::warn!(%source, %error, "a followed channel can't be read");
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// One message, of which the gateway did not bring everything.
    pub(super) async fn one(
        &self,
        source: ChannelId,
        guild: GuildId,
        message: MessageId,
        new: bool,
    ) -> Result<Vec<Read>, ServiceError> {
        match self.rest.of_server(guild).message(source, message).await {
            Ok(message) => self.as_read(vec![message], guild, new).await,
            Err(error) if error.is_not_found() => {
                Ok(vec![Read::Gone(Origin::Message { channel: source, message })])
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Everything new of a channel or thread. `described` is a thread of which Discord has just told what it is called and how it is tagged.
    async fn history(
        &self,
        channel: ChannelId,
        guild: GuildId,
        described: bool,
    ) -> Result<Vec<Read>, ServiceError> {
        if let Some(parent) = self.watched.parent_of(channel) {
            return self.thread(channel, parent, guild, described).await;
        }
        if !self.watched.wants_threads(channel) {
            return self.messages_of(channel, guild).await;
        }
        // A forum has no messages of its own.
        let mut read = match self.look_at_channel(channel, guild).await? {
            ChannelKind::Forum => Vec::new(),
            _ => self.messages_of(channel, guild).await?,
        };
        read.extend(self.threads_of(channel, guild).await?);
        Ok(in_order(read))
    }

    async fn messages_of(&self, channel: ChannelId, guild: GuildId) -> Result<Vec<Read>, ServiceError> {
        match self.store.seen_message(channel).await? {
            Some(seen) => self.read_from(channel, guild, seen).await,
            None => Ok(Vec::new()),
        }
    }

    /// What became of the messages that are mirrored already, then everything new, oldest first.
    pub(super) async fn read_from(
        &self,
        channel: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<Vec<Read>, ServiceError> {
        let mut read = Vec::new();
        // Of a thread from its beginning, nothing is mirrored.
        if seen > channel.before_first_message() || self.watched.parent_of(channel).is_none() {
            let before = self.mirrored_before(channel, seen).await?;
            let latest = self.rest.of_server(guild).messages_latest(channel, HISTORY_PAGE).await?;
            // Mostly nothing is new, and one request has told everything.
            if latest.last().is_none_or(|newest| newest.id <= seen) {
                return self.changes(channel, guild, before, &latest).await;
            }
            let behind = MessageId::from_db(seen.to_db() + 1).unwrap_or(seen);
            let known = self.rest.of_server(guild).messages_before(channel, behind, HISTORY_PAGE).await?;
            read = self.changes(channel, guild, before, &known).await?;
        }
        let Since { messages, missed, newest } = self.since(channel, guild, seen).await?;
        read.extend(missed.map(Read::Missed));
        read.extend(self.as_read(messages, guild, true).await?);
        // What nobody posted is not read again and again.
        if let Some(message) = newest {
            let source = self.standing(channel, guild, message, false).await?.source;
            read.push(Read::Passed { origin: Origin::Message { channel, message }, source });
        }
        Ok(read)
    }

    /// Where a message stands, asking Discord about its thread where too little is known of that.
    pub(super) async fn standing(
        &self,
        channel: ChannelId,
        guild: GuildId,
        message: MessageId,
        new: bool,
    ) -> Result<Standing, ServiceError> {
        if let Some(standing) = self.watched.standing(channel, message, new) {
            return Ok(standing);
        }
        self.look_at_thread(channel, guild).await?;
        let standing = self.watched.standing(channel, message, new);
        // Gone meanwhile, or private: then nobody is shown it.
        Ok(standing.unwrap_or(Standing { source: channel, thread: None }))
    }

    /// The newest messages that are known to be mirrored, up to what was seen. To be asked before Discord is: its answer can't know of what is recorded only after
    /// that, by whomever.
    async fn mirrored_before(&self, channel: ChannelId, seen: MessageId) -> Result<Before, ServiceError> {
        let from = MessageId::first_at(seen.created_at() - RECENT);
        let messages = self.store.mirrored_between(channel, from, seen).await?;
        Ok(Before { from, messages })
    }

    /// What became of messages that were mirrored before this page was asked for, which ends with the newest of them: edited, or deleted.
    async fn changes(
        &self,
        source: ChannelId,
        guild: GuildId,
        before: Before,
        page: &[Message],
    ) -> Result<Vec<Read>, ServiceError> {
        let reach = match page.first() {
            Some(first) if page.len() == usize::from(HISTORY_PAGE) => first.id,
            _ => self.oldest(),
        };
        let mut mirrored: HashSet<MessageId> =
            before.messages.into_iter().filter(|id| *id >= reach).collect();
        if let Ok(older) = MessageId::from_db(before.from.to_db() - 1)
            && reach <= older
        {
            mirrored.extend(self.store.mirrored_between(source, reach, older).await?);
        }
        let there: HashSet<MessageId> = page.iter().map(|message| message.id).collect();
        // In a thread, what wasn't mirrored may be wanted now: the thread's tags are those of its messages.
        let in_thread = self.watched.parent_of(source).is_some();
        let standing = page.iter().filter(|message| in_thread || mirrored.contains(&message.id));
        let mut read = self.as_read(standing.cloned().collect(), guild, false).await?;
        read.extend(self.loaded_since(&mirrored, page, guild).await?);
        let gone: Vec<MessageId> = mirrored.difference(&there).copied().collect();
        if !gone.is_empty() && (!page.is_empty() || self.may_read(source, guild).await?) {
            let gone = gone.into_iter().map(|message| Origin::Message { channel: source, message });
            read.extend(gone.map(Read::Gone));
        }
        Ok(read)
    }

    /// What was still loading when it was passed by, and has been said since.
    async fn loaded_since(
        &self,
        mirrored: &HashSet<MessageId>,
        page: &[Message],
        guild: GuildId,
    ) -> Result<Vec<Read>, ServiceError> {
        let from = MessageId::first_at(self.clock.now() - LOADS_FOR);
        let may_be = |message: &&Message| {
            message.id >= from && content::may_have_loaded(message) && !mirrored.contains(&message.id)
        };
        self.as_read(page.iter().filter(may_be).cloned().collect(), guild, true).await
    }

    /// The lower bound of what is read.
    pub(super) fn oldest(&self) -> MessageId {
        MessageId::first_at(self.clock.now() - self.catch_up.window)
    }

    /// Whether an empty history is a true one: without Read Message History, Discord answers an empty list too.
    async fn may_read(&self, source: ChannelId, guild: GuildId) -> Result<bool, ServiceError> {
        let rest = self.rest.of_server(guild);
        let mut access = Access::new(&rest, self.clock);
        let Found::Seen(channel) = access.find(source).await? else { return Ok(false) };
        let granted = access.granted(self.identity.user, &access::Place { channel, guild }).await?;
        Ok(granted.contains(Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY))
    }

    /// What is shown of those that somebody posted.
    pub(super) async fn as_read(
        &self,
        messages: Vec<Message>,
        guild: GuildId,
        new: bool,
    ) -> Result<Vec<Read>, ServiceError> {
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
            let Standing { source, thread } =
                self.standing(message.channel_id, guild, message.id, new).await?;
            let now = self.clock.now();
            let shown = || {
                let mut content = content::read(&message, guild, thread.clone());
                let named = self.names.fill(&message, &mut content, guild, now);
                (content, named)
            };
            let Some((mut content, named)) = catching(shown) else {
                let origin = Origin::Message { channel: message.channel_id, message: message.id };
                set_aside(origin, "read", "panic");
                read.extend(new.then_some(Read::Passed { origin, source }));
                continue;
            };
            if let Err(unnamed) = named {
                self.names.learn(&self.rest.of_server(guild), guild, &unnamed, now).await?;
                // It goes without the names that nobody knows.
                drop(self.names.fill(&message, &mut content, guild, now));
            }
            read.push(Read::Message { message: Box::new(message), source, content: Box::new(content), new });
        }
        Ok(read)
    }

    /// Asks for the message that another one answers, where Discord said nothing about it.
    async fn look_at_original(&self, guild: GuildId, message: &mut Message) -> Result<(), ServiceError> {
        let Some(id) = content::unknown_original(message) else { return Ok(()) };
        match self.rest.of_server(guild).message(message.channel_id, id).await {
            Ok(original) => message.referenced_message = Referenced::Standing(Box::new(original)),
            Err(RestError::NotFound(Missing::Message)) => message.referenced_message = Referenced::Deleted,
            Err(error) if error.was_not_asked() => return Err(error.into()),
            // Nothing is known of it, and this message is not to wait for it.
            Err(_) => {}
        }
        Ok(())
    }

    /// History leaves out who the authors are in the server: asked for once each, so that mirrors show the same names as live ones.
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
