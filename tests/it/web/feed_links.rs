//! Somebody's feed at a private address, for programs that read feeds.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Permissions, Person};

use super::people::newcomer;
use super::{Answer, Program, Site, Visitor, path, with_token};
use crate::harness::{Backend, SOON};

/// Bob, who follows Carol, and a browser of his.
struct Readers {
    site: Site,
    carol: Person,
    bob: Person,
    bobs: Program,
    browser: Visitor,
}

impl Readers {
    async fn on(backend: Backend) -> Option<Self> {
        Some(Self::of(Site::on(backend).await?).await)
    }

    async fn new() -> Self {
        Self::of(Site::new().await).await
    }

    async fn of(site: Site) -> Self {
        let (carol, _) = newcomer(&site, "Carol").await;
        let (bob, bobs) = newcomer(&site, "Bob").await;
        let followed = bobs.json("POST", &format!("/api/v1/users/{}/follow", carol.id()), Value::Null).await;
        assert_eq!(followed.status, 201, "{}", followed.text);
        let browser = site.signed_in_as(&bob, &site.news).await;
        Self { site, carol, bob, bobs, browser }
    }

    /// A new address of Bob's feed.
    async fn link(&self) -> Value {
        let made = self.browser.json("POST", "/api/v1/me/feeds", &json!({ "name": "phone" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body()
    }

    /// Reads the feed as a program does that knows nothing but the address.
    async fn read(&self, address: &Value) -> Answer {
        self.site.browser().get(&path(address.as_str().unwrap())).await
    }

    /// Waits until the feed has so many posts.
    async fn has(&self, address: &Value, posts: usize) -> Value {
        let began = std::time::Instant::now();
        loop {
            let page = self.bobs.get("/api/v1/me/feed").await.body();
            if page["activities"].as_array().unwrap().len() == posts {
                return self.read(address).await.body();
            }
            assert!(began.elapsed() < SOON, "{page} never had {posts} posts");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_feed_is_read_as_atom_rss_and_json(#[case] backend: Backend) {
    let Some(all) = Readers::on(backend).await else { return };
    let link = all.link().await;
    assert_eq!((&link["name"], &link["usedOn"]), (&json!("phone"), &Value::Null));
    all.carol.post(&all.site.news, "<b>bold</b> & #rust\nand more").unwrap();
    let feed = all.has(&link["json"], 1).await;
    let item = &feed["items"][0];
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    assert_eq!(item["title"], "Carol in #news: <b>bold</b> & #rust");
    let html = item["content_html"].as_str().unwrap();
    assert!(html.starts_with("<p>&lt;b&gt;bold&lt;/b&gt; &amp; #rust<br>and more</p>"), "{html}");
    assert_eq!((&item["tags"], &item["authors"][0]["name"]), (&json!(["#rust"]), &json!("Carol")));

    for (format, kind, root) in
        [("atom", "application/atom+xml", "feed"), ("rss", "application/rss+xml", "rss")]
    {
        let answer = all.read(&link[format]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, &*format!("{kind}; charset=utf-8")));
        let document = roxmltree::Document::parse(&answer.text).unwrap();
        assert_eq!(document.root_element().tag_name().name(), root);
        let texts = |name: &str| {
            let nodes = document.descendants().filter(|node| node.tag_name().name() == name);
            nodes.map(|node| node.text().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts("title"), ["Tributary: phone", "Carol in #news: <b>bold</b> & #rust"]);
        let said = texts(if format == "atom" { "content" } else { "description" });
        assert_eq!(said.last().unwrap(), html);
    }
    let listed = all.browser.get("/api/v1/me/feeds").await.body();
    assert_eq!(listed["items"][0]["id"], link["id"]);
    assert!(listed["items"][0]["usedOn"].is_string(), "{listed}");
}

/// What the answer tells caches and browsers; who has it already gets nothing.
#[tokio::test]
async fn an_answer_is_private_and_not_sent_twice() {
    let all = Readers::new().await;
    let link = all.link().await;
    all.carol.post(&all.site.news, "one").unwrap();
    all.has(&link["json"], 1).await;
    for format in ["atom", "rss", "json"] {
        let first = all.read(&link[format]).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{format}: {tag}");
        for (name, value) in [
            ("cache-control", "private, no-cache"),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex"),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(first.header(name), value, "{format}");
        }
        let secret = link[format].as_str().unwrap().rsplit('/').next().unwrap().split('.').next().unwrap();
        assert!(!first.text.contains(secret), "the address isn't repeated");
        assert!(!first.text.contains(&all.bob.id().to_string()), "nor whose it is");
        let visitor = all.site.browser();
        let again = visitor.request("GET", &path(link[format].as_str().unwrap()));
        let again = visitor.send(again.header("if-none-match", &tag)).await;
        assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()));
        assert_eq!(again.header("cache-control"), "private, no-cache");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn only_what_one_may_see_now_is_in_it(#[case] backend: Backend) {
    let Some(all) = Readers::on(backend).await else { return };
    let secret = all.site.harbour.private_text("secret");
    let reading = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    all.site.harbour.allow_bot(&secret, reading);
    secret.allow(&all.carol, reading);
    let link = all.link().await;
    all.carol.post(&secret, "between us").unwrap();
    all.carol.post(&all.site.news, "for all").unwrap();
    let feed = all.has(&link["json"], 1).await;
    assert_eq!(feed["items"].as_array().unwrap().len(), 1, "{feed}");
    secret.allow(&all.bob, reading);
    assert_eq!(all.has(&link["json"], 2).await["items"].as_array().unwrap().len(), 2);
    secret.deny(&all.bob, reading);
    let feed = all.has(&link["json"], 1).await;
    assert!(!feed.to_string().contains("between us"), "{feed}");
    let unfollow = format!("/api/v1/users/{}/unfollow", all.carol.id());
    assert_eq!(all.bobs.json("POST", &unfollow, Value::Null).await.status, 204);
    assert_eq!(all.read(&link["json"]).await.body()["items"], json!([]));
}

/// Each address ends by itself; a wrong one is told nothing.
#[tokio::test]
async fn an_address_that_is_wrong_or_was_revoked_is_told_nothing() {
    let all = Readers::new().await;
    let (first, second) = (all.link().await, all.link().await);
    let alice = all.site.signed_in().await;
    let one = format!("/api/v1/me/feeds/{}", first["id"].as_str().unwrap());
    assert_eq!(alice.json("DELETE", &one, &json!({})).await.problem().0, 404, "it is Bob's");
    assert_eq!(all.read(&first["atom"]).await.status, 200);
    assert_eq!(all.browser.json("DELETE", &one, &json!({})).await.status, 204);
    assert_eq!(all.read(&second["atom"]).await.status, 200, "the others stay");
    let known = path(second["atom"].as_str().unwrap());
    for wrong in [
        path(first["atom"].as_str().unwrap()),
        known.replace(".atom", ".xml"),
        known.replace(".atom", ""),
        format!("/feeds/{}.atom", "A".repeat(43)),
        "/feeds/.atom".to_owned(),
        "/feeds/%00.rss".to_owned(),
    ] {
        let answer = all.site.browser().get(&wrong).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, ""), "{wrong}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let marked = all.site.browser().get(&format!("{known}?x=1")).await;
    assert_eq!(marked.status, 200, "readers add what they like");
    let secret = known.strip_prefix("/feeds/").unwrap().strip_suffix(".atom").unwrap();
    for token in [secret, &format!("trib_{secret}")] {
        assert_eq!(with_token(&all.site, "GET", "/api/v1/me/feed", token).await.status, 401, "nothing else");
    }
    let visitor = all.site.browser();
    visitor.set_cookie(Some(format!("tributary={secret}")));
    assert_eq!(visitor.get("/api/v1/me/feed").await.status, 401, "not as a cookie either");
}

#[tokio::test]
async fn so_many_addresses_and_so_many_requests_are_enough() {
    let all = Readers::new().await;
    let link = all.link().await;
    for _ in 0..60 {
        assert_eq!(all.read(&link["rss"]).await.status, 200);
    }
    let refused = all.read(&link["atom"]).await;
    assert_eq!((refused.status, refused.text.as_str()), (429, ""));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3_000..=3_600).contains(&wait), "{wait}");
    for _ in 1..20 {
        assert_eq!(all.read(&all.link().await["rss"]).await.status, 200, "each for itself");
    }
    let full = all.browser.json("POST", "/api/v1/me/feeds", &json!({ "name": "x" })).await;
    assert_eq!(full.problem(), (409, "too_many_feed_links".to_owned()));
    let token = all.bobs.json("POST", "/api/v1/me/feeds", json!({ "name": "x" })).await;
    assert_eq!(token.problem(), (403, "session_required".to_owned()));
    let forgotten = all.bob.run(&all.site.news, "/feed forget", ()).await.unwrap();
    forgotten.press("Forget me as a reader").await.unwrap();
    assert_eq!(all.site.rows("feed_links").await, "0");
}

#[tokio::test]
async fn nothing_of_an_address_is_logged_or_stored() {
    let everything = "trace,serenity=trace,hyper=trace,sqlx=trace,sea_orm=trace,axum=trace,tower=trace";
    let all = Readers::of(Site::with(&[("RUST_LOG", everything)]).await).await;
    let (link, gone) = (all.link().await, all.link().await);
    all.read(&link["atom"]).await;
    let one = format!("/api/v1/me/feeds/{}", gone["id"].as_str().unwrap());
    assert_eq!(all.browser.json("DELETE", &one, &json!({})).await.status, 204);
    all.read(&gone["json"]).await;
    all.site.world.database.execute("ALTER TABLE feed_items RENAME TO elsewhere").await;
    assert_eq!(all.read(&link["rss"]).await.status, 503);
    let (log, database) = (all.site.bot.log(), all.site.world.database.bytes());
    assert!(log.contains("/feeds/{file}") && log.contains("DEBUG"), "it was logged in detail");
    for link in [link, gone] {
        let secret = path(link["atom"].as_str().unwrap());
        let secret = secret.strip_prefix("/feeds/").unwrap().strip_suffix(".atom").unwrap();
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "it is in the log: {line:?}");
        assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    let audit = all.browser.get("/api/v1/me/audit").await.body();
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().filter_map(|one| one["action"].as_str()).collect();
    assert_eq!(actions[..3], ["feed_link_revoked", "feed_link_created", "feed_link_created"]);
}

/// The page makes, shows once, lists and revokes them.
#[tokio::test]
async fn the_page_and_the_command_make_and_revoke_addresses() {
    let all = Readers::new().await;
    let empty = all.browser.get("/feed/addresses").await;
    assert!(empty.text.contains("opens your feed and nothing else"), "{}", empty.text);
    let made = all.browser.press("/feed/addresses", &[("name", "<phone>")]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.text.contains("&lt;phone&gt;") && made.text.contains(".atom</code>"), "{}", made.text);
    let listed = all.browser.get("/feed/addresses").await.text;
    assert!(listed.contains("&lt;phone&gt;") && !listed.contains("/feeds/"), "{listed}");
    let revoke = listed.split("action=\"").find(|rest| rest.contains("/revoke")).unwrap();
    let revoke = revoke.split('"').next().unwrap().to_owned();
    assert_eq!(all.browser.press(&revoke, &[]).await.status, 303);
    assert_eq!(all.browser.press(&revoke, &[]).await.status, 404);

    let run = async |options: tributary_sandbox::Options| {
        let reply = all.bob.run(&all.site.news, "/feed link", options).await.unwrap();
        assert!(reply.is_ephemeral());
        reply
    };
    let none = run(tributary_sandbox::Options::new()).await;
    assert!(none.text().contains("no addresses"), "{}", none.text());
    let made = run(tributary_sandbox::Options::new().set("name", "watch")).await;
    let text = made.text();
    let address = text.split('`').find(|part| part.ends_with(".json")).unwrap().to_owned();
    assert_eq!(all.read(&json!(address)).await.status, 200);
    let listed = run(tributary_sandbox::Options::new()).await;
    assert!(listed.text().contains("watch") && !listed.text().contains(".json"), "shown once");
    let revoked = listed.select("Revoke an address …", &["2"]).await.unwrap();
    assert!(revoked.text().contains("Revoked"), "{}", revoked.text());
    assert_eq!(all.read(&json!(address)).await.status, 404);
}
