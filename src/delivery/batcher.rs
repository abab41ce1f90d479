//! Collects the requests of lanes to the database. All requests that wait are answered in one transaction;
//! while it runs, the next ones gather. So a lane alone is answered at once, and many together share the cost
//! of a commit, without a timer.
//!
//! What a lane did can't be done again, so its record isn't thrown away with a transaction that fails. While
//! the database is away, the batch is kept and repeated, as long as the leases last: recording the same twice
//! changes nothing. Where the database refuses something in the batch, the batch is halved until that one
//! lane is found, and the others are written down.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Mutex, oneshot};

use crate::domain::activity::Revision;
use crate::domain::clock::Clock;
use crate::domain::ids::WebhookId;
use crate::domain::next_step::Step;
use crate::store::{Decide, Holder, LaneAnswer, LaneRef, LaneRequest, StepResult, Store, StoreError};
use crate::supervisor::Supervisor;

use super::step::file_limits::FileLimits;
use super::{LEASE, OwnerName, lane};

/// How many requests one transaction answers at most. Of a post to very many targets, the first copies should
/// be sent while the lanes of the others are still being claimed.
const AT_ONCE: usize = 128;
/// How many requests wait at most. Further lanes wait until there is room.
const WAITING: usize = 4 * AT_ONCE;
/// The first pause before a batch is repeated. Each pause is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a lane asks of the database. Unlike a [`LaneRequest`], it can be asked again where nobody knows what
/// became of it.
#[derive(Debug, Clone)]
pub(super) struct BatchedRequest {
    /// LaneRef lane.
    pub(super) lane: LaneRef,
    /// What was done since the lane was last asked what to do.
    pub(super) done: Option<StepResult>,
    /// With that, every part is posted, and shows this revision or a newer one.
    pub(super) shown: Option<Revision>,
    /// The webhook with which its holder would send.
    pub(super) webhook: Option<WebhookId>,
    /// The lane is given back, not to be looked at before that time.
    pub(super) rest_until: Option<DateTime<Utc>>,
}

impl BatchedRequest {
    /// Asks what is next in a lane.
    pub(super) const fn next(lane: LaneRef) -> Self {
        Self { lane, done: None, shown: None, webhook: None, rest_until: None }
    }

    fn to_lane_request(&self, file_limits: &FileLimits) -> LaneRequest<'static> {
        let Self { lane, done, shown, webhook, rest_until } = self.clone();
        let decide: Decide<'static> = match rest_until {
            Some(until) => Box::new(move |_, _| Step::Wait(until)),
            None => {
                let file_limits = file_limits.clone();
                Box::new(move |work, now| lane::decide_step(work, &file_limits, now))
            }
        };
        LaneRequest { lane, done, shown, webhook, decide, rest_until }
    }

    /// Whether the request is worth repeating at this time. A lane that isn't held yet has nothing to lose:
    /// it is looked at again anyway.
    fn is_worth_repeating(&self, now: DateTime<Utc>) -> bool {
        matches!(&self.lane, LaneRef::Claimed(lease) if lease.until > now)
    }
}

/// Takes the requests of lanes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Batcher(Sender<QueuedRequest>);

struct QueuedRequest {
    request: BatchedRequest,
    reply: oneshot::Sender<LaneAnswer>,
}

/// Writes requests into the database, a batch at a time.
#[derive(Clone)]
struct BatchWriter {
    store: Store,
    clock: Clock,
    owner: OwnerName,
    file_limits: FileLimits,
    queue: Arc<Mutex<Receiver<QueuedRequest>>>,
}

impl Batcher {
    /// A batcher whose writers run until nobody can ask any more.
    pub(super) fn new(
        store: &Store,
        clock: Clock,
        owner: OwnerName,
        file_limits: &FileLimits,
        supervisor: &Supervisor,
    ) -> Self {
        let (sender, queue) = channel(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let file_limits = file_limits.clone();
        let writer = BatchWriter { store: store.clone(), clock, owner, file_limits, queue };
        for _ in 0..store.writers() {
            // A writer ends when nobody can ask any more, after the last answer.
            supervisor.spawn_until("batcher", || true, writer.clone().run()).detach();
        }
        Self(sender)
    }

    /// Asks for a lane's turn. `None` where that failed, which has been logged.
    pub(super) async fn ask(&self, request: BatchedRequest) -> Option<LaneAnswer> {
        let (reply, answered) = oneshot::channel();
        self.0.send(QueuedRequest { request, reply }).await.ok()?;
        answered.await.ok()
    }
}

impl BatchWriter {
    async fn run(self) {
        while let Some(batch) = self.gather().await {
            let writer = self.clone();
            // A task of its own, so that its failure is not the end of writing.
            // The reason isn't logged: a panic's message may hold contents.
            if tokio::spawn(async move { writer.write(batch).await }).await.is_err() {
                tracing::error!("lanes stopped, as writing down what they did failed");
            }
        }
    }

    /// Takes the requests that wait, at least one. One writer gathers at a time, so that batches aren't torn
    /// apart. `None` when nobody can ask any more.
    async fn gather(&self) -> Option<Vec<QueuedRequest>> {
        let mut queue = self.queue.lock().await;
        let mut batch = vec![queue.recv().await?];
        // Lanes that were woken together ask together.
        tokio::task::yield_now().await;
        while batch.len() < AT_ONCE
            && let Ok(queued) = queue.try_recv()
        {
            batch.push(queued);
        }
        Some(batch)
    }

    /// Writes a batch down, and answers. What the database refuses is found by halving.
    async fn write(&self, batch: Vec<QueuedRequest>) {
        let mut batches = vec![batch];
        while let Some(mut batch) = batches.pop() {
            match self.advance(&mut batch).await {
                Ok(turns) => batch.into_iter().zip(turns).for_each(|(queued, turn)| queued.answer(turn)),
                Err(_) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    batches.extend([second, batch]);
                }
                Err(error) => {
                    for queued in batch {
                        self.record_refusal(queued, &error).await;
                    }
                }
            }
        }
    }

    /// Records a failed attempt of the delivery in place of what the database refuses to record. Where even
    /// that is refused, the lane stops.
    async fn record_refusal(&self, mut queued: QueuedRequest, error: &StoreError) {
        let Some(failed) = queued.request.done.as_ref().and_then(StepResult::refused) else {
            return queued.answer(Err(error.clone()));
        };
        tracing::error!(channel = %queued.request.lane.target(), %error, "the database refuses to record what a lane did");
        (queued.request.done, queued.request.shown) = (Some(failed), None);
        let mut batch = vec![queued];
        match self.advance(&mut batch).await {
            Ok(turns) => batch.into_iter().zip(turns).for_each(|(queued, turn)| queued.answer(turn)),
            Err(error) => batch.into_iter().for_each(|queued| queued.answer(Err(error.clone()))),
        }
    }

    /// Advances these lanes, again and again while the database is away. Leaves out the lanes whose leases
    /// run out.
    async fn advance(
        &self,
        batch: &mut Vec<QueuedRequest>,
    ) -> Result<Vec<Result<LaneAnswer, StoreError>>, StoreError> {
        let mut pause = PAUSE;
        loop {
            let owner = self.owner.borrow().clone();
            if owner.is_none() {
                // What was done is recorded, if nobody has the lane by now. But no lane is claimed.
                batch.retain(|queued| matches!(queued.request.lane, LaneRef::Claimed(_)));
            }
            let owner = owner.as_deref().unwrap_or_default();
            let holder = Holder { owner, now: self.clock.now(), lease: LEASE };
            let requests =
                batch.iter().map(|queued| queued.request.to_lane_request(&self.file_limits)).collect();
            let error = match self.store.advance(holder, requests).await {
                Err(error) if error.passes() => error,
                answered => return answered,
            };
            let (now, all) = (self.clock.now(), batch.len());
            batch.retain(|queued| queued.request.is_worth_repeating(now));
            tracing::error!(lanes = batch.len(), given_up = all - batch.len(), %error, "what lanes did can't be written down yet");
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl QueuedRequest {
    fn answer(self, turn: Result<LaneAnswer, StoreError>) {
        match turn {
            // A lane that doesn't wait any more has ended with the program.
            Ok(turn) => drop(self.reply.send(turn)),
            Err(error) => {
                tracing::error!(channel = %self.request.lane.target(), %error, "a lane stopped at the database");
            }
        }
    }
}
