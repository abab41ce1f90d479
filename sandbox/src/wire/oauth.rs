//! What the token endpoint answers, and what an access token is good for.

use chrono::Utc;
use serde_json::{Value, json};

use super::{partial_application, time, user};
use crate::model::{OAuthScope, OAuthTokens};
use crate::world::World;

/// New tokens.
pub(crate) fn tokens(tokens: &OAuthTokens) -> Value {
    json!({
        "access_token": tokens.access,
        "token_type": "Bearer",
        // Rounded, as some of the time that was granted is over already.
        "expires_in": (tokens.expires - Utc::now()).num_milliseconds().saturating_add(500) / 1000,
        "refresh_token": tokens.refresh,
        "scope": OAuthScope::write_list(&tokens.scopes),
    })
}

/// `GET /oauth2/@me`: who is it, and what may be asked.
pub(crate) fn authorization(world: &World, bearer: &OAuthTokens) -> Value {
    let mut value = json!({
        "application": partial_application(world),
        "scopes": bearer.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
        "expires": time(bearer.expires),
    });
    if bearer.scopes.contains(&OAuthScope::Identify) {
        value["user"] = user(world, bearer.user);
    }
    value
}
