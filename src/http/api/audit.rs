//! The audit: of a server, and of a person's own access.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::Uri;
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::audit::AuditAction;
use crate::domain::ids::UserId;
use crate::domain::paging::PageSize;
use crate::domain::public_url::PublicUrl;
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, Params};
use crate::http::caller::{Identified, Person};
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::time::GivenTime;
use crate::http::web::WebState;
use crate::service::{AuditFilter, AuditPage, AuditedChange};

use super::paging::{PageQuery, address};
use super::{InServer, words, written};

/// Which changes, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct AuditQuery {
    /// Only those that this person made.
    #[param(value_type = Option<IdText>)]
    actor: Option<Id<UserId>>,
    /// Only those of this action.
    #[param(value_type = Option<words::AuditAction>)]
    action: Option<String>,
    /// Only those that were made at this time or later: RFC 3339.
    #[param(value_type = Option<String>, example = "2026-11-30T00:00:00Z")]
    since: Option<GivenTime>,
    /// How many items a page has: 1 to 100, 20 by default.
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
        Ok(AuditFilter {
            actor: self.actor.map(|Id(person)| person),
            action: action.transpose()?,
            since: self.since.map(|GivenTime(since)| since),
        })
    }
}

/// Which page of one's own changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct OwnAuditQuery {
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave.
    cursor: Option<String>,
}

/// The number before which a page begins. As that is all that a cursor says, any number is one.
fn before(cursor: Option<&str>) -> Result<Option<i64>, Problem> {
    let number = |text: &str| Id::parse(text).map(|Id(number)| number);
    cursor.map(number).transpose().map_err(|_| Problem::new(ProblemCode::InvalidPage))
}

/// A page of an audit, newest first.
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
    /// The person who made it; null for the bot, for somebody of another server, and for a person who was
    /// forgotten.
    actor_id: Option<String>,
    /// In which way; `system`: I did, or another server.
    #[schema(value_type = words::AuditVia)]
    via: &'static str,
    /// Which of your tokens it was; null if it was none of yours.
    token_id: Option<String>,
    /// What was done.
    #[schema(value_type = words::AuditAction)]
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
    /// What it is.
    #[schema(value_type = words::AuditSubjectKind)]
    kind: &'static str,
    /// Its number, or its id.
    #[schema(example = "7")]
    id: String,
}

impl AuditRow {
    fn of(change: AuditedChange) -> Self {
        let subject = change.subject.map(|subject| AuditSubjectView {
            kind: words::subject_kind(subject),
            id: subject.parts().1.to_string(),
        });
        Self {
            id: change.id.to_string(),
            at: written(change.at),
            actor_id: change.actor.map(|person| person.to_string()),
            via: words::via(change.via),
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
    Ids(InServer { server: Id(server) }): Ids<InServer>,
    Params(query): Params<AuditQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let (filter, before) = (query.filter()?, before(query.cursor.as_deref())?);
    let size = PageQuery::read_size(query.page_size.as_deref())?;
    let page = state.services()?.follows.audit(actor, filter, before, size).await?;
    Ok(answer(page, size, (&state.url, &uri)))
}

/// List what was done with your sessions and tokens
///
/// Where and how you signed in and out, and which tokens you made and revoked: the newest first, as long as
/// it is kept.
#[utoipa::path(
    get,
    path = "/me/audit",
    tag = "Account",
    params(OwnAuditQuery),
    security(("session" = [])),
    responses((status = 200, description = "A page of changes", body = AuditPageView))
)]
pub(super) async fn list_own(
    State(state): State<WebState>,
    Person(own): Person,
    Params(query): Params<OwnAuditQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let before = before(query.cursor.as_deref())?;
    let size = PageQuery::read_size(query.page_size.as_deref())?;
    let page = state.services()?.accounts.audit(own.account.user, before, size).await?;
    Ok(answer(page, size, (&state.url, &uri)))
}

/// A page, with a link to the next one.
fn answer(page: AuditPage, size: PageSize, at: (&PublicUrl, &Uri)) -> Response {
    let link = page.next.map(|next| [(LINK, format!("<{}>; rel=\"next\"", address(at, next)))]);
    let body = AuditPageView {
        items: page.changes.into_iter().map(AuditRow::of).collect(),
        page_size: size.get(),
        next_cursor: page.next.map(|next| next.to_string()),
    };
    (link, Json(body)).into_response()
}
