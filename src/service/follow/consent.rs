//! The consent of the followed side, as the following side sees it: follows that wait until somebody approves
//! them, and servers that are blocked.

use crate::domain::audit::ChangedBy;
use crate::domain::follow::{
    Approval, BrokenReason, DeliveryMethod, Door, Follow, FollowOptions, FollowState,
};
use crate::domain::ids::{ChannelId, GuildId};

use super::change::ChangedFollow;
use super::webhooks::ConnectedHook;
use super::{FollowOutcome, refused_by_store};
use crate::service::error::ConsentRefusal;
use crate::service::{FollowService, Refusal, ServiceError};

impl FollowService {
    /// Whether this channel's moderators approve each channel of another server that wants to follow it.
    pub(in crate::service) async fn needs_approval(&self, channel: ChannelId) -> Result<bool, ServiceError> {
        Ok(self.parts.store.publication(channel).await?.approval == Approval::Ask)
    }

    /// Whether a follow can go on only once the source's moderators approve it.
    pub(in crate::service) async fn must_wait(&self, follow: &Follow) -> Result<bool, ServiceError> {
        let asks_anew = matches!(follow.state, FollowState::Broken(reason) if reason.asks_anew());
        Ok(asks_anew && follow.crosses_servers() && self.needs_approval(follow.source_root()).await?)
    }

    /// Refuses to resume a follow that only the source's moderators can let go on.
    pub(in crate::service) async fn require_resumable(&self, follow: &Follow) -> Result<(), ServiceError> {
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

    /// Refuses if the source's server has blocked the target's. The store checks it again when it writes the
    /// follow.
    pub(in crate::service) async fn require_unblocked(
        &self,
        source: GuildId,
        target: GuildId,
    ) -> Result<(), ServiceError> {
        if source != target && self.parts.store.blocked_followers(source).await?.contains(&target) {
            return Err(ConsentRefusal::NotForThisServer.into());
        }
        Ok(())
    }

    /// Sends an existing follow back to wait for approval, with the options that it should have. Nothing that
    /// delivers is connected.
    pub(in crate::service) async fn ask_again(
        &self,
        existing: &Follow,
        options: &FollowOptions,
        door: Door,
        by: ChangedBy,
    ) -> Result<FollowOutcome, ServiceError> {
        if existing.state == FollowState::Broken(BrokenReason::AwaitingApproval)
            && existing.options == *options
        {
            return Err(ConsentRefusal::StillWaits(existing.id).into());
        }
        if existing.options.delivery != options.delivery {
            let connected = match options.delivery {
                DeliveryMethod::Native => ConnectedHook::later(existing.guild),
                DeliveryMethod::Relay => {
                    self.connect(existing.guild, existing.pair, existing.target_kind, DeliveryMethod::Relay)
                        .await?
                }
            };
            if let Err(error) = self.set_options(existing, options, Some(&connected.hook), door, by).await {
                self.disconnect(connected).await;
                return Err(error);
            }
            if let Err(error) = self.release_hook(existing).await {
                tracing::warn!(follow = existing.id.0, %error, "a former webhook could not be deleted");
            }
        } else if existing.options != *options {
            self.set_options(existing, options, None, door, by).await?;
        }
        let waits = self.parts.store.resume_follow(existing, None, door, self.stamp(by)).await;
        let waits = waits.map_err(refused_by_store)?.ok_or(Refusal::NoSuchFollow(existing.id))?;
        Ok(waiting_or(waits, |follow| {
            FollowOutcome::Repaired(ChangedFollow {
                before: existing.options.clone(),
                follow,
                why_relay: None,
            })
        }))
    }
}

/// Reports a follow that must wait after all, or else what was done.
pub(in crate::service) fn waiting_or(
    follow: Follow,
    done: impl FnOnce(Follow) -> FollowOutcome,
) -> FollowOutcome {
    if follow.state == FollowState::Broken(BrokenReason::AwaitingApproval) {
        FollowOutcome::Waits(follow)
    } else {
        done(follow)
    }
}
