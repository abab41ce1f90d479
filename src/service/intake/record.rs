//! Records events: in their order, in transactions of limited size, and so that one event that can't be
//! written doesn't hold up the others.
//!
//! While the database is away, everything waits and nothing is given up. If the data is at fault, the batch
//! is halved until the one event is found; that is set aside, and the rest is written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::activity::Origin;
use crate::domain::retry::backoff;
use crate::metrics::{EVENTS_LEFT_OUT, EVENTS_SET_ASIDE, LEFT_OUT_FOR_AUTHOR};
use crate::store::{Blame, SourceEvent, StoreError};

use super::Intake;
use super::authors::RetitledThread;
use super::batch::Batch;
use super::listening::ListeningGap;
use super::threads::ThreadEnd;

/// How many events one transaction takes at most.
const TOGETHER: usize = 512;
/// The longest pause before a batch that the database didn't take is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why something wasn't written.
enum WriteFailure {
    /// The database.
    Database(StoreError),
    /// The data. The cause repeats no text of it.
    Data(Cow<'static, str>),
}

/// Something that can be set aside.
pub(super) trait Writable: Sized {
    /// Tells the operator what is set aside and why, without its text.
    fn log_set_aside(&self, cause: &str);
    /// What is written in its place, if anything.
    fn replacement(&self) -> Option<Self>;
}

impl Writable for SourceEvent {
    fn log_set_aside(&self, cause: &str) {
        set_aside(self.origin(), self.word(), cause);
    }

    /// Its channel counts as read up to it, otherwise it would be read again and again.
    fn replacement(&self) -> Option<Self> {
        match self {
            Self::Posted { origin, source, .. } => Some(Self::Passed { origin: *origin, source: *source }),
            Self::Edited { .. } | Self::Reread { .. } | Self::Deleted { .. } | Self::Passed { .. } => None,
        }
    }
}

impl Writable for ThreadEnd {
    fn log_set_aside(&self, cause: &str) {
        let Self { thread, parent, .. } = self;
        metrics::counter!(EVENTS_SET_ASIDE).increment(1);
        tracing::error!(%thread, %parent, cause, "the end of a thread can't be written down and is set aside");
    }

    fn replacement(&self) -> Option<Self> {
        None
    }
}

impl Writable for ListeningGap {
    fn log_set_aside(&self, cause: &str) {
        metrics::counter!(EVENTS_SET_ASIDE).increment(1);
        tracing::error!(
            shard = self.shard.id,
            cause,
            "a gap in listening can't be written down and is set aside"
        );
    }

    fn replacement(&self) -> Option<Self> {
        None
    }
}

/// Counts and logs an event that is passed over for good.
pub(super) fn set_aside(origin: Origin, event: &str, cause: &str) {
    metrics::counter!(EVENTS_SET_ASIDE).increment(1);
    let (channel, message) = (origin.channel(), origin.message());
    tracing::error!(%channel, %message, event, cause, "an event can't be written down and is set aside");
}

/// Runs code that reads what other people wrote; `None` if it panics.
pub(super) fn catching<T>(run: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Where things are written.
trait EventSink<E>: Sync {
    /// Writes these down, all or none.
    fn write(&self, events: &[E]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Waits after this many failures in a row.
    fn pause(&self, failures: u32) -> impl Future<Output = ()> + Send {
        let wait = backoff(failures, rand::random()).to_std().unwrap_or(LONGEST_WAIT);
        tokio::time::sleep(wait.min(LONGEST_WAIT))
    }
}

/// Records events, and quarantines these posts, so that they are delivered to nobody yet.
struct SourceEventSink<'a> {
    intake: &'a Intake,
    quarantined: &'a HashSet<Origin>,
}

impl EventSink<SourceEvent> for SourceEventSink<'_> {
    async fn write(&self, events: &[SourceEvent]) -> Result<(), StoreError> {
        let Intake { store, clock, wake, quotes, .. } = self.intake;
        let recorded = store.record_events_quarantining(events, self.quarantined, clock.now()).await?;
        if recorded.quoted {
            quotes.notify_one();
        }
        if recorded.withheld > 0 {
            metrics::counter!(EVENTS_LEFT_OUT, "reason" => LEFT_OUT_FOR_AUTHOR).increment(recorded.withheld);
        }
        if !recorded.lanes.is_empty() {
            wake(recorded.lanes);
        }
        Ok(())
    }
}

impl EventSink<ThreadEnd> for Intake {
    async fn write(&self, ends: &[ThreadEnd]) -> Result<(), StoreError> {
        for end in ends {
            self.end_thread(*end).await?;
        }
        Ok(())
    }
}

impl Writable for RetitledThread {
    fn log_set_aside(&self, cause: &str) {
        metrics::counter!(EVENTS_SET_ASIDE).increment(1);
        tracing::error!(thread = %self.0, cause, "a thread's new name and tags can't be written down and are set aside");
    }

    fn replacement(&self) -> Option<Self> {
        None
    }
}

impl EventSink<RetitledThread> for Intake {
    async fn write(&self, retitled: &[RetitledThread]) -> Result<(), StoreError> {
        let sink = SourceEventSink { intake: self, quarantined: &HashSet::new() };
        for thread in retitled {
            let mut after = None;
            loop {
                let (events, last) = self.posts_to_retitle(*thread, after).await?;
                sink.write(&events).await?;
                match last {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
        }
        Ok(())
    }
}

impl EventSink<ListeningGap> for Intake {
    async fn write(&self, gaps: &[ListeningGap]) -> Result<(), StoreError> {
        for gap in gaps {
            self.end_gap(*gap).await?;
        }
        Ok(())
    }
}

impl Intake {
    /// Writes a batch in its order, however long the database is away: going on without it would lose
    /// messages.
    pub(super) async fn record(&self, mut batch: Batch) {
        // It reads what other people wrote. Without it, a circle is noticed later.
        let _ = catching(|| self.circles.quarantine_suspicious(&mut batch, self.clock.now()));
        write_down(
            batch.events,
            TOGETHER,
            &SourceEventSink { intake: self, quarantined: &batch.quarantined },
        )
        .await;
        write_down(batch.retitled, 1, self).await;
        write_down(batch.ended, 1, self).await;
        write_down(batch.gaps, 1, self).await;
    }
}

/// Writes these in their order, at most `together` at once.
async fn write_down<E: Writable + Send + Sync>(
    mut events: Vec<E>,
    together: usize,
    sink: &impl EventSink<E>,
) {
    // A stack: the first events come last.
    let mut pending: Vec<Vec<E>> = Vec::new();
    while events.len() > together {
        let first = events.len() - 1 - (events.len() - 1) % together;
        pending.push(events.split_off(first));
    }
    pending.push(events);
    let mut failures = 0_u32;
    while let Some(mut next) = pending.pop() {
        if next.is_empty() {
            continue;
        }
        match write_once(sink.write(&next)).await {
            Ok(()) if failures > 0 => {
                tracing::info!(failures, "events are written down again");
                failures = 0;
            }
            Ok(()) => {}
            Err(WriteFailure::Database(error)) => {
                failures += 1;
                // At the first failure, then at each doubling.
                if failures.is_power_of_two() {
                    let events = next.len();
                    tracing::error!(%error, failures, events, "events can't be written down; trying again");
                }
                pending.push(next);
                sink.pause(failures).await;
            }
            Err(WriteFailure::Data(cause)) if next.len() == 1 => {
                next[0].log_set_aside(&cause);
                pending.extend(next[0].replacement().map(|event| vec![event]));
            }
            Err(WriteFailure::Data(_)) => {
                let second = next.split_off(next.len() / 2);
                pending.extend([second, next]);
            }
        }
    }
}

/// One attempt. If it panics, the data is at fault.
async fn write_once(write: impl Future<Output = Result<(), StoreError>>) -> Result<(), WriteFailure> {
    match AssertUnwindSafe(write).catch_unwind().await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => match error.blame() {
            Blame::Database => Err(WriteFailure::Database(error)),
            Blame::Data(cause) => Err(WriteFailure::Data(cause)),
        },
        Err(_) => Err(WriteFailure::Data("panic".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// An event: a number, and what happens when it is written.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Event {
        Good(u32),
        Bad(u32),
        Panics(u32),
        /// The replacement of one that was set aside.
        InPlace(u32),
    }

    thread_local! {
        static ASIDE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    }

    impl Writable for Event {
        fn log_set_aside(&self, _: &str) {
            let (Self::Good(id) | Self::Bad(id) | Self::Panics(id) | Self::InPlace(id)) = self;
            ASIDE.with_borrow_mut(|aside| aside.push(*id));
        }

        fn replacement(&self) -> Option<Self> {
            match self {
                Self::Bad(id) | Self::Panics(id) => Some(Self::InPlace(*id)),
                Self::Good(_) | Self::InPlace(_) => None,
            }
        }
    }

    /// What was written, and when the database is away.
    struct Paper {
        together: usize,
        away: Mutex<std::vec::IntoIter<bool>>,
        written: Mutex<Vec<Event>>,
    }

    impl EventSink<Event> for Paper {
        async fn write(&self, events: &[Event]) -> Result<(), StoreError> {
            assert!(events.len() <= self.together);
            if self.away.lock().unwrap().next() == Some(true) {
                return Err(StoreError::Address);
            }
            if events.iter().any(|event| matches!(event, Event::Panics(_))) {
                std::panic::resume_unwind(Box::new("while writing"));
            }
            if events.iter().any(|event| matches!(event, Event::Bad(_))) {
                return Err(StoreError::Unreadable("something"));
            }
            self.written.lock().unwrap().extend_from_slice(events);
            Ok(())
        }

        async fn pause(&self, _: u32) {}
    }

    proptest! {
        #[test]
        fn whatever_is_wrong_with_some_the_others_are_written_in_order(
            kinds in proptest::collection::vec(0..6_u8, 0..60),
            away in proptest::collection::vec(any::<bool>(), 0..20),
            together in 1..20_usize,
        ) {
            let event = |(id, kind): (u32, &u8)| match kind {
                0 => Event::Bad(id),
                1 => Event::Panics(id),
                _ => Event::Good(id),
            };
            let events: Vec<Event> = (0_u32..).zip(&kinds).map(event).collect();
            ASIDE.with_borrow_mut(Vec::clear);
            let paper = Paper { together, away: Mutex::new(away.into_iter()), written: Mutex::default() };
            write_down(events.clone(), together, &paper).now_or_never().unwrap();
            let wanted: Vec<Event> = events.iter().map(|event| match event {
                Event::Bad(id) | Event::Panics(id) => Event::InPlace(*id),
                good => *good,
            }).collect();
            prop_assert_eq!(paper.written.into_inner().unwrap(), wanted);
            let bad: Vec<u32> = events.iter().filter_map(|event| match event {
                Event::Bad(id) | Event::Panics(id) => Some(*id),
                _ => None,
            }).collect();
            prop_assert_eq!(ASIDE.take(), bad);
        }
    }
}
