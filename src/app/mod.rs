//! The one place where the program is put together: it builds every part, runs until it is told to stop, and
//! drains.
//!
//! | file | what it owns |
//! |---|---|
//! | `clock` | the one clock of the process |
//! | `ending` | what asks the program to end, and the moment at which it ends even if something hangs |
//! | `open` | opening the database with its key |
//! | `lock` | keeping a second bot from a SQLite database, and other users from its files |
//! | `schema`, `copy` | `tributary migrate` |
//! | `start` | what Discord is asked first |
//! | `process` | a process of any role: delivery, place among the others, gateway part |
//! | `cluster` | the place among the other processes: its shards, and what they tell each other |
//! | `gateway` | everything that listens and answers |
//! | `web` | the web pages: open as long as the process runs, of use while it has its shards |

mod clock;
mod cluster;
mod copy;
mod ending;
mod gateway;
mod lock;
mod open;
mod process;
mod schema;
mod start;
mod web;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::discord::gateway::FatalGateway;
use crate::http::{self, Pages};
use crate::rest::{RestError, RestSetupError};
use crate::service::ServiceError;
use crate::service::health::{Health, Startup};
use crate::store::{CopyError, StoreError};
use crate::supervisor::{Supervisor, TaskFailure};

pub use self::clock::clock;
pub use self::copy::copy;
pub use self::ending::signals;
use self::lock::claim;
use self::open::open_when_there;
pub use self::open::{KeyError, open_beside, open_schema};
use self::process::Process;
pub use self::schema::{Downgrade, migrate_up};
pub use self::start::client;
use self::start::start;
use self::web::WebSwitch;

/// The first and the longest pause before something that the start needs is requested again.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long the HTTP server may take at the end to finish its answers.
const HTTP_GOODBYE: Duration = Duration::from_millis(200);
/// How long the database may take at the end to close.
const STORE_GOODBYE: Duration = Duration::from_millis(500);

/// Why the program can't run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The gateway, or the token.
    #[error("{0}")]
    Gateway(#[from] FatalGateway),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The database and its key.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// Its tables are those of an older version.
    #[error(
        "this database is of another version. Start the bot of this version once, or run: tributary migrate up"
    )]
    OtherVersion,
    /// Nothing was copied.
    #[error("{0}")]
    Copy(#[from] CopyError),
    /// Something that a service needs at the start.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// The client for Discord's API.
    #[error("DISCORD_API_BASE can't be used: {0}")]
    Rest(#[from] RestSetupError),
    /// Discord refuses a request that the start needs.
    #[error("Discord refused the start: {0}. Check DISCORD_TOKEN and DISCORD_API_BASE.")]
    Refused(RestError),
    /// The address is taken, or doesn't belong to this machine.
    #[error("HTTP_ADDR can't be listened on ({0}): {1}. Choose another port, such as 127.0.0.1:8081.")]
    Listen(SocketAddr, io::Error),
    /// The same for the web pages.
    #[error("WEB_ADDR can't be listened on ({0}): {1}. Choose another port, such as 127.0.0.1:8082.")]
    ListenWeb(SocketAddr, io::Error),
    /// Another bot has this SQLite database.
    #[error(
        "another process runs on this database (it holds {0}). Stop that one first. With PostgreSQL, several processes can share the work: see DATABASE_URL."
    )]
    SecondProcess(PathBuf),
    /// Something else has the lock file's name.
    #[error(
        "{0} is a {1}, where the file should be that keeps a second process from this database. Move it away, and start again."
    )]
    LockInTheWay(PathBuf, &'static str),
    /// It can't be determined whether another bot has it.
    #[error(
        "{0}, which keeps a second process from this database, can't be locked ({1}). Put the database where files can be written and locked."
    )]
    Lock(PathBuf, io::Error),
    /// A task that must go on has ended.
    #[error(
        "{0}, which is a mistake in the program. It ends, so that it can be started anew: nothing is lost by that. Please report it, with the line before this one."
    )]
    Task(TaskFailure),
    /// The metrics' recorder.
    #[error("the metrics can't be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Pauses between attempts, each twice as long as the one before.
struct RetryDelay(Duration);

impl Default for RetryDelay {
    fn default() -> Self {
        Self(ASK_AGAIN.0)
    }
}

impl RetryDelay {
    fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(ASK_AGAIN.1);
        wait
    }
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
    let (startup, starting) = watch::channel(Startup::Database { away: None });
    let supervisor = Supervisor::default();
    let (stop_serving, stopped) = watch::channel(false);
    let web = WebSwitch::open(&config, &supervisor, stopped.clone()).await?;
    let mut serving = supervisor.spawn_until(
        "http",
        until(stopped.clone()),
        serve(listener, Pages { metrics, health: pages, startup: starting }, stopped),
    );
    let ended = tokio::select! {
        ended = serve_discord(&config, (&startup, &health), &web, &supervisor, &mut shutdown) => ended,
        failure = supervisor.failure() => Err(AppError::Task(failure)),
    };
    stop_serving.send_replace(true);
    let goodbye = async {
        serving.join().await;
        web.close().await;
    };
    let _ = tokio::time::timeout(HTTP_GOODBYE, goodbye).await;
    ended
}

/// Serves the pages for operators.
async fn serve(listener: TcpListener, pages: Pages, mut stop: watch::Receiver<bool>) {
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = http::serve(listener, pages, stopped).await {
        tracing::error!(%error, "the pages can't be served any more");
    }
}

/// Whether a task may end: once this is true.
fn until(stop: watch::Receiver<bool>) -> impl Fn() -> bool + Send {
    move || *stop.borrow()
}

/// Everything that the program is for, from the database on.
async fn serve_discord(
    config: &Config,
    (startup, health): (&watch::Sender<Startup>, &watch::Sender<Option<Health>>),
    web: &WebSwitch,
    supervisor: &Supervisor,
    shutdown: &mut watch::Receiver<bool>,
) -> Result<(), AppError> {
    let _alone = claim(&config.storage.database)?;
    // A database that doesn't answer must not hold up the end.
    let store = tokio::select! {
        store = open_when_there(&config.storage, startup) => store?,
        _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
    };
    startup.send_replace(Startup::Discord);
    let ended = tokio::select! {
        login = start(config, &store) => match login {
            Ok(login) => {
                let (store, shutdown) = (store.clone(), shutdown.clone());
                Process { config, login, store, supervisor, shutdown, web }.run(health).await
            }
            Err(error) => Err(error),
        },
        // Before anything runs that must be drained; `Process::run` ends by itself.
        () = stopped_early(health, shutdown) => Ok(()),
    };
    match tokio::time::timeout(STORE_GOODBYE, store.close()).await {
        Ok(closed) => ended.and(closed.map_err(AppError::from)),
        Err(_) => {
            tracing::warn!("the database did not let go at the end; it undoes by itself what was under way");
            ended
        }
    }
}

/// Resolves when the program is told to stop while it is still starting.
async fn stopped_early(health: &watch::Sender<Option<Health>>, shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
    if health.borrow().is_some() {
        std::future::pending::<()>().await;
    }
}
