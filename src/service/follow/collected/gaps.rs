//! Why a channel of a collection isn't followed, in one word.

use crate::domain::collection_follow::GapReason;
use crate::rest::RestError;
use crate::service::error::ConsentRefusal;
use crate::service::{Refusal, ServiceError};

/// What this failure says about the channel. `None` if it says nothing, because something is away at the
/// moment: it is tried again soon.
pub(super) fn reason(error: &ServiceError) -> Option<GapReason> {
    match error {
        ServiceError::Store(_) => None,
        ServiceError::Discord(RestError::Forbidden(_)) => Some(GapReason::BotLacks),
        ServiceError::Discord(RestError::NotFound(_) | RestError::Refused { .. }) => Some(GapReason::Refused),
        ServiceError::Discord(_) => None,
        ServiceError::Refused(refusal) => of_refusal(refusal),
    }
}

fn of_refusal(refusal: &Refusal) -> Option<GapReason> {
    Some(match refusal {
        Refusal::NotConfirmed(_) => GapReason::Confirmation,
        Refusal::UnknownSource => GapReason::Unreadable,
        Refusal::UnknownChannel
        | Refusal::UnknownServer
        | Refusal::Elsewhere
        | Refusal::PersonMay { .. }
        | Refusal::PersonMayInServer(_)
        | Refusal::PersonTimedOut(_) => GapReason::PersonLacks,
        Refusal::BotMay(_) | Refusal::UnseenThread(_) | Refusal::BotTimedOut { .. } => GapReason::BotLacks,
        Refusal::NotPublished
        | Refusal::NotPublic
        | Refusal::NotServed
        | Refusal::PrivateElsewhere
        | Refusal::Consent(ConsentRefusal::NotForThisServer) => GapReason::Closed,
        Refusal::AgeRestricted { .. } => GapReason::AgeRestricted,
        Refusal::TagsMissing(_)
        | Refusal::TagsWithoutMode
        | Refusal::NoSuchTag { .. }
        | Refusal::NotAHashtag(_)
        | Refusal::TooManyTags
        | Refusal::NativeImpossible
        | Refusal::ForumThreads
        | Refusal::ThreadThreads => GapReason::Options,
        Refusal::SourceKind { .. } | Refusal::TargetKind { .. } => GapReason::Kind,
        Refusal::TooManyInto { .. }
        | Refusal::TooManyFollowers { .. }
        | Refusal::TooManyInServer(_)
        | Refusal::TooManyWebhooks(_)
        | Refusal::TooManyServerWebhooks => GapReason::Limit,
        refusal if refusal.retry_at().is_some() => return None,
        _ => GapReason::Refused,
    })
}
