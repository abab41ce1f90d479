//! One's sessions: the browsers in which one is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::account::{WebSession, WebSessionId};
use crate::http::body::Ids;
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;

use super::{ListOf, written};

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    /// Its number.
    #[schema(example = "12")]
    id: String,
    /// The kind of browser and its system.
    #[schema(example = "Firefox on Linux")]
    browser: String,
    /// When it began.
    created_at: String,
    /// When it was last used, to within an hour.
    seen_at: String,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    /// A session, as it is shown in this one.
    pub(super) fn of(session: WebSession, current: WebSessionId) -> Self {
        Self {
            current: session.id == current,
            id: session.id.0.to_string(),
            browser: session.browser,
            created_at: written(session.created_at),
            seen_at: written(session.seen_at),
        }
    }
}

/// List the browsers in which you are signed in
#[utoipa::path(
    get,
    path = "/me/sessions",
    tag = "Account",
    security(("session" = [])),
    responses(
        (status = 200, description = "Your sessions, the newest first", body = ListOf<SessionView>),
    )
)]
pub(super) async fn list(
    State(state): State<WebState>,
    Person(own): Person,
) -> Result<Json<ListOf<SessionView>>, Problem> {
    let sessions = state.services()?.accounts.web_sessions(own.account.user).await?;
    let view = |session| SessionView::of(session, own.id);
    Ok(Json(ListOf { items: sessions.into_iter().map(view).collect() }))
}

/// Sign out everywhere
#[utoipa::path(
    delete,
    path = "/me/sessions",
    tag = "Account",
    security(("session" = [])),
    responses(
        (status = 204, description = "All sessions ended, this one too"),
    )
)]
pub(super) async fn end_all(
    State(state): State<WebState>,
    Person(own): Person,
) -> Result<StatusCode, Problem> {
    state.services()?.accounts.end_web_sessions(own.account.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one session
#[utoipa::path(
    delete,
    path = "/me/sessions/{id}",
    tag = "Account",
    params(("id" = String, Path, description = "Its number")),
    security(("session" = [])),
    responses(
        (status = 204, description = "It ended"),
    )
)]
pub(super) async fn end(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<WebSessionId>>,
) -> Result<StatusCode, Problem> {
    let ended = state.services()?.accounts.end_web_session(own.account.user, id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(ProblemCode::NotFound)) }
}
