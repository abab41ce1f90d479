//! The API's description (OpenAPI 3.1), made from the handlers.

use axum::Router;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::domain::public_url::PublicUrl;

use super::web::WebState;

/// The description without any endpoint.
pub(super) fn frame(url: &PublicUrl) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tributary")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What people do with commands, for programs. Ids are texts, times are RFC 3339 in UTC, and what isn't a success is a problem as in RFC 9457.",
        ))
        .build();
    let cookie = if url.is_https() { "__Host-tributary" } else { "tributary" };
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("trib_…").build();
    let components = ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(token))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie))))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(url.origin()).build()]))
        .components(Some(components))
        .build()
}

/// The description itself, which may be read from anywhere.
pub(super) fn routes(document: &OpenApi) -> Router<WebState> {
    let text = document.to_json().expect("texts and numbers always serialise");
    let serve = || async move {
        let headers = [
            (CONTENT_TYPE, "application/json"),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (CACHE_CONTROL, "no-cache"),
        ];
        (headers, text)
    };
    Router::new().route("/api/v1/openapi.json", get(serve))
}
