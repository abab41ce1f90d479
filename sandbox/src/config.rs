//! What can be set when a sandbox is started.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::Exchange;
use crate::gateway::Intents;
use crate::limits::Limits;
use crate::permissions::Permissions;

/// Called with every exchange, after the answer is decided and before it is sent.
pub type Observer = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// The settings of one sandbox. `Config::default()` suits tests: no rate limits, all intents switched on.
#[derive(Clone)]
pub struct Config {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The name of the application and its bot.
    pub bot_name: String,
    /// What the bot is granted in new servers.
    pub bot_permissions: Permissions,
    /// The privileged intents that are switched on for the application.
    pub privileged_intents: Intents,
    /// How many shards `GET /gateway/bot` recommends.
    pub shards: u32,
    /// The rate limits.
    pub limits: Limits,
    /// How long an interaction may stay without a first answer (Discord: 3 s).
    pub interaction_deadline: Duration,
    /// How long an interaction's token lives (Discord: 15 min).
    pub interaction_life: Duration,
    /// How long the driver waits for an answer or a condition, unless told otherwise.
    pub patience: Duration,
    /// How often the bot must send a heartbeat (Discord: 41.25 s).
    pub heartbeat_interval: Duration,
    /// How many events a session keeps for a RESUME.
    pub resume_buffer: usize,
    /// The application's client secret. `None` makes one up, as the bot's token is.
    pub client_secret: Option<String>,
    /// Where people may be sent back to after they authorized the application (OAuth2). An address must be
    /// the same to the letter. [`crate::Sandbox::register_redirect_uri`] adds one later.
    pub redirect_uris: Vec<String>,
    /// How long an authorization code can be exchanged (Discord: 10 min).
    pub authorization_code_life: Duration,
    /// How long an access token works (Discord: 7 days).
    pub access_token_life: Duration,
    /// How long a link to an attachment works (Discord: about 24 h).
    pub attachment_link_life: Duration,
    /// How many exchanges are remembered; the oldest are forgotten first. 0 remembers none, which is fastest.
    pub exchange_log: usize,
    /// Words that no name may contain under which a webhook posts, beside those that Discord publishes.
    pub refused_names: Vec<String>,
    /// Sees every exchange.
    pub observer: Option<Observer>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            bot_name: "sandbot".to_owned(),
            bot_permissions: Permissions::everyone_default()
                | Permissions::MANAGE_WEBHOOKS
                | Permissions::MANAGE_MESSAGES
                | Permissions::MANAGE_CHANNELS
                | Permissions::MANAGE_THREADS,
            privileged_intents: Intents::PRIVILEGED,
            shards: 1,
            limits: Limits::off(),
            interaction_deadline: Duration::from_secs(3),
            interaction_life: Duration::from_secs(15 * 60),
            patience: Duration::from_secs(10),
            heartbeat_interval: Duration::from_millis(41_250),
            resume_buffer: 10_000,
            client_secret: None,
            redirect_uris: Vec::new(),
            authorization_code_life: Duration::from_secs(10 * 60),
            access_token_life: Duration::from_secs(7 * 24 * 60 * 60),
            attachment_link_life: Duration::from_secs(24 * 60 * 60),
            exchange_log: 100_000,
            refused_names: Vec::new(),
            observer: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("port", &self.port)
            .field("bot_name", &self.bot_name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
