//! Words for what the domain keeps as types. They are part of the API's contract.

use crate::domain::channel::ChannelKind;
use crate::domain::report::{DeliveryVerdict, LeftOut, WaitReason};

/// What became of a message in a follower.
pub(super) const fn verdict(verdict: DeliveryVerdict) -> &'static str {
    match verdict {
        DeliveryVerdict::Shown => "shown",
        DeliveryVerdict::Updating => "updating",
        DeliveryVerdict::Outdated => "outdated",
        DeliveryVerdict::Waiting => "waiting",
        DeliveryVerdict::Published => "published",
        DeliveryVerdict::MaybePublished => "maybe_published",
        DeliveryVerdict::Unpublished => "unpublished",
        DeliveryVerdict::LeftOut(LeftOut::Tags) => "left_out_by_tags",
        DeliveryVerdict::LeftOut(LeftOut::Threads) => "left_out_by_threads",
        DeliveryVerdict::LeftOut(LeftOut::Panels) => "left_out_by_panels",
        DeliveryVerdict::Paused => "paused",
        DeliveryVerdict::Broken(_) => "broken",
        DeliveryVerdict::Before => "before",
        DeliveryVerdict::Missed => "missed",
        DeliveryVerdict::Removing => "removing",
        DeliveryVerdict::Deleted => "deleted",
        DeliveryVerdict::Left => "left",
        DeliveryVerdict::Withheld => "withheld",
        DeliveryVerdict::Withdrawn => "taken_back",
        DeliveryVerdict::RemovedByHand => "removed_by_hand",
        DeliveryVerdict::Refused => "refused",
        DeliveryVerdict::GaveUp => "gave_up",
        DeliveryVerdict::Unknown => "unknown",
    }
}

/// Why something waits.
pub(super) const fn wait(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Sending => "sending",
        WaitReason::Doubt(_) => "doubt",
        WaitReason::Failed(..) => "failed",
        WaitReason::Behind(..) => "behind",
        WaitReason::Limited(_) => "limited",
        WaitReason::Soon => "soon",
    }
}

/// A kind of channel.
pub(super) const fn channel_kind(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Text => "text",
        ChannelKind::Direct => "direct",
        ChannelKind::Voice => "voice",
        ChannelKind::Category => "category",
        ChannelKind::Announcement => "announcement",
        ChannelKind::PublicThread => "public_thread",
        ChannelKind::PrivateThread => "private_thread",
        ChannelKind::Stage => "stage",
        ChannelKind::Forum => "forum",
        ChannelKind::Unknown(_) => "unknown",
    }
}
