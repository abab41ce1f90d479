//! Who may talk to the page: browsers that opened it under a loopback name, and, for everything except
//! reading, only the page itself.
//!
//! Other pages in the same browser can send requests to this machine, too. With a name that they point at
//! 127.0.0.1, they can even read the answers. The Host header reveals that name, the Origin header reveals
//! the page.

use axum::extract::Request;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Only the page's own scripts, styles and connections. Pictures in embeds may come from elsewhere, over
/// HTTPS.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: https:; media-src 'self' blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Accepts a request if it was sent to a loopback name, and adds the rules for the browser.
pub(super) async fn loopback(request: Request, next: Next) -> Response {
    if !host(request.headers()).is_some_and(is_loopback) {
        return refused("This page is served to this machine only: open it as 127.0.0.1 or localhost.");
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // Files have a stricter policy.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Accepts a request if the page itself sent it.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let own = host(headers).map(|host| format!("http://{host}"));
    if own.is_none() || origin != own.as_deref() {
        return refused("Only the page itself may do this.");
    }
    next.run(request).await
}

fn refused(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, why).into_response()
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_let_in() {
        for host in ["127.0.0.1:4000", "localhost:4000", "localhost", "[::1]:80", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["evil.example:4000", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1:80"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
