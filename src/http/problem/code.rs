//! The kinds of problems.

use axum::http::StatusCode;

use crate::http::id;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ProblemCode {
    /// Nobody is signed in.
    AuthenticationRequired,
    /// The token doesn't work.
    InvalidToken,
    /// The request says in several ways who sends it.
    SeveralCredentials,
    /// The token may not be used for this.
    InsufficientScope,
    /// No token may do this.
    SessionRequired,
    /// Another site sent this.
    CrossSite,
    /// There is nothing at this address.
    NotFound,
    /// The sign-in link doesn't work.
    LinkGone,
    /// Not in this way.
    MethodNotAllowed,
    /// An id in the address can't be one.
    InvalidId,
    /// The body can't be read, or says something that can't be.
    InvalidBody,
    /// The query has a parameter that is unknown or wrong.
    InvalidQuery,
    /// There can't be such a page of a list.
    InvalidPage,
    /// The body is too large.
    BodyTooLarge,
    /// The address is too long.
    UriTooLong,
    /// The body is of another kind.
    MediaType,
    /// The request is meant for another host.
    WrongHost,
    /// The person has as many tokens as they may.
    TooManyTokens,
    /// Too many requests in a span of time.
    TooManyRequests,
    /// The header `Idempotency-Key` can't be a key.
    InvalidIdempotencyKey,
    /// The key belongs to another request.
    IdempotencyKeyReused,
    /// The request with this key is under way.
    IdempotencyKeyInUse,
    /// This process has no shards (yet).
    Standby,
    /// It took too long.
    TimedOut,
    /// A mistake in the program.
    Internal,
}

impl ProblemCode {
    /// All of them.
    pub(in crate::http) const ALL: [Self; 25] = [
        Self::AuthenticationRequired,
        Self::InvalidToken,
        Self::SeveralCredentials,
        Self::InsufficientScope,
        Self::SessionRequired,
        Self::CrossSite,
        Self::NotFound,
        Self::LinkGone,
        Self::MethodNotAllowed,
        Self::InvalidId,
        Self::InvalidBody,
        Self::InvalidQuery,
        Self::InvalidPage,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::MediaType,
        Self::WrongHost,
        Self::TooManyTokens,
        Self::TooManyRequests,
        Self::InvalidIdempotencyKey,
        Self::IdempotencyKeyReused,
        Self::IdempotencyKeyInUse,
        Self::Standby,
        Self::TimedOut,
        Self::Internal,
    ];

    /// Its code, status, title, and explanation.
    const fn facts(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        match self {
            Self::AuthenticationRequired => (
                "authentication_required",
                StatusCode::UNAUTHORIZED,
                "authentication required",
                "Sign in with /dashboard in Discord, or send a token as Authorization: Bearer.",
            ),
            Self::InvalidToken => (
                "invalid_token",
                StatusCode::UNAUTHORIZED,
                "invalid token",
                "This token was mistyped, revoked, or has expired. Make a new one on the page of your tokens.",
            ),
            Self::SeveralCredentials => (
                "several_credentials",
                StatusCode::BAD_REQUEST,
                "several credentials",
                "The header Authorization is sent once, with one token.",
            ),
            Self::InsufficientScope => (
                "insufficient_scope",
                StatusCode::FORBIDDEN,
                "insufficient scope",
                "This token may not be used for that. Make one with the scope that is named.",
            ),
            Self::SessionRequired => (
                "session_required",
                StatusCode::FORBIDDEN,
                "session required",
                "No token may do this: sign in with a browser.",
            ),
            Self::CrossSite => (
                "cross_site",
                StatusCode::FORBIDDEN,
                "sent by another site",
                "This must be sent by one of these pages: from another site, you could be led to send it unawares. Programs use a token instead of a cookie.",
            ),
            Self::NotFound => (
                "not_found",
                StatusCode::NOT_FOUND,
                "not found",
                "There is nothing at this address, or you can't see it.",
            ),
            Self::LinkGone => (
                "link_gone",
                StatusCode::GONE,
                "this link doesn't work any more",
                "A link signs you in once, and within five minutes; this one was used, or is older. Run /dashboard in Discord again.",
            ),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed",
                "This address can't be used in that way. The header Allow names the methods that it takes.",
            ),
            Self::InvalidId => ("invalid_id", StatusCode::BAD_REQUEST, "invalid id", id::RULE),
            Self::InvalidBody => (
                "invalid_body",
                StatusCode::BAD_REQUEST,
                "invalid body",
                "The body can't be read, or has a field that is missing, unknown or wrong.",
            ),
            Self::InvalidQuery => (
                "invalid_query",
                StatusCode::BAD_REQUEST,
                "invalid query",
                "The query has a parameter that is unknown, occurs twice, or has a value that it can't have.",
            ),
            Self::InvalidPage => (
                "invalid_page",
                StatusCode::BAD_REQUEST,
                "invalid page",
                "A page is a number above 0, pageSize is 1 to 100, and a cursor is one that an answer gave, in place of a page.",
            ),
            Self::BodyTooLarge => (
                "body_too_large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "body too large",
                "A body has 64 KiB at most.",
            ),
            Self::UriTooLong => (
                "uri_too_long",
                StatusCode::URI_TOO_LONG,
                "address too long",
                "An address has 4 KiB at most, with its query.",
            ),
            Self::MediaType => (
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported media type",
                "The header Content-Type must say what the body is: application/json for the API.",
            ),
            Self::WrongHost => (
                "wrong_host",
                StatusCode::MISDIRECTED_REQUEST,
                "wrong host",
                "These pages are at another address. Operators set it with PUBLIC_URL.",
            ),
            Self::TooManyTokens => (
                "too_many_tokens",
                StatusCode::CONFLICT,
                "too many tokens",
                "You can have 20 tokens. Revoke one that you don't need any more.",
            ),
            Self::TooManyRequests => (
                "too_many_requests",
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests",
                "Too many requests, or too many sign-ins from one address. Retry-After says when there is room again.",
            ),
            Self::InvalidIdempotencyKey => (
                "invalid_idempotency_key",
                StatusCode::BAD_REQUEST,
                "invalid Idempotency-Key",
                "An Idempotency-Key has 1 to 255 visible ASCII characters, and is sent once.",
            ),
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Idempotency-Key was used for another request",
                "You sent this Idempotency-Key with another address or body within a day. Choose a new one for each request.",
            ),
            Self::IdempotencyKeyInUse => (
                "idempotency_key_in_use",
                StatusCode::CONFLICT,
                "Idempotency-Key is in use",
                "The first request with this Idempotency-Key is still under way. Please try again in a few seconds.",
            ),
            Self::Standby => (
                "standby",
                StatusCode::SERVICE_UNAVAILABLE,
                "not serving",
                "This process is starting, or another one serves at the moment. Please try again in a few seconds.",
            ),
            Self::TimedOut => (
                "timed_out",
                StatusCode::SERVICE_UNAVAILABLE,
                "took too long",
                "This took longer than ten seconds and was given up. Please try again in a minute.",
            ),
            Self::Internal => (
                "internal_error",
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal error",
                "Something went wrong inside me. My operator can find it in the log by the request's id.",
            ),
        }
    }

    /// Its name, for programs and in addresses.
    pub(in crate::http) const fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// The status of answers with it.
    pub(in crate::http) const fn status(self) -> StatusCode {
        self.facts().1
    }

    /// What it is, in a few words.
    pub(in crate::http) const fn title(self) -> &'static str {
        self.facts().2
    }

    /// What it means, and what to do.
    pub(in crate::http) const fn explanation(self) -> &'static str {
        self.facts().3
    }

    /// After how many seconds it is worth trying again.
    pub(super) const fn retry_after(self) -> Option<u64> {
        match self {
            Self::IdempotencyKeyInUse => Some(1),
            Self::Standby => Some(5),
            Self::TimedOut => Some(60),
            _ => None,
        }
    }
}
