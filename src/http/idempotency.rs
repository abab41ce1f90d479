//! `Idempotency-Key`: a request that is sent again, because its answer was lost, does nothing again. It gets
//! the answer that the first one got.
//!
//! Work on such a request goes on if its client hangs up: that is the very case for which its answer is
//! kept.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use crate::domain::idempotency::{KeyedRequest, is_key};
use crate::service::ServiceError;
use crate::service::idempotency::{KeptAnswers, RequestClaim, RequestState};

use super::caller::Identified;
use super::problem::{Problem, ProblemCode, ProblemParts};
use super::web::{BODY, WebState};

/// Where a second try would do harm: what is sent there with `POST` may have a key.
pub(super) const ROUTES: [&str; 7] = [
    "/api/v1/servers/{server}/follows",
    "/api/v1/servers/{server}/panels",
    "/api/v1/users/{userId}/follow",
    "/api/v1/users/{userId}/unfollow",
    "/api/v1/me/follows",
    "/api/v1/me/follow-requests/{userId}/accept",
    "/api/v1/me/follow-requests/{userId}/decline",
];

/// How long work on a request may take; less than a claim lasts.
const LONGEST: Duration = Duration::from_secs(50);
/// The largest answer that is kept, in bytes.
const LARGEST: usize = 256 * 1024;

/// The header with the key.
pub(super) const KEY: &str = "Idempotency-Key";
const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
enum KeptAnswer {
    /// It was done.
    Done { status: u16, headers: Vec<(String, String)>, body: String },
    /// It was refused.
    Refused(ProblemParts),
}

/// Gives the kept answer, if the request has a key that was used for it before.
pub(super) async fn replay(
    State(state): State<WebState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if request.method() != Method::POST || !ROUTES.contains(&route) {
        return Ok(next.run(request).await);
    }
    let Some(key) = read_key(request.headers())? else { return Ok(next.run(request).await) };
    let (mut parts, body) = request.into_parts();
    let caller = Identified::from_request_parts(&mut parts, &state).await?;
    let body = to_bytes(body, BODY).await.map_err(|_| Problem::new(ProblemCode::BodyTooLarge))?;
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let keyed = KeyedRequest::new(caller.user(), caller.key_owner(), key.as_bytes(), address, &body);
    let services = state.services()?;
    let claim = match services.answers.claim(keyed).await? {
        RequestState::New(claim) => claim,
        RequestState::InUse => return Err(Problem::new(ProblemCode::IdempotencyKeyInUse)),
        RequestState::OtherRequest => return Err(Problem::new(ProblemCode::IdempotencyKeyReused)),
        RequestState::Answered(kept) => {
            let mut answer = open(&kept)?;
            answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            return Ok(answer);
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    let work = async move { work(&services.answers, claim, next.run(request)).await };
    // Ends within `LONGEST`, and is awaited unless the client hangs up.
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|_| Err(Problem::new(ProblemCode::Internal)))
}

fn read_key(headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
    let mut keys = headers.get_all(KEY_HEADER).iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if is_key(key.as_bytes()) => Ok(Some(key.clone())),
        _ => Err(Problem::new(ProblemCode::InvalidIdempotencyKey)),
    }
}

/// Has the request done, and keeps its answer. What may turn out differently the next time isn't kept.
async fn work(
    answers: &KeptAnswers,
    claim: RequestClaim,
    answering: impl Future<Output = Response>,
) -> Result<Response, Problem> {
    let answering = tokio::time::timeout(LONGEST, AssertUnwindSafe(answering).catch_unwind());
    let answer = match answering.await {
        Ok(Ok(answer)) => answer,
        // Where it happened is logged by the panic itself.
        Ok(Err(_)) => Problem::new(ProblemCode::Internal).into_response(),
        Err(_) => Problem::new(ProblemCode::TimedOut).into_response(),
    };
    let status = answer.status();
    let passes = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
    let (kept, answer) = match passes || status.is_server_error() {
        true => (answers.release(claim).await, answer),
        false => {
            let (kept, answer) = copy(answer).await?;
            (answers.keep(claim, &kept).await, answer)
        }
    };
    if let Err(ServiceError::Store(cause)) = kept {
        tracing::warn!(%cause, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(answer)
}

/// Writes an answer as it is kept.
async fn copy(answer: Response) -> Result<(Vec<u8>, Response), Problem> {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(|_| Problem::new(ProblemCode::Internal))?;
    let kept = match parts.extensions.get::<Problem>() {
        Some(problem) => KeptAnswer::Refused(problem.parts()),
        None => {
            let text = |(name, value): (&HeaderName, &HeaderValue)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            };
            KeptAnswer::Done {
                status: parts.status.as_u16(),
                headers: parts.headers.iter().filter_map(text).collect(),
                body: STANDARD.encode(&body),
            }
        }
    };
    let kept = serde_json::to_vec(&kept).expect("texts and numbers always serialise");
    Ok((kept, Response::from_parts(parts, Body::from(body))))
}

/// Reads an answer that was kept.
fn open(kept: &[u8]) -> Result<Response, Problem> {
    read(kept).ok_or_else(|| {
        tracing::error!("an answer that was kept for its Idempotency-Key can't be read");
        Problem::new(ProblemCode::Internal)
    })
}

fn read(kept: &[u8]) -> Option<Response> {
    match serde_json::from_slice(kept).ok()? {
        KeptAnswer::Done { status, headers, body } => {
            let body = Bytes::from(STANDARD.decode(body).ok()?);
            let mut answer = (StatusCode::from_u16(status).ok()?, body).into_response();
            answer.headers_mut().clear();
            for (name, value) in headers {
                answer.headers_mut().append(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
            }
            Some(answer)
        }
        KeptAnswer::Refused(problem) => Some(Problem::from_parts(problem)?.into_response()),
    }
}
