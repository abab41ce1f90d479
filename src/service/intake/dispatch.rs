//! Turns what the gateway tells and what is read into events of sources, in their order.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use crate::domain::activity::Origin;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::shards::Shard;
use crate::metrics::EVENTS_READ;
use crate::rest::model::Message;
use crate::service::content;
use crate::service::watch::MessageLocation;
use crate::store::SourceEvent;

use super::batch::{Batch, event};
use super::event_queue::ReceivedEvent;
use super::listening::ListeningGap;
use super::reading::ReadItem;
use super::reading::missed::Missed;
use super::record::{catching, set_aside};
use super::sources::{Reading, SourceStates};
use super::{GatewayEvent, Intake};

/// How many items are accepted at once.
const PART: usize = 512;

/// A source whose reading is complete, and what of it is still to be recorded.
pub(super) struct CompletedReading {
    source: ChannelId,
    items: std::vec::IntoIter<ReadItem>,
    /// Live events that were posted before what was read. If more was missed than is read, such events come
    /// before the rest.
    before: Vec<ReceivedEvent>,
    /// The first live message, by channel.
    first_live: HashMap<ChannelId, MessageId>,
}

impl CompletedReading {
    /// Takes the live events that should come before what was read.
    pub(super) fn take_before_read(&mut self) -> Vec<ReceivedEvent> {
        std::mem::take(&mut self.before)
    }

    /// What was read of a source. The source counts as being read until all of this is recorded.
    pub(super) fn new(source: ChannelId, read: Vec<ReadItem>, sources: &mut SourceStates) -> Self {
        let mut first_read = HashMap::new();
        for one in &read {
            if let ReadItem::Message { message, new: true, .. } = one {
                first_read.entry(message.channel_id).or_insert(message.id);
            }
        }
        let mut first_live = HashMap::new();
        for (channel, message) in sources.waiting(source).filter_map(posted) {
            first_live.entry(channel).or_insert(message);
        }
        let before = sources.take_waiting(source, |event| {
            posted(event)
                .is_some_and(|(channel, live)| first_read.get(&channel).is_some_and(|read| live < *read))
        });
        Self { source, items: read.into_iter(), before, first_live }
    }
}

impl Intake {
    /// Turns a gateway event into an event of its source, or defers it while its source is being read.
    pub(super) fn dispatch(&self, received: ReceivedEvent, sources: &mut SourceStates, batch: &mut Batch) {
        match received.event {
            GatewayEvent::Connected(shard) => {
                batch.gaps.push(ListeningGap { shard, new_session: true });
                sources.mark_unread(|guild| shard.has(guild));
                self.ensure_all_current(sources, |guild| shard.has(guild));
            }
            GatewayEvent::Away(away) => sources.begin_outage(away),
            GatewayEvent::There(there) => {
                if sources.end_outage(there) {
                    batch.gaps.extend(self.gaps(|shard| shard.has(there)));
                    self.ensure_all_current(sources, |guild| guild == there);
                }
            }
            GatewayEvent::Opened { guild, channels } => {
                let opened = self.watched.sources_of(|other| other == guild).into_iter();
                let opened = opened.filter(|(source, _)| {
                    self.watched.wants_threads(*source)
                        && channels.as_ref().is_none_or(|channels| channels.contains(source))
                });
                opened.for_each(|(source, guild)| sources.request(source, Reading::History(guild)));
            }
            GatewayEvent::LeftOut => {
                batch.gaps.extend(self.gaps(|_| true));
                sources.mark_unread(|_| true);
                sources.leave_to_readings();
                self.ensure_all_current(sources, |guild| self.shards.has(guild));
            }
            event => self.dispatch_in_channel(ReceivedEvent { event, ..received }, sources, batch),
        }
    }

    /// A gap of each of these shards within a session.
    fn gaps(&self, of: impl Fn(Shard) -> bool) -> impl Iterator<Item = ListeningGap> {
        let shards = self.shards.each().filter(move |shard| of(*shard));
        shards.map(|shard| ListeningGap { shard, new_session: false })
    }

    /// Accepts an event that waits behind a reading which will never be complete.
    pub(super) fn accept_at_end(&self, event: GatewayEvent, sources: &mut SourceStates, batch: &mut Batch) {
        let Some(channel) = channel_of(&event) else { return };
        match self.root_of(channel, &event) {
            Some((root, guild)) => self.accept(event, root, guild, sources, batch),
            None => self.accept_elsewhere_at_end(event, batch),
        }
    }

    /// The same for an event about one channel or thread.
    fn dispatch_in_channel(&self, received: ReceivedEvent, sources: &mut SourceStates, batch: &mut Batch) {
        let Some(channel) = channel_of(&received.event) else { return };
        let Some((root, guild)) = self.root_of(channel, &received.event) else {
            return self.dispatch_elsewhere(channel, received, sources, batch);
        };
        if !matches!(received.event, GatewayEvent::Deleted { .. } | GatewayEvent::ThreadEnded(_)) {
            sources.ensure_current(root, guild);
        }
        let Some(ReceivedEvent { event, .. }) = sources.defer(channel, root, received) else { return };
        self.accept(event, root, guild, sources, batch);
    }

    /// The source of a channel or thread, and its server; `None` if nobody follows it any more, or if it is a
    /// thread that is known to be gone.
    fn root_of(&self, channel: ChannelId, event: &GatewayEvent) -> Option<(ChannelId, GuildId)> {
        match (self.watched.root_of(channel), event) {
            (Some(root), _) => Some(root),
            (None, GatewayEvent::ThreadEnded(end)) => Some((end.parent, end.guild)),
            (None, _) => None,
        }
    }

    /// Accepts an event that needn't wait for a reading.
    fn accept(
        &self,
        event: GatewayEvent,
        root: ChannelId,
        guild: GuildId,
        sources: &mut SourceStates,
        batch: &mut Batch,
    ) {
        metrics::counter!(EVENTS_READ).increment(1);
        let (message, new) = match event {
            GatewayEvent::Deleted { channel, message } => {
                return batch
                    .events
                    .push(SourceEvent::Deleted { origin: Origin::Message { channel, message } });
            }
            GatewayEvent::Thread(thread) => return sources.request(thread, Reading::Thread(guild)),
            GatewayEvent::ThreadEnded(end) => return batch.ended.push(end),
            GatewayEvent::Posted(message) => (message, true),
            GatewayEvent::Edited(message) => (message, false),
            GatewayEvent::Connected(_)
            | GatewayEvent::Away(_)
            | GatewayEvent::There(_)
            | GatewayEvent::Opened { .. }
            | GatewayEvent::LeftOut => return,
        };
        let Some((channel, id)) = ids(&message) else { return };
        if catching(|| self.accept_message(message, guild, new, sources, batch)).is_none() {
            let origin = Origin::Message { channel, message: id };
            set_aside(origin, if new { "posted" } else { "edited" }, "panic");
            batch.events.extend(new.then_some(SourceEvent::Passed { origin, source: root }));
        }
    }

    /// Requests the readings of all sources in these servers that aren't current in this session.
    fn ensure_all_current(&self, sources: &mut SourceStates, in_server: impl Fn(GuildId) -> bool) {
        for (source, guild) in self.watched.sources_of(in_server) {
            sources.ensure_current(source, guild);
        }
    }

    fn accept_message(
        &self,
        message: Value,
        guild: GuildId,
        new: bool,
        sources: &mut SourceStates,
        batch: &mut Batch,
    ) {
        let Some((channel, id)) = ids(&message) else { return };
        let edited = !message["edited_timestamp"].is_null();
        let Ok(message) = serde_json::from_value::<Message>(message) else {
            // A message without an author is incomplete. It only matters if somebody edited it.
            if new || edited {
                sources.request(channel, Reading::Message { guild, message: id, new });
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
        let Some(MessageLocation { source, thread }) = self.watched.locate(channel, id, new) else {
            return sources.request(channel, asked);
        };
        let mut content = content::read(&message, guild, thread);
        let named = self.reader.names.fill(&message, &mut content, guild, self.clock.now());
        if content::is_hollow(&content) || content::unknown_original(&message).is_some() || named.is_err() {
            return sources.request(channel, asked);
        }
        batch.add(&message, event(&message, source, content, new));
    }

    /// Accepts the next part of what was read. After the last item of a source, the events that waited for
    /// it follow.
    pub(super) fn accept_read(
        &self,
        completed: &mut VecDeque<CompletedReading>,
        sources: &mut SourceStates,
        batch: &mut Batch,
    ) {
        let Some(reading) = completed.front_mut() else { return };
        for _ in 0..PART {
            let Some(item) = reading.items.next() else {
                let source = reading.source;
                completed.pop_front();
                for event in sources.finish(source) {
                    self.dispatch(event, sources, batch);
                }
                return;
            };
            self.accept_item(item, reading, sources, batch);
        }
    }

    /// Accepts one item that was read. Live events that were posted before the first new message go before
    /// it.
    fn accept_item(
        &self,
        item: ReadItem,
        reading: &mut CompletedReading,
        sources: &mut SourceStates,
        batch: &mut Batch,
    ) {
        if matches!(item, ReadItem::Message { new: true, .. }) {
            for received in reading.take_before_read() {
                self.accept_before_read(received, reading.source, sources, batch);
            }
        }
        match item {
            ReadItem::Missed(missed) => {
                let live = reading.first_live.get(&missed.channel()).copied();
                batch.events.extend(missed.before(live).map(Missed::notice));
            }
            ReadItem::ThreadEnded(end) => {
                if end.deleted || !self.watched.is_followed(end.thread) {
                    self.watched.forget_thread(end.thread);
                }
                batch.ended.push(end);
            }
            ReadItem::Postponed(thread, later) => sources.request(thread, later),
            item => batch.add_read(item),
        }
    }

    /// Accepts a live event that comes before what was read of its source. In a thread, it may still have to
    /// wait behind that.
    fn accept_before_read(
        &self,
        received: ReceivedEvent,
        source: ChannelId,
        sources: &mut SourceStates,
        batch: &mut Batch,
    ) {
        let Some(channel) = channel_of(&received.event) else { return };
        let Some((root, guild)) = self.root_of(channel, &received.event) else { return };
        let received =
            if channel == source { Some(received) } else { sources.defer(channel, channel, received) };
        if let Some(ReceivedEvent { event, .. }) = received {
            self.accept(event, root, guild, sources, batch);
        }
    }
}

/// The channel and id of a message that an event says was posted.
fn posted(event: &GatewayEvent) -> Option<(ChannelId, MessageId)> {
    let GatewayEvent::Posted(message) = event else { return None };
    ids(message)
}

/// The channel that an event is about.
fn channel_of(event: &GatewayEvent) -> Option<ChannelId> {
    match event {
        GatewayEvent::Posted(message) | GatewayEvent::Edited(message) => {
            ids(message).map(|(channel, _)| channel)
        }
        GatewayEvent::Deleted { channel, .. } | GatewayEvent::Thread(channel) => Some(*channel),
        GatewayEvent::ThreadEnded(end) => Some(end.thread),
        GatewayEvent::Connected(_)
        | GatewayEvent::Away(_)
        | GatewayEvent::There(_)
        | GatewayEvent::Opened { .. }
        | GatewayEvent::LeftOut => None,
    }
}

/// The channel and id in a message in Discord's form.
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
            prop_assert_eq!(posted(&GatewayEvent::Posted(anything)), found);
        }
    }
}
