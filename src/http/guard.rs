//! What every request must keep to, whatever its route, and what every answer tells browsers.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use crate::domain::public_url::PublicUrl;
use crate::metrics as names;

use super::problem::{Problem, ProblemCode};
use super::web::WebState;
use super::{cookie, problem};

/// How long one request may take, its body included.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest path with its query, in bytes.
const LONGEST_URI: usize = 4 * 1024;
/// The longest request id that is taken over from a proxy.
const LONGEST_ID: usize = 64;

/// Nothing inline, and nothing from elsewhere but pictures that people posted, from Discord's file host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https://cdn.discordapp.com; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A year.
const HSTS: &str = "max-age=31536000";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Names one request in its answer and in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The id that a proxy gave, if it is a plain one, or a random one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let is_plain = |id: &&str| {
            (1..=LONGEST_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let random = || format!("{:016x}", rand::random::<u64>());
        Self(given.filter(is_plain).map_or_else(random, ToOwned::to_owned))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The outermost layer: names the request, limits its time, turns everything that went wrong into a problem,
/// and adds the headers that every answer has. Paths and queries can hold secrets, so only the route's
/// template is logged and counted.
pub(super) async fn frame(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let form = problem::AnswerForm::of(request.uri().path());
    // Where to come back to from signing in.
    let page = if request.method() == Method::GET { request.uri().path() } else { "/" }.to_owned();
    let span = tracing::info_span!("request", request_id = %id, method = %request.method(), route);
    let answer = async {
        let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(LONGEST, answering).await {
            Ok(Ok(response)) => response,
            // Where it happened is logged by the panic itself.
            Ok(Err(_)) => Problem::new(ProblemCode::Internal).into_response(),
            Err(_) => {
                tracing::warn!("a request took too long");
                Problem::new(ProblemCode::TimedOut).into_response()
            }
        }
    };
    let answer = answer.instrument(span.clone()).await;
    let mut answer = problem::render(answer, (form, &page), &id, &state);
    add_headers(answer.headers_mut(), &state.url, &id, form);
    let (took, status) = (started.elapsed(), answer.status().as_u16());
    span.in_scope(|| tracing::debug!(status, took_ms = took.as_millis(), "answered"));
    metrics::counter!(names::HTTP_REQUESTS, "route" => route, "status" => status.to_string()).increment(1);
    metrics::histogram!(names::HTTP_SECONDS).record(took.as_secs_f64());
    answer
}

/// Lets a request in, or says what is wrong with it, before anything is asked of the database.
pub(super) async fn admit(
    State(state): State<WebState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (uri, headers) = (request.uri(), request.headers());
    if uri.path_and_query().is_some_and(|path| path.as_str().len() > LONGEST_URI) {
        return Err(Problem::new(ProblemCode::UriTooLong));
    }
    if !is_meant(uri, headers, &state.url) {
        return Err(Problem::new(ProblemCode::WrongHost).with_detail(format!("Use {}", state.url)));
    }
    if !is_safe(request.method())
        && needs_origin(uri, headers, &state.url)
        && !is_same_origin(headers, &state.url)
    {
        return Err(Problem::new(ProblemCode::CrossSite));
    }
    if !uri.path().starts_with("/assets/") {
        state.services()?;
    }
    Ok(next.run(request).await)
}

/// Whether the request was sent to our own name. Otherwise, a name that somebody points at this machine would
/// make their page one of ours.
fn is_meant(uri: &Uri, headers: &HeaderMap, url: &PublicUrl) -> bool {
    let mut hosts = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let host = hosts.next().unwrap_or_default();
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    hosts.next().is_none() && url.is_host(host) && url.is_host(authority)
}

/// Methods that change nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser could have been led to send this request. A token in `Authorization` is never added by
/// a browser; and where one is given, the cookie doesn't count.
fn needs_origin(uri: &Uri, headers: &HeaderMap, url: &PublicUrl) -> bool {
    if !problem::AnswerForm::of(uri.path()).is_api() {
        return true;
    }
    !headers.contains_key(AUTHORIZATION) && cookie::is_given(headers, url)
}

/// Whether one of our own pages sent the request. Browsers say so in `Sec-Fetch-Site`, older ones in
/// `Origin`.
fn is_same_origin(headers: &HeaderMap, url: &PublicUrl) -> bool {
    match headers.get(FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(ORIGIN).is_some_and(|origin| *origin == *url.origin()),
    }
}

fn add_headers(headers: &mut HeaderMap, url: &PublicUrl, id: &RequestId, form: problem::AnswerForm) {
    // Not `no-referrer` for pages: with that, browsers send no `Origin` to ourselves either. But secret
    // addresses are told nobody.
    let referrer = if form.is_secret() { "no-referrer" } else { "same-origin" };
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, referrer),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
        (ROBOTS, "noindex"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if url.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    // What depends on who asks must not be kept by anybody; the few others say so themselves.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_our_own_pages_are_same_origin() {
        let url = PublicUrl::new(true, "bot.example.org", None);
        for (given, same) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://bot.example.org")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://bot.example.org")], true),
            (&[("origin", "http://bot.example.org")], false),
            (&[("origin", "https://bot.example.org.evil.example")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ] {
            assert_eq!(is_same_origin(&headers(given), &url), same, "{given:?}");
        }
    }

    #[test]
    fn plain_request_ids_are_taken_over() {
        let id = |given| RequestId::of(&headers(&[("x-request-id", given)])).0;
        assert_eq!(id("a-1_b.C"), "a-1_b.C");
        for odd in ["", "a b", "a\tb", "<script>"] {
            assert_eq!(id(odd).len(), 16, "{odd}");
            assert_ne!(id(odd), id(odd));
        }
    }
}
