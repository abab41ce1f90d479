//! What every request must keep to, and what every answer tells browsers.

use rstest::rstest;
use serde_json::json;

use super::{Site, path};
use crate::harness::{Bot, World};

/// The four ways in which another site, or an old browser, may send what only our pages may.
#[tokio::test]
async fn only_our_own_pages_change_something_with_a_cookie() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let evil = "https://evil.example";
    for (headers, lets_in) in [
        (&[][..], false),
        (&[("origin", evil)], false),
        (&[("origin", "null")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site"), ("origin", site.url.as_str())], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("origin", site.url.as_str())], true),
        (&[("sec-fetch-site", "same-origin")], true),
    ] {
        let body = json!({ "name": "x", "scopes": ["servers:read"] });
        let mut request = browser.request("POST", "/api/v1/me/tokens").json(&body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = browser.send(request).await;
        if lets_in {
            assert_eq!(answer.status, 201, "{headers:?}");
        } else {
            assert_eq!(answer.problem(), (403, "cross_site".to_owned()), "{headers:?}");
        }
    }
    assert_eq!(site.rows("api_tokens").await, "2");
}

#[tokio::test]
async fn another_host_is_not_ours() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let port = site.url.rsplit_once(':').unwrap().1;
    for host in ["evil.example".to_owned(), format!("evil.example:{port}"), format!("localhost:{port}")] {
        let answer = browser.send(browser.request("GET", "/api/v1/me").header("host", &host)).await;
        assert_eq!(answer.problem(), (421, "wrong_host".to_owned()), "{host}");
        assert!(answer.text.contains(&site.url), "it says where we are: {}", answer.text);
        let page = browser.send(browser.request("GET", "/").header("host", &host)).await;
        assert!(page.status == 421 && !page.text.contains("Harbour"), "{}", page.text);
    }
}

/// Behind a proxy: the name that people know, and cookies for encrypted connections only.
#[tokio::test]
async fn with_https_the_cookie_is_kept_to_it() {
    let site = Site::with(&[("PUBLIC_URL", "https://bot.example.org")]).await;
    let link = site.link().await;
    assert!(link.starts_with("https://bot.example.org/auth/link/"), "{link}");
    let browser = site.browser();
    let request = browser.request("POST", &path(&link)).header("host", "bot.example.org");
    let done = browser.send(request.header("origin", "https://bot.example.org").form(&[("next", "/")])).await;
    let cookie = done.header("set-cookie");
    assert!(cookie.starts_with("__Host-tributary=") && cookie.contains("Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(done.header("strict-transport-security"), "max-age=31536000");
    let me = browser.send(browser.request("GET", "/api/v1/me").header("host", "bot.example.org:443")).await;
    assert_eq!(me.status, 200, "{}", me.text);
    assert_eq!(browser.get("/").await.status, 421, "the listener's own name is another");
}

#[rstest]
#[case("POST", "/", 405, "GET,HEAD")]
#[case("PUT", "/api/v1/me", 405, "GET,HEAD,DELETE")]
#[case("GET", "/auth/logout", 405, "POST")]
#[case("PATCH", "/api/v1/me/tokens", 405, "GET,HEAD,POST")]
#[case("GET", "/nothing", 404, "")]
#[case("GET", "/api/v1/nothing", 404, "")]
#[case("GET", "/api/v1/", 404, "")]
#[case("DELETE", "/api/v1/me/tokens/0", 400, "")]
#[case("DELETE", "/api/v1/me/tokens/-1", 400, "")]
#[case("DELETE", "/api/v1/me/tokens/99999999999999999999", 400, "")]
#[case("DELETE", "/api/v1/me/tokens/%00", 400, "")]
#[tokio::test]
async fn what_is_not_there_is_said(
    #[case] method: &str,
    #[case] path: &str,
    #[case] status: u16,
    #[case] allow: &str,
) {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let answer = browser.send(browser.request(method, path).header("origin", &site.url)).await;
    assert_eq!((answer.status, answer.header("allow")), (status, allow), "{}", answer.text);
    if path.starts_with("/api/v1") {
        answer.problem();
    } else {
        assert!(answer.text.contains("</html>"), "{}", answer.text);
    }
}

#[tokio::test]
async fn bodies_and_addresses_have_limits() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let post = |path: &str| browser.request("POST", path).header("origin", &site.url);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(64 * 1024));
    let json = "application/json";
    let tokens = "/api/v1/me/tokens";
    for (request, status, code) in [
        (post(tokens).header("content-type", json).body(large), 413, "body_too_large"),
        (post(tokens).form(&[("name", "x")]), 415, "unsupported_media_type"),
        (post(tokens).header("content-type", "text/plain").body("{}"), 415, "unsupported_media_type"),
        (post(tokens).body("{}"), 415, "unsupported_media_type"),
        (post(tokens).header("content-type", json).body("{"), 400, "invalid_body"),
        (post(tokens).header("content-type", json).body("{} {}"), 400, "invalid_body"),
        (post(tokens).header("content-type", json).body(vec![0xff, 0xfe]), 400, "invalid_body"),
        (browser.request("GET", &format!("/api/v1/me?{}", "x".repeat(4096))), 414, "uri_too_long"),
    ] {
        assert_eq!(browser.send(request).await.problem(), (status, code.to_owned()));
    }
    let form = post("/settings/tokens").json(&json!({ "name": "x" }));
    assert_eq!(browser.send(form).await.status, 415);
    let large = post("/settings/tokens").form(&[("name", "x".repeat(64 * 1024))]);
    assert_eq!(browser.send(large).await.status, 413);
    let charset = post(tokens).header("content-type", "application/json; charset=utf-8");
    let fine = charset.body("{\"name\": \"x\", \"scopes\": [\"servers:read\"]}");
    assert_eq!(browser.send(fine).await.status, 201);
}

#[tokio::test]
async fn a_request_has_one_id_everywhere() {
    let mut site = Site::with(&[("RUST_LOG", "info,tributary=debug")]).await;
    let browser = site.browser();
    let given =
        browser.send(browser.request("GET", "/api/v1/me").header("x-request-id", "from-the-proxy")).await;
    assert_eq!((given.problem().0, given.header("x-request-id")), (401, "from-the-proxy"));
    let line = site.bot.logged("from-the-proxy").await;
    assert!(line.contains("/api/v1/me") && line.contains("401"), "{line}");
    let odd = browser.send(browser.request("GET", "/api/v1/me").header("x-request-id", "two words")).await;
    assert_eq!(odd.header("x-request-id").len(), 16);
}

/// What the bot can't do is said without its cause, and logged once with it.
#[tokio::test]
async fn a_failing_database_is_a_problem_that_passes() {
    let mut site = Site::new().await;
    let browser = site.signed_in().await;
    site.world.database.execute("ALTER TABLE web_sessions RENAME TO elsewhere").await;
    let failed = browser.get("/api/v1/me").await;
    assert_eq!(failed.problem(), (503, "database_unavailable".to_owned()));
    assert_eq!(failed.header("retry-after"), "60");
    assert!(!failed.text.contains("web_sessions"), "{}", failed.text);
    let line = site.bot.logged("a request failed in the database").await;
    assert!(line.contains(failed.header("x-request-id")), "{line}");
    site.world.database.execute("ALTER TABLE elsewhere RENAME TO web_sessions").await;
    assert_eq!(browser.get("/api/v1/me").await.status, 200);
}

#[tokio::test]
async fn operators_see_the_requests_in_the_metrics() {
    let mut site = Site::new().await;
    let browser = site.signed_in().await;
    browser.get("/api/v1/me").await;
    let metrics = site.bot.page("/metrics").await.1;
    for part in [
        "tributary_http_requests_total{route=\"/api/v1/me\",status=\"200\"} 1",
        "tributary_http_requests_total{route=\"/auth/link/{link}\",status=\"303\"} 1",
        "tributary_sign_ins_total{kind=\"link\",outcome=\"done\"} 1",
        "tributary_http_request_seconds_count",
    ] {
        assert!(metrics.contains(part), "{part} in {metrics}");
    }
}

/// Health and metrics aren't served where everybody comes, nor the pages where operators look.
#[tokio::test]
async fn the_two_listeners_serve_different_things() {
    let mut site = Site::new().await;
    let browser = site.browser();
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    for path in ["/", "/api/v1/me", "/docs"] {
        assert_eq!(site.bot.page(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let world = World::new().await.with_settings(&[("WEB_ADDR", &address)]);
    let mut bot: Bot = world.spawn();
    assert_eq!(bot.ended().await.code(), Some(1));
    let log = bot.log();
    assert!(log.contains("error: WEB_ADDR can't be listened on") && log.contains(&address), "{log}");
}
