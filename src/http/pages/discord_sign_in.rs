//! Signing in with Discord: to its page, and back.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use maud::html;
use serde::Deserialize;

use crate::domain::public_url::LocalPath;
use crate::http::cookie::{self, CookieKind};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::accounts::{BegunSignIn, DiscordReturn, SignInFailure};

use super::layout::page;
use super::see_other;
use super::sign_in::SignInQuery;
use super::start::{CANCELLED, sign_in_button};

/// What Discord adds to the address. A browser can be made to say anything here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReturnQuery {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `GET /auth/login`.
pub(super) async fn begin(
    State(state): State<WebState>,
    query: Result<Query<SignInQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let next = query.ok().and_then(|Query(query)| query.next);
    let next = next.and_then(|next| LocalPath::parse(&next)).unwrap_or_default();
    Ok(match state.services()?.accounts.begin_sign_in(next).await {
        Ok(BegunSignIn { page, browser }) => {
            let cookie = CookieKind::PendingSignIn.given(&state.url, &browser);
            ([(SET_COOKIE, cookie)], see_other(&page)).into_response()
        }
        Err(failure) => failed(failure),
    })
}

/// `GET /auth/callback`. Whatever comes of it, the browser's secret has served.
pub(super) async fn come_back(
    State(state): State<WebState>,
    headers: HeaderMap,
    query: Result<Query<ReturnQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.unwrap_or_default();
    let (browser, replaces) =
        (CookieKind::PendingSignIn.read(&headers, &state.url), cookie::read(&headers, &state.url));
    let back = DiscordReturn {
        state: &query.state,
        code: query.code.as_deref(),
        error: query.error.as_deref(),
        issuer: query.iss.as_deref(),
        browser: browser.as_ref(),
        replaces: replaces.as_ref(),
        user_agent: headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
    };
    let answer = match state.services()?.accounts.come_back(back).await {
        Ok((session, next)) => {
            state.limits.note_begun(session.hash(), state.clock.now());
            ([(SET_COOKIE, cookie::given(&state.url, &session))], see_other(next.as_str())).into_response()
        }
        Err(SignInFailure::Cancelled) => see_other(CANCELLED).into_response(),
        Err(failure) => failed(failure),
    };
    Ok((AppendHeaders([(SET_COOKIE, CookieKind::PendingSignIn.removed(&state.url))]), answer).into_response())
}

/// The page for a sign-in that didn't work.
fn failed(failure: SignInFailure) -> Response {
    let status = match &failure {
        SignInFailure::Off => return Problem::new(ProblemCode::NotFound).into_response(),
        SignInFailure::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        SignInFailure::Discord(_) if failure.is_outage() => StatusCode::BAD_GATEWAY,
        _ => StatusCode::BAD_REQUEST,
    };
    let content = html! {
        p { "Signing in didn't work: " (failure) "." }
        (sign_in_button("/", "Try again"))
        p { a href="/" { "To the start page" } }
    };
    let mut response = (status, page("Signing in didn't work", None, "", content)).into_response();
    if let Some(wait) = failure.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
    }
    response
}
