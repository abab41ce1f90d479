//! What one chose about being followed; one's followers, removed and blocked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::personal::{Followable, ListVisibility, PrivacyChange, PrivacyChoice};
use crate::domain::scope::TokenScope;
use crate::http::body::{JsonBody, Params, given, word};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;

use super::{SignedIn, UserInPath};
use crate::http::api::words;

/// A person's choices about being followed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct PrivacyView {
    /// Who may follow you: `everyone`, `asked` (who asked and got a yes) or `nobody`; null for what the
    /// operator chose.
    #[schema(value_type = Option<words::Followable>)]
    followable: Option<&'static str>,
    /// Who sees whom you follow and who follows you: `public`, `shared` or `hidden`; null for what the
    /// operator chose.
    #[schema(value_type = Option<words::ListVisibility>)]
    lists: Option<&'static str>,
    /// Hides the numbers from others.
    counts_hidden: bool,
    /// After a change: how many people stopped following you because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_follows: Option<u64>,
}

impl PrivacyView {
    pub(in crate::http::api) fn of(choice: PrivacyChoice, ended_follows: Option<u64>) -> Self {
        Self {
            followable: choice.followable.map(Followable::as_str),
            lists: choice.lists.map(ListVisibility::as_str),
            counts_hidden: choice.counts_hidden,
            ended_follows,
        }
    }
}

/// New choices. What isn't given stays as it is; null is what the operator chose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct PrivacyBody {
    /// Who may follow you: `everyone`, `asked` (who asked and got a yes) or `nobody`. With `nobody`, those
    /// who do stop.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<words::Followable>)]
    followable: Option<Option<String>>,
    /// Who sees whom you follow and who follows you: `public`, `shared` (people who follow you, or whom you
    /// follow) or `hidden`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<words::ListVisibility>)]
    lists: Option<Option<String>>,
    /// Hides the numbers from others; null is `false`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    counts_hidden: Option<Option<bool>>,
}

/// See what you chose about being followed
#[utoipa::path(
    get,
    path = "/me/privacy",
    tag = "People",
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "What you chose", body = PrivacyView))
)]
pub(in crate::http::api) async fn show(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
) -> Result<Json<PrivacyView>, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let choice = state.services()?.people.privacy(caller.user()).await?;
    Ok(Json(PrivacyView::of(choice, None)))
}

/// What a body chooses: nothing, what the operator chose, or one of these words.
fn chosen<T: Copy>(
    given: Option<&Option<String>>,
    pointer: &str,
    known: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<Option<Option<T>>, Problem> {
    given.map(|given| word(given.as_deref(), pointer, known)).transpose()
}

/// Choose who may follow you, and who sees whom you follow
#[utoipa::path(
    patch,
    path = "/me/privacy",
    tag = "People",
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = PrivacyBody,
    responses((status = 200, description = "What you chose", body = PrivacyView))
)]
pub(in crate::http::api) async fn change(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<PrivacyBody>,
) -> Result<Json<PrivacyView>, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let followables = Followable::ALL.iter().map(|value| (value.as_str(), *value));
    let followable = chosen(body.followable.as_ref(), "/followable", followables)?;
    let visibilities = ListVisibility::ALL.iter().map(|value| (value.as_str(), *value));
    let lists = chosen(body.lists.as_ref(), "/lists", visibilities)?;
    let people = &state.services()?.people;
    let change =
        PrivacyChange { followable, lists, counts_hidden: body.counts_hidden.map(Option::unwrap_or_default) };
    let (choice, ended) = people.change_privacy(caller.user(), change).await?;
    Ok(Json(PrivacyView::of(choice, Some(ended))))
}

/// Whether a follower may come back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct RemoveQuery {
    /// `true`: they can't follow you again. `false` (the default): they can.
    #[param(value_type = Option<bool>)]
    block: Option<String>,
}

/// Remove one of your followers
///
/// They aren't told.
#[utoipa::path(
    delete,
    path = "/me/followers/{userId}",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id"), RemoveQuery),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "They follow you no longer"))
)]
pub(in crate::http::api) async fn remove_follower(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(follower): UserInPath,
    Params(query): Params<RemoveQuery>,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let block = match query.block.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(Problem::new(ProblemCode::InvalidQuery).with_detail("block is true or false."));
        }
    };
    state.services()?.people.remove_follower(caller.user(), follower, block).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblock somebody
///
/// They can follow you again.
#[utoipa::path(
    delete,
    path = "/me/blocks/{userId}",
    tag = "People",
    params(("userId" = String, Path, description = "The person's id")),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "They aren't blocked"))
)]
pub(in crate::http::api) async fn unblock(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    UserInPath(blocked): UserInPath,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    state.services()?.people.unblock(caller.user(), blocked).await?;
    Ok(StatusCode::NO_CONTENT)
}
