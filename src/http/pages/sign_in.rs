//! Signing in by a link, and out. Opening the link signs nobody in: a page names the account first. So nobody
//! can be signed in unawares as somebody else by a link that they were given.

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{SET_COOKIE, USER_AGENT};
use axum::response::IntoResponse;
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::public_url::LocalPath;
use crate::domain::secret::WebSecret;
use crate::http::body::FormFields;
use crate::http::caller::Caller;
use crate::http::cookie;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;

use super::layout::page;
use super::see_other;

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
pub(super) struct SignInQuery {
    pub(super) next: Option<String>,
}

fn gone() -> Problem {
    Problem::new(ProblemCode::LinkGone)
}

/// `GET /auth/link/{link}`.
pub(super) async fn ask(
    State(state): State<WebState>,
    Path(link): Path<String>,
    Query(query): Query<SignInQuery>,
) -> Result<Markup, Problem> {
    let link = WebSecret::parse(&link).ok_or_else(gone)?;
    let account = state.services()?.accounts.link_account(&link).await?.ok_or_else(gone)?;
    let action = format!("/auth/link/{}", link.text());
    let content = html! {
        form.panel method="post" action=(action) {
            input type="hidden" name="next" value=(query.next.unwrap_or_default());
            p { button type="submit" { "Sign in as " (account.name) } }
            p { "Not you? Then somebody gave you their link: close this page." }
        }
    };
    Ok(page(&format!("Sign in as {}?", account.name), None, "", content))
}

/// `POST /auth/link/{link}`.
pub(super) async fn redeem(
    State(state): State<WebState>,
    Path(link): Path<String>,
    headers: HeaderMap,
    form: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let link = WebSecret::parse(&link).ok_or_else(gone)?;
    let replaces = cookie::read(&headers, &state.url);
    let user_agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let accounts = &state.services()?.accounts;
    let session = accounts.redeem_link(&link, replaces.as_ref(), user_agent).await?.ok_or_else(gone)?;
    state.limits.note_begun(session.hash(), state.clock.now());
    let next = LocalPath::parse(form.one("next")).unwrap_or_default();
    Ok(([(SET_COOKIE, cookie::given(&state.url, &session))], see_other(next.as_str())))
}

/// `POST /auth/logout`.
pub(super) async fn sign_out(
    State(state): State<WebState>,
    caller: Caller,
    _: FormFields,
) -> Result<impl IntoResponse, Problem> {
    if let Caller::Person(session) = caller {
        state.services()?.accounts.end_web_session(session.account.user, session.id).await?;
    }
    Ok(([(SET_COOKIE, cookie::removed(&state.url))], see_other("/")))
}
