//! A process of any role, from its first request to its last: the delivery, the seat among the others, and the gateway part while the shards are its own.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{self, Config};
use crate::delivery::{Engine, Parts, Waker};
use crate::discord::gateway::Leave;
use crate::discord::shards::GatewayState;
use crate::domain::ids::ChannelId;
use crate::service::health::{Condition, GatewayCondition, Health};
use crate::service::intake::{Progress, Wake};
use crate::service::servers::{Admission, Bounds};
use crate::store::{Signal, Store};
use crate::supervisor::{Supervisor, Task};

use super::gateway::{Term, when_there};
use super::seat::{Ear, Heard, Seat, Standing};
use super::start::{Gateway, Started};
use super::{AppError, clock, until};

/// A process that Discord has answered.
pub(super) struct Process<'a> {
    pub(super) config: &'a Config,
    pub(super) started: Started,
    pub(super) store: Store,
    pub(super) supervisor: &'a Supervisor,
    pub(super) shutdown: watch::Receiver<bool>,
}

impl Process<'_> {
    /// Builds the parts, runs them, and drains them in the order of the flow: what comes in first, what goes out last. Then the shards are free.
    pub(super) async fn run(self, health: &watch::Sender<Option<Health>>) -> Result<(), AppError> {
        let Self { config, started, store, supervisor, mut shutdown } = self;
        let admission = tokio::select! {
            admission = admission(&store, config) => Arc::new(admission?),
            _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
        };
        let shards = started.gateway.as_ref().map(|gateway| gateway.shards);
        let seat = Seat::take(&store, shards, config.role.delivers(), clock(), supervisor);
        let state = started.gateway.as_ref().map(|gateway| Arc::new(GatewayState::new(gateway.shards)));
        let progress = Progress::default();
        let parts = self::health(&started, &store, &seat, config, state.clone(), progress.clone());
        health.send_replace(Some(parts));

        let delivery = config
            .role
            .delivers()
            .then(|| Delivery::start(&started, &store, &seat, supervisor, shutdown.clone()));
        let wake = wake(delivery.as_ref().map(|delivery| delivery.waker.clone()), seat.teller());
        let ended = match (&started.gateway, state) {
            (Some(gateway), Some(state)) => {
                let serving = Serving {
                    config,
                    started: &started,
                    gateway,
                    store,
                    admission,
                    supervisor,
                    wake,
                    state,
                    seat: &seat,
                    progress,
                };
                serving.run(&mut shutdown).await
            }
            _ => {
                let _ = shutdown.wait_for(|stop| *stop).await;
                Ok(())
            }
        };
        if let Some(delivery) = delivery {
            delivery.end().await;
        }
        seat.leave().await;
        tracing::info!("stopped");
        ended
    }
}

/// The engine at work.
struct Delivery {
    waker: Waker,
    stop: watch::Sender<bool>,
    working: Task,
    /// What ends with it.
    _beside: [Task; 2],
}

impl Delivery {
    fn start(
        started: &Started,
        store: &Store,
        seat: &Seat,
        supervisor: &Supervisor,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let (application, ear) = (started.identity.application, seat.ear());
        let parts = Parts { store: store.clone(), rest: &started.rest, clock: clock(), application };
        let (engine, waker) = Engine::new(parts, seat.owner(), supervisor);
        let (stop, stops) = watch::channel(false);
        let working = supervisor.spawn_until("engine", until(stops.clone()), engine.run(stops));
        let beside = [
            supervisor.spawn_until("engine: stop", until(shutdown.clone()), pass_on(shutdown, stop.clone())),
            supervisor.spawn("engine: others", hear(ear, waker.clone())),
        ];
        Self { waker, stop, working, _beside: beside }
    }

    async fn end(mut self) {
        self.stop.send_replace(true);
        self.working.join().await;
    }
}

/// Wakes the engine for work that other processes tell of.
async fn hear(mut ear: Ear, waker: Waker) {
    loop {
        match ear.next().await {
            Heard::Signal(Signal::Work(targets)) => waker.share(targets),
            Heard::Signal(Signal::Look) | Heard::Gap => waker.look(),
            Heard::Signal(Signal::Follow(_) | Signal::Panel | Signal::Author | Signal::Servers) => {}
        }
    }
}

/// Tells of work: this process's own engine, if it has one, and the others.
fn wake(own: Option<Waker>, tell: impl Fn(Vec<ChannelId>) + Send + Sync + 'static) -> Wake {
    Arc::new(move |targets| {
        if let Some(own) = &own {
            own.wake(targets.clone());
        }
        tell(targets);
    })
}

/// Stops the delivery with all else: while the gateway says goodbye, lanes finish the request that they are in. What is read until then is
/// written down, and delivered at the next start, or by another process.
async fn pass_on(mut from: watch::Receiver<bool>, to: watch::Sender<bool>) {
    if from.wait_for(|stop| *stop).await.is_ok() {
        to.send_replace(true);
    }
}

/// A process that serves shards, whenever they are its own.
struct Serving<'a> {
    config: &'a Config,
    started: &'a Started,
    gateway: &'a Gateway,
    store: Store,
    admission: Arc<Admission>,
    supervisor: &'a Supervisor,
    wake: Wake,
    state: Arc<GatewayState>,
    seat: &'a Seat,
    progress: Progress,
}

impl Serving<'_> {
    async fn run(self, shutdown: &mut watch::Receiver<bool>) -> Result<(), AppError> {
        let mut standing = self.seat.standing();
        loop {
            tokio::select! {
                _ = standing.wait_for(|standing| *standing == Standing::Seated) => {}
                _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            }
            let (leave, leaving) = watch::channel(Leave::No);
            let watching = watch_over(shutdown.clone(), standing.clone(), leave);
            let _watching = self.supervisor.spawn("gateway: leave", watching);
            let term = Term {
                config: self.config,
                started: self.started,
                gateway: self.gateway,
                store: self.store.clone(),
                admission: Arc::clone(&self.admission),
                supervisor: self.supervisor,
                wake: Arc::clone(&self.wake),
                state: Arc::clone(&self.state),
                ear: self.seat.ear(),
                standing: self.seat.standing(),
                progress: self.progress.clone(),
            };
            let ended = term.run(leaving.clone()).await;
            if ended.is_err() || *leaving.borrow() != Leave::AtOnce {
                return ended;
            }
            tracing::warn!(
                "the shards are another process's now: it listens and answers, and this one stands by"
            );
        }
    }
}

/// Says when the gateway part is to leave: at the end of the process, or when another has its shards.
async fn watch_over(
    mut shutdown: watch::Receiver<bool>,
    mut standing: watch::Receiver<Standing>,
    leave: watch::Sender<Leave>,
) {
    let why = tokio::select! {
        _ = shutdown.wait_for(|stop| *stop) => Leave::Goodbye,
        // Where there are no others, the standing never changes, and nobody is there to change it.
        Ok(_) = standing.wait_for(|standing| matches!(standing, Standing::Waiting(_))) => Leave::AtOnce,
    };
    leave.send_replace(why);
    // The sender lives on: who waits for it must not see it closed.
    std::future::pending::<()>().await;
}

/// Which servers are served; those that aren't get nothing any more from here on.
async fn admission(store: &Store, config: &Config) -> Result<Admission, AppError> {
    let config::ServerSettings { lists, leave_at_most } = config.servers.clone();
    let bounds = Bounds { lists, leave_at_most };
    let load = async || {
        let admission = Admission::load(store, &bounds).await?;
        admission.close_unserved(store, clock()).await?;
        Ok(admission)
    };
    Ok(when_there(load).await?)
}

fn health(
    started: &Started,
    store: &Store,
    seat: &Seat,
    config: &Config,
    state: Option<Arc<GatewayState>>,
    progress: Progress,
) -> Health {
    let standing = seat.standing();
    let condition = move || {
        let standing = standing.borrow().clone();
        let gateway = match (&state, &standing) {
            (None, _) => GatewayCondition::None,
            (Some(_), Standing::Waiting(why)) => GatewayCondition::Standby(Arc::clone(why)),
            (Some(state), _) if state.is_up() => GatewayCondition::Up,
            (Some(_), _) => GatewayCondition::Down,
        };
        Condition { gateway, hears: !matches!(standing, Standing::Connecting | Standing::Unsure) }
    };
    let role = config.role.name();
    Health::new(store.clone(), started.rest.clone(), role, Arc::new(condition), clock(), progress)
}
