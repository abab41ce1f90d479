//! Refusals around the consent of the followed side: approving, declining, removing and blocking followers.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{BrokenReason, FollowId, FollowState};
use crate::domain::ids::ChannelId;

use super::{Refusal, ServiceError};

/// A rule about the followed side's consent that forbids a use case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    /// The source's server has blocked the target's. The text doesn't say so, as long as there was no follow
    /// that the block broke.
    #[error("That channel can't be followed from this server.")]
    NotForThisServer,
    /// The source's moderators haven't decided yet.
    #[error(
        "Follow {0} is still waiting: the followed channel's server approves its followers, and hasn't decided on this one yet."
    )]
    StillWaits(FollowId),
    /// The source's moderators declined or removed it.
    #[error("Follow {0} can't be resumed. {explanation}", explanation = .1.explanation())]
    FollowAnew(FollowId, BrokenReason),
    /// None of this server's channels has this follower.
    #[error("That follower is gone: it stopped following. `/followers` shows those that are left.")]
    FollowerGone,
    /// Somebody decided already.
    #[error("{}", decided(*.0))]
    Decided(FollowState),
    /// The other side lacks what a new follow needs.
    #[error(
        "I can't post in that follower's channel at the moment, so nothing has started and the request stays. Its own server has to fix that. Try again later."
    )]
    FollowerUnready,
    /// The source isn't open.
    #[error(
        "<#{0}> is not open to other servers, so nobody from outside can follow it. Open it with `/publish` first, then approve the request in `/followers`."
    )]
    SourceClosed(ChannelId),
    /// The target's server is blocked.
    #[error("That server is blocked. Unblock it in `/followers` first.")]
    ServerBlocked,
    /// The server isn't blocked.
    #[error("That server isn't blocked any more.")]
    NotBlocked,
    /// Moderators can't be told about followers in that kind of channel.
    #[error("I can't tell you about followers in {kinds}. Choose a text channel with `notify`.", kinds = .0.plural())]
    NotifyKind(ChannelKind),
    /// Both `notify` and `quiet` were given.
    #[error("Give either `notify` or `quiet`, not both.")]
    NotifyAndQuiet,
}

fn decided(state: FollowState) -> String {
    let what = match state {
        FollowState::Active | FollowState::Paused => "it was approved, and follows",
        FollowState::Broken(BrokenReason::Declined) => "it was declined",
        FollowState::Broken(BrokenReason::Removed) => "that follower was removed",
        FollowState::Broken(BrokenReason::Blocked) => "its server is blocked",
        FollowState::Broken(_) => "it was approved, and has since broken",
    };
    format!("Somebody has already decided on this request: {what}.")
}

impl From<ConsentRefusal> for ServiceError {
    fn from(refusal: ConsentRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
