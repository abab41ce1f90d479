//! The caller: somebody unknown, a person who is signed in, or a program with a person's token.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::domain::account::{StoredApiToken, WebSession};
use crate::domain::api_token::ApiToken;
use crate::domain::audit::Via;
use crate::domain::idempotency::KeyOwner;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::public_url::PublicUrl;
use crate::domain::scope::TokenScope;
use crate::domain::secret::SecretHash;
use crate::service::{Actor, Refusal, ServiceError};

use super::cookie;
use super::problem::{Problem, ProblemCode};
use super::web::WebState;

/// The caller. Where a token is given, the cookie doesn't count.
pub(super) enum Caller {
    /// Nobody that is known.
    Guest,
    /// A person in a browser.
    Person(Box<WebSession>),
    /// A program with a person's token.
    Token(Box<StoredApiToken>),
}

impl FromRequestParts<WebState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let services = state.services()?;
        let now = state.clock.now();
        if parts.headers.contains_key(AUTHORIZATION) {
            let invalid = || Problem::new(ProblemCode::InvalidToken);
            if parts.headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
                return Err(Problem::new(ProblemCode::SeveralCredentials));
            }
            let token = bearer(&parts.headers).ok_or_else(invalid)?;
            let known = services.accounts.use_token(&token).await?;
            state.limits.note(token.hash(), known.is_some(), &parts.extensions, now)?;
            return Ok(Self::Token(Box::new(known.ok_or_else(invalid)?)));
        }
        let Some(secret) = cookie::read(&parts.headers, &state.url) else { return Ok(Self::Guest) };
        let session = services.accounts.web_session(&secret).await?;
        state.limits.note(secret.hash(), session.is_some(), &parts.extensions, now)?;
        Ok(session.map_or(Self::Guest, |session| Self::Person(Box::new(session))))
    }
}

/// The token that a request carries; none, if it carries several.
fn bearer(headers: &HeaderMap) -> Option<ApiToken> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| ApiToken::parse(token.trim()))?
}

/// What is stored of the secret that a request carries, if that is one of ours; whether it works, only the
/// database knows.
pub(super) fn credential(headers: &HeaderMap, url: &PublicUrl) -> Option<SecretHash> {
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers).map(|token| token.hash());
    }
    cookie::read(headers, url).map(|secret| secret.hash())
}

/// A person in a browser, for what no token may do.
pub(super) struct Person(pub(super) WebSession);

impl FromRequestParts<WebState> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(session) => Ok(Self(*session)),
            Caller::Token(_) => Err(Problem::new(ProblemCode::SessionRequired)),
            Caller::Guest => Err(Problem::new(ProblemCode::AuthenticationRequired)),
        }
    }
}

/// A person, in a browser or through a program.
pub(super) enum Identified {
    /// In a browser, where they may do everything that they may do.
    Session(Box<WebSession>),
    /// Through a program, which may do what its scopes allow.
    Token(Box<StoredApiToken>),
}

impl Identified {
    /// The person.
    pub(super) fn user(&self) -> UserId {
        match self {
            Self::Session(session) => session.account.user,
            Self::Token(token) => token.user,
        }
    }

    /// Refuses a token without this scope.
    pub(super) fn require(&self, scope: TokenScope) -> Result<(), Problem> {
        match self {
            Self::Token(token) if !token.scopes.contains(scope) => {
                let detail = format!("This token lacks the scope {scope}.");
                Err(Problem::new(ProblemCode::InsufficientScope).with_detail(detail))
            }
            Self::Token(_) | Self::Session(_) => Ok(()),
        }
    }

    /// Acts in a server, if the token may be used for that. What a token for another server is told is what
    /// is told of a server that doesn't exist.
    pub(super) fn act_in(&self, server: GuildId, scope: TokenScope) -> Result<Actor, Problem> {
        self.require(scope)?;
        match self {
            Self::Token(token) if token.server.is_some_and(|only| only != server) => {
                Err(ServiceError::from(Refusal::UnknownServer).into())
            }
            Self::Token(_) | Self::Session(_) => {
                Ok(Actor { user: self.user(), guild: server, channel: None, via: self.via() })
            }
        }
    }

    /// By what they are known.
    pub(super) fn key_owner(&self) -> KeyOwner {
        match self {
            Self::Session(session) => KeyOwner::Session(session.id),
            Self::Token(token) => KeyOwner::Token(token.id),
        }
    }

    /// In which way they act.
    pub(super) fn via(&self) -> Via {
        match self {
            Self::Session(_) => Via::Web,
            Self::Token(token) => Via::Api(token.id),
        }
    }
}

impl FromRequestParts<WebState> for Identified {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(session) => Ok(Self::Session(session)),
            Caller::Token(token) => Ok(Self::Token(token)),
            Caller::Guest => Err(Problem::new(ProblemCode::AuthenticationRequired)),
        }
    }
}
