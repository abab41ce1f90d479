//! The pages: server-rendered, and complete without scripts. Everything that changes something is a form. The
//! one script adds keys to the feed.

mod discord_sign_in;
mod docs;
mod feed;
mod layout;
mod problems;
mod sessions;
mod sign_in;
mod start;
mod tokens;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

use super::web::WebState;

pub(super) use self::problems::problem;

/// All pages.
pub(super) fn routes(document: &Value) -> Router<WebState> {
    Router::new()
        .route("/", get(start::show))
        .route("/auth/link/{link}", get(sign_in::ask).post(sign_in::redeem))
        .route("/auth/login", get(discord_sign_in::begin))
        .route("/auth/callback", get(discord_sign_in::come_back))
        .route("/auth/logout", post(sign_in::sign_out))
        .route("/settings/tokens", get(tokens::show).post(tokens::create))
        .route("/settings/tokens/{id}/revoke", post(tokens::revoke))
        .route("/settings/sessions", get(sessions::show))
        .route("/settings/sessions/end", post(sessions::end_all))
        .route("/settings/sessions/{id}/end", post(sessions::end))
        .route("/feed", get(feed::show))
        .route("/feed/read", post(feed::mark))
        .route("/feed/follow", post(feed::actions::follow))
        .route("/feed/following", get(feed::actions::list))
        .route("/feed/follows/{id}/mute", post(feed::actions::mute))
        .route("/feed/follows/{id}/unfollow", post(feed::actions::unfollow))
        .route("/feed/addresses", get(feed::links::show).post(feed::links::create))
        .route("/feed/addresses/{id}/revoke", post(feed::links::revoke))
        .route("/api/problems/{code}", get(problems::explain))
        .merge(docs::routes(document))
}

/// Leads to another page after a form.
fn see_other(path: &str) -> impl IntoResponse + use<> {
    (StatusCode::SEE_OTHER, [(LOCATION, path.to_owned())])
}

/// A time, to the minute.
fn time(time: DateTime<Utc>) -> Markup {
    html! { time datetime=(time.to_rfc3339()) { (time.format("%-d %B %Y, %H:%M UTC")) } }
}

/// A day.
fn day(time: DateTime<Utc>) -> Markup {
    html! { time datetime=(time.format("%Y-%m-%d")) { (time.format("%-d %B %Y")) } }
}
