//! What [`Access`] asks side by side, and what it needn't ask: a command waits for a few rounds of requests, however many there are in each.

use futures_util::future::join_all;

use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::place::Spot;
use crate::rest::model::Channel;

use super::lookups::{Absent, Purpose};
use super::{Access, Found};
use crate::service::error::ServiceError;

/// Where a channel is that the bot knows of.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) struct Home {
    guild: GuildId,
    is_thread: bool,
}

impl Access<'_> {
    /// Asks side by side for all that these people's permissions in a server's channels depend on. Their permissions elsewhere are then asked for together, too.
    pub(in crate::service) async fn prepare(
        &mut self,
        guild: GuildId,
        people: &[UserId],
    ) -> Result<(), ServiceError> {
        self.people = people.to_vec();
        if self.listed.contains(&guild) {
            return self.prepare_rights(guild).await;
        }
        let (listed, rights) = tokio::join!(self.rest.guild_channels(guild), self.ask_rights(guild));
        self.take_rights(guild, rights)?;
        self.take_channels(guild, listed?);
        Ok(())
    }

    /// The same for a server whose channels needn't be listed.
    pub(in crate::service) async fn prepare_rights(&mut self, guild: GuildId) -> Result<(), ServiceError> {
        let rights = self.ask_rights(guild).await;
        self.take_rights(guild, rights)
    }

    async fn ask_rights(&self, guild: GuildId) -> Rights {
        let server = async {
            match self.guilds.contains_key(&guild) {
                true => None,
                false => Some(self.rest.guild(guild).await),
            }
        };
        let unknown = self.people.iter().copied().filter(|user| !self.members.contains_key(&(guild, *user)));
        let members = join_all(unknown.map(async |user| (user, self.rest.member(guild, user).await)));
        let (server, members) = tokio::join!(server, members);
        Rights { server, members }
    }

    fn take_rights(&mut self, guild: GuildId, rights: Rights) -> Result<(), ServiceError> {
        if let Some(server) = rights.server {
            let server = match server {
                Ok(server) => Some(server),
                Err(error) if error.is_not_found() || error.is_forbidden() => None,
                Err(error) => return Err(error.into()),
            };
            self.guilds.insert(guild, server);
        }
        for (user, member) in rights.members {
            let member = match member {
                Ok(member) => member,
                Err(error) if error.is_not_found() || error.is_forbidden() => None,
                Err(error) => return Err(error.into()),
            };
            self.members.insert((guild, user), member);
        }
        Ok(())
    }

    /// Takes up a list of a server's channels.
    pub(in crate::service) fn take_channels(&mut self, guild: GuildId, channels: Vec<Channel>) {
        self.listed.insert(guild);
        for channel in channels {
            self.channels.insert(channel.id, Found::Seen(Channel { guild_id: Some(guild), ..channel }));
        }
    }

    /// The ends of a follow are known to the bot: where they are needn't be asked, and to look them up is nobody's guess.
    pub(in crate::service) fn knows(&mut self, follow: &Follow) {
        let source = Home { guild: follow.source_guild, is_thread: follow.source_parent.is_some() };
        let target = Home { guild: follow.guild, is_thread: matches!(follow.spot, Spot::Thread { .. }) };
        self.homes.insert(follow.pair.source, source);
        self.homes.insert(follow.pair.target, target);
    }

    /// The same of a channel, which may be a thread.
    pub(in crate::service) fn knows_of(&mut self, guild: GuildId, channel: ChannelId) {
        self.homes.insert(channel, Home { guild, is_thread: true });
    }

    /// What needn't be asked about a channel.
    pub(in crate::service) fn foresee(&self, id: ChannelId) -> Result<Option<Found>, ServiceError> {
        let Some((lookups, actor, purpose)) = self.asker else { return Ok(None) };
        if let Some(Home { guild, is_thread }) = self.homes.get(&id).copied() {
            if lookups.is_elsewhere(guild) {
                return Ok(Some(Found::Hidden));
            }
            if self.listed.contains(&guild) && !self.listed_before.contains(&guild) && !is_thread {
                if purpose == Purpose::Completion {
                    lookups.note(actor, id, Absent::Gone, false);
                }
                return Ok(Some(Found::Gone));
            }
            // Whoever runs a command may have mended what is amiss with a follow.
            let completes = purpose == Purpose::Completion;
            return Ok(completes.then(|| lookups.remembered(id, purpose)).flatten().map(Found::from));
        }
        Ok(lookups.foresee(actor, id, purpose)?.map(Found::from))
    }

    /// Remembers what came of asking about a channel.
    pub(in crate::service) fn note_found(&self, id: ChannelId, found: &Found) {
        let Some((lookups, actor, _)) = self.asker else { return };
        let counts = !self.homes.contains_key(&id);
        match found {
            Found::Seen(_) => lookups.note_there(id),
            Found::Hidden => lookups.note(actor, id, Absent::Hidden, counts),
            Found::Gone => lookups.note(actor, id, Absent::Gone, counts),
        }
    }
}

impl From<Absent> for Found {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::Hidden => Self::Hidden,
            Absent::Gone => Self::Gone,
        }
    }
}

/// What permissions in a server depend on, as far as it was asked.
struct Rights {
    server: Option<Result<crate::rest::model::Guild, crate::rest::RestError>>,
    members: Vec<(UserId, Result<Option<crate::rest::model::Member>, crate::rest::RestError>)>,
}
