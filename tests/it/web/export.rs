//! What is kept of oneself: as one document, and forgotten.

use rstest::rstest;
use serde_json::{Value, json};

use super::people::newcomer;
use super::{Site, path};
use crate::harness::Backend;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn everything_is_exported_without_secrets_and_forgotten(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (dave, daves) = newcomer(&site, "Dave").await;
    let follow = |whom: &tributary_sandbox::Person| format!("/api/v1/users/{}/follow", whom.id());
    for (program, whom) in [(&bobs, &carol), (&carols, &bob), (&daves, &bob)] {
        assert_eq!(program.json("POST", &follow(whom), Value::Null).await.status, 201);
    }
    let blocked = bobs.delete(&format!("/api/v1/me/followers/{}?block=true", dave.id())).await;
    assert_eq!(blocked.status, 204, "{}", blocked.text);
    let browser = site.signed_in_as(&bob, &site.news).await;
    let link = browser.json("POST", "/api/v1/me/feeds", &json!({ "name": "phone" })).await.body();
    let body = json!({ "every": "week", "hour": 7, "timeZone": "europe/berlin" });
    let digest = bobs.json("PUT", "/api/v1/me/digest", body).await;
    assert_eq!(
        (digest.status, &digest.body()["timeZone"]),
        (200, &json!("Europe/Berlin")),
        "{}",
        digest.text
    );
    assert_eq!(digest.body()["paused"], false);
    let privacy = bobs.json("PATCH", "/api/v1/me/privacy", json!({ "lists": "hidden" })).await;
    assert_eq!(privacy.status, 200);

    let answer = browser.get("/api/v1/me/export").await;
    assert!(answer.header("content-disposition").starts_with("attachment"));
    let kept = answer.body();
    assert_eq!((&kept["id"], &kept["profile"]["name"]), (&json!(bob.id().to_string()), &json!("Bob")));
    assert_eq!(kept["privacy"]["lists"], "hidden");
    assert_eq!(kept["follows"][0]["followingId"], carol.id().to_string());
    assert_eq!(kept["followers"].as_array().unwrap().len(), 1);
    assert_eq!(kept["followers"][0]["id"], carol.id().to_string());
    assert_eq!(kept["blocked"][0]["id"], dave.id().to_string());
    assert_eq!((&kept["feeds"][0]["name"], &kept["digest"]["every"]), (&json!("phone"), &json!("week")));
    assert_eq!(
        (&kept["tokens"][0]["name"], &kept["sessions"][0]["current"]),
        (&json!("a reader"), &json!(true))
    );
    assert!(!kept["actions"].as_array().unwrap().is_empty(), "{kept}");
    let changes: Vec<&str> =
        kept["changes"].as_array().unwrap().iter().filter_map(|one| one["action"].as_str()).collect();
    assert!(changes.contains(&"feed_link_created") && changes.contains(&"token_created"), "{changes:?}");
    let address = path(link["atom"].as_str().unwrap());
    let secret = address.strip_prefix("/feeds/").unwrap().strip_suffix(".atom").unwrap();
    let cookie = browser.cookie().unwrap();
    for never in [secret, &bobs.token, cookie.split_once('=').unwrap().1] {
        assert!(!answer.text.contains(never), "{}", answer.text);
    }
    assert_eq!(bobs.get("/api/v1/me/export").await.problem(), (403, "session_required".to_owned()));

    for wrong in ["/api/v1/me", "/api/v1/me?confirm=yes"] {
        assert_eq!(browser.json("DELETE", wrong, &json!({})).await.problem().0, 400, "{wrong}");
    }
    let token = bobs.delete("/api/v1/me?confirm=true").await;
    assert_eq!(token.problem(), (403, "session_required".to_owned()));
    assert_eq!(browser.json("DELETE", "/api/v1/me?confirm=true", &json!({})).await.status, 202);
    site.world.until("he is forgotten", async || browser.get("/api/v1/me").await.status == 401).await;
    site.world.until("all of it", async || site.rows("forget_requests").await == "0").await;
    assert_eq!(site.browser().get(&address).await.status, 404, "the address ended");
    for table in ["feed_links", "digests", "personal_blocks", "personal_follows"] {
        assert_eq!(site.rows(table).await, "0", "{table}");
    }
}

#[tokio::test]
async fn a_digest_is_set_seen_and_ended_by_programs() {
    let site = Site::new().await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    assert_eq!(bobs.get("/api/v1/me/digest").await.problem().0, 404);
    for (body, code) in [
        (json!({ "every": "hour", "hour": 7 }), "invalid_body"),
        (json!({ "every": "day", "hour": 24 }), "invalid_body"),
        (json!({ "every": "day", "hour": -1 }), "invalid_body"),
        (json!({ "every": "day", "hour": 7, "timeZone": "Atlantis" }), "unknown_time_zone"),
    ] {
        assert_eq!(bobs.json("PUT", "/api/v1/me/digest", body).await.problem(), (400, code.to_owned()));
    }
    site.world.sandbox.close_direct_messages(&bob, true);
    let body = json!({ "every": "day", "hour": 7 });
    let refused = bobs.json("PUT", "/api/v1/me/digest", body.clone()).await;
    assert_eq!(refused.problem(), (422, "direct_messages_closed".to_owned()));
    assert_eq!(site.rows("digests").await, "0");
    site.world.sandbox.close_direct_messages(&bob, false);
    let set = bobs.json("PUT", "/api/v1/me/digest", body).await;
    assert_eq!((set.status, &set.body()["timeZone"]), (200, &json!("UTC")), "{}", set.text);
    assert_eq!(bobs.get("/api/v1/me/digest").await.body(), set.body());
    assert_eq!(site.world.sandbox.direct_messages(&bob).unwrap().messages().len(), 1);
    for _ in 0..2 {
        assert_eq!(bobs.delete("/api/v1/me/digest").await.status, 204);
    }
    assert_eq!(site.rows("digests").await, "0");
}
