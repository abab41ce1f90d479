//! What operators and their tools read: `/healthz`, `/readyz`, `/metrics`.
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::net::TcpListener;

use crate::service::health::{DatabaseCondition, GatewayCondition, Health, Startup};

/// How long the bot has to answer a health check.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// What the pages are made from. Before the bot is built, there is no health to ask: it is alive, but not
/// ready.
#[derive(Clone)]
pub struct Pages {
    /// The metrics.
    pub metrics: PrometheusHandle,
    /// The parts, once they exist.
    pub health: tokio::sync::watch::Receiver<Option<Health>>,
    /// What the start waits for until then.
    pub startup: tokio::sync::watch::Receiver<Startup>,
}

/// Serves the pages until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    pages: Pages,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(pages);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Alive: the process runs and answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: its shards are connected (if it has any), the database is reachable, other processes are heard,
/// requests are allowed, and events are recorded within a minute.
async fn readyz(State(pages): State<Pages>) -> impl IntoResponse {
    let health = pages.health.borrow().clone();
    let Some(health) = health else {
        // The parts are built once the database is open and Discord has said who the bot is.
        let body = startup(&pages.startup.borrow());
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body));
    };
    let found = health.status().await;
    let status = if found.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let database = match found.database {
        DatabaseCondition::Up => "up",
        DatabaseCondition::Down => "down",
        DatabaseCondition::NoTables => "its tables are missing",
    };
    let mut body = json!({
        "ready": found.is_ready(),
        "role": found.role,
        "database": database,
        "others": if found.condition.hears { "heard" } else { "not heard" },
        "requests": if found.fuse { "allowed" } else { "stopped: too many were invalid" },
        "oldest_unwritten_event_seconds": found.delay.oldest().as_secs(),
        "sources_waiting_to_be_read": found.delay.sources,
    });
    if let Some(lanes) = found.failing_lanes {
        body["failing_lanes"] = json!(lanes);
    }
    match found.condition.gateway {
        GatewayCondition::None => {}
        GatewayCondition::Up => body["gateway"] = json!("up"),
        GatewayCondition::Down => body["gateway"] = json!("down"),
        GatewayCondition::Standby(why) => {
            body["gateway"] = json!("standby");
            body["reason"] = json!(&*why);
        }
    }
    (status, Json(body))
}

/// The answer before the parts are built.
fn startup(waits_for: &Startup) -> serde_json::Value {
    let (database, waits_for, reason) = match waits_for {
        Startup::Database { away: None } => ("not asked yet", "database", None),
        Startup::Database { away: Some(reason) } => ("down", "database", Some(&**reason)),
        Startup::Discord => ("up", "Discord", None),
    };
    let mut body = json!({"ready": false, "starting": true, "gateway": "down", "database": database, "waits_for": waits_for});
    if let Some(reason) = reason {
        body["reason"] = json!(reason);
    }
    body
}

/// Prometheus' text format.
async fn metrics(State(pages): State<Pages>) -> impl IntoResponse {
    let health = pages.health.borrow().clone();
    if let Some(health) = health
        && let Err(error) = health.observe().await
    {
        tracing::warn!(%error, "metrics from the database are out of date");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], pages.metrics.render())
}

/// Asks the bot at this address whether it is alive: what `tributary healthcheck` does.
pub async fn healthcheck(addr: SocketAddr) -> Result<(), String> {
    // An unspecified address is only for listening.
    let host = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    let addr = SocketAddr::new(host, addr.port());
    let client = reqwest::Client::builder().no_proxy().timeout(HEALTHCHECK_TIMEOUT).build();
    let answer =
        client.map_err(|error| error.to_string())?.get(format!("http://{addr}/healthz")).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("{addr} answered {}", answer.status())),
        Err(_) => Err(format!("{addr} does not answer. Is the bot running, with this HTTP_ADDR?")),
    }
}
