//! Requests to follow somebody who wants to be asked; and whom one keeps from following.

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::UserId;
use crate::domain::personal::PersonList;
use crate::domain::scope::TokenScope;
use crate::http::api::paging::{PageOf, PageQuery};
use crate::http::body::Params;
use crate::http::caller::Identified;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::PersonEntry;

use super::lists::PeopleQuery;
use super::{PersonRef, SignedIn, UserInPath, written};
use crate::http::api::words;

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(in crate::http::api) struct RequestsQuery {
    /// `received` (the default): who asks to follow you. `sent`: whom you asked.
    #[param(value_type = Option<words::RequestDirection>)]
    direction: Option<String>,
    /// The number of the page, from 1.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave, in place of `page`.
    cursor: Option<String>,
}

impl RequestsQuery {
    fn list(&self, user: UserId) -> Result<(PersonList, &'static str), Problem> {
        match self.direction.as_deref() {
            None | Some(words::RECEIVED) => Ok((PersonList::RequestsTo(user), words::RECEIVED)),
            Some(words::SENT) => Ok((PersonList::RequestsBy(user), words::SENT)),
            Some(_) => {
                Err(Problem::new(ProblemCode::InvalidQuery).with_detail("direction is received or sent."))
            }
        }
    }
}

/// Somebody who asks to follow you, or whom you asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct FollowRequestView {
    #[serde(flatten)]
    person: PersonRef,
    /// `received`: they ask to follow you. `sent`: you asked them.
    #[schema(value_type = words::RequestDirection)]
    direction: &'static str,
    /// Since when.
    asked_at: String,
}

/// Somebody whom you blocked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct BlockedPersonView {
    #[serde(flatten)]
    person: PersonRef,
    /// Since when.
    blocked_at: String,
}

/// A page of one's own people.
async fn page<T: ToSchema + Serialize>(
    (state, uri): (&WebState, &axum::http::Uri),
    caller: &Identified,
    list: PersonList,
    place: PageQuery,
    view: impl Fn(PersonEntry) -> T,
) -> Result<Response, Problem> {
    let people = &state.services()?.people;
    let page = people.people(Some(caller.user()), list, place.start, place.size).await?;
    Ok(place.answer(page, |entry| entry.listed.number, view, (&state.url, uri)))
}

/// List who asks to follow you
///
/// Or whom you asked. The newest first. Nobody is told whether you declined.
#[utoipa::path(
    get,
    path = "/me/follow-requests",
    tag = "People",
    params(RequestsQuery),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of requests", body = PageOf<FollowRequestView>))
)]
pub(in crate::http::api) async fn list(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<RequestsQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let place = PageQuery::read(query.page.as_deref(), query.page_size.as_deref(), query.cursor.as_deref())?;
    let (list, direction) = query.list(caller.user())?;
    let view = |entry: PersonEntry| FollowRequestView {
        person: PersonRef::of(&entry.listed.profile),
        direction,
        asked_at: written(entry.listed.since),
    };
    page((&state, &uri), &caller, list, place, view).await
}

/// Let somebody follow you who asked
///
/// They follow you from now on, as they wanted to.
#[utoipa::path(
    post,
    path = "/me/follow-requests/{userId}/accept",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "They follow you"))
)]
pub(in crate::http::api) async fn accept(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(follower): UserInPath,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    state.services()?.people.accept_request(caller.user(), follower).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Decline to be followed by somebody who asked
///
/// They aren't told. For seven days, you aren't asked by them again.
#[utoipa::path(
    post,
    path = "/me/follow-requests/{userId}/decline",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "They don't follow you"))
)]
pub(in crate::http::api) async fn decline(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(follower): UserInPath,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    state.services()?.people.decline_request(caller.user(), follower).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List whom you blocked
///
/// In the order of their ids, the newest accounts first. They aren't told.
#[utoipa::path(
    get,
    path = "/me/blocks",
    tag = "People",
    params(PeopleQuery),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of people", body = PageOf<BlockedPersonView>))
)]
pub(in crate::http::api) async fn blocks(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<PeopleQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let view = |entry: PersonEntry| BlockedPersonView {
        person: PersonRef::of(&entry.listed.profile),
        blocked_at: written(entry.listed.since),
    };
    let list = PersonList::BlockedBy(caller.user());
    page((&state, &uri), &caller, list, query.read()?, view).await
}
