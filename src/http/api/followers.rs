//! Who follows the channels of a server, and what its moderators do about them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::GuildId;
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, Params};
use crate::http::caller::Identified;
use crate::http::id::Id;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::{Dismissed, FollowerRecord};

use super::channels::ChannelPath;
use super::follows::{ChannelEnd, FollowPath};
use super::paging::{PageOf, PageQuery};
use super::{InServer, ListOf, words, written};

/// A server that is blocked, as paths name it.
#[derive(Debug, Deserialize)]
pub(super) struct BlockedPath {
    server: Id<GuildId>,
    blocked: Id<GuildId>,
}

/// A follower of a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Follower)]
pub(super) struct FollowerView {
    /// The follow's number.
    follow_id: String,
    /// The name of the server that follows; null if I am no longer in it.
    guild_name: Option<String>,
    /// The channel that follows, as far as you may know it.
    channel: ChannelEnd,
    /// Whether it delivers.
    #[schema(value_type = words::FollowState)]
    state: &'static str,
    /// Since when it follows.
    since: String,
}

/// A server that may not follow this server's channels.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BlockedServer)]
pub(super) struct BlockedView {
    /// The server.
    id: String,
    /// Its name; null if I am not in it.
    name: Option<String>,
}

/// What removing or blocking a follower ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndedFollowers)]
pub(super) struct EndedView {
    /// How many follows ended.
    ended: usize,
    /// How many of them Discord still serves, because I couldn't delete its webhook there. I try again.
    unstopped: usize,
}

impl FollowerView {
    fn of(follower: FollowerRecord) -> Self {
        Self {
            follow_id: follower.id.0.to_string(),
            guild_name: follower.server,
            channel: ChannelEnd::of(follower.channel),
            state: follower.state.as_str(),
            since: written(follower.since),
        }
    }
}

impl From<Dismissed> for EndedView {
    fn from(dismissed: Dismissed) -> Self {
        let Dismissed { ended, unstopped } = dismissed;
        Self { ended, unstopped }
    }
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct FollowersQuery {
    /// The number of the page, from 1.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave, in place of `page`.
    cursor: Option<String>,
}

/// List who follows a channel
///
/// The newest first; those that wait for approval aren't among them. That takes Manage Messages there.
#[utoipa::path(
    get,
    path = "/servers/{server}/channels/{channel}/followers",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("channel" = String, Path, description = "The channel's id"),
        FollowersQuery,
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "A page of followers", body = PageOf<FollowerView>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<ChannelPath>,
    Params(query): Params<FollowersQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let place = PageQuery::read(query.page.as_deref(), query.page_size.as_deref(), query.cursor.as_deref())?;
    let services = state.services()?;
    let page = services.follows.follower_records(actor, path.channel.0, place.start, place.size).await?;
    Ok(place.answer(page, |follower| follower.id.0, FollowerView::of, (&state.url, &uri)))
}

/// List who waits to follow a channel
///
/// The channels of other servers that you can let follow it or decline; oldest first, at most 25. That takes
/// Manage Messages there.
#[utoipa::path(
    get,
    path = "/servers/{server}/channels/{channel}/follower-requests",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("channel" = String, Path, description = "The channel's id"),
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "Those that wait", body = ListOf<FollowerView>))
)]
pub(super) async fn requests(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<ChannelPath>,
) -> Result<Json<ListOf<FollowerView>>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let waiting = state.services()?.follows.follower_requests(actor, path.channel.0).await?;
    Ok(Json(ListOf { items: waiting.into_iter().map(FollowerView::of).collect() }))
}

/// Let a waiting follower follow
///
/// What it needs on the other side is checked. That takes Manage Channels in the followed channel.
#[utoipa::path(
    post,
    path = "/servers/{server}/followers/{id}/approve",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The number of the follow"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It follows"))
)]
pub(super) async fn approve(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.follows.approve(actor, path.follow()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Decline a waiting follower
///
/// That takes Manage Channels in the followed channel.
#[utoipa::path(
    post,
    path = "/servers/{server}/followers/{id}/decline",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The number of the follow"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It was declined"))
)]
pub(super) async fn decline(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.follows.decline_follower(actor, path.follow()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a follower
///
/// Its own moderators can't resume it. That takes Manage Channels in the followed channel.
#[utoipa::path(
    delete,
    path = "/servers/{server}/followers/{id}",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The number of the follow"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 200, description = "What ended", body = EndedView))
)]
pub(super) async fn remove(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<Json<EndedView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let ended = state.services()?.follows.remove_follower(actor, path.follow()).await?;
    Ok(Json(ended.into()))
}

/// Block a follower's server
///
/// It may follow no channel of this server any more, and what it follows ends. That takes Manage Channels in
/// the server as a whole.
#[utoipa::path(
    post,
    path = "/servers/{server}/followers/{id}/block",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The number of the follow"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 200, description = "What ended", body = EndedView))
)]
pub(super) async fn block(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
) -> Result<Json<EndedView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let ended = state.services()?.follows.block_follower(actor, path.follow()).await?;
    Ok(Json(ended.into()))
}

/// List the servers that are blocked
///
/// That takes Manage Messages in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/blocked-servers",
    tag = "Followers",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The blocked servers", body = ListOf<BlockedView>))
)]
pub(super) async fn blocked(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
) -> Result<Json<ListOf<BlockedView>>, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let blocked = state.services()?.follows.blocked_servers(actor).await?;
    let view = |(id, name): (GuildId, Option<String>)| BlockedView { id: id.to_string(), name };
    Ok(Json(ListOf { items: blocked.into_iter().map(view).collect() }))
}

/// Unblock a server
///
/// What broke with the block stays broken until that server's own moderators resume it. That takes Manage
/// Channels in the server as a whole.
#[utoipa::path(
    delete,
    path = "/servers/{server}/blocked-servers/{blocked}",
    tag = "Followers",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("blocked" = String, Path, description = "The blocked server's id"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    responses((status = 204, description = "It is unblocked"))
)]
pub(super) async fn unblock(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<BlockedPath>,
) -> Result<StatusCode, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    state.services()?.follows.unblock_server(actor, path.blocked.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
