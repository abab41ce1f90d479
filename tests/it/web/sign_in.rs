//! Signing in by a private link.

use rstest::rstest;

use super::{Site, Visitor, linked, path};
use crate::harness::{Backend, World, admin};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_link_signs_in_who_asked_for_it(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let browser = site.browser();
    let before = browser.get("/").await;
    assert!(before.status == 200 && before.text.contains("/dashboard"), "{}", before.text);

    let link = site.link().await;
    assert!(link.starts_with(&format!("{}/auth/link/", site.url)), "{link}");
    let asks = browser.get(&path(&link)).await;
    assert_eq!(asks.status, 200);
    assert!(asks.text.contains("Sign in as Alice"), "{}", asks.text);

    let done = browser.press(&path(&link), &[("next", "/settings/tokens")]).await;
    assert_eq!((done.status, done.header("location")), (303, "/settings/tokens"));
    let cookie = done.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let after = browser.get("/").await;
    assert!(after.text.contains("Harbour") && after.text.contains("Sign out"), "{}", after.text);
    let me = browser.get("/api/v1/me").await.body();
    assert_eq!(
        (me["id"].as_str(), me["name"].as_str()),
        (Some(&*site.alice.id().to_string()), Some("Alice"))
    );
    let servers = browser.get("/api/v1/servers").await.body();
    assert_eq!(servers["items"][0]["id"], site.harbour.id().to_string());
    assert_eq!(servers["items"][0]["name"], "Harbour");

    let out = browser.press("/auth/logout", &[]).await;
    assert_eq!((out.status, browser.cookie()), (303, None));
    assert_eq!((site.rows("web_sessions").await, site.rows("sign_ins").await), ("0".into(), "0".into()));
}

#[tokio::test]
async fn opening_a_link_signs_nobody_in() {
    let site = Site::new().await;
    let (link, browser) = (path(&site.link().await), site.browser());
    for _ in 0..3 {
        let asks = browser.get(&link).await;
        assert_eq!((asks.status, asks.header("set-cookie")), (200, ""));
    }
    assert_eq!((site.rows("web_sessions").await, site.rows("sign_ins").await), ("0".into(), "1".into()));
    assert_eq!(browser.get("/settings/tokens").await.status, 401);
}

#[tokio::test]
async fn a_link_works_once() {
    let site = Site::new().await;
    let link = path(&site.link().await);
    assert_eq!(site.browser().press(&link, &[]).await.status, 303);
    let other = site.browser();
    for again in [other.press(&link, &[]).await, other.get(&link).await] {
        assert_eq!((again.status, other.cookie()), (410, None));
        assert!(again.text.contains("doesn't work any more"), "{}", again.text);
        assert!(again.text.contains("/dashboard"), "it says what to do: {}", again.text);
    }
    assert_eq!(site.rows("web_sessions").await, "1");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_many_at_once_one_is_signed_in(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let link = path(&site.link().await);
    let browsers: Vec<Visitor> = (0..8).map(|_| site.browser()).collect();
    let presses = browsers.iter().map(|browser| browser.press(&link, &[]));
    let statuses: Vec<u16> =
        futures_util::future::join_all(presses).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 7, "{statuses:?}");
    assert_eq!(site.rows("web_sessions").await, "1");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_old_link_signs_nobody_in(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (link, browser) = (path(&site.link().await), site.browser());
    site.world.database.execute("UPDATE sign_ins SET expires_at = '2026-01-01T00:00:00+00:00'").await;
    assert_eq!(browser.get(&link).await.status, 410);
    assert_eq!(browser.press(&link, &[]).await.status, 410);
    assert_eq!(site.rows("web_sessions").await, "0");
}

/// Where another site could have somebody press the button, it would sign them in as somebody else.
#[tokio::test]
async fn another_site_cannot_press_the_button() {
    let site = Site::new().await;
    let (link, browser) = (path(&site.link().await), site.browser());
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer =
            browser.send(browser.request("POST", &link).header(name, value).form(&[("a", "b")])).await;
        assert_eq!((answer.status, browser.cookie()), (403, None));
    }
    let bare = browser.send(browser.request("POST", &link).form(&[("a", "b")])).await;
    assert_eq!(bare.status, 403);
    assert_eq!(site.rows("sign_ins").await, "1", "the link still works");
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let site = Site::new().await;
    for evil in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "settings",
        "",
    ] {
        let done = site.browser().press(&path(&site.link().await), &[("next", evil)]).await;
        assert_eq!((done.status, done.header("location")), (303, "/"), "{evil:?}");
    }
    let query = format!("{}?next=//evil.example/%22%3E%3Cscript%3E", path(&site.link().await));
    let asks = site.browser().get(&query).await;
    assert!(asks.status == 200 && !asks.text.contains("<script"), "{}", asks.text);
}

/// A new session each time: whoever put a session into this browser before has nothing of it.
#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let site = Site::new().await;
    let village = site.world.sandbox.create_guild("Village");
    let square = village.text("square");
    village.join(&site.alice, tributary_sandbox::Permissions::empty());
    let browser = site.signed_in().await;
    let first = browser.cookie().unwrap();
    let reply = site.alice.run(&square, "/dashboard", ()).await.unwrap();
    assert_eq!(browser.press(&path(&linked(&reply)), &[]).await.status, 303);
    assert_ne!(browser.cookie().unwrap(), first);
    let page = browser.get("/").await.text;
    assert!(page.contains("Harbour") && page.contains("Village"), "what it knew stays known: {page}");
    let thief = site.browser();
    thief.set_cookie(Some(first));
    assert_eq!(thief.get("/api/v1/me").await.problem(), (401, "authentication_required".to_owned()));
    assert_eq!(site.rows("web_sessions").await, "1");
}

#[tokio::test]
async fn what_another_person_knew_is_not_taken_over() {
    let site = Site::new().await;
    let village = site.world.sandbox.create_guild("Village");
    let (square, bob) = (village.text("square"), admin(&village, "Bob"));
    let browser = site.signed_in().await;
    let reply = bob.run(&square, "/dashboard", ()).await.unwrap();
    assert_eq!(browser.press(&path(&linked(&reply)), &[]).await.status, 303);
    let page = browser.get("/").await.text;
    assert!(page.contains("Bob") && page.contains("Village") && !page.contains("Harbour"), "{page}");
}

#[tokio::test]
async fn without_web_pages_there_is_no_such_command() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (news, alice) = (harbour.text("news"), admin(&harbour, "Alice"));
    let mut bot = world.start().await;
    bot.logged("the commands are registered").await;
    let asked = alice.run(&news, "/dashboard", ()).await;
    assert!(asked.is_err(), "{asked:?}");
    assert!(!bot.log().contains("serving the web pages"));
}
