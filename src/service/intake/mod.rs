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
//! wait behind it. A message of which the library dropped the contents is asked for anew, and its source waits likewise.

mod held;
mod names;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::domain::activity::Origin;
use crate::domain::catch_up::CatchUp;
use crate::domain::clock::Clock;
use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::metrics::EVENTS_READ;
use crate::rest::model::Message;
use crate::store::{SourceEvent, Store, StoreError};

use self::held::{Held, Reading};
use self::reader::{Missed, Read, Reader};
use super::watch::{Shard, Watched};
use super::{Parts, ServiceError, content};

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
}

impl Intake {
    /// An intake that writes here and wakes the delivery.
    pub fn new(parts: Parts, catch_up: CatchUp) -> Self {
        let Parts { store, clock, watched, wake, .. } = parts.clone();
        Self { store, clock, watched, wake, reader: Reader::new(parts, catch_up) }
    }

    /// Whether what happens in this channel is to be written down at all. In memory only: it is asked for every message of every server.
    pub fn wants(&self, channel: ChannelId) -> bool {
        self.watched.is_source(channel)
    }

    /// The newest posts of a source, at most so many, oldest first: what a new follow can begin with.
    pub async fn newest(
        &self,
        source: ChannelId,
        guild: GuildId,
        posts: u8,
    ) -> Result<Vec<SourceEvent>, ServiceError> {
        if posts == 0 {
            return Ok(Vec::new());
        }
        let read = self.reader.newest(source, guild, posts).await?;
        Ok(read.into_iter().map(as_event).collect())
    }

    /// Shows a new follow these posts before all others, and what was posted since they were read.
    pub async fn backfill(&self, follow: &Follow, posts: &[SourceEvent]) -> Result<(), ServiceError> {
        let Some(last) = posts.last() else { return Ok(()) };
        self.store.backfill(follow, posts, self.clock.now()).await?;
        (self.wake)(vec![follow.pair.target]);
        let read =
            self.reader.after(follow.pair.source, follow.source_guild, last.origin().message()).await?;
        let since: Vec<SourceEvent> = read.into_iter().map(as_event).collect();
        self.store.backfill(follow, &since, self.clock.now()).await?;
        (self.wake)(vec![follow.pair.target]);
        Ok(())
    }

    /// Writes down what is reported, until the last sender is gone. What is still being read then is read again at the next start.
    pub async fn run(&self, mut reports: UnboundedReceiver<Report>) {
        let mut held = Held::default();
        let mut readers = JoinSet::new();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let mut events = Vec::new();
            tokio::select! {
                biased;
                Some(read) = readers.join_next() => match read {
                    Ok((source, read)) => self.take_read(source, read, &mut held, &mut events),
                    Err(error) => tracing::error!(%error, "a reading failed; its source stays held until the next session"),
                },
                count = reports.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    batch.drain(..).for_each(|report| self.take(report, &mut held, &mut events));
                }
            }
            while readers.len() < READERS
                && let Some((source, reading)) = held.next()
            {
                let reader = self.reader.clone();
                readers.spawn(async move { (source, reader.read(source, reading).await) });
            }
            self.record(&events).await;
        }
    }

    /// Turns a report into an event, or holds it back.
    fn take(&self, report: Report, held: &mut Held, events: &mut Vec<SourceEvent>) {
        let (channel, message) = match &report {
            Report::Connecting(shard) => return held.forget(|guild| shard.has(guild)),
            Report::Connected(shard) => return self.catch_up(held, |guild| shard.has(guild)),
            Report::Away(away) => return held.lose(*away),
            Report::There(there) => {
                if held.find(*there) {
                    self.catch_up(held, |guild| guild == *there);
                }
                return;
            }
            Report::Posted(message) | Report::Edited(message) => match ids(message) {
                Some(ids) => ids,
                None => return,
            },
            Report::Deleted { channel, message } => (*channel, *message),
        };
        // Not followed any more, if it ever was.
        let Some(guild) = self.watched.server_of(channel) else { return };
        if !matches!(report, Report::Deleted { .. }) {
            held.catch_up(channel, guild);
        }
        let Some(report) = held.hold(channel, report) else { return };
        metrics::counter!(EVENTS_READ).increment(1);
        let origin = Origin::Message { channel, message };
        match report {
            Report::Deleted { .. } => events.push(SourceEvent::Deleted { origin }),
            Report::Posted(message) => self.take_message(message, origin, guild, true, held, events),
            Report::Edited(message) => self.take_message(message, origin, guild, false, held, events),
            Report::Connecting(_) | Report::Connected(_) | Report::Away(_) | Report::There(_) => {}
        }
    }

    /// Has the sources read that were not yet in this session.
    fn catch_up(&self, held: &mut Held, in_server: impl Fn(GuildId) -> bool) {
        for (source, guild) in self.watched.sources_of(in_server) {
            held.catch_up(source, guild);
        }
    }

    fn take_message(
        &self,
        message: Value,
        origin: Origin,
        guild: GuildId,
        new: bool,
        held: &mut Held,
        events: &mut Vec<SourceEvent>,
    ) {
        let (channel, id) = (origin.channel(), origin.message());
        let edited = !message["edited_timestamp"].is_null();
        let Ok(message) = serde_json::from_value::<Message>(message) else {
            // Without an author it is a part of a message: of interest only where somebody edited it.
            if new || edited {
                held.begin(channel, Reading::Message { guild, message: id, new });
            }
            return;
        };
        if !self.reader.is_post(&message) {
            return;
        }
        let mut content = content::read(&message, guild);
        if content::is_hollow(&content) || !self.reader.names.fill(&mut content, guild, self.clock.now()) {
            held.begin(channel, Reading::Message { guild, message: id, new });
            return;
        }
        events.push(event(origin, &message, content, new));
    }

    /// Takes what was read of a source, then what waited behind it. Where more was missed than is read, what came live of that stands before the rest.
    fn take_read(&self, source: ChannelId, read: Vec<Read>, held: &mut Held, events: &mut Vec<SourceEvent>) {
        let first_read = read.iter().find_map(|read| match read {
            Read::Message { message, new: true, .. } => Some(message.id),
            _ => None,
        });
        let waiting = held.release(source);
        let first_live = waiting.iter().find_map(posted);
        let (mut before, after): (Vec<Report>, Vec<Report>) = waiting.into_iter().partition(|report| {
            posted(report).is_some_and(|live| first_read.is_some_and(|read| live < read))
        });
        for one in read {
            if matches!(one, Read::Message { new: true, .. }) {
                before.drain(..).for_each(|report| self.take(report, held, events));
            }
            events.extend(match one {
                Read::Missed(missed) => missed.before(first_live).map(Missed::notice),
                one => Some(as_event(one)),
            });
        }
        after.into_iter().for_each(|report| self.take(report, held, events));
    }

    /// Writes a batch down, in its order, in one transaction, however long the database is away: to go on without it would lose messages. Then wakes the
    /// lanes that have work.
    async fn record(&self, events: &[SourceEvent]) {
        if events.is_empty() {
            return;
        }
        let mut failures = 0_u32;
        while let Err(error) = self.try_record(events).await {
            failures += 1;
            // Once at the first failure, then at each doubling.
            if failures.is_power_of_two() {
                tracing::error!(%error, failures, events = events.len(), "events can't be written down; trying again");
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn try_record(&self, events: &[SourceEvent]) -> Result<(), StoreError> {
        let recorded = self.store.record_events(events, self.clock.now()).await?;
        if !recorded.lanes.is_empty() {
            (self.wake)(recorded.lanes);
        }
        Ok(())
    }
}

/// The message that a report says was posted.
fn posted(report: &Report) -> Option<MessageId> {
    let Report::Posted(message) = report else { return None };
    ids(message).map(|(_, message)| message)
}

/// The channel and the message that a message in Discord's form names.
fn ids(message: &Value) -> Option<(ChannelId, MessageId)> {
    let id = |name: &str| message[name].as_str();
    Some((id("channel_id")?.parse().ok()?, id("id")?.parse().ok()?))
}

/// What was read, as something that happened.
fn as_event(read: Read) -> SourceEvent {
    match read {
        Read::Message { message, content, new } => {
            let origin = Origin::Message { channel: message.channel_id, message: message.id };
            event(origin, &message, *content, new)
        }
        Read::Gone(origin) => SourceEvent::Deleted { origin },
        Read::Missed(missed) => missed.notice(),
        Read::Passed(origin) => SourceEvent::Passed { origin },
    }
}

fn event(
    origin: Origin,
    message: &Message,
    content: crate::domain::message::Content,
    new: bool,
) -> SourceEvent {
    if new {
        SourceEvent::Posted {
            origin,
            source: message.channel_id,
            author: Some(message.author.id),
            content: content.into(),
        }
    } else {
        SourceEvent::Edited { origin, source: message.channel_id, content: content.into() }
    }
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
            prop_assert_eq!(posted(&Report::Posted(anything)), found.map(|(_, message)| message));
        }
    }
}
