//! Everything that isn't a success: for programs as RFC 9457 ("Problem Details for HTTP APIs"), for browsers
//! as a page. The kinds are a closed set, each with its code, its status and an explanation.

mod code;
mod kind;
mod wording;

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::follow::FollowId;
use crate::domain::public_url::PublicUrl;
use crate::service::{FailureFacts, RetryTime, ServiceError, explain_discord_error};

use super::guard::RequestId;
use super::id::IdText;
use super::web::WebState;
use super::{feeds, pages};

pub(super) use self::code::ProblemCode;
pub(super) use self::kind::ProblemKind;
pub(super) use self::wording::for_programs;

/// Why a request was not done. The outermost layer writes it, as it knows the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    kind: ProblemKind,
    detail: Option<Box<str>>,
    pointer: Option<Box<str>>,
    /// The follow that is in the way.
    follow: Option<FollowId>,
    /// When it is worth trying again, where that isn't the same for all of its kind.
    retry: Option<RetryTime>,
}

/// A problem as it is kept, for an answer that is given again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProblemParts {
    code: String,
    detail: Option<String>,
    pointer: Option<String>,
    #[serde(default)]
    follow: Option<i64>,
}

/// A problem as RFC 9457 writes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// The address of a page that explains this kind of problem.
    #[schema(example = "https://bot.example.org/api/problems/not_found")]
    r#type: String,
    /// What it is, in a few words; the same for all of its kind.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// The kind, for programs.
    #[schema(example = "not_found")]
    code: &'static str,
    /// Where in the body it is, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// With `already_following`: the number of the follow.
    #[schema(value_type = Option<IdText>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    follow_id: Option<String>,
    /// By this the operator finds the request in the log.
    request_id: String,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerForm {
    /// For programs.
    Json,
    /// For browsers.
    Html,
    /// With nothing in it: at secret addresses, where nobody shall learn anything.
    Empty,
}

impl AnswerForm {
    /// How what this path answers is written.
    pub(super) fn of(path: &str) -> Self {
        let is_api =
            path == "/api/v1" || ["/api/v1/", "/api/follows/"].iter().any(|api| path.starts_with(api));
        match () {
            () if is_api => Self::Json,
            () if path.starts_with(feeds::PREFIX) => Self::Empty,
            () => Self::Html,
        }
    }

    /// Whether this is for programs.
    pub(super) const fn is_api(self) -> bool {
        matches!(self, Self::Json)
    }

    /// Whether the address itself is a secret.
    pub(super) const fn is_secret(self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl Problem {
    /// A problem of this kind.
    pub(super) const fn new(code: ProblemCode) -> Self {
        Self { kind: ProblemKind::Own(code), detail: None, pointer: None, follow: None, retry: None }
    }

    /// Something in the body can't be as it is, at this JSON pointer.
    pub(super) fn in_body(pointer: &str, detail: &str) -> Self {
        Self::new(ProblemCode::InvalidBody).with_detail(detail).at(pointer.to_owned())
    }

    /// Says more about what is wrong this time.
    pub(super) fn with_detail(self, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self { detail: Some(detail.into_boxed_str()), ..self }
    }

    /// Says where in the body it is; nothing, if it is the body as a whole.
    pub(super) fn at(self, pointer: String) -> Self {
        let pointer = Some(pointer).filter(|pointer| !pointer.is_empty());
        Self { pointer: pointer.map(String::into_boxed_str), ..self }
    }

    /// Says from when on it is worth trying again.
    pub(super) fn retry_at(self, at: DateTime<Utc>) -> Self {
        Self { retry: Some(RetryTime::At(at)), ..self }
    }

    /// What is kept of it, for an answer that is given again.
    pub(super) fn parts(&self) -> ProblemParts {
        ProblemParts {
            code: self.kind.code().to_owned(),
            detail: self.detail.clone().map(String::from),
            pointer: self.pointer.clone().map(String::from),
            follow: self.follow.map(|follow| follow.0),
        }
    }

    /// The problem that was kept; `None` if there is no such code.
    pub(super) fn from_parts(parts: ProblemParts) -> Option<Self> {
        let ProblemParts { code, detail, pointer, follow } = parts;
        Some(Self {
            kind: ProblemKind::parse(&code)?,
            detail: detail.map(Into::into),
            pointer: pointer.map(Into::into),
            follow: follow.map(FollowId),
            retry: None,
        })
    }

    fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.kind.explanation())
    }
}

impl From<FailureFacts> for Problem {
    fn from(facts: FailureFacts) -> Self {
        Self { kind: ProblemKind::Failure(facts), detail: None, pointer: None, follow: None, retry: None }
    }
}

impl From<ServiceError> for Problem {
    /// Logs what isn't meant for people, once.
    fn from(error: ServiceError) -> Self {
        let problem = Self { retry: error.retry(), ..error.facts().into() };
        match error {
            ServiceError::Refused(refusal) => {
                Self { follow: refusal.follow(), ..problem }.with_detail(for_programs(&refusal.to_string()))
            }
            ServiceError::Discord(cause) => {
                tracing::warn!(%cause, "a request failed at Discord");
                problem.with_detail(for_programs(explain_discord_error(&cause)))
            }
            ServiceError::Store(cause) => {
                tracing::error!(%cause, "a request failed in the database");
                problem
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes an answer's problem, if it has one. What the framework refuses by itself has one, too. For whoever
/// has to sign in first, this page is the one to come back to.
pub(super) fn render(
    answer: Response,
    (form, page): (AnswerForm, &str),
    id: &RequestId,
    state: &WebState,
) -> Response {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None => match status {
            StatusCode::NOT_FOUND => Problem::new(ProblemCode::NotFound),
            StatusCode::METHOD_NOT_ALLOWED => Problem::new(ProblemCode::MethodNotAllowed),
            _ => return Response::from_parts(parts, body),
        },
    };
    let kind = problem.kind;
    let mut written = match form {
        AnswerForm::Json => json(&problem, id, &state.url),
        AnswerForm::Empty => ().into_response(),
        AnswerForm::Html => {
            pages::problem(kind, problem.detail(), id, state.offers_discord().then_some(page)).into_response()
        }
    };
    // `Allow`, for instance.
    written.headers_mut().extend(parts.headers.drain().filter_map(|(name, value)| {
        let name = name?;
        (name != CONTENT_TYPE && name != axum::http::header::CONTENT_LENGTH).then_some((name, value))
    }));
    *written.status_mut() = kind.status();
    let retry = problem.retry.map(|retry| retry.seconds(state.clock.now()));
    if let Some(seconds) = retry.or(kind.retry_after()) {
        written.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if kind.status() == StatusCode::UNAUTHORIZED {
        written.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(kind.challenge()));
    }
    written
}

fn json(problem: &Problem, id: &RequestId, url: &PublicUrl) -> Response {
    let body = ProblemBody {
        r#type: url.join(&format!("/api/problems/{}", problem.kind.code())),
        title: problem.kind.title(),
        status: problem.kind.status().as_u16(),
        detail: problem.detail().to_owned(),
        code: problem.kind.code(),
        pointer: problem.pointer.clone().map(String::from),
        follow_id: problem.follow.map(|follow| follow.0.to_string()),
        request_id: id.to_string(),
    };
    let text = serde_json::to_string(&body).expect("texts and numbers always serialise");
    ([(CONTENT_TYPE, "application/problem+json")], text).into_response()
}
