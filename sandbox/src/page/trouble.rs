//! The faults that the page can cause.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::driver::{ActError, Channel};
use crate::faults::{Effect, Fault, FaultId, LimitScope};
use crate::gateway::{GatewayFault, GatewayOutage};
use crate::ids::{ChannelId, WebhookId};
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Trouble {
    /// All requests take this much longer; 0 ends that.
    Latency {
        ms: u64,
    },
    /// The next requests fail.
    Fail {
        how: How,
        times: u64,
        at: Place,
    },
    RemoveFault {
        id: u64,
    },
    /// Removes all faults, and makes the gateway reachable again.
    ClearFaults,
    Gateway {
        how: Disconnect,
    },
    DeleteWebhook {
        channel: ChannelId,
        webhook: WebhookId,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    InternalError,
    Unavailable,
    RateLimited,
    RequestLost,
    AnswerLost,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    All,
    Webhooks,
    Interactions,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Disconnect {
    Reconnect,
    InvalidSession,
    Close,
    Break,
    Unreachable,
}

/// How long an unreachable gateway stays so.
const OUTAGE: Duration = Duration::from_secs(15);

pub(super) fn cause(shared: &Arc<Shared>, trouble: Trouble) -> Result<(), ActError> {
    match trouble {
        Trouble::Latency { ms } => {
            let former = shared.faults.planted().into_iter();
            former
                .filter(|(_, fault, _)| delay(fault).is_some())
                .for_each(|(id, ..)| shared.faults.remove(id));
            if ms > 0 {
                let time = Duration::from_millis(ms.min(60_000));
                shared.faults.plant(Fault::on("*", ALL, Effect::Delay(time)).forever());
            }
        }
        Trouble::Fail { how, times, at } => {
            shared.faults.plant(Fault::on("*", pattern(&at), effect(&how)).times(times.clamp(1, 10_000)));
        }
        Trouble::RemoveFault { id } => shared.faults.remove(FaultId(id)),
        Trouble::ClearFaults => {
            shared.faults.clear();
            shared.write(|world| world.gateway.reachable_again());
        }
        Trouble::Gateway { how } => disconnect(shared, &how),
        Trouble::DeleteWebhook { channel, webhook } => {
            Channel::new(shared, channel).delete_webhook(webhook)?
        }
    }
    shared.ring();
    Ok(())
}

const ALL: &str = "/**";

/// By how much all requests are slowed down at least.
pub(super) fn latency(shared: &Shared) -> Duration {
    shared.faults.planted().iter().filter_map(|(_, fault, _)| delay(fault)).max().unwrap_or_default()
}

/// By how much a fault slows all requests down, if it does.
fn delay(fault: &Fault) -> Option<Duration> {
    match fault.effect {
        Effect::Delay(time) if fault.pattern == ALL && fault.left == u64::MAX => Some(time),
        _ => None,
    }
}

fn pattern(at: &Place) -> &'static str {
    match at {
        Place::All => ALL,
        Place::Webhooks => "/webhooks/**",
        Place::Interactions => "/interactions/**",
    }
}

fn effect(how: &How) -> Effect {
    match how {
        How::InternalError => Effect::Status(500),
        How::Unavailable => Effect::Status(503),
        How::RateLimited => {
            Effect::RateLimited { scope: LimitScope::User, retry_after: Duration::from_secs(2) }
        }
        How::RequestLost => Effect::DropRequest,
        How::AnswerLost => Effect::DropAnswer,
    }
}

fn disconnect(shared: &Shared, how: &Disconnect) {
    shared.write(|world| match how {
        Disconnect::Reconnect => world.gateway.strike(&GatewayFault::Reconnect),
        Disconnect::InvalidSession => world.gateway.strike(&GatewayFault::InvalidSession(false)),
        Disconnect::Close => world.gateway.strike(&GatewayFault::Close(4000)),
        Disconnect::Break => world.gateway.strike(&GatewayFault::Break),
        Disconnect::Unreachable => world.gateway.out_for(GatewayOutage::Unreachable, OUTAGE),
    });
}
