//! Which servers a person and the bot are both in, and what the person may do there.

use futures_util::future::join_all;

use crate::domain::audit::Via;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::permissions::Permissions;

use super::access::CachedAccess;
use super::{Actor, FollowService, ServiceError};

/// For how many servers Discord is asked at once.
const MOST_ASKED: usize = 10;

/// A server that a person and the bot are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedServer {
    /// The server.
    pub guild: GuildId,
    /// Its name.
    pub name: String,
    /// What the person may do in the server as a whole.
    pub permissions: Permissions,
}

/// The servers that a person and the bot are in, as far as they were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SharedServers {
    /// In the order of the candidates.
    pub servers: Vec<SharedServer>,
    /// Candidates that nobody looked at yet: ask again with these.
    pub remaining: Vec<GuildId>,
}

impl FollowService {
    /// Which of these servers a person is in with the bot, and what they may do there, as it was within the
    /// last minute. Discord is asked about ten servers at most, with two requests each.
    #[tracing::instrument(skip_all)]
    pub async fn shared_servers(
        &self,
        user: UserId,
        via: Via,
        candidates: &[GuildId],
    ) -> Result<SharedServers, ServiceError> {
        let (mut looked_at, mut remaining, mut asked) = (Vec::new(), Vec::new(), 0);
        for guild in candidates.iter().copied().filter(|guild| !self.lookups.is_elsewhere(*guild)) {
            let actor = Actor { user, guild, channel: None, via };
            let rest = self.on_behalf_of(actor);
            let known =
                CachedAccess::copied(&rest, self.parts.clock, &self.lookups, actor).knows_membership();
            if !known && asked == MOST_ASKED {
                remaining.push(guild);
                continue;
            }
            asked += usize::from(!known);
            looked_at.push(self.shared_server(actor));
        }
        let found: Result<Vec<_>, ServiceError> = join_all(looked_at).await.into_iter().collect();
        Ok(SharedServers { servers: found?.into_iter().flatten().collect(), remaining })
    }

    async fn shared_server(&self, actor: Actor) -> Result<Option<SharedServer>, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = CachedAccess::copied(&rest, self.parts.clock, &self.lookups, actor);
        match access.require_member(actor).await {
            Err(ServiceError::Refused(_)) => return Ok(None),
            member => member?,
        }
        let permissions = access.permissions_in_server(actor.user, actor.guild).await?;
        let name = access.guild(actor.guild).await?.map(|guild| guild.name.clone());
        Ok(name.map(|name| SharedServer { guild: actor.guild, name, permissions }))
    }
}
