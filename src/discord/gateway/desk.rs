//! Answers people's commands, presses and forms, with serenity's models and poise. Both need a serenity
//! `Context`, and serenity makes one only for a shard that it has connected itself. So one shard is connected
//! to this process's own loopback, and never run. What needs a running shard (collectors,
//! `poise::execute_modal`, presences) doesn't work, and clippy.toml forbids it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use poise::serenity_prelude as serenity;
use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use serenity::{
    GatewayIntents, Interaction, ShardId, ShardInfo, ShardManager, ShardManagerOptions, ShardMessenger,
    ShardRunner, ShardRunnerOptions,
};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, RwLock};
use tokio::time::timeout;
use tracing::Instrument;

use crate::domain::clock::Clock;
use crate::domain::ids::MessageId;
use crate::metrics as names;

use super::super::commands::Commands;
use super::super::{Bot, components, panel};
use super::connection::Sent;
use super::events::Fields;
use super::{Endpoint, FatalGateway, undecoded};

/// How long the process may take to connect to itself.
const LOOPBACK: Duration = Duration::from_secs(10);
/// Discord: an interaction must be answered within three seconds. The rest allows for a clock that is off.
const ANSWERED_WITHIN: TimeDelta = TimeDelta::seconds(15);

/// Answers interactions.
pub(super) struct Desk {
    ctx: serenity::Context,
    commands: Commands,
    bot: Arc<Bot>,
    clock: Clock,
    /// Where the answering tasks run: not on the reading thread.
    main_runtime: Handle,
}

impl Desk {
    /// A desk that answers through this endpoint.
    pub(super) async fn open(endpoint: &Endpoint, bot: Arc<Bot>) -> Result<Self, FatalGateway> {
        // As the rest client: to the base address itself, past any proxy that the environment names.
        let client = reqwest::Client::builder().no_proxy().build().map_err(|_| FatalGateway::Ended)?;
        // The base address, here called a proxy, is only heeded with serenity's limiter off; the rest client
        // has its own.
        let http = serenity::HttpBuilder::new(endpoint.token.expose_secret())
            .client(client)
            .proxy(endpoint.api_base.as_str())
            .ratelimiter_disabled(true)
            .application_id(serenity::ApplicationId::new(endpoint.application.get()))
            .build();
        let connecting = timeout(LOOPBACK, context(Arc::new(http)));
        let (ctx, manager) = connecting.await.ok().flatten().ok_or(FatalGateway::NoLoopback)?;
        let commands = Commands::new(Arc::clone(&bot), manager);
        Ok(Self { ctx, commands, bot, clock: endpoint.clock, main_runtime: Handle::current() })
    }

    /// Answers an interaction in a task of its own. One that was sent while nobody listened, and is too old
    /// to be answered, isn't carried out: Discord has told the person that it failed.
    pub(super) fn answer(self: &Arc<Self>, interaction: &RawValue, sent: Sent) {
        if sent == Sent::Before && is_late(interaction, self.clock.now()) {
            tracing::info!("a command or press of the time in which nobody listened is not carried out");
            return;
        }
        let (desk, interaction) = (Arc::clone(self), interaction.to_owned());
        if Fields::of(&interaction).guild().is_some_and(|guild| !self.bot.admission.serves(guild)) {
            self.main_runtime.spawn(async move { undecoded::refuse(&desk.ctx.http, &interaction).await });
            return;
        }
        let span = {
            let fields = Fields::of(&interaction);
            let id = |id: Option<String>| id.unwrap_or_default();
            tracing::info_span!(
                "interaction",
                interaction = id(fields.id::<MessageId>().map(|id| id.to_string())),
                server = id(fields.guild().map(|guild| guild.to_string())),
                channel = id(fields.channel().map(|channel| channel.to_string())),
            )
        };
        let answering = async move {
            match serde_json::from_str::<Interaction>(interaction.get()) {
                Ok(Interaction::Component(press)) => components::answer(&desk.ctx, &desk.bot, &press).await,
                Ok(Interaction::Modal(sent)) => panel::answer_form(&desk.ctx, &desk.bot, &sent).await,
                Ok(other) => desk.commands.answer(&desk.ctx, other).await,
                // The error's text could quote what people wrote.
                Err(_) => {
                    metrics::counter!(names::EVENTS_UNREADABLE, "event" => "INTERACTION_CREATE").increment(1);
                    undecoded::answer(&desk.ctx.http, &desk.bot, &interaction).await;
                }
            }
        };
        self.main_runtime.spawn(answering.instrument(span));
    }
}

/// Whether Discord no longer accepts an answer.
fn is_late(interaction: &RawValue, now: DateTime<Utc>) -> bool {
    let made_at = Fields::of(interaction).id::<MessageId>().map(MessageId::created_at);
    made_at.is_none_or(|made_at| now - made_at > ANSWERED_WITHIN)
}

/// A context for a shard that isn't run, and the shard manager that poise asks for.
async fn context(http: Arc<serenity::Http>) -> Option<(serenity::Context, Arc<ShardManager>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.ok()?;
    let url = Arc::new(Mutex::new(format!("ws://{}", listener.local_addr().ok()?)));
    let data: Arc<RwLock<_>> = Arc::default();
    let cache = Arc::new(serenity::Cache::new());
    let shard_id = ShardId(0);
    let intents = GatewayIntents::empty();
    let accept = async { tokio_tungstenite::accept_async(listener.accept().await.ok()?.0).await.ok() };
    let info = ShardInfo { id: shard_id, total: 1 };
    let connect = async { serenity::Shard::new(Arc::clone(&url), "", info, intents, None).await.ok() };
    let (Some(_), Some(shard)) = tokio::join!(accept, connect) else { return None };
    let (manager, _) = ShardManager::new(ShardManagerOptions {
        data: Arc::clone(&data),
        event_handlers: Vec::new(),
        raw_event_handlers: Vec::new(),
        framework: Arc::new(OnceLock::new()),
        shard_index: 0,
        shard_init: 0,
        shard_total: 0,
        ws_url: url,
        cache: Arc::clone(&cache),
        http: Arc::clone(&http),
        intents,
        presence: None,
    });
    // It has begun to wait for shards to start; there are none.
    manager.shutdown_all().await;
    let runner = ShardRunner::new(ShardRunnerOptions {
        data: Arc::clone(&data),
        event_handlers: Vec::new(),
        raw_event_handlers: Vec::new(),
        framework: None,
        manager: Arc::clone(&manager),
        shard,
        cache: Arc::clone(&cache),
        http: Arc::clone(&http),
    });
    let ctx = serenity::Context { data, shard: ShardMessenger::new(&runner), shard_id, http, cache };
    Some((ctx, manager))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discord_takes_an_answer_for_a_few_seconds() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let late = |age: i64| {
            let id = MessageId::first_at(now - TimeDelta::seconds(age));
            is_late(&RawValue::from_string(format!(r#"{{"id":"{id}"}}"#)).unwrap(), now)
        };
        assert!(!late(0) && !late(3) && late(20));
        assert!(is_late(&RawValue::from_string("[]".to_owned()).unwrap(), now));
    }
}
