//! The one place where the program is put together: it builds every part, runs until it is told to stop, and drains.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{Config, DatabaseConfig, EncryptionKey, Storage};
use crate::delivery::{Engine, REQUEST_TIMEOUT, Waker};
use crate::discord::gateway::{self, Endpoint, FatalGateway, Sinks};
use crate::discord::shards::GatewayState;
use crate::discord::{Bot, docs};
use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::http::{self, Pages};
use crate::panel;
use crate::rest::model::GatewayBot;
use crate::rest::{Rest, RestConfig, RestError, RestSetupError, user_agent};
use crate::service::health::Health;
use crate::service::intake::Intake;
use crate::service::notify::Notifier;
use crate::service::panels::{Brand, Keeper, Panels};
use crate::service::retention::Retention;
use crate::service::upkeep::Upkeep;
use crate::service::watch::Watched;
use crate::service::{Follows, Identity, Parts, ServiceError};
use crate::store::{Cipher, Store, StoreError};

/// How the bot presents itself to Discord.
const PROJECT_URL: &str = "https://github.com/tributary-bot/tributary";
/// What the bot asks for when a server's admin invites it: View Channel, Send Messages, Manage Messages, Embed Links, Attach Files, Read Message History,
/// Manage Webhooks, Manage Threads.
const INVITE_PERMISSIONS: u64 = 1 << 10 | 1 << 11 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 29 | 1 << 34;
/// How often all follows are looked at, for what no event told.
const SWEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// When a sweep that failed is repeated.
const SWEEP_AGAIN: Duration = Duration::from_secs(60);
/// How long to wait before Discord is asked again at the start, at first and at most.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long the HTTP server may take to finish its answers at the end.
const HTTP_GOODBYE: Duration = Duration::from_millis(200);

/// Why the program can't run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The gateway, or the token.
    #[error("{0}")]
    Gateway(#[from] FatalGateway),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Its tables are older.
    #[error(
        "this database is of another version. Start the bot of this version once, or run: tributary migrate up"
    )]
    OtherVersion,
    /// Something that a service needs at the start.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// The client for Discord's API.
    #[error("DISCORD_API_BASE can't be used: {0}")]
    Rest(#[from] RestSetupError),
    /// Discord refuses a call that the start needs.
    #[error("Discord refused the start: {0}. Check DISCORD_TOKEN and DISCORD_API_BASE.")]
    Refused(RestError),
    /// The address is taken, or not of this machine.
    #[error("HTTP_ADDR can't be listened on ({0}): {1}. Choose another port, such as 127.0.0.1:8081.")]
    Listen(SocketAddr, io::Error),
    /// The metrics' recorder.
    #[error("the metrics can't be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// The clock of the real world.
#[expect(clippy::disallowed_methods, reason = "the one place where the time comes in from outside")]
pub fn clock() -> Clock {
    Clock::new(Utc::now)
}

/// Opens the database and brings its tables up to date.
pub async fn open_store(config: &Config) -> Result<Store, StoreError> {
    let cipher = Cipher::new(config.encryption_key.secret());
    let store = Store::connect(config.database.url(), cipher).await?;
    store.migrate_up().await?;
    store.check_key().await?;
    Ok(store)
}

/// Opens the database as it is, for what works beside a running bot: its tables must be there already, and of this version.
pub async fn open_beside(storage: &Storage) -> Result<Store, AppError> {
    let cipher = Cipher::new(storage.encryption_key.secret());
    let store = Store::connect(storage.database.url(), cipher).await?;
    if store.migration_status().await?.iter().any(|(_, applied)| !applied) {
        return Err(AppError::OtherVersion);
    }
    store.check_key().await?;
    Ok(store)
}

/// Opens the database for `migrate`, which needs no key.
pub async fn open_schema(database: &DatabaseConfig) -> Result<Store, StoreError> {
    let cipher = Cipher::new(EncryptionKey::random().secret());
    Store::connect(database.url(), cipher).await
}

/// Runs the bot until it is told to stop by `shutdown`, or until it can't go on.
pub async fn run(config: Config, mut shutdown: watch::Receiver<bool>) -> Result<(), AppError> {
    let metrics = crate::metrics::install()?;
    let listener = TcpListener::bind(config.http_addr).await;
    let listener = listener.map_err(|error| AppError::Listen(config.http_addr, error))?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving /healthz, /readyz and /metrics");
    }
    let (health, pages) = watch::channel(None);
    let mut stop = shutdown.clone();
    let web = tokio::spawn(http::serve(listener, Pages { metrics, health: pages }, async move {
        let _ = stop.wait_for(|stop| *stop).await;
    }));
    // A database that doesn't answer must not hold up the end.
    let store = tokio::select! {
        store = open_store(&config) => store?,
        _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
    };
    let ended = tokio::select! {
        started = start(&config, &store) => match started {
            Ok(started) => started.run(&config, store.clone(), &health, shutdown.clone()).await,
            Err(error) => Err(error),
        },
        // Before anything runs that would have to be drained; `Started::run` ends by itself.
        () = stopped_early(&health, &mut shutdown) => Ok(()),
    };
    let closed = store.close().await;
    if !web.is_finished() {
        let _ = tokio::time::timeout(HTTP_GOODBYE, web).await;
    }
    ended.and(closed.map_err(AppError::from))
}

/// Resolves when the program is told to stop while it is still starting.
async fn stopped_early(health: &watch::Sender<Option<Health>>, shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
    if health.borrow().is_some() {
        std::future::pending::<()>().await;
    }
}

/// What Discord said at the start.
struct Started {
    rest: Rest,
    identity: Identity,
    brand: Brand,
    gateway: GatewayBot,
}

/// Asks Discord who the bot is, as long as it takes; a rejected token ends it.
async fn start(config: &Config, store: &Store) -> Result<Started, AppError> {
    let mut settings =
        RestConfig::new(config.api_base.clone(), config.token.clone(), user_agent(PROJECT_URL));
    settings.request_timeout = REQUEST_TIMEOUT;
    settings.pace = config.request_pace;
    let rest = Rest::new(settings)?;
    let user = ask(|| rest.current_user()).await?;
    let brand = Brand { avatar_url: user.avatar_url(), name: user.display_name().to_owned() };
    let application = ask(|| rest.application()).await?;
    let gateway = ask(|| rest.gateway_bot()).await?;
    let identity = Identity { application: application.id, user: user.id };
    tracing::info!(name = user.username, application = %application.id, database_up = store.ping().await.is_ok(), "logged in");
    let commands = docs::definitions();
    ask(|| rest.set_global_commands(identity.application, &commands)).await?;
    Ok(Started { rest, identity, brand, gateway })
}

/// Repeats a question until Discord answers it, one way or the other.
async fn ask<T>(question: impl AsyncFn() -> Result<T, RestError>) -> Result<T, AppError> {
    let (mut wait, longest) = ASK_AGAIN;
    loop {
        match question().await {
            Ok(answer) => return Ok(answer),
            Err(RestError::Unauthorized { .. }) => return Err(FatalGateway::TokenRejected.into()),
            Err(error) if error.passes() => {
                tracing::warn!(%error, again_in = wait.as_secs(), "Discord can't be reached yet");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(longest);
            }
            Err(error) => return Err(AppError::Refused(error)),
        }
    }
}

impl Started {
    /// Builds the parts, runs them, and drains them in the order of the flow: what comes in first, what goes out last.
    async fn run(
        self,
        config: &Config,
        store: Store,
        health: &watch::Sender<Option<Health>>,
        shutdown: watch::Receiver<bool>,
    ) -> Result<(), AppError> {
        let Self { rest, identity, brand, gateway } = self;
        let clock = clock();
        let state = Arc::new(GatewayState::default());
        let up = Arc::clone(&state);
        health.send_replace(Some(Health::new(store.clone(), rest.clone(), Arc::new(move || up.is_up()))));

        let (engine, waker) = Engine::new(store.clone(), &rest, clock, identity.application, owner());
        let (stop_delivery, delivery_stops) = watch::channel(false);
        let delivering = tokio::spawn(engine.run(delivery_stops));
        let stopping = tokio::spawn(pass_on(shutdown.clone(), stop_delivery.clone()));

        let watched = Arc::new(Watched::default());
        let notifier = Notifier::new(store.clone(), rest.clone());
        let telling = tokio::spawn(async move { notifier.run().await });
        let parts = Parts { store, rest, clock, identity, watched, wake: wake(waker) };
        let upkeep = Arc::new(Upkeep::new(parts.clone()));
        upkeep.load_watched().await?;
        let sweeping = tokio::spawn(sweep(Arc::clone(&upkeep), Arc::clone(&state)));
        let retention = Retention::new(parts.clone(), config.keeping);
        let forgetting = tokio::spawn(async move { retention.run().await });
        let intake = Arc::new(Intake::new(parts.clone(), config.catch_up));
        let settings = panel::Settings {
            monitoring_guilds: config.panel_monitoring_guilds.clone(),
            private_addresses: config.panel_private_addresses,
        };
        let sources = panel::Sources::new(parts.store.clone(), parts.rest.clone(), clock, settings);
        let panels = Arc::new(Panels::new(parts.clone(), brand, sources));
        let keeper = Keeper::new(Arc::clone(&panels));
        let keeping = tokio::spawn(keeper.run());
        let allowance = Allowance::new(config.follow_actions_per_hour);
        let follows = Follows::new(parts, Arc::clone(&intake), allowance);
        let invite = invite(identity);
        tracing::info!(invite, "invite the bot with this link");
        let bot = Bot { follows, panels, started_at: clock.now(), gateway: Arc::clone(&state), invite };
        let endpoint = Endpoint {
            token: config.token.clone(),
            api_base: config.api_base.origin().ascii_serialization(),
            gateway_url: gateway.url,
            shards: gateway.shards.max(1),
        };
        let sinks = Sinks { intake, upkeep, bot: Arc::new(bot), state };
        let ended = gateway::run(&endpoint, sinks, shutdown).await;

        keeping.abort();
        forgetting.abort();
        sweeping.abort();
        telling.abort();
        stopping.abort();
        stop_delivery.send_replace(true);
        if delivering.await.is_err() {
            tracing::error!("the delivery ended by a panic");
        }
        tracing::info!("stopped");
        Ok(ended?)
    }
}

fn wake(waker: Waker) -> crate::service::intake::Wake {
    Arc::new(move |targets| waker.wake(targets))
}

/// Stops the delivery with all else: while the gateway says goodbye, lanes finish the request that they are in. What is read until then is
/// written down, and delivered at the next start.
async fn pass_on(mut from: watch::Receiver<bool>, to: watch::Sender<bool>) {
    if from.wait_for(|stop| *stop).await.is_ok() {
        to.send_replace(true);
    }
}

/// Looks at all servers and follows whenever a gateway session begins, for what happened while nobody listened, and every day.
async fn sweep(upkeep: Arc<Upkeep>, state: Arc<GatewayState>) {
    let mut sessions = state.sessions();
    // The first look is that of the first session.
    let mut wait = Duration::MAX;
    loop {
        if let Ok(Err(_)) = tokio::time::timeout(wait, sessions.changed()).await {
            return;
        }
        wait = match upkeep.sweep(|guild| state.is_in(guild)).await {
            Ok(()) => SWEEP,
            Err(error) => {
                tracing::warn!(%error, "the sweep over all follows did not come to its end; it is repeated");
                SWEEP_AGAIN
            }
        };
    }
}

/// The link with which a server's admin invites the bot.
fn invite(identity: Identity) -> String {
    let application = identity.application;
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot%20applications.commands&permissions={INVITE_PERMISSIONS}"
    )
}

/// A name for this process that no other has, in the leases of lanes.
fn owner() -> String {
    format!("{}-{:016x}", std::process::id(), rand::random::<u64>())
}
