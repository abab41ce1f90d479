//! `/publish`: whether other servers may follow a channel.

use crate::domain::audit::ChangedBy;
use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Approval, Audience, BrokenReason, Door, Publication, PublicationChange};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::store::BreakWhich;

use crate::service::access::{Access, ChannelLookup, GuildChannel};
use crate::service::error::ConsentRefusal;
use crate::service::{Actor, FollowService, Refusal, ServiceError};

/// What is asked for with `/publish`. Options that aren't given stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishRequest {
    /// Who may follow the channel.
    pub audience: Option<Audience>,
    /// Whether its moderators approve followers first.
    pub approval: Option<Approval>,
    /// Where its moderators are told about requests and new followers.
    pub notify: Option<ChannelId>,
    /// Tell them nowhere from now on.
    pub quiet: bool,
}

impl PublishRequest {
    fn change(self) -> Result<PublicationChange, Refusal> {
        let notify = match (self.notify, self.quiet) {
            (Some(_), true) => return Err(ConsentRefusal::NotifyAndQuiet.into()),
            (None, true) => Some(None),
            (notify, false) => notify.map(Some),
        };
        Ok(PublicationChange { audience: self.audience, approval: self.approval, notify })
    }
}

/// What came of `/publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The settings that hold now.
    pub now: Publication,
    /// Everyone in its server sees it.
    pub everyone_sees: bool,
    /// It is an announcement channel, and everyone in its server sees it: Discord itself opens it to all
    /// servers.
    pub announcement: bool,
    /// How many follows of other servers this broke.
    pub broken: usize,
}

impl FollowService {
    /// Opens a channel of this server to other servers, or closes it, which breaks their follows. Also
    /// chooses how its moderators are asked and told. Without any option, only reports the settings.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, %channel))]
    pub async fn publish(
        &self,
        actor: Actor,
        channel: ChannelId,
        request: PublishRequest,
    ) -> Result<Published, ServiceError> {
        self.quotas.count_action(actor.user, self.publish_now(actor, channel, request)).await
    }

    async fn publish_now(
        &self,
        actor: Actor,
        channel: ChannelId,
        request: PublishRequest,
    ) -> Result<Published, ServiceError> {
        let change = request.change()?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        access.require_member(actor).await?;
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_CHANNELS).await?;
        if !place.kind().is_followable() || place.kind().is_thread() {
            return Err(Refusal::PublishKind(place.kind()).into());
        }
        if let Some(notify) = request.notify {
            self.require_notify(&mut access, actor, notify).await?;
        }
        let everyone_sees = access.everyone_sees(&place).await?;
        let announcement = place.kind() == ChannelKind::Announcement && everyone_sees;
        if change == PublicationChange::default() {
            let now = self.parts.store.publication(channel).await?;
            return Ok(Published { now, everyone_sees, announcement, broken: 0 });
        }
        let withdraws = change.audience.is_some_and(|audience| audience.door(announcement).is_none());
        // Once before it is closed, so that these follows are counted here and not found by a check; and once
        // after it, because some may have begun in between.
        let by = actor.changed_by();
        let mut broken = if withdraws { self.withdraw(&place, by).await? } else { 0 };
        let now = self.parts.store.set_publication(channel, actor.guild, change, self.stamp(by)).await?;
        if withdraws {
            broken += self.withdraw(&place, by).await?;
        }
        Ok(Published { now, everyone_sees, announcement, broken })
    }

    /// Refuses unless the person manages this channel of their server, and the bot can post into it.
    async fn require_notify(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        notify: ChannelId,
    ) -> Result<(), ServiceError> {
        let place = access.require_own_channel(actor, notify).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_CHANNELS).await?;
        if !place.kind().holds_messages() {
            return Err(ConsentRefusal::NotifyKind(place.kind()).into());
        }
        let needed = Permissions::reading(place.kind()) | Permissions::SEND_MESSAGES;
        match access.bot_lacks(self.parts.identity.user, &place, needed).await? {
            Some(lack) => Err(Refusal::BotMay(vec![lack]).into()),
            None => Ok(()),
        }
    }

    /// Breaks the follows of other servers. Discord's own following stops with its webhook.
    async fn withdraw(&self, place: &GuildChannel, by: ChangedBy) -> Result<usize, ServiceError> {
        let others = BreakWhich::CrossServerOf(place.id());
        Ok(self.dismiss(others, BrokenReason::Unpublished, by).await?.ended)
    }

    /// What allows another server to follow this channel. Refuses if nothing does: an announcement channel
    /// must be visible to everyone in its server, any other channel published. A thread counts as its
    /// channel; a private thread is for nobody else.
    pub(in crate::service) async fn require_open(
        &self,
        access: &mut Access<'_>,
        source: &GuildChannel,
    ) -> Result<Door, ServiceError> {
        if source.kind() == ChannelKind::PrivateThread {
            return Err(Refusal::PrivateElsewhere.into());
        }
        if let Some(parent) = source.parent() {
            let ChannelLookup::Seen(channel) = access.find(parent).await? else {
                return Err(Refusal::UnknownSource.into());
            };
            let parent = GuildChannel { channel, guild: source.guild };
            return Box::pin(self.require_open(access, &parent)).await;
        }
        let audience = self.parts.store.audience(source.id()).await?;
        let public = audience == Audience::Nobody && self.is_public_announcement(access, source).await?;
        let refusal = match audience {
            Audience::Nobody if source.kind() == ChannelKind::Announcement => Refusal::NotPublic,
            _ => Refusal::NotPublished,
        };
        audience.door(public).ok_or_else(|| refusal.into())
    }

    pub(super) async fn is_public_announcement(
        &self,
        access: &mut Access<'_>,
        place: &GuildChannel,
    ) -> Result<bool, ServiceError> {
        Ok(place.kind() == ChannelKind::Announcement && access.everyone_sees(place).await?)
    }
}
