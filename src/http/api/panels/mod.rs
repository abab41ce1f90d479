//! The panels in a server's channels.

pub(super) mod kinds;
mod version;
mod view;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::domain::ids::GuildId;
use crate::domain::panel::PanelId;
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody};
use crate::http::caller::Identified;
use crate::http::id::Id;
use crate::http::problem::Problem;
use crate::http::web::WebState;

use super::{InServer, ListOf};

use self::version::IfVersion;
use self::view::{NewPanelBody, PanelChangeBody, PanelMoveBody, PanelRow, pointed};

/// A panel of a server.
#[derive(Debug, Deserialize)]
pub(super) struct PanelPath {
    server: Id<GuildId>,
    id: Id<PanelId>,
}

impl PanelPath {
    const fn panel(&self) -> PanelId {
        self.id.0
    }
}

/// List a server's panels
///
/// Those that you may manage: in whose channels you have Manage Channels.
#[utoipa::path(
    get,
    path = "/servers/{server}/panels",
    tag = "Panels",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The panels, by channel", body = ListOf<PanelRow>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
) -> Result<Json<ListOf<PanelRow>>, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let records = state.services()?.panels.panel_records(actor).await?;
    Ok(Json(ListOf { items: records.into_iter().map(PanelRow::of).collect() }))
}

/// Create a panel
///
/// What `/panel create` does, with the same rules: you need Manage Channels in its channel. If it can't be
/// posted at once, that is tried again, and `messageId` is null until then.
#[utoipa::path(
    post,
    path = "/servers/{server}/panels",
    tag = "Panels",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["panels:write"]), ("session" = [])),
    request_body = NewPanelBody,
    responses((
        status = 201, description = "The new panel", body = PanelRow,
        headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "Its version, for If-Match"),
        ),
    ))
)]
pub(super) async fn create(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
    JsonBody(body): JsonBody<NewPanelBody>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(server, TokenScope::PanelsWrite)?;
    let (request, config) = body.read();
    let created = state.services()?.panels.create_record(actor, request, &config).await;
    Ok(PanelRow::created(created.map_err(pointed)?))
}

/// See one panel
#[utoipa::path(
    get,
    path = "/servers/{server}/panels/{id}",
    tag = "Panels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The panel's number"),
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((
        status = 200, description = "The panel", body = PanelRow,
        headers(("ETag" = String, description = "Its version, for If-Match")),
    ))
)]
pub(super) async fn show(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<PanelPath>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    Ok(PanelRow::answer(state.services()?.panels.panel_record(actor, path.panel()).await?))
}

/// Change a panel
///
/// What isn't given stays as it is; if nothing changes, the version stays, too. An inactive panel is posted
/// again. With `If-Match`, only a panel of that version is changed; without it, whatever is there.
#[utoipa::path(
    patch,
    path = "/servers/{server}/panels/{id}",
    tag = "Panels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The panel's number"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for, as ETag says it"),
    ),
    security(("token" = ["panels:write"]), ("session" = [])),
    request_body = PanelChangeBody,
    responses((
        status = 200, description = "The panel as it is now", body = PanelRow,
        headers(("ETag" = String, description = "Its version, for If-Match")),
    ))
)]
pub(super) async fn change(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<PanelPath>,
    IfVersion(versions): IfVersion,
    JsonBody(body): JsonBody<PanelChangeBody>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::PanelsWrite)?;
    let changed = state.services()?.panels.change(actor, path.panel(), &body.read(versions)).await;
    Ok(PanelRow::answer(changed.map_err(pointed)?))
}

/// Delete a panel
///
/// Its message and all its mirrors disappear.
#[utoipa::path(
    delete,
    path = "/servers/{server}/panels/{id}",
    tag = "Panels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The panel's number"),
        ("If-Match" = Option<String>, Header, description = "The version that may be deleted, as ETag says it"),
    ),
    security(("token" = ["panels:write"]), ("session" = [])),
    responses((status = 204, description = "It is deleted"))
)]
pub(super) async fn remove(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<PanelPath>,
    IfVersion(versions): IfVersion,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::PanelsWrite)?;
    state.services()?.panels.remove(actor, path.panel(), versions.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refresh a panel
///
/// Now, with all its mirrors. If its message was deleted, it is posted again.
#[utoipa::path(
    post,
    path = "/servers/{server}/panels/{id}/refresh",
    tag = "Panels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The panel's number"),
    ),
    security(("token" = ["panels:write"]), ("session" = [])),
    responses((
        status = 200, description = "The panel as it is now", body = PanelRow,
        headers(("ETag" = String, description = "Its version, for If-Match")),
    ))
)]
pub(super) async fn refresh(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<PanelPath>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::PanelsWrite)?;
    Ok(PanelRow::answer(state.services()?.panels.refresh_record(actor, path.panel()).await?))
}

/// Move a panel to another channel
///
/// It is posted there anew, and has another number from then on. You need Manage Channels in both channels.
#[utoipa::path(
    post,
    path = "/servers/{server}/panels/{id}/move",
    tag = "Panels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The panel's number"),
    ),
    security(("token" = ["panels:write"]), ("session" = [])),
    request_body = PanelMoveBody,
    responses((
        status = 200, description = "The panel in its new channel", body = PanelRow,
        headers(
            ("Content-Location" = String, description = "Where it is from now on"),
            ("ETag" = String, description = "Its version, for If-Match"),
        ),
    ))
)]
pub(super) async fn relocate(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<PanelPath>,
    JsonBody(body): JsonBody<PanelMoveBody>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::PanelsWrite)?;
    let moved = state.services()?.panels.move_record(actor, path.panel(), body.channel_id.0).await;
    Ok(PanelRow::relocated(moved.map_err(pointed)?))
}
