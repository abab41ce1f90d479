//! What a server follows.

pub(super) mod body;
pub(super) mod preview;
mod view;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::follow::{DeliveryMethod, FollowFilter, FollowId, FollowStateKind};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody, OptionalJsonBody, Params};
use crate::http::caller::Identified;
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::FollowEdit;

use super::paging::{PageOf, PageQuery};
use super::{InServer, words};

use self::body::{ConfirmBody, FollowChangeBody, NewFollowBody};
pub(super) use self::view::{ChannelEnd, WaitView};
use self::view::{EditedFollowView, FollowView};

/// A follow of a server.
#[derive(Debug, Deserialize)]
pub(super) struct FollowPath {
    /// The server.
    pub(super) server: Id<GuildId>,
    /// The follow's number.
    pub(super) id: Id<FollowId>,
}

impl FollowPath {
    /// The follow.
    pub(super) const fn follow(&self) -> FollowId {
        self.id.0
    }
}

/// Which follows, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct FollowsQuery {
    /// Only those of this source.
    #[param(value_type = Option<IdText>)]
    source_channel_id: Option<Id<ChannelId>>,
    /// Only those into this target.
    #[param(value_type = Option<IdText>)]
    target_channel_id: Option<Id<ChannelId>>,
    /// Only those with this channel at either end.
    #[param(value_type = Option<IdText>)]
    channel_id: Option<Id<ChannelId>>,
    /// Only those that are `active`, `paused` or `broken`.
    #[param(value_type = Option<words::FollowState>)]
    state: Option<String>,
    /// Only those that deliver this way: `native` or `relay`.
    #[param(value_type = Option<words::DeliveryMethod>)]
    delivery: Option<String>,
    /// The number of the page, from 1.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave, in place of `page`.
    cursor: Option<String>,
}

impl FollowsQuery {
    fn read(&self) -> Result<(FollowFilter, PageQuery), Problem> {
        let unknown = |detail| Problem::new(ProblemCode::InvalidQuery).with_detail(detail);
        let state = self.state.as_deref().map(|word| {
            FollowStateKind::parse(word).ok_or_else(|| unknown("state is active, paused or broken."))
        });
        let delivery = self
            .delivery
            .as_deref()
            .map(|word| DeliveryMethod::parse(word).ok_or_else(|| unknown("delivery is native or relay.")));
        let filter = FollowFilter {
            source: self.source_channel_id.map(|Id(channel)| channel),
            target: self.target_channel_id.map(|Id(channel)| channel),
            channel: self.channel_id.map(|Id(channel)| channel),
            state: state.transpose()?,
            delivery: delivery.transpose()?,
        };
        let place = PageQuery::read(self.page.as_deref(), self.page_size.as_deref(), self.cursor.as_deref())?;
        Ok((filter, place))
    }
}

/// List what a server follows
///
/// The newest first. That takes Manage Messages: in the target or channel that is asked for, or otherwise in
/// the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/follows",
    tag = "Follows",
    params(("server" = String, Path, description = "The server's id"), FollowsQuery),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "A page of follows", body = PageOf<FollowView>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
    Params(query): Params<FollowsQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let (filter, place) = query.read()?;
    let services = state.services()?;
    let page = services.follows.follow_records(actor, &filter, place.start, place.size).await?;
    Ok(place.answer(page, |record| record.id.0, FollowView::of, (&state.url, &uri)))
}

/// Follow a channel
///
/// What `/follow` does, with the same rules: you need Manage Channels in the target and must be able to read
/// the source. If the pair is followed already, the options that are given change, and a broken follow is
/// repaired. Where there is nothing to do, it is refused as `already_following`: nothing was made, and
/// `followId` names the follow. To set options whatever they were, use PATCH.
///
/// Where a private channel's posts would be shown to others, it is refused as `confirmation_required` until
/// it is sent with `"confirm": true`.
#[utoipa::path(
    post,
    path = "/servers/{server}/follows",
    tag = "Follows",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = NewFollowBody,
    responses(
        (status = 201, description = "The new follow", body = EditedFollowView),
        (status = 200, description = "The pair was followed already; its options changed, or it was repaired", body = EditedFollowView),
        (status = 202, description = "It waits until the source's moderators approve it", body = EditedFollowView),
    )
)]
pub(super) async fn create(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
    JsonBody(body): JsonBody<NewFollowBody>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersWrite)?;
    let (request, confirmed) = body.read()?;
    let edited = state.services()?.follows.set_up(actor, request, confirmed).await?;
    let status = match edited.edit {
        FollowEdit::Created { .. } => StatusCode::CREATED,
        FollowEdit::Waits => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let location = format!("/api/v1/servers/{server}/follows/{}", edited.record.id.0);
    Ok((status, [(header::LOCATION, location)], Json(EditedFollowView::of(edited))).into_response())
}

/// See one follow
#[utoipa::path(
    get,
    path = "/servers/{server}/follows/{id}",
    tag = "Follows",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The follow's number"),
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The follow", body = FollowView))
)]
pub(super) async fn show(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<Json<FollowView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let record = state.services()?.follows.follow_record(actor, path.follow()).await?;
    Ok(Json(FollowView::of(record)))
}

/// Change a follow's options
///
/// What isn't given stays as it is. If nothing changes, the result is `unchanged`. That takes Manage
/// Channels in the target.
#[utoipa::path(
    patch,
    path = "/servers/{server}/follows/{id}",
    tag = "Follows",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The follow's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = FollowChangeBody,
    responses((status = 200, description = "The follow as it is now", body = EditedFollowView))
)]
pub(super) async fn change(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
    JsonBody(body): JsonBody<FollowChangeBody>,
) -> Result<Json<EditedFollowView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let (options, confirmed) = body.read()?;
    let follows = &state.services()?.follows;
    Ok(Json(EditedFollowView::of(follows.change_options(actor, path.follow(), options, confirmed).await?)))
}

/// End a follow
///
/// Mirrors that were posted stay. That takes Manage Channels in the target.
#[utoipa::path(
    delete,
    path = "/servers/{server}/follows/{id}",
    tag = "Follows",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The follow's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It ended"))
)]
pub(super) async fn remove(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.follows.remove(actor, path.follow()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a follow
///
/// What is posted meanwhile is not sent later. That takes Manage Channels in the target.
#[utoipa::path(
    post,
    path = "/servers/{server}/follows/{id}/pause",
    tag = "Follows",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The follow's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 200, description = "The paused follow", body = EditedFollowView))
)]
pub(super) async fn pause(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<Json<EditedFollowView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let paused = state.services()?.follows.pause_by_id(actor, path.follow()).await?;
    Ok(Json(EditedFollowView::of(paused)))
}

/// Resume a paused or broken follow
///
/// The requirements are those of a new follow. That takes Manage Channels in the target.
#[utoipa::path(
    post,
    path = "/servers/{server}/follows/{id}/resume",
    tag = "Follows",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The follow's number"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = Option<ConfirmBody>,
    responses(
        (status = 200, description = "The follow as it is now", body = EditedFollowView),
        (status = 202, description = "It waits until the source's moderators approve it", body = EditedFollowView),
    )
)]
pub(super) async fn resume(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
    OptionalJsonBody(body): OptionalJsonBody<ConfirmBody>,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let resumed = state.services()?.follows.resume_by_id(actor, path.follow(), body.confirm).await?;
    let waits = resumed.edit == FollowEdit::Waits;
    let status = if waits { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(EditedFollowView::of(resumed))).into_response())
}
