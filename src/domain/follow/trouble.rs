//! Why a follow doesn't deliver, and what people can do about it.

use super::{Follow, FollowState};
use crate::domain::choice::choice;

choice! {
    /// Whether everybody in the target's server can read, through a follow, what most people in the source's
    /// server can't.
    Exposure {
        /// Nobody confirmed that this is meant.
        None = "none",
        /// Somebody who could have cancelled confirmed it.
        Meant = "meant",
        /// It became so later, and the bot paused the follow.
        Stopped = "stopped",
    }
}

choice! {
    /// Why a follow stopped delivering without anyone having paused it.
    #[derive(PartialOrd, Ord)]
    BrokenReason {
        /// The source channel was deleted.
        SourceDeleted = "source_deleted",
        /// The target channel was deleted.
        TargetDeleted = "target_deleted",
        /// The bot is no longer in the source's server.
        SourceServerLeft = "source_server_left",
        /// The bot is no longer in the target's server.
        TargetServerLeft = "target_server_left",
        /// The webhook in the target was deleted.
        WebhookDeleted = "webhook_deleted",
        /// The webhook was moved to another channel.
        WebhookMoved = "webhook_moved",
        /// Discord refuses to let the bot write in the target.
        TargetForbidden = "target_forbidden",
        /// The target is a thread that is locked.
        ThreadLocked = "thread_locked",
        /// The bot is timed out in the target's server.
        BotTimedOut = "bot_timed_out",
        /// The target's server requires two-factor authentication, and the application's owner has none.
        TwoFactor = "two_factor",
        /// There is no room for a webhook in the target, or in its server.
        TooManyWebhooks = "too_many_webhooks",
        /// The bot can no longer read the source.
        SourceForbidden = "source_forbidden",
        /// The source's server no longer lets other servers follow it.
        Unpublished = "unpublished",
        /// What is posted in the target is copied back into the source by somebody else.
        Circle = "circle",
        /// The source is age-restricted, and the target isn't.
        AgeRestricted = "age_restricted",
        /// A native follow's source isn't an announcement channel any more.
        NoAnnouncement = "no_announcement",
        /// The source's moderators are asked first, and haven't answered.
        AwaitingApproval = "awaiting_approval",
        /// They didn't approve it.
        Declined = "declined",
        /// They removed it.
        Removed = "removed",
        /// They blocked the target's server.
        Blocked = "blocked",
        /// The operator doesn't serve the source's or the target's server.
        NotServed = "not_served",
    }
}

impl BrokenReason {
    /// Whether the bot can no longer reach what it posted in the target.
    pub const fn is_of_target(self) -> bool {
        matches!(
            self,
            Self::TargetDeleted
                | Self::TargetServerLeft
                | Self::WebhookDeleted
                | Self::WebhookMoved
                | Self::TargetForbidden
                | Self::ThreadLocked
                | Self::BotTimedOut
                | Self::TwoFactor
                | Self::TooManyWebhooks
        )
    }

    /// Whether Discord's own following has to be stopped, because Discord would go on.
    pub const fn stops_native(self) -> bool {
        self.is_refusal() || matches!(self, Self::Unpublished | Self::AgeRestricted)
    }

    /// Whether the source's moderators ended the follow, or haven't let it begin. Then it doesn't count as a
    /// follower.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::AwaitingApproval | Self::Declined | Self::Removed | Self::Blocked)
    }

    /// Whether the source's moderators are asked again before the follow goes on, where they want to be
    /// asked: they, or their settings, ended it.
    pub const fn asks_anew(self) -> bool {
        self.is_refusal() || matches!(self, Self::Unpublished)
    }

    /// What happened, and what a moderator can do about it.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::SourceDeleted => "The followed channel was deleted. Remove this follow.",
            Self::TargetDeleted => "The receiving channel was deleted. Remove this follow.",
            Self::SourceServerLeft => {
                "I am no longer in the followed channel's server. Invite me there again within a week, then resume this follow."
            }
            Self::TargetServerLeft => "I was removed from this server. Resume this follow to start it again.",
            Self::WebhookDeleted => {
                "The webhook that posts in the receiving channel was deleted. Give me Manage Webhooks if I lack it, then resume this follow, and I'll create a new one."
            }
            Self::WebhookMoved => {
                "The webhook that posts in the receiving channel was moved to another channel. Give me Manage Webhooks if I lack it, then resume this follow, and I'll create a new one."
            }
            Self::TargetForbidden => {
                "Discord does not let me post in the receiving channel any more, or see what I posted there. Give me View Channel, Read Message History and Manage Webhooks, and unlock it if it is a locked thread; then resume this follow."
            }
            Self::ThreadLocked => {
                "The receiving thread is locked. Unlock it, or give me Manage Threads there, then resume this follow."
            }
            Self::BotTimedOut => {
                "I am timed out in the receiving channel's server, so I can only read there. End my timeout or wait until it is over, then resume this follow."
            }
            Self::TwoFactor => {
                "The receiving channel's server requires two-factor authentication for moderation, and the owner of my application hasn't enabled it, so Discord does not let me manage webhooks or threads there. Ask them to enable it for their account, or lift the server's requirement, then resume this follow."
            }
            Self::TooManyWebhooks => {
                "The webhook that posts in the receiving channel is gone, and Discord allows no new one: a channel may have 15 webhooks, and a server 1,000. Delete one that nobody needs, then resume this follow."
            }
            Self::SourceForbidden => {
                "I can no longer read the followed channel. Give me View Channel and Read Message History there, then resume this follow."
            }
            Self::Unpublished => {
                "The followed channel is no longer open to other servers. Ask its admins to `/publish` it, then resume this follow."
            }
            Self::AgeRestricted => {
                "The followed channel is age-restricted, and the receiving one isn't. Make the receiving channel age-restricted, too, then resume this follow."
            }
            Self::NoAnnouncement => {
                "The followed channel isn't an announcement channel any more, so Discord's own following delivers nothing. Run `/follow` with `delivery:relay` for it."
            }
            Self::AwaitingApproval => {
                "The followed channel's server approves its followers, and hasn't decided on this one yet. It starts by itself once they approve it."
            }
            Self::Declined => {
                "The followed channel's server declined this follow. Run `/follow` again to ask once more, or remove it."
            }
            Self::Removed => {
                "The followed channel's server removed this follow. Run `/follow` again if you think that was a mistake, or remove it."
            }
            Self::Blocked => {
                "The followed channel's server doesn't let this server follow its channels. Remove this follow."
            }
            Self::NotServed => {
                "This bot's operator doesn't serve the server of one of the two channels. If that changes and I am invited there again within a week, resume this follow."
            }
            Self::Circle => {
                "Another bot or a webhook copies what I post in the receiving channel back into the followed channel, so the same message came around again and again. Stop that copying, then resume this follow, or remove it."
            }
        }
    }
}

impl Follow {
    /// What happened, and what a moderator can do about it. `None` for a follow that works as it should.
    pub fn trouble(&self) -> Option<String> {
        let lacking = (!self.lacking.is_empty()).then(|| self.lacking.listed());
        match (self.state, lacking) {
            (FollowState::Active, None) => None,
            (FollowState::Active, Some(lacking)) => Some(format!(
                "I lack {lacking} in the receiving channel. What is posted still arrives, but if my webhook there is deleted, I can't create another."
            )),
            (FollowState::Paused, _) if self.exposure == Exposure::Stopped => Some(
                "Everyone can read the receiving channel, but most can no longer see the followed one, so I paused this follow. If that is what you want, resume it."
                    .to_owned(),
            ),
            (FollowState::Paused, _) => None,
            (FollowState::Broken(reason), None) => Some(reason.explanation().to_owned()),
            (FollowState::Broken(reason), Some(lacking)) => Some(match reason {
                BrokenReason::SourceForbidden => format!(
                    "I lack {lacking} in the followed channel. Give me that under Edit Channel → Permissions, and this follow goes on by itself."
                ),
                BrokenReason::TargetForbidden => format!(
                    "I lack {lacking} in the receiving channel. Give me that under Edit Channel → Permissions, and this follow goes on by itself."
                ),
                BrokenReason::WebhookDeleted | BrokenReason::WebhookMoved => format!(
                    "The webhook that posts in the receiving channel is gone, and I lack {lacking} to create another. Give me that, and this follow goes on by itself."
                ),
                _ => reason.explanation().to_owned(),
            }),
        }
    }
}
