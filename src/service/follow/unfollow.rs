//! `/unfollow`, and removing a follow from a list: a channel stops following another. Existing mirrors stay.

use crate::domain::audit::ChangedBy;
use crate::domain::follow::{DeliveryMethod, Door, Follow, FollowId, FollowState};
use crate::domain::permissions::Permissions;
use crate::store::Removed;

use crate::service::access::ChannelLookup;
use crate::service::error::CollectionRefusal;
use crate::service::locks::KeyGuard;
use crate::service::{Actor, ChannelView, FollowService, Refusal, ServiceError, UnfollowRequest, log_follow};

/// What came of `/unfollow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// The follow that ended.
    pub follow: Follow,
    /// What it followed, as far as the person may know it.
    pub source: ChannelView,
    /// Whether a collection that the target follows has that channel, and brings it from now on.
    pub is_collected: bool,
}

impl FollowService {
    /// Ends the follow of a pair.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, channel = %request.pair.target, follow = tracing::field::Empty))]
    pub async fn unfollow(&self, actor: Actor, request: UnfollowRequest) -> Result<Unfollowed, ServiceError> {
        self.quotas.count_action(actor.user, self.unfollow_now(actor, request)).await
    }

    async fn unfollow_now(&self, actor: Actor, request: UnfollowRequest) -> Result<Unfollowed, ServiceError> {
        let pair = request.pair;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let follow =
            self.parts.store.follow_by_pair(pair).await?.filter(|follow| follow.guild == actor.guild);
        if let Some(follow) = &follow {
            access.note_follow(follow);
        }
        access.prefetch(actor.guild, &[actor.user]).await?;
        let target_gone = matches!(access.find(pair.target).await?, ChannelLookup::Gone);
        if follow.is_none() || !target_gone {
            access.require_own_channel(actor, pair.target).await?;
        }
        access.require_actor(actor, pair.target, Permissions::MANAGE_CHANNELS).await?;
        let not_following = Refusal::NotFollowing { source_channel: pair.source, target: pair.target };
        let follow = follow.ok_or(not_following)?;
        log_follow(follow.id);
        let source = access.view_channel(actor, pair.source).await?;
        let (follow, _alone) = self.lock_and_reload(follow).await?;
        require_own(&follow)?;
        let follow = self.remove_locked(follow, actor.changed_by()).await?;
        let is_collected = self.parts.store.is_collected(pair).await?;
        Ok(Unfollowed { follow, source, is_collected })
    }

    /// Ends a follow of this server by its number.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn remove(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let remove = async {
            let (follow, _alone) = self.lock_managed(actor, id).await?;
            require_own(&follow)?;
            self.remove_locked(follow, actor.changed_by()).await
        };
        self.quotas.count_action(actor.user, remove).await
    }

    /// A follow of this server that the person may change. Nobody else changes it while the guard exists.
    pub(in crate::service) async fn lock_managed(
        &self,
        actor: Actor,
        id: FollowId,
    ) -> Result<(Follow, KeyGuard), ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let follow = self.known_follow(&mut access, actor, id).await?;
        access.require_actor(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await?;
        self.lock_and_reload(follow).await
    }

    /// Locks the follow's target, and then reads the follow again: it may have changed meanwhile.
    async fn lock_and_reload(&self, follow: Follow) -> Result<(Follow, KeyGuard), ServiceError> {
        let alone = self.lock_target(follow.pair.target, follow.target_kind).await;
        let now = self.parts.store.follow(follow.guild, follow.id).await?;
        Ok((now.ok_or(Refusal::NoSuchFollow(follow.id))?, alone))
    }

    /// Removes a follow that is [locked](FollowService::lock_and_reload).
    async fn remove_locked(&self, follow: Follow, by: ChangedBy) -> Result<Follow, ServiceError> {
        if follow.options.delivery == DeliveryMethod::Native {
            // First, and if it fails, the whole is refused: Discord would go on posting.
            self.stop_expected(&follow, by).await?;
        }
        let removed = self.parts.store.delete_follow(follow.guild, follow.id, self.stamp(by)).await?;
        let Removed { follow, webhook_still_needed } = removed.ok_or(Refusal::NoSuchFollow(follow.id))?;
        // A collection that the target follows may have the channel, too.
        self.parts.syncs.request();
        Ok(self.clear_after(follow, webhook_still_needed).await)
    }

    /// Clears away what nothing needs any more after this follow was removed.
    pub(super) async fn clear_after(&self, follow: Follow, webhook_still_needed: bool) -> Follow {
        if let Some(webhook) = follow.webhook.filter(|_| !webhook_still_needed) {
            self.remove_webhook(follow.guild, webhook).await;
        }
        // Its panels must go.
        (self.parts.wake)(vec![follow.pair.target]);
        tracing::info!(follow = follow.id.0, "follow removed");
        follow
    }

    /// Stops Discord's own following. An active follow is paused before, so that the webhook's disappearance
    /// is expected and breaks nothing.
    pub(super) async fn stop_expected(&self, follow: &Follow, by: ChangedBy) -> Result<(), ServiceError> {
        let active = follow.state == FollowState::Active;
        if active {
            self.parts.store.pause_follow(follow.guild, follow.id, self.stamp(by)).await?;
        }
        let stopped = self.stop_native(follow).await;
        if active && stopped.is_err() {
            self.parts.store.resume_follow(follow, None, Door::Own, self.stamp(by)).await?;
        }
        stopped
    }
}

/// Refuses to end a follow alone that comes from a collection: it would come back.
fn require_own(follow: &Follow) -> Result<(), Refusal> {
    match follow.collection_follow {
        Some(_) => Err(CollectionRefusal::FromCollection(follow.id).into()),
        None => Ok(()),
    }
}
