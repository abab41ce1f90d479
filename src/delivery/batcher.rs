//! Where lanes leave their requests to the database. All that wait are put into one transaction; while it runs, the next ones gather. So a lane alone is answered at once,
//! and many together share the cost of a commit, without a timer.
//!
//! What a lane did can't be done again, so its record isn't thrown away with a transaction that fails. While the database is away, the batch is kept and repeated, as long as
//! the leases last: recording the same twice changes nothing. Where the database refuses something in the batch, the batch is halved until that one lane is found; the
//! others are written down.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Mutex, oneshot};

use crate::domain::activity::Revision;
use crate::domain::clock::Clock;
use crate::domain::ids::WebhookId;
use crate::domain::next_step::Step;
use crate::store::{Decide, Done, Holder, LaneRequest, Store, StoreError, Turn, Which};
use crate::supervisor::Supervisor;

use super::step::sizes::FileSizes;
use super::{LEASE, OwnerName, lane};

/// How many requests one transaction answers at most: of a post to very many targets, the first are to be sent while the others are still being taken.
const AT_ONCE: usize = 128;
/// How many requests wait at most; the lanes of more wait until there is room.
const WAITING: usize = 4 * AT_ONCE;
/// The first pause before a batch is repeated; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a lane asks of the database. It can be asked again, where nobody knows what became of it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Which lane.
    pub(super) lane: Which,
    /// What was done since the lane was last asked what to do.
    pub(super) done: Option<Done>,
    /// With that, every part is there, and shows this revision or a newer one.
    pub(super) shown: Option<Revision>,
    /// What its holder would send with.
    pub(super) webhook: Option<WebhookId>,
    /// The lane is given back, not to be looked at before that time.
    pub(super) rest_until: Option<DateTime<Utc>>,
}

impl Request {
    /// Asks what is next in a lane.
    pub(super) const fn next(lane: Which) -> Self {
        Self { lane, done: None, shown: None, webhook: None, rest_until: None }
    }

    fn ask(&self, sizes: &FileSizes) -> LaneRequest<'static> {
        let Self { lane, done, shown, webhook, rest_until } = self.clone();
        let decide: Decide<'static> = match rest_until {
            Some(until) => Box::new(move |_, _| Step::Wait(until)),
            None => {
                let sizes = sizes.clone();
                Box::new(move |work, now| lane::decide(work, &sizes, now))
            }
        };
        LaneRequest { lane, done, shown, webhook, decide, rest_until }
    }

    /// Whether it is worth repeating at this time. What isn't held yet has nothing to lose: its lane is looked at again anyway.
    fn lasts(&self, now: DateTime<Utc>) -> bool {
        matches!(&self.lane, Which::Held(lease) if lease.until > now)
    }
}

/// Takes the requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Ledger(Sender<Entry>);

struct Entry {
    request: Request,
    answer: oneshot::Sender<Turn>,
}

/// What writes them into the database.
#[derive(Clone)]
struct Writer {
    store: Store,
    clock: Clock,
    owner: OwnerName,
    sizes: FileSizes,
    entries: Arc<Mutex<Receiver<Entry>>>,
}

impl Ledger {
    /// A ledger, written until nobody can ask any more.
    pub(super) fn new(
        store: &Store,
        clock: Clock,
        owner: OwnerName,
        sizes: &FileSizes,
        supervisor: &Supervisor,
    ) -> Self {
        let (sender, entries) = channel(WAITING);
        let entries = Arc::new(Mutex::new(entries));
        let writer = Writer { store: store.clone(), clock, owner, sizes: sizes.clone(), entries };
        for _ in 0..store.writers() {
            // It ends when nobody can ask any more, after the last answer.
            supervisor.spawn_until("ledger", || true, writer.clone().run()).detach();
        }
        Self(sender)
    }

    /// Asks for a lane's turn. `None` where that failed, which has been said.
    pub(super) async fn ask(&self, request: Request) -> Option<Turn> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Entry { request, answer }).await.ok()?;
        answered.await.ok()
    }
}

impl Writer {
    async fn run(self) {
        while let Some(entries) = self.gather().await {
            let writer = self.clone();
            // A task of its own, so that its failure is not the end of writing.
            // Why is not for the log: a panic's message may hold contents.
            if tokio::spawn(async move { writer.write(entries).await }).await.is_err() {
                tracing::error!("lanes stopped, as writing down what they did failed");
            }
        }
    }

    /// The requests that wait, at least one. One writer gathers at a time, so that they aren't torn apart.
    async fn gather(&self) -> Option<Vec<Entry>> {
        let mut waiting = self.entries.lock().await;
        let mut entries = vec![waiting.recv().await?];
        // Those who were woken together ask together.
        tokio::task::yield_now().await;
        while entries.len() < AT_ONCE
            && let Ok(entry) = waiting.try_recv()
        {
            entries.push(entry);
        }
        Some(entries)
    }

    /// Writes them down, and answers. What the database refuses is found by halving.
    async fn write(&self, entries: Vec<Entry>) {
        let mut batches = vec![entries];
        while let Some(mut batch) = batches.pop() {
            match self.advance(&mut batch).await {
                Ok(turns) => batch.into_iter().zip(turns).for_each(|(entry, turn)| entry.end(turn)),
                Err(_) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    batches.extend([second, batch]);
                }
                Err(error) => {
                    for entry in batch {
                        self.refused(entry, &error).await;
                    }
                }
            }
        }
    }

    /// What the database refuses to record of a lane is a failed attempt of that delivery. Where even that is refused, the lane stops.
    async fn refused(&self, mut entry: Entry, error: &StoreError) {
        let Some(failed) = entry.request.done.as_ref().and_then(Done::refused) else {
            return entry.end(Err(error.clone()));
        };
        tracing::error!(channel = %entry.request.lane.target(), %error, "the database refuses to record what a lane did");
        (entry.request.done, entry.request.shown) = (Some(failed), None);
        let mut batch = vec![entry];
        match self.advance(&mut batch).await {
            Ok(turns) => batch.into_iter().zip(turns).for_each(|(entry, turn)| entry.end(turn)),
            Err(error) => batch.into_iter().for_each(|entry| entry.end(Err(error.clone()))),
        }
    }

    /// Advances these lanes, again and again while the database is away. Those whose leases don't last are left out.
    async fn advance(&self, batch: &mut Vec<Entry>) -> Result<Vec<Result<Turn, StoreError>>, StoreError> {
        let mut pause = PAUSE;
        loop {
            let owner = self.owner.borrow().clone();
            if owner.is_none() {
                // What was done is recorded, if nobody has the lane by now; but none is taken.
                batch.retain(|entry| matches!(entry.request.lane, Which::Held(_)));
            }
            let owner = owner.as_deref().unwrap_or_default();
            let holder = Holder { owner, now: self.clock.now(), lease: LEASE };
            let requests = batch.iter().map(|entry| entry.request.ask(&self.sizes)).collect();
            let error = match self.store.advance(holder, requests).await {
                Err(error) if error.passes() => error,
                answered => return answered,
            };
            let (now, all) = (self.clock.now(), batch.len());
            batch.retain(|entry| entry.request.lasts(now));
            tracing::error!(lanes = batch.len(), given_up = all - batch.len(), %error, "what lanes did can't be written down yet");
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Entry {
    fn end(self, turn: Result<Turn, StoreError>) {
        match turn {
            // Who doesn't wait any more has ended with the program.
            Ok(turn) => drop(self.answer.send(turn)),
            Err(error) => {
                tracing::error!(channel = %self.request.lane.target(), %error, "a lane stopped at the database");
            }
        }
    }
}
