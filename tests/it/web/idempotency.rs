//! Requests that are sent again because their answer was lost.

use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Effect, Fault, Hold};

use super::{Answer, Site, Visitor, address, linked, path};
use crate::harness::{Backend, Crew, World, admin};

const KEY: &str = "idempotency-key";

/// A request for a follow, which can be sent again.
struct Request {
    /// The token with which it is sent.
    token: String,
    key: String,
    path: String,
    body: Value,
}

impl Request {
    async fn new(site: &Site, browser: &Visitor, source: &Channel) -> Self {
        Self {
            token: site.token(browser, &["servers:read", "servers:write"]).await,
            key: "\"a-key/1\"".to_owned(),
            path: format!("/api/v1/servers/{}/follows", site.harbour.id()),
            body: json!({
                "sourceChannelId": source.id().to_string(), "targetChannelId": site.news.id().to_string(),
                "delivery": "relay",
            }),
        }
    }

    async fn send(&self, url: &str) -> Answer {
        let browser = Visitor::new(url);
        let request = browser.request("POST", &self.path).bearer_auth(&self.token).header(KEY, &self.key);
        browser.send(request.json(&self.body)).await
    }
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_request_is_done_once_and_answered_as_often_as_it_is_sent(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let browser = site.signed_in().await;
    let releases = site.harbour.text("releases");
    let mut request = Request::new(&site, &browser, &releases).await;
    let first = request.send(&site.url).await;
    assert!(first.status == 201 && !replayed(&first), "{}", first.text);
    for _ in 0..2 {
        let again = request.send(&site.url).await;
        assert!(replayed(&again), "{}", again.text);
        assert_eq!((again.status, &again.text), (201, &first.text));
        for header in ["location", "content-type", "cache-control", "x-content-type-options"] {
            assert_eq!(again.header(header), first.header(header), "{header}");
        }
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    assert_eq!(
        (site.rows("channel_follows").await, site.rows("person_actions").await),
        ("1".into(), "1".into())
    );
    // Neither the key nor what it was for can be read in the database.
    let clear = String::from_utf8_lossy(&site.world.database.bytes()).into_owned();
    assert!(backend == Backend::Postgres || clear.contains("idempotency_keys"), "this is the database");
    assert!(!clear.contains(&request.key) && !clear.contains("\"sourceChannelId\""));

    // It is the key of this very request.
    let whole = request.body.clone();
    request.body["backfill"] = json!(1);
    assert_eq!(request.send(&site.url).await.problem(), (422, "idempotency_key_reused".to_owned()));
    request.body = whole;
    let follows = request.path.clone();
    request.path = follows.replace("/follows", "/panels");
    assert_eq!(request.send(&site.url).await.problem(), (422, "idempotency_key_reused".to_owned()));
    request.path = follows;
    // With another one it is asked anew; that it is refused stays so, too.
    request.key = "another".to_owned();
    let refused = request.send(&site.url).await;
    assert_eq!(refused.problem().0, 409, "{}", refused.text);
    let again = request.send(&site.url).await;
    assert!(replayed(&again));
    assert_eq!(again.problem(), refused.problem());
    assert_eq!(again.body()["detail"], refused.body()["detail"]);
}

#[tokio::test]
async fn nobody_gets_the_answers_of_others() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let releases = site.harbour.text("releases");
    let mut request = Request::new(&site, &browser, &releases).await;
    assert_eq!(request.send(&site.url).await.status, 201);
    let hers = request.token.clone();
    // Her other token, her browser, somebody else's token, and no token at all.
    request.token = site.token(&browser, &["servers:write"]).await;
    let other = request.send(&site.url).await;
    assert!(other.status == 409 && !replayed(&other), "{}", other.text);
    let in_browser = browser.request("POST", &request.path).header("sec-fetch-site", "same-origin");
    let in_browser = browser.send(in_browser.header(KEY, &request.key).json(&request.body)).await;
    assert!(in_browser.status == 409 && !replayed(&in_browser), "{}", in_browser.text);
    let bob = admin(&site.harbour, "Bob");
    let reply = bob.run(&site.news, "/dashboard", ()).await.unwrap();
    let his = site.browser();
    assert_eq!(his.press(&path(&linked(&reply)), &[]).await.status, 303);
    request.token = site.token(&his, &["servers:write"]).await;
    let bobs = request.send(&site.url).await;
    assert!(bobs.status == 409 && !replayed(&bobs), "{}", bobs.text);
    request.token = "trib_x".to_owned();
    assert_eq!(request.send(&site.url).await.problem(), (401, "invalid_token".to_owned()));
    assert_eq!(site.rows("idempotency_keys").await, "4", "nothing is kept for nobody");
    // A token that was revoked opens nothing that it opened before.
    site.world.database.execute("DELETE FROM api_tokens").await;
    request.token = hers;
    assert_eq!(request.send(&site.url).await.problem(), (401, "invalid_token".to_owned()));
    // Whoever is forgotten takes their answers with them.
    let asked = site.alice.run(&site.news, "/privacy forget", ()).await.unwrap();
    asked.press("Forget me").await.unwrap();
    site.world.until("hers are gone", async || site.rows("idempotency_keys").await == "1").await;
}

#[tokio::test]
async fn keys_are_visible_ascii_and_only_where_they_matter() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let releases = site.harbour.text("releases");
    let request = Request::new(&site, &browser, &releases).await;
    let long = "x".repeat(256);
    for key in ["", "a b", "\u{e4}", long.as_str()] {
        let sent = browser.request("POST", &request.path).bearer_auth(&request.token).json(&request.body);
        let refused = browser.send(sent.header(KEY, key.as_bytes())).await;
        assert_eq!(refused.problem(), (400, "invalid_idempotency_key".to_owned()), "{key}");
    }
    let sent = browser.request("POST", &request.path).bearer_auth(&request.token).json(&request.body);
    let refused = browser.send(sent.header(KEY, "a").header(KEY, "b")).await;
    assert_eq!(refused.problem(), (400, "invalid_idempotency_key".to_owned()));
    assert_eq!(site.rows("idempotency_keys").await, "0");
    // Elsewhere it says nothing, and the body's limit holds with it, too.
    for _ in 0..2 {
        let post = browser.request("POST", "/api/v1/me/tokens").header("origin", &site.url).header(KEY, "k");
        let body = json!({ "name": "x", "scopes": ["servers:read"] });
        assert_eq!(browser.send(post.json(&body)).await.status, 201);
    }
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    let sent = browser.request("POST", &request.path).bearer_auth(&request.token).header(KEY, "k");
    let refused = browser.send(sent.header("content-type", "application/json").body(large)).await;
    assert_eq!(refused.problem(), (413, "body_too_large".to_owned()));
}

/// A panel is posted once.
#[tokio::test]
async fn a_panel_is_made_once() {
    let site = Site::new().await;
    let program = super::panels::program(&site, &site.alice, &site.news).await;
    let mut request = Request {
        token: program.token.clone(),
        key: "k".to_owned(),
        path: site.server("/panels"),
        body: super::panels::custom(&site.news, "Plan", "Three ships."),
    };
    let first = request.send(&site.url).await;
    assert_eq!((first.status, first.header("etag")), (201, "\"1\""), "{}", first.text);
    let again = request.send(&site.url).await;
    assert!(replayed(&again), "{}", again.text);
    for header in ["location", "etag"] {
        assert_eq!(again.header(header), first.header(header));
    }
    assert_eq!((again.text, site.rows("panels").await), (first.text, "1".to_owned()));
    assert_eq!(site.news.message_count(), 1);
    request.body["title"] = json!("Another");
    assert_eq!(request.send(&site.url).await.problem(), (422, "idempotency_key_reused".to_owned()));
}

/// What can turn out differently isn't kept.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_failure_can_be_tried_again_with_its_key(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let browser = site.signed_in().await;
    let releases = site.harbour.text("releases");
    let request = Request::new(&site, &browser, &releases).await;
    let broken = Effect::Refuse { status: 400, code: 0, message: "odd".to_owned() };
    let fault = site.world.sandbox.fault(Fault::on("POST", "/channels/*/webhooks", broken).forever());
    let failed = request.send(&site.url).await;
    assert!(failed.status >= 500, "{}", failed.text);
    assert_eq!(site.rows("idempotency_keys").await, "0");
    site.world.sandbox.clear_fault(fault);
    site.world.database.execute("ALTER TABLE idempotency_keys RENAME TO elsewhere").await;
    assert_eq!(request.send(&site.url).await.problem(), (503, "database_unavailable".to_owned()));
    site.world.database.execute("ALTER TABLE elsewhere RENAME TO idempotency_keys").await;
    let done = request.send(&site.url).await;
    assert!(done.status == 201 && !replayed(&done), "{}", done.text);
}

/// Holds back the webhook of a follow.
fn hold(world: &World) -> Hold {
    let hold = Hold::new();
    world.sandbox.fault(Fault::on("POST", "/channels/*/webhooks", Effect::Hold(hold.clone())));
    hold
}

/// The client hangs up while its request is under way. What it asked for is done all the same, once, and
/// whoever asks again is told how it ended.
#[tokio::test]
async fn work_goes_on_when_the_client_hangs_up() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let releases = site.harbour.text("releases");
    let request = Request::new(&site, &browser, &releases).await;
    let hold = hold(&site.world);
    let held = async || site.rows("idempotency_keys").await == "1";
    tokio::select! {
        answer = request.send(&site.url) => panic!("it was held: {}", answer.text),
        () = site.world.until("it is under way", held) => {}
    }
    let second = request.send(&site.url).await;
    assert_eq!(second.problem(), (409, "idempotency_key_in_use".to_owned()));
    assert_eq!(second.header("retry-after"), "1");
    let other = Request { body: json!({}), ..Request::new(&site, &browser, &releases).await };
    let other = Request { token: request.token.clone(), ..other };
    assert_eq!(other.send(&site.url).await.problem(), (422, "idempotency_key_reused".to_owned()));
    hold.release();
    let done = async || request.send(&site.url).await.status != 409;
    site.world.until("it is done", done).await;
    let again = request.send(&site.url).await;
    assert!(replayed(&again) && again.status == 201, "{}", again.text);
    assert_eq!(site.rows("channel_follows").await, "1");
}

/// A process that was killed doesn't hold a key for ever.
#[tokio::test]
async fn the_key_of_a_process_that_died_is_free_after_a_minute() {
    let mut site = Site::new().await;
    let browser = site.signed_in().await;
    let releases = site.harbour.text("releases");
    let request = Request::new(&site, &browser, &releases).await;
    let hold = hold(&site.world);
    let held = async || site.rows("idempotency_keys").await == "1";
    tokio::select! {
        answer = request.send(&site.url) => panic!("it was held: {}", answer.text),
        () = site.world.until("it is under way", held) => {}
    }
    site.bot.signal(Signal::SIGKILL);
    site.bot.ended().await;
    hold.release();
    site.bot = site.world.start().await;
    let url = format!("http://{}", address(&mut site.bot).await);
    assert_eq!(request.send(&url).await.problem(), (409, "idempotency_key_in_use".to_owned()));
    let database = &site.world.database;
    database.execute("UPDATE idempotency_keys SET claimed_at = '2026-01-01T00:00:00+00:00'").await;
    let done = request.send(&url).await;
    assert!(done.status == 201 && !replayed(&done), "{}", done.text);
    assert!(replayed(&request.send(&url).await));
    // A day later, nothing is known of it.
    database.execute("UPDATE idempotency_keys SET claimed_at = '2026-01-01T00:00:00+00:00'").await;
    let anew = request.send(&url).await;
    assert!(anew.status == 409 && !replayed(&anew), "{}", anew.text);
}

/// The same request reaches two processes at the same moment.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn two_processes_do_it_once() {
    let settings = [("WEB_ADDR", "127.0.0.1:0"), ("API_REQUESTS_PER_MINUTE", "0")];
    let Some(mut crew) = Crew::with(2, 0, &settings).await else { return };
    let (harbour, alice) = crew.server(0, "Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let mut urls = Vec::new();
    for gateway in &mut crew.gateways {
        urls.push(format!("http://{}", address(gateway).await));
    }
    let reply = alice.run(&target, "/dashboard", ()).await.unwrap();
    // Each process has an address of its own here, so the link is opened at the first.
    let browser = Visitor::new(&urls[0]);
    assert_eq!(browser.press(&path(&linked(&reply)), &[]).await.status, 303);
    let body = json!({ "name": "x", "scopes": ["servers:write"] });
    let token =
        browser.json("POST", "/api/v1/me/tokens", &body).await.body()["token"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/servers/{}/follows", harbour.id());
    let database = &crew.world.database;
    for round in 0..8 {
        let body = json!({
            "sourceChannelId": source.id().to_string(), "targetChannelId": target.id().to_string(),
            "delivery": "relay",
        });
        let (token, path) = (token.clone(), path.clone());
        let request = Request { token, key: format!("round-{round}"), path, body };
        let (one, two) = tokio::join!(request.send(&urls[0]), request.send(&urls[1]));
        let in_use = |answer: &Answer| answer.status == 409 && answer.problem().1 == "idempotency_key_in_use";
        let done = |answer: &Answer| answer.status == 201 && !replayed(answer);
        assert_eq!(
            [&one, &two].into_iter().filter(|answer| done(answer)).count(),
            1,
            "{} {}",
            one.text,
            two.text
        );
        assert!(
            [&one, &two].into_iter().all(|answer| done(answer) || in_use(answer) || replayed(answer)),
            "{} {}",
            one.text,
            two.text
        );
        for url in &urls {
            let again = request.send(url).await;
            assert!(replayed(&again) && again.status == 201, "{}", again.text);
        }
        let follow = request.send(&urls[1]).await.body()["id"].as_str().unwrap().to_owned();
        let ended = Visitor::new(&urls[0]);
        let end = ended.request("DELETE", &format!("{}/{follow}", request.path)).bearer_auth(&request.token);
        assert_eq!(ended.send(end).await.status, 204);
    }
    assert_eq!(
        database.text("SELECT CAST(COUNT(*) AS TEXT) FROM idempotency_keys").await.as_deref(),
        Some("8")
    );
}
