//! Users, guilds, and what connects them: roles and members.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ids::{GuildId, RoleId, UserId};
use crate::permissions::Permissions;

/// A person, or the bot.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) username: String,
    pub(crate) global_name: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) bot: bool,
    /// Takes no direct messages from members of servers.
    pub(crate) closed: bool,
}

impl User {
    /// The name that people see outside servers.
    pub(crate) fn display_name(&self) -> &str {
        self.global_name.as_deref().unwrap_or(&self.username)
    }
}

/// A role of a guild.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
    pub(crate) position: u32,
    pub(crate) mentionable: bool,
    /// The bot that this role was created for when it joined.
    pub(crate) bot: Option<UserId>,
}

/// A user in a guild.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) nick: Option<String>,
    pub(crate) roles: Vec<RoleId>,
    pub(crate) joined_at: DateTime<Utc>,
    /// The time until which they may only read.
    pub(crate) timed_out_until: Option<DateTime<Utc>>,
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Guild {
    pub(crate) id: GuildId,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    /// 0 to 3; the maximum size of files depends on it.
    pub(crate) boost_level: u8,
    pub(crate) roles: BTreeMap<RoleId, Role>,
    pub(crate) members: BTreeMap<UserId, Member>,
    /// An outage: Discord can't serve this guild for a while. The bot is still in it.
    pub(crate) unavailable: bool,
}
