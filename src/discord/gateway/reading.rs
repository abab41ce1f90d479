//! The thread on which all shards of this process are read, with a runtime of its own.
//!
//! Most messages of a busy server are followed by nobody, and waking a thread costs more than finding that
//! out. So while a lot arrives, the thread rests for a moment before it waits for more, and then reads
//! everything at once. Since it has the thread to itself, that delays nothing else.

use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// How long it rests. Mirrors are at most this much later, and only while a lot arrives.
const REST: Duration = Duration::from_millis(4);
/// It is busy when it waits more often than this in so much time.
const BUSY: (Duration, u32) = (Duration::from_millis(100), 15);

/// The thread. It ends when this is dropped.
pub(super) struct ReadingThread {
    runtime: Handle,
    _until: oneshot::Sender<Infallible>,
}

impl ReadingThread {
    /// Starts it.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let pace = Mutex::new(Pace::new(Instant::now()));
        let rest = move || {
            let busy = pace.lock().unwrap_or_else(PoisonError::into_inner).is_busy(Instant::now());
            if busy {
                thread::sleep(REST);
            }
        };
        let runtime = Builder::new_current_thread().enable_all().on_thread_park(rest).build()?;
        let handle = runtime.handle().clone();
        let (until, ended) = oneshot::channel::<Infallible>();
        thread::Builder::new().name("gateway".to_owned()).spawn(move || {
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { runtime: handle, _until: until })
    }

    /// Runs this on the thread, until it ends or is dropped. A panic in it is passed on. `None` if the thread
    /// ended first.
    pub(super) fn run<T: Send + 'static>(
        &self,
        reading: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send + 'static {
        let runtime = self.runtime.clone();
        async move {
            let mut alone = JoinSet::new();
            alone.spawn_on(reading, &runtime);
            match alone.join_next().await {
                Some(Ok(ended)) => Some(ended),
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                Some(Err(_)) | None => None,
            }
        }
    }
}

/// How often the thread has waited lately.
struct Pace {
    since: Instant,
    waits: u32,
    busy: bool,
}

impl Pace {
    const fn new(now: Instant) -> Self {
        Self { since: now, waits: 0, busy: false }
    }

    /// Counts one more wait. Returns whether it waits often.
    fn is_busy(&mut self, now: Instant) -> bool {
        let (span, often) = BUSY;
        self.waits += 1;
        let passed = now.saturating_duration_since(self.since);
        if passed >= span {
            self.busy = self.waits > often && passed < span * 2;
            (self.since, self.waits) = (now, 0);
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Whether it counts as busy after waiting this often, with such a pause each time.
    fn busy_after(waits: u32, pause: Duration) -> bool {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        (0..waits).fold(false, |_, _| {
            now += pause;
            pace.is_busy(now)
        })
    }

    #[test]
    fn only_a_thread_that_waits_often_is_busy() {
        assert!(busy_after(1_000, Duration::from_micros(200)));
        // The rests themselves don't end it.
        assert!(busy_after(1_000, REST + Duration::from_micros(100)));
        assert!(!busy_after(1_000, Duration::from_millis(10)));
        assert!(!busy_after(15, Duration::from_micros(200)));
        let mut pace = Pace { since: Instant::now(), waits: 1_000, busy: true };
        assert!(!pace.is_busy(Instant::now() + Duration::from_secs(1)), "it was busy a while ago");
    }

    #[tokio::test]
    async fn what_runs_there_answers_ends_and_panics_here() {
        let thread = ReadingThread::start().unwrap();
        let name = thread.run(async { thread::current().name().map(str::to_owned) }).await;
        assert_eq!(name.flatten().as_deref(), Some("gateway"));
        let panicked = tokio::spawn(thread.run(async { panic!("as it would") })).await;
        assert!(panicked.unwrap_err().is_panic());
        // What is dropped here is dropped there.
        let (kept, dropped) = oneshot::channel::<Infallible>();
        let reading = tokio::spawn(thread.run(async move {
            let _kept = kept;
            pending::<()>().await;
        }));
        tokio::task::yield_now().await;
        reading.abort();
        assert!(dropped.await.is_err());
    }

    #[tokio::test]
    async fn a_thread_that_ends_leaves_nobody_waiting() {
        let thread = ReadingThread::start().unwrap();
        let reading = tokio::spawn(thread.run(pending::<()>()));
        tokio::task::yield_now().await;
        drop(thread);
        assert_eq!(reading.await.unwrap(), None);
    }
}
