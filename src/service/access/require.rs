//! What a use case demands of people and of the bot, and how it is refused.

use super::{Access, Found, Place};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::permissions::Permissions;
use crate::service::Actor;
use crate::service::error::{Lack, Refusal, ServiceError};

impl Access<'_> {
    /// Refuses unless the person has these permissions in the channel.
    pub async fn require_person(
        &mut self,
        user: UserId,
        place: &Place,
        needed: Permissions,
    ) -> Result<(), ServiceError> {
        let has = self.person(user, place).await?;
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

    /// Refuses unless the person has these permissions in a channel of the actor's server. For one that is no more, or that the bot doesn't see, the
    /// permissions in the whole server count.
    pub async fn require_actor(
        &mut self,
        actor: Actor,
        channel: ChannelId,
        needed: Permissions,
    ) -> Result<(), ServiceError> {
        match self.find_from(actor.guild, channel).await? {
            Found::Seen(channel) if channel.guild_id == Some(actor.guild) => {
                self.require_person(actor.user, &Place { channel, guild: actor.guild }, needed).await
            }
            Found::Seen(_) => Err(Refusal::Elsewhere.into()),
            Found::Hidden | Found::Gone => {
                let missing = needed.difference(self.person_in_guild(actor.user, actor.guild).await?);
                if missing.is_empty() { Ok(()) } else { Err(Refusal::PersonMayInServer(missing).into()) }
            }
        }
    }

    /// A channel whose posts this person may read, wherever it is. Seeing a channel isn't enough: without Read Message History, and without Connect in a voice channel, Discord shows
    /// nobody what was posted. Whatever tells of contents asks this.
    pub(in crate::service) async fn reads(
        &mut self,
        actor: Actor,
        channel: ChannelId,
    ) -> Result<Option<Place>, ServiceError> {
        let Some(place) = self.seen_by(actor, channel).await? else { return Ok(None) };
        let needed = self.reading(&place).await?;
        let may = self.person(actor.user, &place).await?.contains(needed);
        Ok(may.then_some(place))
    }

    /// Whether the person has these permissions in a channel of the actor's server; as [`require_actor`](Self::require_actor).
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

    /// What the bot itself lacks of these permissions in the channel. Refuses where a timeout takes away what its roles grant.
    pub async fn bot_lacks(
        &mut self,
        bot: UserId,
        place: &Place,
        needed: Permissions,
    ) -> Result<Option<Lack>, ServiceError> {
        let granted = self.granted(bot, place).await?;
        let permissions = needed.difference(granted);
        let reads = Permissions::reading(ChannelKind::Voice).contains(needed);
        if permissions.is_empty()
            && !reads
            && !granted.contains(Permissions::ADMINISTRATOR)
            && let Some(until) = self.timed_out_until(place.guild, bot).await?
        {
            return Err(Refusal::BotTimedOut { channel: place.id(), until }.into());
        }
        Ok((!permissions.is_empty()).then_some(Lack { channel: place.id(), permissions }))
    }
}
