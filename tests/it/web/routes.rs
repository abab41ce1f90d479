//! All routes in one table: who may use which, and what each answer tells browsers.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{Answer, Site, Visitor};
use crate::harness::Backend;

/// A route, and what it answers to a guest, to a person, to a program with every scope, and to a person's
/// browser that was led there by another site.
struct Row(&'static str, &'static str, u16, u16, u16, u16);

/// Numbers in paths are those of nobody's rows.
const ROUTES: &[Row] = &[
    Row("GET", "/", 200, 200, 200, 200),
    Row("GET", "/docs", 200, 200, 200, 200),
    Row("GET", "/api/problems/{code}", 404, 404, 404, 404),
    Row("GET", "/assets/{hash}/{name}", 404, 404, 404, 404),
    Row("GET", "/auth/link/{link}", 410, 410, 410, 410),
    Row("POST", "/auth/link/{link}", 410, 410, 410, 403),
    Row("GET", "/auth/login", 303, 303, 303, 303),
    Row("GET", "/auth/callback", 400, 400, 400, 400),
    Row("POST", "/auth/logout", 303, 303, 303, 403),
    Row("GET", "/feed", 401, 200, 403, 200),
    Row("POST", "/feed/read", 401, 400, 403, 403),
    Row("POST", "/feed/follow", 401, 400, 403, 403),
    Row("GET", "/feed/following", 401, 200, 403, 200),
    Row("POST", "/feed/follows/{id}/mute", 401, 400, 403, 403),
    Row("POST", "/feed/follows/{id}/unfollow", 401, 404, 403, 403),
    Row("GET", "/feed/addresses", 401, 200, 403, 200),
    Row("POST", "/feed/addresses", 401, 400, 403, 403),
    Row("POST", "/feed/addresses/{id}/revoke", 401, 404, 403, 403),
    Row("GET", "/feeds/{file}", 404, 404, 404, 404),
    Row("GET", "/settings/tokens", 401, 200, 403, 200),
    Row("POST", "/settings/tokens", 401, 400, 403, 403),
    Row("POST", "/settings/tokens/{id}/revoke", 401, 404, 403, 403),
    Row("GET", "/settings/sessions", 401, 200, 403, 200),
    Row("POST", "/settings/sessions/{id}/end", 401, 404, 403, 403),
    Row("POST", "/settings/sessions/end", 401, 303, 403, 403),
    Row("GET", "/api/v1/openapi.json", 200, 200, 200, 200),
    Row("GET", "/api/v1/me", 401, 200, 200, 200),
    Row("DELETE", "/api/v1/me", 401, 400, 403, 403),
    Row("GET", "/api/v1/me/export", 401, 200, 403, 200),
    Row("GET", "/api/v1/me/tokens", 401, 200, 403, 200),
    Row("POST", "/api/v1/me/tokens", 401, 400, 403, 403),
    Row("GET", "/api/v1/me/tokens/{id}", 401, 404, 403, 404),
    Row("DELETE", "/api/v1/me/tokens/{id}", 401, 404, 403, 403),
    Row("GET", "/api/v1/me/audit", 401, 200, 403, 200),
    Row("GET", "/api/v1/me/sessions", 401, 200, 403, 200),
    Row("DELETE", "/api/v1/me/sessions/{id}", 401, 404, 403, 403),
    Row("DELETE", "/api/v1/me/sessions", 401, 204, 403, 403),
    Row("GET", "/api/v1/users", 401, 400, 400, 400),
    Row("GET", "/api/v1/users/{userId}", 404, 404, 404, 404),
    Row("POST", "/api/v1/users/{userId}/follow", 401, 404, 404, 403),
    Row("POST", "/api/v1/users/{userId}/unfollow", 401, 404, 404, 403),
    Row("GET", "/api/v1/users/{userId}/followers", 404, 404, 404, 404),
    Row("GET", "/api/v1/users/{userId}/followers/count", 404, 404, 404, 404),
    Row("GET", "/api/v1/users/{userId}/following", 404, 404, 404, 404),
    Row("GET", "/api/v1/users/{userId}/following/count", 404, 404, 404, 404),
    Row("GET", "/api/v1/me/followers", 401, 200, 200, 200),
    Row("DELETE", "/api/v1/me/followers/{userId}", 401, 404, 404, 403),
    Row("GET", "/api/v1/me/blocks", 401, 200, 200, 200),
    Row("DELETE", "/api/v1/me/blocks/{userId}", 401, 204, 204, 403),
    Row("GET", "/api/v1/me/follow-requests", 401, 200, 200, 200),
    Row("POST", "/api/v1/me/follow-requests/{userId}/accept", 401, 404, 404, 403),
    Row("POST", "/api/v1/me/follow-requests/{userId}/decline", 401, 404, 404, 403),
    Row("GET", "/api/v1/me/following", 401, 200, 200, 200),
    Row("GET", "/api/v1/me/follows", 401, 200, 200, 200),
    Row("POST", "/api/v1/me/follows", 401, 400, 400, 403),
    Row("GET", "/api/v1/me/follows/{id}", 401, 404, 404, 404),
    Row("PATCH", "/api/v1/me/follows/{id}", 401, 404, 404, 403),
    Row("DELETE", "/api/v1/me/follows/{id}", 401, 404, 404, 403),
    Row("GET", "/api/v1/me/privacy", 401, 200, 200, 200),
    Row("PATCH", "/api/v1/me/privacy", 401, 200, 200, 403),
    Row("GET", "/api/v1/me/feed", 401, 200, 200, 200),
    Row("GET", "/api/v1/me/feed/unread", 401, 200, 200, 200),
    Row("POST", "/api/v1/me/feed/read", 401, 400, 400, 403),
    Row("GET", "/api/v1/me/feeds", 401, 200, 403, 200),
    Row("POST", "/api/v1/me/feeds", 401, 400, 403, 403),
    Row("DELETE", "/api/v1/me/feeds/{id}", 401, 404, 403, 403),
    Row("GET", "/api/v1/me/digest", 401, 404, 404, 404),
    Row("PUT", "/api/v1/me/digest", 401, 400, 400, 403),
    Row("DELETE", "/api/v1/me/digest", 401, 204, 204, 403),
    Row("POST", "/api/v1/follows/user", 401, 400, 400, 403),
    Row("GET", "/api/v1/follows/user/{userId}", 401, 404, 404, 404),
    Row("DELETE", "/api/v1/follows/user/{userId}", 401, 404, 404, 403),
    Row("POST", "/api/v1/follows/tag", 401, 400, 400, 403),
    Row("DELETE", "/api/v1/follows/tag/{userId}/{tagId}", 401, 404, 404, 403),
    Row("GET", "/api/v1/servers", 401, 200, 200, 200),
    Row("GET", "/api/v1/panel-kinds", 401, 200, 200, 200),
    Row("GET", "/api/v1/operator/health", 404, 404, 404, 404),
    Row("GET", "/api/v1/operator/lanes", 404, 404, 404, 404),
    Row("GET", "/api/v1/operator/limits", 404, 404, 404, 404),
    Row("GET", "/api/v1/operator/processes", 404, 404, 404, 404),
    Row("GET", "/api/v1/operator/servers", 404, 404, 404, 404),
];

/// Scopes of the token in the table.
const ALL: &[&str] = &[
    "follows:read",
    "follows:write",
    "feed:read",
    "servers:read",
    "servers:write",
    "panels:write",
    "operator:read",
];

fn concrete(path: &str) -> String {
    let path = path.replace("{id}", "999999").replace("{link}", &"A".repeat(43));
    let path = path.replace("{userId}", "999999").replace("{tagId}", "none");
    path.replace("{file}", "none").replace("{code}", "none").replace("{hash}", "0").replace("{name}", "none")
}

/// Sends a request with the right kind of body.
async fn ask(browser: &Visitor, row: &Row, headers: &[(&str, &str)]) -> Answer {
    let mut request = browser.request(row.0, &concrete(row.1));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request = match (row.0, row.1.starts_with("/api/v1")) {
        ("POST" | "PATCH" | "PUT", true) => request.json(&serde_json::json!({})),
        ("POST", false) => request.form(&[("next", "/")]),
        _ => request,
    };
    browser.send(request).await
}

#[tokio::test]
async fn everybody_gets_only_what_is_theirs() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let own = [("sec-fetch-site", "same-origin")];
    let mut browser = site.signed_in().await;
    for row in ROUTES {
        let &Row(method, path, guest, person, token, led) = row;
        assert_eq!(ask(&site.browser(), row, &own).await.status, guest, "a guest: {method} {path}");
        if browser.get("/api/v1/me").await.status != 200 {
            browser = site.signed_in().await;
        }
        let bearer = format!("Bearer {}", site.token(&browser, ALL).await);
        let cross = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        assert_eq!(ask(&browser, row, &cross).await.status, led, "led by another site: {method} {path}");
        let with_token = ask(&site.browser(), row, &[own[0], ("authorization", &bearer)]).await;
        assert_eq!(with_token.status, token, "a program: {method} {path}");
        assert_eq!(ask(&browser, row, &own).await.status, person, "a person: {method} {path}");
        // Nobody has more than twenty.
        site.world.database.execute("DELETE FROM api_tokens").await;
    }
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.signed_in().await;
    for row in ROUTES {
        for browser in [&site.browser(), &browser] {
            if row.0 == "DELETE" || (row.0 == "POST" && row.1.contains("session")) {
                continue;
            }
            let answer = ask(browser, row, &[]).await;
            let what = format!("{} {} ({})", row.0, row.1, answer.status);
            let policy = answer.header("content-security-policy");
            for part in
                ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
            {
                assert!(policy.contains(part), "{what}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            let elsewhere = policy.split([' ', ';']).filter(|word| word.contains("http"));
            assert_eq!(elsewhere.collect::<Vec<_>>(), ["https://cdn.discordapp.com"], "pictures only");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
            let referrer = if row.1.starts_with("/feeds/") { "no-referrer" } else { "same-origin" };
            assert_eq!(answer.header("referrer-policy"), referrer, "{what}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{what}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{what}");
            assert!(!answer.header("x-request-id").is_empty(), "{what}");
            let open = row.1 == "/api/v1/openapi.json";
            assert_eq!(answer.header("cache-control"), if open { "no-cache" } else { "no-store" }, "{what}");
            assert_eq!(answer.header("access-control-allow-origin"), if open { "*" } else { "" }, "{what}");
            assert_eq!(answer.header("strict-transport-security"), "", "only with https");
        }
    }
}

/// The table is whole: it has what the sources and the API's own description have.
#[tokio::test]
async fn the_table_has_all_routes() {
    let site = Site::new().await;
    let document = site.browser().get("/api/v1/openapi.json").await.body();
    assert_eq!(document["openapi"], "3.1.0");
    let mut there = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // Those of one server are in the table of `rights`.
        if path.starts_with("/api/v1/servers/{server}/") {
            continue;
        }
        there.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    for file in ["pages/mod.rs", "pages/docs.rs", "assets.rs", "feeds/mod.rs", "openapi/mod.rs"] {
        let text = std::fs::read_to_string(sources.join(file)).unwrap();
        for route in text.split(".route(\"").skip(1) {
            let (path, handlers) = route.split_once('"').unwrap();
            let handlers = handlers.lines().next().unwrap();
            for method in ["get", "post", "delete", "put", "patch"] {
                if handlers.contains(&format!("{method}(")) {
                    there.insert((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    let table: BTreeSet<(String, String)> =
        ROUTES.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
    assert_eq!(table, there);
}

/// Every status that the table shows for an endpoint is in the API's description, and the description has a
/// text for everything.
#[tokio::test]
async fn the_description_says_what_is_answered() {
    let site = Site::new().await;
    let document = site.browser().get("/api/v1/openapi.json").await.body();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    let names: Vec<&str> = operations.map(|(_, one)| one["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    for row in ROUTES.iter().filter(|row| row.1.starts_with("/api/v1") && !row.1.ends_with("json")) {
        let operation = &document["paths"][row.1][row.0.to_lowercase()];
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{operation}");
        for status in [row.2, row.3, row.4, row.5] {
            let answer = &operation["responses"][status.to_string()];
            assert!(answer["description"].is_string(), "{} {} doesn't say {status}", row.0, row.1);
            if status >= 400 {
                let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(*schema, Value::from("#/components/schemas/Problem"), "{} {}", row.0, row.1);
            }
        }
    }
}

/// What is linked is there, and nothing is loaded from elsewhere.
#[tokio::test]
async fn pages_load_nothing_from_elsewhere() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    for path in ["/", "/docs", "/settings/tokens", "/settings/sessions", "/api/problems/not_found"] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        for never in ["<script", " style=", "onclick", "src=\"http", "url("] {
            assert!(!page.text.contains(never), "{path} has {never}");
        }
        for link in page.text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(link.starts_with('/'), "{path} leads to {link}");
            assert_eq!(browser.get(link).await.status, 200, "{path} leads to {link}");
        }
    }
    let page = browser.get("/").await.text;
    let style =
        page.split("href=\"").find(|rest| rest.contains("page.css")).unwrap().split('"').next().unwrap();
    let style = browser.get(style).await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
}
