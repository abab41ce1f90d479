//! A process of any role, from its first request to its last: the delivery, its place among the other
//! processes, and the gateway part while the shards are its own.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{self, Config};
use crate::delivery::{Engine, EngineParts, Waker};
use crate::discord::gateway::Leave;
use crate::discord::shards::GatewayState;
use crate::domain::ids::ChannelId;
use crate::service::Wake;
use crate::service::health::{Condition, GatewayCondition, Health};
use crate::service::intake::IntakeProgress;
use crate::service::servers::{Admission, AdmissionSettings};
use crate::store::{Notice, Store};
use crate::supervisor::{Supervisor, Task};

use super::cluster::{ClusterMember, MemberState, PeerMessage, PeerReceiver};
use super::gateway::{GatewayPart, when_there};
use super::start::{DiscordLogin, GatewayAccess};
use super::web::WebSwitch;
use super::{AppError, clock, until};

/// A process after Discord has answered.
pub(super) struct Process<'a> {
    pub(super) config: &'a Config,
    pub(super) login: DiscordLogin,
    pub(super) store: Store,
    pub(super) supervisor: &'a Supervisor,
    pub(super) shutdown: watch::Receiver<bool>,
    pub(super) web: &'a WebSwitch,
}

impl Process<'_> {
    /// Builds the parts, runs them, and drains them in the order of the flow: first what takes in, last what
    /// sends out. Then the shards are free.
    pub(super) async fn run(self, health: &watch::Sender<Option<Health>>) -> Result<(), AppError> {
        let Self { config, login, store, supervisor, mut shutdown, web } = self;
        let admission = tokio::select! {
            admission = admission(&store, config) => Arc::new(admission?),
            _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
        };
        let shards = login.gateway.as_ref().map(|gateway| gateway.shards);
        let member = ClusterMember::join(&store, shards, config.role.delivers(), clock(), supervisor);
        let state = login.gateway.as_ref().map(|gateway| Arc::new(GatewayState::new(gateway.shards)));
        let progress = IntakeProgress::default();
        let parts = self::health(&login, &store, &member, config, state.clone(), progress.clone());
        health.send_replace(Some(parts.clone()));

        let delivery = config
            .role
            .delivers()
            .then(|| RunningDelivery::start(&login, &store, &member, supervisor, shutdown.clone()));
        let wake = wake(delivery.as_ref().map(|delivery| delivery.waker.clone()), member.work_announcer());
        let ended = match (&login.gateway, state) {
            (Some(gateway), Some(state)) => {
                let serving = ShardServer {
                    config,
                    login: &login,
                    gateway,
                    store,
                    admission,
                    supervisor,
                    wake,
                    state,
                    member: &member,
                    progress,
                    health: parts,
                    web,
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
        member.leave().await;
        tracing::info!("stopped");
        ended
    }
}

/// The running engine.
struct RunningDelivery {
    waker: Waker,
    stop: watch::Sender<bool>,
    working: Task,
    /// The tasks that end with it.
    _beside: [Task; 2],
}

impl RunningDelivery {
    fn start(
        login: &DiscordLogin,
        store: &Store,
        member: &ClusterMember,
        supervisor: &Supervisor,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let (application, receiver) = (login.identity.application, member.receiver());
        let parts = EngineParts { store: store.clone(), rest: &login.rest, clock: clock(), application };
        let (engine, waker) = Engine::new(parts, member.owner(), supervisor);
        let (stop, stops) = watch::channel(false);
        let working = supervisor.spawn_until("engine", until(stops.clone()), engine.run(stops));
        let beside = [
            supervisor.spawn_until("engine: stop", until(shutdown.clone()), pass_on(shutdown, stop.clone())),
            supervisor.spawn("engine: others", hear(receiver, waker.clone())),
        ];
        Self { waker, stop, working, _beside: beside }
    }

    async fn end(mut self) {
        self.stop.send_replace(true);
        self.working.join().await;
    }
}

/// Wakes the engine for work that other processes mention.
async fn hear(mut receiver: PeerReceiver, waker: Waker) {
    loop {
        match receiver.next().await {
            PeerMessage::Notice(Notice::Work(targets)) => waker.wake_shared(targets),
            PeerMessage::Notice(Notice::AnyWork) | PeerMessage::Gap => waker.poll(),
            PeerMessage::Notice(
                Notice::Follow(_)
                | Notice::Followee(_)
                | Notice::Panel
                | Notice::Author
                | Notice::Servers
                | Notice::Visibility(_),
            ) => {}
        }
    }
}

/// Announces work to this process's own engine, if it has one, and to the others.
fn wake(own: Option<Waker>, tell: impl Fn(Vec<ChannelId>) + Send + Sync + 'static) -> Wake {
    Arc::new(move |targets| {
        if let Some(own) = &own {
            own.wake(targets.clone());
        }
        tell(targets);
    })
}

/// Stops the delivery together with everything else: while the gateway says goodbye, lanes finish their
/// current request. What is read until then is recorded, and delivered at the next start, or by another
/// process.
async fn pass_on(mut from: watch::Receiver<bool>, to: watch::Sender<bool>) {
    if from.wait_for(|stop| *stop).await.is_ok() {
        to.send_replace(true);
    }
}

/// A process that serves shards, while they are its own.
struct ShardServer<'a> {
    config: &'a Config,
    login: &'a DiscordLogin,
    gateway: &'a GatewayAccess,
    store: Store,
    admission: Arc<Admission>,
    supervisor: &'a Supervisor,
    wake: Wake,
    state: Arc<GatewayState>,
    member: &'a ClusterMember,
    progress: IntakeProgress,
    health: Health,
    web: &'a WebSwitch,
}

impl ShardServer<'_> {
    async fn run(self, shutdown: &mut watch::Receiver<bool>) -> Result<(), AppError> {
        let mut member_state = self.member.state();
        loop {
            tokio::select! {
                _ = member_state.wait_for(|member_state| *member_state == MemberState::Active) => {}
                _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            }
            let (leave, leaving) = watch::channel(Leave::No);
            let watching = watch_over(shutdown.clone(), member_state.clone(), leave);
            let _watching = self.supervisor.spawn("gateway: leave", watching);
            let part = GatewayPart {
                config: self.config,
                login: self.login,
                gateway: self.gateway,
                store: self.store.clone(),
                admission: Arc::clone(&self.admission),
                supervisor: self.supervisor,
                wake: Arc::clone(&self.wake),
                state: Arc::clone(&self.state),
                receiver: self.member.receiver(),
                member_state: self.member.state(),
                progress: self.progress.clone(),
                health: self.health.clone(),
                web: self.web,
            };
            let ended = part.run(leaving.clone()).await;
            if ended.is_err() || *leaving.borrow() != Leave::AtOnce {
                return ended;
            }
            tracing::warn!(
                "the shards are another process's now: it listens and answers, and this one stands by"
            );
        }
    }
}

/// Decides when the gateway part must leave: at the end of the process, or when another process has its
/// shards.
async fn watch_over(
    mut shutdown: watch::Receiver<bool>,
    mut member_state: watch::Receiver<MemberState>,
    leave: watch::Sender<Leave>,
) {
    let why = tokio::select! {
        _ = shutdown.wait_for(|stop| *stop) => Leave::Goodbye,
        // Where there are no others, the state never changes, and nobody is there to change it.
        Ok(_) = member_state.wait_for(|member_state| matches!(member_state, MemberState::StandingBy(_))) => Leave::AtOnce,
    };
    leave.send_replace(why);
    // The sender must live on, because those who wait for it must not see it closed.
    std::future::pending::<()>().await;
}

/// Which servers are served. Servers that aren't get nothing any more from here on.
async fn admission(store: &Store, config: &Config) -> Result<Admission, AppError> {
    let config::ServerSettings { lists, leave_at_most } = config.servers.clone();
    let bounds = AdmissionSettings { lists, leave_at_most };
    let load = async || {
        let admission = Admission::load(store, &bounds).await?;
        admission.close_unserved(store, clock()).await?;
        Ok(admission)
    };
    Ok(when_there(load).await?)
}

fn health(
    login: &DiscordLogin,
    store: &Store,
    member: &ClusterMember,
    config: &Config,
    state: Option<Arc<GatewayState>>,
    progress: IntakeProgress,
) -> Health {
    let member_state = member.state();
    let condition = move || {
        let member_state = member_state.borrow().clone();
        let gateway = match (&state, &member_state) {
            (None, _) => GatewayCondition::None,
            (Some(_), MemberState::StandingBy(why)) => GatewayCondition::Standby(Arc::clone(why)),
            (Some(state), _) if state.is_up() => GatewayCondition::Up,
            (Some(_), _) => GatewayCondition::Down,
        };
        Condition {
            gateway,
            hears: !matches!(member_state, MemberState::Connecting | MemberState::Disconnected),
        }
    };
    let role = config.role.name();
    Health::new(store.clone(), login.rest.clone(), role, Arc::new(condition), clock(), progress)
}
