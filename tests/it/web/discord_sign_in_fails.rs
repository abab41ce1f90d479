//! Signing in with Discord, where somebody or something is in the way.

use rstest::rstest;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tributary_sandbox::{Effect, Fault, Hold, LimitScope};

use super::discord_sign_in::{begun, parameters};
use super::{Site, path};
use crate::harness::Backend;

/// The path back from Discord, with one parameter changed. An empty value takes it away.
fn changed(back: &str, name: &str, value: &str) -> String {
    let mut query = parameters(&format!("http://localhost{back}"));
    query.remove(name);
    if !value.is_empty() {
        query.insert(name.to_owned(), value.to_owned());
    }
    let url = reqwest::Url::parse_with_params("http://localhost/auth/callback", query).expect("an address");
    path(url.as_str())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn another_browser_cannot_come_back(#[case] backend: Backend) {
    let Some(site) = Site::with_discord(backend).await else { return };
    let browser = site.browser();
    let back = site.authorized(&browser).await;
    let other = site.browser();
    let refused = site.signs_nobody_in(&other, &back).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("begun in another browser"), "{}", refused.text);
    assert!(refused.text.contains("/auth/login") && refused.text.contains("Try again"), "{}", refused.text);
    // Who began one of their own can't come back with this one either.
    begun(&other, "/auth/login").await;
    let back = site.authorized(&browser).await;
    assert_eq!(site.signs_nobody_in(&other, &back).await.status, 400);
    assert_eq!(site.signs_nobody_in(&browser, &back).await.status, 400, "it was used up");
    let exchanged = site.world.sandbox.exchanges();
    assert!(!exchanged.iter().any(|exchange| exchange.path.starts_with("/oauth2")), "Discord isn't asked");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_sign_in_comes_back_once(#[case] backend: Backend) {
    let Some(site) = Site::with_discord(backend).await else { return };
    let browser = site.browser();
    let page = begun(&browser, "/auth/login").await;
    let pending = browser.cookie_named(super::discord_sign_in::PENDING).unwrap();
    let backs = [(); 4].map(|()| path(&site.alice.authorize(&page).expect("she may")));
    let requests = backs.iter().map(|back| {
        let browser = site.browser();
        let request = browser.request("GET", back).header("cookie", &pending);
        async move { browser.send(request).await.status }
    });
    let mut statuses = futures_util::future::join_all(requests).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400]);
    assert_eq!(site.rows("web_sessions").await, "1");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_old_sign_in_signs_nobody_in(#[case] backend: Backend) {
    let Some(site) = Site::with_discord(backend).await else { return };
    let browser = site.browser();
    let back = site.authorized(&browser).await;
    site.world.database.execute("UPDATE sign_ins SET expires_at = '2026-01-01T00:00:00+00:00'").await;
    let refused = site.signs_nobody_in(&browser, &back).await;
    assert!(refused.status == 400 && refused.text.contains("ten minutes"), "{}", refused.text);
}

#[tokio::test]
async fn only_what_was_begun_comes_back() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let link = site.link().await;
    let link = link.rsplit('/').next().unwrap();
    for state in ["", "x", &"A".repeat(43), link] {
        let browser = site.browser();
        let back = site.authorized(&browser).await;
        let refused = site.signs_nobody_in(&browser, &changed(&back, "state", state)).await;
        assert_eq!(refused.status, 400, "{state}");
    }
    let twice = "/auth/callback?state=a&state=b&code=c";
    assert_eq!(site.signs_nobody_in(&site.browser(), twice).await.status, 400);
    assert_eq!(site.browser().press(&format!("/auth/link/{link}"), &[]).await.status, 303, "it still works");
}

#[tokio::test]
async fn a_link_cannot_be_made_of_a_begun_sign_in() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.browser();
    let page = begun(&browser, "/auth/login").await;
    let link = format!("/auth/link/{}", parameters(&page)["state"]);
    assert_eq!(browser.get(&link).await.status, 410);
    assert_eq!(browser.press(&link, &[]).await.status, 410);
    let back = path(&site.alice.authorize(&page).expect("she may"));
    assert_eq!(browser.get(&back).await.status, 303, "it isn't used up");
}

/// RFC 9207: an answer that another server made isn't taken to Discord.
#[tokio::test]
async fn an_answer_of_somebody_elses_is_refused() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    for issuer in ["https://evil.example", "https://discord.com.evil.example", "https://discord.com/", "x"] {
        let browser = site.browser();
        let back = site.authorized(&browser).await;
        let refused = site.signs_nobody_in(&browser, &changed(&back, "iss", issuer)).await;
        assert_eq!(refused.status, 400, "{issuer}");
        assert!(refused.text.contains("did not come from Discord"), "{}", refused.text);
    }
    let exchanges = site.world.sandbox.exchanges();
    assert!(
        !exchanges.iter().any(|exchange| exchange.path.starts_with("/oauth2")),
        "no code was shown around"
    );
    for issuer in ["", "https://discord.com"] {
        let browser = site.browser();
        let back = site.authorized(&browser).await;
        assert_eq!(browser.get(&changed(&back, "iss", issuer)).await.status, 303, "{issuer}");
    }
}

#[tokio::test]
async fn whoever_cancels_is_on_the_start_page() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.browser();
    let page = begun(&browser, "/auth/login?next=/settings/tokens").await;
    let back = path(&site.alice.decline(&page).expect("she may"));
    let cancelled = site.signs_nobody_in(&browser, &back).await;
    assert_eq!(cancelled.status, 303);
    let start = browser.get(cancelled.header("location")).await;
    assert!(start.status == 200 && start.text.contains("You cancelled"), "{}", start.text);
    assert!(start.text.contains("Sign in with Discord"), "{}", start.text);
    assert_eq!(site.rows("sign_ins").await, "0");
    let back = site.authorized(&browser).await;
    let other = changed(&changed(&back, "code", ""), "error", "server_error");
    let refused = site.signs_nobody_in(&browser, &other).await;
    assert!(refused.status == 400 && refused.text.contains("Discord refused it"), "{}", refused.text);
}

#[tokio::test]
async fn less_than_asked_for_is_not_enough() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    for scope in ["identify", "guilds"] {
        let browser = site.browser();
        let page = begun(&browser, "/auth/login").await;
        let page = page.replace("scope=identify+guilds", &format!("scope={scope}"));
        let back = path(&site.alice.authorize(&page).expect("she may"));
        let refused = site.signs_nobody_in(&browser, &back).await;
        assert!(refused.status == 400 && refused.text.contains("which servers"), "{}", refused.text);
    }
    let exchanges = site.world.sandbox.exchanges();
    let revoked = exchanges.iter().filter(|exchange| exchange.path == "/oauth2/token/revoke");
    assert_eq!(revoked.count(), 2, "what was given is given back");
}

/// A code that Discord doesn't take: used up, or somebody else's.
#[tokio::test]
async fn a_code_of_another_sign_in_is_refused() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let (browser, other) = (site.browser(), site.browser());
    let stolen = site.authorized(&other).await;
    let stolen = &parameters(&format!("http://localhost{stolen}"))["code"];
    for code in [stolen, "nonsense", &"x".repeat(3_000)] {
        let back = site.authorized(&browser).await;
        let refused = site.signs_nobody_in(&browser, &changed(&back, "code", code)).await;
        assert!(refused.status == 400 && refused.text.contains("did not accept"), "{}", refused.text);
    }
}

#[rstest]
#[case::exchange("POST", "/oauth2/token", Effect::Status(500))]
#[case::exchange_lost("POST", "/oauth2/token", Effect::DropAnswer)]
#[case::exchange_page("POST", "/oauth2/token", Effect::Page(200))]
#[case::exchange_forbidden("POST", "/oauth2/token", Effect::Page(403))]
#[case::person("GET", "/users/@me", Effect::Status(502))]
#[case::person_dropped("GET", "/users/@me", Effect::DropRequest)]
#[case::servers("GET", "/users/@me/guilds", Effect::Page(503))]
#[tokio::test]
async fn where_discord_fails_nobody_is_signed_in(
    #[case] method: &str,
    #[case] path: &str,
    #[case] effect: Effect,
) {
    let mut site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.browser();
    let back = site.authorized(&browser).await;
    let fault = site.world.sandbox.fault(Fault::on(method, path, effect).forever());
    let failed = site.signs_nobody_in(&browser, &back).await;
    assert_eq!((failed.status, failed.header("retry-after")), (502, "61"), "{}", failed.text);
    assert!(failed.text.contains("Signing in didn't work: Discord did not answer"), "{}", failed.text);
    assert!(failed.text.contains("/auth/login"), "{}", failed.text);
    assert_eq!(site.world.sandbox.fault_hits(fault), 1, "nothing is repeated");
    site.bot.logged("a sign-in with Discord failed").await;
    let log = site.bot.log();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("a sign-in with Discord failed")).collect();
    assert!(lines.len() == 1 && lines[0].contains("WARN") && lines[0].contains("request_id"), "{lines:?}");
    site.world.sandbox.clear_faults();
    let back = site.authorized(&browser).await;
    assert_eq!(browser.get(&back).await.status, 303, "it works again");
}

/// The visitor's own request has ten seconds: what went wrong must be said before.
#[tokio::test]
async fn where_discord_is_silent_it_is_said_in_time() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.browser();
    let back = site.authorized(&browser).await;
    let hold = Hold::new();
    site.world.sandbox.fault(Fault::on("GET", "/users/@me", Effect::Hold(hold.clone())));
    let failed = site.signs_nobody_in(&browser, &back).await;
    assert_eq!(failed.status, 502, "{}", failed.text);
    hold.release();
}

/// What isn't revoked is forgotten all the same.
#[tokio::test]
async fn a_token_that_cannot_be_revoked_is_no_obstacle() {
    let mut site = Site::with_discord(Backend::Sqlite).await.unwrap();
    site.world.sandbox.fault(Fault::on("POST", "/oauth2/token/revoke", Effect::Status(500)).forever());
    let browser = site.browser();
    let back = site.authorized(&browser).await;
    assert_eq!(browser.get(&back).await.status, 303);
    site.bot.logged("could not be revoked").await;
}

/// Discord bans an address for too many such answers, and the bot with it.
#[tokio::test]
async fn a_limit_holds_up_sign_ins_and_nothing_else() {
    let mut site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let limited =
        Effect::RateLimited { scope: LimitScope::Global, retry_after: std::time::Duration::from_secs(300) };
    let fault = site.world.sandbox.fault(Fault::on("POST", "/oauth2/token", limited).forever());
    for _ in 0..3 {
        let browser = site.browser();
        let back = site.authorized(&browser).await;
        let failed = site.signs_nobody_in(&browser, &back).await;
        assert_eq!(failed.status, 502);
        let wait: u32 = failed.header("retry-after").parse().unwrap();
        assert!((200..=301).contains(&wait), "{wait}");
    }
    assert_eq!(site.world.sandbox.fault_hits(fault), 1, "Discord is asked once");
    assert_eq!(site.signed_in().await.get("/").await.status, 200, "commands and the link still work");
    let (status, _) = site.bot.page("/readyz").await;
    assert_eq!(status, 200);
}

/// The operator mistyped it, or it was reset in the portal.
#[tokio::test]
async fn a_wrong_secret_is_said_to_whom_it_concerns() {
    let world = crate::harness::World::new().await;
    let mut site = Site::of(world, &[("DISCORD_CLIENT_SECRET", "wrong-s3cret")]).await;
    site.world.sandbox.register_redirect_uri(&format!("{}/auth/callback", site.url));
    for _ in 0..2 {
        let browser = site.browser();
        let back = site.authorized(&browser).await;
        let failed = site.signs_nobody_in(&browser, &back).await;
        assert!(failed.status == 502 && failed.text.contains("Only its operator"), "{}", failed.text);
    }
    site.bot.logged("Discord refuses DISCORD_CLIENT_SECRET").await;
    assert!(!site.bot.log().contains("s3cret"));
}

/// What Discord gave for the code is given back, even if the browser went away meanwhile.
#[tokio::test]
async fn who_goes_away_leaves_no_token_behind() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.browser();
    let back = site.authorized(&browser).await;
    let (hold, sandbox) = (Hold::new(), &site.world.sandbox);
    let fault = sandbox.fault(Fault::on("GET", "/users/@me", Effect::Hold(hold.clone())));
    let host = site.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let cookie = browser.cookie_named(super::discord_sign_in::PENDING).unwrap();
    let request = format!("GET {back} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    site.world.until("Discord is asked", async || sandbox.fault_hits(fault) == 1).await;
    drop(stream);
    assert_eq!(site.browser().get("/").await.status, 200);
    hold.release();
    let revoked = async || sandbox.exchanges().iter().any(|exchange| exchange.path == "/oauth2/token/revoke");
    site.world.until("the token is revoked", revoked).await;
}
