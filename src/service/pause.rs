//! Pausing and resuming a follow. What is posted meanwhile is not sent later.

use crate::domain::follow::{
    BrokenReason, Delivery, Door, Exposure, Follow, FollowId, FollowOptions, FollowState,
};

use super::access::Access;
use super::confirm::{Asking, Question};
use super::error::ConsentRefusal;
use super::follow::{Ends, closed};
use super::follow_change::not_native;
use super::{Actor, Follows, Refusal, ServiceError};

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
    /// Nothing yet: the person is to say whether they mean it.
    Asked(Question),
}

impl Follows {
    /// Pauses a follow; it and its mirrors stay. A native one stops by losing Discord's webhook, which resuming makes anew.
    pub async fn pause(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        self.actions.count(actor.user, self.pause_now(actor, id)).await
    }

    async fn pause_now(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let (follow, _alone) = self.managed(actor, id).await?;
        match follow.state {
            FollowState::Active => {}
            FollowState::Paused => return Err(Refusal::AlreadyPaused(id).into()),
            FollowState::Broken(reason) => return Err(Refusal::Broken(id, reason).into()),
        }
        // The row first: the webhook's disappearance is then expected, and breaks nothing.
        let paused = self.store.pause_follow(actor.guild, id, self.clock.now()).await?;
        let paused = paused.ok_or(Refusal::NoSuchFollow(id))?;
        // Its panels are to say so.
        (self.wake)(vec![follow.pair.target]);
        if follow.options.delivery == Delivery::Native
            && let Err(error) = self.stop_native(&follow).await
        {
            self.store.resume_follow(&paused, None, Door::Own, self.clock.now()).await?;
            return Err(error);
        }
        Ok(paused)
    }

    /// Makes a paused or broken follow active again, if all that a new follow needs is there.
    pub async fn resume(&self, actor: Actor, id: FollowId) -> Result<Resumed, ServiceError> {
        self.actions.count(actor.user, self.resume_as(actor, id, false)).await
    }

    /// The same, as part of an action that counts already; `confirmed` where the person has been asked whether they mean it.
    pub(super) async fn resume_as(
        &self,
        actor: Actor,
        id: FollowId,
        confirmed: bool,
    ) -> Result<Resumed, ServiceError> {
        let (follow, _alone) = self.managed(actor, id).await?;
        if follow.state == FollowState::Active {
            return Err(Refusal::AlreadyActive(id).into());
        }
        self.require_resumable(&follow).await?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let ends = self.require_possible(&mut access, actor, &follow).await?;
        let exposure = self.exposure(&mut access, &ends, Some(&follow), confirmed).await?;
        if exposure == Exposure::Stopped {
            return Ok(Resumed::Asked(self.ask(actor, follow.pair, Asking::Resume(id))));
        }
        self.begin_reading(&ends.source, &follow.options).await?;
        let resumed = self.reconnect(&follow, ends.door, exposure).await?;
        self.doors.want(follow.source_guild);
        self.doors.want(follow.guild);
        match resumed.state {
            FollowState::Active => {}
            // Its source's moderators ended it meanwhile.
            FollowState::Broken(reason @ (BrokenReason::Declined | BrokenReason::Removed)) => {
                return Err(ConsentRefusal::FollowAnew(id, reason).into());
            }
            FollowState::Broken(_) | FollowState::Paused => return Ok(Resumed::Waits(resumed)),
        }
        Ok(Resumed::Again { follow: resumed, was_broken: matches!(follow.state, FollowState::Broken(_)) })
    }

    /// Connects a follow that stands anew, and makes it active; one that is to be approved first waits instead. Its target must be [locked](Follows::lock_target).
    pub(super) async fn reconnect(
        &self,
        follow: &Follow,
        door: Door,
        exposure: Exposure,
    ) -> Result<Follow, ServiceError> {
        if self.must_wait(follow).await? {
            let now = self.clock.now();
            let waits = self.store.resume_follow(follow, None, door, now).await;
            return Ok(waits.map_err(closed)?.ok_or(Refusal::NoSuchFollow(follow.id))?);
        }
        if follow.options.delivery == Delivery::Native {
            // A webhook that still stands would make Discord post twice.
            self.stop_native(follow).await?;
        }
        let connected = self.connect(follow.guild, follow.pair, follow.spot, follow.options.delivery).await?;
        self.watched.add_again(follow, &follow.options);
        if exposure == Exposure::Meant {
            self.store.note_meant(follow.guild, follow.id).await?;
        }
        let (hook, now) = (Some(&connected.hook), self.clock.now());
        match self.store.resume_follow(follow, hook, door, now).await {
            Ok(Some(resumed)) => {
                if !connected.serves(&resumed) {
                    // It waits after all.
                    self.disconnect(connected).await;
                }
                (self.wake)(vec![follow.pair.target]);
                Ok(resumed)
            }
            Ok(None) => {
                self.disconnect(connected).await;
                Err(Refusal::NoSuchFollow(follow.id).into())
            }
            Err(error) => {
                self.disconnect(connected).await;
                Err(closed(error))
            }
        }
    }

    /// Checks what a new follow of the same pair and delivery would need; returns its channels.
    async fn require_possible(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follow: &Follow,
    ) -> Result<Ends, ServiceError> {
        let ends = self.ends(access, actor, follow.pair.source, follow.pair.target).await?;
        let FollowOptions { delivery, filter, threads, .. } = &follow.options;
        if *delivery == Delivery::Native && not_native(&ends, filter, *threads).is_some() {
            return Err(Refusal::NativeImpossible.into());
        }
        self.require_bot(access, &ends, *delivery).await?;
        Ok(ends)
    }
}
