//! Which servers the operator serves, and how many follows they may have.

use crate::domain::ids::GuildId;
use crate::domain::servers::{FollowLimits, ServerLists};

use super::{ConfigError, Env};

/// What the settings say about servers.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// Which servers may use the bot.
    pub lists: ServerLists,
    /// How many servers with follows or panels the bot may leave because the list of allowed servers doesn't
    /// name them; `None` for no limit.
    pub leave_at_most: Option<u32>,
}

/// A server's id has at least 17 digits. A number with far fewer isn't one.
const LEAST_DIGITS: usize = 15;

/// Whether a text can be a server's id, and isn't cut off.
fn is_whole(id: &str) -> bool {
    id.len() >= LEAST_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// A server's id, as somebody typed it.
pub fn server_id(text: &str) -> Option<GuildId> {
    text.parse().ok().filter(|_| is_whole(text))
}

impl Env<'_> {
    /// The settings about servers, which subcommands need, too.
    pub fn servers(&self) -> Result<ServerSettings, ConfigError> {
        let lists = ServerLists {
            allowed: self.listed("ALLOWED_SERVERS")?.into_iter().collect(),
            blocked: self.listed("BLOCKED_SERVERS")?.into_iter().collect(),
        };
        let leave_at_most = self.limit("LEAVE_SERVERS_AT_MOST", "Use 3, or 0 for no limit.")?;
        Ok(ServerSettings { lists, leave_at_most })
    }

    pub(super) fn follow_limits(&self) -> Result<FollowLimits, ConfigError> {
        Ok(FollowLimits {
            per_target: self.limit("FOLLOWS_PER_TARGET", "Use 500, or 0 for no limit.")?,
            per_source: self.limit("FOLLOWS_PER_SOURCE", "Use 100000, or 0 for no limit.")?,
            per_server: self.limit("FOLLOWS_PER_SERVER", "Use 10000, or 0 for no limit.")?,
        })
    }

    /// A list of servers in which an id that was cut off must be refused: it would mean another server, or
    /// none.
    fn listed(&self, name: &'static str) -> Result<Vec<GuildId>, ConfigError> {
        self.guilds(name, is_whole)
    }

    /// Ids of servers, separated by commas.
    pub(super) fn guilds(
        &self,
        name: &'static str,
        is_right: impl Fn(&str) -> bool,
    ) -> Result<Vec<GuildId>, ConfigError> {
        const REMEDY: &str = "Give ids separated by commas, such as 81384788765712384,613425648685547541. To find one in Discord, switch on Settings, Advanced, Developer Mode, then right-click the server, Copy Server ID.";
        let text = self.get_or_default(name);
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        let read = |id: &str| id.parse().ok().filter(|_| is_right(id));
        ids.map(|id| {
            read(id).ok_or_else(|| ConfigError::new(name, "has something that isn't a server's id", REMEDY))
        })
        .collect()
    }
}
