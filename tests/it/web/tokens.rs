//! API tokens.

use rstest::rstest;
use serde_json::json;
use tributary::domain::api_token::ApiToken;

use super::{Site, with_token};
use crate::harness::Backend;

const TOKENS: &str = "/api/v1/me/tokens";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_token_is_made_used_listed_and_revoked(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let browser = site.signed_in().await;
    let body = json!({
        "name": "backup", "scopes": ["servers:read"], "serverId": site.harbour.id().to_string(), "lifetime": "30d"
    });
    let made = browser.json("POST", TOKENS, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (token, id) = (made.body()["token"].clone(), made.body()["id"].clone());
    let (token, id) = (token.as_str().unwrap(), id.as_str().unwrap());
    let path = format!("{TOKENS}/{id}");
    assert_eq!(made.header("location"), path);
    assert!(token.starts_with("trib_") && token.len() == 54, "{token}");

    let me = with_token(&site, "GET", "/api/v1/me", token).await.body();
    assert_eq!((&me["id"], &me["authentication"]), (&json!(site.alice.id().to_string()), &json!("token")));
    assert_eq!((&me["scopes"], &me["serverId"]), (&json!(["servers:read"]), &body["serverId"]));
    let servers = with_token(&site, "GET", "/api/v1/servers", token).await.body();
    assert_eq!(servers["items"][0]["name"], "Harbour");

    let list = browser.get(TOKENS).await;
    assert!(!list.text.contains(token), "it is shown once");
    let list = list.body();
    let item = &list["items"][0];
    assert_eq!((&item["name"], &item["id"]), (&json!("backup"), &json!(id)));
    assert_eq!(item["usedOn"].as_str().map(str::len), Some("2026-11-30".len()), "{item}");
    assert!(item["expiresAt"].is_string(), "{item}");
    let page = browser.get("/settings/tokens").await.text;
    assert!(page.contains("backup") && page.contains("Harbour") && !page.contains(token), "{page}");

    assert_eq!(browser.get(&path).await.body(), *item);
    assert_eq!(browser.json("DELETE", &path, &json!(null)).await.status, 204);
    let after = with_token(&site, "GET", "/api/v1/me", token).await;
    assert_eq!(after.problem(), (401, "invalid_token".to_owned()));
    assert_eq!(after.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(browser.json("DELETE", &path, &json!(null)).await.problem().0, 404);
    assert_eq!(browser.get(&path).await.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_form_makes_a_token_without_any_script() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let fields = [
        ("name", "<b>x</b>"),
        ("scope", "follows:read"),
        ("scope", "panels:write"),
        ("server", ""),
        ("lifetime", "never"),
    ];
    let made = browser.press("/settings/tokens", &fields).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(!made.text.contains("<b>x</b>") && made.text.contains("&lt;b&gt;"), "{}", made.text);
    let token = made.text.split("trib_").nth(1).unwrap();
    let token = format!("trib_{}", token.split('<').next().unwrap());
    let me = with_token(&site, "GET", "/api/v1/me", &token).await.body();
    assert_eq!(me["scopes"], json!(["follows:read", "panels:write"]));
    let id = browser.get(TOKENS).await.body()["items"][0]["id"].as_str().unwrap().to_owned();
    let revoked = browser.press(&format!("/settings/tokens/{id}/revoke"), &[]).await;
    assert_eq!((revoked.status, revoked.header("location")), (303, "/settings/tokens"));
    assert_eq!(with_token(&site, "GET", "/api/v1/me", &token).await.problem().0, 401);
    for wrong in [
        &[("name", ""), ("scope", "follows:read"), ("lifetime", "never")][..],
        &[("name", "x"), ("lifetime", "never")],
        &[("name", "x"), ("scope", "everything"), ("lifetime", "never")],
        &[("name", "x"), ("scope", "follows:read"), ("lifetime", "1d")],
        &[("name", "x"), ("scope", "follows:read"), ("lifetime", "30d"), ("server", "none")],
    ] {
        assert_eq!(browser.press("/settings/tokens", wrong).await.status, 400, "{wrong:?}");
    }
    assert_eq!(site.rows("api_tokens").await, "0");
}

/// What is in the database opens nothing.
#[tokio::test]
async fn the_database_holds_no_secret() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["servers:read"]).await;
    let link = super::path(&site.link().await);
    let cookie = browser.cookie().unwrap();
    site.bot.stop().await;
    let bytes = site.world.database.bytes();
    let readable = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(readable("web_sessions") && readable("servers:read"), "this is the database");
    let secrets = [
        cookie.split_once('=').unwrap().1,
        token.strip_prefix("trib_").unwrap().split_at(43).0,
        link.rsplit_once('/').unwrap().1,
        "Harbour",
        "Alice",
    ];
    for secret in secrets {
        assert!(!readable(secret), "{secret} can be read in the database's files");
    }
}

/// What can't be a token isn't looked for: here, looking would fail.
#[tokio::test]
async fn a_mistyped_token_costs_no_query() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["servers:read"]).await;
    site.world.database.execute("ALTER TABLE api_tokens RENAME TO elsewhere").await;
    let status = async |token: &str| with_token(&site, "GET", "/api/v1/me", token).await.status;
    assert_eq!(status(&token).await, 503, "a right one is looked for");
    assert_eq!(status(&ApiToken::new([1; 32]).text()).await, 503);
    let mut mistyped = token.clone();
    let last = if mistyped.pop() == Some('A') { 'B' } else { 'A' };
    mistyped.push(last);
    for wrong in [&mistyped, &token[..53], &token[5..], "trib_", "x"] {
        assert_eq!(status(wrong).await, 401, "{wrong}");
    }
}

#[tokio::test]
async fn an_expired_token_is_none() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["servers:read"]).await;
    site.world.database.execute("UPDATE api_tokens SET expires_at = '2026-01-01T00:00:00+00:00'").await;
    let used = with_token(&site, "GET", "/api/v1/me", &token).await;
    assert_eq!(used.problem(), (401, "invalid_token".to_owned()));
    assert_eq!(browser.get(TOKENS).await.body()["items"], json!([]));
}

#[tokio::test]
async fn a_token_does_only_what_its_scopes_say() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["follows:read"]).await;
    let refused = with_token(&site, "GET", "/api/v1/servers", &token).await;
    assert_eq!(refused.problem(), (403, "insufficient_scope".to_owned()));
    assert!(refused.text.contains("servers:read"), "{}", refused.text);
}

/// Not even with a cookie beside it: where a token is given, the cookie doesn't count.
#[tokio::test]
async fn a_token_makes_no_tokens_and_sees_none() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["follows:read", "servers:read", "operator:read"]).await;
    for (method, path) in [
        ("GET", TOKENS),
        ("POST", TOKENS),
        ("DELETE", "/api/v1/me/tokens/1"),
        ("GET", "/api/v1/me/sessions"),
        ("DELETE", "/api/v1/me/sessions"),
        ("DELETE", "/api/v1/me/sessions/1"),
    ] {
        let body = json!({ "name": "another", "scopes": ["servers:read"] });
        let request = browser.request(method, path).bearer_auth(&token).json(&body);
        assert_eq!(browser.send(request).await.problem(), (403, "session_required".to_owned()), "{path}");
    }
    for wrong in ["Basic YTpi", "Bearer", "Bearer trib_x", "trib_x"] {
        let request = browser.request("GET", "/api/v1/me").header("authorization", wrong);
        assert_eq!(browser.send(request).await.problem(), (401, "invalid_token".to_owned()), "{wrong}");
    }
    assert_eq!((site.rows("api_tokens").await, site.rows("web_sessions").await), ("1".into(), "1".into()));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_has_more_than_twenty_even_at_once(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let browser = site.signed_in().await;
    let body = json!({ "name": "x", "scopes": ["servers:read"] });
    let all = (0..24).map(|_| browser.json("POST", TOKENS, &body));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 20);
    let full = answers.iter().find(|answer| answer.status != 201).unwrap();
    assert_eq!(full.problem(), (409, "too_many_tokens".to_owned()));
    assert_eq!(site.rows("api_tokens").await, "20");
    // An expired one makes room.
    let expire = "UPDATE api_tokens SET expires_at = '2026-01-01T00:00:00+00:00' WHERE id IN (SELECT MIN(id) FROM api_tokens)";
    site.world.database.execute(expire).await;
    assert_eq!(browser.json("POST", TOKENS, &body).await.status, 201);
}

#[rstest]
#[case(json!({ "name": "", "scopes": ["servers:read"] }), "/name")]
#[case(json!({ "name": "x".repeat(51), "scopes": ["servers:read"] }), "/name")]
#[case(json!({ "name": "x", "scopes": [] }), "/scopes")]
#[case(json!({ "name": "x", "scopes": ["servers:read", "all"] }), "/scopes/1")]
#[case(json!({ "name": "x", "scopes": [1] }), "/scopes/0")]
#[case(json!({ "name": "x", "scopes": ["servers:read"], "serverId": "0" }), "/serverId")]
#[case(json!({ "name": "x", "scopes": ["servers:read"], "lifetime": "1h" }), "/lifetime")]
#[case(json!({ "name": "x", "scopes": ["servers:read"], "admin": true }), "/admin")]
#[tokio::test]
async fn what_is_wrong_in_a_body_is_pointed_at(#[case] body: serde_json::Value, #[case] pointer: &str) {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let refused = browser.json("POST", TOKENS, &body).await;
    assert_eq!(refused.problem(), (400, "invalid_body".to_owned()));
    assert_eq!(refused.body()["pointer"], pointer, "{}", refused.text);
    assert_eq!(site.rows("api_tokens").await, "0");
}
