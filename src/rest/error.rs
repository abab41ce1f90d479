//! Why a call failed: a closed set, decided once from the answer or its absence.
//!
//! Nothing here holds an address, a token or a body, so an error may be logged as it is.

use std::fmt;
use std::time::Duration;

use super::code::ErrorCode;
use super::meaning::{ForbiddenReason, UnknownResource};

/// How long calls wait that concern a server which the bot has left. Meanwhile, it is written down that the
/// server was left.
const LEFT_WAIT: Duration = Duration::from_secs(60);

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// The rate limit asks for a longer wait than this call may take. The call was not performed.
    #[error("rate limited ({scope}), again in {:.1} s", retry_after.as_secs_f64())]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
        /// Whose limit it is.
        scope: RateLimitScope,
    },
    /// A rate limit refused this kind of call again and again, although the call waited as long as it was
    /// asked to. The call was not performed. Unlike a wait that Discord asks for, this counts as a failure.
    #[error("rate limited again and again ({scope}), again in {:.1} s", retry_after.as_secs_f64())]
    StillLimited {
        /// How long to wait.
        retry_after: Duration,
        /// Whose limit it is.
        scope: RateLimitScope,
    },
    /// 401: the bot's token isn't accepted. That is for the operator to solve, and says nothing of what the
    /// call is about.
    #[error("the bot's token isn't accepted (401)")]
    Unauthorized,
    /// The webhook's token isn't accepted (code 50027).
    #[error("the webhook's token isn't accepted ({})", ErrorCode::INVALID_WEBHOOK_TOKEN)]
    WebhookToken,
    /// The bot may not do this. Discord's own JSON says so, with a known code.
    #[error("forbidden: {0}")]
    Forbidden(ForbiddenReason),
    /// What the call is about doesn't exist, or the bot can't see it. Discord's own JSON says so, with a
    /// known code.
    #[error("not found: {0}")]
    NotFound(UnknownResource),
    /// Another refusal with a known code: asking the same again won't help.
    #[error("refused ({status}, code {code}): {message}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// Discord's code.
        code: ErrorCode,
        /// Which of the request's fields it is about.
        fields: RefusedFields,
        /// Discord's own short text, in English, without secrets. For the operator, not for people.
        message: String,
    },
    /// 5xx: Discord failed. A call that changes something may still have done so.
    #[error("Discord failed ({status})")]
    Server {
        /// The answer's status.
        status: u16,
    },
    /// An answer that isn't Discord's, or says nothing that could be acted upon: a page of a proxy or of
    /// Discord's edge with any status, or a code that isn't known. That is an outage: the call was most
    /// likely not performed, but it may have been.
    #[error("not an answer of Discord's API ({status}, code {code})")]
    Edge {
        /// The answer's status.
        status: u16,
        /// The code, if there was one.
        code: ErrorCode,
    },
    /// No answer: the call may or may not have been performed.
    #[error("no answer: {0}")]
    InDoubt(DoubtReason),
    /// No connection, or one that broke while files were still being sent: the call was certainly not
    /// performed.
    #[error("no connection, or not for the whole request")]
    NotSent,
    /// Too many calls failed lately, and the bot stops before Discord bans its address. The call was not
    /// performed.
    #[error("too many invalid requests, again in {} s", retry_after.as_secs())]
    FuseOpen {
        /// When there is room again, if nothing else fails.
        retry_after: Duration,
    },
    /// The bot has left the server on whose behalf the call was to be made. The call was not performed.
    #[error("the bot isn't in that server any more")]
    ServerLeft,
    /// The call was performed, but its answer isn't of the form that Discord describes.
    #[error("answer not understood")]
    Malformed,
}

impl RestError {
    /// Discord's code, where there is one.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::WebhookToken => Some(ErrorCode::INVALID_WEBHOOK_TOKEN),
            Self::Forbidden(denied) => Some(denied.code()),
            Self::NotFound(missing) => Some(missing.code()),
            Self::Refused { code, .. } => Some(*code),
            Self::RateLimited { .. }
            | Self::StillLimited { .. }
            | Self::Unauthorized
            | Self::Server { .. }
            | Self::Edge { .. }
            | Self::InDoubt(_)
            | Self::NotSent
            | Self::FuseOpen { .. }
            | Self::ServerLeft
            | Self::Malformed => None,
        }
    }

    /// Whether what the call is about doesn't exist, or the bot can't see it.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }

    /// Whether the bot may not do this, or not see what it is about.
    pub const fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden(_))
    }

    /// Whether nothing was asked, so that there is no answer yet, not even a bad one.
    pub const fn was_not_asked(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::FuseOpen { .. } | Self::ServerLeft | Self::NotSent)
    }

    /// How long to wait where nothing was asked because something holds up such calls: a limit, the fuse, or
    /// that the bot has left the server.
    pub const fn postponed_for(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::FuseOpen { retry_after } => Some(*retry_after),
            Self::ServerLeft => Some(LEFT_WAIT),
            _ => None,
        }
    }

    /// Whether the same call may work later without anybody in the server doing anything. That is so for
    /// everything but Discord's own "no" with a known code. An error that passes never breaks a follow, ends
    /// a reading, or counts as "gone".
    pub const fn passes(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::StillLimited { .. }
            | Self::Unauthorized
            | Self::Server { .. }
            | Self::Edge { .. }
            | Self::InDoubt(_)
            | Self::NotSent
            | Self::FuseOpen { .. }
            | Self::ServerLeft
            | Self::Malformed => true,
            Self::WebhookToken | Self::Forbidden(_) | Self::NotFound(_) | Self::Refused { .. } => false,
        }
    }
}

/// Which fields of a request Discord refused, as far as something can be done about it. Their contents aren't
/// kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusedFields {
    /// The name under which a webhook was to post.
    pub username: bool,
}

/// Whose limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateLimitScope {
    /// The bot's, for one kind of call on one thing.
    User,
    /// One that others use, too. Discord doesn't count it as an invalid request.
    Shared,
    /// The bot's, over all calls.
    Global,
}

impl RateLimitScope {
    /// Discord's word for it, also the metrics' label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Global => "global",
        }
    }
}

impl fmt::Display for RateLimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why nobody knows whether a call was performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DoubtReason {
    /// Discord took longer than the request's timeout.
    Timeout,
    /// The connection broke.
    Broken,
    /// Discord failed while it did it (5xx).
    Failed(u16),
    /// Something else answered, with this status.
    Edge(u16),
    /// It was done, but the answer can't be read.
    Unreadable,
}

impl fmt::Display for DoubtReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("timed out"),
            Self::Broken => f.write_str("connection broken"),
            Self::Failed(status) => write!(f, "Discord failed ({status})"),
            Self::Edge(status) => write!(f, "not an answer of Discord's API ({status})"),
            Self::Unreadable => f.write_str("unreadable"),
        }
    }
}
