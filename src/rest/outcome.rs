//! What became of a webhook message: the closed sets that lanes decide upon, each classified here and nowhere else.

use std::time::Duration;

use super::code::ErrorCode;
use super::endpoints::webhook_messages::Landing;
use super::error::{Doubt, RefusedFields, RestError};
use super::meaning::{Denied, Missing};
use super::model::Message;
use crate::domain::ids::{ChannelId, MessageId};

/// How long an edit waits that Discord refuses because its message is old and edited often (30046): Discord doesn't say.
const OLD_EDIT_WAIT: Duration = Duration::from_secs(300);

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The message stands.
    Shown(Posted),
    /// Nothing was sent: a limit, or the fuse. Send again after this time; it doesn't count as a failed attempt.
    Wait(Duration),
    /// The message was certainly not made: no connection, its files didn't arrive whole, or a limit refused it again and again. Send again by the retry schedule.
    NotSent,
    /// It may or may not stand: settle it before sending again.
    Unclear(Doubt),
    /// The webhook doesn't exist any more, or its token changed: it must not be called again.
    WebhookGone,
    /// The message stands, but in another channel: somebody moved the webhook. Delete it there, and make a new webhook.
    WebhookMoved(Posted),
    /// The webhook may not post there.
    Forbidden(Denied),
    /// The thread is archived, and didn't wake by itself.
    Archived,
    /// The channel, thread or server is gone; or the webhook was moved, and the thread isn't one of its channel any more.
    TargetGone,
    /// Discord doesn't take this message.
    Refused(Refusal),
}

/// A message that a webhook made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// The message.
    pub message: MessageId,
    /// Where it stands: the webhook's channel, or a thread of it.
    pub channel: ChannelId,
}

/// Why Discord doesn't take a message; for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The answer's status.
    pub status: u16,
    /// Discord's code.
    pub code: ErrorCode,
    /// Which fields of the message it is about.
    pub fields: RefusedFields,
    /// Discord's short text, in English, without secrets; may be empty.
    pub message: String,
}

impl Refusal {
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
    /// There is no such message (10008). For a deletion that is as good as done.
    MirrorGone,
    /// Nothing was done: a limit, or the fuse. Repeat after this time; it doesn't count as a failed attempt.
    Wait(Duration),
    /// The message is older than an hour, and was edited too often (30046): repeat after this time, and more seldom from then on.
    TooOften(Duration),
    /// No answer, a failure of Discord's, or no connection: repeat by the retry schedule.
    Again,
    /// The webhook doesn't exist any more, or its token changed: this way the message is beyond reach.
    WebhookGone,
    /// Not allowed.
    Forbidden(Denied),
    /// The thread is archived: it must be woken first.
    Archived,
    /// The channel, thread or server is gone, and the message with it; or the webhook was moved, and the thread isn't one of its channel any more.
    TargetGone,
    /// Discord doesn't take this edit.
    Refused(Refusal),
}

/// Why nothing more can be said than "no": what both outcomes share.
enum Verdict {
    Wait(Duration),
    TooOften,
    Webhook,
    Message,
    Target,
    Forbidden(Denied),
    Archived,
    Refused(Refusal),
    NotSent,
    Unclear(Doubt),
}

/// The one place that reads an error as an outcome.
fn judge(error: RestError) -> Verdict {
    let refused = |status, code| Verdict::Refused(Refusal::of(status, code));
    if let Some(how_long) = error.held_for() {
        return Verdict::Wait(how_long);
    }
    match error {
        // Said above; to send again is right in any case.
        RestError::RateLimited { .. } | RestError::FuseOpen { .. } | RestError::ServerLeft => {
            Verdict::NotSent
        }
        RestError::StillLimited { .. } | RestError::NotSent => Verdict::NotSent,
        RestError::WebhookToken | RestError::NotFound(Missing::Webhook) => Verdict::Webhook,
        RestError::NotFound(Missing::Message) => Verdict::Message,
        RestError::NotFound(Missing::Channel | Missing::Guild) => Verdict::Target,
        RestError::NotFound(missing @ (Missing::Member | Missing::User)) => refused(404, missing.code()),
        RestError::Forbidden(denied) => Verdict::Forbidden(denied),
        RestError::Refused { code: ErrorCode::THREAD_ARCHIVED, .. } => Verdict::Archived,
        RestError::Refused { code: ErrorCode::TOO_MANY_OLD_EDITS, .. } => Verdict::TooOften,
        RestError::Refused { status, code, fields, message } => {
            Verdict::Refused(Refusal { status, code, fields, message })
        }
        RestError::Server { status } => Verdict::Unclear(Doubt::Failed(status)),
        RestError::Edge { status, .. } => Verdict::Unclear(Doubt::Edge(status)),
        // The bot's own, which says nothing of the message.
        RestError::Unauthorized => Verdict::Unclear(Doubt::Edge(401)),
        RestError::Unclear(doubt) => Verdict::Unclear(doubt),
        RestError::Malformed => Verdict::Unclear(Doubt::Unreadable),
    }
}

impl SendOutcome {
    /// Reads the answer to a send that was meant to land there.
    pub(super) fn of(answer: Result<Message, RestError>, landing: Landing) -> Self {
        let message = match answer {
            Ok(message) => message,
            Err(error) => return Self::failed(error),
        };
        let posted = Posted { message: message.id, channel: message.channel_id };
        let meant = match landing {
            Landing::Channel(channel) | Landing::Thread(channel) => channel == posted.channel,
            Landing::NewPost => true,
        };
        if meant { Self::Shown(posted) } else { Self::WebhookMoved(posted) }
    }

    /// The payload can't be written as JSON.
    pub(super) fn unwritable() -> Self {
        Self::Refused(Refusal::unwritable())
    }

    fn failed(error: RestError) -> Self {
        match judge(error) {
            Verdict::Wait(how_long) => Self::Wait(how_long),
            Verdict::TooOften => Self::Wait(OLD_EDIT_WAIT),
            Verdict::Webhook => Self::WebhookGone,
            Verdict::Target => Self::TargetGone,
            Verdict::Archived => Self::Archived,
            Verdict::Forbidden(code) => Self::Forbidden(code),
            Verdict::Refused(refusal) => Self::Refused(refusal),
            Verdict::NotSent => Self::NotSent,
            Verdict::Unclear(doubt) => Self::Unclear(doubt),
            // A send names no message, so this is the one that it answers or forwards.
            Verdict::Message => Self::Refused(Refusal::of(404, ErrorCode::UNKNOWN_MESSAGE)),
        }
    }
}

impl ChangeOutcome {
    /// The payload can't be written as JSON.
    pub(super) fn unwritable() -> Self {
        Self::Refused(Refusal::unwritable())
    }

    /// Whether repeating it would change nothing.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Again | Self::Wait(_) | Self::TooOften(_))
    }

    /// Reads the answer to an edit or a deletion.
    pub(super) fn of<T>(answer: Result<T, RestError>) -> Self {
        let error = match answer {
            // An answer that can't be read is one nevertheless: the change was made.
            Ok(_) | Err(RestError::Malformed) => return Self::Done,
            Err(error) => error,
        };
        match judge(error) {
            Verdict::Wait(how_long) => Self::Wait(how_long),
            Verdict::TooOften => Self::TooOften(OLD_EDIT_WAIT),
            Verdict::Webhook => Self::WebhookGone,
            Verdict::Message => Self::MirrorGone,
            Verdict::Target => Self::TargetGone,
            Verdict::Archived => Self::Archived,
            Verdict::Forbidden(code) => Self::Forbidden(code),
            Verdict::Refused(refusal) => Self::Refused(refusal),
            Verdict::NotSent | Verdict::Unclear(_) => Self::Again,
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
        let scope = super::super::error::Scope::Shared;
        let cases = [
            (RestError::RateLimited { retry_after: wait, scope }, SendOutcome::Wait(wait)),
            (RestError::FuseOpen { retry_after: wait }, SendOutcome::Wait(wait)),
            (RestError::WebhookToken, SendOutcome::WebhookGone),
            (RestError::NotFound(Missing::Webhook), SendOutcome::WebhookGone),
            (RestError::NotFound(Missing::Channel), SendOutcome::TargetGone),
            (RestError::Forbidden(Denied::Permissions), SendOutcome::Forbidden(Denied::Permissions)),
            (refused(400, ErrorCode::THREAD_ARCHIVED), SendOutcome::Archived),
            (
                RestError::Edge { status: 403, code: ErrorCode(40_333) },
                SendOutcome::Unclear(Doubt::Edge(403)),
            ),
            (RestError::Unauthorized, SendOutcome::Unclear(Doubt::Edge(401))),
            (RestError::Server { status: 502 }, SendOutcome::Unclear(Doubt::Failed(502))),
            (RestError::Unclear(Doubt::Timeout), SendOutcome::Unclear(Doubt::Timeout)),
            (RestError::Malformed, SendOutcome::Unclear(Doubt::Unreadable)),
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
        let locked = RestError::Forbidden(Denied::ThreadLocked);
        assert_eq!(of(locked), ChangeOutcome::Forbidden(Denied::ThreadLocked));
        let edge = RestError::Edge { status: 404, code: ErrorCode::GENERAL };
        let failed = RestError::Server { status: 500 };
        for error in
            [RestError::Unclear(Doubt::Broken), RestError::NotSent, failed, edge, RestError::Unauthorized]
        {
            assert_eq!(of(error), ChangeOutcome::Again);
        }
        assert_eq!(of(RestError::NotFound(Missing::Message)), ChangeOutcome::MirrorGone);
        assert_eq!(of(refused(429, ErrorCode::TOO_MANY_OLD_EDITS)), ChangeOutcome::TooOften(OLD_EDIT_WAIT));
        assert_eq!(of(RestError::Malformed), ChangeOutcome::Done);
        assert_eq!(ChangeOutcome::of(Ok(())), ChangeOutcome::Done);
    }
}
