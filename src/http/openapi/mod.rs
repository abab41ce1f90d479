//! The API's description (OpenAPI 3.1), made from the handlers.

mod complete;

use axum::Router;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use serde_json::Value;
use utoipa::PartialSchema as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::domain::public_url::PublicUrl;

use super::id::IdText;
use super::problem::ProblemBody;
use super::web::WebState;

/// The description without any endpoint.
pub(super) fn frame(url: &PublicUrl) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tributary")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What people do with commands, for programs. Ids are texts of digits, times are RFC 3339 in UTC, and what isn't a success is a problem as in RFC 9457. Parameters and fields that an endpoint doesn't know are refused. Send one Authorization header, or a session's cookie; where both are sent, the header counts alone. Requests are limited (RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset), and so are changes in an hour and expensive questions in ten minutes, for commands and programs together: 429 says with Retry-After when there is room again. Browsers that use the session's cookie must send Sec-Fetch-Site: same-origin, or Origin, to change something.",
        ))
        .build();
    let cookie = if url.is_https() { "__Host-tributary" } else { "tributary" };
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("trib_…").build();
    let components = ComponentsBuilder::new()
        .schema("Problem", ProblemBody::schema())
        .schema("Id", IdText::schema())
        .security_scheme("token", SecurityScheme::Http(token))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie))))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(url.origin()).build()]))
        .components(Some(components))
        .build()
}

/// The whole description, with every problem that can occur.
pub(super) fn complete(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).expect("texts and numbers always serialise");
    complete::add_problems(&mut document);
    document
}

/// The description itself, which may be read from anywhere.
pub(super) fn routes(document: &Value) -> Router<WebState> {
    let text = document.to_string();
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
