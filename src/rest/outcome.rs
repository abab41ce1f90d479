//! What became of a webhook message: the closed sets that lanes decide upon. They are classified here and
//! nowhere else.

use std::time::Duration;

use super::code::ErrorCode;
use super::endpoints::webhook_messages::Destination;
use super::error::{DoubtReason, RefusedFields, RestError};
use super::meaning::{ForbiddenReason, UnknownResource};
use super::model::Message;
use crate::domain::ids::{ChannelId, MessageId};

/// How long an edit waits that Discord refuses because its message is old and was edited too often (30046).
/// Discord doesn't say how long.
const OLD_EDIT_WAIT: Duration = Duration::from_secs(300);

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The message was posted.
    Shown(PostedMessage),
    /// Nothing was sent, because of a limit or the fuse. Send again after this time. It doesn't count as a
    /// failed attempt.
    Wait(Duration),
    /// The message was certainly not made: there was no connection, its files didn't arrive whole, or a limit
    /// refused it again and again. Send again by the retry schedule.
    NotSent,
    /// It may or may not have been posted. Settle that before sending again.
    InDoubt(DoubtReason),
    /// The webhook doesn't exist any more, or its token changed. It must not be called again.
    WebhookGone,
    /// The message was posted, but in another channel: somebody moved the webhook. Delete the message, and
    /// make a new webhook.
    WebhookMoved(PostedMessage),
    /// The webhook may not post there.
    Forbidden(ForbiddenReason),
    /// The thread is archived, and didn't wake by itself.
    Archived,
    /// The channel, thread or server is gone. Or the webhook was moved, and the thread doesn't belong to its
    /// channel any more.
    TargetGone,
    /// Discord doesn't take this message.
    Refused(DiscordRefusal),
}

/// A message that a webhook made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedMessage {
    /// The message.
    pub message: MessageId,
    /// Where it was posted: the webhook's channel, or a thread of it.
    pub channel: ChannelId,
}

/// Why Discord doesn't take a message. For the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordRefusal {
    /// The answer's status.
    pub status: u16,
    /// Discord's code.
    pub code: ErrorCode,
    /// Which fields of the message it is about.
    pub fields: RefusedFields,
    /// Discord's short text, in English, without secrets; may be empty.
    pub message: String,
}

impl DiscordRefusal {
    fn of(status: u16, code: ErrorCode) -> Self {
        Self { status, code, fields: RefusedFields::default(), message: String::new() }
    }

    fn unwritable() -> Self {
        Self { message: "payload can't be written".to_owned(), ..Self::of(0, ErrorCode::GENERAL) }
    }
}

/// How an edit or a deletion ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It is done.
    Done,
    /// There is no such message (10008). For a deletion, that is as good as done.
    MirrorGone,
    /// Nothing was done, because of a limit or the fuse. Repeat after this time. It doesn't count as a failed
    /// attempt.
    Wait(Duration),
    /// The message is older than an hour, and was edited too often (30046). Repeat after this time, and less
    /// often from then on.
    TooOften(Duration),
    /// No answer, a failure of Discord's, or no connection: repeat by the retry schedule.
    Again,
    /// The webhook doesn't exist any more, or its token changed. The message can't be reached through it.
    WebhookGone,
    /// Not allowed.
    Forbidden(ForbiddenReason),
    /// The thread is archived. It must be woken first.
    Archived,
    /// The channel, thread or server is gone, and the message with it. Or the webhook was moved, and the
    /// thread doesn't belong to its channel any more.
    TargetGone,
    /// Discord doesn't take this edit.
    Refused(DiscordRefusal),
}

/// How a call failed, as far as both outcomes need to know.
enum FailureKind {
    Wait(Duration),
    TooOften,
    Webhook,
    Message,
    Target,
    Forbidden(ForbiddenReason),
    Archived,
    Refused(DiscordRefusal),
    NotSent,
    InDoubt(DoubtReason),
}

/// Classifies an error. This is the one place that reads an error as an outcome.
fn classify(error: RestError) -> FailureKind {
    let refused = |status, code| FailureKind::Refused(DiscordRefusal::of(status, code));
    if let Some(how_long) = error.postponed_for() {
        return FailureKind::Wait(how_long);
    }
    match error {
        // Handled above. To send again is right in any case.
        RestError::RateLimited { .. } | RestError::FuseOpen { .. } | RestError::ServerLeft => {
            FailureKind::NotSent
        }
        RestError::StillLimited { .. } | RestError::NotSent => FailureKind::NotSent,
        RestError::WebhookToken | RestError::NotFound(UnknownResource::Webhook) => FailureKind::Webhook,
        RestError::NotFound(UnknownResource::Message) => FailureKind::Message,
        RestError::NotFound(UnknownResource::Channel | UnknownResource::Guild) => FailureKind::Target,
        RestError::NotFound(missing @ (UnknownResource::Member | UnknownResource::User)) => {
            refused(404, missing.code())
        }
        RestError::Forbidden(denied) => FailureKind::Forbidden(denied),
        RestError::Refused { code: ErrorCode::THREAD_ARCHIVED, .. } => FailureKind::Archived,
        RestError::Refused { code: ErrorCode::TOO_MANY_OLD_EDITS, .. } => FailureKind::TooOften,
        RestError::Refused { status, code, fields, message } => {
            FailureKind::Refused(DiscordRefusal { status, code, fields, message })
        }
        RestError::Server { status } => FailureKind::InDoubt(DoubtReason::Failed(status)),
        RestError::Edge { status, .. } => FailureKind::InDoubt(DoubtReason::Edge(status)),
        // The bot's own token, which says nothing of the message.
        RestError::Unauthorized => FailureKind::InDoubt(DoubtReason::Edge(401)),
        RestError::InDoubt(doubt) => FailureKind::InDoubt(doubt),
        RestError::Malformed => FailureKind::InDoubt(DoubtReason::Unreadable),
    }
}

impl SendOutcome {
    /// Reads the answer to a send that was meant to land there.
    pub(super) fn of(answer: Result<Message, RestError>, destination: Destination) -> Self {
        let message = match answer {
            Ok(message) => message,
            Err(error) => return Self::failed(error),
        };
        let posted = PostedMessage { message: message.id, channel: message.channel_id };
        let meant = match destination {
            Destination::Channel(channel) | Destination::Thread(channel) => channel == posted.channel,
            Destination::NewPost => true,
        };
        if meant { Self::Shown(posted) } else { Self::WebhookMoved(posted) }
    }

    /// The payload can't be written as JSON.
    pub(super) fn unwritable() -> Self {
        Self::Refused(DiscordRefusal::unwritable())
    }

    fn failed(error: RestError) -> Self {
        match classify(error) {
            FailureKind::Wait(how_long) => Self::Wait(how_long),
            FailureKind::TooOften => Self::Wait(OLD_EDIT_WAIT),
            FailureKind::Webhook => Self::WebhookGone,
            FailureKind::Target => Self::TargetGone,
            FailureKind::Archived => Self::Archived,
            FailureKind::Forbidden(code) => Self::Forbidden(code),
            FailureKind::Refused(refusal) => Self::Refused(refusal),
            FailureKind::NotSent => Self::NotSent,
            FailureKind::InDoubt(doubt) => Self::InDoubt(doubt),
            // A send names no message, so the missing one is the message that it answers or forwards.
            FailureKind::Message => Self::Refused(DiscordRefusal::of(404, ErrorCode::UNKNOWN_MESSAGE)),
        }
    }
}

impl ChangeOutcome {
    /// The payload can't be written as JSON.
    pub(super) fn unwritable() -> Self {
        Self::Refused(DiscordRefusal::unwritable())
    }

    /// Whether repeating it would change nothing.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Again | Self::Wait(_) | Self::TooOften(_))
    }

    /// Reads the answer to an edit or a deletion.
    pub(super) fn of<T>(answer: Result<T, RestError>) -> Self {
        let error = match answer {
            // An answer that can't be read is an answer nevertheless: the change was made.
            Ok(_) | Err(RestError::Malformed) => return Self::Done,
            Err(error) => error,
        };
        match classify(error) {
            FailureKind::Wait(how_long) => Self::Wait(how_long),
            FailureKind::TooOften => Self::TooOften(OLD_EDIT_WAIT),
            FailureKind::Webhook => Self::WebhookGone,
            FailureKind::Message => Self::MirrorGone,
            FailureKind::Target => Self::TargetGone,
            FailureKind::Archived => Self::Archived,
            FailureKind::Forbidden(code) => Self::Forbidden(code),
            FailureKind::Refused(refusal) => Self::Refused(refusal),
            FailureKind::NotSent | FailureKind::InDoubt(_) => Self::Again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: ErrorCode) -> RestError {
        RestError::Refused { status, code, fields: RefusedFields::default(), message: String::new() }
    }

    #[test]
    fn a_send_ends_in_one_of_a_closed_set() {
        let wait = Duration::from_secs(3);
        let scope = super::super::error::RateLimitScope::Shared;
        let cases = [
            (RestError::RateLimited { retry_after: wait, scope }, SendOutcome::Wait(wait)),
            (RestError::FuseOpen { retry_after: wait }, SendOutcome::Wait(wait)),
            (RestError::WebhookToken, SendOutcome::WebhookGone),
            (RestError::NotFound(UnknownResource::Webhook), SendOutcome::WebhookGone),
            (RestError::NotFound(UnknownResource::Channel), SendOutcome::TargetGone),
            (
                RestError::Forbidden(ForbiddenReason::Permissions),
                SendOutcome::Forbidden(ForbiddenReason::Permissions),
            ),
            (refused(400, ErrorCode::THREAD_ARCHIVED), SendOutcome::Archived),
            (
                RestError::Edge { status: 403, code: ErrorCode(40_333) },
                SendOutcome::InDoubt(DoubtReason::Edge(403)),
            ),
            (RestError::Unauthorized, SendOutcome::InDoubt(DoubtReason::Edge(401))),
            (RestError::Server { status: 502 }, SendOutcome::InDoubt(DoubtReason::Failed(502))),
            (RestError::InDoubt(DoubtReason::Timeout), SendOutcome::InDoubt(DoubtReason::Timeout)),
            (RestError::Malformed, SendOutcome::InDoubt(DoubtReason::Unreadable)),
            (RestError::NotSent, SendOutcome::NotSent),
        ];
        for (error, outcome) in cases {
            assert_eq!(SendOutcome::failed(error.clone()), outcome, "{error}");
        }
        let content = [
            ErrorCode::INVALID_FORM_BODY,
            ErrorCode::AUTOMOD_MESSAGE,
            ErrorCode::TOO_LARGE,
            ErrorCode::EXPLICIT_CONTENT,
        ];
        for code in content {
            assert!(matches!(SendOutcome::failed(refused(400, code)), SendOutcome::Refused(_)));
        }
    }

    #[test]
    fn a_change_is_repeated_when_in_doubt() {
        let of = |error| ChangeOutcome::of::<()>(Err(error));
        assert_eq!(of(refused(400, ErrorCode::THREAD_ARCHIVED)), ChangeOutcome::Archived);
        let locked = RestError::Forbidden(ForbiddenReason::ThreadLocked);
        assert_eq!(of(locked), ChangeOutcome::Forbidden(ForbiddenReason::ThreadLocked));
        let edge = RestError::Edge { status: 404, code: ErrorCode::GENERAL };
        let failed = RestError::Server { status: 500 };
        for error in [
            RestError::InDoubt(DoubtReason::Broken),
            RestError::NotSent,
            failed,
            edge,
            RestError::Unauthorized,
        ] {
            assert_eq!(of(error), ChangeOutcome::Again);
        }
        assert_eq!(of(RestError::NotFound(UnknownResource::Message)), ChangeOutcome::MirrorGone);
        assert_eq!(of(refused(429, ErrorCode::TOO_MANY_OLD_EDITS)), ChangeOutcome::TooOften(OLD_EDIT_WAIT));
        assert_eq!(of(RestError::Malformed), ChangeOutcome::Done);
        assert_eq!(ChangeOutcome::of(Ok(())), ChangeOutcome::Done);
    }
}
