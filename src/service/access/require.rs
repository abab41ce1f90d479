//! What a use case demands of people and of the bot, and how it is refused.

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::permissions::Permissions;
use crate::service::Actor;
use crate::service::error::{MissingPermissions, Refusal, ServiceError};

use super::{Access, ChannelLookup, ChannelSight, GuildChannel};

impl Access<'_> {
    /// Refuses somebody who acts from the web for a server in which they or the bot aren't. Discord lets
    /// nobody else run a command there.
    pub(in crate::service) async fn require_member(&mut self, actor: Actor) -> Result<(), ServiceError> {
        if actor.channel.is_some() {
            return Ok(());
        }
        let elsewhere = self.asker.is_some_and(|(lookups, ..)| lookups.is_elsewhere(actor.guild));
        if !elsewhere {
            self.prefetch_people(actor.guild, &[actor.user]).await?;
        }
        let there = !elsewhere && self.guild(actor.guild).await?.is_some();
        if there && self.is_member(actor.guild, actor.user).await? {
            return Ok(());
        }
        Err(Refusal::UnknownServer.into())
    }

    /// Refuses unless the person has these permissions where they are: in that channel, or in the whole
    /// server if they act for that.
    pub(in crate::service) async fn require_here(
        &mut self,
        actor: Actor,
        needed: Permissions,
    ) -> Result<(), ServiceError> {
        match actor.channel {
            Some(channel) => self.require_actor(actor, channel, needed).await,
            None => self.require_in_server(actor, needed).await,
        }
    }

    /// A channel of the actor's own server that they named, or in which they run the command.
    pub async fn require_own_channel(
        &mut self,
        actor: Actor,
        id: ChannelId,
    ) -> Result<GuildChannel, ServiceError> {
        match self.look(actor, id).await? {
            ChannelSight::Seen(place) => Ok(place),
            ChannelSight::Elsewhere(_) => Err(Refusal::Elsewhere.into()),
            // They are in it right now, so it is the bot that can't see it.
            ChannelSight::Hidden | ChannelSight::Gone if actor.channel == Some(id) => {
                match self.find(id).await? {
                    // Listing a server's channels shows even hidden ones, but no threads.
                    ChannelLookup::Hidden => Err(Refusal::UnseenThread(id).into()),
                    ChannelLookup::Seen(_) | ChannelLookup::Gone => Err(MissingPermissions::view(id).into()),
                }
            }
            ChannelSight::Hidden | ChannelSight::Gone => Err(Refusal::UnknownChannel.into()),
        }
    }

    /// Refuses unless the person has these permissions in the channel.
    pub async fn require_person(
        &mut self,
        user: UserId,
        place: &GuildChannel,
        needed: Permissions,
    ) -> Result<(), ServiceError> {
        let has = self.permissions_of(user, place).await?;
        let missing = needed.difference(has);
        if missing.is_empty() {
            return Ok(());
        }
        Err(match self.timed_out_until(place.guild, user).await? {
            Some(until) => Refusal::PersonTimedOut(until),
            None => Refusal::PersonMay { channel: place.id(), permissions: missing },
        }
        .into())
    }

    /// Refuses unless the person has these permissions in a channel of the actor's server. If that channel no
    /// longer exists, or the bot can't see it, the permissions in the whole server count. From the web, no
    /// refusal names a channel that the person can't see.
    pub async fn require_actor(
        &mut self,
        actor: Actor,
        channel: ChannelId,
        needed: Permissions,
    ) -> Result<(), ServiceError> {
        match self.find_from(actor.guild, channel).await? {
            ChannelLookup::Seen(channel) if channel.guild_id == Some(actor.guild) => {
                let place = GuildChannel { channel, guild: actor.guild };
                let allowed = self.require_person(actor.user, &place, needed).await;
                let view = Permissions::VIEW_CHANNEL;
                match allowed {
                    Err(ServiceError::Refused(_))
                        if actor.channel.is_none()
                            && !self.permissions_of(actor.user, &place).await?.contains(view) =>
                    {
                        Err(Refusal::UnknownChannel.into())
                    }
                    allowed => allowed,
                }
            }
            ChannelLookup::Seen(_) => Err(Refusal::Elsewhere.into()),
            ChannelLookup::Hidden | ChannelLookup::Gone => self.require_in_server(actor, needed).await,
        }
    }

    /// Refuses unless the person has these permissions in the whole server.
    pub(in crate::service) async fn require_in_server(
        &mut self,
        actor: Actor,
        needed: Permissions,
    ) -> Result<(), ServiceError> {
        self.require_member(actor).await?;
        let missing = needed.difference(self.permissions_in_server(actor.user, actor.guild).await?);
        if missing.is_empty() { Ok(()) } else { Err(Refusal::PersonMayInServer(missing).into()) }
    }

    /// Whether this person may read what is posted in a channel, wherever it is. Seeing a channel isn't
    /// enough: without Read Message History, and without Connect in a voice channel, Discord shows nobody
    /// what was posted. Whatever tells people about contents asks this.
    pub(in crate::service) async fn may_read(
        &mut self,
        actor: Actor,
        channel: ChannelId,
    ) -> Result<bool, ServiceError> {
        let Some(place) = self.look(actor, channel).await?.visible() else { return Ok(false) };
        let needed = self.needed_to_read(&place).await?;
        Ok(self.permissions_of(actor.user, &place).await?.contains(needed))
    }

    /// Whether [`require_actor`](Self::require_actor) would let the person go on.
    pub async fn actor_may(
        &mut self,
        actor: Actor,
        channel: ChannelId,
        needed: Permissions,
    ) -> Result<bool, ServiceError> {
        match self.require_actor(actor, channel, needed).await {
            Ok(()) => Ok(true),
            Err(ServiceError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Which of these permissions the bot itself lacks in the channel. Refuses where a timeout takes away
    /// what its roles grant.
    pub async fn bot_lacks(
        &mut self,
        bot: UserId,
        place: &GuildChannel,
        needed: Permissions,
    ) -> Result<Option<MissingPermissions>, ServiceError> {
        let granted = self.granted_to(bot, place).await?;
        let permissions = needed.difference(granted);
        let reads = Permissions::reading(ChannelKind::Voice).contains(needed);
        if permissions.is_empty()
            && !reads
            && !granted.contains(Permissions::ADMINISTRATOR)
            && let Some(until) = self.timed_out_until(place.guild, bot).await?
        {
            return Err(Refusal::BotTimedOut { channel: place.id(), until }.into());
        }
        Ok((!permissions.is_empty()).then_some(MissingPermissions { channel: place.id(), permissions }))
    }
}
