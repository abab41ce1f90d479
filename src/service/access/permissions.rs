//! What roles, overwrites and timeouts let a member do, in a channel and in a server.

use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};

use crate::domain::channel::ChannelKind;
use crate::domain::doors::ChannelFacts;
use crate::domain::follow::Audience;
use crate::domain::ids::{ChannelId, GuildId, RoleId, UserId};
use crate::domain::permissions::{Overwrite, PermissionHolder, Permissions, ServerRules};
use crate::rest::model::{Channel, Guild};
use crate::service::ServiceError;

use super::{Access, ChannelLookup, GuildChannel};

impl Access<'_> {
    /// What a person may do in a channel: nothing without View Channel, and nothing if they aren't a member.
    /// Discord: "Timed Out Members" may only read, and without Connect, the chat of a voice channel is
    /// closed.
    pub async fn permissions_of(
        &mut self,
        user: UserId,
        place: &GuildChannel,
    ) -> Result<Permissions, ServiceError> {
        let mut granted = self.granted_to(user, place).await?;
        if !granted.contains(Permissions::ADMINISTRATOR) {
            if self.timed_out_until(place.guild, user).await?.is_some() {
                granted &= Permissions::reading(place.kind());
            }
            let reading = Permissions::reading(place.kind());
            if reading.contains(Permissions::CONNECT) && !granted.contains(Permissions::CONNECT) {
                granted &= Permissions::VIEW_CHANNEL;
            }
        }
        if !granted.contains(Permissions::VIEW_CHANNEL) {
            return Ok(Permissions::empty());
        }
        let private =
            place.kind() == ChannelKind::PrivateThread && !granted.contains(Permissions::MANAGE_THREADS);
        if private && !self.is_invited(user, place.id()).await? {
            return Ok(Permissions::empty());
        }
        Ok(granted)
    }

    /// What roles and overwrites grant a member in a channel, even without View Channel, so that an answer
    /// can name exactly what is missing.
    pub async fn granted_to(
        &mut self,
        user: UserId,
        place: &GuildChannel,
    ) -> Result<Permissions, ServiceError> {
        let Some(roles) = self.roles(place.guild, user).await? else { return Ok(Permissions::empty()) };
        let Some(overwrites) = self.overwrites(place).await? else { return Ok(Permissions::empty()) };
        let Some(guild) = self.guild(place.guild).await? else { return Ok(Permissions::empty()) };
        let subject = PermissionHolder { user, roles: &roles };
        Ok(rules(guild).granted(subject, &overwrites))
    }

    /// What a person may do in a server as a whole. This decides about channels that no longer exist.
    pub(in crate::service) async fn permissions_in_server(
        &mut self,
        user: UserId,
        guild: GuildId,
    ) -> Result<Permissions, ServiceError> {
        let Some(roles) = self.roles(guild, user).await? else { return Ok(Permissions::empty()) };
        let timed_out = self.timed_out_until(guild, user).await?.is_some();
        let Some(guild) = self.guild(guild).await? else { return Ok(Permissions::empty()) };
        let granted = rules(guild).granted(PermissionHolder { user, roles: &roles }, &[]);
        let all = granted.contains(Permissions::ADMINISTRATOR) || !timed_out;
        Ok(if all { granted } else { granted & Permissions::reading(ChannelKind::Text) })
    }

    /// Whether every member of the channel's server sees it. A thread is seen with its channel, a private one
    /// only by those invited.
    pub async fn everyone_sees(&mut self, place: &GuildChannel) -> Result<bool, ServiceError> {
        self.everyone_has(place, Permissions::VIEW_CHANNEL).await
    }

    /// Whether every member of the channel's server can read what is posted there. In voice and stage
    /// channels that takes Connect, too.
    pub(in crate::service) async fn everyone_reads(
        &mut self,
        place: &GuildChannel,
    ) -> Result<bool, ServiceError> {
        if place.kind() == ChannelKind::PrivateThread {
            return Ok(false);
        }
        let needed = self.needed_to_read(place).await?;
        self.everyone_has(place, needed).await
    }

    async fn everyone_has(
        &mut self,
        place: &GuildChannel,
        needed: Permissions,
    ) -> Result<bool, ServiceError> {
        if place.kind() == ChannelKind::PrivateThread {
            return Ok(false);
        }
        let Some(overwrites) = self.overwrites(place).await? else { return Ok(false) };
        let Some(guild) = self.guild(place.guild).await? else { return Ok(false) };
        Ok(rules(guild).everyone(&overwrites).contains(needed))
    }

    /// Whether a channel is age-restricted. A thread counts as its channel; if the bot can't see that
    /// channel, it counts as restricted.
    pub(in crate::service) async fn is_age_restricted(
        &mut self,
        place: &GuildChannel,
    ) -> Result<bool, ServiceError> {
        Ok(self.governing_channel(place).await?.is_none_or(|channel| channel.nsfw))
    }

    /// The permissions that reading a channel takes. A thread counts as its channel.
    pub(in crate::service) async fn needed_to_read(
        &mut self,
        place: &GuildChannel,
    ) -> Result<Permissions, ServiceError> {
        let channel = self.governing_channel(place).await?;
        Ok(Permissions::reading(channel.map_or(place.kind(), |channel| channel.kind)))
    }

    /// What a channel allows and denies; `None` where the bot can't see the channel of a thread.
    async fn overwrites(&mut self, place: &GuildChannel) -> Result<Option<Vec<Overwrite>>, ServiceError> {
        Ok(self.governing_channel(place).await?.map(|channel| channel.permission_overwrites))
    }

    /// The channel whose rules hold. A thread has none of its own, but those of its channel; `None` where the
    /// bot can't see that.
    async fn governing_channel(&mut self, place: &GuildChannel) -> Result<Option<Channel>, ServiceError> {
        match place.parent() {
            Some(parent) => match self.find(parent).await? {
                ChannelLookup::Seen(parent) => Ok(Some(parent)),
                ChannelLookup::Hidden | ChannelLookup::Gone => Ok(None),
            },
            None => Ok(Some(place.channel.clone())),
        }
    }

    /// Everything about a channel that its follows depend on; `audience` comes from the database. A thread
    /// counts as its channel.
    pub(in crate::service) async fn channel_facts(
        &mut self,
        bot: UserId,
        root: &GuildChannel,
        audience: Audience,
    ) -> Result<ChannelFacts, ServiceError> {
        Ok(ChannelFacts {
            kind: root.kind(),
            everyone_sees: self.everyone_sees(root).await?,
            everyone_reads: self.everyone_reads(root).await?,
            age_restricted: root.channel.nsfw,
            audience,
            bot: self.granted_to(bot, root).await?,
        })
    }

    /// Until when moderators have timed a member out.
    pub(in crate::service) async fn timed_out_until(
        &mut self,
        guild: GuildId,
        user: UserId,
    ) -> Result<Option<DateTime<Utc>>, ServiceError> {
        let now = self.clock.now();
        let until = self.member(guild, user).await?.and_then(|member| member.communication_disabled_until);
        Ok(until.filter(|until| *until > now))
    }

    /// The roles of a person in a server; `None` if they aren't a member.
    async fn roles(&mut self, guild: GuildId, user: UserId) -> Result<Option<Vec<RoleId>>, ServiceError> {
        Ok(self.member(guild, user).await?.map(|member| member.roles.clone()))
    }

    /// Whether a person is in a private thread.
    async fn is_invited(&mut self, user: UserId, thread: ChannelId) -> Result<bool, ServiceError> {
        match self.facts.invited.entry((thread, user)) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(empty) => Ok(*empty.insert(self.rest.thread_member(thread, user).await?)),
        }
    }
}

/// What a server says about permissions.
pub(in crate::service) fn rules(guild: &Guild) -> ServerRules<'_> {
    ServerRules { guild: guild.id, owner: guild.owner_id, roles: &guild.roles }
}
