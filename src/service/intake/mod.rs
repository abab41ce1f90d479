//! What happens in followed channels, written down before anything is sent for it: in order, without gaps.
//!
//! ```text
//! gateway ─► wants? (memory) ─► run: sources that are being read ─► held back ──┐
//!                                 │                                             │ after what was read
//!                                 └─► batch, one transaction ◄──────────────────┘
//!                                        ▲
//!               reader (history, or one message) ─ what was missed, what was left out
//! ```
//! After each new session, and whenever a server comes back, a source's history is read from what was last seen; live events of that source
//! wait behind it. A message of which the library dropped the contents is asked for anew, and its source waits likewise. The threads of a source are channels of
//! their own in all this, once its history has told which of them are to be read.

mod batch;
mod begin;
mod circles;
mod held;
mod listing;
mod missed;
mod names;
mod newest;
mod reader;
mod threads;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::domain::activity::Origin;
use crate::domain::catch_up::CatchUp;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::shards::Shard;
use crate::metrics::EVENTS_READ;
use crate::rest::model::Message;
use crate::store::{SourceEvent, Store, StoreError};

use self::batch::{Batch, event};
use self::circles::CircleWatch;
use self::held::{Held, Reading};
use self::missed::Missed;
use self::reader::{Read, Reader};
pub use self::threads::{ThreadEnd, Told};
use super::watch::{Standing, Watched};
use super::{Parts, content};

/// Tells the delivery which targets have work. A call lost is a delay, not a loss: the delivery also looks by itself.
pub type Wake = Arc<dyn Fn(Vec<ChannelId>) + Send + Sync>;

/// How many events one transaction takes at most.
const BATCH: usize = 256;
/// How many sources are read at the same time.
const READERS: usize = 8;
/// How long to wait before a batch that the database didn't take is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Something that the gateway tells of a followed channel. Messages are in Discord's own form.
#[derive(Debug)]
pub enum Report {
    /// A message was posted.
    Posted(Value),
    /// A message was edited, or something about it changed.
    Edited(Value),
    /// A message was deleted.
    Deleted {
        /// Its channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
    },
    /// A thread is called otherwise now, or has other tags; or it is new, and may have more than the gateway tells.
    Thread(ChannelId),
    /// A thread is no part of its channel any more.
    ThreadEnded(ThreadEnd),
    /// The threads of these channels can be seen, maybe only now; without channels, those of the whole server.
    Opened {
        /// The server.
        guild: GuildId,
        /// The channels.
        channels: Option<Vec<ChannelId>>,
    },
    /// A connection's session is new: whatever comes through it, something may have been missed before.
    Connecting(Shard),
    /// The session has begun: from now on nothing is missed.
    Connected(Shard),
    /// A server's outage began.
    Away(GuildId),
    /// A server is there, maybe again.
    There(GuildId),
}

/// Takes what the gateway reports from followed channels.
pub struct Intake {
    store: Store,
    clock: Clock,
    watched: Arc<Watched>,
    wake: Wake,
    reader: Reader,
    asked: Asked,
    circles: CircleWatch,
}

/// Sources that are to be read because another process told of them.
#[derive(Default)]
struct Asked {
    sources: Mutex<Vec<(ChannelId, GuildId)>>,
    news: Notify,
}

impl Intake {
    /// An intake that writes here and wakes the delivery.
    pub fn new(parts: Parts, catch_up: CatchUp) -> Self {
        let Parts { store, clock, watched, wake, shards, .. } = parts.clone();
        let (reader, asked, circles) =
            (Reader::new(parts, catch_up), Asked::default(), CircleWatch::new(shards.is_all()));
        Self { store, clock, watched, wake, reader, asked, circles }
    }

    /// Whether what happens in this channel is to be written down at all. In memory only: it is asked for every message of every server.
    pub fn wants(&self, channel: ChannelId) -> bool {
        self.watched.is_source(channel)
    }

    /// Has sources read from what was last seen: another process began to follow them, and this one hears of it only now.
    pub fn read_soon(&self, sources: impl IntoIterator<Item = (ChannelId, GuildId)>) {
        self.asked.sources.lock().unwrap_or_else(PoisonError::into_inner).extend(sources);
        self.asked.news.notify_one();
    }

    /// Writes down what is reported, until the last sender is gone. What is still being read then is read again at the next start.
    pub async fn run(&self, mut reports: UnboundedReceiver<Report>) {
        let mut held = Held::default();
        let mut readers = JoinSet::new();
        let mut reported = Vec::with_capacity(BATCH);
        loop {
            let mut batch = Batch::default();
            tokio::select! {
                biased;
                Some(read) = readers.join_next() => match read {
                    Ok((source, read)) => self.take_read(source, read, &mut held, &mut batch),
                    Err(error) => tracing::error!(%error, "a reading failed; its source stays held until the next session"),
                },
                count = reports.recv_many(&mut reported, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    reported.drain(..).for_each(|report| self.take(report, &mut held, &mut batch));
                }
                () = self.asked.news.notified() => {
                    let asked = std::mem::take(&mut *self.asked.sources.lock().unwrap_or_else(PoisonError::into_inner));
                    asked.into_iter().for_each(|(source, guild)| held.begin(source, Reading::History(guild)));
                }
                () = sleep_until(self.circles.next_at()) => {}
            }
            while readers.len() < READERS
                && let Some((source, reading)) = held.next()
            {
                let reader = self.reader.clone();
                readers.spawn(async move { (source, reader.read(source, reading).await) });
            }
            self.record(batch).await;
            self.follow_circles().await;
        }
    }

    /// Turns a report into an event, or holds it back.
    fn take(&self, report: Report, held: &mut Held, batch: &mut Batch) {
        match report {
            Report::Connecting(shard) => held.forget(|guild| shard.has(guild)),
            Report::Connected(shard) => self.catch_up(held, |guild| shard.has(guild)),
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
            report => self.take_of_channel(report, held, batch),
        }
    }

    /// The same for a report of one channel or thread.
    fn take_of_channel(&self, report: Report, held: &mut Held, batch: &mut Batch) {
        let Some(channel) = channel_of(&report) else { return };
        // Not followed any more, if it ever was; or a thread that is known to be gone.
        let (root, guild) = match (self.watched.root_of(channel), &report) {
            (Some(root), _) => root,
            (None, Report::ThreadEnded(end)) => (end.parent, end.guild),
            (None, _) => return,
        };
        if !matches!(report, Report::Deleted { .. } | Report::ThreadEnded(_)) {
            held.catch_up(root, guild);
        }
        let Some(report) = held.hold(channel, root, report) else { return };
        metrics::counter!(EVENTS_READ).increment(1);
        match report {
            Report::Deleted { message, .. } => {
                batch.events.push(SourceEvent::Deleted { origin: Origin::Message { channel, message } });
            }
            Report::Posted(message) => self.take_message(message, guild, true, held, batch),
            Report::Edited(message) => self.take_message(message, guild, false, held, batch),
            Report::Thread(thread) => held.begin(thread, Reading::Thread(guild)),
            Report::ThreadEnded(end) => batch.ended.push(end),
            Report::Connecting(_)
            | Report::Connected(_)
            | Report::Away(_)
            | Report::There(_)
            | Report::Opened { .. } => {}
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
        let asked = Reading::Message { guild, message: id, new };
        let Ok(message) = serde_json::from_value::<Message>(message) else {
            // Without an author it is a part of a message: of interest only where somebody edited it.
            if new || edited {
                held.begin(channel, asked);
            }
            return;
        };
        if !self.reader.is_post(&message) {
            if new && self.reader.begins_nothing(&message) {
                self.watched.begin_elsewhere(channel);
            }
            return;
        }
        let Some(Standing { source, thread }) = self.watched.standing(channel, id, new) else {
            return held.begin(channel, asked);
        };
        let mut content = content::read(&message, guild, thread);
        if content::is_hollow(&content) || !self.reader.names.fill(&mut content, guild, self.clock.now()) {
            return held.begin(channel, asked);
        }
        batch.add(&message, event(&message, source, content, new));
    }

    /// Takes what was read of a source, then what waited behind it. Where more was missed than is read, what came live of that stands before the rest.
    fn take_read(&self, source: ChannelId, read: Vec<Read>, held: &mut Held, batch: &mut Batch) {
        let mut first_read = HashMap::new();
        for one in &read {
            if let Read::Message { message, new: true, .. } = one {
                first_read.entry(message.channel_id).or_insert(message.id);
            }
        }
        let waiting = held.release(source);
        let mut first_live = HashMap::new();
        for (channel, message) in waiting.iter().filter_map(posted) {
            first_live.entry(channel).or_insert(message);
        }
        let (mut before, after): (Vec<Report>, Vec<Report>) = waiting.into_iter().partition(|report| {
            posted(report)
                .is_some_and(|(channel, live)| first_read.get(&channel).is_some_and(|read| live < *read))
        });
        for one in read {
            if matches!(one, Read::Message { new: true, .. }) {
                before.drain(..).for_each(|report| self.take(report, held, batch));
            }
            match one {
                Read::Missed(missed) => {
                    let live = first_live.get(&missed.channel()).copied();
                    batch.events.extend(missed.before(live).map(Missed::notice));
                }
                Read::ThreadEnded(end) => {
                    if end.deleted || !self.watched.is_followed(end.thread) {
                        self.watched.forget_thread(end.thread);
                    }
                    batch.ended.push(end);
                }
                one => batch.add_read(one),
            }
        }
        after.into_iter().for_each(|report| self.take(report, held, batch));
    }

    /// Writes a batch down, in its order, however long the database is away: to go on without it would lose messages. The events are one transaction.
    async fn record(&self, mut batch: Batch) {
        self.circles.hold(&mut batch, self.clock.now());
        let mut failures = 0_u32;
        while let Err(error) = self.try_record(&mut batch).await {
            failures += 1;
            // Once at the first failure, then at each doubling.
            if failures.is_power_of_two() {
                let events = batch.events.len();
                tracing::error!(%error, failures, events, "events can't be written down; trying again");
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Takes from the batch what is written down, and wakes the lanes that have work then.
    async fn try_record(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if !batch.events.is_empty() {
            let recorded =
                self.store.record_events_holding(&batch.events, &batch.held, self.clock.now()).await?;
            batch.events.clear();
            if !recorded.lanes.is_empty() {
                (self.wake)(recorded.lanes);
            }
        }
        while let Some(end) = batch.ended.first() {
            self.end_thread(*end).await?;
            batch.ended.remove(0);
        }
        Ok(())
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
        Report::Connecting(_)
        | Report::Connected(_)
        | Report::Away(_)
        | Report::There(_)
        | Report::Opened { .. } => None,
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
