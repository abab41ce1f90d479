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
//!
//! One bad thing stops nothing else: a source that can't be read waits by itself (`held`, `turns`), and so does an event that can't be written down (`write`).
//! What waits in memory is bounded (`queue`, `held`), and how long it does is known (`progress`).

mod batch;
mod begin;
mod circles;
mod dispatch;
mod handover;
mod progress;
mod quotes;
mod reading;
mod record;
mod report_queue;
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

use crate::domain::catch_up::CatchUp;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::lock::lock;
use crate::domain::retry::backoff;
use crate::domain::shards::{Shard, Shards};
use crate::store::Store;

use self::batch::Batch;
use self::circles::CircleWatch;
use self::dispatch::ReadSource;
use self::handover::Handover;
pub(super) use self::handover::Kept;
pub use self::progress::{Delay, Progress};
use self::reading::{Read, Reader};
use self::report_queue::Received;
pub use self::report_queue::{Reported, Reports, queue};
use self::sources::{Held, Reading};
pub use self::threads::{ThreadEnd, Told};
use super::server_rights::ServerRights;
use super::watch::Watched;
use super::{Parts, ServiceError};

/// Tells the delivery which targets have work. A call lost is a delay, not a loss: the delivery also looks by itself.
pub type Wake = Arc<dyn Fn(Vec<ChannelId>) + Send + Sync>;

/// How many live events are taken at once.
const BATCH: usize = 256;

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
    /// A shard's session is new: something may have been missed before, and from now on nothing is.
    Connected(Shard),
    /// A server's outage began.
    Away(GuildId),
    /// A server is there, maybe again.
    There(GuildId),
    /// Messages were left out here, as too many waited. What comes behind this is complete again.
    LeftOut,
}

impl Report {
    /// Whether it brings a message, which can be read from Discord later.
    const fn is_message(&self) -> bool {
        matches!(self, Self::Posted(_) | Self::Edited(_))
    }
}

/// Takes what the gateway reports from followed channels.
pub struct Intake {
    store: Store,
    clock: Clock,
    watched: Arc<Watched>,
    wake: Wake,
    shards: Shards,
    rights: Arc<ServerRights>,
    reader: Reader,
    asked: Asked,
    circles: CircleWatch,
    progress: Progress,
    handover: Mutex<Handover>,
    /// Something that is quoted has changed.
    quotes: Notify,
}

/// Sources that are to be read because another process told of them.
#[derive(Default)]
struct Asked {
    sources: Mutex<Vec<(ChannelId, GuildId)>>,
    news: Notify,
}

impl Intake {
    /// An intake that writes here, wakes the delivery, and tells how far behind it is.
    pub fn new(parts: Parts, catch_up: CatchUp, progress: Progress) -> Self {
        let Parts { store, clock, watched, wake, shards, rights, .. } = parts.clone();
        let (reader, asked, circles) =
            (Reader::new(parts, catch_up), Asked::default(), CircleWatch::new(shards.is_all()));
        let (handover, quotes) = (Mutex::default(), Notify::new());
        Self {
            store,
            clock,
            watched,
            wake,
            shards,
            rights,
            reader,
            asked,
            circles,
            progress,
            handover,
            quotes,
        }
    }

    /// Whether what happens in this channel is to be written down at all. In memory only: it is asked for every message of every server.
    pub fn wants(&self, channel: ChannelId) -> bool {
        self.watched.is_source(channel)
    }

    /// Has sources read from what was last seen: another process began to follow them, and this one hears of it only now.
    pub fn read_soon(&self, sources: impl IntoIterator<Item = (ChannelId, GuildId)>) {
        lock(&self.asked.sources).extend(sources);
        self.asked.news.notify_one();
    }

    /// Has quotes looked at now: something that is quoted is to go.
    pub fn requote_soon(&self) {
        self.quotes.notify_one();
    }

    /// Writes down what is reported, until the last sender is gone. What is still being read then is read again at the next start.
    pub async fn run(&self, mut reports: Reported) {
        let _clear = Clear(&self.progress);
        let mut held = Held::default();
        self.take_over(&mut held);
        let mut readings = JoinSet::new();
        let mut read: VecDeque<ReadSource> = VecDeque::new();
        let mut reported: Vec<Received> = Vec::with_capacity(BATCH);
        loop {
            let mut batch = Batch::default();
            let wait = held.next_wait_ends();
            let waited = async { tokio::time::sleep_until(wait.unwrap_or_else(Instant::now).into()).await };
            tokio::select! {
                biased;
                Some(ended) = readings.join_next() => self.end_reading(ended, &mut held, &mut read),
                count = reports.take(&mut reported, BATCH) => {
                    if count == 0 {
                        self.take_last_words(&mut held, &mut read, &mut batch);
                        self.record(batch).await;
                        return self.leave(held);
                    }
                }
                () = self.asked.news.notified() => {
                    let asked = std::mem::take(&mut *lock(&self.asked.sources));
                    asked.into_iter().for_each(|(source, guild)| held.begin(source, Reading::History(guild)));
                }
                () = waited, if wait.is_some() => {}
                () = self.rights.settled() => {}
                () = tokio::time::sleep_until(self.circles.next_at()) => {}
                () = std::future::ready(()), if !read.is_empty() => {}
            }
            let since = reported.first().map(|report| report.at);
            reported.drain(..).for_each(|report| self.take(report, &mut held, &mut batch));
            // A long history takes turns with the live events of other sources.
            self.take_read(&mut read, &mut held, &mut batch);
            while let Some((source, reading)) =
                held.next(Instant::now(), |guild| !self.rights.is_unsure(guild))
            {
                let reader = self.reader.clone();
                readings.spawn(async move {
                    let ended = AssertUnwindSafe(reader.read(source, reading)).catch_unwind().await;
                    (source, reading, ended)
                });
            }
            self.progress.held(held.oldest());
            self.progress.writing(since.or_else(|| (!batch.is_empty()).then(Instant::now)));
            self.record(batch).await;
            self.progress.writing(None);
            self.follow_circles().await;
        }
    }

    /// Takes up how a reading ended. One that failed is repeated later, and others have its place meanwhile.
    fn end_reading(&self, ended: EndedReading, held: &mut Held, read: &mut VecDeque<ReadSource>) {
        let Ok((source, reading, ended)) = ended else {
            // It catches its panics and is never aborted.
            return tracing::error!("a reading was lost");
        };
        held.give_place_back(source);
        let error = match ended {
            Ok(Ok(found)) => return read.push_back(ReadSource::new(source, found, held)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "panic".to_owned(),
        };
        let wait = |failures| backoff(failures, rand::random()).to_std().unwrap_or(Duration::from_secs(1));
        let failures = held.postpone(source, reading, Instant::now(), wait);
        // Once at the first failure, then at each doubling.
        if failures.is_power_of_two() {
            tracing::warn!(%source, error, failures, "a followed channel can't be read yet");
        }
    }
}

/// How a reading ended: of which source, what was to be read, and what was.
type EndedReading = Result<
    (ChannelId, Reading, std::thread::Result<Result<Vec<Read>, ServiceError>>),
    tokio::task::JoinError,
>;

/// Tells that nothing waits any more, however the intake ends.
struct Clear<'a>(&'a Progress);

impl Drop for Clear<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}
