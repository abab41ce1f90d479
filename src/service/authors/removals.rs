//! Takes back what people don't want mirrored, and forgets those who asked for it, in one process of all. What is to be done stands in the database: cut off, it goes on
//! with the next start.
//!
//! People take turns, a part each. A part is small, and the next one waits until its mirrors are gone or for a while, as in a lane deletions go before what is new there:
//! nobody's messages wait behind somebody's years.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::service::intake::{Intake, Wake};
use crate::service::{Parts, ServiceError};
use crate::store::{Forgotten, Manner, Removal, RemovedPart, Store};

use super::Authors;

/// How often it is looked for what another process wrote down, and for what failed.
const EACH: Duration = Duration::from_secs(5);
/// How long to wait before the next turn of those that aren't done.
const TURN: Duration = Duration::from_millis(200);
/// How many people have a part in one turn; in the next, it begins with those behind them.
const PEOPLE: usize = 50;
/// With so few mirrors of a part left, the next part begins.
const FEW: u64 = 10;
/// How long a part holds up the next: a target that can't be reached may keep its mirrors for days.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far a removal is.
struct Progress {
    /// What is owed and not yet sent is taken back.
    begun: bool,
    /// The next part is before this number.
    before: i64,
    /// What the last part took back, and when.
    last: Option<(Vec<i64>, Instant)>,
    /// It failed, and isn't tried again until then.
    not_before: Option<Instant>,
}

impl Progress {
    const NONE: Self = Self { begun: false, before: i64::MAX, last: None, not_before: None };
}

/// Takes back what people want taken back.
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
    pub fn new(parts: &Parts, authors: Arc<Authors>, intake: Arc<Intake>) -> Self {
        let Parts { store, clock, wake, .. } = parts.clone();
        Self { store, clock, wake, authors, intake, turns: AtomicUsize::new(0) }
    }

    /// Goes on as long as it is let.
    pub async fn run(&self) {
        let mut under_way: HashMap<Removal, Progress> = HashMap::new();
        loop {
            let more = match self.turn(&mut under_way).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(%error, "what people want taken back can't be looked up yet");
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

    /// A turn of each. Whether there is more to do soon.
    async fn turn(&self, under_way: &mut HashMap<Removal, Progress>) -> Result<bool, ServiceError> {
        let mut open = self.store.open_removals().await?;
        let still_open: HashSet<Removal> = open.iter().copied().collect();
        under_way.retain(|removal, _| still_open.contains(removal));
        let mut more = open.len() > PEOPLE;
        // Where there are more, all have their turn, also if the first ones wait for their mirrors for days.
        let begin = self.turns.fetch_add(PEOPLE, Ordering::Relaxed) % open.len().max(1);
        open.rotate_left(if more { begin } else { 0 });
        for removal in open.into_iter().take(PEOPLE) {
            let progress = under_way.remove(&removal).unwrap_or(Progress::NONE);
            let waits = progress.not_before.is_some_and(|until| Instant::now() < until);
            if waits {
                under_way.insert(removal, progress);
                continue;
            }
            match AssertUnwindSafe(self.part(&removal, progress)).catch_unwind().await {
                Ok(Ok(Some(progress))) => {
                    more = true;
                    under_way.insert(removal, progress);
                    continue;
                }
                Ok(Ok(None)) => continue,
                Ok(Err(error)) => tracing::warn!(%error, "what somebody wants taken back can't be yet"),
                Err(_) => tracing::error!("what somebody wants taken back can't be: a panic"),
            }
            // It begins anew, which costs little: what is done isn't found again.
            let not_before = Some(Instant::now() + PATIENCE);
            under_way.insert(removal, Progress { not_before, ..Progress::NONE });
        }
        Ok(more)
    }

    /// The next part of one. Nothing where that is done.
    async fn part(&self, removal: &Removal, progress: Progress) -> Result<Option<Progress>, ServiceError> {
        if !progress.begun {
            self.begin(removal).await?;
            return Ok(Some(Progress { begun: true, ..Progress::NONE }));
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
            return Ok(Some(Progress { before, last, ..progress }));
        }
        if removal.manner != Manner::Withhold {
            let mut forgotten = Forgotten::default();
            self.store.forget_name(removal.opt_out.user, self.clock.now(), &mut forgotten).await?;
        }
        self.store.end_removal(removal).await?;
        Ok(None)
    }

    /// What is owed and not yet sent goes first, and at once: that costs no request.
    async fn begin(&self, removal: &Removal) -> Result<(), ServiceError> {
        let withhold = removal.manner == Manner::Withhold;
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
