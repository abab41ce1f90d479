//! How a session starts: IDENTIFY with its checks, READY and the guilds, and RESUME.

use serde_json::{Value, json};

use super::hub::Link;
use super::intents::Intents;
use crate::ids::GuildId;
use crate::wire;
use crate::world::World;

/// Why a socket is closed instead.
pub(crate) struct Closed(pub(crate) u16, pub(crate) &'static str);

impl World {
    /// IDENTIFY. Discord closes with 4004 for a wrong token, 4010 for a wrong shard, 4013 and 4014 for wrong
    /// intents.
    pub(crate) fn identify(&mut self, data: &Value, link: Link) -> Result<String, Closed> {
        if data["token"].as_str().map(without_prefix) != Some(self.app.token.as_str()) {
            return Err(Closed(4004, "Authentication failed."));
        }
        let Some(intents) = data["intents"].as_u64().and_then(Intents::from_bits) else {
            return Err(Closed(4013, "Invalid intent(s)."));
        };
        let refused = intents.intersection(Intents::PRIVILEGED).difference(self.config.privileged_intents);
        if !refused.is_empty() {
            return Err(Closed(4014, "Disallowed intent(s)."));
        }
        let shard = match &data["shard"] {
            Value::Null => (0, 1),
            shard => match (shard[0].as_u64(), shard[1].as_u64()) {
                (Some(id), Some(count)) if id < count => (id, count),
                _ => return Err(Closed(4010, "Invalid shard.")),
            },
        };
        let id = self.gateway.open(intents, shard, link);
        self.greet(&id, shard);
        Ok(id)
    }

    fn greet(&mut self, session: &str, shard: (u64, u64)) {
        let guilds: Vec<GuildId> = self
            .guilds
            .keys()
            .copied()
            .filter(|guild| self.bot_in(*guild))
            .filter(|guild| self.gateway.session(session).is_some_and(|s| s.takes(Some(*guild))))
            .collect();
        let unavailable: Vec<Value> =
            guilds.iter().map(|id| json!({ "id": id, "unavailable": true })).collect();
        let ready = json!({
            "v": 10,
            "user": wire::current_user(self),
            "guilds": unavailable,
            "session_id": session,
            "session_type": "normal",
            "resume_gateway_url": self.gateway_url(),
            "shard": [shard.0, shard.1],
            "application": { "id": self.app.id, "flags": wire::APPLICATION_FLAGS },
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "user_settings": {},
            "geo_ordered_rtc_regions": [],
            "_trace": [],
        });
        let capacity = self.config.resume_buffer;
        self.gateway.dispatch_to(session, "READY", &ready, capacity);
        for guild in guilds {
            if let Some(data) = wire::guild_create(self, guild) {
                self.gateway.dispatch_to(session, "GUILD_CREATE", &data, capacity);
            }
        }
    }

    /// RESUME; `Ok(false)` means that the session is invalid (op 9).
    pub(crate) fn resume(&mut self, data: &Value, link: Link) -> Result<Option<String>, Closed> {
        if data["token"].as_str().map(without_prefix) != Some(self.app.token.as_str()) {
            return Err(Closed(4004, "Authentication failed."));
        }
        let (Some(id), Some(seq)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
            return Err(Closed(4002, "Error while decoding payload."));
        };
        Ok(self.gateway.resume(id, seq, link).then(|| id.to_owned()))
    }

    /// Where sockets connect.
    pub(crate) fn gateway_url(&self) -> String {
        format!("{}/gateway", self.base.replacen("http", "ws", 1))
    }
}

fn without_prefix(token: &str) -> &str {
    token.strip_prefix("Bot ").unwrap_or(token)
}
