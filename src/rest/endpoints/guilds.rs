//! Calls about servers and their members.

use crate::domain::ids::{GuildId, UserId};
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::meaning::UnknownResource;
use crate::rest::model::{Channel, Guild, GuildCounts, Member, OwnGuild};

/// How many servers one page lists. Discord: "Get Current User Guilds", 200 at most.
pub const SERVERS_PAGE: usize = 200;

/// What became of a server that was to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveOutcome {
    /// The bot is out of it now.
    Now,
    /// It was out of it already.
    Already,
}

impl Rest {
    /// A page of the servers that the bot is in, by their ids, beginning after this one: `GET
    /// /users/@me/guilds`. A full page may be followed by another.
    pub async fn own_guilds(&self, after: Option<GuildId>) -> Result<Vec<OwnGuild>, RestError> {
        let call = Call::new(Verb::Get, "/users/@me/guilds", MajorParameter::None, &[]);
        let call = call.query("limit", SERVERS_PAGE).query("with_counts", true);
        self.read(call.query("after", after.map_or(0, GuildId::get))).await
    }

    /// Leaves a server: `DELETE /users/@me/guilds/{guild}`. One that the bot isn't in (404) counts as left.
    pub async fn leave_guild(&self, guild: GuildId) -> Result<LeaveOutcome, RestError> {
        let call = Call::new(Verb::Delete, "/users/@me/guilds/{guild}", MajorParameter::None, &[guild.get()]);
        match self.perform(&call).await {
            Ok(_) => Ok(LeaveOutcome::Now),
            Err(RestError::NotFound(_)) => Ok(LeaveOutcome::Already),
            Err(error) => Err(error),
        }
    }

    /// A server with its roles: `GET /guilds/{guild}`.
    pub async fn guild(&self, guild: GuildId) -> Result<Guild, RestError> {
        self.read(Call::new(Verb::Get, "/guilds/{guild}", MajorParameter::Guild(guild), &[guild.get()])).await
    }

    /// A server in numbers: `GET /guilds/{guild}?with_counts=true`.
    pub async fn guild_counts(&self, guild: GuildId) -> Result<GuildCounts, RestError> {
        let call = Call::new(Verb::Get, "/guilds/{guild}", MajorParameter::Guild(guild), &[guild.get()]);
        self.read(call.query("with_counts", true)).await
    }

    /// A server's channels, those that the bot can't see included, threads not: `GET
    /// /guilds/{guild}/channels`.
    pub async fn guild_channels(&self, guild: GuildId) -> Result<Vec<Channel>, RestError> {
        self.read(Call::new(
            Verb::Get,
            "/guilds/{guild}/channels",
            MajorParameter::Guild(guild),
            &[guild.get()],
        ))
        .await
    }

    /// A member, or `None` if that person isn't in the server: `GET /guilds/{guild}/members/{user}`.
    pub async fn member(&self, guild: GuildId, user: UserId) -> Result<Option<Member>, RestError> {
        let template = "/guilds/{guild}/members/{user}";
        let call = Call::new(Verb::Get, template, MajorParameter::Guild(guild), &[guild.get(), user.get()]);
        match self.read(call).await {
            Ok(member) => Ok(Some(member)),
            Err(RestError::NotFound(UnknownResource::Member | UnknownResource::User)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
