//! `/unfollow`, and removing a follow from a list: a channel stops following another. Mirrors that stand stay.

use crate::domain::follow::{Delivery, Door, Follow, FollowId, FollowState};
use crate::domain::permissions::Permissions;
use crate::store::Removed;

use super::access::Found;
use super::locks::Hold;
use super::{Actor, End, Follows, Refusal, ServiceError, UnfollowRequest};

/// What came of `/unfollow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// The follow that was.
    pub follow: Follow,
    /// What it followed, as far as the person may know it.
    pub source: End,
}

impl Follows {
    /// Ends the follow of a pair.
    pub async fn unfollow(&self, actor: Actor, request: UnfollowRequest) -> Result<Unfollowed, ServiceError> {
        self.actions.count(actor.user, self.unfollow_now(actor, request)).await
    }

    async fn unfollow_now(&self, actor: Actor, request: UnfollowRequest) -> Result<Unfollowed, ServiceError> {
        let pair = request.pair;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let follow = self.store.follow_by_pair(pair).await?.filter(|follow| follow.guild == actor.guild);
        if let Some(follow) = &follow {
            access.knows(follow);
        }
        access.prepare(actor.guild, &[actor.user]).await?;
        let target_gone = matches!(access.find(pair.target).await?, Found::Gone);
        if follow.is_none() || !target_gone {
            access.own(actor, pair.target).await?;
        }
        access.require_actor(actor, pair.target, Permissions::MANAGE_CHANNELS).await?;
        let not_following = Refusal::NotFollowing { source_channel: pair.source, target: pair.target };
        let follow = follow.ok_or(not_following)?;
        let source = access.end(actor, pair.source).await?;
        let (follow, _alone) = self.hold(follow).await?;
        Ok(Unfollowed { follow: self.end(follow).await?, source })
    }

    /// Ends a follow of this server by its number.
    pub async fn remove(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let remove = async {
            let (follow, _alone) = self.managed(actor, id).await?;
            self.end(follow).await
        };
        self.actions.count(actor.user, remove).await
    }

    /// A follow of this server that the person may change, alone while the hold lasts.
    pub(super) async fn managed(&self, actor: Actor, id: FollowId) -> Result<(Follow, Hold), ServiceError> {
        let follow = self.store.follow(actor.guild, id).await?.ok_or(Refusal::NoSuchFollow(id))?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        access.require_actor(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await?;
        self.hold(follow).await
    }

    /// Waits until nobody else changes what posts into the follow's target, and reads the follow again: it may be another by then.
    async fn hold(&self, follow: Follow) -> Result<(Follow, Hold), ServiceError> {
        let alone = self.lock_target(follow.pair.target, follow.spot).await;
        let now = self.store.follow(follow.guild, follow.id).await?;
        Ok((now.ok_or(Refusal::NoSuchFollow(follow.id))?, alone))
    }

    /// Ends a follow that is [held](Follows::hold).
    async fn end(&self, follow: Follow) -> Result<Follow, ServiceError> {
        if follow.options.delivery == Delivery::Native {
            // First, and refused if it fails: without it, Discord would go on posting.
            self.stop_expected(&follow).await?;
        }
        let removed = self.store.delete_follow(follow.guild, follow.id).await?;
        let Removed { follow, webhook_still_needed } = removed.ok_or(Refusal::NoSuchFollow(follow.id))?;
        if let Some(webhook) = follow.webhook.filter(|_| !webhook_still_needed) {
            self.remove_webhook(follow.guild, webhook).await;
        }
        // Its panels are to go.
        (self.wake)(vec![follow.pair.target]);
        tracing::info!(follow = follow.id.0, "follow removed");
        Ok(follow)
    }

    /// Stops Discord's own following. An active follow rests from before: the webhook's disappearance is then expected, and breaks nothing.
    pub(super) async fn stop_expected(&self, follow: &Follow) -> Result<(), ServiceError> {
        let active = follow.state == FollowState::Active;
        if active {
            self.store.pause_follow(follow.guild, follow.id, self.clock.now()).await?;
        }
        let stopped = self.stop_native(follow).await;
        if active && stopped.is_err() {
            self.store.resume_follow(follow, None, Door::Own, self.clock.now()).await?;
        }
        stopped
    }
}
