//! The collections of a server.

pub(super) mod follows;
mod view;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::personal::CollectionId;
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody};
use crate::http::caller::Identified;
use crate::http::id::Id;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::ServiceError;

use super::{InServer, ListOf};

use self::view::{CollectionChangeBody, CollectionRow, CollectionView, NewCollectionBody};

/// A collection of a server.
#[derive(Debug, Deserialize)]
pub(super) struct CollectionPath {
    server: Id<GuildId>,
    id: Id<CollectionId>,
}

/// A channel of a collection.
#[derive(Debug, Deserialize)]
pub(super) struct CollectedPath {
    server: Id<GuildId>,
    id: Id<CollectionId>,
    channel: Id<ChannelId>,
}

/// A refusal of what a body says, with where it is.
fn pointed(error: ServiceError) -> Problem {
    let pointer = match error.code() {
        "collection_name" | "collection_name_taken" => "/name",
        "collection_description" => "/description",
        _ => "",
    };
    Problem::from(error).at(pointer.to_owned())
}

/// List a server's collections
///
/// That takes Manage Messages in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/collections",
    tag = "Collections",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The collections, by name", body = ListOf<CollectionRow>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
) -> Result<Json<ListOf<CollectionRow>>, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let found = state.services()?.collections.list(actor).await?;
    let items = found.into_iter().map(|(collection, counts)| CollectionRow::of(&collection, counts));
    Ok(Json(ListOf { items: items.collect() }))
}

/// Create a collection
///
/// It has no channels yet. That takes Manage Channels in the server as a whole. A server has 100 collections
/// at most.
#[utoipa::path(
    post,
    path = "/servers/{server}/collections",
    tag = "Collections",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = NewCollectionBody,
    responses((
        status = 201, description = "The new collection", body = CollectionRow,
        headers(("Location" = String, description = "Where it is")),
    ))
)]
pub(super) async fn create(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
    JsonBody(body): JsonBody<NewCollectionBody>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersWrite)?;
    let made = state.services()?.collections.create(actor, &body.read()).await.map_err(pointed)?;
    let location = format!("/api/v1/servers/{server}/collections/{}", made.id.0);
    let row = CollectionRow::of(&made, Default::default());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(row)).into_response())
}

/// See one collection with its channels
///
/// That takes Manage Messages in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/collections/{id}",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The collection", body = CollectionView))
)]
pub(super) async fn show(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectionPath>,
) -> Result<Json<CollectionView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    Ok(Json(CollectionView::of(state.services()?.collections.show(actor, path.id.0).await?)))
}

/// Change a collection
///
/// What isn't given stays as it is. That takes Manage Channels in the server as a whole.
#[utoipa::path(
    patch,
    path = "/servers/{server}/collections/{id}",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = CollectionChangeBody,
    responses((status = 200, description = "The collection as it is now", body = CollectionView))
)]
pub(super) async fn change(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectionPath>,
    JsonBody(body): JsonBody<CollectionChangeBody>,
) -> Result<Json<CollectionView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let changed = state.services()?.collections.edit(actor, path.id.0, body.read()).await;
    Ok(Json(CollectionView::of(changed.map_err(pointed)?)))
}

/// Delete a collection
///
/// Everybody's follows of it end, and so does what channels follow because of it. That takes
/// Manage Channels in the server as a whole.
#[utoipa::path(
    delete,
    path = "/servers/{server}/collections/{id}",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It is deleted"))
)]
pub(super) async fn remove(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectionPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.collections.delete(actor, path.id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a channel to a collection
///
/// A channel, forum or thread that you can read, of this or another server. That takes Manage Channels in the
/// server as a whole; or in the channel, if that is in this server and no channel follows the collection. It
/// makes nothing public: people who follow the collection see what they can read themselves, and channels
/// that follow it leave out what most people can't see. A collection has 50 channels at most.
#[utoipa::path(
    put,
    path = "/servers/{server}/collections/{id}/channels/{channel}",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
        ("channel" = String, Path, description = "The channel's id"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses(
        (status = 201, description = "It was added"),
        (status = 200, description = "It was there already"),
    )
)]
pub(super) async fn add_channel(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectedPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let added = state.services()?.collections.add_channel(actor, path.id.0, path.channel.0).await?;
    Ok(if added { StatusCode::CREATED } else { StatusCode::OK })
}

/// Remove a channel from a collection
///
/// That takes Manage Channels in the server as a whole, or in the channel, if that is in this server.
#[utoipa::path(
    delete,
    path = "/servers/{server}/collections/{id}/channels/{channel}",
    tag = "Collections",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The collection's number"),
        ("channel" = String, Path, description = "The channel's id"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It isn't in the collection any more"))
)]
pub(super) async fn remove_channel(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<CollectedPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.collections.remove_channel(actor, path.id.0, path.channel.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
