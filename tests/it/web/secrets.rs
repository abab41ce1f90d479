//! Nothing that opens anything is logged, however much is logged.

use super::discord_sign_in::{begun, parameters};
use super::{Site, path, with_token};
use crate::harness::Backend;

const EVERYTHING: &str = "trace,serenity=trace,hyper=trace,sqlx=trace,sea_orm=trace,axum=trace,tower=trace";

#[tokio::test]
async fn no_link_no_cookie_and_no_token_is_logged() {
    let site = Site::with(&[("RUST_LOG", EVERYTHING)]).await;
    let link = path(&site.link().await);
    let browser = site.browser();
    browser.get(&link).await;
    browser.press(&link, &[("next", "/")]).await;
    browser.press(&link, &[]).await;
    let token = site.token(&browser, &["servers:read"]).await;
    assert_eq!(with_token(&site, "GET", "/api/v1/servers", &token).await.status, 200);
    assert_eq!(with_token(&site, "GET", "/api/v1/me", &token[..53]).await.status, 401);
    browser.get("/settings/sessions").await;
    let cookie = browser.cookie().unwrap();
    site.world.database.execute("ALTER TABLE web_sessions RENAME TO elsewhere").await;
    assert_eq!(browser.get("/api/v1/me").await.status, 503);
    let secrets =
        [link.rsplit_once('/').unwrap().1, cookie.split_once('=').unwrap().1, &token[5..48], &token[48..]];
    let log = site.bot.log();
    assert!(log.contains("/auth/link/{link}") && log.contains("DEBUG"), "it was logged in detail");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
}

/// Neither what Discord and the bot tell each other, nor what the browser carries between them.
#[tokio::test]
async fn nothing_of_a_sign_in_with_discord_is_logged_or_stored() {
    let site = Site::with_discord_and(Backend::Sqlite, &[("RUST_LOG", EVERYTHING)]).await.unwrap();
    let browser = site.browser();
    let (mut secrets, mut stored) = (vec![site.world.sandbox.client_secret()], vec![]);
    for status in [303, 400, 502] {
        let page = begun(&browser, "/auth/login").await;
        let pending = browser.cookie_named("tributary-sign-in").unwrap();
        let mut back = path(&site.alice.authorize(&page).unwrap());
        let query = parameters(&format!("http://localhost{back}"));
        let state = query["state"].clone();
        stored.push(pending.split_once('=').unwrap().1.to_owned());
        stored.push(state);
        stored.push(query["code"].clone());
        if status == 400 {
            back = back.replace("code=", "code=x");
        }
        if status == 502 {
            let dropped = tributary_sandbox::Effect::DropRequest;
            site.world.sandbox.fault(tributary_sandbox::Fault::on("GET", "/users/@me", dropped));
        }
        stored.extend(browser.cookie().map(|cookie| cookie.split_once('=').unwrap().1.to_owned()));
        assert_eq!(browser.get(&back).await.status, status, "{back}");
    }
    stored.extend(browser.cookie().map(|cookie| cookie.split_once('=').unwrap().1.to_owned()));
    secrets.extend(stored);
    let (log, database) = (site.bot.log(), site.world.database.bytes());
    assert!(log.contains("/auth/callback") && log.contains("POST /oauth2/token"), "it was logged in detail");
    for secret in &secrets {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
        let stored = database.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!stored, "{secret} is in the database");
    }
    assert!(!log.contains("Bearer ") && !log.contains("Basic "), "no credentials at all");
}
