//! Servers, as far as permissions and panels need them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::lenient;
use crate::domain::ids::{GuildId, RoleId, UserId};
use crate::domain::permissions::{Permissions, Role};

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawGuild")]
pub struct Guild {
    /// Its id.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// Its owner, who may do everything.
    pub owner_id: UserId,
    /// All its roles, `@everyone` included.
    pub roles: Vec<Role>,
    /// What its roles are called.
    pub role_names: BTreeMap<RoleId, String>,
    /// How far it is boosted, 0 to 3. That decides how large files may be. Discord: "Premium Tier".
    pub premium_tier: u8,
}

/// A server as Discord writes it. Its roles hold both what permissions need and what people read.
#[derive(Deserialize)]
struct RawGuild {
    id: GuildId,
    #[serde(default, deserialize_with = "lenient::or_default")]
    name: String,
    owner_id: UserId,
    roles: Vec<RawRole>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    premium_tier: u8,
}

#[derive(Deserialize)]
struct RawRole {
    id: RoleId,
    #[serde(default, deserialize_with = "lenient::or_default")]
    name: String,
    #[serde(deserialize_with = "lenient::permissions")]
    permissions: Permissions,
}

impl From<RawGuild> for Guild {
    fn from(RawGuild { id, name, owner_id, roles, premium_tier }: RawGuild) -> Self {
        let permissions = |role: &RawRole| Role { id: role.id, permissions: role.permissions };
        Self {
            id,
            name,
            owner_id,
            roles: roles.iter().map(permissions).collect(),
            role_names: roles.into_iter().map(|role| (role.id, role.name)).collect(),
            premium_tier,
        }
    }
}

/// A server that the bot is in, as the list of its servers has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OwnGuild {
    /// Its id.
    pub id: GuildId,
    /// Its name, as somebody wrote it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// How many members it has, approximately; `None` where that isn't known.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub approximate_member_count: Option<u64>,
}

/// A server in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GuildCounts {
    /// Its id.
    pub id: GuildId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The hash of its picture.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub icon: Option<String>,
    /// How many members it has, approximately; `None` where that isn't known.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub approximate_member_count: Option<u64>,
    /// How many of them are online, approximately; `None` where that isn't known.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub approximate_presence_count: Option<u64>,
    /// How many boosts it has.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub premium_subscription_count: u64,
    /// The level that these boosts give, 0 to 3.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub premium_tier: u8,
}

impl GuildCounts {
    /// The address of its picture. Discord: "CDN Endpoints", "Guild Icon".
    pub fn icon_url(&self) -> Option<String> {
        let hash = self.icon.as_deref()?;
        Some(format!("https://cdn.discordapp.com/icons/{}/{hash}.png", self.id))
    }
}
