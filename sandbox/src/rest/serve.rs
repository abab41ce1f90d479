//! What stands around every handler: reading, faults, authorization, rate limits, the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::request::{Answer, Request};
use super::routes::{Caller, Found, Route, find, is_page, keeps_secrets};
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::faults::{Effect, Hold, LimitScope};
use crate::limits::{Bucket, Draw, Exceeded, Standing};
use crate::lock::lock;
use crate::model::OAuthScope;
use crate::server::Wire;
use crate::shared::Shared;
use crate::world::World;

/// Takes every request below `/api`. It runs as a task of its own: a client that hangs up doesn't undo a
/// request.
pub(crate) async fn entry(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: axum::http::Request<Body>,
) -> Response {
    let gone = Arc::new(Notify::new());
    let hung_up = Arc::clone(&gone);
    let handled = tokio::spawn(async move { handle(&shared, &wire, &hung_up, request).await });
    tokio::select! {
        handled = handled => handled.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        // The connection is cut: this goes nowhere.
        () = gone.notified() => StatusCode::NO_CONTENT.into_response(),
    }
}

/// An answer on its way out.
struct Outcome {
    answer: Answer,
    headers: HeaderMap,
    route: Option<&'static str>,
    shared_limit: bool,
    /// The connection breaks instead of answering.
    broken: bool,
    performed: bool,
    /// Something before Discord answers.
    foreign: bool,
    /// With a page.
    page: bool,
    hold: Duration,
    holds: Vec<Hold>,
}

impl Outcome {
    fn new(answer: Answer, route: Option<&'static str>) -> Self {
        Self {
            answer,
            headers: HeaderMap::new(),
            route,
            shared_limit: false,
            broken: false,
            performed: true,
            foreign: false,
            page: false,
            hold: Duration::ZERO,
            holds: Vec::new(),
        }
    }

    fn refused(error: &ApiError, route: Option<&'static str>) -> Self {
        Self::new(Answer::json(error.status, error.body()), route)
    }
}

async fn handle(shared: &Shared, wire: &Wire, gone: &Notify, request: axum::http::Request<Body>) -> Response {
    let hang_up = || {
        wire.cut();
        gone.notify_one();
    };
    let (at, started) = (Utc::now(), Instant::now());
    let path = api_path(request.uri().path()).to_owned();
    let method = request.method().as_str().to_owned();
    let (mut outcome, request) = match Request::read(path.clone(), request).await {
        Ok(mut request) => (perform(shared, &hang_up, &mut request).await, Some(request)),
        Err(error) => (Outcome::refused(&error, None), None),
    };
    let files = request.as_ref().map(|r| r.uploads.iter().map(|upload| upload.filename.clone()).collect());
    if !outcome.hold.is_zero() {
        tokio::time::sleep(outcome.hold).await;
    }
    for hold in &outcome.holds {
        hold.released().await;
    }
    let body = if outcome.page {
        page(outcome.answer.status, &mut outcome.headers)
    } else {
        written(&mut outcome.answer, &mut outcome.headers)
    };
    let said = request.as_ref().map_or(Value::Null, Request::body);
    let query = request.and_then(|request| request.raw_query);
    let exchange = Exchange {
        at,
        took: started.elapsed(),
        method,
        path,
        route: outcome.route,
        query,
        request: Some(said).filter(|said| !said.is_null()),
        files: files.unwrap_or_default(),
        status: if outcome.performed { outcome.answer.status } else { 0 },
        response: outcome.answer.body,
        answered: !outcome.broken,
        foreign: outcome.foreign,
    };
    if outcome.route.is_some_and(is_page) {
        // What people do in a browser is no exchange of the bot's.
        shared.ring();
    } else if outcome.route.is_some_and(keeps_secrets) {
        shared.record(exchange.without_secrets(), outcome.shared_limit);
    } else {
        shared.record(exchange, outcome.shared_limit);
    }
    if outcome.broken {
        wire.cut();
    }
    let status = StatusCode::from_u16(outcome.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, outcome.headers, body).into_response()
}

/// What goes over the wire; the JSON itself goes into the log.
fn written(answer: &mut Answer, headers: &mut HeaderMap) -> Body {
    headers.extend(answer.headers.drain().filter_map(|(name, value)| Some((name?, value))));
    if let Some(page) = answer.page.take() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        return Body::from(page);
    }
    let Some(body) = &answer.body else { return Body::empty() };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Body::from(body.to_string())
}

/// What something before Discord's API writes.
fn page(status: u16, headers: &mut HeaderMap) -> Body {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    Body::from(format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body>Error {status}</body></html>\n"
    ))
}

/// The path without `/api/v10`.
fn api_path(path: &str) -> &str {
    let rest = path.strip_prefix("/api").unwrap_or(path);
    match rest.strip_prefix("/v").map(|versioned| versioned.split_once('/')) {
        Some(Some((version, _))) if version.chars().all(|c| c.is_ascii_digit()) => &rest[version.len() + 2..],
        _ => rest,
    }
}

async fn perform(shared: &Shared, hang_up: &(dyn Fn() + Sync), request: &mut Request) -> Outcome {
    let found = find(&request.method, &request.path);
    let pattern = match &found {
        Found::Route(route, _) => Some(route.pattern),
        Found::OtherMethod(pattern) => Some(*pattern),
        Found::Nothing => None,
    };
    let (mut hold, mut holds, mut broken) = (Duration::ZERO, Vec::new(), false);
    for effect in shared.faults.strike(&request.method, &request.path, &request.body()) {
        match effect {
            Effect::Delay(time) => tokio::time::sleep(time).await,
            Effect::Hold(hold) => hold.released().await,
            Effect::DelayAnswer(time) => hold += time,
            Effect::HoldAnswer(hold) => holds.push(hold),
            Effect::DropAnswer => broken = true,
            Effect::DropAnswerThen(time) => {
                broken = true;
                hang_up();
                tokio::time::sleep(time).await;
            }
            early => return struck(&early, pattern),
        }
    }
    let mut outcome = match found {
        Found::Route(route, params) => {
            request.params = params;
            call(shared, route, request)
        }
        Found::OtherMethod(_) => Outcome::refused(&ApiError::method_not_allowed(), pattern),
        Found::Nothing => {
            tracing::warn!(method = request.method, path = request.path, "no such route in the sandbox");
            Outcome::refused(&ApiError::not_found(), None)
        }
    };
    outcome.hold = hold;
    outcome.holds = holds;
    outcome.broken = broken;
    outcome
}

/// A fault that answers instead of the handler.
fn struck(effect: &Effect, pattern: Option<&'static str>) -> Outcome {
    match effect {
        Effect::Status(status) | Effect::Page(status) => {
            let mut outcome = Outcome::new(Answer::bare(*status), pattern);
            outcome.foreign = true;
            outcome.page = matches!(effect, Effect::Page(_));
            outcome
        }
        Effect::Refuse { status, code, message } => {
            Outcome::refused(&ApiError::new(*status, *code, message), pattern)
        }
        Effect::RefuseField { path, code, message } => {
            Outcome::refused(&ApiError::field(path, code, message), pattern)
        }
        Effect::RateLimited { scope, retry_after } => {
            limited(&Exceeded { scope: *scope, retry_after: *retry_after, standing: None }, pattern)
        }
        _ => {
            let mut outcome = Outcome::new(Answer::empty(), pattern);
            outcome.broken = true;
            outcome.performed = false;
            outcome
        }
    }
}

/// Whether this caller may use a route; notes the person for whom it is.
fn admit(world: &World, caller: Caller, request: &mut Request) -> bool {
    let token = |scheme| request.authorization.as_deref().and_then(|value| value.strip_prefix(scheme));
    let is_bot = token("Bot ") == Some(world.app.token.as_str());
    let bearer = token("Bearer ").and_then(|token| world.bearer(token)).cloned();
    let allows = |scope: Option<OAuthScope>| {
        let of = bearer.as_ref();
        of.is_some_and(|of| scope.is_none_or(|scope| of.scopes.contains(&scope)))
    };
    let admitted = match caller {
        Caller::Anyone | Caller::Browser => true,
        Caller::Bot => is_bot,
        Caller::Person(scope) => allows(scope),
        Caller::BotOrPerson(scope) => is_bot || allows(Some(scope)),
    };
    request.bearer = bearer;
    admitted
}

fn call(shared: &Shared, route: &'static Route, request: &mut Request) -> Outcome {
    let pattern = Some(route.pattern);
    if !shared.read(|world| admit(world, route.caller, request)) {
        return Outcome::refused(&ApiError::unauthorized(), pattern);
    }
    let draw = draw(shared, route, request);
    let standing = match lock(&shared.limiter).draw(&draw, Instant::now()) {
        Ok(standing) => standing,
        Err(exceeded) => return limited(&exceeded, pattern),
    };
    let answer = match shared.write(|world| (route.handler)(world, request)) {
        Ok(answer) => answer,
        Err(error) => Answer::json(error.status, error.body()),
    };
    let mut outcome = Outcome::new(answer, pattern);
    if let Some(standing) = standing {
        bucket_headers(&mut outcome.headers, &standing);
    }
    outcome
}

/// What this request draws on: its route and major parameters, and the channel a webhook posts to.
fn draw(shared: &Shared, route: &Route, request: &Request) -> Draw {
    let major: Vec<&str> = request
        .params
        .iter()
        .filter(|(name, _)| matches!(*name, "channel" | "guild" | "webhook" | "token"))
        .map(|(_, value)| value.as_str())
        .collect();
    let mut bucket = route.bucket;
    let mut webhook_channel = None;
    if request.path.starts_with("/webhooks/") {
        let hook = request.id("webhook").ok();
        let known = hook.and_then(|id| shared.read(|world| world.webhooks.get(&id).map(|hook| hook.channel)));
        match known {
            Some(channel) if bucket == Bucket::Webhook => webhook_channel = Some(channel.0),
            Some(_) => {}
            None if route.caller == Caller::Anyone => bucket = Bucket::Interaction,
            None => {}
        }
    }
    let mut key = format!("{} {}|{}", route.method, route.pattern, major.join("/"));
    if request.bearer.is_some() {
        // Seen at Discord (discord-api-docs#670): all people of one backend's address share a bucket.
        key.push_str(" for people");
    }
    let authorized = request.authorization.is_some() && request.bearer.is_none();
    Draw { bucket, key, webhook_channel, authorized }
}

fn limited(exceeded: &Exceeded, pattern: Option<&'static str>) -> Outcome {
    let seconds = exceeded.retry_after.as_secs_f64();
    let global = exceeded.scope == LimitScope::Global;
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": (seconds * 1000.0).ceil() / 1000.0,
        "global": global,
    });
    let mut outcome = Outcome::new(Answer::json(429, body), pattern);
    outcome.shared_limit = exceeded.scope == LimitScope::Shared;
    if let Some(standing) = &exceeded.standing {
        bucket_headers(&mut outcome.headers, standing);
    }
    // Rounded down on purpose: Discord's header can be smaller than its body.
    set(&mut outcome.headers, "retry-after", &(seconds.floor() as u64).to_string());
    set(&mut outcome.headers, "x-ratelimit-scope", exceeded.scope.name());
    if global {
        set(&mut outcome.headers, "x-ratelimit-global", "true");
    }
    outcome
}

fn bucket_headers(headers: &mut HeaderMap, standing: &Standing) {
    let reset_after = standing.reset_after.as_secs_f64();
    let reset = Utc::now().timestamp_millis() as f64 / 1000.0 + reset_after;
    set(headers, "x-ratelimit-limit", &standing.limit.to_string());
    set(headers, "x-ratelimit-remaining", &standing.remaining.to_string());
    set(headers, "x-ratelimit-reset", &format!("{reset:.3}"));
    set(headers, "x-ratelimit-reset-after", &format!("{reset_after:.3}"));
    set(headers, "x-ratelimit-bucket", &standing.bucket);
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The JSON of a list.
pub(super) fn list(items: impl IntoIterator<Item = Value>) -> Answer {
    Answer::ok(Value::Array(items.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_stripped() {
        assert_eq!(api_path("/api/v10/users/@me"), "/users/@me");
        assert_eq!(api_path("/api/v9/gateway"), "/gateway");
        assert_eq!(api_path("/api/webhooks/1/a"), "/webhooks/1/a");
    }
}
