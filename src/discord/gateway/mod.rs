//! The connection to Discord's gateway, read as raw JSON.
//!
//! ```text
//! sessions ─► shard_link (one shard's connection) ─► frame ─► ingest (on the shard's own task)
//!                                                               ├─► intake, upkeep
//!                                                               └─► desk (a task for each)
//!                                                                     └─► commands, presses, forms
//! ```
//! Events are passed on in the gateway's order and as Discord sent them. What is needed at once is read
//! leniently (`events`); what happened in followed channels is passed on whole.

mod address;
mod connection;
mod desk;
mod events;
mod frame;
mod ingest;
mod lenient;
mod loss;
mod permissions_digest;
mod reading;
mod sessions;
mod shard_link;
mod skim;
mod threads;
mod undecoded;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use twilight_gateway::{ConfigBuilder, Intents};

use crate::domain::clock::Clock;
use crate::domain::gateway_session::GatewaySession;
use crate::domain::ids::ApplicationId;
use crate::domain::shards::Shards;
use crate::service::intake::{self, Intake};
use crate::service::upkeep::Upkeep;
use crate::supervisor::Supervisor;

use self::desk::Desk;
use self::ingest::{Ingest, Queues};
use self::reading::ReadingThread;
use self::sessions::Sessions;
pub use self::sessions::SessionsLeft;
use self::shard_link::ShardLink;
use super::Bot;
use super::shards::GatewayState;

/// What the bot listens to. MESSAGE_CONTENT must be switched on in the developer portal.
const INTENTS: Intents = Intents::GUILDS
    .union(Intents::GUILD_MESSAGES)
    .union(Intents::GUILD_WEBHOOKS)
    .union(Intents::MESSAGE_CONTENT);
/// How long it may take at the end to write down what was read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the gateway can't be used at all. Trying again is pointless.
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
    /// The process couldn't connect to itself.
    #[error(
        "the program can't connect with itself on 127.0.0.1, as it must once at its start. See that the loopback interface is up, and that nothing keeps programs from using it."
    )]
    NoLoopback,
    /// Anything else that ends it.
    #[error(
        "the gateway connection ended for good; start again, and look at the log lines before this one for the cause"
    )]
    Ended,
}

impl FatalGateway {
    /// What a close code means after which trying again is pointless. Discord: "Gateway Close Event Codes".
    const fn of_close(code: Option<u16>) -> Self {
        match code {
            Some(4004) => Self::TokenRejected,
            Some(4013 | 4014) => Self::IntentNotSwitchedOn,
            _ => Self::Ended,
        }
    }
}

/// Whether to leave the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Stay.
    No,
    /// The process ends: what was read is written down first.
    Goodbye,
    /// Another process serves these shards, and writes down what happens there; anything written from here
    /// could be older.
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
    /// The application's id.
    pub application: ApplicationId,
    /// The shards to start.
    pub shards: Shards,
    /// How many sessions may begin.
    pub sessions: SessionsLeft,
    /// Those that can be resumed.
    pub resumed: Vec<GatewaySession>,
    /// The current time.
    pub clock: Clock,
}

/// Everything that receives events.
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

/// What the bot listens to, as a number. Discord: "Gateway Intents".
pub const fn intents() -> u64 {
    INTENTS.bits()
}

/// Stays connected until it has to leave, or until the connection is refused for good. Events that were read
/// by then are written down before this returns, if there is time. Returns the sessions that can be resumed:
/// everything that they delivered is written down, or waits for the reading of its source.
pub async fn run(
    endpoint: &Endpoint,
    sinks: Sinks,
    supervisor: &Supervisor,
    mut leave: watch::Receiver<Leave>,
) -> Result<Vec<GatewaySession>, FatalGateway> {
    let (events, receiver) = intake::event_queue();
    let (changes, changed) = unbounded_channel();
    let (intake, upkeep) = (Arc::clone(&sinks.intake), Arc::clone(&sinks.upkeep));
    // They end when the queues do, and those end with this.
    let (serving, served) = watch::channel(());
    let may_end = move || served.has_changed().is_err();
    let mut writing =
        supervisor.spawn_until("intake", may_end.clone(), async move { intake.run(receiver).await });
    let mut reflecting = supervisor.spawn_until("upkeep", may_end, async move { upkeep.run(changed).await });
    let queues = Queues { events, changes };
    // Declared last, so that it goes first, also where all this is given up.
    let serving = serving;
    let ended = listen(endpoint, sinks, &queues, supervisor, &mut leave).await;
    // Nobody else holds the queues any more: what was read is written down, and the writing ends.
    drop(serving);
    drop(queues);
    let at_once = *leave.borrow() == Leave::AtOnce;
    let written = !at_once && {
        let last = async { tokio::join!(writing.join(), reflecting.join()) };
        tokio::time::timeout(LAST_WORDS, last).await.is_ok()
    };
    if !at_once && !written {
        tracing::warn!(
            "some events were still being written down at the end; they are read again at the next start"
        );
    }
    writing.end().await;
    reflecting.end().await;
    ended.map(|left| if written { left } else { Vec::new() })
}

/// Connects all shards. Ends when they have left, or when one can't be connected at all.
async fn listen(
    endpoint: &Endpoint,
    sinks: Sinks,
    queues: &Queues,
    supervisor: &Supervisor,
    leave: &mut watch::Receiver<Leave>,
) -> Result<Vec<GatewaySession>, FatalGateway> {
    // Where several libraries bring a provider of their own, rustls can't choose.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some(address) = address::address(&endpoint.gateway_url) else {
        tracing::error!("Discord named an address for its gateway that is none");
        return Err(FatalGateway::Ended);
    };
    let desk = tokio::select! {
        desk = Desk::open(endpoint, Arc::clone(&sinks.bot)) => Arc::new(desk?),
        _ = leave.wait_for(|leave| *leave != Leave::No) => return Ok(endpoint.resumed.clone()),
    };
    let (sessions, allowing) = Sessions::new(&endpoint.sessions);
    let allowing = supervisor.spawn_until("gateway: sessions", || true, allowing.run());
    let config = ConfigBuilder::new(endpoint.token.expose_secret().to_owned(), INTENTS)
        .proxy_url(address)
        .queue(sessions)
        .build();
    let thread = ReadingThread::start().map_err(|error| {
        tracing::error!(%error, "there is no thread for reading the gateway");
        FatalGateway::Ended
    })?;
    let main_runtime = Handle::current();
    let (over, mut ends) = unbounded_channel();
    let mut links = Vec::new();
    for shard in endpoint.shards.each() {
        let (sinks, queues, desk) = (sinks.clone(), queues.clone(), Arc::clone(&desk));
        let session = endpoint.resumed.iter().find(|session| session.shard == shard).cloned();
        let link = ShardLink::new(
            config.clone(),
            Ingest { shard, sinks, queues, desk, main_runtime: main_runtime.clone() },
            session,
        );
        let (reading, over) = (thread.run(link.run(leave.clone())), over.clone());
        links.push(supervisor.spawn_until("gateway: shard", || true, async move {
            let _ = over.send(reading.await.unwrap_or(Err(FatalGateway::Ended)));
        }));
    }
    drop(over);
    let mut ended = Ok(Vec::new());
    while let (Ok(left), Some(end)) = (&mut ended, ends.recv().await) {
        match end {
            Ok(session) => left.extend(session),
            Err(error) => ended = Err(error),
        }
    }
    for link in links {
        link.end().await;
    }
    allowing.end().await;
    ended
}
