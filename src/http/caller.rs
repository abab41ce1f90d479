//! Who asks: nobody that is known, a person who is signed in, or a program with a person's token.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::domain::account::{StoredApiToken, WebSession};
use crate::domain::api_token::ApiToken;
use crate::domain::audit::Via;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::scope::TokenScope;
use crate::service::{Actor, Refusal, ServiceError};

use super::cookie;
use super::problem::{Problem, ProblemCode};
use super::web::WebState;

/// Whoever asks. Where a token is given, the cookie doesn't count.
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
        if let Some(credentials) = parts.headers.get(AUTHORIZATION) {
            let invalid = || Problem::new(ProblemCode::InvalidToken);
            let (scheme, token) =
                credentials.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(invalid)?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(invalid());
            }
            let token = ApiToken::parse(token.trim()).ok_or_else(invalid)?;
            let token = services.accounts.use_token(&token).await?.ok_or_else(invalid)?;
            return Ok(Self::Token(Box::new(token)));
        }
        let Some(secret) = cookie::read(&parts.headers, &state.url) else { return Ok(Self::Guest) };
        let session = services.accounts.session(&secret).await?;
        Ok(session.map_or(Self::Guest, |session| Self::Person(Box::new(session))))
    }
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
