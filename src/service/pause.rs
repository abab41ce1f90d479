//! Pausing and resuming a follow. What is posted meanwhile is not sent later.

use crate::domain::follow::{Delivery, Follow, FollowId, FollowOptions, FollowState};

use super::access::Place;
use super::follow_change::not_native;
use super::{Actor, Follows, Refusal, ServiceError};

/// What came of resuming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The follow, active again.
    pub follow: Follow,
    /// It was broken, not paused.
    pub was_broken: bool,
}

impl Follows {
    /// Pauses a follow; it and its mirrors stay. A native one stops by losing Discord's webhook, which resuming makes anew.
    pub async fn pause(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let (follow, _alone) = self.managed(actor, id).await?;
        match follow.state {
            FollowState::Active => {}
            FollowState::Paused => return Err(Refusal::AlreadyPaused(id).into()),
            FollowState::Broken(reason) => return Err(Refusal::Broken(id, reason).into()),
        }
        let action = self.take_action(actor.user)?;
        // The row first: the webhook's disappearance is then expected, and breaks nothing.
        let paused = self.store.pause_follow(actor.guild, id, self.clock.now()).await?;
        let paused = paused.ok_or(Refusal::NoSuchFollow(id))?;
        // Its panels are to say so.
        (self.wake)(vec![follow.pair.target]);
        if follow.options.delivery == Delivery::Native
            && let Err(error) = self.stop_native(&follow).await
        {
            self.store.resume_follow(actor.guild, id, None, self.clock.now()).await?;
            return Err(error);
        }
        action.keep();
        Ok(paused)
    }

    /// Makes a paused or broken follow active again, if all that a new follow needs is there.
    pub async fn resume(&self, actor: Actor, id: FollowId) -> Result<Resumed, ServiceError> {
        let (follow, _alone) = self.managed(actor, id).await?;
        if follow.state == FollowState::Active {
            return Err(Refusal::AlreadyActive(id).into());
        }
        let action = self.take_action(actor.user)?;
        let source = self.require_possible(actor, &follow).await?;
        self.begin_reading(&source, &follow.options).await?;
        let resumed = self.reconnect(&follow).await?;
        action.keep();
        Ok(Resumed { follow: resumed, was_broken: matches!(follow.state, FollowState::Broken(_)) })
    }

    /// Connects a follow that stands anew, and makes it active. Its target must be [locked](Follows::lock_target).
    pub(super) async fn reconnect(&self, follow: &Follow) -> Result<Follow, ServiceError> {
        if follow.options.delivery == Delivery::Native {
            // A webhook that still stands would make Discord post twice.
            self.stop_native(follow).await?;
        }
        let connected = self.connect(follow.guild, follow.pair, follow.spot, follow.options.delivery).await?;
        self.watched.add_again(follow, &follow.options);
        let resumed =
            self.store.resume_follow(follow.guild, follow.id, Some(&connected.hook), self.clock.now()).await;
        match resumed {
            Ok(Some(resumed)) => {
                (self.wake)(vec![follow.pair.target]);
                Ok(resumed)
            }
            Ok(None) => {
                self.disconnect(connected).await;
                Err(Refusal::NoSuchFollow(follow.id).into())
            }
            Err(error) => {
                self.disconnect(connected).await;
                Err(error.into())
            }
        }
    }

    /// Checks what a new follow of the same pair and delivery would need; returns its source.
    async fn require_possible(&self, actor: Actor, follow: &Follow) -> Result<Place, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let ends = self.ends(&mut access, actor, follow.pair.source, follow.pair.target).await?;
        let FollowOptions { delivery, filter, threads, .. } = &follow.options;
        if *delivery == Delivery::Native && not_native(&ends, filter, *threads).is_some() {
            return Err(Refusal::NativeImpossible.into());
        }
        self.require_bot(&mut access, &ends, *delivery).await?;
        Ok(ends.source)
    }
}
