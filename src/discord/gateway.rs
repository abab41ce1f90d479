//! The connection to Discord's gateway: serenity keeps it, events leave it in order, and its state is known to readiness and metrics.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use poise::serenity_prelude as serenity;
use secrecy::{ExposeSecret, SecretString};
use serenity::futures::StreamExt;
use serenity::gateway::{GatewayError, ShardStageUpdateEvent};
use serenity::{ConnectionStage, Event, GatewayIntents, Interaction, ShardId};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::service::catch_up::Shard;
use crate::service::intake::Intake;
use crate::service::upkeep::Upkeep;

use super::ingest::{self, Incoming};
use super::shards::{self, GatewayState};
use super::{Bot, commands, components};

/// What the bot listens to. MESSAGE_CONTENT must be switched on in the developer portal.
const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::GUILD_WEBHOOKS)
    .union(GatewayIntents::MESSAGE_CONTENT);
/// How long writing down what was read may take at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
    /// How many shards to start, at least one, as Discord recommends.
    pub shards: u32,
}

/// Everything that events are given to.
#[derive(Clone)]
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
    let writing = tokio::spawn(ingest::run(received, Arc::clone(&sinks.intake), Arc::clone(&sinks.upkeep)));
    let mut patience = shards::PATIENCE;
    let ended = loop {
        let begun = Instant::now();
        if let Some(ended) = connect(endpoint, &sinks, &queue, &mut shutdown, patience).await {
            break ended;
        }
        let lasted = begun.elapsed() > shards::LONGEST_PATIENCE;
        patience = if lasted { shards::PATIENCE } else { (patience * 2).min(shards::LONGEST_PATIENCE) };
    };
    // Nobody else holds the queue any more: what was read is written down, and the writing ends.
    drop(queue);
    if tokio::time::timeout(LAST_WORDS, writing).await.is_err() {
        tracing::warn!(
            "some events were still being written down at the end; they are read again at the next start"
        );
    }
    ended
}

/// One client, from its start to its end; `None` when its connection hung, and another is to be built.
async fn connect(
    endpoint: &Endpoint,
    sinks: &Sinks,
    queue: &UnboundedSender<Incoming>,
    shutdown: &mut watch::Receiver<bool>,
    patience: Duration,
) -> Option<Result<(), FatalGateway>> {
    let handler = Handler {
        sinks: sinks.clone(),
        queue: queue.clone(),
        shards: endpoint.shards,
        collectors: Mutex::default(),
        collected: Arc::default(),
    };
    let built = tokio::select! {
        built = build(endpoint, handler, Arc::clone(&sinks.bot)) => built,
        _ = shutdown.wait_for(|stop| *stop) => return Some(Ok(())),
    };
    let mut client = match built {
        Ok(client) => client,
        Err(error) => return Some(Err(error)),
    };
    let manager = Arc::clone(&client.shard_manager);
    let ended = tokio::select! {
        ended = client.start_shards(endpoint.shards) => Some(ended.map_err(|error| fatal(&error))),
        _ = shutdown.wait_for(|stop| *stop) => Some(Ok(())),
        () = shards::watch(&manager, &sinks.state, patience) => None,
    };
    shards::leave(&manager, &sinks.state).await;
    ended
}

async fn build(
    endpoint: &Endpoint,
    handler: Handler,
    bot: Arc<Bot>,
) -> Result<serenity::Client, FatalGateway> {
    // As the rest client: to the base address itself, past any proxy that the environment names.
    let client = reqwest::Client::builder().no_proxy().build().map_err(|_| FatalGateway::Ended)?;
    // The base address, here called a proxy, is only heeded with serenity's limiter off; the rest client has its own.
    let http = serenity::HttpBuilder::new(endpoint.token.expose_secret())
        .client(client)
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
    sinks: Sinks,
    queue: UnboundedSender<Incoming>,
    /// How many shards there are.
    shards: u32,
    /// The messages that came in through a collector.
    collected: Arc<Mutex<Recent>>,
    /// A shard's way into the queue: ends with the connection that it was registered on, and lives through a resume.
    collectors: Mutex<HashMap<ShardId, JoinHandle<()>>>,
}

impl Handler {
    /// Registers on a new connection. serenity tells of one in a task of its own, together with its first event: what comes right behind
    /// may be over by then, and is [caught](Self::catch) elsewhere.
    fn collect(&self, ctx: &serenity::Context) {
        let mut collectors = lock(&self.collectors);
        if collectors.get(&ctx.shard_id).is_some_and(|collector| !collector.is_finished()) {
            return;
        }
        let Sinks { intake, upkeep, .. } = self.sinks.clone();
        let collected = Arc::clone(&self.collected);
        let mut events = Box::pin(serenity::collector::collect(&ctx.shard, move |event| {
            let incoming = ingest::extract(&intake, &upkeep, event);
            if let (Event::MessageCreate(created), false) = (event, incoming.is_empty()) {
                lock(&collected).insert(created.message.id);
            }
            (!incoming.is_empty()).then_some(incoming)
        }));
        let queue = self.queue.clone();
        // The other end lives until all of these are gone.
        let _ = queue.send(Incoming::Began(Shard { id: ctx.shard_id.0, of: self.shards }));
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

    /// Takes a message that was over before there was a collector. A collector sees an event before the event's own task begins, so what it
    /// hasn't seen by then, it never will.
    fn catch(&self, message: &serenity::Message) {
        let Some(incoming) = ingest::posted(&self.sinks.intake, message) else { return };
        if !lock(&self.collected).contains(message.id) {
            tracing::debug!("a message came before the collector");
            // The other end lives until all of these are gone.
            let _ = self.queue.send(incoming);
        }
    }
}

/// The newest messages of followed channels. What is forgotten too early is at worst written down twice, which the database ignores.
#[derive(Default)]
struct Recent(VecDeque<serenity::MessageId>);

impl Recent {
    const MOST: usize = 256;

    fn insert(&mut self, message: serenity::MessageId) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    fn contains(&self, message: serenity::MessageId) -> bool {
        self.0.contains(&message)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[serenity::async_trait]
impl serenity::EventHandler for Handler {
    async fn shard_stage_update(&self, ctx: serenity::Context, event: ShardStageUpdateEvent) {
        if event.new != ConnectionStage::Disconnected {
            self.collect(&ctx);
        }
        self.sinks.state.stage_changed();
    }

    async fn ready(&self, ctx: serenity::Context, ready: serenity::Ready) {
        tracing::info!(shard = ctx.shard_id.0, servers = ready.guilds.len(), "connected to the gateway");
        self.sinks.state.joined(ready.guilds.iter().map(|guild| guild.id));
        self.sinks.state.began(ctx.shard_id);
    }

    async fn resume(&self, ctx: serenity::Context, _: serenity::ResumedEvent) {
        tracing::info!(shard = ctx.shard_id.0, "gateway session resumed");
        self.sinks.state.connected_again(ctx.shard_id);
    }

    async fn message(&self, _: serenity::Context, message: serenity::Message) {
        self.catch(&message);
    }

    async fn guild_create(&self, _: serenity::Context, guild: serenity::Guild, _: Option<bool>) {
        self.sinks.state.joined([guild.id]);
    }

    async fn guild_delete(
        &self,
        _: serenity::Context,
        left: serenity::UnavailableGuild,
        _: Option<serenity::Guild>,
    ) {
        // `unavailable` means an outage: the bot is still a member.
        if !left.unavailable {
            self.sinks.state.left(left.id);
        }
    }

    async fn interaction_create(&self, ctx: serenity::Context, interaction: Interaction) {
        if let Interaction::Component(press) = interaction {
            components::answer(&ctx, &self.sinks.bot, &press).await;
        }
    }
}
