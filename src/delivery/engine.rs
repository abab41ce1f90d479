//! LaneRef lanes run, and when: one task for each lane that has something to do.

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

use super::batcher::Batcher;
use super::guard::GuardedClient;
use super::lane::{self, NextVisit};
use super::lane_tasks::LaneTasks;
use super::schedule::Schedule;
use super::step::file_limits::FileLimits;
use super::step::forum_cache::ForumCache;
use super::step::retract;
use super::warnings::RecentWarnings;
use super::{DeliveryContext, OwnerName, SETTLING};

/// How often the database is asked for lanes that nobody woke: those of a former run, of another process, or
/// of a lost wake-up.
const POLL: Duration = Duration::from_secs(5);
/// How many lanes one poll brings at most. Where there are more, the next poll begins as soon as these are
/// nearly done.
const POLL_LIMIT: u32 = 2_000;
/// Processes that hear of the same work draw lots for who takes a lane first. This is among how many moments
/// they draw, and how far apart those are: further than waking and asking takes.
const LOTS: u64 = 4;
const LOT: TimeDelta = TimeDelta::milliseconds(2);
/// How long lanes have at the end to finish the request that is under way. What is cut off is settled at the
/// next start.
const DRAIN: Duration = Duration::from_secs(2);

/// Tells the engine where there is new work.
#[derive(Clone)]
pub struct Waker(UnboundedSender<WakeUp>);

/// Where there is new work.
enum WakeUp {
    /// In these targets.
    Targets(Vec<ChannelId>),
    /// In these targets, of which other processes know, too.
    Shared(Vec<ChannelId>),
    /// Only the database knows.
    Somewhere,
}

impl Waker {
    /// Says that these targets have new work.
    pub fn wake(&self, targets: Vec<ChannelId>) {
        // The engine ends only with the process.
        let _ = self.0.send(WakeUp::Targets(targets));
    }

    /// Says that these targets have new work, and that other processes that deliver are told at the same
    /// moment.
    pub fn wake_shared(&self, targets: Vec<ChannelId>) {
        let _ = self.0.send(WakeUp::Shared(targets));
    }

    /// Says that some targets have new work: the engine asks the database which.
    pub fn poll(&self) {
        let _ = self.0.send(WakeUp::Somewhere);
    }
}

/// What an engine is built from.
pub struct EngineParts<'a> {
    /// The database.
    pub store: Store,
    /// Discord.
    pub rest: &'a Client,
    /// The time.
    pub clock: Clock,
    /// The application that owns the webhooks.
    pub application: ApplicationId,
}

/// Runs the lanes.
pub struct Engine {
    context: DeliveryContext,
    wake_ups: UnboundedReceiver<WakeUp>,
    schedule: Schedule,
    /// Where the next poll goes on, if the last one didn't see everything.
    polled_up_to: Option<ChannelId>,
    /// The name under which lanes are held now.
    owner: OwnerName,
    /// What this process draws lots with.
    lots: RandomState,
    tasks: LaneTasks,
    /// At most one task, which deletes what other processes left.
    retracting: JoinSet<()>,
}

impl Engine {
    /// Builds an engine from these parts.
    pub fn new(parts: EngineParts<'_>, owner: OwnerName, supervisor: &Supervisor) -> (Self, Waker) {
        let EngineParts { store, rest, clock, application } = parts;
        let (waker, wake_ups) = unbounded_channel();
        let file_limits = FileLimits::default();
        let batcher = Batcher::new(&store, clock, owner.clone(), &file_limits, supervisor);
        let context = DeliveryContext {
            store,
            discord: GuardedClient::new(rest),
            clock,
            application,
            batcher,
            forums: ForumCache::default(),
            file_limits,
            warnings: RecentWarnings::default(),
        };
        let engine = Self {
            context,
            wake_ups,
            schedule: Schedule::default(),
            polled_up_to: None,
            owner,
            lots: RandomState::new(),
            tasks: LaneTasks::default(),
            retracting: JoinSet::new(),
        };
        (engine, Waker(waker))
    }

    /// Runs lanes until `shutdown` says otherwise, then lets them finish the request that is under way.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let stops = shutdown.clone();
        // Shutdown wins over whatever the engine waits for: a database that doesn't answer doesn't hold up
        // the end.
        tokio::select! {
            () = self.run_lanes(&stops) => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
        let drained = tokio::time::timeout(DRAIN, async { while self.tasks.next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(
                lanes = self.tasks.len(),
                "some requests were still under way at the end; they are settled at the next start"
            );
        }
    }

    async fn run_lanes(&mut self, shutdown: &watch::Receiver<bool>) {
        self.take_over().await;
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.start_lanes(shutdown);
            let next_tick = self.schedule.next_tick();
            tokio::select! {
                Some(wake_up) = self.wake_ups.recv() => match wake_up {
                    WakeUp::Targets(targets) => {
                        targets.into_iter().for_each(|target| self.schedule.wake(target));
                    }
                    WakeUp::Shared(targets) => self.draw_lots(&targets),
                    WakeUp::Somewhere => self.poll_database().await,
                },
                Some((target, next_visit)) = self.tasks.next() => self.finish_lane(target, next_visit),
                () = sleep_until(self.context.clock, next_tick) => {
                    self.schedule.tick(self.context.clock.now());
                }
                Ok(()) = self.owner.changed() => {}
                _ = poll.tick() => self.poll_database().await,
                () = std::future::ready(()), if self.polled_up_to.is_some() && self.schedule.runs_low() => {
                    self.poll_database().await;
                }
            }
        }
    }

    /// Takes up at once the lanes that a former process left in the middle of something, where that is safe.
    async fn take_over(&self) {
        let now = self.context.clock.now();
        let (store, settle_at) = (&self.context.store, now + SETTLING);
        if let Err(error) = store.free_lanes(settle_at).await {
            tracing::error!(%error, "can't free the lanes of the last run; they are taken up when their leases have ended");
        }
        if let Err(error) = store.end_far_waits(now, retry::LONGEST, settle_at).await {
            tracing::error!(%error, "can't look for waits from before the clock was set back");
        }
    }

    /// Starts lanes under the name that the process has now. When the process loses that name, each lane
    /// stops where it is. A request that is under way is cut off, and settled like any other without an
    /// answer.
    fn start_lanes(&mut self, shutdown: &watch::Receiver<bool>) {
        if self.owner.borrow_and_update().is_none() {
            return;
        }
        while let Some(target) = self.schedule.start_next() {
            let (context, shutdown, mut owner) = (self.context.clone(), shutdown.clone(), self.owner.clone());
            self.tasks.start(target, async move {
                tokio::select! {
                    next_visit = lane::run(&context, target, &shutdown) => next_visit,
                    Ok(()) = owner.changed() => NextVisit::At(context.clock.now()),
                }
            });
        }
    }

    /// Spreads work that several processes hear of at once. Each process waits a moment before it takes one
    /// of the lanes. The moment is drawn by lot, differently in each process, so all get about the same
    /// share, and none has to know of the others.
    fn draw_lots(&mut self, targets: &[ChannelId]) {
        let now = self.context.clock.now();
        for target in targets {
            let lot = self.lots.hash_one(target) % LOTS;
            self.schedule.wake_shared(*target, now + LOT * i32::try_from(lot).unwrap_or_default());
        }
    }

    fn finish_lane(&mut self, target: ChannelId, next_visit: NextVisit) {
        let now = self.context.clock.now();
        match next_visit {
            NextVisit::WhenWoken => self.schedule.finish(target, None),
            NextVisit::At(at) => self.schedule.finish(target, Some(at)),
            NextVisit::WhenUnlocked => {
                tracing::debug!(channel = %target, "a lane is locked");
                self.schedule.retry_locked(target, now);
            }
            NextVisit::AfterFailure => self.schedule.bar_until(target, now + self.tasks.pause(target)),
        }
    }

    /// Asks the database for lanes with open work.
    async fn poll_database(&mut self) {
        while self.retracting.try_join_next().is_some() {}
        if self.retracting.is_empty() {
            let context = self.context.clone();
            self.retracting.spawn(async move { retract::finish_for_others(&context).await });
        }
        let now = self.context.clock.now();
        match self.context.store.open_lanes(self.polled_up_to.take(), now, POLL_LIMIT).await {
            Ok(open) => {
                for lane in open.lanes {
                    match lane.ready_at {
                        Some(at) => self.schedule.wake_at(lane.target, at),
                        None => self.schedule.wake(lane.target),
                    }
                }
                self.polled_up_to = open.next;
            }
            Err(error) => tracing::error!(%error, "can't ask the database for open lanes"),
        }
    }
}

/// Sleeps until a time of the clock, or for ever where there is none.
async fn sleep_until(clock: Clock, at: Option<DateTime<Utc>>) {
    match at {
        Some(at) => tokio::time::sleep((at - clock.now()).to_std().unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}
