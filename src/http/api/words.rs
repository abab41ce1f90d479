//! The closed sets of words in the API. They are part of its contract, and its description lists them: it
//! takes them from here, and those of the domain from there.

use std::iter::once;

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::audit::{self, AuditSubject, Via};
use crate::domain::channel;
use crate::domain::collection_follow;
use crate::domain::follow::{self, Approval, Audience, FollowStateKind, TagMode};
use crate::domain::report::{self, LeftOut};
use crate::domain::scope;
use crate::domain::{account, digest, feed, panel, personal};
use crate::http::caller::Identified;
use crate::service::health::{DatabaseCondition, GatewayCondition};
use crate::service::panels::Panels;
use crate::service::{self as service, ChannelView, FollowEdit, NotLetThrough, NotMirrored};

/// What is said of somebody who is asked before they are followed.
pub(super) const ASKED: &str = "asked";
/// Whose requests are meant.
pub(super) const RECEIVED: &str = "received";
pub(super) const SENT: &str = "sent";

/// A type of the API's description: a text that is one of these words. It has no values here.
macro_rules! set {
    ($(#[doc = $doc:literal])+ $name:ident = $words:expr) => {
        $(#[doc = $doc])+
        pub(in crate::http::api) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of(concat!($($doc),+).trim(), $words)
            }
        }

        impl ToSchema for $name {}
    };
}

/// The same, with the function that names each value.
macro_rules! named {
    (
        $(#[doc = $doc:literal])+ $name:ident, $(#[$about:meta])+ $function:ident($type:ty) {
            $($pattern:pat => $word:literal),+ $(,)?
        }
    ) => {
        $(#[$about])+
        pub(super) const fn $function(value: $type) -> &'static str {
            match value {
                $($pattern => $word),+
            }
        }

        set! { $(#[doc = $doc])+ $name = [$($word),+] }
    };
}

fn one_of(description: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .description(Some(description))
        .enum_values(Some(words))
        .into()
}

set! {
    /// Which posts a follow lets through: `all`, `except` those with one of its tags, or `only` those with
    /// one.
    FollowMode = TagMode::ALL.iter().map(|mode| mode.as_str())
}
set! {
    /// How much of what somebody writes a follow brings: `everything`, or `posts`, which begin something:
    /// posts in forums, announcements, and messages that are long or have a link, a file or a poll.
    Coverage = personal::Coverage::ALL.iter().map(|coverage| coverage.as_str())
}
set! {
    /// What kind of thing is followed.
    FolloweeKind = personal::FolloweeKind::ALL.iter().map(|kind| kind.as_str())
}
set! {
    /// What a post has in it, the most telling first.
    PostContent = feed::PostContent::ALL.iter().map(|content| content.as_str())
}
set! {
    /// Where activities come from.
    FeedSource = ["discord", "fediverse"]
}
set! {
    /// Who may follow somebody.
    Followable = personal::Followable::ALL.iter().map(|followable| followable.as_str())
}
set! {
    /// What became of wanting to follow somebody who wants to be asked.
    RequestState = [ASKED]
}
set! {
    /// Requests of others to follow oneself, or one's own.
    RequestDirection = [RECEIVED, SENT]
}
set! {
    /// Who sees whom somebody follows, and who follows them: `shared` means people who follow them, or whom
    /// they follow.
    ListVisibility = personal::ListVisibility::ALL.iter().map(|lists| lists.as_str())
}
set! {
    /// How a person is followed: `ALL`, `ALL_EXCEPT` some tags, or `ONLY` some.
    UserMode = TagMode::ALL.iter().map(|mode| super::people::upper_mode(*mode))
}
set! {
    /// How a person can be followed as a whole.
    WholeUserMode = [TagMode::All, TagMode::Except].map(super::people::upper_mode)
}
set! {
    /// Which of the source's threads a follow lets through.
    ThreadScope = follow::ThreadScope::ALL.iter().map(|scope| scope.as_str())
}
set! {
    /// How posts get into the target: `native` by Discord itself, `relay` through the bot's webhook.
    DeliveryMethod = follow::DeliveryMethod::ALL.iter().map(|method| method.as_str())
}
set! {
    /// How posts should get into the target; `auto` takes `native` where that is possible.
    DeliveryChoice = once("auto").chain(follow::DeliveryMethod::ALL.iter().map(|method| method.as_str()))
}
set! {
    /// Whether a follow delivers: `active`, `paused` by somebody, or `broken`.
    FollowState = FollowStateKind::ALL.iter().map(|state| state.as_str())
}
set! {
    /// Why a follow is broken.
    BrokenReason = follow::BrokenReason::ALL.iter().map(|reason| reason.as_str())
}
set! {
    /// Why a channel of a collection isn't followed.
    GapReason = collection_follow::GapReason::ALL.iter().map(|reason| reason.as_str())
}
set! {
    /// Who may follow a channel from other servers.
    AudienceKind = Audience::ALL.iter().map(|audience| audience.as_str())
}
set! {
    /// Whether a channel's moderators approve its followers first.
    ApprovalKind = Approval::ALL.iter().map(|approval| approval.as_str())
}
set! {
    /// What was done.
    AuditAction = audit::AuditAction::ALL.iter().map(|action| action.as_str())
}
set! {
    /// What a token may be used for.
    TokenScope = scope::TokenScope::ALL.iter().map(|scope| scope.as_str())
}
set! {
    /// How long a token works.
    TokenLifetime = account::TokenLifetime::ALL.iter().map(|lifetime| lifetime.as_str())
}
set! {
    /// How often a digest is sent.
    DigestPeriod = digest::DigestPeriod::ALL.iter().map(|period| period.as_str())
}
set! {
    /// Whether a panel is kept current.
    PanelState = panel::PanelState::ALL.iter().map(|state| state.as_str())
}
set! {
    /// The name of a kind of panel.
    PanelKindName = Panels::kind_forms().into_iter().map(|kind| kind.name)
}
set! {
    /// What a process does.
    ProcessRole = ["all", "gateway", "worker"]
}

named! {
    /// In which way somebody made a change: by a command, on a page, or with a token. `system`: I did, or
    /// another server.
    AuditVia,
    /// The word for a way; `None` is the system's.
    via(Option<Via>) {
        None => "system",
        Some(Via::Command) => "command",
        Some(Via::Web) => "web",
        Some(Via::Api(_)) => "api",
    }
}

named! {
    /// What was changed.
    AuditSubjectKind,
    /// The kind of what was changed.
    subject_kind(AuditSubject) {
        AuditSubject::Follow(_) => "follow",
        AuditSubject::Channel(_) => "channel",
        AuditSubject::Panel(_) => "panel",
        AuditSubject::Server(_) => "server",
        AuditSubject::Session(_) => "session",
        AuditSubject::Token(_) => "token",
        AuditSubject::Collection(_) => "collection",
        AuditSubject::FeedLink(_) => "feed_link",
    }
}

named! {
    /// How somebody is signed in.
    Authentication,
    /// How somebody is signed in.
    authentication(&Identified) {
        Identified::Session(_) => "session",
        Identified::Token(_) => "token",
    }
}

named! {
    /// What you see of a channel: it is `here` in this server, `elsewhere` in another that you see,
    /// `hidden`, or `deleted`.
    ChannelSight,
    /// How much is seen of a channel.
    sight(&ChannelView) {
        ChannelView::Here { .. } => "here",
        ChannelView::Elsewhere { .. } => "elsewhere",
        ChannelView::Hidden { .. } => "hidden",
        ChannelView::Deleted(_) => "deleted",
    }
}

named! {
    /// What happened to a follow: `repaired` was broken before, and `waits` until the source's moderators
    /// approve it.
    FollowResult,
    /// What happened to a follow.
    result(FollowEdit) {
        FollowEdit::Created { .. } => "created",
        FollowEdit::Changed => "changed",
        FollowEdit::Unchanged => "unchanged",
        FollowEdit::Repaired => "repaired",
        FollowEdit::Resumed => "resumed",
        FollowEdit::Paused => "paused",
        FollowEdit::Waits => "waits",
    }
}

named! {
    /// Why a post isn't let through: `author` doesn't want to be mirrored, and Discord's own following
    /// delivers nothing that is `unpublished`.
    LeftOutReason,
    /// Why a post isn't let through.
    left_out(&NotLetThrough) {
        NotLetThrough::HasTags(_) => "has_tags",
        NotLetThrough::LacksTags => "lacks_tags",
        NotLetThrough::Author => "author",
        NotLetThrough::Unpublished => "unpublished",
    }
}

named! {
    /// Why a message appears nowhere else: `own` messages were posted by the bot, and `forgotten` ones are
    /// mirrors of something that is no longer known.
    NotMirroredReason,
    /// Why a message appears nowhere else.
    not_mirrored(&NotMirrored) {
        NotMirrored::NotFollowed { .. } => "not_followed",
        NotMirrored::System => "system",
        NotMirrored::Own => "own",
        NotMirrored::Forgotten => "forgotten",
    }
}

named! {
    /// Who made a mirror: `relay` (the bot), `notice` (the bot, to say that messages were missed), or
    /// `discord`.
    MirrorMaker,
    /// Who made a mirror.
    mirror_maker(&service::MirrorMaker) {
        service::MirrorMaker::Relay { .. } => "relay",
        service::MirrorMaker::Notice => "notice",
        service::MirrorMaker::Discord => "discord",
    }
}

named! {
    /// What became of a message in a follower. `before`: it was posted before the follow was made; `missed`:
    /// while that was paused or broken; `left`: it is deleted, but still shown.
    DeliveryVerdict,
    /// What became of a message in a follower.
    verdict(report::DeliveryVerdict) {
        report::DeliveryVerdict::Shown => "shown",
        report::DeliveryVerdict::Updating => "updating",
        report::DeliveryVerdict::Outdated => "outdated",
        report::DeliveryVerdict::Waiting => "waiting",
        report::DeliveryVerdict::Published => "published",
        report::DeliveryVerdict::MaybePublished => "maybe_published",
        report::DeliveryVerdict::Unpublished => "unpublished",
        report::DeliveryVerdict::LeftOut(LeftOut::Tags) => "left_out_by_tags",
        report::DeliveryVerdict::LeftOut(LeftOut::Threads) => "left_out_by_threads",
        report::DeliveryVerdict::LeftOut(LeftOut::Panels) => "left_out_by_panels",
        report::DeliveryVerdict::Paused => "paused",
        report::DeliveryVerdict::Broken(_) => "broken",
        report::DeliveryVerdict::Before => "before",
        report::DeliveryVerdict::Missed => "missed",
        report::DeliveryVerdict::Removing => "removing",
        report::DeliveryVerdict::Deleted => "deleted",
        report::DeliveryVerdict::Left => "left",
        report::DeliveryVerdict::Withheld => "withheld",
        report::DeliveryVerdict::Withdrawn => "taken_back",
        report::DeliveryVerdict::RemovedByHand => "removed_by_hand",
        report::DeliveryVerdict::Refused => "refused",
        report::DeliveryVerdict::GaveUp => "gave_up",
        report::DeliveryVerdict::Unknown => "unknown",
    }
}

named! {
    /// Why something waits: `doubt` (whether Discord took it isn't known yet), `behind` (earlier messages go
    /// first), `limited` (Discord asks to wait).
    WaitReason,
    /// Why something waits.
    wait(report::WaitReason) {
        report::WaitReason::Sending => "sending",
        report::WaitReason::Doubt(_) => "doubt",
        report::WaitReason::Failed(..) => "failed",
        report::WaitReason::Behind(..) => "behind",
        report::WaitReason::Limited(_) => "limited",
        report::WaitReason::Soon => "soon",
    }
}

named! {
    /// A kind of channel.
    ChannelKind,
    /// A kind of channel.
    channel_kind(channel::ChannelKind) {
        channel::ChannelKind::Text => "text",
        channel::ChannelKind::Direct => "direct",
        channel::ChannelKind::Voice => "voice",
        channel::ChannelKind::Category => "category",
        channel::ChannelKind::Announcement => "announcement",
        channel::ChannelKind::PublicThread => "public_thread",
        channel::ChannelKind::PrivateThread => "private_thread",
        channel::ChannelKind::Stage => "stage",
        channel::ChannelKind::Forum => "forum",
        channel::ChannelKind::Unknown(_) => "unknown",
    }
}

named! {
    /// The state of the database.
    DatabaseState,
    /// The state of the database.
    database(&DatabaseCondition) {
        DatabaseCondition::Up => "up",
        DatabaseCondition::Down => "down",
        DatabaseCondition::NoTables => "no_tables",
    }
}

named! {
    /// The state of the connection to the gateway; in `standby`, another process has the shards.
    GatewayState,
    /// The state of the connection to the gateway.
    gateway(&GatewayCondition) {
        GatewayCondition::Up => "up",
        GatewayCondition::Down => "down",
        GatewayCondition::Standby(_) => "standby",
        GatewayCondition::None => "none",
    }
}
