//! What the process asks Discord before it begins: who it is, and where the gateway is.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::{Config, DiscordSettings, ProcessRole, ShardSelection};
use crate::delivery::REQUEST_TIMEOUT;
use crate::discord::docs;
use crate::discord::gateway::{FatalGateway, SessionsLeft};
use crate::domain::ids::UserId;
use crate::domain::session_budget::{SessionBudget, SessionLimit};
use crate::domain::shards::Shards;
use crate::rest::model::{GatewayBot, SessionStartLimit};
use crate::rest::{Client, Rest, RestConfig, RestError, user_agent};
use crate::service::Identity;
use crate::service::panels::BotProfile;
use crate::store::Store;

use super::{AppError, RetryDelay};

/// How the bot presents itself to Discord.
const PROJECT_URL: &str = "https://github.com/tributary-bot/tributary";

/// The first and the longest pause before a list of commands that Discord didn't take is sent again. Discord
/// allows a few hundred such requests a day.
const REGISTER_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15 * 60));

/// What Discord said at the start.
pub(super) struct DiscordLogin {
    pub(super) rest: Client,
    pub(super) identity: Identity,
    pub(super) profile: BotProfile,
    /// The people whose application it is.
    pub(super) owners: Vec<UserId>,
    /// For those who connect to it.
    pub(super) gateway: Option<GatewayAccess>,
}

/// Where the gateway is, and which part of it this process takes.
pub(super) struct GatewayAccess {
    pub(super) url: String,
    pub(super) shards: Shards,
    pub(super) sessions: SessionsLeft,
}

/// Asks Discord who the bot is, until it answers. A rejected token ends it.
pub(super) async fn start(config: &Config, store: &Store) -> Result<DiscordLogin, AppError> {
    let client = client(&DiscordSettings {
        token: config.token.clone(),
        api_base: config.api_base.clone(),
        request_pace: config.request_pace,
    })?;
    let rest = client.of_program();
    let user = ask(|| rest.current_user()).await?;
    let profile = BotProfile { avatar_url: user.avatar_url(), name: user.display_name().to_owned() };
    let (application, gateway) = tokio::try_join!(ask(|| rest.application()), gateway(config, &rest))?;
    let identity = Identity { application: application.id, user: user.id };
    let (role, database_up) = (config.role.name(), store.ping().await.is_ok());
    tracing::info!(name = user.username, application = %application.id, role, database_up, "logged in");
    let owners = application.people();
    Ok(DiscordLogin { rest: client, identity, profile, owners, gateway })
}

/// The client for Discord's API that everything uses. It must be called within a tokio runtime.
pub fn client(discord: &DiscordSettings) -> Result<Client, AppError> {
    let DiscordSettings { token, api_base, request_pace } = discord.clone();
    let mut settings = RestConfig::new(api_base, token, user_agent(PROJECT_URL));
    settings.request_timeout = REQUEST_TIMEOUT;
    settings.pace = request_pace;
    Ok(Client::new(settings)?)
}

/// Where the gateway is, for those who connect to it.
async fn gateway(config: &Config, rest: &Rest) -> Result<Option<GatewayAccess>, AppError> {
    let (ProcessRole::All(serving) | ProcessRole::Gateway(serving)) = config.role else { return Ok(None) };
    let GatewayBot { url, shards: recommended, session_start_limit } = ask(|| rest.gateway_bot()).await?;
    let shards = match serving {
        ShardSelection::Recommended => Shards::all(recommended),
        ShardSelection::These(shards) => shards,
    };
    let SessionStartLimit { total, remaining, reset_after, max_concurrency } = session_start_limit;
    let limit = SessionLimit { total, remaining, reset_after: Duration::from_millis(reset_after) };
    let budget = Arc::new(Mutex::new(SessionBudget::new(limit, Instant::now())));
    let sessions = SessionsLeft { budget, at_once: max_concurrency };
    Ok(Some(GatewayAccess { url, shards, sessions }))
}

/// Registers the commands at Discord, until it succeeds. They belong to the bot and not to a shard, so one
/// process does it. `web` says whether there are web pages. Returns only if the token is rejected.
pub(super) async fn register_commands(rest: &Rest, identity: Identity, web: bool) -> AppError {
    let commands = docs::offered(web);
    let (mut wait, longest) = REGISTER_AGAIN;
    loop {
        match rest.set_global_commands(identity.application, &commands).await {
            Ok(_) => {
                tracing::info!(commands = commands.len(), "the commands are registered");
                return std::future::pending().await;
            }
            Err(RestError::Unauthorized) => return FatalGateway::TokenRejected.into(),
            Err(error) => {
                let call = "PUT /applications/{id}/commands";
                tracing::warn!(
                    call,
                    %error,
                    again_in = wait.as_secs(),
                    "the commands could not be registered, so those of the last start stay; all else goes on"
                );
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

/// Repeats a question until Discord answers it, one way or the other.
async fn ask<T>(question: impl AsyncFn() -> Result<T, RestError>) -> Result<T, AppError> {
    let mut pause = RetryDelay::default();
    loop {
        match question().await {
            Ok(answer) => return Ok(answer),
            Err(RestError::Unauthorized) => return Err(FatalGateway::TokenRejected.into()),
            Err(error) if error.passes() => {
                let wait = pause.next();
                tracing::warn!(%error, again_in = wait.as_secs(), "Discord can't be reached yet");
                tokio::time::sleep(wait).await;
            }
            Err(error) => return Err(AppError::Refused(error)),
        }
    }
}
