//! `/unfollow`, and removing a follow from a list: a channel stops following another. Mirrors that stand stay.

use crate::domain::follow::{Delivery, Follow, FollowId, Pair};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::store::Removed;

use super::access::Access;
use super::{Actor, Follows, Refusal, ServiceError};

/// What came of `/unfollow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// The follow that was.
    pub follow: Follow,
}

impl Follows {
    /// Ends the follow of a pair.
    pub async fn unfollow(
        &self,
        actor: Actor,
        source: ChannelId,
        target: ChannelId,
    ) -> Result<Unfollowed, ServiceError> {
        let mut access = Access::new(&self.rest);
        access.require_actor(actor, target, Permissions::MANAGE_CHANNELS).await?;
        let follow = self.store.follow_by_pair(Pair { source, target }).await?;
        let follow = follow.filter(|follow| follow.guild == actor.guild);
        let follow = follow.ok_or(Refusal::NotFollowing { source_channel: source, target })?;
        self.end(actor, follow).await
    }

    /// Ends a follow of this server by its number.
    pub async fn remove(&self, actor: Actor, id: FollowId) -> Result<Unfollowed, ServiceError> {
        let follow = self.managed(actor, id).await?;
        self.end(actor, follow).await
    }

    /// A follow of this server that the person may change.
    pub(super) async fn managed(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let follow = self.store.follow(actor.guild, id).await?.ok_or(Refusal::NoSuchFollow(id))?;
        let mut access = Access::new(&self.rest);
        access.require_actor(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await?;
        Ok(follow)
    }

    async fn end(&self, actor: Actor, follow: Follow) -> Result<Unfollowed, ServiceError> {
        let action = self.take_action(actor.user)?;
        let _alone = self.lock_target(follow.pair.target).await;
        if follow.options.delivery == Delivery::Native {
            // First, and refused if it fails: without it, Discord would go on posting.
            self.stop_native(&follow).await?;
        }
        let removed = self.store.delete_follow(follow.guild, follow.id).await?;
        let Removed { follow, webhook_still_needed } = removed.ok_or(Refusal::NoSuchFollow(follow.id))?;
        if let Some(webhook) = follow.webhook.filter(|_| !webhook_still_needed) {
            self.remove_webhook(webhook).await;
        }
        tracing::info!(follow = follow.id.0, "follow removed");
        action.keep();
        Ok(Unfollowed { follow })
    }
}
