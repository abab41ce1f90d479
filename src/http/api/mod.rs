//! The API, one resource a file. Handlers find out who asks, call a service, and show the result.
//!
//! Names are in camelCase, ids are texts (JavaScript's numbers end at 2^53), times are RFC 3339 with
//! milliseconds.

mod me;
mod servers;
mod sessions;
mod tokens;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::web::WebState;

/// All endpoints, without their common beginning.
pub(super) fn routes() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(me::show))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
        .routes(routes!(servers::list))
}

/// All of something.
#[derive(Debug, Serialize, ToSchema)]
struct ListOf<T: ToSchema> {
    items: Vec<T>,
}

/// A time, as the API writes it.
fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
