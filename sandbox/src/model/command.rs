//! Registered application commands.

use serde_json::Value;

use crate::ids::{CommandId, GuildId};

/// A command as the bot registered it, with Discord's additions.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) id: CommandId,
    pub(crate) version: u64,
    /// `None` for global commands.
    pub(crate) guild: Option<GuildId>,
    pub(crate) kind: u64,
    pub(crate) name: String,
    /// The registered JSON, checked.
    pub(crate) body: Value,
}
