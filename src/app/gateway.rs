//! The part of a process that listens to Discord's gateway and answers people, as long as its shards are its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::discord::Bot;
use crate::discord::gateway::{self, Endpoint, Leave, Sinks};
use crate::discord::shards::GatewayState;
use crate::domain::allowance::Allowance;
use crate::panel;
use crate::service::intake::{Intake, Wake};
use crate::service::left_servers::LeftServers;
use crate::service::notify::Notifier;
use crate::service::others::Others;
use crate::service::panels::{Keeper, Panels};
use crate::service::retention::Retention;
use crate::service::upkeep::{GatewayView, Upkeep};
use crate::service::watch::Watched;
use crate::service::{Follows, Identity, Parts};
use crate::store::Store;

use super::seat::{Ear, Heard};
use super::start::{Gateway, Started, register_commands};
use super::{AppError, clock};

/// What the bot asks for when a server's admin invites it: View Channel, Send Messages, Manage Messages, Embed Links, Attach Files, Read Message History,
/// Manage Webhooks, Manage Threads.
const INVITE_PERMISSIONS: u64 = 1 << 10 | 1 << 11 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 29 | 1 << 34;
/// How long to wait before the database is asked again, once it didn't answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What a gateway part is built from.
pub(super) struct Term<'a> {
    pub(super) config: &'a Config,
    pub(super) started: &'a Started,
    pub(super) gateway: &'a Gateway,
    pub(super) store: Store,
    pub(super) wake: Wake,
    pub(super) state: Arc<GatewayState>,
    pub(super) ear: Ear,
}

impl Term<'_> {
    /// Builds the parts and runs them until it is to leave. Nothing of it is left when this returns.
    pub(super) async fn run(self, mut leave: watch::Receiver<Leave>) -> Result<(), AppError> {
        let Self { config, started, gateway, store, wake, state, ear } = self;
        let (identity, shards, clock) = (started.identity, gateway.shards, clock());
        let rest = started.rest.clone();
        if shards.keeps_house() {
            tokio::select! {
                registered = register_commands(&rest, identity) => registered?,
                _ = leave.wait_for(|leave| *leave != Leave::No) => return Ok(()),
            }
        }
        let watched = Arc::new(Watched::default());
        let parts = Parts { store, rest, clock, identity, watched, wake, shards };
        let upkeep = Arc::new(Upkeep::new(parts.clone()));
        upkeep.load_watched().await?;
        let intake = Arc::new(Intake::new(parts.clone(), config.catch_up));
        let settings = panel::Settings {
            monitoring_guilds: config.panel_monitoring_guilds.clone(),
            private_addresses: config.panel_private_addresses,
            part: (!shards.is_all()).then_some(shards),
        };
        let sources = panel::Sources::new(parts.store.clone(), parts.rest.clone(), clock, settings);
        let panels = Arc::new(Panels::new(parts.clone(), started.brand.clone(), sources));

        // They end with this set.
        let mut tasks = JoinSet::new();
        let view: Arc<dyn GatewayView> = Arc::<GatewayState>::clone(&state);
        tasks.spawn(Arc::clone(&upkeep).sweep(Arc::clone(&view)));
        let left = LeftServers::new(parts.clone(), view);
        tasks.spawn(async move { left.run().await });
        tasks.spawn(Keeper::new(Arc::clone(&panels)).run());
        let others =
            Others::new(parts.clone(), Arc::clone(&upkeep), Arc::clone(&intake), Arc::clone(&panels));
        tasks.spawn(hear(ear, others));
        if shards.keeps_house() {
            let notifier = Notifier::new(parts.store.clone(), parts.rest.clone());
            tasks.spawn(async move { notifier.run().await });
            let retention = Retention::new(parts.clone(), config.keeping);
            tasks.spawn(async move { retention.run().await });
        }

        let allowance = Allowance::new(config.follow_actions_per_hour);
        let follows = Follows::new(parts, Arc::clone(&intake), allowance);
        let invite = invite(identity);
        tracing::info!(invite, "invite the bot with this link");
        let bot = Bot { follows, panels, started_at: clock.now(), gateway: Arc::clone(&state), invite };
        let endpoint = Endpoint {
            token: config.token.clone(),
            api_base: config.api_base.origin().ascii_serialization(),
            gateway_url: gateway.url.clone(),
            shards,
        };
        let sinks = Sinks { intake, upkeep, bot: Arc::new(bot), state };
        let ended = gateway::run(&endpoint, sinks, leave).await;
        tasks.shutdown().await;
        Ok(ended?)
    }
}

/// Takes up what other processes tell.
async fn hear(mut ear: Ear, others: Others) {
    loop {
        let heard = ear.next().await;
        let taken = match &heard {
            Heard::Signal(signal) => others.take(signal).await,
            Heard::Gap => others.take_all().await,
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "what another process told can't be taken up yet");
            // Whatever it was, all is asked of the database until that answers.
            while others.take_all().await.is_err() {
                tokio::time::sleep(ASK_AGAIN).await;
            }
        }
    }
}

/// The link with which a server's admin invites the bot.
fn invite(identity: Identity) -> String {
    let application = identity.application;
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot%20applications.commands&permissions={INVITE_PERMISSIONS}"
    )
}
