//! Why a person's act, or a wait, failed.

use std::time::Duration;

use crate::error::ApiError;
use crate::permissions::Permissions;

/// Why something didn't happen.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActError {
    /// Discord's rules forbid it.
    #[error("Discord refuses: {message} ({code}) {errors}")]
    Refused {
        /// Discord's error code.
        code: u32,
        /// Discord's words.
        message: String,
        /// The wrong fields, as JSON; empty if there are none.
        errors: String,
    },
    /// The person lacks a permission in that channel.
    #[error("{person} lacks {missing:?} there")]
    Forbidden {
        /// Who.
        person: String,
        /// What is missing.
        missing: Permissions,
    },
    /// No such command is registered.
    #[error("no command \"{0}\" is registered")]
    UnknownCommand(String),
    /// The command isn't offered to this person here.
    #[error("{person} doesn't see \"{command}\" here: it needs {needed:?}")]
    Hidden {
        /// Who.
        person: String,
        /// The command.
        command: String,
        /// Its `default_member_permissions` (or what using commands needs).
        needed: Permissions,
    },
    /// Discord's client wouldn't let the person send this option.
    #[error("option \"{option}\": {reason}")]
    BadOption {
        /// The option's name.
        option: String,
        /// What is wrong.
        reason: String,
    },
    /// The message has no such component, or the person can't use it.
    #[error("no usable component \"{wanted}\"; there are {there:?}")]
    NoComponent {
        /// What was looked for.
        wanted: String,
        /// Labels and custom ids that are there.
        there: Vec<String>,
    },
    /// Discord's authorization page shows an error instead.
    #[error("Discord shows an error page: {0}")]
    ErrorPage(String),
    /// No bot is connected: "The application did not respond."
    #[error("no bot is connected to the gateway for this server")]
    Offline,
    /// It didn't happen in time.
    #[error("timed out after {after:?} waiting for {what}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// The sandbox could not be started.
    #[error("the sandbox can't listen: {0}")]
    Listen(String),
}

impl From<ApiError> for ActError {
    fn from(error: ApiError) -> Self {
        Self::Refused {
            code: error.code,
            message: error.message,
            errors: error.errors.map(|errors| errors.to_string()).unwrap_or_default(),
        }
    }
}
