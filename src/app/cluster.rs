//! The process's place among the others: it keeps the [`Registration`] open, which holds the shards, and
//! passes messages between the processes.
//!
//! ```text
//! Connecting ─► Active ◄──► Disconnected (the connection is lost, and is made again)
//!     │  ▲        ▲           │
//!     ▼  │        │           ▼
//!   StandingBy ───┴───────────┘ (another process has the shards)
//! ```
//! On SQLite there are no others: the place is taken at once, and nobody is told anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::delivery::{OwnerName, SETTLING};
use crate::domain::clock::Clock;
use crate::domain::ids::ChannelId;
use crate::domain::shards::Shards;
use crate::store::{Notice, Registration, Store, StoreError};
use crate::supervisor::{Supervisor, Task};

use super::{clock, until};

/// How often a standby checks whether the shards are free, how often a process that delivers looks for lanes
/// of dead processes, and how soon a lost connection is made again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often the connection is checked, and the clock is set by the database's.
const CHECK: Duration = Duration::from_secs(5);
/// How long giving up the place may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// How many messages may wait for a busy part of the process. Beyond that, it is told that it missed some.
const WAITING: usize = 1024;
/// How many wake-ups are sent at once, at most.
const TOLD_AT_ONCE: usize = 256;

/// The process's state among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MemberState {
    /// The database hasn't answered yet.
    Connecting,
    /// Others have the shards, or divide them differently. The reason is for operators.
    StandingBy(Arc<str>),
    /// The shards (if it wants any) are this process's, and it hears the others.
    Active,
    /// It was active, and the connection is gone, so nobody knows who has the shards. Without the database
    /// nobody can do harm with them, so it goes on.
    Disconnected,
}

/// What came from the other processes.
#[derive(Debug, Clone)]
pub(super) enum PeerMessage {
    /// One of them sent this.
    Notice(Notice),
    /// Messages may have been missed.
    Gap,
}

/// Receives messages of other processes, for one part of this process.
pub(super) struct PeerReceiver(broadcast::Receiver<PeerMessage>);

impl PeerReceiver {
    /// The next message; waits for ever once the place is given up.
    pub(super) async fn next(&mut self) -> PeerMessage {
        match self.0.recv().await {
            Ok(messages) => messages,
            Err(broadcast::error::RecvError::Lagged(_)) => PeerMessage::Gap,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// This process's place among the others.
pub(super) struct ClusterMember {
    state: watch::Receiver<MemberState>,
    owner: OwnerName,
    messages: broadcast::Sender<PeerMessage>,
    told: Option<UnboundedSender<Vec<ChannelId>>>,
    leave: watch::Sender<bool>,
    keeping: Option<Task>,
}

impl ClusterMember {
    /// Begins to take a place, with these shards, if any. This happens in the background. In a process that
    /// delivers, the place also frees the lanes of dead processes.
    pub(super) fn join(
        store: &Store,
        shards: Option<Shards>,
        delivers: bool,
        clock: Clock,
        supervisor: &Supervisor,
    ) -> Self {
        let (messages, _) = broadcast::channel(WAITING);
        let (leave, leaving) = watch::channel(false);
        if !store.is_shared() {
            let state = watch::channel(MemberState::Active).1;
            let owner = watch::channel(Some(format!("{}", std::process::id()).into())).1;
            return Self { state, owner, messages, told: None, leave, keeping: None };
        }
        let (shown, state) = watch::channel(MemberState::Connecting);
        let (named, owner) = watch::channel(None);
        let (told, telling) = unbounded_channel();
        let keeper = ConnectionKeeper {
            store: store.clone(),
            shards,
            delivers: delivers.then_some(clock),
            state: shown,
            owner: named,
            messages: messages.clone(),
            telling,
            leaving: leaving.clone(),
        };
        let keeping = Some(supervisor.spawn_until("cluster", until(leaving), keeper.run()));
        Self { state, owner, messages, told: Some(told), leave, keeping }
    }

    /// The name under which the process holds lanes: none while the connection is gone, and another one each
    /// time that it is made again.
    pub(super) fn owner(&self) -> OwnerName {
        self.owner.clone()
    }

    /// The process's state among the others.
    pub(super) fn state(&self) -> watch::Receiver<MemberState> {
        self.state.clone()
    }

    /// Receives the others' messages from now on.
    pub(super) fn receiver(&self) -> PeerReceiver {
        PeerReceiver(self.messages.subscribe())
    }

    /// Tells the others about work in targets.
    pub(super) fn work_announcer(&self) -> impl Fn(Vec<ChannelId>) + Send + Sync + use<> {
        let told = self.told.clone();
        move |targets| {
            if let Some(told) = &told {
                // The receiver goes when the process ends.
                let _ = told.send(targets);
            }
        }
    }

    /// Gives up the place: the shards are free for others.
    pub(super) async fn leave(self) {
        self.leave.send_replace(true);
        // If the database doesn't answer, it frees them when the connection ends with the process.
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
struct ConnectionKeeper {
    store: Store,
    shards: Option<Shards>,
    /// The clock, if the process delivers.
    delivers: Option<Clock>,
    state: watch::Sender<MemberState>,
    owner: watch::Sender<Option<Arc<str>>>,
    messages: broadcast::Sender<PeerMessage>,
    telling: UnboundedReceiver<Vec<ChannelId>>,
    leaving: watch::Receiver<bool>,
}

impl ConnectionKeeper {
    async fn run(mut self) {
        let mut said = false;
        while let Err(error) = self.hold_connection().await {
            // The locks went with the connection: others take the lanes, so nothing may be started in them
            // any more.
            self.owner.send_replace(None);
            if matches!(error, StoreError::SharedConnection) && !std::mem::replace(&mut said, true) {
                // This doesn't pass by itself.
                tracing::error!(%error, "this process can't take its place, so it delivers nothing");
            }
            self.state.send_if_modified(|state| {
                let known = !matches!(state, MemberState::Disconnected | MemberState::Connecting);
                if known {
                    tracing::warn!(%error, "the connection that holds this process's place is gone; it is made again");
                    let was_active = *state == MemberState::Active;
                    *state = if was_active { MemberState::Disconnected } else { MemberState::Connecting };
                }
                known
            });
            tokio::select! {
                () = sleep(AGAIN) => {}
                () = left(self.leaving.clone()) => return,
            }
        }
    }

    /// One connection, from its beginning until it is lost, or until the place is given up.
    async fn hold_connection(&mut self) -> Result<(), StoreError> {
        let opened = tokio::select! {
            opened = self.store.register() => opened?,
            () = left(self.leaving.clone()) => return Ok(()),
        };
        let Some(mut registration) = opened else { return Ok(()) };
        Self::set_clock(&mut registration).await?;
        self.free_lanes(&mut registration).await?;
        self.owner.send_replace(Some(registration.owner().into()));
        let mut active = self.claim_shards(&mut registration).await?;
        // Nobody heard anything before this.
        let _ = self.messages.send(PeerMessage::Gap);
        let leaving = self.leaving.clone();
        let (mut again, mut check) = (interval(AGAIN), interval(CHECK));
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Vec::new();
        loop {
            tokio::select! {
                // Without a receiver, nothing is heard.
                signal = registration.next() => drop(self.messages.send(PeerMessage::Notice(signal?))),
                _ = self.telling.recv_many(&mut told, TOLD_AT_ONCE) => {
                    let mut targets: Vec<ChannelId> = told.drain(..).flatten().collect();
                    targets.sort_unstable();
                    targets.dedup();
                    registration.notify(&Notice::of_work(&targets)).await?;
                }
                _ = again.tick() => {
                    self.free_lanes(&mut registration).await?;
                    if !active {
                        active = self.claim_shards(&mut registration).await?;
                    }
                }
                _ = check.tick() => Self::set_clock(&mut registration).await?,
                () = left(leaving.clone()) => {
                    registration.close().await;
                    return Ok(());
                }
            }
        }
    }

    /// Checks the connection, and sets this process's clock by the database's.
    async fn set_clock(registration: &mut Registration) -> Result<(), StoreError> {
        let asked = Instant::now();
        let time = registration.time().await?;
        clock::adjust(time, asked.elapsed());
        Ok(())
    }

    /// Frees the lanes of dead processes, and has them worked on.
    async fn free_lanes(&self, registration: &mut Registration) -> Result<(), StoreError> {
        let Some(clock) = self.delivers else { return Ok(()) };
        let freed = match registration.free_lanes_of_the_dead(clock.now() + SETTLING).await {
            Ok(freed) => freed,
            Err(error @ StoreError::SharedConnection) => return Err(error),
            Err(error) => {
                // The process keeps its place as long as the connection holds. The next attempt comes soon.
                registration.time().await?;
                tracing::warn!(%error, "can't look for lanes of processes that are gone");
                return Ok(());
            }
        };
        if !freed.is_empty() {
            tracing::info!(lanes = freed.len(), "took over the lanes of a process that is gone");
            let _ = self.messages.send(PeerMessage::Notice(Notice::Work(freed)));
        }
        Ok(())
    }

    /// Claims the shards, and logs the result if it is new. Whether they are claimed.
    async fn claim_shards(&self, registration: &mut Registration) -> Result<bool, StoreError> {
        let conflict = match self.shards {
            Some(shards) => registration.take(shards).await?,
            None => None,
        };
        let shards = self.shards.map(|shards| shards.to_string());
        let now = conflict
            .map_or(MemberState::Active, |conflict| MemberState::StandingBy(conflict.to_string().into()));
        self.state.send_if_modified(|state| {
            let news = *state != now;
            match &now {
                MemberState::StandingBy(why) if news => tracing::warn!(shards, %why, "standing by"),
                MemberState::Active if news && shards.is_some() => {
                    tracing::info!(shards, "the shards are this process's")
                }
                _ => {}
            }
            state.clone_from(&now);
            news
        });
        Ok(conflict.is_none())
    }
}

/// Resolves when the place is given up.
async fn left(mut leaving: watch::Receiver<bool>) {
    let _ = leaving.wait_for(|leave| *leave).await;
}
