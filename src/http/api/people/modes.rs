//! Following people by modes and tags.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{Followee, PersonalFilter, PersonalFollow};
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody, Params};
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::{PersonalOutcome, TagFollowed, TagPair};

use super::follow::limited;
use super::{AskedView, SignedIn, UserInPath, asked, read_tag, read_tags, tag_id, upper_mode};
use crate::http::api::words;

/// How a person is to be followed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct UserModeBody {
    /// The person.
    #[schema(value_type = IdText)]
    followed_user_id: Id<UserId>,
    /// `ALL` (the default): everything; `ALL_EXCEPT`: everything but what has one of the excluded tags.
    #[schema(value_type = Option<words::WholeUserMode>)]
    mode: Option<String>,
    /// The tags that are left out: `#name`, or the id of a forum's tag. Only with `ALL_EXCEPT`.
    #[serde(default)]
    exclude_tag_ids: Vec<String>,
}

/// A person's tag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct TagFollowBody {
    /// The person.
    #[schema(value_type = IdText)]
    followed_user_id: Id<UserId>,
    /// The tag: `#name`, or the id of a forum's tag.
    tag_id: String,
}

/// How a person is followed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct UserModeView {
    /// The follower.
    follower_user_id: String,
    /// The person followed.
    followed_user_id: String,
    /// `ALL`, `ALL_EXCEPT` or `ONLY`.
    #[schema(value_type = words::UserMode)]
    mode: &'static str,
    /// The tags that `ALL_EXCEPT` leaves out.
    exclude_tag_ids: Vec<String>,
    /// The tags that `ONLY` lets through.
    tag_ids: Vec<String>,
    /// Of a tag: whether it was let through before.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_included: Option<bool>,
    /// Since when.
    created_at: String,
    /// When it last changed.
    updated_at: String,
}

impl UserModeView {
    fn of(follow: &PersonalFollow, already_included: Option<bool>) -> Self {
        let Followee::User(followed) = follow.followee else { unreachable!("a person is followed") };
        let filter = &follow.options.filter;
        let tags: Vec<String> = filter.tags().iter().map(tag_id).collect();
        let (excluded, only) = match filter.mode() {
            TagMode::Except => (tags, Vec::new()),
            TagMode::Only => (Vec::new(), tags),
            TagMode::All => (Vec::new(), Vec::new()),
        };
        Self {
            follower_user_id: follow.follower.to_string(),
            followed_user_id: followed.to_string(),
            mode: upper_mode(filter.mode()),
            exclude_tag_ids: excluded,
            tag_ids: only,
            already_included,
            created_at: super::written(follow.created_at),
            updated_at: super::written(follow.updated_at),
        }
    }
}

/// Follow a person, or change how you follow them
///
/// Sending it again changes nothing. Tags of theirs that you followed singly are part of it from then on.
#[utoipa::path(
    post,
    path = "/follows/user",
    tag = "People",
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = UserModeBody,
    responses(
        (status = 200, description = "How you follow them now", body = UserModeView),
        (status = 202, description = "The person is asked first", body = AskedView),
    )
)]
pub(in crate::http::api) async fn set(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<UserModeBody>,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let Id(followed) = body.followed_user_id;
    let words = [("ALL", TagMode::All), ("ALL_EXCEPT", TagMode::Except)];
    let mode = crate::http::body::word(body.mode.as_deref(), "/mode", words)?.unwrap_or(TagMode::All);
    let tags = read_tags("/excludeTagIds", &body.exclude_tag_ids)?;
    let filter = PersonalFilter::new(mode, tags);
    let filter = filter.map_err(|error| Problem::in_body("/excludeTagIds", &error.to_string()))?;
    let people = &state.services()?.people;
    Ok(match people.set_user_filter(caller.user(), followed, filter).await.map_err(limited)? {
        PersonalOutcome::Followed(follow) => Json(UserModeView::of(&follow, None)).into_response(),
        PersonalOutcome::Asked => asked(),
    })
}

/// See how you follow a person
#[utoipa::path(
    get,
    path = "/follows/user/{userId}",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "How you follow them", body = UserModeView))
)]
pub(in crate::http::api) async fn show(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(followed): UserInPath,
) -> Result<Json<UserModeView>, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let follow = state.services()?.people.own_follow(caller.user(), Followee::User(followed)).await?;
    Ok(Json(UserModeView::of(&follow, None)))
}

/// Whether tags of a person go with the follow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct EndQuery {
    /// `true` (the default): a follow of single tags ends, too. `false`: only a follow of all of them.
    #[param(value_type = Option<bool>)]
    tags: Option<String>,
}

/// Stop following a person
#[utoipa::path(
    delete,
    path = "/follows/user/{userId}",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id"), EndQuery),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "You follow them no longer"))
)]
pub(in crate::http::api) async fn remove(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(followed): UserInPath,
    Params(query): Params<EndQuery>,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let people = &state.services()?.people;
    match query.tags.as_deref() {
        None | Some("true") => people.unfollow(caller.user(), Followee::User(followed)).await.map(drop),
        Some("false") => people.unfollow_whole(caller.user(), followed).await,
        Some(_) => {
            return Err(Problem::new(ProblemCode::InvalidQuery).with_detail("tags is true or false."));
        }
    }
    .map_err(limited)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follow one tag of a person
///
/// If you follow all of them, nothing changes (`alreadyIncluded`); if you left this one out, it is let
/// through again.
#[utoipa::path(
    post,
    path = "/follows/tag",
    tag = "People",
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = TagFollowBody,
    responses(
        (status = 200, description = "How you follow them now", body = UserModeView),
        (status = 202, description = "The person is asked first", body = AskedView),
    )
)]
pub(in crate::http::api) async fn follow_tag(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<TagFollowBody>,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let Id(followed) = body.followed_user_id;
    let tag = read_tag(&body.tag_id)
        .ok_or_else(|| Problem::in_body("/tagId", "This is no tag: #name, or a forum tag's id."))?;
    let pair = TagPair { follower: caller.user(), followed, tag };
    Ok(match state.services()?.people.follow_tag(pair).await.map_err(limited)? {
        PersonalOutcome::Followed(TagFollowed { follow, already_included }) => {
            Json(UserModeView::of(&follow, Some(already_included))).into_response()
        }
        PersonalOutcome::Asked => asked(),
    })
}

/// A person's tag, as paths name it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct TagPath {
    user_id: Id<UserId>,
    tag_id: String,
}

/// Stop following one tag of a person
///
/// With the last one, you follow them no longer.
#[utoipa::path(
    delete,
    path = "/follows/tag/{userId}/{tagId}",
    tag = "People",
    params(
        ("userId" = String, Path, description = "The person's id"),
        ("tagId" = String, Path, description = "The tag: its name, or the id of a forum's tag"),
    ),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "You follow that tag no longer"))
)]
pub(in crate::http::api) async fn unfollow_tag(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Ids(path): Ids<TagPath>,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let tag = read_tag(&path.tag_id).ok_or_else(|| Problem::new(ProblemCode::InvalidId))?;
    let pair = TagPair { follower: caller.user(), followed: path.user_id.0, tag };
    state.services()?.people.unfollow_tag(pair).await.map_err(limited)?;
    Ok(StatusCode::NO_CONTENT)
}
