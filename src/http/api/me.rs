//! Who one is.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::caller::Identified;
use crate::http::problem::Problem;

use super::words;

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MeView {
    /// The id at Discord.
    #[schema(example = "175928847299117063")]
    id: String,
    /// The name that Discord showed when this session began; a token doesn't know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// By what this person is known: `session` or `token`.
    #[schema(value_type = words::Authentication)]
    authentication: &'static str,
    /// What the token may be used for. A session may be used for everything.
    #[schema(value_type = Option<Vec<words::TokenScope>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'static str>>,
    /// The only server in which the token is good for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_id: Option<String>,
    /// When the token stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// Show who you are, and what your token may be used for
#[utoipa::path(
    get,
    path = "/me",
    tag = "Account",
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "Who you are", body = MeView),
    )
)]
pub(super) async fn show(caller: Identified) -> Result<Json<MeView>, Problem> {
    let (id, authentication) = (caller.user().to_string(), words::authentication(&caller));
    Ok(Json(match caller {
        Identified::Session(session) => MeView {
            id,
            name: Some(session.account.name),
            authentication,
            scopes: None,
            server_id: None,
            expires_at: None,
        },
        Identified::Token(token) => MeView {
            id,
            name: None,
            authentication,
            scopes: Some(token.scopes.iter().map(|scope| scope.as_str()).collect()),
            server_id: token.server.map(|server| server.to_string()),
            expires_at: token.expires_at.map(super::written),
        },
    }))
}
