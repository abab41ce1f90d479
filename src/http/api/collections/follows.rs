//! Which channels follow a collection.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::collection_follow::{CollectionFollowId, GapReason};
use crate::domain::follow::TagMode;
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::personal::CollectionId;
use crate::domain::scope::TokenScope;
use crate::http::api::follows::ChannelEnd;
use crate::http::api::follows::body::options;
use crate::http::api::{ListOf, words, written};
use crate::http::body::{Ids, JsonBody};
use crate::http::caller::Identified;
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, for_programs};
use crate::http::web::WebState;
use crate::service::{CollectionFollowRecord, CollectionFollowRequest};

use super::CollectionPath;

/// A channel that follows a collection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct CollectionFollowPath {
    server: Id<GuildId>,
    id: Id<CollectionId>,
    follow_id: Id<CollectionFollowId>,
}

/// A channel that should follow a collection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewCollectionFollow)]
pub(in crate::http::api) struct NewCollectionFollowBody {
    /// Where to receive it: a channel of this server.
    #[schema(value_type = IdText)]
    target_channel_id: Id<ChannelId>,
    /// Which posts: `all` (the default), `except` or `only`.
    #[schema(value_type = Option<words::FollowMode>)]
    mode: Option<String>,
    /// The tags for `except` and `only`: hashtags, or tags of the forums by their names.
    tags: Option<Vec<String>>,
    /// Which of the channels' threads: `none`, `starter` or `all`.
    #[schema(value_type = Option<words::ThreadScope>)]
    threads: Option<String>,
    /// `auto` (the default), `native` or `relay`.
    #[schema(value_type = Option<words::DeliveryChoice>)]
    delivery: Option<String>,
    /// Whether the channels' panels are mirrored, too.
    panels: Option<bool>,
}

/// A channel that follows a collection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CollectionFollow)]
pub(in crate::http::api) struct CollectionFollowView {
    /// Its number.
    #[schema(example = "12")]
    id: String,
    /// The collection.
    collection_id: Option<String>,
    /// What receives.
    target: ChannelEnd,
    /// Which posts: `all`, `except` or `only`.
    #[schema(value_type = words::FollowMode)]
    mode: &'static str,
    /// The tags for it, as they were written.
    tags: Option<String>,
    /// What of the channels' threads; null for the usual of each.
    #[schema(value_type = Option<words::ThreadScope>)]
    threads: Option<&'static str>,
    /// How posts get there; null for `native` where that is possible, and otherwise `relay`.
    #[schema(value_type = Option<words::DeliveryMethod>)]
    delivery: Option<&'static str>,
    /// Whether the channels' panels are mirrored, too.
    panels: bool,
    /// Whether its follows are up to date with the collection; if not, they will be soon.
    in_step: bool,
    /// How many channels are followed because of it. Those that were followed before don't count.
    followed_count: u64,
    /// Which channels aren't followed, and why.
    gaps: Vec<GapView>,
    /// In whose name the channels are followed; null if that person is forgotten.
    created_by: Option<String>,
    /// When it was made.
    created_at: String,
}

/// A channel of a collection that isn't followed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CollectionGap)]
pub(in crate::http::api) struct GapView {
    /// The channel.
    channel: ChannelEnd,
    /// Why, in one word.
    #[schema(value_type = words::GapReason)]
    reason: &'static str,
    /// Why, and what can be done, as a sentence.
    detail: String,
}

impl CollectionFollowView {
    fn of(record: CollectionFollowRecord) -> Self {
        let CollectionFollowRecord { follow, target, followed, gaps, .. } = record;
        let in_step = follow.is_in_step();
        let options = follow.options;
        let gap = |(channel, reason): (_, GapReason)| GapView {
            channel: ChannelEnd::of(channel),
            reason: reason.as_str(),
            detail: for_programs(reason.explanation()),
        };
        Self {
            id: follow.id.0.to_string(),
            collection_id: follow.collection.map(|collection| collection.0.to_string()),
            target: ChannelEnd::of(target),
            mode: options.mode.unwrap_or(TagMode::All).as_str(),
            tags: options.tags,
            threads: options.threads.map(|threads| threads.as_str()),
            delivery: options.delivery.map(|delivery| delivery.as_str()),
            panels: options.panels.unwrap_or(true),
            in_step,
            followed_count: followed,
            gaps: gaps.into_iter().map(gap).collect(),
            created_by: follow.created_by.map(|person| person.to_string()),
            created_at: written(follow.created_at),
        }
    }
}

/// List the channels that follow a collection
///
/// The newest first. That takes Manage Messages in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/collections/{id}/follows",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "What follows it", body = ListOf<CollectionFollowView>))
)]
pub(in crate::http::api) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectionPath>,
) -> Result<Json<ListOf<CollectionFollowView>>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let all = state.services()?.follows.collection_followers(actor, path.id.0).await?;
    Ok(Json(ListOf { items: all.into_iter().map(CollectionFollowView::of).collect() }))
}

/// Let a channel follow a collection
///
/// The channel follows each channel of the collection, and what is added to it or removed from it later, in
/// your name: what you may do is asked anew each time. What you can't read isn't followed, and neither is a
/// private channel whose posts would be shown to others; `gaps` says which. Follow such a channel by itself.
/// What the channel follows by itself already stays as it is. That takes Manage Channels in the target.
#[utoipa::path(
    post,
    path = "/servers/{server}/collections/{id}/follows",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = NewCollectionFollowBody,
    responses((
        status = 201, description = "The channel follows the collection", body = CollectionFollowView,
        headers(("Location" = String, description = "Where all that follow it are listed")),
    ))
)]
pub(in crate::http::api) async fn create(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectionPath>,
    JsonBody(body): JsonBody<NewCollectionFollowBody>,
) -> Result<Response, Problem> {
    let (server, collection) = (path.server.0, path.id.0);
    let actor = caller.act_in(server, TokenScope::ServersWrite)?;
    let target = body.target_channel_id.0;
    let options = options(body.mode, body.tags, body.threads, body.delivery, body.panels)?.into();
    let request = CollectionFollowRequest { collection, target, options };
    let made = state.services()?.follows.follow_collection(actor, request).await?;
    let location = format!("/api/v1/servers/{server}/collections/{}/follows", collection.0);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(CollectionFollowView::of(made)))
        .into_response())
}

/// End a channel's follow of a collection
///
/// What came from the collection ends; what the channel follows by itself stays. That takes Manage Channels
/// in the target.
#[utoipa::path(
    delete,
    path = "/servers/{server}/collections/{id}/follows/{followId}",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
        ("followId" = String, Path, description = "The follow's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It ended"))
)]
pub(in crate::http::api) async fn remove(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectionFollowPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.follows.unfollow_collection(actor, path.follow_id.0, Some(path.id.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}
