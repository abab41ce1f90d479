//! What is written down together.

use std::collections::HashSet;

use crate::domain::activity::Origin;
use crate::domain::ids::ChannelId;
use crate::domain::message::Content;
use crate::rest::model::Message;
use crate::store::SourceEvent;

use super::reader::Read;
use super::threads::ThreadEnd;

/// What is to be written down together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<SourceEvent>,
    /// Which of them bots and webhooks posted.
    pub(super) by_apps: HashSet<Origin>,
    /// Which of them are held, as they may go round in a circle.
    pub(super) held: HashSet<Origin>,
    /// After these events.
    pub(super) ended: Vec<ThreadEnd>,
}

impl Batch {
    /// Whether there is nothing to write down.
    pub(super) const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.ended.is_empty()
    }

    /// Adds what came of a message.
    pub(super) fn add(&mut self, message: &Message, event: SourceEvent) {
        if message.webhook_id.is_some() || message.author.bot {
            self.by_apps.insert(event.origin());
        }
        self.events.push(event);
    }

    /// What was read, as something that happened; what is to be done about threads is nothing to record.
    pub(super) fn add_read(&mut self, read: Read) {
        match read {
            Read::Message { message, source, content, new } => {
                self.add(&message, event(&message, source, *content, new));
            }
            read => self.events.extend(as_event(read)),
        }
    }
}

/// What was read, as something that happened; what is to be done about threads is nothing to record.
pub(super) fn as_event(read: Read) -> Option<SourceEvent> {
    Some(match read {
        Read::Message { message, source, content, new } => event(&message, source, *content, new),
        Read::Gone(origin) => SourceEvent::Deleted { origin },
        Read::Missed(missed) => missed.notice(),
        Read::Passed { origin, source } => SourceEvent::Passed { origin, source },
        Read::ThreadEnded(_) | Read::Postponed(..) => return None,
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
