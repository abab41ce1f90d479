//! What is reported and read, turned into events, in their order.

use std::collections::HashMap;

use serde_json::Value;

use crate::domain::activity::Origin;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::metrics::EVENTS_READ;
use crate::rest::model::Message;
use crate::service::content;
use crate::service::watch::Standing;
use crate::store::SourceEvent;

use super::batch::{Batch, event};
use super::reading::Read;
use super::reading::missed::Missed;
use super::record::{catching, set_aside};
use super::report_queue::Received;
use super::sources::{Held, Reading};
use super::{Intake, Report};

/// How much of what was read is taken at once.
const PART: usize = 512;

/// A source that was read, as far as that isn't written down.
pub(super) struct ReadSource {
    source: ChannelId,
    read: std::vec::IntoIter<Read>,
    /// Live events that were posted before what was read: where more was missed than is read, what came live of that stands before the rest.
    before: Vec<Received>,
    /// The first message that came live, by channel.
    first_live: HashMap<ChannelId, MessageId>,
}

impl ReadSource {
    /// The live events that were to stand before what was read.
    pub(super) fn take_before_read(&mut self) -> Vec<Received> {
        std::mem::take(&mut self.before)
    }

    /// What was read of a source, which stays held until that is written down.
    pub(super) fn new(source: ChannelId, read: Vec<Read>, held: &mut Held) -> Self {
        let mut first_read = HashMap::new();
        for one in &read {
            if let Read::Message { message, new: true, .. } = one {
                first_read.entry(message.channel_id).or_insert(message.id);
            }
        }
        let mut first_live = HashMap::new();
        for (channel, message) in held.waiting(source).filter_map(posted) {
            first_live.entry(channel).or_insert(message);
        }
        let before = held.take_waiting(source, |report| {
            posted(report)
                .is_some_and(|(channel, live)| first_read.get(&channel).is_some_and(|read| live < *read))
        });
        Self { source, read: read.into_iter(), before, first_live }
    }
}

impl Intake {
    /// Turns a report into an event, or holds it back.
    pub(super) fn take(&self, received: Received, held: &mut Held, batch: &mut Batch) {
        match received.report {
            Report::Connected(shard) => {
                held.forget(|guild| shard.has(guild));
                self.catch_up(held, |guild| shard.has(guild));
            }
            Report::Away(away) => held.lose(away),
            Report::There(there) => {
                if held.find(there) {
                    self.catch_up(held, |guild| guild == there);
                }
            }
            Report::Opened { guild, channels } => {
                let opened = self.watched.sources_of(|other| other == guild).into_iter();
                let opened = opened.filter(|(source, _)| {
                    self.watched.wants_threads(*source)
                        && channels.as_ref().is_none_or(|channels| channels.contains(source))
                });
                opened.for_each(|(source, guild)| held.begin(source, Reading::History(guild)));
            }
            Report::LeftOut => {
                held.forget(|_| true);
                held.leave_to_readings();
                self.catch_up(held, |guild| self.shards.has(guild));
            }
            report => self.take_of_channel(Received { report, ..received }, held, batch),
        }
    }

    /// The same for one that waits behind a reading which won't come to its end.
    pub(super) fn take_at_last(&self, report: Report, held: &mut Held, batch: &mut Batch) {
        let Some(channel) = channel_of(&report) else { return };
        let Some((root, guild)) = self.root_of(channel, &report) else { return };
        self.take_now(report, root, guild, held, batch);
    }

    /// The same for a report of one channel or thread.
    fn take_of_channel(&self, received: Received, held: &mut Held, batch: &mut Batch) {
        let Some(channel) = channel_of(&received.report) else { return };
        let Some((root, guild)) = self.root_of(channel, &received.report) else { return };
        if !matches!(received.report, Report::Deleted { .. } | Report::ThreadEnded(_)) {
            held.catch_up(root, guild);
        }
        let Some(Received { report, .. }) = held.hold(channel, root, received) else { return };
        self.take_now(report, root, guild, held, batch);
    }

    /// The source of a channel or thread, and its server; none where that isn't followed any more, if it ever was, and for a thread that is known to be gone.
    fn root_of(&self, channel: ChannelId, report: &Report) -> Option<(ChannelId, GuildId)> {
        match (self.watched.root_of(channel), report) {
            (Some(root), _) => Some(root),
            (None, Report::ThreadEnded(end)) => Some((end.parent, end.guild)),
            (None, _) => None,
        }
    }

    /// Takes a report behind which nothing is to be read.
    fn take_now(&self, report: Report, root: ChannelId, guild: GuildId, held: &mut Held, batch: &mut Batch) {
        metrics::counter!(EVENTS_READ).increment(1);
        let (message, new) = match report {
            Report::Deleted { channel, message } => {
                return batch
                    .events
                    .push(SourceEvent::Deleted { origin: Origin::Message { channel, message } });
            }
            Report::Thread(thread) => return held.begin(thread, Reading::Thread(guild)),
            Report::ThreadEnded(end) => return batch.ended.push(end),
            Report::Posted(message) => (message, true),
            Report::Edited(message) => (message, false),
            Report::Connected(_)
            | Report::Away(_)
            | Report::There(_)
            | Report::Opened { .. }
            | Report::LeftOut => return,
        };
        let Some((channel, id)) = ids(&message) else { return };
        if catching(|| self.take_message(message, guild, new, held, batch)).is_none() {
            let origin = Origin::Message { channel, message: id };
            set_aside(origin, if new { "posted" } else { "edited" }, "panic");
            batch.events.extend(new.then_some(SourceEvent::Passed { origin, source: root }));
        }
    }

    /// Has the sources read that were not yet in this session.
    fn catch_up(&self, held: &mut Held, in_server: impl Fn(GuildId) -> bool) {
        for (source, guild) in self.watched.sources_of(in_server) {
            held.catch_up(source, guild);
        }
    }

    fn take_message(&self, message: Value, guild: GuildId, new: bool, held: &mut Held, batch: &mut Batch) {
        let Some((channel, id)) = ids(&message) else { return };
        let edited = !message["edited_timestamp"].is_null();
        let Ok(message) = serde_json::from_value::<Message>(message) else {
            // Without an author it is a part of a message: of interest only where somebody edited it.
            if new || edited {
                held.begin(channel, Reading::Message { guild, message: id, new });
            }
            return;
        };
        let new = new || self.reader.loading.ended(&message);
        if !self.reader.is_post(&message) {
            if new && self.reader.begins_nothing(&message) {
                self.watched.begin_elsewhere(channel);
            }
            return;
        }
        self.reader.names.note(&message, guild, self.clock.now());
        let asked = Reading::Message { guild, message: id, new };
        let Some(Standing { source, thread }) = self.watched.standing(channel, id, new) else {
            return held.begin(channel, asked);
        };
        let mut content = content::read(&message, guild, thread);
        let named = self.reader.names.fill(&message, &mut content, guild, self.clock.now());
        if content::is_hollow(&content) || content::unknown_original(&message).is_some() || named.is_err() {
            return held.begin(channel, asked);
        }
        batch.add(&message, event(&message, source, content, new));
    }

    /// Takes the next part of what was read, and behind the last of a source what waited for it.
    pub(super) fn take_read(
        &self,
        read: &mut std::collections::VecDeque<ReadSource>,
        held: &mut Held,
        batch: &mut Batch,
    ) {
        let Some(first) = read.front_mut() else { return };
        for _ in 0..PART {
            let Some(one) = first.read.next() else {
                let source = first.source;
                read.pop_front();
                held.release(source).into_iter().for_each(|report| self.take(report, held, batch));
                return;
            };
            if matches!(one, Read::Message { new: true, .. }) {
                for received in first.before.drain(..) {
                    self.take_before(received, first.source, held, batch);
                }
            }
            match one {
                Read::Missed(missed) => {
                    let live = first.first_live.get(&missed.channel()).copied();
                    batch.events.extend(missed.before(live).map(Missed::notice));
                }
                Read::ThreadEnded(end) => {
                    if end.deleted || !self.watched.is_followed(end.thread) {
                        self.watched.forget_thread(end.thread);
                    }
                    batch.ended.push(end);
                }
                Read::Postponed(thread, reading) => held.begin(thread, reading),
                one => batch.add_read(one),
            }
        }
    }

    /// Takes a report that stands before what was read of its source. In a thread it may still wait behind that.
    fn take_before(&self, received: Received, source: ChannelId, held: &mut Held, batch: &mut Batch) {
        let Some(channel) = channel_of(&received.report) else { return };
        let Some((root, guild)) = self.root_of(channel, &received.report) else { return };
        let received = if channel == source { Some(received) } else { held.hold(channel, channel, received) };
        if let Some(Received { report, .. }) = received {
            self.take_now(report, root, guild, held, batch);
        }
    }
}

/// The message that a report says was posted, and where.
fn posted(report: &Report) -> Option<(ChannelId, MessageId)> {
    let Report::Posted(message) = report else { return None };
    ids(message)
}

/// The channel that a report is about.
fn channel_of(report: &Report) -> Option<ChannelId> {
    match report {
        Report::Posted(message) | Report::Edited(message) => ids(message).map(|(channel, _)| channel),
        Report::Deleted { channel, .. } | Report::Thread(channel) => Some(*channel),
        Report::ThreadEnded(end) => Some(end.thread),
        Report::Connected(_)
        | Report::Away(_)
        | Report::There(_)
        | Report::Opened { .. }
        | Report::LeftOut => None,
    }
}

/// The channel and the message that a message in Discord's form names.
fn ids(message: &Value) -> Option<(ChannelId, MessageId)> {
    let id = |name: &str| message[name].as_str();
    Some((id("channel_id")?.parse().ok()?, id("id")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::service::content::junk;

    proptest! {
        #[test]
        fn whatever_the_gateway_brings_has_ids_or_is_passed_over(anything in junk::anything()) {
            let found = ids(&anything);
            prop_assert_eq!(posted(&Report::Posted(anything)), found);
        }
    }
}
