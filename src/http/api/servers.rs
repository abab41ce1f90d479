//! One's servers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::account::AccountServer;
use crate::domain::ids::GuildId;
use crate::domain::permissions::Permissions;
use crate::domain::scope::TokenScope;
use crate::http::body::Ids;
use crate::http::caller::Identified;
use crate::http::id::Id;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::{ServerFigures, SharedServer};

use super::{InServer, ListOf};

/// A server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Server)]
pub(super) struct ServerView {
    /// The id at Discord.
    #[schema(example = "197038439483310086")]
    id: String,
    /// Its name, if it is known.
    name: Option<String>,
    /// What you may do in the server as a whole; null if nobody has looked yet. Ask again then.
    permissions: Option<PermissionsView>,
}

/// What somebody may do in a server as a whole. In single channels, it can be more or less.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServerPermissions)]
pub(super) struct PermissionsView {
    /// Manage Messages: read what the server follows.
    manage_messages: bool,
    /// Manage Channels: change what the server follows.
    manage_channels: bool,
    /// Manage Server: read its audit.
    manage_server: bool,
}

/// The figures of a server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServerStats)]
pub(super) struct StatsView {
    /// Follows into its channels.
    follows: FollowsFigures,
    /// Follows of its channels.
    followers: FollowersFigures,
}

/// What a server follows, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FollowsFigures {
    /// Follows that deliver.
    active: i64,
    /// Follows that somebody paused.
    paused: i64,
    /// Follows that can't deliver.
    broken: i64,
    /// How many channels they follow.
    sources: i64,
    /// How many channels they deliver into.
    targets: i64,
}

/// Who follows a server, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FollowersFigures {
    /// How many of its channels are followed.
    sources: i64,
    /// How many channels follow them.
    channels: i64,
    /// How many servers these are in.
    servers: i64,
}

impl ServerView {
    fn seen(server: SharedServer) -> Self {
        let may = |permission| server.permissions.contains(permission);
        let permissions = PermissionsView {
            manage_messages: may(Permissions::MANAGE_MESSAGES),
            manage_channels: may(Permissions::MANAGE_CHANNELS),
            manage_server: may(Permissions::MANAGE_GUILD),
        };
        Self { id: server.guild.to_string(), permissions: Some(permissions), name: Some(server.name) }
    }
}

impl StatsView {
    fn of(figures: ServerFigures) -> Self {
        let ServerFigures { follows, followers } = figures;
        Self {
            follows: FollowsFigures {
                active: follows.active,
                paused: follows.paused,
                broken: follows.broken,
                sources: follows.sources,
                targets: follows.targets,
            },
            followers: FollowersFigures {
                sources: followers.sources,
                channels: followers.channels,
                servers: followers.servers,
            },
        }
    }
}

/// List the servers that you and I are both in
///
/// With a session: those in which you ran `/dashboard`, or that Discord named when you signed in. With a
/// token for one server: that one.
#[utoipa::path(
    get,
    path = "/servers",
    tag = "Servers",
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "Your servers", body = ListOf<ServerView>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
) -> Result<Json<ListOf<ServerView>>, Problem> {
    caller.require(TokenScope::ServersRead)?;
    let services = state.services()?;
    let mut known = services.accounts.servers(caller.user()).await?;
    if let Identified::Token(token) = &caller
        && let Some(only) = token.server
    {
        let name = known.into_iter().find(|server| server.id == only).and_then(|server| server.name);
        known = vec![AccountServer { id: only, name }];
    }
    let candidates: Vec<GuildId> = known.iter().map(|server| server.id).collect();
    let shared = services.follows.shared_servers(caller.user(), caller.via(), &candidates).await?;
    let unseen = known.into_iter().filter(|server| shared.remaining.contains(&server.id));
    let unseen =
        unseen.map(|server| ServerView { id: server.id.to_string(), name: server.name, permissions: None });
    let items = shared.servers.into_iter().map(ServerView::seen).chain(unseen.collect::<Vec<_>>()).collect();
    Ok(Json(ListOf { items }))
}

/// See a server's figures
///
/// That takes Manage Messages in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/stats",
    tag = "Servers",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "Its figures", body = StatsView))
)]
pub(super) async fn stats(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
) -> Result<Json<StatsView>, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    Ok(Json(StatsView::of(state.services()?.follows.server_figures(actor).await?)))
}
