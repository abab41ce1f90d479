//! One's servers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::account::AccountServer;
use crate::domain::scope::TokenScope;
use crate::http::caller::Identified;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::web::WebState;

use super::ListOf;

/// A server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerView {
    /// The id at Discord.
    #[schema(example = "197038439483310086")]
    id: String,
    /// Its name when you last signed in there, if it is known.
    name: Option<String>,
}

/// List the servers that you are known to be in
///
/// Those in which you ran `/dashboard` and whose session goes on; with a token for one server, that one. What
/// you may do there is found out each time that you do something.
#[utoipa::path(
    get,
    path = "/servers",
    tag = "Servers",
    security(("token" = ["servers:read"]), ("session" = [])),
    responses(
        (status = 200, description = "Your servers", body = ListOf<ServerView>),
        (status = 401, description = "`authentication_required`, `invalid_token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`insufficient_scope`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
) -> Result<Json<ListOf<ServerView>>, Problem> {
    caller.require(TokenScope::ServersRead)?;
    let mut servers = state.services()?.accounts.servers(caller.user()).await?;
    if let Identified::Token(token) = &caller
        && let Some(only) = token.server
    {
        servers.retain(|server| server.id == only);
        if servers.is_empty() {
            servers.push(AccountServer { id: only, name: None });
        }
    }
    let view = |server: AccountServer| ServerView { id: server.id.to_string(), name: server.name };
    Ok(Json(ListOf { items: servers.into_iter().map(view).collect() }))
}
