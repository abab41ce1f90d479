//! The consent of the followed side, as the following side meets it: follows that wait until somebody approves them, and servers that are blocked.

use crate::domain::follow::{Approval, BrokenReason, Delivery, Door, Follow, FollowOptions, FollowState};
use crate::domain::ids::{ChannelId, GuildId};

use super::error::ConsentRefusal;
use super::follow::{Followed, closed};
use super::follow_change::Changed;
use super::webhooks::Connected;
use super::{Follows, Refusal, ServiceError};

impl Follows {
    /// Whether this channel's moderators are asked before a channel of another server follows it.
    pub(super) async fn asks(&self, channel: ChannelId) -> Result<bool, ServiceError> {
        Ok(self.store.publication(channel).await?.approval == Approval::Ask)
    }

    /// Whether a follow goes on only once the source's moderators approve it.
    pub(super) async fn must_wait(&self, follow: &Follow) -> Result<bool, ServiceError> {
        let asks_anew = matches!(follow.state, FollowState::Broken(reason) if reason.asks_anew());
        Ok(asks_anew && follow.crosses_servers() && self.asks(follow.source_root()).await?)
    }

    /// Refuses where a follow can't be resumed, as it is up to the source's moderators.
    pub(super) async fn require_resumable(&self, follow: &Follow) -> Result<(), ServiceError> {
        match follow.state {
            FollowState::Broken(BrokenReason::AwaitingApproval) if self.must_wait(follow).await? => {
                Err(ConsentRefusal::StillWaits(follow.id).into())
            }
            FollowState::Broken(reason @ (BrokenReason::Declined | BrokenReason::Removed)) => {
                Err(ConsentRefusal::FollowAnew(follow.id, reason).into())
            }
            _ => Ok(()),
        }
    }

    /// Refuses where a server has blocked another. Whoever stores a follow looks again.
    pub(super) async fn require_unblocked(
        &self,
        source: GuildId,
        target: GuildId,
    ) -> Result<(), ServiceError> {
        if source != target && self.store.blocked_followers(source).await?.contains(&target) {
            return Err(ConsentRefusal::NotForThisServer.into());
        }
        Ok(())
    }

    /// Has a follow that stands wait, with the options that it is to have. Nothing is connected that delivers.
    pub(super) async fn ask_again(
        &self,
        standing: &Follow,
        options: &FollowOptions,
        door: Door,
    ) -> Result<Followed, ServiceError> {
        if standing.state == FollowState::Broken(BrokenReason::AwaitingApproval)
            && standing.options == *options
        {
            return Err(ConsentRefusal::StillWaits(standing.id).into());
        }
        if standing.options.delivery != options.delivery {
            let connected = match options.delivery {
                Delivery::Native => Connected::later(standing.guild),
                Delivery::Relay => {
                    self.connect(standing.guild, standing.pair, standing.spot, Delivery::Relay).await?
                }
            };
            if let Err(error) = self.set_options(standing, options, Some(&connected.hook), door).await {
                self.disconnect(connected).await;
                return Err(error);
            }
            if let Err(error) = self.release(standing).await {
                tracing::warn!(follow = standing.id.0, %error, "a former webhook could not be deleted");
            }
        } else if standing.options != *options {
            self.set_options(standing, options, None, door).await?;
        }
        let now = self.clock.now();
        let waits = self.store.resume_follow(standing, None, door, now).await;
        let waits = waits.map_err(closed)?.ok_or(Refusal::NoSuchFollow(standing.id))?;
        Ok(waiting_or(waits, |follow| {
            Followed::Repaired(Changed { before: standing.options.clone(), follow, why_relay: None })
        }))
    }
}

/// A follow that waits after all, or what else came of it.
pub(super) fn waiting_or(follow: Follow, done: impl FnOnce(Follow) -> Followed) -> Followed {
    if follow.state == FollowState::Broken(BrokenReason::AwaitingApproval) {
        Followed::Waits(follow)
    } else {
        done(follow)
    }
}
