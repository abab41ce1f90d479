//! `/publish`: whether other servers may follow a channel.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Audience, BrokenReason, Delivery, Door};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::store::BreakWhich;

use super::access::{Access, Found, Place};
use super::{Actor, Follows, Refusal, ServiceError};

/// What came of `/publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// What holds now.
    pub audience: Audience,
    /// An announcement channel that everyone in its server sees can be followed from other servers in any case.
    pub open_anyway: bool,
    /// Follows of other servers that this broke.
    pub broken: usize,
}

impl Follows {
    /// Opens a channel of this server to other servers, or closes it, which breaks their follows.
    pub async fn publish(
        &self,
        actor: Actor,
        channel: ChannelId,
        audience: Audience,
    ) -> Result<Published, ServiceError> {
        self.actions.count(actor.user, self.publish_now(actor, channel, audience)).await
    }

    async fn publish_now(
        &self,
        actor: Actor,
        channel: ChannelId,
        audience: Audience,
    ) -> Result<Published, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let place = access.own(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_CHANNELS).await?;
        if !place.kind().is_followable() || place.kind().is_thread() {
            return Err(Refusal::PublishKind(place.kind()).into());
        }
        let open_anyway = self.is_public_announcement(&mut access, &place).await?;
        let withdraws = audience == Audience::Nobody && !open_anyway;
        // Before it is closed, so that they are counted here and not found by a look; and after it, as some may have begun in between.
        let mut broken = if withdraws { self.withdraw(&place).await? } else { 0 };
        self.store.set_audience(channel, actor.guild, audience).await?;
        if withdraws {
            broken += self.withdraw(&place).await?;
        }
        Ok(Published { audience, open_anyway, broken })
    }

    /// Breaks the follows of other servers; Discord's own following stops with its webhook.
    async fn withdraw(&self, place: &Place) -> Result<usize, ServiceError> {
        let others = BreakWhich::CrossServerOf(place.id());
        let broken = self.store.break_follows(others, BrokenReason::Unpublished, self.clock.now()).await?;
        for follow in broken.iter().filter(|follow| follow.options.delivery == Delivery::Native) {
            if let Err(error) = self.stop_native(follow).await {
                tracing::warn!(follow = follow.id.0, %error, "a withdrawn native follow could not be stopped");
            }
        }
        Ok(broken.len())
    }

    /// What lets another server follow this channel; refuses where nothing does: an announcement channel must be visible to everyone in its server, any other published. A thread
    /// counts as its channel; a private one is for nobody else.
    pub(super) async fn require_open(
        &self,
        access: &mut Access<'_>,
        source: &Place,
    ) -> Result<Door, ServiceError> {
        if source.kind() == ChannelKind::PrivateThread {
            return Err(Refusal::PrivateElsewhere.into());
        }
        if let Some(parent) = source.parent() {
            let Found::Seen(channel) = access.find(parent).await? else {
                return Err(Refusal::UnknownSource.into());
            };
            let parent = Place { channel, guild: source.guild };
            return Box::pin(self.require_open(access, &parent)).await;
        }
        if self.store.audience(source.id()).await? != Audience::Nobody {
            return Ok(Door::Published);
        }
        if self.is_public_announcement(access, source).await? {
            return Ok(Door::Announcement);
        }
        Err(if source.kind() == ChannelKind::Announcement {
            Refusal::NotPublic
        } else {
            Refusal::NotPublished
        }
        .into())
    }

    async fn is_public_announcement(
        &self,
        access: &mut Access<'_>,
        place: &Place,
    ) -> Result<bool, ServiceError> {
        Ok(place.kind() == ChannelKind::Announcement && access.everyone_sees(place).await?)
    }
}
