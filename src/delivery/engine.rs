//! Which lanes work, and when: one task a lane that has something to do.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::clock::Clock;
use crate::domain::ids::{ApplicationId, ChannelId};
use crate::domain::retry;
use crate::rest::Client;
use crate::store::Store;
use crate::supervisor::Supervisor;

use super::batcher::Ledger;
use super::guard::Discord;
use super::lane::{self, ComeBack};
use super::lane_tasks::Working;
use super::said::Said;
use super::schedule::Agenda;
use super::step::forums::Forums;
use super::step::retract;
use super::step::sizes::FileSizes;
use super::{Base, OwnerName, SETTLING};

/// How often the database is asked for lanes that nobody woke: those of a former run, of another process, or of a lost wake-up.
const LOOK: Duration = Duration::from_secs(5);
/// How many lanes one look brings at most. Where there are more, the next look begins as soon as these are nearly done.
const LOOK_LIMIT: u32 = 2_000;
/// Among how many moments it is drawn by lot who takes a lane first, and how far they are apart: more than waking and asking takes.
const LOTS: u64 = 4;
const LOT: TimeDelta = TimeDelta::milliseconds(2);
/// How long lanes have at the end to finish the request that they are in. What is cut off is settled at the next start.
const DRAIN: Duration = Duration::from_secs(2);

/// Tells the engine where there is new work.
#[derive(Clone)]
pub struct Waker(UnboundedSender<News>);

/// Where there is new work.
enum News {
    /// In these targets.
    Targets(Vec<ChannelId>),
    /// In these, of which other processes know too.
    Shared(Vec<ChannelId>),
    /// The database knows.
    Somewhere,
}

impl Waker {
    /// These targets have new work.
    pub fn wake(&self, targets: Vec<ChannelId>) {
        // The engine ends only with the process.
        let _ = self.0.send(News::Targets(targets));
    }

    /// These targets have new work, and other processes that deliver are told of it at the same moment.
    pub fn share(&self, targets: Vec<ChannelId>) {
        let _ = self.0.send(News::Shared(targets));
    }

    /// Some targets have new work: the database is to be asked which.
    pub fn look(&self) {
        let _ = self.0.send(News::Somewhere);
    }
}

/// What an engine is built from.
pub struct Parts<'a> {
    /// The database.
    pub store: Store,
    /// Discord.
    pub rest: &'a Client,
    /// The time.
    pub clock: Clock,
    /// Owns the webhooks.
    pub application: ApplicationId,
}

/// Runs the lanes.
pub struct Engine {
    base: Base,
    news: UnboundedReceiver<News>,
    agenda: Agenda,
    /// Where the next look goes on, if the last one didn't see all.
    looked_up_to: Option<ChannelId>,
    /// Under which name lanes are held now.
    owner: OwnerName,
    /// What this process draws lots with.
    lots: RandomState,
    working: Working,
    /// At most one task, which deletes what other processes left.
    retracting: JoinSet<()>,
}

impl Engine {
    /// An engine over these parts.
    pub fn new(parts: Parts<'_>, owner: OwnerName, supervisor: &Supervisor) -> (Self, Waker) {
        let Parts { store, rest, clock, application } = parts;
        let (waker, news) = unbounded_channel();
        let (forums, sizes, said) = (Forums::default(), FileSizes::default(), Said::default());
        let ledger = Ledger::new(&store, clock, owner.clone(), &sizes, supervisor);
        let discord = Discord::new(rest);
        let base = Base { store, discord, clock, application, ledger, forums, sizes, said };
        let agenda = Agenda::default();
        (
            Self {
                base,
                news,
                agenda,
                looked_up_to: None,
                owner,
                lots: RandomState::new(),
                working: Working::default(),
                retracting: JoinSet::new(),
            },
            Waker(waker),
        )
    }

    /// Works until `shutdown` says otherwise, then lets the lanes finish the request that they are in.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let stops = shutdown.clone();
        // Whatever it waits for: a database that doesn't answer doesn't hold up the end.
        tokio::select! {
            () = self.work(&stops) => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
        let drained =
            tokio::time::timeout(DRAIN, async { while self.working.next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(
                lanes = self.working.len(),
                "some requests were still under way at the end; they are settled at the next start"
            );
        }
    }

    async fn work(&mut self, shutdown: &watch::Receiver<bool>) {
        self.take_over().await;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.begin_lanes(shutdown);
            let next_tick = self.agenda.next_tick();
            tokio::select! {
                Some(news) = self.news.recv() => match news {
                    News::Targets(targets) => targets.into_iter().for_each(|target| self.agenda.wake(target)),
                    News::Shared(targets) => self.take_share(&targets),
                    News::Somewhere => self.look().await,
                },
                Some((target, again)) = self.working.next() => self.end_lane(target, again),
                () = sleep_until(self.base.clock, next_tick) => self.agenda.tick(self.base.clock.now()),
                Ok(()) = self.owner.changed() => {}
                _ = look.tick() => self.look().await,
                () = std::future::ready(()), if self.looked_up_to.is_some() && self.agenda.runs_low() => self.look().await,
            }
        }
    }

    /// Lanes that a former process left in the middle of something are taken up at once, where that is safe.
    async fn take_over(&self) {
        let now = self.base.clock.now();
        let (store, settle_at) = (&self.base.store, now + SETTLING);
        if let Err(error) = store.free_lanes(settle_at).await {
            tracing::error!(%error, "can't free the lanes of the last run; they are taken up when their leases have ended");
        }
        if let Err(error) = store.end_far_waits(now, retry::LONGEST, settle_at).await {
            tracing::error!(%error, "can't look for waits from before the clock was set back");
        }
    }

    /// Begins to work on lanes, under the name that the process has now. When it loses that, each lane stops where it is: a request that it waits for is cut off, so
    /// that it is settled like any other without an answer.
    fn begin_lanes(&mut self, shutdown: &watch::Receiver<bool>) {
        if self.owner.borrow_and_update().is_none() {
            return;
        }
        while let Some(target) = self.agenda.begin() {
            let (base, shutdown, mut owner) = (self.base.clone(), shutdown.clone(), self.owner.clone());
            self.working.begin(target, async move {
                tokio::select! {
                    again = lane::work(&base, target, &shutdown) => again,
                    Ok(()) = owner.changed() => ComeBack::At(base.clock.now()),
                }
            });
        }
    }

    /// Of work that several processes hear of at once, each waits for some of the lanes for a moment that is drawn by lot, anew for each process: so whoever is there
    /// gets about as many as the others, and nobody has to know who is there.
    fn take_share(&mut self, targets: &[ChannelId]) {
        let now = self.base.clock.now();
        for target in targets {
            let lot = self.lots.hash_one(target) % LOTS;
            self.agenda.hear(*target, now + LOT * i32::try_from(lot).unwrap_or_default());
        }
    }

    fn end_lane(&mut self, target: ChannelId, again: ComeBack) {
        let now = self.base.clock.now();
        match again {
            ComeBack::Woken => self.agenda.end(target, None),
            ComeBack::At(at) => self.agenda.end(target, Some(at)),
            ComeBack::Unlocked => self.agenda.locked(target, now),
            ComeBack::Failed => self.agenda.fail(target, now + self.working.pause(target)),
        }
    }

    async fn look(&mut self) {
        while self.retracting.try_join_next().is_some() {}
        if self.retracting.is_empty() {
            let base = self.base.clone();
            self.retracting.spawn(async move { retract::finish(&base).await });
        }
        let now = self.base.clock.now();
        match self.base.store.open_lanes(self.looked_up_to.take(), now, LOOK_LIMIT).await {
            Ok(open) => {
                for lane in open.lanes {
                    match lane.ready_at {
                        Some(at) => self.agenda.come_back(lane.target, at),
                        None => self.agenda.wake(lane.target),
                    }
                }
                self.looked_up_to = open.next;
            }
            Err(error) => tracing::error!(%error, "can't ask the database for open lanes"),
        }
    }
}

/// Sleeps until a time of the clock; for ever where there is none.
async fn sleep_until(clock: Clock, at: Option<DateTime<Utc>>) {
    match at {
        Some(at) => tokio::time::sleep((at - clock.now()).to_std().unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}
