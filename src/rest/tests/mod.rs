//! The client against a small server on loopback, which answers as Discord would.

mod calls;
mod failures;
mod files;
mod guard;
mod limits;
mod oauth;
mod secrets;
mod uploads;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};

const BOT_TOKEN: &str = "MTIz.bot-token-s3cret";
const HOOK_TOKEN: &str = "hook-token-s3cret";

impl Rest {
    /// A client whose calls are caused by nobody in particular.
    fn new(config: RestConfig) -> Result<Self, RestSetupError> {
        Ok(Client::new(config)?.of_program())
    }

    fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn guarded(self, guard: Arc<dyn RequestGuard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    fn fuse(&self) -> FuseState {
        self.shared.limits.fuse()
    }
}

/// A request as the server got it.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Value,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// An answer.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }

    fn error(status: u16, code: u32) -> Self {
        Self::json(status, json!({"code": code, "message": "Discord's words"}))
    }

    fn message(channel: u64) -> Self {
        Self::json(200, json!({"id": "77", "channel_id": channel.to_string(), "author": {"id": "5"}}))
    }

    fn limited(scope: &'static str, header: &str, body: f64) -> Self {
        let body = json!({"message": "You are being rate limited.", "retry_after": body, "global": scope == "global"});
        Self::json(429, body).header("x-ratelimit-scope", scope).header("retry-after", header)
    }

    fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn bucket(self, name: &str, limit: u32, remaining: u32, reset_after: f64) -> Self {
        self.header("x-ratelimit-bucket", name)
            .header("x-ratelimit-limit", limit)
            .header("x-ratelimit-remaining", remaining)
            .header("x-ratelimit-reset-after", reset_after)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let header = |(name, value): (&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap())
        };
        let headers: HeaderMap = self.headers.into_iter().map(header).collect();
        (StatusCode::from_u16(self.status).unwrap(), headers, self.body).into_response()
    }
}

/// A server that answers by a script, and remembers what it was asked.
struct Fake {
    config: RestConfig,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// The script is told how many requests came before, and the request.
    async fn start(script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, script) = (Arc::clone(&seen), Arc::new(script));
        let router = Router::new().fallback(move |request: Request| {
            let (log, script) = (Arc::clone(&log), Arc::clone(&script));
            async move {
                let (parts, body) = request.into_parts();
                let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let seen = Seen {
                    method: parts.method.to_string(),
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: serde_json::from_slice(&body).unwrap_or(Value::Null),
                };
                let before = {
                    let mut log = log.lock().unwrap();
                    log.push(seen.clone());
                    log.len() - 1
                };
                script(before, &seen)
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { config, seen }
    }

    fn rest(&self) -> Rest {
        Rest::new(self.config.clone()).unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn config(address: std::net::SocketAddr) -> RestConfig {
    let base = Url::parse(&format!("http://{address}")).unwrap();
    RestConfig::new(base, SecretString::from(BOT_TOKEN), user_agent("https://example.org/tributary"))
}

fn channel(id: u64) -> ChannelId {
    ChannelId::new(id).unwrap()
}

fn guild(id: u64) -> GuildId {
    GuildId::new(id).unwrap()
}

fn message(id: u64) -> MessageId {
    MessageId::new(id).unwrap()
}

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn webhook(id: u64) -> WebhookId {
    WebhookId::new(id).unwrap()
}

/// Sends "hi" through webhook 5, meant for channel 9.
async fn send(rest: &Rest) -> SendOutcome {
    let token = SecretString::from(HOOK_TOKEN);
    let access = WebhookAccess { id: webhook(5), token: &token };
    rest.create_webhook_message(access, Destination::Channel(channel(9)), &json!({"content": "hi"})).await
}

/// Edits message 77 of webhook 5.
async fn edit(rest: &Rest) -> ChangeOutcome {
    let token = SecretString::from(HOOK_TOKEN);
    let access = WebhookAccess { id: webhook(5), token: &token };
    let mirror = WebhookMessage { id: message(77), thread: None };
    rest.edit_webhook_message(access, mirror, &json!({"content": "hi", "allowed_mentions": {"parse": []}}))
        .await
}
