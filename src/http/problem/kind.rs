//! The kinds of problems: this module's own, and failures of the use cases, whose codes are the service's.

use axum::http::StatusCode;

use crate::service::{
    CollectionRefusal, ConsentRefusal, FailureFacts, FailureKind, PersonalRefusal, Refusal, ServiceError,
};

use super::code::ProblemCode;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ProblemKind {
    /// Something about the request itself.
    Own(ProblemCode),
    /// A use case refused, or failed.
    Failure(FailureFacts),
}

impl ProblemKind {
    /// Every kind.
    pub(in crate::http) fn all() -> impl Iterator<Item = Self> {
        let failures = [
            Refusal::CODES,
            ConsentRefusal::CODES,
            PersonalRefusal::CODES,
            CollectionRefusal::CODES,
            ServiceError::CODES,
        ];
        let own = ProblemCode::ALL.into_iter().map(Self::Own);
        own.chain(failures.into_iter().flatten().copied().map(Self::Failure))
    }

    /// The kind with this code.
    pub(in crate::http) fn parse(code: &str) -> Option<Self> {
        Self::all().find(|kind| kind.code() == code)
    }

    /// Its name, for programs and in addresses.
    pub(in crate::http) const fn code(self) -> &'static str {
        match self {
            Self::Own(code) => code.as_str(),
            Self::Failure(facts) => facts.code,
        }
    }

    /// The status of answers with it.
    pub(in crate::http) const fn status(self) -> StatusCode {
        match self {
            Self::Own(code) => code.status(),
            Self::Failure(facts) => status(facts.kind),
        }
    }

    /// What it is, in a few words.
    pub(in crate::http) const fn title(self) -> &'static str {
        match self {
            Self::Own(code) => code.title(),
            Self::Failure(facts) => facts.title,
        }
    }

    /// What it means, and what to do.
    pub(in crate::http) const fn explanation(self) -> &'static str {
        match self {
            Self::Own(code) => code.explanation(),
            Self::Failure(facts) => explanation(facts.kind),
        }
    }

    /// After how many seconds it is worth trying again.
    pub(super) const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Own(code) => code.retry_after(),
            Self::Failure(FailureFacts {
                kind: FailureKind::Unavailable | FailureKind::DiscordFailed,
                ..
            }) => Some(60),
            Self::Failure(_) => None,
        }
    }

    /// What `WWW-Authenticate` says with a 401.
    pub(super) const fn challenge(self) -> &'static str {
        match self {
            Self::Own(ProblemCode::InvalidToken) => "Bearer error=\"invalid_token\"",
            Self::Own(_) | Self::Failure(_) => "Bearer",
        }
    }
}

const fn status(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::Invalid => StatusCode::BAD_REQUEST,
        FailureKind::Forbidden => StatusCode::FORBIDDEN,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Conflict => StatusCode::CONFLICT,
        FailureKind::Stale => StatusCode::PRECONDITION_FAILED,
        FailureKind::BotCannot => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::DiscordFailed => StatusCode::BAD_GATEWAY,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

const fn explanation(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Invalid => "What was asked for makes no sense as it is. The detail says why.",
        FailureKind::Forbidden => "You may not do this. The detail names what you would need.",
        FailureKind::NotFound => "It doesn't exist, or you can't see it. I never tell which of the two.",
        FailureKind::Conflict => {
            "It doesn't go with how things are at the moment. The detail says what is in the way."
        }
        FailureKind::Stale => {
            "It has changed since you read it, so nothing was done. Read it again, and decide then."
        }
        FailureKind::BotCannot => {
            "I can't do it until somebody changes something at Discord. The detail says what."
        }
        FailureKind::TooMany => {
            "That was too much in a span of time. Retry-After says when there is room again."
        }
        FailureKind::DiscordFailed => {
            "Discord didn't answer as expected. Look whether it was done, and try again in a minute."
        }
        FailureKind::Unavailable => {
            "This can't be done at the moment, and nothing was changed. Try again in a minute."
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_are_distinct_and_are_found_by_their_codes() {
        let codes: BTreeSet<&str> = ProblemKind::all().map(ProblemKind::code).collect();
        assert_eq!(codes.len(), ProblemKind::all().count());
        for kind in ProblemKind::all() {
            assert_eq!(ProblemKind::parse(kind.code()), Some(kind));
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
            assert!(kind.explanation().ends_with('.'), "{kind:?}");
        }
        assert_eq!(ProblemKind::parse("none"), None);
    }
}
