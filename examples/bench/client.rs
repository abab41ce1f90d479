//! What the bot's CPU use is measured against: a client of the same library that receives the same events,
//! and does nothing with them.

use poise::serenity_prelude as serenity;
use serde::{Deserialize, Serialize};
use serenity::GatewayIntents;

use crate::Failure;
use crate::child::{self, Part};
use crate::discord::Stage;
use crate::process::Process;

pub(crate) const PART: &str = "client";

/// Where it connects.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    base: String,
    token: String,
}

/// A connected client.
pub(crate) struct Client(Part);

impl Client {
    /// Connects with the bot's intents.
    pub(crate) fn start(stage: &Stage) -> Result<Self, Failure> {
        let mut part = Part::start(PART)?;
        let sandbox = &stage.sandbox;
        let order = Order { base: sandbox.base().to_owned(), token: sandbox.token().to_owned() };
        let () = part.ask(&order)?;
        Ok(Self(part))
    }

    pub(crate) fn process(&self) -> Process {
        self.0.process()
    }
}

struct Nothing;

impl serenity::EventHandler for Nothing {}

/// The process's main function.
pub(crate) async fn play() -> Result<(), Failure> {
    let Some(order) = child::order::<Order>()? else { return Ok(()) };
    let http = serenity::HttpBuilder::new(&order.token).proxy(order.base.as_str()).ratelimiter_disabled(true);
    let mut cache = serenity::cache::Settings::default();
    (cache.cache_guilds, cache.cache_channels, cache.cache_users, cache.max_messages) =
        (false, false, false, 0);
    let intents = GatewayIntents::GUILDS
        | GatewayIntents::GUILD_MESSAGES
        | GatewayIntents::GUILD_WEBHOOKS
        | GatewayIntents::MESSAGE_CONTENT;
    let mut client = serenity::ClientBuilder::new_with_http(http.build(), intents)
        .cache_settings(cache)
        .event_handler(Nothing)
        .await?;
    child::done(&())?;
    Ok(client.start().await?)
}
