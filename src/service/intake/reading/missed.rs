//! What was posted in an absence, within the bounds of what is made up for; and the line that says what is beyond them.

use std::collections::VecDeque;

use crate::domain::activity::Origin;
use crate::domain::channel::channel_link;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::{Content, InThread};
use crate::domain::place::Place;
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::ServiceError;
use crate::service::watch::Standing;
use crate::store::SourceEvent;

use super::Reader;

/// Messages beyond what is read.
#[derive(Debug, Clone)]
pub(in crate::service::intake) struct Missed {
    /// Where.
    channel: ChannelId,
    standing: Standing,
    /// What was seen before them.
    seen: MessageId,
    /// The first of them.
    first: MessageId,
    /// They end before this one.
    end: MessageId,
}

/// What was posted since.
pub(in crate::service::intake) struct Since {
    /// The posts, oldest first.
    pub(in crate::service::intake) messages: Vec<Message>,
    /// What is beyond the bounds.
    pub(in crate::service::intake) missed: Option<Missed>,
    /// The newest message, whoever posted it.
    pub(in crate::service::intake) newest: Option<MessageId>,
}

impl Reader {
    /// What was posted after `seen`, within the bounds, and what is beyond them.
    pub(in crate::service::intake) async fn since(
        &self,
        channel: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<Since, ServiceError> {
        let start = seen.max(self.oldest());
        let mut beyond = self.first_post(channel, guild, seen, start).await?;
        let mut end = start;
        let mut messages = VecDeque::new();
        let mut newest = None;
        loop {
            let page = self
                .rest
                .of_server(guild)
                .messages_after(channel, newest.unwrap_or(start), HISTORY_PAGE)
                .await?;
            let full = page.len() == usize::from(HISTORY_PAGE);
            let Some(last) = page.last() else { break };
            // What was read from the middle of a thread doesn't tell what it begins with.
            if newest.is_none() && seen < channel.first_message() {
                self.settle_first(channel, &page, beyond.is_none());
            }
            let last = last.id;
            newest = Some(last);
            messages.extend(page.into_iter().filter(|message| self.is_post(message)));
            while messages.len() > self.catch_up.messages
                && let Some(surplus) = messages.pop_front()
            {
                beyond = beyond.or(Some(surplus.id));
                end = messages.front().map_or(last, |message| message.id);
            }
            if !full {
                break;
            }
        }
        let missed = match beyond {
            Some(first) => {
                let Standing { source, thread } = self.standing(channel, guild, first, false).await?;
                // Those who only want what threads begin with don't miss it.
                let thread = thread.map(|thread| InThread { place: Place::Answer, ..thread });
                let standing = Standing { source, thread };
                Some(Missed { channel, standing, seen, first, end })
            }
            None => None,
        };
        Ok(Since { messages: messages.into(), missed, newest })
    }

    /// The first post after one message and up to another.
    async fn first_post(
        &self,
        source: ChannelId,
        guild: GuildId,
        mut after: MessageId,
        until: MessageId,
    ) -> Result<Option<MessageId>, ServiceError> {
        while after < until {
            let page = self.rest.of_server(guild).messages_after(source, after, HISTORY_PAGE).await?;
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
}

impl Missed {
    /// Where what was missed ends: before this message.
    pub(in crate::service::intake) const fn end(&self) -> MessageId {
        self.end
    }

    /// Where they were.
    pub(in crate::service::intake) const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Whole threads of a source, from the first of these messages on; they end with the last. Those who follow its threads are told.
    pub(in crate::service::intake) fn threads_of(
        source: ChannelId,
        guild: GuildId,
        first: MessageId,
        last: MessageId,
    ) -> Self {
        let thread = InThread {
            thread: source,
            title: "While I was away".to_owned(),
            tags: Vec::new(),
            place: Place::Starter,
            link: channel_link(guild, source),
        };
        let standing = Standing { source, thread: Some(thread) };
        Self { channel: source, standing, seen: first, first, end: last }
    }

    /// Without those that came live, this being the first of them; `None` if all did. Of what whole threads missed, nothing did.
    pub(in crate::service::intake) fn before(self, live: Option<MessageId>) -> Option<Self> {
        if self.standing.thread.as_ref().is_some_and(|thread| thread.place == Place::Starter) {
            return Some(self);
        }
        let end = live.map_or(self.end, |live| live.min(self.end));
        (self.first < end).then_some(Self { end, ..self })
    }

    /// A line that says so in the targets.
    pub(in crate::service::intake) fn notice(self) -> SourceEvent {
        let Self { channel, standing: Standing { source, thread }, seen, end, .. } = self;
        let [from, to] = [seen, end].map(|message| message.created_at().timestamp());
        let text = format!(
            "-# What was posted in <#{channel}> between <t:{from}:f> and <t:{to}:f> was not mirrored: I was away for too long."
        );
        SourceEvent::Posted {
            origin: Origin::Gap { channel, before: end },
            source,
            author: None,
            content: Content { author: "Tributary".to_owned(), text, thread, ..Content::default() }.into(),
        }
    }
}
