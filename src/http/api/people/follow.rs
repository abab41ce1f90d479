//! Following and unfollowing people.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::follow::TagMode;
use crate::domain::personal::{Coverage, Followee, PersonalFilter, PersonalOptions};
use crate::domain::scope::TokenScope;
use crate::http::body::{OptionalJsonBody, word};
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::ServiceError;

use super::{PersonalFollowView, SignedIn, UserInPath, read_tags};
use crate::http::api::words;

/// How a follow begins. Everything may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct NewPersonalFollowBody {
    /// Which tags are let through: `all` (also without it), `except` or `only`.
    #[schema(value_type = Option<words::FollowMode>)]
    mode: Option<String>,
    /// The tags that `except` and `only` name: `#name`, or the id of a forum's tag.
    #[serde(default)]
    tags: Vec<String>,
    /// How much is let through: `everything` (also without it), or `posts`: what begins something.
    #[schema(value_type = Option<words::Coverage>)]
    what: Option<String>,
}

impl NewPersonalFollowBody {
    pub(in crate::http::api) fn read(&self) -> Result<PersonalOptions, Problem> {
        let modes = TagMode::ALL.iter().map(|mode| (mode.as_str(), *mode));
        let mode = word(self.mode.as_deref(), "/mode", modes)?.unwrap_or(TagMode::All);
        let coverages = Coverage::ALL.iter().map(|coverage| (coverage.as_str(), *coverage));
        let coverage = word(self.what.as_deref(), "/what", coverages)?.unwrap_or_default();
        let filter = PersonalFilter::new(mode, read_tags("/tags", &self.tags)?);
        let filter = filter.map_err(|error| Problem::in_body("/tags", &error.to_string()))?;
        Ok(PersonalOptions { filter, coverage })
    }
}

/// Too much in an hour is called the same for everything that people follow.
pub(super) fn limited(error: ServiceError) -> Problem {
    let is_limit = error.code() == "too_many_actions";
    let problem = Problem::from(error);
    if is_limit { problem.with_detail("rate limit exceeded") } else { problem }
}

/// Follow a person
///
/// What they post is in your feed from now on, wherever you can read it. Follows and unfollows are limited:
/// 100 an hour, commands included.
#[utoipa::path(
    post,
    path = "/users/{userId}/follow",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = Option<NewPersonalFollowBody>,
    responses((status = 201, description = "The new follow", body = PersonalFollowView))
)]
pub(in crate::http::api) async fn follow(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(user): UserInPath,
    OptionalJsonBody(body): OptionalJsonBody<NewPersonalFollowBody>,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let options = body.read()?;
    let people = &state.services()?.people;
    let follow = people.follow_user(caller.user(), user, options).await.map_err(limited)?;
    let location = format!("/api/v1/users/{user}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(PersonalFollowView::of(&follow)))
        .into_response())
}

/// Stop following a person
#[utoipa::path(
    post,
    path = "/users/{userId}/unfollow",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "You follow them no longer"))
)]
pub(in crate::http::api) async fn unfollow(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(user): UserInPath,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    state.services()?.people.unfollow(caller.user(), Followee::User(user)).await.map_err(limited)?;
    Ok(StatusCode::NO_CONTENT)
}
