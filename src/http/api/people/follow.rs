//! Following and unfollowing people.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::personal::{Followee, PersonalOptions};
use crate::domain::scope::TokenScope;
use crate::http::body::OptionalJsonBody;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::ServiceError;

use super::{AskedView, PersonalFollowView, SignedIn, UserInPath, answer, read_options};
use crate::http::api::words;

/// How a follow begins. Everything may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct NewPersonalFollowBody {
    /// Which tags are let through: `all` (the default), `except` or `only`.
    #[schema(value_type = Option<words::FollowMode>)]
    mode: Option<String>,
    /// The tags that `except` and `only` name: `#name`, or the id of a forum's tag.
    #[serde(default)]
    tags: Vec<String>,
    /// How much is let through: `everything` (the default), or `posts`: what begins something.
    #[schema(value_type = Option<words::Coverage>)]
    what: Option<String>,
}

impl NewPersonalFollowBody {
    pub(in crate::http::api) fn read(&self) -> Result<PersonalOptions, Problem> {
        read_options(self.mode.as_deref(), &self.tags, self.what.as_deref(), &PersonalOptions::default())
    }
}

/// One message for every hourly limit.
pub(super) fn limited(error: ServiceError) -> Problem {
    let is_limit = error.code() == "too_many_actions";
    let problem = Problem::from(error);
    if is_limit { problem.with_detail("rate limit exceeded") } else { problem }
}

/// Follow a person
///
/// New posts appear in your feed from now on, wherever you can read them. Somebody who wants to be asked is,
/// and you follow them once they say yes. Follows and unfollows count toward your actions of this hour, as
/// commands do. The operator sets the limit.
#[utoipa::path(
    post,
    path = "/users/{userId}/follow",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = Option<NewPersonalFollowBody>,
    responses(
        (status = 201, description = "The new follow", body = PersonalFollowView),
        (status = 202, description = "The person is asked first", body = AskedView),
    )
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
    let outcome = people.follow_user(caller.user(), user, options).await.map_err(limited)?;
    Ok(answer(&outcome, |_| format!("/api/v1/users/{user}")))
}

/// Stop following a person
///
/// Or take your request back.
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
