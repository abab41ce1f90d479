//! The API, one resource a file. Handlers find out who asks, call a service, and show the result.
//!
//! Names are in camelCase, ids are texts (JavaScript's numbers end at 2^53), times are RFC 3339 with
//! milliseconds.

mod audit;
mod channels;
mod collections;
mod deliveries;
mod digest;
mod export;
mod feed;
mod feed_links;
mod followers;
mod follows;
mod me;
mod operator;
mod paging;
mod panels;
mod people;
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
        .routes(routes!(me::show, me::forget))
        .routes(routes!(export::export))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::show, tokens::revoke))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
        .merge(modes())
        .routes(routes!(people::follow::follow))
        .routes(routes!(people::follow::unfollow))
        .routes(routes!(people::lists::followers))
        .routes(routes!(people::lists::following))
        .routes(routes!(people::lists::followers_count))
        .routes(routes!(people::lists::following_count))
        .routes(routes!(people::lists::show))
        .routes(routes!(people::lists::relationships))
        .routes(routes!(people::lists::own_followers))
        .routes(routes!(people::lists::own_following))
        .routes(routes!(people::lists::own_follows, people::own::create))
        .routes(routes!(people::own::show, people::own::change, people::own::remove))
        .routes(routes!(people::privacy::show, people::privacy::change))
        .routes(routes!(people::privacy::remove_follower))
        .routes(routes!(people::requests::blocks))
        .routes(routes!(people::privacy::unblock))
        .routes(routes!(people::requests::list))
        .routes(routes!(people::requests::accept))
        .routes(routes!(people::requests::decline))
        .routes(routes!(feed::read))
        .routes(routes!(feed::unread))
        .routes(routes!(feed::mark))
        .routes(routes!(feed_links::list, feed_links::create))
        .routes(routes!(feed_links::revoke))
        .routes(routes!(digest::show, digest::set, digest::remove))
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
        .routes(routes!(followers::list))
        .routes(routes!(followers::requests))
        .routes(routes!(followers::approve))
        .routes(routes!(followers::decline))
        .routes(routes!(followers::remove))
        .routes(routes!(followers::block))
        .routes(routes!(followers::blocked))
        .routes(routes!(followers::unblock))
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
        .routes(routes!(collections::list, collections::create))
        .routes(routes!(collections::show, collections::change, collections::remove))
        .routes(routes!(collections::add_channel, collections::remove_channel))
        .routes(routes!(collections::follows::list, collections::follows::create))
        .routes(routes!(collections::follows::remove))
}

/// The endpoints of modes and tags, which are also at `/api/follows`.
pub(super) fn modes() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(people::modes::set))
        .routes(routes!(people::modes::show, people::modes::remove))
        .routes(routes!(people::modes::follow_tag))
        .routes(routes!(people::modes::unfollow_tag))
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
