//! Discord's REST API, as far as Tributary uses it: typed calls, rate limits, and outcomes that are classified once.
//!
//! Serenity keeps the gateway and the answers to interactions; every other call to Discord goes through a [`Client`], to one base address only; but the files of
//! messages lie elsewhere (`files`). What it leaves to others: what to send, when to try again, and what an outcome means for a follow.
//!
//! A call's way: an endpoint's method (`channels`, `webhooks`, …) describes it (`call`); `transport` asks whether it may begin (`guard`), takes it through the rate limits (`limiter`), sends it, and
//! reads the answer as a [`RestError`] or a [`model`]; for webhook messages `outcome` makes a closed set of that. Files pass through in chunks, from `files` to
//! `uploads`.
//!
//! Nothing here logs or returns an address or a token: routes appear as templates (`/webhooks/{webhook}/{token}`).

mod break_cause;
mod call;
mod cause;
mod code;
mod endpoints;
mod error;
mod fields;
mod files;
mod guard;
mod limiter;
mod meaning;
pub mod metrics;
pub mod model;
mod outcome;
#[cfg(test)]
mod tests;
mod transport;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

pub use self::cause::Cause;
pub use self::code::ErrorCode;
pub use self::endpoints::channels::ThreadChange;
pub use self::endpoints::guilds::{Left, SERVERS_PAGE};
pub use self::endpoints::messages::HISTORY_PAGE;
pub use self::endpoints::threads::ThreadPage;
pub use self::endpoints::webhook_messages::{Landing, WebhookAccess, WebhookMessage};
pub use self::endpoints::webhooks::{Deleted, OwnWebhook, WEBHOOK_REASON};
pub use self::error::{Doubt, RefusedFields, RestError, Scope};
pub use self::files::{FetchError, FetchedFile, FileBody, FileWatch};
pub use self::guard::Guard;
pub use self::limiter::FuseState;
use self::limiter::{Limits, Urgency};
pub use self::meaning::{Denied, Missing};
pub use self::outcome::{ChangeOutcome, Posted, Refusal, SendOutcome};
pub use self::uploads::Upload;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::request_pace::RequestPace;

/// How long a call may wait for rate limits and repetitions, unless [`Client::with_patience`] says otherwise: what a person at a command waits.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);
/// How long one request with files may take, unless [`RestConfig::upload_timeout`] says otherwise.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct RestConfig {
    /// Scheme, host and port of Discord, or of what stands for it; a path is ignored.
    pub base: Url,
    /// The bot's token, without `Bot `.
    pub token: SecretString,
    /// How the bot presents itself; Discord: `DiscordBot (url, version)`, see [`user_agent`].
    pub user_agent: String,
    /// How long one request may take, from its leaving to the end of its answer.
    pub request_timeout: Duration,
    /// The same for one with files.
    pub upload_timeout: Duration,
    /// How long a file that is being fetched may stand still.
    pub file_idle_timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// The global limit.
    pub pace: RequestPace,
    /// At how many invalid requests in ten minutes the client stops by itself, whoever caused them; one server's stop at a sixth of that, one person's at a thirtieth, and
    /// calls with a webhook's token at twice as many. Discord bans an address at 10,000.
    pub fuse_limit: usize,
}

impl RestConfig {
    /// The usual settings.
    pub fn new(base: Url, token: SecretString, user_agent: String) -> Self {
        Self {
            base,
            token,
            user_agent,
            request_timeout: Duration::from_secs(15),
            upload_timeout: UPLOAD_TIMEOUT,
            file_idle_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            pace: RequestPace::Auto,
            fuse_limit: 3000,
        }
    }
}

/// The user agent of this program, whose home page that is.
pub fn user_agent(url: &str) -> String {
    format!("DiscordBot ({url}, {})", env!("CARGO_PKG_VERSION"))
}

/// Why the client can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestSetupError {
    /// The base address isn't `http://host…` or `https://host…`.
    #[error("the API base must look like https://host:port")]
    Base,
    /// The token has characters that no token has.
    #[error("the bot's token has characters that a token can't have")]
    Token,
    /// The user agent, or the system's TLS.
    #[error("the HTTP client can't be set up")]
    Client,
}

/// The client. Cheap to clone: all clones share connections and rate limits. By itself it asks nothing: whoever makes a call says what causes it
/// ([`caused_by`](Self::caused_by)), so that refused calls count towards whoever caused them.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    patience: Duration,
    urgency: Urgency,
    guard: Option<Arc<dyn Guard>>,
}

/// The client on behalf of whatever causes its calls. All calls are made through it.
#[derive(Clone)]
pub struct Rest {
    shared: Arc<Shared>,
    patience: Duration,
    urgency: Urgency,
    guard: Option<Arc<dyn Guard>>,
    cause: Cause,
}

struct Shared {
    client: reqwest::Client,
    /// For files, which go by how long they stand still, not how long they take.
    file_client: reqwest::Client,
    base: Url,
    token: SecretString,
    request_timeout: Duration,
    upload_timeout: Duration,
    limits: Arc<Limits>,
    /// One for many channels, by their ids: two that look for the bot's webhook in a channel at once would each make one.
    own_webhooks: Vec<tokio::sync::Mutex<()>>,
}

/// How many locks there are for channels' webhooks: enough that one channel seldom waits for another.
const OWN_WEBHOOK_LOCKS: u64 = 256;

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("patience", &self.patience)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for this bot. Must be called within a tokio runtime. It follows no redirects and uses no proxy, also none that the environment names:
    /// everything goes to the base address itself, which on loopback no proxy could reach; only files are fetched from Discord's hosts for files, too.
    pub fn new(config: RestConfig) -> Result<Self, RestSetupError> {
        let RestConfig { base, token, user_agent, request_timeout, upload_timeout, .. } = config;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(RestSetupError::Base);
        }
        let exposed = token.expose_secret();
        if exposed.is_empty() || !exposed.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RestSetupError::Token);
        }
        let builder = || {
            reqwest::Client::builder()
                .user_agent(&user_agent)
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(config.connect_timeout)
        };
        let client = builder().timeout(request_timeout).build().map_err(|_| RestSetupError::Client)?;
        let files = builder().read_timeout(config.file_idle_timeout);
        let file_client = files.build().map_err(|_| RestSetupError::Client)?;
        let limits = Limits::new(config.pace, config.fuse_limit);
        let own_webhooks = (0..OWN_WEBHOOK_LOCKS).map(|_| tokio::sync::Mutex::default()).collect();
        let shared = Shared {
            client,
            file_client,
            base,
            token,
            request_timeout,
            upload_timeout,
            limits,
            own_webhooks,
        };
        let (shared, urgency) = (Arc::new(shared), Urgency::Background);
        Ok(Self { shared, patience: DEFAULT_PATIENCE, urgency, guard: None })
    }

    /// The same client, whose calls wait this long at most, for rate limits and between repetitions together; what would take longer ends at once as
    /// [`RestError::RateLimited`] or [`SendOutcome::Wait`]. With zero, nothing waits and nothing is repeated. The requests' own time isn't bounded by it, but by
    /// [`Client::request_timeout`].
    ///
    /// For lanes: a second or so, enough for a turn at the global limit or the first answer of a bucket, too short to hold up a lane.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The same client, whose calls somebody waits for: at the rate limits, they go before what nobody waits for.
    #[must_use]
    pub fn for_people(&self) -> Self {
        Self { urgency: Urgency::People, ..self.clone() }
    }

    /// On behalf of what causes the calls.
    pub fn caused_by(&self, cause: Cause) -> Rest {
        let Self { shared, patience, urgency, guard } = self.clone();
        Rest { shared, patience, urgency, guard, cause }
    }

    /// On behalf of a server: what happens there, or is kept up for it.
    pub fn of_server(&self, guild: GuildId) -> Rest {
        self.caused_by(Cause::Server(guild))
    }

    /// On behalf of a person who does something in a server.
    pub fn of_person(&self, user: UserId, guild: GuildId) -> Rest {
        self.caused_by(Cause::Person { user, guild })
    }

    /// On behalf of nobody in particular: of the program itself.
    pub fn of_program(&self) -> Rest {
        self.caused_by(Cause::Program)
    }

    /// The bot has left a server: from now on, nothing is asked on its behalf.
    pub fn close_server(&self, guild: GuildId) {
        self.shared.limits.close(guild);
    }

    /// The bot is in a server (again).
    pub fn open_server(&self, guild: GuildId) {
        self.shared.limits.open(guild);
    }

    /// How long one request may take; the whole of a call, its patience and this.
    pub fn request_timeout(&self) -> Duration {
        self.shared.request_timeout
    }

    /// How the fuse against Discord's ban stands: for readiness and metrics.
    pub fn fuse(&self) -> FuseState {
        self.shared.limits.fuse()
    }
}
