//! What the operator reads: numbers only. For everybody else, these addresses don't exist.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::scope::TokenScope;
use crate::http::caller::{Caller, Identified};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::health::HealthStatus;
use crate::service::operator::{LaneFigures, LimitFigures, OperatorFigures, ProcessFigures, ServedFigures};

use super::{words, written};

/// The figures, for an operator.
pub(super) struct Operator(Arc<OperatorFigures>);

impl FromRequestParts<WebState> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let not_found = || Problem::new(ProblemCode::NotFound);
        let caller = match Caller::from_request_parts(parts, state).await? {
            Caller::Guest => return Err(not_found()),
            // What a token for one server may see is of that server.
            Caller::Token(token) if token.server.is_some() => return Err(not_found()),
            Caller::Token(token) => Identified::Token(token),
            Caller::Person(session) => Identified::Session(session),
        };
        let figures = Arc::clone(&state.services()?.operator);
        if !figures.is_operator(caller.user()) {
            return Err(not_found());
        }
        caller.require(TokenScope::OperatorRead)?;
        Ok(Self(figures))
    }
}

/// A process's health.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OperatorHealth)]
pub(super) struct HealthView {
    /// Whether it can do its work.
    ready: bool,
    /// What it does.
    #[schema(value_type = words::ProcessRole)]
    role: &'static str,
    /// Its version.
    version: &'static str,
    /// The state of its database.
    #[schema(value_type = words::DatabaseState)]
    database: &'static str,
    /// The state of its connection to the gateway.
    #[schema(value_type = words::GatewayState)]
    gateway: &'static str,
    /// Whether it hears other processes, if there can be any.
    hears_others: bool,
    /// Whether it makes requests to Discord: not too many were invalid lately.
    makes_requests: bool,
    /// How old the oldest event is that isn't in the database yet, in seconds.
    oldest_unwritten_event_seconds: u64,
    /// How many sources wait to be read.
    sources_waiting_to_be_read: usize,
}

/// What is due.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OperatorLanes)]
pub(super) struct LanesView {
    /// Deliveries that are still to be made.
    open_deliveries: i64,
    /// The targets for which they are.
    open_lanes: i64,
    /// How many the target with the most has.
    deepest_lane: i64,
    /// In how many targets something has failed for more than a minute.
    failing_lanes: i64,
}

/// What limits the bot. Null stands for no limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OperatorLimits)]
pub(super) struct LimitsView {
    /// Requests of this process that Discord found invalid within ten minutes.
    invalid_requests: usize,
    /// From how many on none are made.
    most_invalid_requests: usize,
    /// For how many seconds no requests are made; null if they are.
    paused_for_seconds: Option<u64>,
    /// `FOLLOW_ACTIONS_PER_HOUR`.
    follow_actions_per_hour: Option<u32>,
    /// `PANELS_PER_SERVER`.
    panels_per_server: Option<u32>,
    /// `FOLLOWS_PER_TARGET`.
    follows_per_target: Option<u32>,
    /// `FOLLOWS_PER_SOURCE`.
    follows_per_source: Option<u32>,
    /// `FOLLOWS_PER_SERVER`.
    follows_per_server: Option<u32>,
}

/// Which processes there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OperatorProcesses)]
pub(super) struct ProcessesView {
    /// How many work with this database.
    processes: u64,
    /// The first shard of the process that answers.
    first_shard: u32,
    /// Its last one.
    last_shard: u32,
    /// How many shards all processes have together.
    total_shards: u32,
    /// Since when the process that answers has served them.
    serving_since: String,
}

/// Servers and follows, in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OperatorServers)]
pub(super) struct ServedView {
    /// How many servers the process that answers is in.
    servers: usize,
    /// How many servers `tributary block` has blocked.
    blocked_servers: usize,
    /// Follows that deliver, of all processes.
    active_follows: u64,
    /// Follows that somebody paused.
    paused_follows: u64,
    /// Follows that can't deliver.
    broken_follows: u64,
}

impl HealthView {
    fn of(status: &HealthStatus) -> Self {
        Self {
            ready: status.is_ready(),
            role: status.role,
            version: env!("CARGO_PKG_VERSION"),
            database: words::database(&status.database),
            gateway: words::gateway(&status.condition.gateway),
            hears_others: status.condition.hears,
            makes_requests: status.fuse,
            oldest_unwritten_event_seconds: status.delay.oldest().as_secs(),
            sources_waiting_to_be_read: status.delay.sources,
        }
    }
}

impl LanesView {
    const fn of(figures: LaneFigures) -> Self {
        let LaneFigures { backlog, failing } = figures;
        Self {
            open_deliveries: backlog.deliveries,
            open_lanes: backlog.lanes,
            deepest_lane: backlog.deepest,
            failing_lanes: failing,
        }
    }
}

impl LimitsView {
    fn of(figures: LimitFigures) -> Self {
        let LimitFigures { invalid_requests, most_invalid_requests, paused_for, set } = figures;
        Self {
            invalid_requests,
            most_invalid_requests,
            paused_for_seconds: paused_for.map(|pause| pause.as_secs()),
            follow_actions_per_hour: set.actions_per_hour,
            panels_per_server: set.panels_per_server,
            follows_per_target: set.follows.per_target,
            follows_per_source: set.follows.per_source,
            follows_per_server: set.follows.per_server,
        }
    }
}

impl ProcessesView {
    fn of(figures: ProcessFigures) -> Self {
        let ProcessFigures { processes, shards, started_at } = figures;
        Self {
            processes,
            first_shard: shards.first(),
            last_shard: shards.last(),
            total_shards: shards.total(),
            serving_since: written(started_at),
        }
    }
}

impl ServedView {
    const fn of(figures: ServedFigures) -> Self {
        let ServedFigures { servers, blocked, follows } = figures;
        Self {
            servers,
            blocked_servers: blocked,
            active_follows: follows.active,
            paused_follows: follows.paused,
            broken_follows: follows.broken,
        }
    }
}

/// See a process's health
///
/// For operators only: for all others, this address doesn't exist.
#[utoipa::path(
    get,
    path = "/operator/health",
    tag = "Operator",
    security(("token" = ["operator:read"]), ("session" = [])),
    responses((status = 200, description = "How it does", body = HealthView))
)]
pub(super) async fn health(Operator(figures): Operator) -> Json<HealthView> {
    Json(HealthView::of(&figures.health().await))
}

/// See what is due
///
/// For operators only: for all others, this address doesn't exist.
#[utoipa::path(
    get,
    path = "/operator/lanes",
    tag = "Operator",
    security(("token" = ["operator:read"]), ("session" = [])),
    responses((status = 200, description = "What is due, by all processes together", body = LanesView))
)]
pub(super) async fn lanes(Operator(figures): Operator) -> Result<Json<LanesView>, Problem> {
    Ok(Json(LanesView::of(figures.lanes().await?)))
}

/// See what limits the bot
///
/// For operators only: for all others, this address doesn't exist.
#[utoipa::path(
    get,
    path = "/operator/limits",
    tag = "Operator",
    security(("token" = ["operator:read"]), ("session" = [])),
    responses((status = 200, description = "What limits the bot", body = LimitsView))
)]
pub(super) async fn limits(Operator(figures): Operator) -> Json<LimitsView> {
    Json(LimitsView::of(figures.limits()))
}

/// See which processes there are
///
/// For operators only: for all others, this address doesn't exist.
#[utoipa::path(
    get,
    path = "/operator/processes",
    tag = "Operator",
    security(("token" = ["operator:read"]), ("session" = [])),
    responses((status = 200, description = "The processes", body = ProcessesView))
)]
pub(super) async fn processes(Operator(figures): Operator) -> Result<Json<ProcessesView>, Problem> {
    Ok(Json(ProcessesView::of(figures.processes().await?)))
}

/// See how many servers and follows there are
///
/// For operators only: for all others, this address doesn't exist.
#[utoipa::path(
    get,
    path = "/operator/servers",
    tag = "Operator",
    security(("token" = ["operator:read"]), ("session" = [])),
    responses((status = 200, description = "How much is served", body = ServedView))
)]
pub(super) async fn servers(Operator(figures): Operator) -> Result<Json<ServedView>, Problem> {
    Ok(Json(ServedView::of(figures.served().await?)))
}
