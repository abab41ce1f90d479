//! The state between the bot and Discord: connected or not, requests, and the active faults.

use serde_json::{Value, json};

use super::words;
use crate::shared::Shared;

pub(super) fn status(shared: &Shared) -> String {
    let counts = shared.counts();
    let (connected, reachable, commands) = shared
        .read(|world| (world.gateway.connected(), world.gateway.is_reachable(), world.commands_written));
    let faults: Vec<Value> = shared
        .faults
        .planted()
        .into_iter()
        .map(|(id, fault, hits)| {
            let left = (fault.left != u64::MAX).then_some(fault.left);
            json!({ "id": id.0, "what": words::fault(&fault), "left": left, "hits": hits })
        })
        .collect();
    json!({
        "kind": "status",
        "connected": connected,
        "reachable": reachable,
        "commands": commands,
        "requests": counts.requests,
        "rate_limited": counts.rate_limited,
        "invalid": counts.invalid,
        "unknown_routes": counts.unknown_routes,
        "latency": u64::try_from(super::trouble::latency(shared).as_millis()).unwrap_or(u64::MAX),
        "faults": faults,
    })
    .to_string()
}
