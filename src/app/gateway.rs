//! The part of a process that listens to Discord's gateway and answers people, as long as its shards are its
//! own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::discord::Bot;
use crate::discord::gateway::{self, Endpoint, Leave, Sinks};
use crate::discord::shards::GatewayState;
use crate::domain::gateway_session::GatewaySession;
use crate::http::WebServices;
use crate::panel::{DataSources, PanelSettings};
use crate::service::access::lookups::Lookups;
use crate::service::access::quotas::UserQuotas;
use crate::service::announce::{CollectionGapAnnouncer, FollowChangeAnnouncer, NewFollowerAnnouncer};
use crate::service::authors::{Authors, Removals};
use crate::service::collections::Collections;
use crate::service::gateway_view::GatewayView;
use crate::service::health::Health;
use crate::service::idempotency::KeptAnswers;
use crate::service::intake::{Intake, IntakeProgress};
use crate::service::operator::{OperatorFigures, OperatorParts, SetLimits};
use crate::service::panels::{PanelLimits, Panels, RefreshLoop};
use crate::service::peers::PeerUpdates;
use crate::service::people::People;
use crate::service::planned_restart::PlannedRestart;
use crate::service::retention::Retention;
use crate::service::servers::LeftServerCleanup;
use crate::service::servers::{Admission, Leaving};
use crate::service::upkeep::Upkeep;
use crate::service::watch::Watched;
use crate::service::{FollowService, Identity, ServiceError, ServiceParts, Wake};
use crate::store::{GatewaySessionOwner, Store};
use crate::supervisor::Supervisor;

use super::cluster::{MemberState, PeerMessage, PeerReceiver};
use super::start::{DiscordLogin, GatewayAccess, register_commands};
use super::web::WebSwitch;
use super::{AppError, RetryDelay, clock};

/// The permissions that the bot asks for when it is invited: View Channel, Send Messages, Manage Messages,
/// Embed Links, Attach Files, Read Message History, Connect, Manage Webhooks, Manage Threads.
const INVITE_PERMISSIONS: u64 =
    1 << 10 | 1 << 11 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 20 | 1 << 29 | 1 << 34;
/// How long to wait before the database is asked again after it didn't answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long the database may take at the end to keep the sessions.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the gateway part is built from.
pub(super) struct GatewayPart<'a> {
    pub(super) config: &'a Config,
    pub(super) login: &'a DiscordLogin,
    pub(super) gateway: &'a GatewayAccess,
    pub(super) store: Store,
    pub(super) admission: Arc<Admission>,
    pub(super) supervisor: &'a Supervisor,
    pub(super) wake: Wake,
    pub(super) state: Arc<GatewayState>,
    pub(super) receiver: PeerReceiver,
    pub(super) member_state: watch::Receiver<MemberState>,
    pub(super) progress: IntakeProgress,
    pub(super) health: Health,
    pub(super) web: &'a WebSwitch,
}

impl GatewayPart<'_> {
    /// Builds the parts and runs them until it must leave. Nothing of them is left when this returns.
    pub(super) async fn run(self, mut leave: watch::Receiver<Leave>) -> Result<(), AppError> {
        let Self {
            config,
            login,
            gateway,
            store,
            admission,
            supervisor,
            wake,
            state,
            receiver,
            member_state,
            progress,
            health,
            web,
        } = self;
        let (identity, shards, clock) = (login.identity, gateway.shards, clock());
        let (rest, own) = (login.rest.clone(), login.rest.of_program());
        let watched = Arc::new(Watched::default());
        let (checks, permissions, syncs) = (Arc::default(), Arc::default(), Arc::default());
        let follow_limits = config.follow_limits;
        let parts = ServiceParts {
            store,
            rest,
            clock,
            identity,
            watched,
            wake,
            shards,
            checks,
            syncs,
            permissions,
            admission: Arc::clone(&admission),
            follow_limits,
        };
        let upkeep = Arc::new(Upkeep::new(parts.clone()));
        tokio::select! {
            loaded = load_watched(&upkeep) => loaded?,
            _ = leave.wait_for(|leave| *leave != Leave::No) => return Ok(()),
        }
        let intake = Arc::new(Intake::new(parts.clone(), config.catch_up, progress));
        let owner = GatewaySessionOwner {
            application: identity.application,
            token: config.token.clone(),
            intents: gateway::intents(),
        };
        let handover = SessionHandover {
            restart: PlannedRestart::new(&parts, owner),
            intake: Arc::clone(&intake),
            upkeep: Arc::clone(&upkeep),
            state: Arc::clone(&state),
        };
        let resumed = tokio::select! {
            resumed = handover.take_sessions() => resumed,
            _ = leave.wait_for(|leave| *leave != Leave::No) => return Ok(()),
        };
        let settings = PanelSettings {
            monitoring_guilds: config.panel_monitoring_guilds.clone(),
            private_addresses: config.panel_private_addresses,
            part: (!shards.is_all()).then_some(shards),
        };
        let sources = DataSources::new(parts.store.clone(), parts.rest.clone(), clock, settings);
        let most = config.follow_actions_per_hour;
        let quotas = Arc::new(UserQuotas::new(parts.store.clone(), most, clock));
        let view: Arc<dyn GatewayView> = Arc::<GatewayState>::clone(&state);
        let lookups = Arc::new(Lookups::new(Arc::clone(&view), clock));
        let limits = PanelLimits {
            quotas: Arc::clone(&quotas),
            lookups: Arc::clone(&lookups),
            most_in_server: config.panels_per_server,
        };
        let panels = Arc::new(Panels::new(parts.clone(), login.profile.clone(), sources, limits));
        let left = LeftServerCleanup::new(parts.clone(), Arc::clone(&view));
        let leaving = Leaving::new(parts.clone(), Arc::clone(&upkeep), Arc::clone(&view));
        let mut tasks = vec![
            supervisor.spawn("sweep", Arc::clone(&upkeep).sweep(view)),
            supervisor.spawn("left servers", async move { left.run().await }),
            supervisor.spawn("leaving", leaving.run()),
            supervisor.spawn("quotes", Arc::clone(&intake).keep_quotes()),
            supervisor.spawn("feeds", Arc::clone(&intake).keep_feeds()),
            supervisor.spawn("keeper", RefreshLoop::new(Arc::clone(&panels)).run()),
        ];
        let authors = Arc::new(Authors::new(&parts, Arc::clone(&quotas), config.keeping));
        let accounts = web.accounts(&parts, &quotas, &lookups);
        let operator = Arc::new(operator_figures(config, login, &parts, health, Arc::clone(&state)));
        let updates = PeerUpdates::new(
            parts.clone(),
            Arc::clone(&upkeep),
            Arc::clone(&intake),
            Arc::clone(&panels),
            Arc::clone(&authors),
            Arc::clone(&lookups),
        );
        tasks.push(supervisor.spawn("peers", hear(receiver, updates)));
        if shards.keeps_house() {
            let announcer = FollowChangeAnnouncer::new(parts.store.clone(), parts.rest.clone());
            tasks.push(supervisor.spawn("follow changes", announcer.run()));
            let announcer = NewFollowerAnnouncer::new(parts.store.clone(), parts.rest.clone(), clock);
            tasks.push(supervisor.spawn("new followers", announcer.run()));
            let announcer = CollectionGapAnnouncer::new(parts.store.clone(), parts.rest.clone(), clock);
            tasks.push(supervisor.spawn("collection gaps", announcer.run()));
            let retention = Retention::new(parts.clone(), config.keeping);
            tasks.push(supervisor.spawn("retention", async move { retention.run().await }));
            let removals = Removals::new(&parts, Arc::clone(&authors), Arc::clone(&intake));
            tasks.push(supervisor.spawn("removals", async move { removals.run().await }));
        }

        let answers = KeptAnswers::new(&parts);
        let people = Arc::new(People::new(
            &parts,
            Arc::clone(&intake),
            Arc::clone(&quotas),
            Arc::clone(&lookups),
            config.personal,
        ));
        tasks.push(supervisor.spawn("names", Arc::clone(&people).keep_names()));
        if shards.keeps_house() {
            let people = Arc::clone(&people);
            tasks.push(supervisor.spawn("digests", async move { people.send_digests().await }));
        }
        let collections = Arc::new(Collections::new(
            &parts,
            Arc::clone(&intake),
            Arc::clone(&quotas),
            Arc::clone(&lookups),
            Arc::clone(&people),
        ));
        let follows = Arc::new(FollowService::new(parts, Arc::clone(&intake), quotas, lookups));
        tasks.push(supervisor.spawn("collections", Arc::clone(&follows).keep_in_step()));
        let invite = invite(identity);
        tracing::info!(invite, "invite the bot with this link");
        let bot = Bot {
            follows: Arc::clone(&follows),
            panels: Arc::clone(&panels),
            people: Arc::clone(&people),
            collections: Arc::clone(&collections),
            authors: Arc::clone(&authors),
            accounts: accounts.clone(),
            started_at: clock.now(),
            gateway: Arc::clone(&state),
            admission,
            invite,
        };
        let endpoint = Endpoint {
            token: config.token.clone(),
            api_base: config.api_base.origin().ascii_serialization(),
            gateway_url: gateway.url.clone(),
            application: identity.application,
            shards,
            sessions: gateway.sessions.clone(),
            resumed,
            clock,
        };
        let sinks = Sinks { intake, upkeep, bot: Arc::new(bot), state };
        // Mirrors and panels need no commands: a list that Discord refuses holds up nothing.
        let commands = shards.keeps_house().then(|| register_commands(&own, identity, accounts.is_some()));
        let refused = async {
            match commands {
                Some(commands) => commands.await,
                None => std::future::pending().await,
            }
        };
        let services = accounts.map(|accounts| WebServices {
            accounts,
            follows,
            people,
            collections,
            authors,
            panels,
            operator,
            answers,
        });
        let _serving = services.map(|services| web.serve(services));
        let ended = tokio::select! {
            ended = gateway::run(&endpoint, sinks, supervisor, leave.clone()) => ended.map_err(AppError::from),
            error = refused => Err(error),
        };
        for task in tasks {
            task.end().await;
        }
        let sessions = ended?;
        // While nobody knows who has the shards, another process may have started with them.
        if *leave.borrow() == Leave::Goodbye && *member_state.borrow() == MemberState::Active {
            handover.keep_sessions(sessions).await;
        }
        Ok(())
    }
}

/// What the operator reads over the web.
fn operator_figures(
    config: &Config,
    login: &DiscordLogin,
    parts: &ServiceParts,
    health: Health,
    gateway: Arc<GatewayState>,
) -> OperatorFigures {
    let operators = config.operators.as_ref().unwrap_or(&login.owners);
    let limits = SetLimits {
        actions_per_hour: config.follow_actions_per_hour,
        panels_per_server: config.panels_per_server,
        follows: config.follow_limits,
    };
    OperatorFigures::new(OperatorParts {
        operators: operators.iter().copied().collect(),
        store: parts.store.clone(),
        rest: parts.rest.clone(),
        health,
        gateway,
        shards: parts.shards,
        limits,
        started_at: parts.clock.now(),
    })
}

/// What one run of the gateway part hands over to the next.
struct SessionHandover {
    restart: PlannedRestart,
    intake: Arc<Intake>,
    upkeep: Arc<Upkeep>,
    state: Arc<GatewayState>,
}

impl SessionHandover {
    /// Takes what was handed over, and waits for a database that went away: what it may still hold would
    /// otherwise be taken later, when it is too old.
    async fn take_sessions(&self) -> Vec<GatewaySession> {
        let told = |shard, (guilds, age)| self.state.keep(shard, guilds, age);
        match when_there(async || self.restart.take_sessions(&self.intake, &self.upkeep, told).await).await {
            Ok(sessions) => {
                if !sessions.is_empty() {
                    let shards = sessions.len();
                    tracing::info!(shards, "going on with the gateway sessions that the last stop left");
                }
                sessions
            }
            Err(error) => {
                tracing::warn!(%error, "the gateway sessions that the last stop left can't be read; new ones begin");
                Vec::new()
            }
        }
    }

    /// Hands over these sessions, if the database takes them in time. Without them, the next start reads what
    /// was missed.
    async fn keep_sessions(&self, sessions: Vec<GatewaySession>) {
        let told = |shard| self.state.known(shard);
        let keeping = self.restart.keep_sessions(sessions, &self.intake, &self.upkeep, told);
        match tokio::time::timeout(LAST_WORDS, keeping).await {
            Ok(Ok(0)) => {}
            Ok(Ok(shards)) => tracing::info!(shards, "the next start can go on with the gateway sessions"),
            Ok(Err(error)) => tracing::warn!(%error, "the gateway sessions can't be kept for the next start"),
            Err(_) => tracing::warn!("the gateway sessions could not be kept for the next start in time"),
        }
    }
}

/// Reads from the database what to listen to, and waits for a database that went away since it was opened.
async fn load_watched(upkeep: &Upkeep) -> Result<(), ServiceError> {
    when_there(async || upkeep.load_watched().await).await.map(drop)
}

/// Asks the database until it answers.
pub(super) async fn when_there<T>(ask: impl AsyncFn() -> Result<T, ServiceError>) -> Result<T, ServiceError> {
    let mut pause = RetryDelay::default();
    loop {
        match ask().await {
            Err(ServiceError::Store(error)) if error.passes() => {
                let wait = pause.next();
                tracing::warn!(%error, again_in = wait.as_secs(), "the database can't be reached");
                tokio::time::sleep(wait).await;
            }
            answered => return answered,
        }
    }
}

/// Applies what other processes say.
async fn hear(mut receiver: PeerReceiver, updates: PeerUpdates) {
    loop {
        let heard = receiver.next().await;
        let taken = match &heard {
            PeerMessage::Notice(signal) => updates.apply(signal).await,
            PeerMessage::Gap => updates.resync().await,
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "what another process told can't be taken up yet");
            // Whatever it was, the database is asked for everything until it answers.
            while updates.resync().await.is_err() {
                tokio::time::sleep(ASK_AGAIN).await;
            }
        }
    }
}

/// The link that invites the bot to a server.
fn invite(identity: Identity) -> String {
    let application = identity.application;
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot%20applications.commands&permissions={INVITE_PERMISSIONS}"
    )
}
