//! Who changed what in a server.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::audit::{AuditAction, Via};
use crate::domain::ids::UserId;
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, Number, Params};
use crate::http::caller::Identified;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::{AuditFilter, AuditedChange};

use super::paging::{PageQuery, address};
use super::{InServer, written};

/// Which changes, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct AuditQuery {
    /// Only those that this person made.
    #[param(value_type = Option<String>)]
    actor: Option<UserId>,
    /// Only those of this action, such as `follow_created`.
    action: Option<String>,
    /// Only those that were made at this time or later: RFC 3339.
    #[param(value_type = Option<String>, example = "2026-11-30T00:00:00Z")]
    since: Option<DateTime<Utc>>,
    /// How many items a page has: 1 to 100, and 20 where nothing is said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave.
    cursor: Option<String>,
}

impl AuditQuery {
    fn filter(&self) -> Result<AuditFilter, Problem> {
        let action = self.action.as_deref().map(|word| {
            let known =
                || AuditAction::ALL.iter().map(|action| action.as_str()).collect::<Vec<_>>().join(", ");
            let unknown = || {
                Problem::new(ProblemCode::InvalidQuery).with_detail(format!("action is one of {}.", known()))
            };
            AuditAction::parse(word).ok_or_else(unknown)
        });
        Ok(AuditFilter { actor: self.actor, action: action.transpose()?, since: self.since })
    }

    /// The number before which the page begins. As that is all that a cursor says, any number is one.
    fn before(&self) -> Result<Option<i64>, Problem> {
        let number = |text: &String| Number::try_from(text.clone()).map(|number| number.0);
        self.cursor.as_ref().map(number).transpose().map_err(|_| Problem::new(ProblemCode::InvalidPage))
    }
}

/// A page of a server's audit, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditPage)]
pub(super) struct AuditPageView {
    items: Vec<AuditRow>,
    /// How many items a page has at most.
    page_size: u64,
    /// The cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// A change that somebody made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditRecord)]
pub(super) struct AuditRow {
    /// Its number: a later one has a higher number.
    #[schema(example = "12")]
    id: String,
    /// When it was made.
    at: String,
    /// Who made it; null for me, for somebody of another server, and for a person who was forgotten.
    actor_id: Option<String>,
    /// `command`, `web`, `api`, or `system`: I did, or another server.
    #[schema(example = "command")]
    via: &'static str,
    /// Which of your tokens it was; null if it was none of yours.
    token_id: Option<String>,
    /// What was done.
    #[schema(example = "follow_created")]
    action: &'static str,
    /// What was changed; null for a channel that you can't see.
    subject: Option<AuditSubjectView>,
    /// More about it. What changed is written as `[before, now]`. Null stands for what you can't see.
    #[schema(value_type = Object, example = json!({ "refresh": [300, 600], "changed": ["refresh"] }))]
    detail: Value,
}

/// What was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditSubject)]
pub(super) struct AuditSubjectView {
    /// `follow`, `channel`, `panel` or `server`.
    #[schema(example = "follow")]
    kind: &'static str,
    /// Its number, or its id.
    #[schema(example = "7")]
    id: String,
}

impl AuditRow {
    fn of(change: AuditedChange) -> Self {
        let subject = change.subject.map(|subject| {
            let (kind, id) = subject.parts();
            AuditSubjectView { kind, id: id.to_string() }
        });
        Self {
            id: change.id.to_string(),
            at: written(change.at),
            actor_id: change.actor.map(|person| person.to_string()),
            via: change.via.map_or("system", Via::as_str),
            token_id: change.token.map(|token| token.0.to_string()),
            action: change.action.as_str(),
            subject,
            detail: change.detail,
        }
    }
}

/// List who changed what
///
/// The newest first, as long as it is kept. That takes Manage Server in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/audit",
    tag = "Servers",
    params(("server" = String, Path, description = "The server's id"), AuditQuery),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "A page of changes", body = AuditPageView))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server }): Ids<InServer>,
    Params(query): Params<AuditQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let (filter, before) = (query.filter()?, query.before()?);
    let size = PageQuery::read_size(query.page_size.as_deref())?;
    let page = state.services()?.follows.audit(actor, filter, before, size).await?;
    let link =
        page.next.map(|next| [(LINK, format!("<{}>; rel=\"next\"", address((&state.url, &uri), next)))]);
    let body = AuditPageView {
        items: page.changes.into_iter().map(AuditRow::of).collect(),
        page_size: size.get(),
        next_cursor: page.next.map(|next| next.to_string()),
    };
    Ok((link, Json(body)).into_response())
}
