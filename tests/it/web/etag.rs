//! What the client has already isn't sent again.

use super::{Answer, Site, Visitor, with_token};

async fn known(browser: &Visitor, method: &str, path: &str, tags: &str) -> Answer {
    browser.send(browser.request(method, path).header("if-none-match", tags)).await
}

#[tokio::test]
async fn what_is_the_same_is_not_sent_again() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    site.token(&browser, &["servers:read"]).await;
    let follows = format!("/api/v1/servers/{}/follows", site.harbour.id());
    for path in
        ["/api/v1/me", "/api/v1/me/tokens", "/api/v1/servers", "/api/v1/openapi.json", follows.as_str()]
    {
        let full = browser.get(path).await;
        let tag = full.header("etag").to_owned();
        assert!(full.status == 200 && tag.starts_with("W/\""), "{path}: {tag}");
        assert_eq!(browser.get(path).await.header("etag"), tag, "{path}");
        let strong = tag.strip_prefix("W/").unwrap();
        let list = format!("\"x\", W/\"a,b\" ,{tag}");
        for tags in [tag.as_str(), strong, list.as_str(), "*"] {
            for method in ["GET", "HEAD"] {
                let again = known(&browser, method, path, tags).await;
                assert_eq!((again.status, again.text.as_str()), (304, ""), "{method} {path} {tags}");
                assert_eq!(again.header("etag"), tag);
                assert_eq!(again.header("content-type"), "");
                assert_eq!(again.header("cache-control"), full.header("cache-control"));
                assert!(!again.header("x-request-id").is_empty());
            }
        }
        for tags in ["\"x\"", "x", "", "W/"] {
            let other = known(&browser, "GET", path, tags).await;
            assert_eq!((other.status, &other.text), (200, &full.text), "{path} {tags}");
        }
        let head = browser.send(browser.request("HEAD", path)).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()), "{path}");
        assert_eq!(head.header("content-length"), full.text.len().to_string(), "{path}");
    }
}

/// A panel's tag is its version, for changing it. It stays the same while the panel is refreshed.
#[tokio::test]
async fn a_version_is_no_reason_to_send_nothing() {
    let office = super::panels::Office::new().await;
    let panel = office.alice.get(&office.own()).await;
    assert_eq!((panel.status, panel.header("etag")), (200, "\"1\""));
    let browser = office.site.signed_in().await;
    for tags in ["\"1\"", "*"] {
        let again = known(&browser, "GET", &office.own(), tags).await;
        assert_eq!((again.status, again.header("etag")), (200, "\"1\""), "{tags}");
    }
    let document = browser.get("/api/v1/openapi.json").await.body();
    let has = |path: &str| document["paths"][path]["get"]["responses"]["304"].is_object();
    assert!(has("/api/v1/servers/{server}/panels") && !has("/api/v1/servers/{server}/panels/{id}"));
}

#[tokio::test]
async fn what_has_changed_is_sent() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let tag = browser.get("/api/v1/me/tokens").await.header("etag").to_owned();
    let token = site.token(&browser, &["servers:read"]).await;
    let changed = known(&browser, "GET", "/api/v1/me/tokens", &tag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    // The same address for somebody else is something else.
    let mine = browser.get("/api/v1/me").await.header("etag").to_owned();
    let program = with_token(&site, "GET", "/api/v1/me", &token).await;
    assert_ne!(program.header("etag"), mine);
    // A tag opens nothing, and problems have none.
    for tags in [mine.as_str(), "*"] {
        let guest = known(&site.browser(), "GET", "/api/v1/me", tags).await;
        assert_eq!((guest.problem().0, guest.header("etag")), (401, ""));
    }
    let missing = known(&browser, "GET", "/api/v1/nothing", "*").await;
    assert_eq!((missing.problem().0, missing.header("etag")), (404, ""));
    let page = known(&browser, "GET", "/", "*").await;
    assert_eq!((page.status, page.header("etag")), (200, ""), "pages are for whoever asks");
}
