//! The connection to Discord's gateway: serenity keeps it, events leave it in order, and its state is known to readiness and metrics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use poise::serenity_prelude as serenity;
use secrecy::{ExposeSecret, SecretString};
use serenity::futures::StreamExt;
use serenity::gateway::{GatewayError, ShardStageUpdateEvent};
use serenity::{ConnectionStage, GatewayIntents, Interaction, ShardId};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::domain::shards::{Shard, Shards};
use crate::service::intake::{self, Intake, Report};
use crate::service::upkeep::Upkeep;
use crate::supervisor::Supervisor;

use super::commands::Commands;
use super::ids::IntoDomain;
use super::ingest::{self, Queues};
use super::shards::{self, GatewayState};
use super::{Bot, components, panel, undecoded};

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

/// Whether the gateway is to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It isn't.
    No,
    /// The process ends: what was read is written down first.
    Goodbye,
    /// Another process serves these shards, and writes down what happens there; what is written from here now could be older.
    AtOnce,
}

/// Where Discord is, for the gateway's own calls.
pub struct Endpoint {
    /// The bot's token.
    pub token: SecretString,
    /// Scheme, host and port of the API.
    pub api_base: String,
    /// The gateway's address, as Discord named it.
    pub gateway_url: String,
    /// The shards to start.
    pub shards: Shards,
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

/// Stays connected until it is to leave, or until the connection is refused for good. Events that were read by then are written down
/// before this returns, if there is time for it.
pub async fn run(
    endpoint: &Endpoint,
    sinks: Sinks,
    supervisor: &Supervisor,
    mut leave: watch::Receiver<Leave>,
) -> Result<(), FatalGateway> {
    let (reports, reported) = intake::queue();
    let (changes, changed) = unbounded_channel();
    let (intake, upkeep) = (Arc::clone(&sinks.intake), Arc::clone(&sinks.upkeep));
    // They end when the queues do, and those end with this.
    let (serving, served) = watch::channel(());
    let may_end = move || served.has_changed().is_err();
    let mut writing =
        supervisor.spawn_until("intake", may_end.clone(), async move { intake.run(reported).await });
    let reflecting = supervisor.spawn_until("upkeep", may_end, async move { upkeep.run(changed).await });
    let queues = Queues { reports, changes };
    // Declared last, so that it goes first, also where all this is given up.
    let serving = serving;
    let mut patience = shards::PATIENCE;
    let ended = loop {
        let begun = Instant::now();
        if let Some(ended) = connect(endpoint, &sinks, &queues, &mut leave, patience).await {
            break ended;
        }
        let lasted = begun.elapsed() > shards::LONGEST_PATIENCE;
        patience = if lasted { shards::PATIENCE } else { (patience * 2).min(shards::LONGEST_PATIENCE) };
    };
    // Nobody else holds the queues any more: what was read is written down, and the writing ends.
    drop(serving);
    drop(queues);
    reflecting.end().await;
    let at_once = *leave.borrow() == Leave::AtOnce;
    if !at_once && tokio::time::timeout(LAST_WORDS, writing.join()).await.is_err() {
        tracing::warn!(
            "some events were still being written down at the end; they are read again at the next start"
        );
    }
    writing.end().await;
    ended
}

/// One client, from its start to its end; `None` when its connection hung, and another is to be built.
async fn connect(
    endpoint: &Endpoint,
    sinks: &Sinks,
    queues: &Queues,
    leave: &mut watch::Receiver<Leave>,
    patience: Duration,
) -> Option<Result<(), FatalGateway>> {
    let handler = Handler {
        sinks: sinks.clone(),
        queues: queues.clone(),
        commands: Arc::new(Commands::new(Arc::clone(&sinks.bot))),
        total: endpoint.shards.total(),
        collectors: Mutex::default(),
    };
    let built = tokio::select! {
        built = build(endpoint, handler) => built,
        _ = leave.wait_for(|leave| *leave != Leave::No) => return Some(Ok(())),
    };
    let mut client = match built {
        Ok(client) => client,
        Err(error) => return Some(Err(error)),
    };
    let (manager, shards) = (Arc::clone(&client.shard_manager), endpoint.shards);
    let ended = tokio::select! {
        // Its range includes the last, other than the type says.
        ended = client.start_shard_range(shards.first()..shards.last(), shards.total()) => Some(ended.map_err(|error| fatal(&error))),
        _ = leave.wait_for(|leave| *leave != Leave::No) => Some(Ok(())),
        () = shards::watch(&manager, &sinks.state, patience) => None,
    };
    shards::leave(&manager, &sinks.state).await;
    ended
}

async fn build(endpoint: &Endpoint, handler: Handler) -> Result<serenity::Client, FatalGateway> {
    let commands = Arc::clone(&handler.commands);
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
    let client = serenity::ClientBuilder::new_with_http(http, INTENTS)
        .cache_settings(cache)
        .event_handler(handler)
        .await
        .map_err(|error| fatal(&error))?;
    commands.run_by(&client.shard_manager);
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
    queues: Queues,
    commands: Arc<Commands>,
    /// How many shards there are, those of others included.
    total: u32,
    /// A shard's way into the queues: ends with the connection that it was registered on, and lives through a resume.
    collectors: Mutex<HashMap<ShardId, JoinHandle<()>>>,
}

impl Handler {
    const fn shard(&self, id: ShardId) -> Shard {
        Shard { id: id.0, total: self.total }
    }

    /// Registers on a new connection. serenity tells of one in a task of its own, so its first events may be over by then: what they told is read
    /// once the collector stands.
    fn collect(&self, ctx: &serenity::Context) {
        let mut collectors = self.collectors.lock().unwrap_or_else(PoisonError::into_inner);
        if collectors.get(&ctx.shard_id).is_some_and(|collector| !collector.is_finished()) {
            return;
        }
        let Sinks { intake, upkeep, bot, .. } = self.sinks.clone();
        let queues = self.queues.clone();
        let http = Arc::clone(&ctx.http);
        queues.report(Report::Connecting(self.shard(ctx.shard_id)));
        self.sinks.state.connecting(self.shard(ctx.shard_id));
        // Nothing is collected: a collector is only the one place that sees events in the gateway's order, on the shard's own task.
        let mut nothing = Box::pin(serenity::collector::collect(&ctx.shard, move |event| {
            ingest::pass_on(&queues, &intake, &upkeep, event);
            ingest::watch_panels(&bot.panels, event);
            undecoded::answer(&http, &bot, event);
            None::<()>
        }));
        collectors.insert(ctx.shard_id, tokio::spawn(async move { while nothing.next().await.is_some() {} }));
    }
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
        let servers = ready.guilds.iter().map(|guild| guild.id.into_domain());
        self.sinks.state.found(self.shard(ctx.shard_id), servers);
        self.sinks.state.began(ctx.shard_id);
        // Only then: between a reading and a later registration, something could be missed.
        self.collect(&ctx);
        self.queues.report(Report::Connected(self.shard(ctx.shard_id)));
    }

    async fn resume(&self, ctx: serenity::Context, _: serenity::ResumedEvent) {
        tracing::info!(shard = ctx.shard_id.0, "gateway session resumed");
        self.sinks.state.connected_again(ctx.shard_id);
    }

    async fn guild_create(&self, _: serenity::Context, guild: serenity::Guild, _: Option<bool>) {
        self.sinks.state.joined(guild.id.into_domain());
    }

    async fn guild_delete(
        &self,
        _: serenity::Context,
        left: serenity::UnavailableGuild,
        _: Option<serenity::Guild>,
    ) {
        // `unavailable` means an outage: the bot is still a member.
        if !left.unavailable {
            self.sinks.state.left(left.id.into_domain());
        }
    }

    async fn interaction_create(&self, ctx: serenity::Context, interaction: Interaction) {
        match interaction {
            Interaction::Component(press) => components::answer(&ctx, &self.sinks.bot, &press).await,
            Interaction::Modal(sent) => panel::answer_sent(&ctx, &self.sinks.bot, &sent).await,
            other => self.commands.answer(&ctx, other).await,
        }
    }
}
