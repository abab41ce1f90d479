//! Calls about servers and their members.

use crate::domain::ids::{GuildId, UserId};
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::Major;
use crate::rest::meaning::Missing;
use crate::rest::model::{Channel, Guild, GuildCounts, Member, OwnGuild};

/// How many servers one page lists. Discord: "Get Current User Guilds", 200 at most.
pub const SERVERS_PAGE: usize = 200;

/// What became of a server that was to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The bot is out of it now.
    Now,
    /// It was out of it already.
    Already,
}

impl Rest {
    /// A page of the servers that the bot is in, by their ids, from behind this one on: `GET /users/@me/guilds`. A full page may have another behind it.
    pub async fn own_guilds(&self, after: Option<GuildId>) -> Result<Vec<OwnGuild>, RestError> {
        let call = Call::new(Verb::Get, "/users/@me/guilds", Major::None, &[]);
        let call = call.query("limit", SERVERS_PAGE).query("with_counts", true);
        self.read(call.query("after", after.map_or(0, GuildId::get))).await
    }

    /// Leaves a server: `DELETE /users/@me/guilds/{guild}`. One that the bot isn't in (404) counts as left.
    pub async fn leave_guild(&self, guild: GuildId) -> Result<Left, RestError> {
        let call = Call::new(Verb::Delete, "/users/@me/guilds/{guild}", Major::None, &[guild.get()]);
        match self.perform(&call).await {
            Ok(_) => Ok(Left::Now),
            Err(RestError::NotFound(_)) => Ok(Left::Already),
            Err(error) => Err(error),
        }
    }

    /// A server with its roles: `GET /guilds/{guild}`.
    pub async fn guild(&self, guild: GuildId) -> Result<Guild, RestError> {
        self.read(Call::new(Verb::Get, "/guilds/{guild}", Major::Guild(guild), &[guild.get()])).await
    }

    /// A server in numbers: `GET /guilds/{guild}?with_counts=true`.
    pub async fn guild_counts(&self, guild: GuildId) -> Result<GuildCounts, RestError> {
        let call = Call::new(Verb::Get, "/guilds/{guild}", Major::Guild(guild), &[guild.get()]);
        self.read(call.query("with_counts", true)).await
    }

    /// A server's channels, those that the bot can't see included, threads not: `GET /guilds/{guild}/channels`.
    pub async fn guild_channels(&self, guild: GuildId) -> Result<Vec<Channel>, RestError> {
        self.read(Call::new(Verb::Get, "/guilds/{guild}/channels", Major::Guild(guild), &[guild.get()])).await
    }

    /// A member, or none if that person isn't in the server: `GET /guilds/{guild}/members/{user}`.
    pub async fn member(&self, guild: GuildId, user: UserId) -> Result<Option<Member>, RestError> {
        let template = "/guilds/{guild}/members/{user}";
        let call = Call::new(Verb::Get, template, Major::Guild(guild), &[guild.get(), user.get()]);
        match self.read(call).await {
            Ok(member) => Ok(Some(member)),
            Err(RestError::NotFound(Missing::Member | Missing::User)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
