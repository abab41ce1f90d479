//! The process's seat among the others: keeps the [`Session`] open, has the shards held by it, passes on what others tell and what they are to be told.
//!
//! ```text
//! Connecting ─► Seated ◄──► Unsure (the connection is gone, and is made again)
//!     │  ▲        ▲           │
//!     ▼  │        │           ▼
//!     Waiting ────┴───────────┘ (another has the shards)
//! ```
//! On SQLite there are no others: the seat is taken at once, and nobody is told anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::delivery::{OwnerName, SETTLING};
use crate::domain::clock::Clock;
use crate::domain::ids::ChannelId;
use crate::domain::shards::Shards;
use crate::store::{Notice, Session, Store, StoreError};
use crate::supervisor::{Supervisor, Task};

use super::{clock, until};

/// How often a standby looks whether the shards are free, how often a process that delivers looks for lanes of dead ones, and how long after its loss the
/// connection is made again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is made sure that the connection still stands, and the clock is set by the database's.
const CHECK: Duration = Duration::from_secs(5);
/// How long giving the seat up may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// How many signals may wait for a part that is busy, before it is told that it missed some.
const WAITING: usize = 1024;
/// How many wakes are told at once, at most.
const TOLD_AT_ONCE: usize = 256;

/// Where the process stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The database hasn't answered yet.
    Connecting,
    /// Others have the shards, or share them out otherwise: this is why, for operators.
    Waiting(Arc<str>),
    /// The shards are this process's, where it wants any, and it hears the others.
    Seated,
    /// It was seated, and the connection is gone: nobody knows who has the shards. Without the database nobody can do harm with them, so it goes on.
    Unsure,
}

/// What came from the other processes.
#[derive(Debug, Clone)]
pub(super) enum Heard {
    /// One of them told this.
    Notice(Notice),
    /// Something may have been told that wasn't heard.
    Gap,
}

/// What others tell, for one part of the process.
pub(super) struct Ear(broadcast::Receiver<Heard>);

impl Ear {
    /// What came next; waits for ever once the seat is given up.
    pub(super) async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(heard) => heard,
            Err(broadcast::error::RecvError::Lagged(_)) => Heard::Gap,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The seat.
pub(super) struct Seat {
    standing: watch::Receiver<Standing>,
    owner: OwnerName,
    heard: broadcast::Sender<Heard>,
    told: Option<UnboundedSender<Vec<ChannelId>>>,
    leave: watch::Sender<bool>,
    keeping: Option<Task>,
}

impl Seat {
    /// Begins to take a seat, with these shards if any. It is taken in the background. Of a process that delivers, the seat also frees the lanes of dead ones.
    pub(super) fn take(
        store: &Store,
        shards: Option<Shards>,
        delivers: bool,
        clock: Clock,
        supervisor: &Supervisor,
    ) -> Self {
        let (heard, _) = broadcast::channel(WAITING);
        let (leave, leaving) = watch::channel(false);
        if !store.is_shared() {
            let standing = watch::channel(Standing::Seated).1;
            let owner = watch::channel(Some(format!("{}", std::process::id()).into())).1;
            return Self { standing, owner, heard, told: None, leave, keeping: None };
        }
        let (shown, standing) = watch::channel(Standing::Connecting);
        let (named, owner) = watch::channel(None);
        let (told, telling) = unbounded_channel();
        let keeper = Keeper {
            store: store.clone(),
            shards,
            delivers: delivers.then_some(clock),
            standing: shown,
            owner: named,
            heard: heard.clone(),
            telling,
            leaving: leaving.clone(),
        };
        let keeping = Some(supervisor.spawn_until("seat", until(leaving), keeper.run()));
        Self { standing, owner, heard, told: Some(told), leave, keeping }
    }

    /// The name under which the process holds lanes: none while the connection is gone, and another each time that it is made again.
    pub(super) fn owner(&self) -> OwnerName {
        self.owner.clone()
    }

    /// Where the process stands.
    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Hears the others from now on.
    pub(super) fn ear(&self) -> Ear {
        Ear(self.heard.subscribe())
    }

    /// Tells the others of work in targets.
    pub(super) fn teller(&self) -> impl Fn(Vec<ChannelId>) + Send + Sync + use<> {
        let told = self.told.clone();
        move |targets| {
            if let Some(told) = &told {
                // The other end goes when the process ends.
                let _ = told.send(targets);
            }
        }
    }

    /// Gives the seat up: the shards are free for others.
    pub(super) async fn leave(self) {
        self.leave.send_replace(true);
        // A database that doesn't answer frees them when the connection ends, with the process.
        if let Some(mut keeping) = self.keeping
            && tokio::time::timeout(GOODBYE, keeping.join()).await.is_err()
        {
            tracing::warn!(
                "the database did not answer when this process gave up its place; it notices that by itself"
            );
        }
    }
}

/// Keeps the connection.
struct Keeper {
    store: Store,
    shards: Option<Shards>,
    /// With this clock, if the process delivers.
    delivers: Option<Clock>,
    standing: watch::Sender<Standing>,
    owner: watch::Sender<Option<Arc<str>>>,
    heard: broadcast::Sender<Heard>,
    telling: UnboundedReceiver<Vec<ChannelId>>,
    leaving: watch::Receiver<bool>,
}

impl Keeper {
    async fn run(mut self) {
        let mut said = false;
        while let Err(error) = self.sit().await {
            // The locks went with the connection: others take the lanes, so nothing may be begun in them any more.
            self.owner.send_replace(None);
            if matches!(error, StoreError::SharedSession) && !std::mem::replace(&mut said, true) {
                // That doesn't pass by itself.
                tracing::error!(%error, "this process can't take its place, so it delivers nothing");
            }
            self.standing.send_if_modified(|standing| {
                let known = !matches!(standing, Standing::Unsure | Standing::Connecting);
                if known {
                    tracing::warn!(%error, "the connection that holds this process's place is gone; it is made again");
                    let sat = *standing == Standing::Seated;
                    *standing = if sat { Standing::Unsure } else { Standing::Connecting };
                }
                known
            });
            tokio::select! {
                () = sleep(AGAIN) => {}
                () = left(self.leaving.clone()) => return,
            }
        }
    }

    /// One connection, from its beginning until it is lost, or until the seat is given up.
    async fn sit(&mut self) -> Result<(), StoreError> {
        let opened = tokio::select! {
            opened = self.store.session() => opened?,
            () = left(self.leaving.clone()) => return Ok(()),
        };
        let Some(mut session) = opened else { return Ok(()) };
        Self::set_clock(&mut session).await?;
        self.free_lanes(&mut session).await?;
        self.owner.send_replace(Some(session.owner().into()));
        let mut seated = self.take(&mut session).await?;
        // Before, there was nobody who heard.
        let _ = self.heard.send(Heard::Gap);
        let leaving = self.leaving.clone();
        let (mut again, mut check) = (interval(AGAIN), interval(CHECK));
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Vec::new();
        loop {
            tokio::select! {
                // A part that isn't there hears nothing.
                signal = session.next() => drop(self.heard.send(Heard::Notice(signal?))),
                _ = self.telling.recv_many(&mut told, TOLD_AT_ONCE) => {
                    let mut targets: Vec<ChannelId> = told.drain(..).flatten().collect();
                    targets.sort_unstable();
                    targets.dedup();
                    session.notify(&Notice::of_work(&targets)).await?;
                }
                _ = again.tick() => {
                    self.free_lanes(&mut session).await?;
                    if !seated {
                        seated = self.take(&mut session).await?;
                    }
                }
                _ = check.tick() => Self::set_clock(&mut session).await?,
                () = left(leaving.clone()) => {
                    session.close().await;
                    return Ok(());
                }
            }
        }
    }

    /// Makes sure that the connection still stands, and sets this process's clock by the database's.
    async fn set_clock(session: &mut Session) -> Result<(), StoreError> {
        let asked = Instant::now();
        let time = session.time().await?;
        clock::tell(time, asked.elapsed());
        Ok(())
    }

    /// Frees the lanes of processes that are dead, and has them looked at.
    async fn free_lanes(&self, session: &mut Session) -> Result<(), StoreError> {
        let Some(clock) = self.delivers else { return Ok(()) };
        let freed = match session.free_lanes_of_the_dead(clock.now() + SETTLING).await {
            Ok(freed) => freed,
            Err(error @ StoreError::SharedSession) => return Err(error),
            Err(error) => {
                // As long as the connection stands, so does the process's place. The next look tries again.
                session.time().await?;
                tracing::warn!(%error, "can't look for lanes of processes that are gone");
                return Ok(());
            }
        };
        if !freed.is_empty() {
            tracing::info!(lanes = freed.len(), "took over the lanes of a process that is gone");
            let _ = self.heard.send(Heard::Notice(Notice::Work(freed)));
        }
        Ok(())
    }

    /// Takes the shards, and says so where that is news. Whether they are taken.
    async fn take(&self, session: &mut Session) -> Result<bool, StoreError> {
        let conflict = match self.shards {
            Some(shards) => session.take(shards).await?,
            None => None,
        };
        let shards = self.shards.map(|shards| shards.to_string());
        let now =
            conflict.map_or(Standing::Seated, |conflict| Standing::Waiting(conflict.to_string().into()));
        self.standing.send_if_modified(|standing| {
            let news = *standing != now;
            match &now {
                Standing::Waiting(why) if news => tracing::warn!(shards, %why, "standing by"),
                Standing::Seated if news && shards.is_some() => {
                    tracing::info!(shards, "the shards are this process's")
                }
                _ => {}
            }
            standing.clone_from(&now);
            news
        });
        Ok(conflict.is_none())
    }
}

/// Resolves when the seat is given up.
async fn left(mut leaving: watch::Receiver<bool>) {
    let _ = leaving.wait_for(|leave| *leave).await;
}
