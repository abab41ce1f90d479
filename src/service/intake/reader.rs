//! Reads what the gateway did not bring: the history of a source since it was last seen, with what became of the messages that are mirrored already; or
//! one message in full.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::activity::Origin;
use crate::domain::catch_up::CatchUp;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::Content;
use crate::domain::permissions::Permissions;
use crate::domain::retry::backoff;
use crate::rest::model::{AuthorMember, Message};
use crate::rest::{HISTORY_PAGE, Rest};
use crate::service::access::{Access, Found, Place};
use crate::service::watch::Watched;
use crate::service::{Identity, Parts, ServiceError, content};
use crate::store::{SourceEvent, Store};

use super::held::Reading;
use super::names::NameBook;

/// Something that was read.
pub(super) enum Read {
    /// A message, as it is now.
    Message {
        /// The message.
        message: Box<Message>,
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
    Passed(Origin),
}

/// Messages beyond what is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed {
    source: ChannelId,
    /// What was seen before them.
    seen: MessageId,
    /// The first of them.
    first: MessageId,
    /// They end before this one.
    end: MessageId,
}

/// Asks Discord.
#[derive(Clone)]
pub(super) struct Reader {
    store: Store,
    rest: Rest,
    clock: Clock,
    identity: Identity,
    watched: Arc<Watched>,
    catch_up: CatchUp,
    pub(super) names: NameBook,
}

impl Reader {
    pub(super) fn new(parts: Parts, catch_up: CatchUp) -> Self {
        let Parts { store, rest, clock, identity, watched, .. } = parts;
        Self { store, rest, clock, identity, watched, catch_up, names: NameBook::default() }
    }

    /// Whether somebody posted this: not Discord, and not the bot itself. What that posted is never mirrored, or two channels that follow each other would
    /// echo without end.
    pub(super) fn is_post(&self, message: &Message) -> bool {
        content::is_post(message)
            && message.author.id != self.identity.user
            && message.application_id != Some(self.identity.application)
            && !message.webhook_id.is_some_and(|webhook| self.watched.is_own_webhook(webhook))
    }

    /// Reads, as long as it takes; gives up only where Discord says no, in which case there is nothing to read.
    pub(super) async fn read(&self, source: ChannelId, reading: Reading) -> Vec<Read> {
        let mut failures = 0;
        loop {
            let read = match reading {
                Reading::History(guild) => self.history(source, guild).await,
                Reading::Message { guild, message, new } => self.one(source, guild, message, new).await,
            };
            let error = match read {
                Ok(read) => return read,
                Err(error) => error,
            };
            if let ServiceError::Discord(refused) = &error
                && !refused.passes()
            {
                tracing::warn!(%source, %error, "a followed channel can't be read");
                return Vec::new();
            }
            failures += 1;
            tracing::warn!(%source, %error, failures, "a followed channel can't be read yet");
            let wait = backoff(failures, rand::random()).to_std().unwrap_or(Duration::from_secs(1));
            tokio::time::sleep(wait).await;
        }
    }

    /// One message, of which the gateway did not bring everything.
    async fn one(
        &self,
        source: ChannelId,
        guild: GuildId,
        message: MessageId,
        new: bool,
    ) -> Result<Vec<Read>, ServiceError> {
        match self.rest.message(source, message).await {
            Ok(message) => self.as_read(vec![message], guild, new).await,
            Err(error) if error.is_not_found() => {
                Ok(vec![Read::Gone(Origin::Message { channel: source, message })])
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What became of the messages that are mirrored already, then everything new, oldest first.
    async fn history(&self, source: ChannelId, guild: GuildId) -> Result<Vec<Read>, ServiceError> {
        let Some(seen) = self.store.seen_message(source).await? else { return Ok(Vec::new()) };
        let latest = self.rest.messages_latest(source, HISTORY_PAGE).await?;
        // Mostly nothing is new, and one request has told everything.
        let Some(newest) = latest.last().map(|newest| newest.id).filter(|newest| *newest > seen) else {
            return self.changes(source, guild, &latest).await;
        };
        let behind = MessageId::from_db(seen.to_db() + 1).unwrap_or(seen);
        let known = self.rest.messages_before(source, behind, HISTORY_PAGE).await?;
        let mut read = self.changes(source, guild, &known).await?;
        let (new, missed) = self.since(source, seen).await?;
        read.extend(missed.map(Read::Missed));
        read.extend(self.as_read(new, guild, true).await?);
        // What nobody posted is not read again and again.
        read.push(Read::Passed(Origin::Message { channel: source, message: newest }));
        Ok(read)
    }

    /// What was posted after `seen`, within the bounds, and what is beyond them.
    async fn since(
        &self,
        source: ChannelId,
        seen: MessageId,
    ) -> Result<(Vec<Message>, Option<Missed>), ServiceError> {
        let start = seen.max(self.oldest());
        let mut beyond = self.first_post(source, seen, start).await?;
        let mut end = start;
        let mut messages = VecDeque::new();
        let mut after = start;
        loop {
            let page = self.rest.messages_after(source, after, HISTORY_PAGE).await?;
            let full = page.len() == usize::from(HISTORY_PAGE);
            let Some(last) = page.last() else { break };
            after = last.id;
            messages.extend(page.into_iter().filter(|message| self.is_post(message)));
            while messages.len() > self.catch_up.messages
                && let Some(surplus) = messages.pop_front()
            {
                beyond = beyond.or(Some(surplus.id));
                end = messages.front().map_or(after, |message| message.id);
            }
            if !full {
                break;
            }
        }
        Ok((messages.into(), beyond.map(|first| Missed { source, seen, first, end })))
    }

    /// The first post after one message and up to another.
    async fn first_post(
        &self,
        source: ChannelId,
        mut after: MessageId,
        until: MessageId,
    ) -> Result<Option<MessageId>, ServiceError> {
        while after < until {
            let page = self.rest.messages_after(source, after, HISTORY_PAGE).await?;
            let mut within = page.iter().take_while(|message| message.id <= until);
            if let Some(post) = within.find(|message| self.is_post(message)) {
                return Ok(Some(post.id));
            }
            match page.last() {
                Some(last) if page.len() == usize::from(HISTORY_PAGE) => after = last.id,
                _ => break,
            }
        }
        Ok(None)
    }

    /// What became of those of these messages that are mirrored: edited, or deleted.
    async fn changes(
        &self,
        source: ChannelId,
        guild: GuildId,
        page: &[Message],
    ) -> Result<Vec<Read>, ServiceError> {
        let reach = match page.first() {
            Some(first) if page.len() == usize::from(HISTORY_PAGE) => first.id,
            _ => self.oldest(),
        };
        let mirrored: HashSet<MessageId> =
            self.store.mirrored_since(source, reach).await?.into_iter().collect();
        let there: HashSet<MessageId> = page.iter().map(|message| message.id).collect();
        let standing = page.iter().filter(|message| mirrored.contains(&message.id)).cloned().collect();
        let mut read = self.as_read(standing, guild, false).await?;
        let gone: Vec<MessageId> = mirrored.difference(&there).copied().collect();
        if !gone.is_empty() && (!page.is_empty() || self.may_read(source, guild).await?) {
            let gone = gone.into_iter().map(|message| Origin::Message { channel: source, message });
            read.extend(gone.map(Read::Gone));
        }
        Ok(read)
    }

    /// The lower bound of what is read.
    fn oldest(&self) -> MessageId {
        MessageId::first_at(self.clock.now() - self.catch_up.window)
    }

    /// The newest posts of a source, at most so many, oldest first.
    pub(super) async fn newest(
        &self,
        source: ChannelId,
        guild: GuildId,
        posts: u8,
    ) -> Result<Vec<Read>, ServiceError> {
        // System messages and the bot's own count for the page, not for the posts.
        let newest = self.rest.messages_latest(source, HISTORY_PAGE).await?;
        let mut read = self.as_read(newest, guild, true).await?;
        let surplus = read.len().saturating_sub(usize::from(posts));
        Ok(read.split_off(surplus))
    }

    /// What was posted after that message.
    pub(super) async fn after(
        &self,
        source: ChannelId,
        guild: GuildId,
        after: MessageId,
    ) -> Result<Vec<Read>, ServiceError> {
        let messages = self.rest.messages_after(source, after, HISTORY_PAGE).await?;
        self.as_read(messages, guild, true).await
    }

    /// Whether an empty history is a true one: without Read Message History, Discord answers an empty list too.
    async fn may_read(&self, source: ChannelId, guild: GuildId) -> Result<bool, ServiceError> {
        let mut access = Access::new(&self.rest);
        let Found::Seen(channel) = access.find(source).await? else { return Ok(false) };
        let granted = access.granted(self.identity.user, &Place { channel, guild }).await?;
        Ok(granted.contains(Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY))
    }

    /// What is shown of those that somebody posted.
    async fn as_read(
        &self,
        messages: Vec<Message>,
        guild: GuildId,
        new: bool,
    ) -> Result<Vec<Read>, ServiceError> {
        let mut posts: Vec<Message> = messages.into_iter().filter(|message| self.is_post(message)).collect();
        if new {
            self.name_authors(guild, &mut posts).await;
        }
        let mut read = Vec::with_capacity(posts.len());
        for message in posts {
            let mut content = content::read(&message, guild);
            let now = self.clock.now();
            if !self.names.fill(&mut content, guild, now) {
                self.names.learn(&self.rest, guild, now).await?;
                self.names.fill(&mut content, guild, now);
            }
            read.push(Read::Message { message: Box::new(message), content: Box::new(content), new });
        }
        Ok(read)
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
                    let member = self.rest.member(guild, user).await.ok().flatten();
                    empty.insert(
                        member.map(|member| AuthorMember { nick: member.nick, avatar: member.avatar }),
                    )
                }
            };
            message.member.clone_from(member);
        }
    }
}

impl Missed {
    /// Without those that came live, this being the first of them; `None` if all did.
    pub(super) fn before(self, live: Option<MessageId>) -> Option<Self> {
        let end = live.map_or(self.end, |live| live.min(self.end));
        (self.first < end).then_some(Self { end, ..self })
    }

    /// A line that says so in the targets.
    pub(super) fn notice(self) -> SourceEvent {
        let Self { source, seen, end, .. } = self;
        let [from, to] = [seen, end].map(|message| message.created_at().timestamp());
        let text = format!(
            "-# What was posted in <#{source}> between <t:{from}:f> and <t:{to}:f> was not mirrored: I was away for too long."
        );
        SourceEvent::Posted {
            origin: Origin::Gap { channel: source, before: end },
            source,
            author: None,
            content: Content { author: "Tributary".to_owned(), text, ..Content::default() }.into(),
        }
    }
}
