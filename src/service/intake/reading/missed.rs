//! What was posted during an absence, within the limits; and the line that mentions what is beyond them.

use std::collections::VecDeque;

use crate::domain::activity::Origin;
use crate::domain::channel::channel_link;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::{Content, InThread};
use crate::domain::place::SourcePlace;
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::ServiceError;
use crate::service::watch::MessageLocation;
use crate::store::SourceEvent;

use super::Reader;

/// Messages beyond the limits, which are not read.
#[derive(Debug, Clone)]
pub(in crate::service::intake) struct Missed {
    /// Where.
    channel: ChannelId,
    location: MessageLocation,
    /// The last message seen before them.
    seen: MessageId,
    /// The first of them.
    first: MessageId,
    /// They end before this message.
    end: MessageId,
}

/// What was posted since some message.
pub(in crate::service::intake) struct HistorySince {
    /// The posts, oldest first.
    pub(in crate::service::intake) messages: Vec<Message>,
    /// What is beyond the bounds.
    pub(in crate::service::intake) missed: Option<Missed>,
    /// The newest message, whoever posted it.
    pub(in crate::service::intake) newest: Option<MessageId>,
}

impl Reader {
    /// What was posted after `seen`, within the limits, and what is beyond them.
    pub(in crate::service::intake) async fn read_since(
        &self,
        channel: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<HistorySince, ServiceError> {
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
            // A reading that starts in the middle of a thread doesn't show how the thread begins.
            if newest.is_none() && seen < channel.first_message() {
                self.decide_start(channel, &page, beyond.is_none());
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
                let MessageLocation { source, thread } = self.locate(channel, guild, first, false).await?;
                // Followers who want only the first messages of threads don't miss it.
                let thread = thread.map(|thread| InThread { place: SourcePlace::Answer, ..thread });
                let location = MessageLocation { source, thread };
                Some(Missed { channel, location, seen, first, end })
            }
            None => None,
        };
        Ok(HistorySince { messages: messages.into(), missed, newest })
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
    /// What was missed ends before this message.
    pub(in crate::service::intake) const fn end(&self) -> MessageId {
        self.end
    }

    /// Where they were.
    pub(in crate::service::intake) const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Whole threads of a source, from the first of these messages to the last. Those who follow its threads
    /// are told.
    pub(in crate::service::intake) fn threads_of(
        source: ChannelId,
        guild: GuildId,
        first: MessageId,
        last: MessageId,
    ) -> Self {
        let thread = InThread {
            thread: source,
            title: "While I was away".to_owned(),
            owner: None,
            title_withheld: false,
            tags: Vec::new(),
            place: SourcePlace::Starter,
            link: channel_link(guild, source),
        };
        let location = MessageLocation { source, thread: Some(thread) };
        Self { channel: source, location, seen: first, first, end: last }
    }

    /// Without the messages that came live, the first of which is given; `None` if all of them did. Of missed
    /// whole threads, nothing came live.
    pub(in crate::service::intake) fn before(self, live: Option<MessageId>) -> Option<Self> {
        if self.location.thread.as_ref().is_some_and(|thread| thread.place == SourcePlace::Starter) {
            return Some(self);
        }
        let end = live.map_or(self.end, |live| live.min(self.end));
        (self.first < end).then_some(Self { end, ..self })
    }

    /// A line that says so in the targets.
    pub(in crate::service::intake) fn notice(self) -> SourceEvent {
        let Self { channel, location: MessageLocation { source, thread }, seen, end, .. } = self;
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
