//! The token endpoint of OAuth2, and who an access token belongs to.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::request::{Answer, Request};
use crate::error::{ApiError, ApiResult};
use crate::ops::TokenError;
use crate::wire;
use crate::world::World;

/// Where codes and refresh tokens are exchanged.
pub(super) const TOKEN: &str = "/oauth2/token";

/// Where tokens are revoked.
pub(super) const REVOKE: &str = "/oauth2/token/revoke";

fn refused(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, json!({ "error": error, "error_description": description }))
}

/// Whether the application proves that it is itself: with Basic authentication, or in the form.
fn is_client(world: &World, request: &Request) -> bool {
    let expected = (world.app.id.to_string(), world.app.client_secret.clone());
    let given = match &request.authorization {
        Some(header) => basic(header),
        None => credentials(&request.form),
    };
    given == Some(expected)
}

fn credentials(form: &HashMap<String, String>) -> Option<(String, String)> {
    Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone()))
}

/// Name and password of a header. Both are urlencoded first (RFC 6749, section 2.3.1); neither an id nor a
/// secret has characters that would change.
fn basic(header: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// `POST /oauth2/token`. A body that isn't urlencoded counts as empty.
pub(super) fn token(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let kind = request.form.get("grant_type").map_or("None", String::as_str);
    if !matches!(kind, "authorization_code" | "refresh_token") {
        let description = format!("Grant type {kind} is not supported");
        return Ok(refused(400, "unsupported_grant_type", &description));
    }
    if !is_client(world, request) {
        return Ok(refused(401, "invalid_client", "Invalid client credentials."));
    }
    let issued = match kind {
        "refresh_token" => world.refresh_tokens(&request.form),
        _ => world.exchange_code(&request.form),
    };
    Ok(match issued {
        Ok(tokens) => Answer::ok(wire::tokens(&tokens)),
        Err(TokenError { error, description }) => refused(400, error, description),
    })
}

/// `POST /oauth2/token/revoke`. A token that nobody knows is as good as revoked (RFC 7009).
pub(super) fn revoke(world: &mut World, request: &Request) -> ApiResult<Answer> {
    if !is_client(world, request) {
        return Ok(refused(401, "invalid_client", "Invalid client credentials."));
    }
    let Some(token) = request.form.get("token") else {
        return Ok(refused(400, "invalid_request", "Missing \"token\" in request."));
    };
    world.revoke_token(token);
    Ok(Answer::ok(json!({})))
}

/// `GET /oauth2/@me`.
pub(super) fn current(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let bearer = request.bearer.as_ref().ok_or_else(ApiError::unauthorized)?;
    Ok(Answer::ok(wire::authorization(world, bearer)))
}
