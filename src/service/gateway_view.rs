//! What the gateway knows of servers, as the use cases see it.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::ids::GuildId;

/// What the gateway has said of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The bot is in it.
    Member,
    /// The current session of its shard doesn't name it, or said that the bot was removed.
    NotMember,
    /// Its shard has no session yet.
    Unknown,
}

/// What the gateway knows of servers. Only the gateway's word makes a server one that the bot has left.
pub trait GatewayView: Send + Sync {
    /// Whether the bot is in a server.
    fn membership(&self, guild: GuildId) -> Membership;
    /// How old the current session of a server's shard is: nobody was told what happened before.
    fn session_age(&self, guild: GuildId) -> Option<Duration>;
    /// The servers that the bot is in.
    fn servers(&self) -> HashSet<GuildId>;
    /// Changes with each session that begins.
    fn sessions(&self) -> watch::Receiver<u64>;
}
