//! The connection to Discord's gateway: serenity keeps it, events leave it in order, and its state is known to readiness and metrics.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use secrecy::{ExposeSecret, SecretString};
use serenity::futures::StreamExt;
use serenity::gateway::{GatewayError, ShardStageUpdateEvent};
use serenity::{ConnectionStage, Event, GatewayIntents, Interaction, ShardId};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::service::intake::Intake;
use crate::service::upkeep::Upkeep;

use super::ingest::{self, Incoming};
use super::{Bot, commands, components};

/// What the bot listens to. MESSAGE_CONTENT must be switched on in the developer portal.
const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::GUILD_WEBHOOKS)
    .union(GatewayIntents::MESSAGE_CONTENT);
/// How long leaving the gateway may take before the connection is simply dropped.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why the gateway can't be used at all. There is no point in trying again.
#[derive(Debug, thiserror::Error)]
pub enum FatalGateway {
    /// Close code 4004.
    #[error(
        "DISCORD_TOKEN was rejected by Discord. Open your application at https://discord.com/developers/applications, press Reset Token under Bot, and set DISCORD_TOKEN to what it shows."
    )]
    TokenRejected,
    /// Close code 4014 (or 4013).
    #[error(
        "an intent that DISCORD_TOKEN's application needs is not switched on. Open it at https://discord.com/developers/applications and switch on Message Content Intent under Bot, then start again."
    )]
    IntentNotSwitchedOn,
    /// Anything else that ends it.
    #[error(
        "the gateway connection ended for good; start again, and look at the log lines before this one for the cause"
    )]
    Ended,
}

/// Where Discord is, for the gateway's own calls.
pub struct Endpoint {
    /// The bot's token.
    pub token: SecretString,
    /// Scheme, host and port of the API.
    pub api_base: String,
    /// The gateway's address, as Discord named it.
    pub gateway_url: String,
}

/// What is known of the connection and of the servers behind it.
#[derive(Debug, Default)]
pub struct GatewayState {
    connected: Mutex<HashMap<ShardId, bool>>,
    guilds: Mutex<HashSet<serenity::GuildId>>,
}

impl GatewayState {
    /// Whether every shard that was started is connected, and there is one.
    pub fn is_up(&self) -> bool {
        let shards = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        !shards.is_empty() && shards.values().all(|connected| *connected)
    }

    /// How many servers the bot is in.
    pub fn guilds(&self) -> usize {
        self.guilds.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn set(&self, shard: ShardId, connected: bool) {
        let before = self.connected.lock().unwrap_or_else(PoisonError::into_inner).insert(shard, connected);
        if connected && before.is_some_and(|before| !before) {
            metrics::counter!(crate::metrics::GATEWAY_RECONNECTS).increment(1);
        }
    }

    fn note_guilds(&self, event: &Event) {
        let mut guilds = self.guilds.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Ready(ready) => guilds.extend(ready.ready.guilds.iter().map(|guild| guild.id)),
            Event::GuildCreate(created) => drop(guilds.insert(created.guild.id)),
            Event::GuildDelete(left) if !left.guild.unavailable => drop(guilds.remove(&left.guild.id)),
            _ => {}
        }
    }
}

/// Everything that events are given to.
pub struct Sinks {
    /// What happens in followed channels.
    pub intake: Arc<Intake>,
    /// What may break follows.
    pub upkeep: Arc<Upkeep>,
    /// Commands and buttons.
    pub bot: Arc<Bot>,
    /// The connection's state.
    pub state: Arc<GatewayState>,
}

/// Stays connected until `shutdown` says otherwise, or until the connection is refused for good. Events that were read by then are written down
/// before this returns.
pub async fn run(
    endpoint: &Endpoint,
    sinks: Sinks,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), FatalGateway> {
    let (queue, received) = ingest::queue();
    let Sinks { intake, upkeep, bot, state } = sinks;
    let writing = tokio::spawn(ingest::run(received, Arc::clone(&intake), Arc::clone(&upkeep)));
    let handler =
        Handler { intake, upkeep, bot: Arc::clone(&bot), state, queue, collectors: Mutex::default() };
    let mut client = build(endpoint, handler, bot).await?;
    let shards = Arc::clone(&client.shard_manager);
    let ended = tokio::select! {
        ended = client.start_autosharded() => ended.map_err(|error| fatal(&error)),
        _ = shutdown.wait_for(|stop| *stop) => Ok(()),
    };
    if tokio::time::timeout(GOODBYE, shards.shutdown_all()).await.is_err() {
        tracing::debug!("the gateway did not say goodbye in time");
    }
    // The handler holds the queue's sender; with the client gone, what was read is written down, and the writing ends.
    drop((client, shards));
    if tokio::time::timeout(GOODBYE, writing).await.is_err() {
        tracing::warn!(
            "some events were still being written down at the end; they are read again at the next start"
        );
    }
    ended
}

async fn build(
    endpoint: &Endpoint,
    handler: Handler,
    bot: Arc<Bot>,
) -> Result<serenity::Client, FatalGateway> {
    // The proxy is only heeded with serenity's limiter off; the rest client has its own.
    let http = serenity::HttpBuilder::new(endpoint.token.expose_secret())
        .proxy(endpoint.api_base.as_str())
        .ratelimiter_disabled(true)
        .build();
    let mut cache = serenity::cache::Settings::default();
    // Permissions are asked anew for each command, so nothing needs a copy of every server in memory.
    (cache.cache_guilds, cache.cache_channels, cache.cache_users, cache.max_messages) =
        (false, false, false, 0);
    let framework = poise::Framework::builder()
        .options(commands::framework_options())
        .setup(move |_, _, _| Box::pin(async move { Ok(bot) }))
        .build();
    let client = serenity::ClientBuilder::new_with_http(http, INTENTS)
        .cache_settings(cache)
        .framework(framework)
        .event_handler(handler)
        .await
        .map_err(|error| fatal(&error))?;
    // serenity falls back to the real gateway in silence where it can't ask for the address: it was asked for before.
    endpoint.gateway_url.clone_into(&mut *client.ws_url.lock().await);
    Ok(client)
}

fn fatal(error: &serenity::Error) -> FatalGateway {
    match error {
        serenity::Error::Gateway(GatewayError::InvalidAuthentication) => FatalGateway::TokenRejected,
        serenity::Error::Gateway(
            GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents,
        ) => FatalGateway::IntentNotSwitchedOn,
        _ => FatalGateway::Ended,
    }
}

struct Handler {
    intake: Arc<Intake>,
    upkeep: Arc<Upkeep>,
    bot: Arc<Bot>,
    state: Arc<GatewayState>,
    queue: UnboundedSender<Incoming>,
    /// A shard's way into the queue: ends with the connection that it was registered on, and lives through a resume.
    collectors: Mutex<HashMap<ShardId, JoinHandle<()>>>,
}

impl Handler {
    /// Registers on a new connection, before its first event.
    fn collect(&self, ctx: &serenity::Context) {
        let mut collectors = self.collectors.lock().unwrap_or_else(PoisonError::into_inner);
        if collectors.get(&ctx.shard_id).is_some_and(|collector| !collector.is_finished()) {
            return;
        }
        let (intake, upkeep, state) =
            (Arc::clone(&self.intake), Arc::clone(&self.upkeep), Arc::clone(&self.state));
        let mut events = Box::pin(serenity::collector::collect(&ctx.shard, move |event| {
            state.note_guilds(event);
            let incoming = ingest::extract(&intake, &upkeep, event);
            (!incoming.is_empty()).then_some(incoming)
        }));
        let queue = self.queue.clone();
        collectors.insert(
            ctx.shard_id,
            tokio::spawn(async move {
                while let Some(incoming) = events.next().await {
                    for one in incoming {
                        // The other end lives until all of these are gone.
                        let _ = queue.send(one);
                    }
                }
            }),
        );
    }
}

#[serenity::async_trait]
impl serenity::EventHandler for Handler {
    async fn shard_stage_update(&self, ctx: serenity::Context, event: ShardStageUpdateEvent) {
        if event.new != ConnectionStage::Disconnected {
            self.collect(&ctx);
        }
        self.state.set(event.shard_id, event.new == ConnectionStage::Connected);
    }

    async fn ready(&self, ctx: serenity::Context, ready: serenity::Ready) {
        tracing::info!(shard = ctx.shard_id.0, servers = ready.guilds.len(), "connected to the gateway");
        self.state.set(ctx.shard_id, true);
    }

    async fn resume(&self, ctx: serenity::Context, _: serenity::ResumedEvent) {
        tracing::info!(shard = ctx.shard_id.0, "gateway session resumed");
        self.state.set(ctx.shard_id, true);
    }

    async fn interaction_create(&self, ctx: serenity::Context, interaction: Interaction) {
        if let Interaction::Component(press) = interaction {
            components::answer(&ctx, &self.bot, &press).await;
        }
    }
}
