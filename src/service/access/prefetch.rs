//! What [`Access`] asks side by side, and what it needn't ask. A command waits for a few rounds of requests,
//! however many there are in each.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::place::TargetKind;
use crate::rest::RestError;
use crate::rest::model::{Channel, Guild, Member};
use crate::service::error::ServiceError;

use super::lookups::AbsentReason;
use super::{Access, ChannelLookup};

/// Where a channel is that the bot knows from its follows and panels.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownLocation {
    guild: GuildId,
    is_thread: bool,
}

impl Access<'_> {
    /// Asks side by side for everything that these people's permissions in a server's channels depend on.
    /// From then on, their permissions in other servers are asked for together, too.
    pub(in crate::service) async fn prefetch(
        &mut self,
        guild: GuildId,
        people: &[UserId],
    ) -> Result<(), ServiceError> {
        self.people = people.to_vec();
        if self.facts.listed.contains(&guild) {
            return self.prefetch_permissions(guild).await;
        }
        let (listed, permissions) =
            tokio::join!(self.rest.guild_channels(guild), self.ask_for_permissions(guild));
        self.add_permissions(guild, permissions)?;
        self.add_listed_channels(guild, listed?);
        Ok(())
    }

    /// The same without its channels, and as far as it isn't known.
    pub(super) async fn prefetch_people(
        &mut self,
        guild: GuildId,
        people: &[UserId],
    ) -> Result<(), ServiceError> {
        self.people = people.to_vec();
        self.prefetch_permissions(guild).await
    }

    /// The same for a server whose channels needn't be listed.
    pub(super) async fn prefetch_permissions(&mut self, guild: GuildId) -> Result<(), ServiceError> {
        let permissions = self.ask_for_permissions(guild).await;
        self.add_permissions(guild, permissions)
    }

    /// Asks side by side for the channels of these follows, and for what the person's permissions there
    /// depend on. Whatever is known needs no request.
    pub(in crate::service) async fn prefetch_follows(
        &mut self,
        own: GuildId,
        follows: &[Follow],
    ) -> Result<(), ServiceError> {
        follows.iter().for_each(|follow| self.note_follow(follow));
        let ends = follows.iter().flat_map(|follow| [follow.pair.source, follow.pair.target]);
        self.prefetch_channels(own, ends.collect()).await
    }

    /// The same for channels that the bot itself recorded, wherever they are: looking them up is nobody's
    /// guess.
    pub(in crate::service) async fn prefetch_known(
        &mut self,
        own: GuildId,
        channels: BTreeSet<ChannelId>,
    ) -> Result<(), ServiceError> {
        self.list_channels(own).await?;
        for channel in &channels {
            // Where the others are, Discord says.
            self.note_channel(own, *channel);
        }
        self.prefetch_channels(own, channels).await
    }

    async fn prefetch_channels(
        &mut self,
        own: GuildId,
        channels: BTreeSet<ChannelId>,
    ) -> Result<(), ServiceError> {
        let mut missing = BTreeSet::new();
        for id in &channels {
            if !self.facts.channels.contains_key(id) && self.answer_without_asking(*id)?.is_none() {
                missing.insert(*id);
            }
        }
        let asked = missing.into_iter().map(async |id| (id, self.ask_for_channel(id).await));
        for (id, found) in join_all(asked).await {
            self.facts.channels.insert(id, found?);
        }
        let seen = |id| self.facts.seen_channel(id).and_then(|channel| channel.guild_id);
        let others: BTreeSet<GuildId> =
            channels.into_iter().filter_map(seen).filter(|guild| *guild != own).collect();
        self.prefetch_servers(others).await
    }

    /// Asks side by side for what the person's permissions in these servers depend on.
    pub(in crate::service) async fn prefetch_servers(
        &mut self,
        guilds: BTreeSet<GuildId>,
    ) -> Result<(), ServiceError> {
        let asked = guilds.into_iter().map(async |guild| (guild, self.ask_for_permissions(guild).await));
        for (guild, permissions) in join_all(asked).await {
            self.add_permissions(guild, permissions)?;
        }
        Ok(())
    }

    async fn ask_for_permissions(&self, guild: GuildId) -> PermissionAnswers {
        let server = async {
            match self.facts.guilds.contains_key(&guild) {
                true => None,
                false => Some(self.rest.guild(guild).await),
            }
        };
        let known = &self.facts.members;
        let unknown = self.people.iter().copied().filter(|user| !known.contains_key(&(guild, *user)));
        let members = join_all(unknown.map(async |user| (user, self.rest.member(guild, user).await)));
        let (server, members) = tokio::join!(server, members);
        PermissionAnswers { server, members }
    }

    fn add_permissions(
        &mut self,
        guild: GuildId,
        permissions: PermissionAnswers,
    ) -> Result<(), ServiceError> {
        if let Some(server) = permissions.server {
            let server = match server {
                Ok(server) => Some(server),
                Err(error) if error.is_not_found() || error.is_forbidden() => None,
                Err(error) => return Err(error.into()),
            };
            self.facts.guilds.insert(guild, server);
        }
        for (user, member) in permissions.members {
            let member = match member {
                Ok(member) => member,
                Err(error) if error.is_not_found() || error.is_forbidden() => None,
                Err(error) => return Err(error.into()),
            };
            self.facts.members.insert((guild, user), member);
        }
        Ok(())
    }

    /// Adds the complete list of a server's channels.
    pub(super) fn add_listed_channels(&mut self, guild: GuildId, channels: Vec<Channel>) {
        self.facts.listed.insert(guild);
        self.facts.add_channels(guild, channels);
    }

    /// Notes where a follow's channels are: nobody needs to ask that, and looking them up is nobody's guess.
    pub(in crate::service) fn note_follow(&mut self, follow: &Follow) {
        let source = KnownLocation { guild: follow.source_guild, is_thread: follow.source_parent.is_some() };
        let is_thread = matches!(follow.target_kind, TargetKind::Thread { .. });
        let target = KnownLocation { guild: follow.guild, is_thread };
        self.locations.insert(follow.pair.source, source);
        self.locations.insert(follow.pair.target, target);
    }

    /// Notes where one channel is, which may be a thread.
    pub(in crate::service) fn note_channel(&mut self, guild: GuildId, channel: ChannelId) {
        self.locations.insert(channel, KnownLocation { guild, is_thread: true });
    }

    /// What is known about a channel without asking Discord.
    pub(super) fn answer_without_asking(&self, id: ChannelId) -> Result<Option<ChannelLookup>, ServiceError> {
        let Some((lookups, actor, purpose)) = self.asker else { return Ok(None) };
        if let Some(KnownLocation { guild, is_thread }) = self.locations.get(&id).copied() {
            if lookups.is_elsewhere(guild) {
                return Ok(Some(ChannelLookup::Hidden));
            }
            if self.facts.listed.contains(&guild) && !self.listed_before.contains(&guild) && !is_thread {
                if purpose.is_frequent() {
                    lookups.note_absent(actor, id, AbsentReason::Gone, false);
                }
                return Ok(Some(ChannelLookup::Gone));
            }
            // A person who runs a command may have just repaired what was wrong with a follow.
            let remembered = purpose.is_frequent().then(|| lookups.remembered(id, purpose)).flatten();
            return Ok(remembered.map(ChannelLookup::from));
        }
        Ok(lookups.check(actor, id, purpose)?.map(ChannelLookup::from))
    }

    /// Remembers Discord's answer about a channel.
    pub(super) fn remember_answer(&self, id: ChannelId, found: &ChannelLookup) {
        let Some((lookups, actor, _)) = self.asker else { return };
        let counts = !self.locations.contains_key(&id);
        match found {
            ChannelLookup::Seen(_) => lookups.note_present(id),
            ChannelLookup::Hidden => lookups.note_absent(actor, id, AbsentReason::Hidden, counts),
            ChannelLookup::Gone => lookups.note_absent(actor, id, AbsentReason::Gone, counts),
        }
    }
}

impl From<AbsentReason> for ChannelLookup {
    fn from(absent: AbsentReason) -> Self {
        match absent {
            AbsentReason::Hidden => Self::Hidden,
            AbsentReason::Gone => Self::Gone,
        }
    }
}

/// Discord's answers about what permissions in a server depend on, as far as they were asked for.
struct PermissionAnswers {
    server: Option<Result<Guild, RestError>>,
    members: Vec<(UserId, Result<Option<Member>, RestError>)>,
}
