//! Calls about servers and their members.

use super::Rest;
use super::call::{Call, Verb};
use super::error::RestError;
use super::limiter::Major;
use super::meaning::Missing;
use super::model::{Channel, Guild, GuildCounts, Member};
use crate::domain::ids::{GuildId, UserId};

impl Rest {
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
