//! Lists of followers, and of people who are followed.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{FolloweeKind, PersonList, Relationship};
use crate::domain::scope::TokenScope;
use crate::http::api::ListOf;
use crate::http::api::paging::{PageOf, PageQuery};
use crate::http::body::Params;
use crate::http::caller::Caller;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::{PersonEntry, PersonView};

use super::{PersonRef, PersonalFollowView, SignedIn, UserInPath, require_everywhere, tag_id, written};
use crate::http::api::words;

/// How many people one call asks about.
const MOST_IDS: usize = 100;

/// Which page of a list of people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(in crate::http::api) struct PeopleQuery {
    /// The number of the page, from 1.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave, in place of `page`.
    cursor: Option<String>,
}

impl PeopleQuery {
    pub(super) fn read(&self) -> Result<PageQuery, Problem> {
        PageQuery::read(self.page.as_deref(), self.page_size.as_deref(), self.cursor.as_deref())
    }
}

/// A person in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct ListedPersonView {
    #[serde(flatten)]
    person: PersonRef,
    /// When the follow was made.
    followed_at: String,
    /// Whether you follow them; not for guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_following: Option<bool>,
    /// Whether they follow you; not for guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_follower: Option<bool>,
}

impl ListedPersonView {
    fn of(entry: PersonEntry) -> Self {
        Self {
            person: PersonRef::of(&entry.listed.profile),
            followed_at: written(entry.listed.since),
            is_following: entry.relationship.map(|relationship| relationship.is_following),
            is_follower: entry.relationship.map(|relationship| relationship.is_follower),
        }
    }
}

/// A person as you see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct ProfileView {
    #[serde(flatten)]
    person: PersonRef,
    /// How many people follow them; null if they don't show it.
    followers_count: Option<u64>,
    /// How many people they follow; null if they don't show it.
    following_count: Option<u64>,
    /// Whether you follow them.
    is_following: bool,
    /// Whether they follow you.
    is_follower: bool,
    /// Whether you asked to follow them, and don't follow them yet.
    is_requested: bool,
    /// How you follow them: `all`, `except` or `only`.
    #[schema(value_type = Option<words::FollowMode>)]
    follow_mode: Option<&'static str>,
    /// The tags that this mode names.
    tags: Vec<String>,
}

impl ProfileView {
    fn of(view: PersonView) -> Self {
        let filter = view.follow.as_ref().map(|follow| &follow.options.filter);
        Self {
            person: PersonRef::of(&view.profile),
            followers_count: view.counts.map(|counts| counts.followers),
            following_count: view.counts.map(|counts| counts.following),
            is_following: view.relationship.is_following,
            is_follower: view.relationship.is_follower,
            is_requested: view.is_requested,
            follow_mode: filter.map(|filter| TagMode::as_str(filter.mode())),
            tags: filter.map(|filter| filter.tags().iter().map(tag_id).collect()).unwrap_or_default(),
        }
    }
}

/// How many.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct CountView {
    count: u64,
}

/// How you and somebody else are related.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct RelationshipView {
    /// The person.
    id: String,
    /// Whether you follow them.
    is_following: bool,
    /// Whether they follow you.
    is_follower: bool,
}

/// The person who asks, if anybody is signed in. A token needs the scope.
fn viewer(caller: &Caller) -> Result<Option<UserId>, Problem> {
    match caller {
        Caller::Guest => Ok(None),
        Caller::Person(session) => Ok(Some(session.account.user)),
        Caller::Token(token) if token.scopes.contains(TokenScope::FollowsRead) => {
            require_everywhere(token)?;
            Ok(Some(token.user))
        }
        Caller::Token(_) => Err(Problem::new(ProblemCode::InsufficientScope)
            .with_detail(format!("This token lacks the scope {}.", TokenScope::FollowsRead))),
    }
}

async fn page(
    state: &WebState,
    viewer: Option<UserId>,
    list: PersonList,
    query: &PeopleQuery,
    uri: &axum::http::Uri,
) -> Result<Response, Problem> {
    let place = query.read()?;
    let page = state.services()?.people.people(viewer, list, place.start, place.size).await?;
    Ok(place.answer(page, |entry| entry.listed.number, ListedPersonView::of, (&state.url, uri)))
}

/// List who follows a person
///
/// The newest first. If they don't show it to you, the list is empty; its total is true unless they hide
/// that, too. People who don't show you their own lists aren't named, but counted.
#[utoipa::path(
    get,
    path = "/users/{userId}/followers",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id"), PeopleQuery),
    security((), ("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of people", body = PageOf<ListedPersonView>))
)]
pub(in crate::http::api) async fn followers(
    State(state): State<WebState>,
    caller: Caller,
    UserInPath(user): UserInPath,
    Params(query): Params<PeopleQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    page(&state, viewer(&caller)?, PersonList::FollowersOf(user), &query, &uri).await
}

/// List whom a person follows
///
/// The newest first. If they don't show it to you, the list is empty; its total is true unless they hide
/// that, too. People who don't show you their own lists aren't named, but counted.
#[utoipa::path(
    get,
    path = "/users/{userId}/following",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id"), PeopleQuery),
    security((), ("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of people", body = PageOf<ListedPersonView>))
)]
pub(in crate::http::api) async fn following(
    State(state): State<WebState>,
    caller: Caller,
    UserInPath(user): UserInPath,
    Params(query): Params<PeopleQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    page(&state, viewer(&caller)?, PersonList::FollowedBy(user), &query, &uri).await
}

/// List who follows you
#[utoipa::path(
    get,
    path = "/me/followers",
    tag = "People",
    params(PeopleQuery),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of people", body = PageOf<ListedPersonView>))
)]
pub(in crate::http::api) async fn own_followers(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<PeopleQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let user = caller.user();
    page(&state, Some(user), PersonList::FollowersOf(user), &query, &uri).await
}

/// List whom you follow
#[utoipa::path(
    get,
    path = "/me/following",
    tag = "People",
    params(PeopleQuery),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of people", body = PageOf<ListedPersonView>))
)]
pub(in crate::http::api) async fn own_following(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<PeopleQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let user = caller.user();
    page(&state, Some(user), PersonList::FollowedBy(user), &query, &uri).await
}

/// Which of one's follows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(in crate::http::api) struct OwnFollowsQuery {
    /// Only follows of this kind: `user`, `channel` or `collection`.
    #[param(value_type = Option<words::FolloweeKind>)]
    kind: Option<String>,
    /// The number of the page, from 1.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave, in place of `page`.
    cursor: Option<String>,
}

/// List everything that you follow
///
/// People, channels and collections, the newest first.
#[utoipa::path(
    get,
    path = "/me/follows",
    tag = "People",
    params(OwnFollowsQuery),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "A page of your follows", body = PageOf<PersonalFollowView>))
)]
pub(in crate::http::api) async fn own_follows(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<OwnFollowsQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let unknown =
        || Problem::new(ProblemCode::InvalidQuery).with_detail("kind is user, channel or collection.");
    let kind = query.kind.as_deref().map(|word| FolloweeKind::parse(word).ok_or_else(unknown)).transpose()?;
    let place = PageQuery::read(query.page.as_deref(), query.page_size.as_deref(), query.cursor.as_deref())?;
    let people = &state.services()?.people;
    let page = people.own_follows(caller.user(), kind, place.start, place.size).await?;
    let view = |follow| PersonalFollowView::of(&follow);
    Ok(place.answer(page, |follow| follow.id.0, view, (&state.url, &uri)))
}

/// See a person
#[utoipa::path(
    get,
    path = "/users/{userId}",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security((), ("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "The person", body = ProfileView))
)]
pub(in crate::http::api) async fn show(
    State(state): State<WebState>,
    caller: Caller,
    UserInPath(user): UserInPath,
) -> Result<Json<ProfileView>, Problem> {
    let viewer = viewer(&caller)?;
    Ok(Json(ProfileView::of(state.services()?.people.person(viewer, user).await?)))
}

/// What may be kept of a count, and for how long.
fn counted(count: u64, caller: &Caller) -> Response {
    let mut answer = Json(CountView { count }).into_response();
    if matches!(caller, Caller::Guest) {
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=10"));
    }
    answer
}

/// Count who follows a person
#[utoipa::path(
    get,
    path = "/users/{userId}/followers/count",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security((), ("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "How many people follow them", body = CountView))
)]
pub(in crate::http::api) async fn followers_count(
    State(state): State<WebState>,
    caller: Caller,
    UserInPath(user): UserInPath,
) -> Result<Response, Problem> {
    let counts = state.services()?.people.counts(viewer(&caller)?, user).await?;
    Ok(counted(counts.followers, &caller))
}

/// Count whom a person follows
#[utoipa::path(
    get,
    path = "/users/{userId}/following/count",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security((), ("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "How many people they follow", body = CountView))
)]
pub(in crate::http::api) async fn following_count(
    State(state): State<WebState>,
    caller: Caller,
    UserInPath(user): UserInPath,
) -> Result<Response, Problem> {
    let counts = state.services()?.people.counts(viewer(&caller)?, user).await?;
    Ok(counted(counts.following, &caller))
}

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct IdsQuery {
    /// Up to 100 ids, separated by commas.
    ids: String,
}

/// See how you and several people are related
#[utoipa::path(
    get,
    path = "/users",
    tag = "People",
    params(IdsQuery),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "In the order of the ids", body = ListOf<RelationshipView>))
)]
pub(in crate::http::api) async fn relationships(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<IdsQuery>,
) -> Result<Json<ListOf<RelationshipView>>, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let wrong = || Problem::new(ProblemCode::InvalidQuery).with_detail("ids has up to 100 ids of people.");
    let ids: Vec<UserId> = query
        .ids
        .split(',')
        .map(|id| Id::parse(id).map(|Id(id)| id))
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    if ids.len() > MOST_IDS {
        return Err(wrong());
    }
    let found = state.services()?.people.relationships(caller.user(), &ids).await?;
    let view = |(user, relationship): (UserId, Relationship)| RelationshipView {
        id: user.to_string(),
        is_following: relationship.is_following,
        is_follower: relationship.is_follower,
    };
    Ok(Json(ListOf { items: found.into_iter().map(view).collect() }))
}
