//! The API, one resource a file. Handlers find out who asks, call a service, and show the result.
//!
//! Names are in camelCase, ids are texts (JavaScript's numbers end at 2^53), times are RFC 3339 with
//! milliseconds.

mod audit;
mod channels;
mod deliveries;
mod follows;
mod me;
mod operator;
mod paging;
mod panels;
mod servers;
mod sessions;
mod tokens;
mod words;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::ids::GuildId;

use super::id::Id;
use super::web::WebState;

/// All endpoints, without their common beginning.
pub(super) fn routes() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(me::show))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::show, tokens::revoke))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
        .routes(routes!(servers::list))
        .routes(routes!(servers::stats))
        .routes(routes!(audit::list))
        .routes(routes!(audit::list_own))
        .routes(routes!(follows::list, follows::create))
        .routes(routes!(follows::preview::preview))
        .routes(routes!(follows::show, follows::change, follows::remove))
        .routes(routes!(follows::pause))
        .routes(routes!(follows::resume))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::report))
        .routes(routes!(channels::list))
        .routes(routes!(channels::followers))
        .routes(routes!(channels::publish))
        .routes(routes!(operator::health))
        .routes(routes!(operator::lanes))
        .routes(routes!(operator::limits))
        .routes(routes!(operator::processes))
        .routes(routes!(operator::servers))
        .routes(routes!(panels::kinds::list))
        .routes(routes!(panels::list, panels::create))
        .routes(routes!(panels::show, panels::change, panels::remove))
        .routes(routes!(panels::refresh))
        .routes(routes!(panels::relocate))
}

/// A server, as paths name it.
#[derive(Debug, Deserialize)]
struct InServer {
    server: Id<GuildId>,
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
