//! Where lanes leave their requests to the database. All that wait are put into one transaction; while it runs, the next ones gather. So a lane alone is answered at once,
//! and many together share the cost of a commit, without a timer.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};

use crate::domain::clock::Clock;
use crate::store::{Holder, LaneRequest, Store, Turn, Which};
use crate::supervisor::Supervisor;

use super::{LEASE, OwnerName};

/// How many requests one transaction answers at most: of a post to very many targets, the first are to be sent while the others are still being taken.
const AT_ONCE: usize = 128;

/// Takes the requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Ledger(UnboundedSender<Entry>);

struct Entry {
    request: LaneRequest<'static>,
    answer: oneshot::Sender<Turn>,
}

/// What writes them into the database.
#[derive(Clone)]
struct Writer {
    store: Store,
    clock: Clock,
    owner: OwnerName,
    entries: Arc<Mutex<UnboundedReceiver<Entry>>>,
}

impl Ledger {
    /// A ledger, written until nobody can ask any more.
    pub(super) fn new(store: &Store, clock: Clock, owner: OwnerName, supervisor: &Supervisor) -> Self {
        let (sender, entries) = unbounded_channel();
        let entries = Arc::new(Mutex::new(entries));
        let writer = Writer { store: store.clone(), clock, owner, entries };
        for _ in 0..store.writers() {
            // It ends when nobody can ask any more, after the last answer.
            supervisor.spawn_until("ledger", || true, writer.clone().run()).detach();
        }
        Self(sender)
    }

    /// Asks for a lane's turn. `None` where that failed, which has been said.
    pub(super) async fn ask(&self, request: LaneRequest<'static>) -> Option<Turn> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Entry { request, answer }).ok()?;
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

    async fn write(&self, mut entries: Vec<Entry>) {
        let owner = self.owner.borrow().clone();
        if owner.is_none() {
            // What was done is recorded, if nobody has the lane by now; but none is taken.
            entries.retain(|entry| matches!(entry.request.lane, Which::Held(_)));
        }
        let holder =
            Holder { owner: owner.as_deref().unwrap_or_default(), now: self.clock.now(), lease: LEASE };
        let (requests, askers): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .map(|Entry { request, answer }| {
                let target = request.lane.target();
                (request, (target, answer))
            })
            .unzip();
        match self.store.advance(holder, requests).await {
            Ok(turns) => {
                for (turn, (target, answer)) in turns.into_iter().zip(askers) {
                    match turn {
                        // Who doesn't wait any more has ended with the program.
                        Ok(turn) => drop(answer.send(turn)),
                        Err(error) => {
                            tracing::error!(channel = %target, %error, "a lane stopped at the database")
                        }
                    }
                }
            }
            Err(error) => tracing::error!(lanes = askers.len(), %error, "lanes stopped at the database"),
        }
    }
}
