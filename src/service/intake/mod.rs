//! Records what happens in followed channels before anything is sent for it: in order, without gaps.
//!
//! ```text
//! gateway ─► wants? (memory) ─► dispatch: is its source being read? ─► deferred  ──┐
//!                                 │ no                                             │ after what was read
//!                                 └─► batch, one transaction ◄─────────────────────┘
//!                                        ▲
//!             reading (a history, or one message) ─ what was missed, what was left out
//! ```
//! After each new session, and whenever a server comes back, a source's history is read from the last message
//! seen; its live events wait meanwhile. A message that came without its content is read by itself, and its
//! source waits likewise. In all this, the threads of a source are channels of their own, once its history
//! has shown which of them must be read.
//!
//! One problem stops nothing else: a source that can't be read waits by itself (`sources`), and so does an
//! event that can't be written (`record`). What waits in memory is bounded (`event_queue`, `sources`), and
//! it is known for how long it waits (`progress`).
//!
//! | file | what it owns |
//! |---|---|
//! | `event_queue` | the queue from the gateway |
//! | `sources` | the state of each source, and the events that wait for its reading |
//! | `dispatch` | turns events of the gateway and readings into events of sources, in order |
//! | `reading/` | asks Discord for histories, threads, single messages and names |
//! | `batch`, `record` | what is written together, and how |
//! | `begin` | where a new follow begins |
//! | `authors` | posts of followed people in channels that are no sources |
//! | `circles`, `quotes`, `threads` | messages in a circle, answers to edited messages, ended threads |
//! | `feed_checks` | compares what feeds show with Discord after a gap |
//! | `listening` | up to when something may have been missed |
//! | `handover` | what the next start need not read again |
//! | `progress` | how far behind all this is |

mod authors;
mod batch;
mod begin;
mod circles;
mod dispatch;
mod event_queue;
mod feed_checks;
mod handover;
mod listening;
mod progress;
mod quotes;
mod reading;
mod record;
mod sources;
mod threads;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::domain::catch_up::CatchUp;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::lock::lock;
use crate::domain::retry::backoff;
use crate::domain::shards::{Shard, Shards};
use crate::store::Store;

use self::batch::Batch;
pub use self::begin::EarlierPost;
use self::circles::CircleWatch;
use self::dispatch::CompletedReading;
use self::event_queue::ReceivedEvent;
pub use self::event_queue::{EventReceiver, EventSender, event_queue};
use self::handover::HandoverSlot;
pub(super) use self::handover::IntakeHandover;
use self::listening::ListeningStates;
pub use self::progress::{Delay, IntakeProgress};
use self::reading::{ReadItem, Reader};
use self::sources::{Reading, SourceStates};
pub use self::threads::{ThreadEnd, ThreadNotice};
use super::server_permissions::ServerPermissions;
use super::watch::Watched;
use super::{ServiceError, ServiceParts, Wake};

/// How many live events are processed at once.
const BATCH: usize = 256;

/// Something that the gateway reports about a followed channel. Messages are in Discord's own form.
#[derive(Debug)]
pub enum GatewayEvent {
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
    /// A thread has a new name or other tags; or it is new, and may have more than the gateway has reported.
    Thread(ChannelId),
    /// A thread is no longer part of its channel.
    ThreadEnded(ThreadEnd),
    /// The threads of these channels can be seen, perhaps only from now on. Without channels, it applies to
    /// the whole server.
    Opened {
        /// The server.
        guild: GuildId,
        /// The channels.
        channels: Option<Vec<ChannelId>>,
    },
    /// A shard's session is new: something may have been missed before it, but from now on nothing is.
    Connected(Shard),
    /// A server's outage began.
    Away(GuildId),
    /// A server is available, perhaps again.
    There(GuildId),
    /// Messages were left out here because too many were waiting. Everything after this is complete again.
    LeftOut,
}

impl GatewayEvent {
    /// Whether it brings a message, which can still be read from Discord later.
    const fn is_message(&self) -> bool {
        matches!(self, Self::Posted(_) | Self::Edited(_))
    }
}

/// Records what the gateway reports about followed channels.
pub struct Intake {
    store: Store,
    clock: Clock,
    watched: Arc<Watched>,
    wake: Wake,
    shards: Shards,
    permissions: Arc<ServerPermissions>,
    reader: Reader,
    requested: RequestedReadings,
    circles: CircleWatch,
    progress: IntakeProgress,
    handover: Mutex<HandoverSlot>,
    /// Something that is quoted has changed.
    quotes: Notify,
    /// Something in feeds must be compared with Discord.
    feeds: Notify,
    listening: ListeningStates,
}

/// Sources that must be read because another process mentioned them.
#[derive(Default)]
struct RequestedReadings {
    sources: Mutex<Vec<(ChannelId, GuildId)>>,
    news: Notify,
}

impl Intake {
    /// An intake that writes here, wakes the delivery, and says how far behind it is.
    pub fn new(parts: ServiceParts, catch_up: CatchUp, progress: IntakeProgress) -> Self {
        let ServiceParts { store, clock, watched, wake, shards, permissions, .. } = parts.clone();
        let (reader, requested, circles) =
            (Reader::new(parts, catch_up), RequestedReadings::default(), CircleWatch::new(shards.is_all()));
        let (handover, quotes, feeds) = (Mutex::default(), Notify::new(), Notify::new());
        Self {
            store,
            clock,
            watched,
            wake,
            shards,
            permissions,
            reader,
            requested,
            circles,
            progress,
            handover,
            quotes,
            feeds,
            listening: ListeningStates::default(),
        }
    }

    /// Whether events of this channel are recorded at all. In memory only: it is asked for every message of
    /// every server.
    pub fn wants(&self, channel: ChannelId) -> bool {
        self.watched.is_source(channel)
    }

    /// Whether edits and deletions in this channel may concern something that is recorded.
    pub fn concerns_messages(&self, channel: ChannelId) -> bool {
        self.watched.concerns_messages(channel)
    }

    /// Whether what this person posts is recorded, wherever that is.
    pub fn wants_author(&self, author: UserId) -> bool {
        self.watched.is_followed_author(author)
    }

    /// Whether anybody's posts are recorded because of who wrote them.
    pub fn wants_authors(&self) -> bool {
        self.watched.has_followed_authors()
    }

    /// Requests the reading of sources from where they were last seen: another process began to follow them,
    /// and this one hears of it only now.
    pub fn read_soon(&self, sources: impl IntoIterator<Item = (ChannelId, GuildId)>) {
        lock(&self.requested.sources).extend(sources);
        self.requested.news.notify_one();
    }

    /// Wakes the work on quotes: something that is quoted must go.
    pub fn requote_soon(&self) {
        self.quotes.notify_one();
    }

    /// Records what is received, until the last sender is gone. Sources that are still being read then are
    /// read again at the next start.
    pub async fn run(&self, mut receiver: EventReceiver) {
        let _clear = ClearOnDrop(&self.progress);
        let mut sources = SourceStates::default();
        self.resume_from_handover(&mut sources);
        let mut readings = JoinSet::new();
        let mut completed: VecDeque<CompletedReading> = VecDeque::new();
        let mut received: Vec<ReceivedEvent> = Vec::with_capacity(BATCH);
        loop {
            let mut batch = Batch::default();
            let wait = sources.next_wait_ends();
            let waited = async { tokio::time::sleep_until(wait.unwrap_or_else(Instant::now).into()).await };
            tokio::select! {
                biased;
                Some(ended) = readings.join_next() => self.end_reading(ended, &mut sources, &mut completed),
                count = receiver.receive(&mut received, BATCH) => {
                    if count == 0 {
                        self.accept_last_events(&mut sources, &mut completed, &mut batch);
                        self.record(batch).await;
                        return self.hand_over(sources);
                    }
                }
                () = self.requested.news.notified() => {
                    let asked = std::mem::take(&mut *lock(&self.requested.sources));
                    asked.into_iter().for_each(|(source, guild)| sources.request(source, Reading::History(guild)));
                }
                () = waited, if wait.is_some() => {}
                () = self.permissions.cleared() => {}
                () = tokio::time::sleep_until(self.circles.next_at()) => {}
                () = std::future::ready(()), if !completed.is_empty() => {}
            }
            let since = received.first().map(|event| event.at);
            received.drain(..).for_each(|event| self.dispatch(event, &mut sources, &mut batch));
            // A long history takes turns with the live events of other sources.
            self.accept_read(&mut completed, &mut sources, &mut batch);
            while let Some((source, reading)) =
                sources.start_next(Instant::now(), |guild| !self.permissions.is_unsure(guild))
            {
                let reader = self.reader.clone();
                let span = tracing::debug_span!("reading", channel = %source, server = %reading.guild());
                let read = async move {
                    let ended = AssertUnwindSafe(reader.read(source, reading)).catch_unwind().await;
                    (source, reading, ended)
                };
                readings.spawn(read.instrument(span));
            }
            self.progress.deferred(sources.oldest());
            self.progress.writing(since.or_else(|| (!batch.is_empty()).then(Instant::now)));
            self.record(batch).await;
            self.progress.writing(None);
            self.follow_circles().await;
        }
    }

    /// Handles the end of a reading. A failed one is repeated later; meanwhile, others have its slot.
    fn end_reading(
        &self,
        ended: EndedReading,
        sources: &mut SourceStates,
        completed: &mut VecDeque<CompletedReading>,
    ) {
        let Ok((source, reading, ended)) = ended else {
            // It catches its panics and is never aborted.
            return tracing::error!("a reading was lost");
        };
        sources.free_slot(source);
        let error = match ended {
            Ok(Ok(found)) => return completed.push_back(CompletedReading::new(source, found, sources)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "panic".to_owned(),
        };
        let wait = |failures| backoff(failures, rand::random()).to_std().unwrap_or(Duration::from_secs(1));
        let failures = sources.postpone(source, reading, Instant::now(), wait);
        // At the first failure, then at each doubling.
        if failures.is_power_of_two() {
            tracing::warn!(%source, error, failures, "a followed channel can't be read yet");
        }
    }
}

/// The end of a reading: its source, what should be read, and what was read.
type EndedReading = Result<
    (ChannelId, Reading, std::thread::Result<Result<Vec<ReadItem>, ServiceError>>),
    tokio::task::JoinError,
>;

/// Reports that nothing waits any more, however the intake ends.
struct ClearOnDrop<'a>(&'a IntakeProgress);

impl Drop for ClearOnDrop<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}
