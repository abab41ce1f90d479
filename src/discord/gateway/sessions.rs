//! When sessions may begin: one every five seconds in each of Discord's buckets, and no more a day than the
//! budget allows. All shards of the process ask here.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use twilight_gateway::queue::{IDENTIFY_DELAY, Queue};

use crate::domain::lock::lock;
use crate::domain::session_budget::SessionBudget;

/// A longer wait is logged.
const LONG: Duration = Duration::from_secs(10);

/// A shard that is connected and asks to begin a session.
struct Request {
    shard: u32,
    answer: oneshot::Sender<()>,
}

/// The sessions that may begin, as long as the process lives.
#[derive(Debug, Clone)]
pub struct SessionsLeft {
    /// The day's budget.
    pub budget: Arc<Mutex<SessionBudget>>,
    /// How many shards may begin at the same time.
    pub at_once: u32,
}

/// What both sides share.
#[derive(Clone)]
struct Begun {
    budget: Arc<Mutex<SessionBudget>>,
    /// When each shard was last allowed to begin a session.
    allowed: Arc<Mutex<HashMap<u32, Instant>>>,
}

/// Where shards ask. Clones share one queue.
#[derive(Clone)]
pub(super) struct Sessions {
    requests: UnboundedSender<Request>,
    begun: Begun,
}

/// Grants sessions, as long as it runs.
pub(super) struct Allowing {
    requests: UnboundedReceiver<Request>,
    begun: Begun,
    buckets: Vec<Bucket>,
}

#[derive(Default)]
struct Bucket {
    waiting: VecDeque<Request>,
    next_at: Option<Instant>,
}

impl Begun {
    /// When the day's budget allows the next session.
    fn next_at(&self) -> Instant {
        Instant::from_std(lock(&self.budget).next_at())
    }
}

impl Sessions {
    /// Sessions within this limit; requests wait until the other half runs.
    pub(super) fn new(left: &SessionsLeft) -> (Self, Allowing) {
        let (sender, requests) = unbounded_channel();
        let begun = Begun { budget: Arc::clone(&left.budget), allowed: Arc::default() };
        let buckets = std::iter::repeat_with(Bucket::default).take(left.at_once.max(1) as usize).collect();
        (Self { requests: sender, begun: begun.clone() }, Allowing { requests, begun, buckets })
    }

    /// When the day's budget allows the next session.
    pub(super) fn next_at(&self) -> Instant {
        self.begun.next_at()
    }

    /// When this shard was last allowed to begin one.
    pub(super) fn allowed_at(&self, shard: u32) -> Option<Instant> {
        lock(&self.begun.allowed).get(&shard).copied()
    }
}

impl Queue for Sessions {
    fn enqueue(&self, shard: u32) -> oneshot::Receiver<()> {
        let (answer, receiver) = oneshot::channel();
        if let Err(unheard) = self.requests.send(Request { shard, answer }) {
            // Nobody allows anything any more, as the process ends. A closed answer would be asked for again
            // at once, and for ever.
            std::mem::forget(unheard);
        }
        receiver
    }
}

impl Allowing {
    /// Answers requests until nobody can ask any more.
    pub(super) async fn run(mut self) {
        loop {
            self.buckets.iter_mut().for_each(|bucket| bucket.waiting.retain(|one| !one.answer.is_closed()));
            let next = self.next();
            let turn = async {
                match next {
                    Some((_, at)) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => {
                        let bucket = request.shard as usize % self.buckets.len();
                        self.say_wait(request.shard);
                        self.buckets[bucket].waiting.push_back(request);
                    }
                    None => return,
                },
                () = turn => if let Some((bucket, _)) = next {
                    self.allow(bucket);
                },
            }
        }
    }

    /// The bucket whose turn is next, and when.
    fn next(&self) -> Option<(usize, Instant)> {
        let allowed = self.begun.next_at();
        let asked = self.buckets.iter().enumerate().filter(|(_, bucket)| !bucket.waiting.is_empty());
        asked
            .map(|(at, bucket)| (at, bucket.next_at.map_or(allowed, |next| next.max(allowed))))
            .min_by_key(|(_, at)| *at)
    }

    fn allow(&mut self, bucket: usize) {
        let now = Instant::now();
        let bucket = &mut self.buckets[bucket];
        let Some(request) = bucket.waiting.pop_front() else { return };
        if request.answer.send(()).is_err() {
            return;
        }
        bucket.next_at = Some(now + IDENTIFY_DELAY);
        lock(&self.begun.budget).take(now.into_std());
        lock(&self.begun.allowed).insert(request.shard, now);
    }

    fn say_wait(&self, shard: u32) {
        let wait = self.begun.next_at().saturating_duration_since(Instant::now());
        if wait > LONG {
            say_wait(shard, wait);
        }
    }
}

/// Logs that a shard waits for the day's budget.
pub(super) fn say_wait(shard: u32, wait: Duration) {
    tracing::warn!(
        shard,
        seconds = wait.as_secs(),
        "few of the gateway sessions that Discord allows in a day are left: the next one waits, so that they last"
    );
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::domain::session_budget::SessionLimit;

    fn left(remaining: u32, at_once: u32) -> SessionsLeft {
        let day = Duration::from_secs(24 * 60 * 60);
        let limit = SessionLimit { total: 1000, remaining, reset_after: day };
        let budget = SessionBudget::new(limit, Instant::now().into_std());
        SessionsLeft { budget: Arc::new(Mutex::new(budget)), at_once }
    }

    fn sessions(remaining: u32, at_once: u32) -> Sessions {
        let (sessions, allowing) = Sessions::new(&left(remaining, at_once));
        tokio::spawn(allowing.run());
        sessions
    }

    #[tokio::test(start_paused = true)]
    async fn one_begins_in_five_seconds_in_each_bucket() {
        for (at_once, expected) in [(1, [0, 5, 10, 15]), (2, [0, 0, 5, 5]), (0, [0, 5, 10, 15])] {
            let (begun, sessions) = (Instant::now(), sessions(1000, at_once));
            let turns = [0, 1, 2, 3].map(|shard| {
                let turn = sessions.enqueue(shard);
                async move { turn.await.map(|()| begun.elapsed().as_secs()) }
            });
            let turns = futures_util::future::join_all(turns).await;
            assert_eq!(turns, expected.map(Ok), "{at_once}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_takes_nobodys_turn() {
        let sessions = sessions(1000, 1);
        sessions.enqueue(0).await.unwrap();
        let begun = Instant::now();
        (0..10).for_each(|_| drop(sessions.enqueue(0)));
        sessions.enqueue(0).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 5);
        assert!(sessions.allowed_at(0).is_some() && sessions.allowed_at(1).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_of_a_day_wait() {
        let (begun, sessions) = (Instant::now(), sessions(23, 1));
        assert_eq!((sessions.next_at() - begun).as_secs(), 3600);
        sessions.enqueue(0).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 3600);
    }

    #[tokio::test]
    async fn after_the_end_nobody_is_answered() {
        let (sessions, allowing) = Sessions::new(&left(1000, 1));
        drop(allowing);
        assert_eq!(sessions.enqueue(0).now_or_never(), None);
    }
}
