//! One REST exchange, as it is logged and shown to the observer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What stands in the place of a secret.
const VEIL: &str = "[secret]";

/// Fields of OAuth2 that are secrets.
const SECRETS: [&str; 6] =
    ["access_token", "client_secret", "code", "code_verifier", "refresh_token", "token"];

/// A request and what it was answered with. Tokens of webhooks and interactions are as they came. The
/// Authorization header isn't kept, and what is secret in requests for OAuth2 tokens and in their answers
/// stands as `[secret]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// When the request had arrived.
    pub at: DateTime<Utc>,
    /// How long the answer took.
    pub took: Duration,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path without `/api/v10`.
    pub path: String,
    /// The pattern of the route that took it, such as `/channels/{channel}/messages`; `None` when there is
    /// none.
    pub route: Option<&'static str>,
    /// The query, undecoded.
    pub query: Option<String>,
    /// The JSON of the request; for multipart, its `payload_json`.
    pub request: Option<Value>,
    /// The names of the files that came with it.
    pub files: Vec<String>,
    /// The status that was answered; 0 when a fault dropped the request before it was performed.
    pub status: u16,
    /// The JSON of the answer.
    pub response: Option<Value>,
    /// Whether the answer reached the client, as far as the sandbox knows: false after a dropped answer.
    pub answered: bool,
    /// Something else than Discord answered, as a fault wanted it: this says nothing of its API.
    pub foreign: bool,
}

impl Exchange {
    /// The same without what is secret in OAuth2. A query may hold anything there, so it goes altogether.
    pub(crate) fn without_secrets(mut self) -> Self {
        for body in [&mut self.request, &mut self.response].into_iter().flatten() {
            for name in SECRETS {
                if let Some(secret) = body.get_mut(name) {
                    *secret = VEIL.into();
                }
            }
        }
        self.query = self.query.map(|_| VEIL.to_owned());
        self
    }
}
