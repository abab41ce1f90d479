//! Withdraws what people don't want mirrored, and forgets those who asked for it. One process does it for
//! all. The work to do is stored in the database, so after an interruption it goes on with the next start.
//!
//! People take turns, a part each. A part is small, and the next one waits until its mirrors are gone, or for
//! a while. In a lane, deletions go before new messages, so this way nobody's messages wait behind somebody's
//! years.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::service::Wake;
use crate::service::intake::Intake;
use crate::service::{ServiceError, ServiceParts};
use crate::store::{Forgotten, Removal, RemovalKind, RemovedPart, Store};

use super::Authors;

/// How often to look for what another process wrote down, and for what failed.
const EACH: Duration = Duration::from_secs(5);
/// The pause before the next turn of unfinished removals.
const TURN: Duration = Duration::from_millis(200);
/// How many people have a part in one turn; in the next, it begins with those behind them.
const PEOPLE: usize = 50;
/// When a part has so few mirrors left, the next part begins.
const FEW: u64 = 10;
/// How long a part may hold up the next: an unreachable target may keep its mirrors for days.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far a removal is.
struct RemovalProgress {
    /// What was due and not yet sent has been withdrawn.
    begun: bool,
    /// The next part consists of activities below this number.
    before: i64,
    /// What the last part took back, and when.
    last: Option<(Vec<i64>, Instant)>,
    /// It failed, and isn't tried again before this.
    not_before: Option<Instant>,
}

impl RemovalProgress {
    const NONE: Self = Self { begun: false, before: i64::MAX, last: None, not_before: None };
}

/// Withdraws what people don't want mirrored.
pub struct Removals {
    store: Store,
    clock: Clock,
    wake: Wake,
    authors: Arc<Authors>,
    intake: Arc<Intake>,
    /// How many people have had a turn.
    turns: AtomicUsize,
}

impl Removals {
    /// With these parts; the authors say when something is to be done.
    pub fn new(parts: &ServiceParts, authors: Arc<Authors>, intake: Arc<Intake>) -> Self {
        let ServiceParts { store, clock, wake, .. } = parts.clone();
        Self { store, clock, wake, authors, intake, turns: AtomicUsize::new(0) }
    }

    /// Works until it is stopped.
    pub async fn run(&self) {
        let mut under_way: HashMap<Removal, RemovalProgress> = HashMap::new();
        loop {
            let more = match self.take_turns(&mut under_way).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(%error, "what people want withdrawn can't be looked up yet");
                    false
                }
            };
            if more {
                tokio::time::sleep(TURN).await;
            } else {
                drop(tokio::time::timeout(EACH, self.authors.news.notified()).await);
            }
        }
    }

    /// A turn of each removal. Whether there is more to do soon.
    async fn take_turns(
        &self,
        under_way: &mut HashMap<Removal, RemovalProgress>,
    ) -> Result<bool, ServiceError> {
        let mut open = self.store.open_removals().await?;
        let still_open: HashSet<Removal> = open.iter().copied().collect();
        under_way.retain(|removal, _| still_open.contains(removal));
        let mut more = open.len() > PEOPLE;
        // Where there are more, all have their turn, also if the first ones wait for their mirrors for days.
        let begin = self.turns.fetch_add(PEOPLE, Ordering::Relaxed) % open.len().max(1);
        open.rotate_left(if more { begin } else { 0 });
        for removal in open.into_iter().take(PEOPLE) {
            let progress = under_way.remove(&removal).unwrap_or(RemovalProgress::NONE);
            let waits = progress.not_before.is_some_and(|until| Instant::now() < until);
            if waits {
                under_way.insert(removal, progress);
                continue;
            }
            match AssertUnwindSafe(self.remove_next_part(&removal, progress)).catch_unwind().await {
                Ok(Ok(Some(progress))) => {
                    more = true;
                    under_way.insert(removal, progress);
                    continue;
                }
                Ok(Ok(None)) => continue,
                Ok(Err(error)) => tracing::warn!(%error, "what somebody wants withdrawn can't be yet"),
                Err(_) => tracing::error!("what somebody wants withdrawn can't be: a panic"),
            }
            // It begins again, which costs little: what is done isn't found again.
            let not_before = Some(Instant::now() + PATIENCE);
            under_way.insert(removal, RemovalProgress { not_before, ..RemovalProgress::NONE });
        }
        Ok(more)
    }

    /// Withdraws the next part of one removal. `None` when it is complete.
    async fn remove_next_part(
        &self,
        removal: &Removal,
        progress: RemovalProgress,
    ) -> Result<Option<RemovalProgress>, ServiceError> {
        if !progress.begun {
            self.begin(removal).await?;
            return Ok(Some(RemovalProgress { begun: true, ..RemovalProgress::NONE }));
        }
        if let Some((activities, since)) = &progress.last
            && since.elapsed() < PATIENCE
            && self.store.still_due(activities).await? > FEW
        {
            return Ok(Some(progress));
        }
        let RemovedPart { activities, lanes } =
            self.store.remove_part(removal, progress.before, true).await?;
        (self.wake)(lanes);
        self.intake.requote_soon();
        if let Some(before) = activities.last().copied() {
            let last = Some((activities, Instant::now()));
            return Ok(Some(RemovalProgress { before, last, ..progress }));
        }
        if removal.manner != RemovalKind::Withhold {
            let mut forgotten = Forgotten::default();
            self.store.forget_name(removal.opt_out.user, self.clock.now(), &mut forgotten).await?;
        }
        self.store.end_removal(removal).await?;
        Ok(None)
    }

    /// What is due and not yet sent goes first, all at once: that costs no request.
    async fn begin(&self, removal: &Removal) -> Result<(), ServiceError> {
        let withhold = removal.manner == RemovalKind::Withhold;
        if withhold {
            self.store.pass_sources(removal.opt_out.scope).await?;
        }
        let mut before = i64::MAX;
        loop {
            let RemovedPart { activities, lanes } = self.store.remove_part(removal, before, false).await?;
            (self.wake)(lanes);
            match activities.last() {
                Some(last) => before = *last,
                None => break,
            }
        }
        if withhold {
            self.store.mark_quotes_of(removal).await?;
        }
        self.intake.requote_soon();
        Ok(())
    }
}
