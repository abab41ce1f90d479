//! Who signs in, and who makes and revokes tokens, is recorded, for themselves.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Site, Visitor};
use crate::harness::Backend;

const AUDIT: &str = "/api/v1/me/audit";

/// What happened, newest first.
async fn read(browser: &Visitor) -> Vec<Value> {
    let answer = browser.get(AUDIT).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body()["items"].as_array().unwrap().clone()
}

fn actions(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["action"].as_str().unwrap()).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn people_see_what_they_did_with_their_access(#[case] backend: Backend) {
    let Some(site) = Site::with_discord(backend).await else { return };
    let (lost, browser) = (site.signed_in().await, site.browser());
    let back = site.authorized(&browser).await;
    assert_eq!(browser.get(&back).await.status, 303);
    let secret = site.token(&browser, &["servers:read", "servers:write"]).await;
    let tokens = browser.get("/api/v1/me/tokens").await.body();
    let token = tokens["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/me/tokens/{token}");
    assert_eq!(browser.json("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(browser.json("DELETE", &path, &Value::Null).await.status, 404);
    let session = browser.get("/api/v1/me/sessions").await.body()["items"][1]["id"].clone();
    let session = session.as_str().unwrap().to_owned();
    let ended = browser.press(&format!("/settings/sessions/{session}/end"), &[]).await;
    assert_eq!(ended.status, 303, "{}", ended.text);
    assert_eq!(lost.get(AUDIT).await.problem().0, 401);

    let items = read(&browser).await;
    let expected = ["signed_out", "token_revoked", "token_created", "signed_in", "signed_in"];
    assert_eq!(actions(&items), expected, "{items:?}");
    for item in &items {
        assert_eq!((&item["via"], &item["actorId"]), (&json!("web"), &json!(site.alice.id().to_string())));
    }
    assert_eq!(items[0]["subject"], json!({ "kind": "session", "id": session }));
    assert_eq!(items[2]["subject"], json!({ "kind": "token", "id": token }));
    assert_eq!(items[2]["detail"]["scopes"], json!(["servers:read", "servers:write"]));
    assert_eq!(items[3]["detail"], json!({ "by": "discord", "browser": "Firefox on Linux" }));
    assert_eq!(items[4]["detail"]["by"], "link");
    let text = browser.get(AUDIT).await.text;
    let cookie = browser.cookie().unwrap();
    for never in [secret.as_str(), cookie.split_once('=').unwrap().1, "a script"] {
        assert!(!text.contains(never), "{text}");
    }

    // Page by page, and for nobody else: not in a server's audit either.
    let first = browser.get(&format!("{AUDIT}?pageSize=2")).await;
    let next = super::path(first.header("link").split(['<', '>']).nth(1).unwrap());
    assert_eq!(actions(browser.get(&next).await.body()["items"].as_array().unwrap()), expected[2..4]);
    let bob = site.harbour.member("Bob", tributary_sandbox::Permissions::empty());
    let other = site.signed_in_as(&bob, &site.news).await;
    assert_eq!(actions(&read(&other).await), ["signed_in"]);
    let in_servers = "SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE guild_id IS NOT NULL";
    assert_eq!(site.world.database.text(in_servers).await.as_deref(), Some("0"));

    let out = browser.json("DELETE", "/api/v1/me/sessions", &Value::Null).await;
    assert_eq!(out.status, 204, "{}", out.text);
    let again = site.signed_in().await;
    assert_eq!(actions(&read(&again).await)[..2], ["signed_in", "signed_out"]);
}

#[tokio::test]
async fn who_is_forgotten_leaves_no_record_of_their_access() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    site.token(&browser, &["servers:read"]).await;
    assert_eq!(site.rows("audit").await, "2");
    let asked = site.alice.run(&site.news, "/privacy forget", ()).await.unwrap();
    asked.press("Forget me").await.unwrap();
    site.world.until("it is gone", async || site.rows("audit").await == "0").await;
}
