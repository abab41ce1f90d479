//! The person who is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::MessageId;
use crate::http::body::Params;
use crate::http::caller::{Identified, Person};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::authors::AuthorRequest;

use super::words;

/// The person who asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MeView {
    /// The id at Discord.
    #[schema(example = "175928847299117063")]
    id: String,
    /// The name that Discord showed when this session began; a token doesn't know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How you are signed in: `session` or `token`.
    #[schema(value_type = words::Authentication)]
    authentication: &'static str,
    /// What the token may be used for. A session may be used for everything.
    #[schema(value_type = Option<Vec<words::TokenScope>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'static str>>,
    /// The only server in which the token works.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_id: Option<String>,
    /// When the token stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// See how you are signed in, and what your token may be used for
#[utoipa::path(
    get,
    path = "/me",
    tag = "Account",
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The person who is signed in", body = MeView),
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

/// Whether you mean it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ForgetQuery {
    /// `true`: you do.
    #[param(value_type = bool)]
    confirm: Option<String>,
}

/// Have me forget you
///
/// As `/privacy forget` does: whom and what you follow, who follows you, your feed with its addresses and its
/// digest, your sessions and tokens, your name on what you changed, and what I keep of your messages, with
/// their copies. It is done in the background, within minutes; the servers stay as they are.
#[utoipa::path(
    delete,
    path = "/me",
    tag = "Account",
    params(ForgetQuery),
    security(("session" = [])),
    responses((status = 202, description = "I am about to forget you"))
)]
pub(super) async fn forget(
    State(state): State<WebState>,
    Person(own): Person,
    Params(query): Params<ForgetQuery>,
) -> Result<StatusCode, Problem> {
    if query.confirm.as_deref() != Some("true") {
        let detail = "This can't be undone. Send confirm=true if you mean it.";
        return Err(Problem::new(ProblemCode::InvalidQuery).with_detail(detail));
    }
    let at = MessageId::first_at(state.clock.now());
    let request = AuthorRequest { user: own.account.user, server: None, at };
    state.services()?.authors.forget(request).await?;
    Ok(StatusCode::ACCEPTED)
}
