//! Pausing and resuming a follow. What is posted meanwhile is not sent later.

use crate::domain::audit::ChangedBy;
use crate::domain::follow::{
    BrokenReason, DeliveryMethod, Door, Exposure, Follow, FollowId, FollowOptions, FollowState,
};

use super::change::not_native;
use super::confirm::{PendingAction, Question};
use super::{FollowChannels, refused_by_store};
use crate::service::access::Access;
use crate::service::error::ConsentRefusal;
use crate::service::{Actor, FollowService, Refusal, ServiceError, log_follow};

/// What came of resuming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resumed {
    /// The follow is active again.
    Again {
        /// The follow.
        follow: Follow,
        /// It was broken, not paused.
        was_broken: bool,
    },
    /// It waits until the source's moderators approve it.
    Waits(Follow),
    /// Nothing has happened yet: the person must confirm it first.
    Asked(Question),
}

impl FollowService {
    /// Pauses a follow. It and its mirrors stay. A native follow stops when Discord's webhook is deleted;
    /// resuming makes a new one.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn pause(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        self.quotas.count_action(actor.user, self.pause_now(actor, id)).await
    }

    async fn pause_now(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let (follow, _alone) = self.lock_managed(actor, id).await?;
        match follow.state {
            FollowState::Active => {}
            FollowState::Paused => return Err(Refusal::AlreadyPaused(id).into()),
            FollowState::Broken(reason) => return Err(Refusal::Broken(id, reason).into()),
        }
        // The database first: then the webhook's disappearance is expected and breaks nothing.
        let paused = self.parts.store.pause_follow(actor.guild, id, self.stamp(actor.changed_by())).await?;
        let paused = paused.ok_or(Refusal::NoSuchFollow(id))?;
        // So that its panels say that they are paused.
        (self.parts.wake)(vec![follow.pair.target]);
        if follow.options.delivery == DeliveryMethod::Native
            && let Err(error) = self.stop_native(&follow).await
        {
            let stamp = self.stamp(actor.changed_by());
            self.parts.store.resume_follow(&paused, None, Door::Own, stamp).await?;
            return Err(error);
        }
        tracing::info!(follow = id.0, "follow paused");
        Ok(paused)
    }

    /// Makes a paused or broken follow active again, if everything that a new follow needs is there.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn resume(&self, actor: Actor, id: FollowId) -> Result<Resumed, ServiceError> {
        self.quotas.count_action(actor.user, self.resume_as(actor, id, false)).await
    }

    /// The same, as part of an action that was counted already. `confirmed` says that the person has
    /// confirmed it.
    pub(in crate::service) async fn resume_as(
        &self,
        actor: Actor,
        id: FollowId,
        confirmed: bool,
    ) -> Result<Resumed, ServiceError> {
        log_follow(id);
        let (follow, _alone) = self.lock_managed(actor, id).await?;
        if follow.state == FollowState::Active {
            return Err(Refusal::AlreadyActive(id).into());
        }
        self.require_resumable(&follow).await?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let ends = self.require_possible(&mut access, actor, &follow).await?;
        let exposure = self.exposure(&mut access, &ends, Some(&follow), confirmed).await?;
        if exposure == Exposure::Stopped {
            return Ok(Resumed::Asked(self.ask_to_confirm(actor, follow.pair, PendingAction::Resume(id))?));
        }
        self.begin_reading(&ends.source, &follow.options).await?;
        let resumed = self.reconnect(&follow, ends.door, exposure, actor.changed_by()).await?;
        self.parts.checks.request(follow.source_guild);
        self.parts.checks.request(follow.guild);
        match resumed.state {
            FollowState::Active => {}
            // Its source's moderators ended it meanwhile.
            FollowState::Broken(reason @ (BrokenReason::Declined | BrokenReason::Removed)) => {
                return Err(ConsentRefusal::FollowAnew(id, reason).into());
            }
            FollowState::Broken(_) | FollowState::Paused => return Ok(Resumed::Waits(resumed)),
        }
        tracing::info!(follow = id.0, "follow resumed");
        Ok(Resumed::Again { follow: resumed, was_broken: matches!(follow.state, FollowState::Broken(_)) })
    }

    /// Connects an existing follow again and makes it active. If it needs approval, it waits instead. Its
    /// target must be [locked](FollowService::lock_target).
    pub(in crate::service) async fn reconnect(
        &self,
        follow: &Follow,
        door: Door,
        exposure: Exposure,
        by: ChangedBy,
    ) -> Result<Follow, ServiceError> {
        if self.must_wait(follow).await? {
            let waits = self.parts.store.resume_follow(follow, None, door, self.stamp(by)).await;
            return Ok(waits.map_err(refused_by_store)?.ok_or(Refusal::NoSuchFollow(follow.id))?);
        }
        if follow.options.delivery == DeliveryMethod::Native {
            // If the former webhook still exists, Discord would post everything twice.
            self.stop_native(follow).await?;
        }
        let connected =
            self.connect(follow.guild, follow.pair, follow.target_kind, follow.options.delivery).await?;
        self.parts.watched.update_follow(follow, &follow.options);
        if exposure == Exposure::Meant {
            self.parts.store.note_meant(follow.guild, follow.id, self.stamp(by)).await?;
        }
        let hook = Some(&connected.hook);
        match self.parts.store.resume_follow(follow, hook, door, self.stamp(by)).await {
            Ok(Some(resumed)) => {
                if !connected.serves(&resumed) {
                    // It must wait after all.
                    self.disconnect(connected).await;
                }
                (self.parts.wake)(vec![follow.pair.target]);
                Ok(resumed)
            }
            Ok(None) => {
                self.disconnect(connected).await;
                Err(Refusal::NoSuchFollow(follow.id).into())
            }
            Err(error) => {
                self.disconnect(connected).await;
                Err(refused_by_store(error))
            }
        }
    }

    /// Checks everything that a new follow of the same pair and delivery would need, and returns its
    /// channels.
    async fn require_possible(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follow: &Follow,
    ) -> Result<FollowChannels, ServiceError> {
        let ends = self.follow_channels(access, actor, follow.pair.source, follow.pair.target).await?;
        let FollowOptions { delivery, filter, threads, .. } = &follow.options;
        if *delivery == DeliveryMethod::Native && not_native(&ends, filter, *threads).is_some() {
            return Err(Refusal::NativeImpossible.into());
        }
        self.require_bot(access, &ends, *delivery).await?;
        Ok(ends)
    }
}
