//! What Discord answers about the application and its gateway.

use serde::Deserialize;

use super::lenient;
use crate::domain::ids::ApplicationId;

/// The bot's application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationInfo {
    /// Its id.
    pub id: ApplicationId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// What is switched on for it. Discord: "Application Flags".
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub flags: u64,
    /// In how many servers it is, about.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub approximate_guild_count: Option<u64>,
}

/// Where the gateway is, and how often it may be entered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GatewayBot {
    /// Its address, `wss://…`.
    pub url: String,
    /// How many shards Discord recommends.
    pub shards: u32,
    /// How many sessions may begin.
    pub session_start_limit: SessionStartLimit,
}

/// How many sessions may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SessionStartLimit {
    /// In a day.
    pub total: u32,
    /// Of these, still free.
    pub remaining: u32,
    /// Milliseconds until all are free again.
    pub reset_after: u64,
    /// At the same time, in 5 seconds.
    pub max_concurrency: u32,
}
