//! One's own follows, of whatever kind.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::personal::{Followee, FolloweeKind, PersonalFollowId, PersonalOptions};
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody, given, word};
use crate::http::id::{Id, RULE};
use crate::http::problem::Problem;
use crate::http::time::GivenTime;
use crate::http::web::WebState;
use crate::service::people::{PersonalChange, PersonalOutcome};

use super::follow::limited;
use super::{AskedView, PersonalFollowView, SignedIn, answer, read_options};
use crate::http::api::words;

/// What is followed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct FolloweeBody {
    /// `user`, `channel` or `collection`.
    #[schema(value_type = words::FolloweeKind)]
    kind: String,
    /// Its id.
    id: String,
}

impl FolloweeBody {
    fn read(&self) -> Result<Followee, Problem> {
        let kinds = FolloweeKind::ALL.iter().map(|kind| (kind.as_str(), *kind));
        let kind = word(Some(&self.kind), "/target/kind", kinds)?.unwrap_or(FolloweeKind::User);
        let id = Id::<i64>::parse(&self.id).ok().and_then(|Id(id)| Followee::from_db(kind, id));
        id.ok_or_else(|| Problem::in_body("/target/id", RULE))
    }
}

/// A follow to be made or changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct NewOwnFollowBody {
    /// What to follow.
    target: FolloweeBody,
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

/// What changes about a follow. What isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::api) struct OwnFollowChangeBody {
    /// Which tags are let through: `all`, `except` or `only`.
    #[schema(value_type = Option<words::FollowMode>)]
    mode: Option<String>,
    /// The tags that the mode names.
    tags: Option<Vec<String>>,
    /// How much is let through: `posts` or `everything`.
    #[schema(value_type = Option<words::Coverage>)]
    what: Option<String>,
    /// Until when nothing of it is shown (RFC 3339); null: from now on again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    muted_until: Option<Option<GivenTime>>,
}

/// Follow a person, a channel or a collection
///
/// A channel that you can't read is not found, and neither is a collection of a server that you aren't in,
/// unless it is open and you can read one of its channels. Somebody who wants to be asked is, and you follow
/// them once they say yes.
#[utoipa::path(
    post,
    path = "/me/follows",
    tag = "People",
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = NewOwnFollowBody,
    responses(
        (status = 201, description = "The new follow", body = PersonalFollowView),
        (status = 202, description = "The person is asked first", body = AskedView),
    )
)]
pub(in crate::http::api) async fn create(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<NewOwnFollowBody>,
) -> Result<Response, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let followee = body.target.read()?;
    let options =
        read_options(body.mode.as_deref(), &body.tags, body.what.as_deref(), &PersonalOptions::default())?;
    let (people, user) = (&state.services()?.people, caller.user());
    let via = caller.via();
    let outcome = match followee {
        Followee::User(followed) => people.follow_user(user, followed, options).await,
        Followee::Channel(channel) => {
            people.follow_channel(user, via, channel, options).await.map(PersonalOutcome::Followed)
        }
        Followee::Collection(id) => {
            people.follow_collection(user, via, id, options).await.map(PersonalOutcome::Followed)
        }
    }
    .map_err(limited)?;
    Ok(answer(&outcome, |follow| format!("/api/v1/me/follows/{}", follow.id.0)))
}

/// A person's own follow, as paths name it.
#[derive(Debug, Deserialize)]
pub(in crate::http::api) struct OwnFollowPath {
    id: Id<PersonalFollowId>,
}

/// See one of your follows
#[utoipa::path(
    get,
    path = "/me/follows/{id}",
    tag = "People",
    params(("id" = String, Path, description = "The follow's number")),
    security(("token" = ["follows:read"]), ("session" = [])),
    responses((status = 200, description = "The follow", body = PersonalFollowView))
)]
pub(in crate::http::api) async fn show(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Ids(path): Ids<OwnFollowPath>,
) -> Result<Json<PersonalFollowView>, Problem> {
    caller.require(TokenScope::FollowsRead)?;
    let follow = state.services()?.people.follow_by_number(caller.user(), path.id.0.0).await?;
    Ok(Json(PersonalFollowView::of(&follow)))
}

/// Change one of your follows, or mute it
#[utoipa::path(
    patch,
    path = "/me/follows/{id}",
    tag = "People",
    params(("id" = String, Path, description = "The follow's number")),
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = OwnFollowChangeBody,
    responses((status = 200, description = "The follow as it is now", body = PersonalFollowView))
)]
pub(in crate::http::api) async fn change(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Ids(path): Ids<OwnFollowPath>,
    JsonBody(body): JsonBody<OwnFollowChangeBody>,
) -> Result<Json<PersonalFollowView>, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let people = &state.services()?.people;
    let before = people.follow_by_number(caller.user(), path.id.0.0).await?;
    let changes_options = body.mode.is_some() || body.tags.is_some() || body.what.is_some();
    let kept: Vec<String> = before.options.filter.tags().iter().map(super::tag_id).collect();
    // Another mode begins without the tags of the former one.
    let tags = body.tags.unwrap_or(if body.mode.is_some() { Vec::new() } else { kept });
    let options = read_options(body.mode.as_deref(), &tags, body.what.as_deref(), &before.options)?;
    let muted_until = body.muted_until.map(|until| until.map(|GivenTime(until)| until));
    let change = PersonalChange { options: changes_options.then_some(options), muted_until };
    let follow = people.change_follow(caller.user(), before.followee, change).await.map_err(limited)?;
    Ok(Json(PersonalFollowView::of(&follow)))
}

/// End one of your follows
#[utoipa::path(
    delete,
    path = "/me/follows/{id}",
    tag = "People",
    params(("id" = String, Path, description = "The follow's number")),
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "It ended"))
)]
pub(in crate::http::api) async fn remove(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Ids(path): Ids<OwnFollowPath>,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let people = &state.services()?.people;
    let follow = people.follow_by_number(caller.user(), path.id.0.0).await?;
    people.unfollow(caller.user(), follow.followee).await.map_err(limited)?;
    Ok(StatusCode::NO_CONTENT)
}
