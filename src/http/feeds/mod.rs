//! Somebody's feed for programs that read feeds, at a private address: as Atom, RSS or JSON Feed.
//!
//! Such programs can't sign in, so the address itself is the secret. It opens the feed and nothing else, says
//! nowhere whose it is, and isn't repeated in the answer. Wrong ones get an empty 404.
//!
//! | file | what it owns |
//! |---|---|
//! | `entry` | what is said of a post, as clean text and as escaped HTML |
//! | `atom`, `rss`, `json` | how it is written |

mod atom;
mod entry;
mod json;
mod rss;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::domain::feed_link::FeedFormat;

use super::problem::{Problem, ProblemCode};
use super::web::WebState;
use entry::FeedDocument;

/// Where feeds are.
pub(super) const PREFIX: &str = "/feeds/";

/// The addresses of feeds.
pub(super) fn routes() -> Router<WebState> {
    Router::new().route("/feeds/{file}", get(read))
}

/// `GET /feeds/{secret}.atom`, `.rss` or `.json`.
async fn read(
    State(state): State<WebState>,
    Path(file): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let missing = || Problem::new(ProblemCode::NotFound);
    let (secret, format) = FeedFormat::parse_file(&file).ok_or_else(missing)?;
    let people = &state.services()?.people;
    let link = people.use_feed_link(&secret).await?.ok_or_else(missing)?;
    let now = state.clock.now();
    state.limits.count_feed(secret.hash(), request.extensions(), now)?;
    let document = FeedDocument::new(&link, people.linked_feed(&link).await?, &state.url, now);
    let (media_type, text) = match format {
        FeedFormat::Atom => ("application/atom+xml; charset=utf-8", atom::write(&document)),
        FeedFormat::Rss => ("application/rss+xml; charset=utf-8", rss::write(&document)),
        FeedFormat::Json => ("application/feed+json; charset=utf-8", json::write(&document)),
    };
    // To be kept by the reader only, which asks each time whether it is still so.
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "private, no-cache")];
    Ok((headers, text).into_response())
}
