//! Nothing that opens anything is logged, however much is logged.

use super::{Site, path, with_token};

#[tokio::test]
async fn no_link_no_cookie_and_no_token_is_logged() {
    let everything = "trace,serenity=trace,hyper=trace,sqlx=trace,sea_orm=trace,axum=trace,tower=trace";
    let site = Site::with(&[("RUST_LOG", everything)]).await;
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
