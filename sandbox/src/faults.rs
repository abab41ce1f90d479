//! Faults on demand: what a test makes go wrong between the bot and Discord.
//!
//! A [`Fault`] waits for requests that match its method and path, and strikes a given number of times. Paths
//! are written without `/api/v10`; a segment `{anything}` or `*` matches one segment, a final `**` matches
//! the rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::lock::lock;

/// Whose limit a forged 429 says was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// This bot's, on this route.
    User,
    /// This bot's, on all routes.
    Global,
    /// Everyone's, on this resource.
    Shared,
}

impl LimitScope {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Global => "global",
            Self::Shared => "shared",
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The request is held back before it is performed.
    Delay(Duration),
    /// The request is held back before it is performed, until somebody releases it.
    Hold(Hold),
    /// The request is performed immediately, but its answer is held back.
    DelayAnswer(Duration),
    /// The request is performed immediately, but its answer is held back until somebody releases it.
    HoldAnswer(Hold),
    /// Not performed; answered with this status and no JSON (as a proxy in between would).
    Status(u16),
    /// Not performed; answered with this status and an HTML page, as Discord's edge, a proxy or a captive
    /// portal does.
    Page(u16),
    /// Not performed; answered with a 429.
    RateLimited {
        /// Whose limit.
        scope: LimitScope,
        /// The body's `retry_after`, also sent as a header, rounded *down* as seen in the wild.
        retry_after: Duration,
    },
    /// Not performed; refused with this status, code and message.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Discord's JSON error code.
        code: u32,
        /// Discord's words.
        message: String,
    },
    /// Not performed; refused as Discord refuses one field of a request's body (400, code 50035).
    RefuseField {
        /// The path of the field, with dots.
        path: String,
        /// Discord's code for what is wrong with it.
        code: String,
        /// Discord's words about it, which may quote the value.
        message: String,
    },
    /// Not performed, and the connection breaks.
    DropRequest,
    /// Performed, and the connection breaks before the answer.
    DropAnswer,
    /// The connection breaks immediately, and the request is performed only after this time.
    DropAnswerThen(Duration),
}

/// Holds back requests or answers, however long the things take that should happen meanwhile, so that nothing
/// depends on the machine's speed. Clones share one hold.
#[derive(Clone, Debug)]
pub struct Hold(Arc<watch::Sender<bool>>);

impl Hold {
    /// A new one, which holds.
    #[expect(clippy::new_without_default, reason = "it is told apart by being made")]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }

    /// Releases everything that it holds or would hold.
    pub fn release(&self) {
        self.0.send_replace(false);
    }

    pub(crate) async fn released(&self) {
        // The sender is here, so it can't be gone.
        let _ = self.0.subscribe().wait_for(|holds| !holds).await;
    }
}

/// A fault: which requests, what goes wrong, how often. Strikes once unless told otherwise.
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<String>,
    pub(crate) pattern: String,
    pub(crate) effect: Effect,
    saying: Option<String>,
    skip: u64,
    /// How many more times it will strike; `u64::MAX` for forever.
    pub(crate) left: u64,
}

impl Fault {
    /// A fault for requests with this method (`"*"` for any) and path pattern.
    pub fn on(method: &str, pattern: &str, effect: Effect) -> Self {
        let method = (method != "*").then(|| method.to_ascii_uppercase());
        Self { method, pattern: pattern.to_owned(), effect, saying: None, skip: 0, left: 1 }
    }

    /// Strikes only requests whose body contains this.
    pub fn saying(mut self, text: &str) -> Self {
        self.saying = Some(text.to_owned());
        self
    }

    /// Strikes this often.
    pub fn times(mut self, times: u64) -> Self {
        self.left = times;
        self
    }

    /// Strikes until it is cleared.
    pub fn forever(self) -> Self {
        self.times(u64::MAX)
    }

    /// Lets this many matching requests pass first.
    pub fn after(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    fn matches(&self, method: &str, path: &str, body: &Value) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && path_matches(&self.pattern, path)
            && self.saying.as_deref().is_none_or(|text| says(body, text))
    }
}

/// Whether this text occurs anywhere in a body.
fn says(body: &Value, text: &str) -> bool {
    match body {
        Value::String(said) => said.contains(text),
        Value::Array(values) => values.iter().any(|value| says(value, text)),
        Value::Object(fields) => fields.values().any(|value| says(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a path matches a pattern (as the module's documentation describes).
pub(crate) fn path_matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.trim_matches('/').split('/');
    let mut given = path.trim_matches('/').split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("**"), _) => return true,
            (Some(pattern), Some(segment)) => {
                let wild = pattern == "*" || (pattern.starts_with('{') && pattern.ends_with('}'));
                if !wild && pattern != segment {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Identifies a planted fault, to see how often it struck and to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(pub(crate) u64);

#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: AtomicU64,
    planted: Mutex<Vec<Planted>>,
}

#[derive(Debug)]
struct Planted {
    id: FaultId,
    fault: Fault,
    hits: u64,
}

impl Faults {
    pub(crate) fn plant(&self, fault: Fault) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed));
        lock(&self.planted).push(Planted { id, fault, hits: 0 });
        id
    }

    pub(crate) fn clear(&self) {
        lock(&self.planted).clear();
    }

    pub(crate) fn remove(&self, id: FaultId) {
        lock(&self.planted).retain(|planted| planted.id != id);
    }

    pub(crate) fn hits(&self, id: FaultId) -> u64 {
        lock(&self.planted).iter().find(|planted| planted.id == id).map_or(0, |planted| planted.hits)
    }

    /// The faults that will strike again, and how often each has.
    pub(crate) fn planted(&self) -> Vec<(FaultId, Fault, u64)> {
        let planted = lock(&self.planted);
        let left = planted.iter().filter(|planted| planted.fault.left > 0);
        left.map(|planted| (planted.id, planted.fault.clone(), planted.hits)).collect()
    }

    /// All faults that strike this request.
    pub(crate) fn strike(&self, method: &str, path: &str, body: &Value) -> Vec<Effect> {
        let mut planted = lock(&self.planted);
        let mut effects = Vec::new();
        for entry in planted.iter_mut() {
            if entry.fault.left == 0 || !entry.fault.matches(method, path, body) {
                continue;
            }
            if entry.fault.skip > 0 {
                entry.fault.skip -= 1;
                continue;
            }
            entry.fault.left = entry.fault.left.saturating_sub(u64::from(entry.fault.left != u64::MAX));
            entry.hits += 1;
            effects.push(entry.fault.effect.clone());
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_segments() {
        assert!(path_matches("/webhooks/*/{token}", "/webhooks/1/abc"));
        assert!(!path_matches("/webhooks/*", "/webhooks/1/abc"));
        assert!(path_matches("/webhooks/**", "/webhooks/1/abc"));
        assert!(!path_matches("/webhooks/2/*", "/webhooks/1/abc"));
    }

    #[test]
    fn a_fault_strikes_what_says_something() {
        let faults = Faults::default();
        faults.plant(Fault::on("POST", "/a", Effect::Status(500)).saying("bad").forever());
        let strikes = |body: Value| !faults.strike("POST", "/a", &body).is_empty();
        assert!(strikes(serde_json::json!({"embeds": [{"title": "a bad one"}]})));
        assert!(!strikes(serde_json::json!({"content": "good"})) && !strikes(Value::Null));
    }

    #[test]
    fn a_fault_passes_some_and_strikes_some() {
        let faults = Faults::default();
        let id = faults.plant(Fault::on("POST", "/a", Effect::Status(500)).after(1).times(2));
        let struck: Vec<bool> =
            (0..5).map(|_| !faults.strike("POST", "/a", &Value::Null).is_empty()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert_eq!(faults.hits(id), 2);
        assert!(faults.strike("GET", "/a", &Value::Null).is_empty());
    }
}
