//! Reads what the gateway did not bring: the history of a source since it was last seen, with what became of the messages that are mirrored already; or
//! one message in full.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::domain::activity::Origin;
use crate::domain::catch_up::CatchUp;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::Content;
use crate::domain::retry::backoff;
use crate::rest::model::{AuthorMember, Message};
use crate::rest::{HISTORY_PAGE, Rest};
use crate::service::{ServiceError, content};
use crate::store::{SourceEvent, Store};

use super::held::Reading;

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
    /// A line for the targets.
    Notice(Box<SourceEvent>),
}

/// Asks Discord.
#[derive(Clone)]
pub(super) struct Reader {
    store: Store,
    rest: Rest,
    clock: Clock,
    catch_up: CatchUp,
}

impl Reader {
    pub(super) fn new(store: Store, rest: Rest, clock: Clock, catch_up: CatchUp) -> Self {
        Self { store, rest, clock, catch_up }
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
            Ok(message) if content::is_post(&message) => Ok(vec![self.message(message, guild, new).await]),
            Ok(_) => Ok(Vec::new()),
            Err(error) if error.is_not_found() => {
                Ok(vec![Read::Gone(Origin::Message { channel: source, message })])
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Everything new, oldest first, and what became of the mirrored messages among the newest ones.
    async fn history(&self, source: ChannelId, guild: GuildId) -> Result<Vec<Read>, ServiceError> {
        let Some(seen) = self.store.seen_message(source).await? else { return Ok(Vec::new()) };
        let newest = self.rest.messages_latest(source, HISTORY_PAGE).await?;
        let mut read = self.changes(source, guild, seen, &newest).await?;
        let reaches_back =
            newest.len() < usize::from(HISTORY_PAGE) || newest.first().is_some_and(|first| first.id <= seen);
        let missed = if reaches_back {
            newest.into_iter().filter(|message| message.id > seen).collect()
        } else {
            let (missed, notice) = self.since(source, seen).await?;
            read.extend(notice);
            missed
        };
        let mut posts: Vec<Message> = missed.into_iter().filter(content::is_post).collect();
        self.name_authors(guild, &mut posts).await;
        for message in posts {
            read.push(self.message(message, guild, true).await);
        }
        Ok(read)
    }

    /// The messages after `seen`, within the bounds, and a line about those that are beyond them.
    async fn since(
        &self,
        source: ChannelId,
        seen: MessageId,
    ) -> Result<(Vec<Message>, Option<Read>), ServiceError> {
        let oldest = MessageId::first_at(self.clock.now() - self.catch_up.window);
        let start = seen.max(oldest);
        let mut messages = Vec::new();
        let mut after = start;
        loop {
            let page = self.rest.messages_after(source, after, HISTORY_PAGE).await?;
            let full = page.len() == usize::from(HISTORY_PAGE);
            let Some(last) = page.last() else { break };
            after = last.id;
            messages.extend(page);
            if !full {
                break;
            }
        }
        let surplus = messages.len().saturating_sub(self.catch_up.messages);
        messages.drain(..surplus);
        let before = if surplus > 0 { messages.first().map(|message| message.id) } else { Some(start) };
        let gap = surplus > 0 || start > seen;
        let notice = before.filter(|_| gap).map(|before| notice(source, seen, before));
        Ok((messages, notice))
    }

    /// What became of the messages that are mirrored already, as far as the newest page reaches: edited, or deleted.
    async fn changes(
        &self,
        source: ChannelId,
        guild: GuildId,
        seen: MessageId,
        newest: &[Message],
    ) -> Result<Vec<Read>, ServiceError> {
        let reach = match newest.first() {
            Some(first) if newest.len() == usize::from(HISTORY_PAGE) => first.id,
            _ => MessageId::first_at(self.clock.now() - self.catch_up.window),
        };
        let mirrored = self.store.mirrored_since(source, reach).await?;
        let there: HashSet<MessageId> = newest.iter().map(|message| message.id).collect();
        let gone: Vec<MessageId> =
            mirrored.iter().copied().filter(|message| !there.contains(message)).collect();
        let mut read = Vec::new();
        let known: HashSet<MessageId> = mirrored.into_iter().collect();
        for message in newest.iter().filter(|message| message.id <= seen && known.contains(&message.id)) {
            read.push(self.message(message.clone(), guild, false).await);
        }
        // Without Read Message History, Discord answers an empty list: then nothing is known to be gone.
        if !newest.is_empty() {
            read.extend(
                gone.into_iter().map(|message| Read::Gone(Origin::Message { channel: source, message })),
            );
        }
        Ok(read)
    }

    async fn message(&self, message: Message, guild: GuildId, new: bool) -> Read {
        let content = Box::new(content::read(&message, guild));
        Read::Message { message: Box::new(message), content, new }
    }

    /// History leaves out who the authors are in the server: asked for once each, so that mirrors show the same names as live ones.
    async fn name_authors(&self, guild: GuildId, messages: &mut [Message]) {
        let mut known: HashMap<_, Option<AuthorMember>> = HashMap::new();
        for message in
            messages.iter_mut().filter(|message| message.webhook_id.is_none() && message.member.is_none())
        {
            let user = message.author.id;
            if !known.contains_key(&user) {
                let member = self.rest.member(guild, user).await.ok().flatten();
                known.insert(
                    user,
                    member.map(|member| AuthorMember { nick: member.nick, avatar: member.avatar }),
                );
            }
            message.member = known.get(&user).cloned().flatten();
        }
    }
}

/// A line about messages that were missed for good.
fn notice(source: ChannelId, seen: MessageId, before: MessageId) -> Read {
    let [from, to] = [seen, before].map(|message| message.created_at().timestamp());
    let text = format!(
        "-# What was posted in <#{source}> between <t:{from}:f> and <t:{to}:f> was not mirrored: I was away for too long."
    );
    Read::Notice(Box::new(SourceEvent::Posted {
        origin: Origin::Gap { channel: source, before },
        source,
        author: None,
        content: Content { author: "Tributary".to_owned(), text, ..Content::default() },
    }))
}
