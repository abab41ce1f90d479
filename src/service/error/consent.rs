//! Why what the followed side decides, or what follows from it, did not happen.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{BrokenReason, FollowId, FollowState};
use crate::domain::ids::ChannelId;

use super::{Refusal, ServiceError};

/// A rule about the consent of the followed side that forbids a use case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    /// The source's server has blocked the target's. That it did is not told before there was anything to break.
    #[error("That channel can't be followed from this server.")]
    NotForThisServer,
    /// The source's moderators haven't decided yet.
    #[error(
        "Follow {0} still waits: the followed channel's server approves its followers, and hasn't decided on this one yet."
    )]
    StillWaits(FollowId),
    /// The source's moderators declined or removed it.
    #[error("Follow {0} can't be resumed. {explanation}", explanation = .1.explanation())]
    FollowAnew(FollowId, BrokenReason),
    /// There is no such follow of this server's channels.
    #[error("That follower is gone: it stopped following. `/followers` shows those that there are.")]
    FollowerGone,
    /// Somebody decided already.
    #[error("{}", decided(*.0))]
    Decided(FollowState),
    /// What a new follow needs isn't there on the other side.
    #[error(
        "I can't post in that follower's channel at the moment, so nothing has begun and the request stays. Its own server has to mend that; try again later."
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
    #[error("That server is not blocked any more.")]
    NotBlocked,
    /// That kind of channel can't be told.
    #[error("I can't tell you of followers in {kinds}. Choose a text channel with `notify`.", kinds = .0.plural())]
    NotifyKind(ChannelKind),
    /// Both a channel to tell, and that none is to be told.
    #[error("Give either `notify` or `quiet`, not both.")]
    NotifyAndQuiet,
}

fn decided(state: FollowState) -> String {
    let what = match state {
        FollowState::Active | FollowState::Paused => "it was approved, and follows",
        FollowState::Broken(BrokenReason::Declined) => "it was declined",
        FollowState::Broken(BrokenReason::Removed) => "that follower was removed",
        FollowState::Broken(BrokenReason::Blocked) => "its server is blocked",
        FollowState::Broken(_) => "it was approved, and has broken since",
    };
    format!("Somebody has decided on this request already: {what}.")
}

impl From<ConsentRefusal> for ServiceError {
    fn from(refusal: ConsentRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
