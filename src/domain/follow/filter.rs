//! Which follows of a list are wanted.

use super::{DeliveryMethod, FollowState};
use crate::domain::choice::choice;
use crate::domain::ids::ChannelId;

choice! {
    /// Whether a follow delivers, in one word.
    FollowStateKind {
        /// It delivers.
        Active = "active",
        /// Somebody paused it.
        Paused = "paused",
        /// It can't deliver.
        Broken = "broken",
    }
}

impl FollowState {
    /// The state in one word.
    pub const fn kind(self) -> FollowStateKind {
        match self {
            Self::Active => FollowStateKind::Active,
            Self::Paused => FollowStateKind::Paused,
            Self::Broken(_) => FollowStateKind::Broken,
        }
    }
}

/// Which follows are wanted: those that meet everything that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FollowFilter {
    /// Their source.
    pub source: Option<ChannelId>,
    /// Their target.
    pub target: Option<ChannelId>,
    /// Their source or their target.
    pub channel: Option<ChannelId>,
    /// Their state.
    pub state: Option<FollowStateKind>,
    /// How they deliver.
    pub delivery: Option<DeliveryMethod>,
}

impl FollowFilter {
    /// Those with this channel as source or target, or all.
    pub fn of_channel(channel: Option<ChannelId>) -> Self {
        Self { channel, ..Self::default() }
    }
}
