//! One's digest: what is new in one's feed, by direct message.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::digest::{Digest, DigestPeriod, DigestSchedule, parse_time_zone};
use crate::domain::scope::TokenScope;
use crate::http::body::{JsonBody, word};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::{PersonalRefusal, ServiceError};

use super::people::SignedIn;
use super::{words, written};

/// Your digest.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DigestView {
    /// How often it comes: `day`, or `week` (on Mondays).
    #[schema(value_type = words::DigestPeriod)]
    every: &'static str,
    /// At which hour of the day.
    #[schema(minimum = 0, maximum = 23)]
    hour: u8,
    /// In which time zone.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// When the next one comes; null while it is paused.
    next_at: Option<String>,
    /// Whether it is paused: Discord refused three in a row. Setting it again makes it go on.
    paused: bool,
}

impl DigestView {
    pub(super) fn of(digest: &Digest) -> Self {
        let DigestSchedule { every, hour, time_zone } = digest.schedule;
        Self {
            every: every.as_str(),
            hour,
            time_zone: time_zone.name().to_owned(),
            next_at: digest.next_at.map(written),
            paused: digest.next_at.is_none(),
        }
    }
}

/// When you want digests.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DigestBody {
    /// How often: `day`, or `week` (on Mondays).
    #[schema(value_type = words::DigestPeriod)]
    every: String,
    /// At which hour of the day: 0 to 23.
    #[schema(minimum = 0, maximum = 23)]
    hour: u8,
    /// In which time zone, by its name in the IANA database; `UTC` without it.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

impl DigestBody {
    fn read(&self) -> Result<DigestSchedule, Problem> {
        let periods = DigestPeriod::ALL.iter().map(|period| (period.as_str(), *period));
        let every = word(Some(&self.every), "/every", periods)?.unwrap_or(DigestPeriod::Day);
        let zone = parse_time_zone(self.time_zone.as_deref().unwrap_or("UTC"))
            .ok_or_else(|| ServiceError::from(PersonalRefusal::UnknownTimeZone))?;
        DigestSchedule::new(every, self.hour, zone)
            .ok_or_else(|| Problem::in_body("/hour", "An hour is 0 to 23."))
    }
}

/// See your digest
#[utoipa::path(
    get,
    path = "/me/digest",
    tag = "Feed",
    security(("token" = ["feed:read"]), ("session" = [])),
    responses((status = 200, description = "When it comes; 404 if you have none", body = DigestView))
)]
pub(super) async fn show(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
) -> Result<Json<DigestView>, Problem> {
    caller.require(TokenScope::FeedRead)?;
    let digest = state.services()?.people.digest(caller.user()).await?;
    digest.map(|digest| Json(DigestView::of(&digest))).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

/// Have me send you digests
///
/// What you haven't read, by direct message, and only if there is something new. The first one comes at once,
/// to see whether Discord lets me write to you. If it doesn't, nothing is changed.
#[utoipa::path(
    put,
    path = "/me/digest",
    tag = "Feed",
    security(("token" = ["follows:write"]), ("session" = [])),
    request_body = DigestBody,
    responses((status = 200, description = "Your digest; a first one was sent", body = DigestView))
)]
pub(super) async fn set(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<DigestBody>,
) -> Result<Json<DigestView>, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    let schedule = body.read()?;
    let digest = state.services()?.people.set_digest(caller.user(), schedule).await?;
    Ok(Json(DigestView::of(&digest)))
}

/// End your digest
#[utoipa::path(
    delete,
    path = "/me/digest",
    tag = "Feed",
    security(("token" = ["follows:write"]), ("session" = [])),
    responses((status = 204, description = "No digest is sent"))
)]
pub(super) async fn remove(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FollowsWrite)?;
    state.services()?.people.remove_digest(caller.user()).await?;
    Ok(StatusCode::NO_CONTENT)
}
