//! Sessions: seen, ended, and over by themselves.

use rstest::rstest;

use super::{Site, with_token};
use crate::harness::Backend;

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let site = Site::new().await;
    let (here, there) = (site.signed_in().await, site.signed_in().await);
    let page = here.get("/settings/sessions").await.text;
    assert!(page.contains("Firefox on Linux (this one)"), "{page}");
    let list = here.get("/api/v1/me/sessions").await.body();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|session| session["current"] == true).collect::<Vec<_>>(), [false, true]);
    let other = items[0]["id"].as_str().unwrap();
    let ended = here.press(&format!("/settings/sessions/{other}/end"), &[]).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/settings/sessions"));
    assert_eq!(there.get("/api/v1/me").await.problem().0, 401);
    assert_eq!(here.get("/api/v1/me").await.status, 200);
    let again = here.json("DELETE", &format!("/api/v1/me/sessions/{other}"), &serde_json::Value::Null).await;
    assert_eq!(again.problem(), (404, "not_found".to_owned()));
}

#[rstest]
#[case("POST", "/settings/sessions/end")]
#[case("DELETE", "/api/v1/me/sessions")]
#[tokio::test]
async fn one_can_sign_out_everywhere(#[case] method: &str, #[case] path: &str) {
    let site = Site::new().await;
    let browsers = [site.signed_in().await, site.signed_in().await];
    let token = site.token(&browsers[0], &["servers:read"]).await;
    let cookies = browsers.each_ref().map(super::Visitor::cookie);
    let request = browsers[0].request(method, path).header("origin", &site.url);
    let done = browsers[0].send(request.form(&[("a", "b")])).await;
    assert!(matches!(done.status, 204 | 303), "{}", done.text);
    for (browser, cookie) in browsers.iter().zip(cookies) {
        browser.set_cookie(cookie);
        assert_eq!(browser.get("/api/v1/me").await.problem().0, 401);
    }
    assert_eq!(with_token(&site, "GET", "/api/v1/me", &token).await.status, 200, "tokens stay");
}

/// What is kept of somebody is said, and goes with them.
#[tokio::test]
async fn who_is_forgotten_is_signed_out_and_has_no_tokens() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["servers:read"]).await;
    let kept = site.alice.run(&site.news, "/privacy show", ()).await.unwrap();
    assert!(
        kept.text().contains("1 browser in which you are signed in and 1 token of yours"),
        "{}",
        kept.text()
    );
    let asked = site.alice.run(&site.news, "/privacy forget", ()).await.unwrap();
    asked.press("Forget me").await.unwrap();
    site.world.until("they are gone", async || site.rows("api_tokens").await == "0").await;
    assert_eq!(browser.get("/api/v1/me").await.problem().0, 401);
    assert_eq!(with_token(&site, "GET", "/api/v1/me", &token).await.problem().0, 401);
}

/// Nobody sees or ends another person's session.
#[tokio::test]
async fn sessions_of_others_are_not_there() {
    let site = Site::new().await;
    let alice = site.signed_in().await;
    let bob = crate::harness::admin(&site.harbour, "Bob");
    let reply = bob.run(&site.news, "/dashboard", ()).await.unwrap();
    let his = site.browser();
    assert_eq!(his.press(&super::path(&super::linked(&reply)), &[]).await.status, 303);
    let list = alice.get("/api/v1/me/sessions").await.body();
    let number = list["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(his.get("/api/v1/me/sessions").await.body()["items"].as_array().unwrap().len(), 1);
    for (method, path) in [
        ("DELETE", format!("/api/v1/me/sessions/{number}")),
        ("POST", format!("/settings/sessions/{number}/end")),
    ] {
        let request = his.request(method, &path).header("origin", &site.url).form(&[("a", "b")]);
        assert_eq!(his.send(request).await.status, 404, "{path}");
    }
    assert_eq!(alice.get("/api/v1/me").await.status, 200);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn use_prolongs_a_session_and_its_end_is_its_end(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let browser = site.signed_in().await;
    let database = &site.world.database;
    // Six days ago, as far as the database knows.
    database.execute("UPDATE web_sessions SET seen_at = '2026-01-01T00:00:00+00:00'").await;
    assert_eq!(browser.get("/api/v1/me").await.status, 200);
    let old = "SELECT CAST(COUNT(*) AS TEXT) FROM web_sessions WHERE seen_at < '2026-02-01T00:00:00+00:00'";
    assert_eq!(database.text(old).await.as_deref(), Some("0"), "its use is noted");
    database.execute("UPDATE web_sessions SET expires_at = '2026-01-01T00:00:00+00:00'").await;
    assert_eq!(browser.get("/api/v1/me").await.problem(), (401, "authentication_required".to_owned()));
    let page = browser.get("/settings/sessions").await;
    assert!(page.status == 401 && page.text.contains("Sign in first"), "{}", page.text);
    assert_eq!(page.header("www-authenticate"), "Bearer");
}
