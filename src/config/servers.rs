//! Which servers the operator serves, and how many follows they may have.

use crate::domain::ids::GuildId;
use crate::domain::servers::{FollowLimits, ServerLists};

use super::{ConfigError, Env};

/// What the settings say of servers.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// Which are served.
    pub lists: ServerLists,
    /// How many servers with follows or panels may be left because the list of allowed servers leaves them out; `None` for no bound.
    pub leave_at_most: Option<u32>,
}

/// The shortest id of a server has 17 digits; what has far fewer is no id.
const LEAST_DIGITS: usize = 15;

/// Whether an id of a server can be one, and isn't cut off.
fn is_whole(id: &str) -> bool {
    id.len() >= LEAST_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// A server's id, as somebody typed it.
pub fn server_id(text: &str) -> Option<GuildId> {
    text.parse().ok().filter(|_| is_whole(text))
}

impl Env<'_> {
    /// What subcommands need to know of servers, too.
    pub fn servers(&self) -> Result<ServerSettings, ConfigError> {
        let lists = ServerLists {
            allowed: self.listed("ALLOWED_SERVERS")?.into_iter().collect(),
            blocked: self.listed("BLOCKED_SERVERS")?.into_iter().collect(),
        };
        let leave_at_most = self.bound("LEAVE_SERVERS_AT_MOST", "Use 3, or 0 for no limit.")?;
        Ok(ServerSettings { lists, leave_at_most })
    }

    pub(super) fn follow_limits(&self) -> Result<FollowLimits, ConfigError> {
        Ok(FollowLimits {
            per_target: self.bound("FOLLOWS_PER_TARGET", "Use 500, or 0 for no limit.")?,
            per_source: self.bound("FOLLOWS_PER_SOURCE", "Use 100000, or 0 for no limit.")?,
            per_server: self.bound("FOLLOWS_PER_SERVER", "Use 10000, or 0 for no limit.")?,
        })
    }

    /// Servers of which an id that was cut off would mean another, or none.
    fn listed(&self, name: &'static str) -> Result<Vec<GuildId>, ConfigError> {
        self.guilds(name, is_whole)
    }

    /// Ids of servers with commas between them.
    pub(super) fn guilds(
        &self,
        name: &'static str,
        is_right: impl Fn(&str) -> bool,
    ) -> Result<Vec<GuildId>, ConfigError> {
        const REMEDY: &str = "Give ids with commas between them, such as 81384788765712384,613425648685547541: in Discord, Settings, Advanced, Developer Mode, then right-click the server, Copy Server ID.";
        let text = self.get_or_default(name);
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        let read = |id: &str| id.parse().ok().filter(|_| is_right(id));
        ids.map(|id| {
            read(id).ok_or_else(|| ConfigError::new(name, "has something that is no server's id", REMEDY))
        })
        .collect()
    }
}
