//! Discord's REST API, as far as Tributary uses it: typed calls, rate limits, and outcomes that are
//! classified once.
//!
//! Serenity keeps the gateway and the answers to interactions. Every other call to Discord goes through a
//! [`Client`], to one base address only; the files of messages are the exception (`files`). This module
//! leaves to others what to send, when to try again, and what an outcome means for a follow.
//!
//! A method of an endpoint (`endpoints`) describes a call (`call`). Then `transport` asks whether it may
//! begin (`guard`), takes it through the rate limits (`limiter`), sends it, and reads the answer as a
//! [`RestError`] or a [`model`]. For webhook messages, `outcome` makes a closed set of that. Files pass
//! through in chunks, from `files` to `uploads`. Calls with a person's token (`oauth`) are no calls of the
//! bot: they have a client of their own, and none of its limits.
//!
//! Nothing here logs or returns an address or a token: routes appear as templates
//! (`/webhooks/{webhook}/{token}`).

mod break_reason;
mod call;
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
mod oauth;
mod outcome;
mod requester;
#[cfg(test)]
mod tests;
mod transport;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

pub use self::code::ErrorCode;
pub use self::endpoints::channels::ThreadPatch;
pub use self::endpoints::guilds::{LeaveOutcome, SERVERS_PAGE};
pub use self::endpoints::messages::HISTORY_PAGE;
pub use self::endpoints::threads::ThreadPage;
pub use self::endpoints::webhook_messages::{Destination, WebhookAccess, WebhookMessage};
pub use self::endpoints::webhooks::{EnsuredWebhook, WEBHOOK_REASON, WebhookDeletion};
pub use self::error::{DoubtReason, RateLimitScope, RefusedFields, RestError};
pub use self::files::{FetchError, FetchedFile, FileBody, FileWatch};
pub use self::guard::RequestGuard;
pub use self::limiter::FuseState;
use self::limiter::{RateLimiter, Urgency};
pub use self::meaning::{ForbiddenReason, UnknownResource};
pub use self::oauth::{OAuthClient, OAuthConfig, OAuthError, OAuthPerson};
pub use self::outcome::{ChangeOutcome, DiscordRefusal, PostedMessage, SendOutcome};
pub use self::requester::Requester;
pub use self::uploads::Upload;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::request_pace::RequestPace;

/// How long a call may wait for rate limits and repetitions, unless [`Client::with_patience`] says otherwise:
/// as long as a person at a command would.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);
/// How long one request with files may take, unless [`RestConfig::upload_timeout`] says otherwise.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct RestConfig {
    /// Scheme, host and port of Discord, or of a stand-in for it. A path is ignored.
    pub base: Url,
    /// The bot's token, without `Bot `.
    pub token: SecretString,
    /// How the bot presents itself; Discord: `DiscordBot (url, version)`, see [`user_agent`].
    pub user_agent: String,
    /// How long one request may take, from its leaving to the end of its answer.
    pub request_timeout: Duration,
    /// The same for one with files.
    pub upload_timeout: Duration,
    /// How long the transfer of a file may stand still.
    pub file_idle_timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// The global limit.
    pub pace: RequestPace,
    /// After how many invalid requests in ten minutes the client stops by itself, whoever caused them. One
    /// server's calls stop at a sixth of that, one person's at a thirtieth, and calls with a webhook's token
    /// at twice as many. Discord bans an address at 10,000.
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

/// The user agent of this program, with its home page.
pub fn user_agent(url: &str) -> String {
    format!("DiscordBot ({url}, {})", env!("CARGO_PKG_VERSION"))
}

/// Why the client can't be set up.
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

/// The client. Cheap to clone: all clones share connections and rate limits. It makes no calls itself:
/// whoever makes one says on whose behalf ([`on_behalf_of`](Self::on_behalf_of)), so that refused calls count
/// towards that requester.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    patience: Duration,
    urgency: Urgency,
    guard: Option<Arc<dyn RequestGuard>>,
}

/// The client on behalf of a requester. All calls are made through it.
#[derive(Clone)]
pub struct Rest {
    shared: Arc<Shared>,
    patience: Duration,
    urgency: Urgency,
    guard: Option<Arc<dyn RequestGuard>>,
    requester: Requester,
}

struct Shared {
    client: reqwest::Client,
    /// For files, whose timeout is about how long they stand still, not about how long they take.
    file_client: reqwest::Client,
    base: Url,
    token: SecretString,
    request_timeout: Duration,
    upload_timeout: Duration,
    limits: Arc<RateLimiter>,
    /// Locks by which the bot's webhook is looked for in one channel at a time: two that look at once would
    /// each make one. Each lock serves many channels, by their ids.
    webhook_locks: Vec<tokio::sync::Mutex<()>>,
}

/// How many locks there are for channels' webhooks. Enough that one channel seldom waits for another.
const WEBHOOK_LOCKS: u64 = 256;

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("patience", &self.patience)
            .field("requester", &self.requester)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for this bot. Must be called within a tokio runtime. It follows no redirects and uses no
    /// proxy, not even one that the environment names: everything goes to the base address itself, which on
    /// loopback no proxy could reach. Only files are fetched from Discord's file hosts, too.
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
        let limits = RateLimiter::new(config.pace, config.fuse_limit);
        let webhook_locks = (0..WEBHOOK_LOCKS).map(|_| tokio::sync::Mutex::default()).collect();
        let shared = Shared {
            client,
            file_client,
            base,
            token,
            request_timeout,
            upload_timeout,
            limits,
            webhook_locks,
        };
        let (shared, urgency) = (Arc::new(shared), Urgency::Background);
        Ok(Self { shared, patience: DEFAULT_PATIENCE, urgency, guard: None })
    }

    /// The same client, whose calls wait this long at most, for rate limits and between repetitions together.
    /// What would take longer ends at once as [`RestError::RateLimited`] or [`SendOutcome::Wait`]. With zero,
    /// nothing waits and nothing is repeated. The requests' own time is bounded by
    /// [`Client::request_timeout`] instead.
    ///
    /// Lanes use a few seconds: enough for a turn at the global limit or a bucket's first answer, and too
    /// short to hold up a lane.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The same client for calls that a person waits for. At the rate limits, they go before background
    /// calls.
    #[must_use]
    pub fn for_people(&self) -> Self {
        Self { urgency: Urgency::People, ..self.clone() }
    }

    /// On behalf of this requester.
    pub fn on_behalf_of(&self, requester: Requester) -> Rest {
        let Self { shared, patience, urgency, guard } = self.clone();
        Rest { shared, patience, urgency, guard, requester }
    }

    /// On behalf of a server: what happens there, or is kept up for it.
    pub fn of_server(&self, guild: GuildId) -> Rest {
        self.on_behalf_of(Requester::Server(guild))
    }

    /// On behalf of a person who does something in a server.
    pub fn of_person(&self, user: UserId, guild: GuildId) -> Rest {
        self.on_behalf_of(Requester::Person { user, guild })
    }

    /// On behalf of nobody in particular: of the program itself.
    pub fn of_program(&self) -> Rest {
        self.on_behalf_of(Requester::Program)
    }

    /// Notes that the bot has left a server. From now on, nothing is asked on its behalf.
    pub fn close_server(&self, guild: GuildId) {
        self.shared.limits.close(guild);
    }

    /// Notes that the bot is in a server (again).
    pub fn open_server(&self, guild: GuildId) {
        self.shared.limits.open(guild);
    }

    /// How long one request may take. A whole call takes its patience and this at most.
    pub fn request_timeout(&self) -> Duration {
        self.shared.request_timeout
    }

    /// The state of the fuse against Discord's ban, for readiness and metrics.
    pub fn fuse(&self) -> FuseState {
        self.shared.limits.fuse()
    }
}
