//! Signing in with Discord, as somebody does who has a browser: to Discord's page, and back.

use std::collections::HashMap;

use reqwest::Url;
use rstest::rstest;
use tributary_sandbox::{Config, Permissions};

use super::{Answer, Site, Visitor, address, path};
use crate::harness::{Backend, Crew, World, admin};

/// The cookie that ties a sign-in to its browser.
pub const PENDING: &str = "tributary-sign-in";

impl Site {
    /// A site at which people can sign in with Discord. `None` where there is no such database.
    pub async fn with_discord(backend: Backend) -> Option<Self> {
        Self::with_discord_and(backend, &[]).await
    }

    /// The same with these settings besides.
    pub async fn with_discord_and(backend: Backend, settings: &[(&str, &str)]) -> Option<Self> {
        let world = World::on(backend).await?;
        let secret = world.sandbox.client_secret();
        let settings = [&[("DISCORD_CLIENT_SECRET", secret.as_str())], settings].concat();
        let site = Self::of(world, &settings).await;
        site.world.sandbox.register_redirect_uri(&format!("{}/auth/callback", site.url));
        Some(site)
    }

    /// Begins to sign in, and lets Alice authorize it. Returns the path to which Discord sends the browser.
    pub async fn authorized(&self, browser: &Visitor) -> String {
        path(&self.alice.authorize(&begun(browser, "/auth/login").await).expect("she may"))
    }

    /// Opens a path as a browser that nobody is signed in with, and that began this sign-in.
    pub async fn signs_nobody_in(&self, browser: &Visitor, back: &str) -> Answer {
        let answer = browser.get(back).await;
        assert_eq!((browser.cookie(), browser.cookie_named(PENDING)), (None, None), "{back}");
        assert_eq!(self.rows("web_sessions").await, "0", "{back}");
        answer
    }
}

/// Begins to sign in. Returns the address of Discord's page.
pub async fn begun(browser: &Visitor, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(browser.cookie_named(PENDING).is_some());
    answer.header("location").to_owned()
}

/// What the query of an address says.
pub fn parameters(url: &str) -> HashMap<String, String> {
    Url::parse(url).expect("an address").query_pairs().into_owned().collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn discord_tells_who_signs_in(#[case] backend: Backend) {
    let Some(mut site) = Site::with_discord(backend).await else { return };
    let callback = format!("{}/auth/callback", site.url);
    let line = site.bot.logged("OAuth2 → Redirects").await;
    assert!(line.contains(&callback), "{line}");
    let elsewhere = site.world.sandbox.create_guild_without_bot("Elsewhere");
    elsewhere.join(&site.alice, Permissions::all());
    let browser = site.browser();
    let start = browser.get("/").await.text;
    assert!(start.contains("Sign in with Discord") && start.contains("/dashboard"), "{start}");
    assert!(start.contains("href=\"/auth/login?next=%2F\""), "{start}");
    let first = browser.get("/settings/tokens").await;
    let link = "/auth/login?next=%2Fsettings%2Ftokens";
    assert!(first.status == 401 && first.text.contains(link), "it comes back here: {}", first.text);

    let begun = browser.get(link).await;
    assert_eq!((begun.status, begun.header("cache-control")), (303, "no-store"));
    let cookie = begun.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let page = begun.header("location");
    assert!(page.starts_with(&format!("{}/oauth2/authorize?", site.world.sandbox.base())), "{page}");
    let asked = parameters(page);
    let expected = [
        ("response_type", "code"),
        ("client_id", &site.world.sandbox.application_id().to_string()),
        ("scope", "identify guilds"),
        ("redirect_uri", &callback),
        ("code_challenge_method", "S256"),
        ("prompt", "none"),
    ];
    for (name, value) in expected {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!((asked["state"].len(), asked["code_challenge"].len(), asked.len()), (43, 43, 8));

    let back = site.alice.authorize(page).expect("she may");
    let done = browser.get(&path(&back)).await;
    assert_eq!((done.status, done.header("location")), (303, "/settings/tokens"), "{}", done.text);
    assert_eq!(browser.cookie_named(PENDING), None, "it has served");
    let me = browser.get("/api/v1/me").await.body();
    assert_eq!(
        (me["id"].as_str(), me["name"].as_str()),
        (Some(&*site.alice.id().to_string()), Some("Alice"))
    );
    let start = browser.get("/").await.text;
    assert!(start.contains("Harbour") && !start.contains("Elsewhere"), "the bot isn't there: {start}");
    assert_eq!((site.rows("sign_ins").await, site.rows("web_sessions").await), ("0".into(), "1".into()));
    let revoked = site.world.sandbox.exchanges();
    let revoked = revoked.iter().filter(|exchange| exchange.path == "/oauth2/token/revoke");
    assert_eq!(revoked.map(|exchange| exchange.status).collect::<Vec<_>>(), [200]);
}

#[tokio::test]
async fn without_the_secret_there_is_only_the_link() {
    let site = Site::new().await;
    let browser = site.browser();
    let start = browser.get("/").await.text;
    assert!(!start.contains("/auth/login") && start.contains("/dashboard"), "{start}");
    for path in ["/auth/login", "/auth/login?next=/", "/auth/callback?code=a&state=b"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert!(!site.bot.log().contains("Redirects"));
}

/// Whoever put a session into this browser before has nothing of the new one.
#[tokio::test]
async fn a_sign_in_begins_a_new_session_and_ends_the_old_one() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let browser = site.signed_in().await;
    let first = browser.cookie().unwrap();
    let back = site.authorized(&browser).await;
    assert_eq!(browser.cookie().as_ref(), Some(&first), "nothing has changed yet");
    assert_eq!(browser.get("/api/v1/me").await.status, 200);
    assert_eq!(browser.get(&back).await.status, 303);
    assert_ne!(browser.cookie().unwrap(), first);
    let thief = site.browser();
    thief.set_cookie(Some(first));
    assert_eq!(thief.get("/api/v1/me").await.problem(), (401, "authentication_required".to_owned()));
    assert_eq!(site.rows("web_sessions").await, "1");
}

/// The list is Discord's: a server that somebody left is gone with the next sign-in.
#[tokio::test]
async fn what_discord_no_longer_names_is_forgotten() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    let village = site.world.sandbox.create_guild("Village");
    village.join(&site.alice, Permissions::empty());
    let browser = site.browser();
    // The gateway tells a moment later that the bot is there, too.
    let is_listed = async || {
        let back = site.authorized(&browser).await;
        assert_eq!(browser.get(&back).await.status, 303);
        browser.get("/").await.text.contains("Village")
    };
    site.world.until("the village is listed", is_listed).await;
    village.leave(&site.alice).expect("she is a member");
    let back = site.authorized(&browser).await;
    assert_eq!(browser.get(&back).await.status, 303);
    let start = browser.get("/").await.text;
    assert!(start.contains("Harbour") && !start.contains("Village"), "{start}");
}

#[tokio::test]
async fn nobody_is_led_to_another_site_by_discord() {
    let site = Site::with_discord(Backend::Sqlite).await.unwrap();
    for evil in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/%0d%0aset-cookie:a=b",
        "",
        "/a&next=//evil.example",
    ] {
        let browser = site.browser();
        let page = begun(&browser, &format!("/auth/login?next={evil}")).await;
        let back = path(&site.alice.authorize(&page).expect("she may"));
        let done = browser.get(&back).await;
        assert_eq!((done.status, done.header("location")), (303, "/"), "{evil:?}");
    }
}

/// What is begun at one process can end at another one.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn two_processes_share_a_sign_in() {
    const HOST: &str = "localhost:9";
    let Some(mut crew) = Crew::start(0, 0).await else { return };
    let secret = crew.world.sandbox.client_secret();
    crew.world.set("WEB_ADDR", "127.0.0.1:0");
    crew.world.set("PUBLIC_URL", format!("http://{HOST}"));
    crew.world.set("DISCORD_CLIENT_SECRET", secret);
    crew.world.sandbox.register_redirect_uri(&format!("http://{HOST}/auth/callback"));
    let (harbour, mut village) =
        (crew.world.sandbox.create_guild("Harbour"), crew.world.sandbox.create_guild("Village"));
    let shard = |guild: &tributary_sandbox::Guild| (guild.id().0 >> 22) % 2;
    while shard(&village) == shard(&harbour) {
        // Ids count milliseconds.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        village = crew.world.sandbox.create_guild("Village");
    }
    let alice = admin(&harbour, "Alice");
    village.join(&alice, Permissions::empty());
    let mut visitors = Vec::new();
    for shard in 0..2 {
        let mut gateway = crew.spawn_gateway(shard, 2);
        visitors.push(Visitor::new(&format!("http://{}", address(&mut gateway).await)));
        crew.world.ready(&mut gateway).await;
        crew.gateways.push(gateway);
    }
    let [one, other] = &visitors[..] else { unreachable!("there are two") };
    let begun = one.send(one.request("GET", "/auth/login?next=/docs").header("host", HOST)).await;
    let page = begun.header("location");
    let back = path(&alice.authorize(page).expect("she may"));
    let pending = one.cookie_named(PENDING).unwrap();
    let request = other.request("GET", &back).header("host", HOST).header("cookie", pending);
    let done = other.send(request).await;
    assert_eq!((done.status, done.header("location")), (303, "/docs"), "{}", done.text);
    one.set_cookie(other.cookie());
    for visitor in [one, other] {
        let start = visitor.send(visitor.request("GET", "/").header("host", HOST)).await.text;
        assert!(start.contains("Harbour") && start.contains("Village"), "{start}");
    }
}

/// `DISCORD_API_BASE` may be a proxy that browsers can't reach, and that adds the bot's own token.
#[tokio::test]
async fn discords_page_may_be_elsewhere_than_its_api() {
    let pages = tributary_sandbox::Sandbox::start(Config::default()).await.expect("a free port");
    let settings = [("DISCORD_OAUTH_BASE", pages.base())];
    let site = Site::with_discord_and(Backend::Sqlite, &settings).await.unwrap();
    let page = begun(&site.browser(), "/auth/login").await;
    assert!(page.starts_with(&format!("{}/oauth2/authorize?", pages.base())), "{page}");
}
