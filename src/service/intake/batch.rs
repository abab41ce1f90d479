//! What is recorded together.

use std::collections::HashSet;

use crate::domain::activity::Origin;
use crate::domain::ids::ChannelId;
use crate::domain::message::Content;
use crate::rest::model::Message;
use crate::store::SourceEvent;

use super::authors::RetitledThread;
use super::listening::ListeningGap;
use super::reading::ReadItem;
use super::threads::ThreadEnd;

/// What is recorded together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<SourceEvent>,
    /// Which of them were posted by bots and webhooks.
    pub(super) by_apps: HashSet<Origin>,
    /// Which of them are quarantined because they may be going round in a circle.
    pub(super) quarantined: HashSet<Origin>,
    /// Threads that nobody follows, whose name or tags changed. To be recorded after these events.
    pub(super) retitled: Vec<RetitledThread>,
    /// To be recorded after these.
    pub(super) ended: Vec<ThreadEnd>,
    /// To be recorded last: events may have been missed before some of these.
    pub(super) gaps: Vec<ListeningGap>,
}

impl Batch {
    /// Whether there is nothing to record.
    pub(super) const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.retitled.is_empty() && self.ended.is_empty() && self.gaps.is_empty()
    }

    /// Adds the event of a message.
    pub(super) fn add(&mut self, message: &Message, event: SourceEvent) {
        if message.webhook_id.is_some() || message.author.bot {
            self.by_apps.insert(event.origin());
        }
        self.events.push(event);
    }

    /// Adds the event of something that was read, if it is one. What must be done about threads is no event.
    pub(super) fn add_read(&mut self, read: ReadItem) {
        match read {
            ReadItem::Message { message, source, content, new } => {
                self.add(&message, event(&message, source, *content, new));
            }
            read => self.events.extend(as_event(read)),
        }
    }
}

/// The event of something that was read, if it is one. What must be done about threads is no event.
pub(super) fn as_event(read: ReadItem) -> Option<SourceEvent> {
    Some(match read {
        ReadItem::Message { message, source, content, new } => event(&message, source, *content, new),
        ReadItem::Gone(origin) => SourceEvent::Deleted { origin },
        ReadItem::Missed(missed) => missed.notice(),
        ReadItem::Passed { origin, source } => SourceEvent::Passed { origin, source },
        ReadItem::ThreadEnded(_) | ReadItem::Postponed(..) => return None,
    })
}

pub(super) fn event(message: &Message, source: ChannelId, content: Content, new: bool) -> SourceEvent {
    let origin = Origin::Message { channel: message.channel_id, message: message.id };
    let author = Some(message.author.id);
    let content = content.into();
    if new {
        SourceEvent::Posted { origin, source, author, content }
    } else {
        SourceEvent::Edited { origin, source, author, content }
    }
}
