//! The page of one's feed, in a real browser and without one.

use serde_json::{Value, json};
use tributary_sandbox::{Person, Post};

use super::people::newcomer;
use super::{Program, Site, Visitor};
use crate::harness::Browser;

/// Bob, who follows Carol, and what she posted.
struct Readers {
    site: Site,
    carol: Person,
    bob: Person,
    bobs: Program,
}

impl Readers {
    async fn new() -> Self {
        let site = Site::new().await;
        let (carol, _) = newcomer(&site, "Carol").await;
        let (bob, bobs) = newcomer(&site, "Bob").await;
        let all = Self { site, carol, bob, bobs };
        let target = json!({ "target": { "kind": "user", "id": all.carol.id().to_string() } });
        let made = all.bobs.json("POST", "/api/v1/me/follows", target).await;
        assert_eq!(made.status, 201, "{}", made.text);
        all
    }

    async fn carol_posts(&self, posts: impl IntoIterator<Item = Post>) {
        let mut expected: u64 = self.site.rows("feed_items").await.parse().unwrap();
        for post in posts {
            self.carol.post(&self.site.news, post).unwrap();
            expected += 1;
        }
        let there = async || self.site.rows("feed_items").await == expected.to_string();
        self.site.world.until("the posts are in the feed", there).await;
    }

    async fn signed_in(&self) -> Visitor {
        self.site.signed_in_as(&self.bob, &self.site.news).await
    }
}

fn numbered(posts: std::ops::Range<u32>) -> impl Iterator<Item = Post> {
    posts.map(|number| Post::text(&format!("post {number}")))
}

/// The value of a form's hidden field after this text.
fn field<'a>(page: &'a str, after: &str, attribute: &str) -> &'a str {
    let rest = page.split_once(after).unwrap_or_else(|| panic!("no {after} in {page}")).1;
    rest.split_once(&format!("{attribute}=\"")).unwrap().1.split('"').next().unwrap()
}

#[tokio::test]
async fn pages_go_back_and_forth_and_filters_narrow_them() {
    let all = Readers::new().await;
    all.carol_posts(numbered(0..22)).await;
    all.carol_posts([Post::text("about #rust & more")]).await;
    let browser = all.signed_in().await;
    let first = browser.get("/feed").await.text;
    assert!(first.contains("post 21") && first.contains("post 3<") && !first.contains("post 2<"), "{first}");
    let older = field(&first, "rel=\"next\"", "href").to_owned();
    let second = browser.get(&older).await.text;
    assert!(second.contains("post 2<") && !second.contains("post 3<"), "{second}");
    let newer = field(&second, "rel=\"prev\"", "href").to_owned();
    assert!(browser.get(&newer).await.text.contains("post 21"));

    let tagged = field(&first, "p class=\"tags\"", "href").to_owned();
    let tagged = browser.get(&tagged).await.text;
    assert!(tagged.contains("about #rust &amp; more") && !tagged.contains("post 21"), "{tagged}");
    for query in [
        format!("author={}", all.carol.id()),
        format!("channel={}", all.site.news.id()),
        format!("server={}", all.site.harbour.id()),
    ] {
        let page = browser.get(&format!("/feed?{query}")).await.text;
        assert!(page.contains("post 21") && page.contains("Clear filter"), "{query}: {page}");
    }
    let other = browser.get(&format!("/feed?author={}", all.bob.id())).await.text;
    assert!(other.contains("There is nothing here."), "{other}");
    for wrong in ["author=x", "cursor=x", "newer=x", "tag=%2C", "server=0"] {
        assert_eq!(browser.get(&format!("/feed?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn one_follows_mutes_and_unfollows_from_the_page() {
    let all = Readers::new().await;
    let dave = all.site.harbour.member("Dave", tributary_sandbox::Permissions::default());
    let target = json!({ "target": { "kind": "channel", "id": all.site.news.id().to_string() } });
    assert_eq!(all.bobs.json("POST", "/api/v1/me/follows", target).await.status, 201);
    all.carol_posts(numbered(0..1)).await;
    dave.post(&all.site.news, "by Dave, see https://example.org").unwrap();
    let browser = all.signed_in().await;
    all.site
        .world
        .until("both are there", async || browser.get("/feed").await.text.contains("by Dave"))
        .await;
    let page = browser.get("/feed").await.text;
    assert!(page.contains("Follow Dave") && !page.contains("Follow Carol"), "{page}");
    let author = field(&page, "action=\"/feed/follow\"", "value").to_owned();
    assert_eq!(author, dave.id().to_string());
    let followed = browser.press("/feed/follow", &[("author", &author), ("back", "/feed?unread=1")]).await;
    assert_eq!((followed.status, followed.header("location")), (303, "/feed?unread=1"));
    assert_eq!(browser.press("/feed/follow", &[("author", &author)]).await.status, 303, "twice is once");
    let away = browser.press("/feed/follow", &[("author", &author), ("back", "//evil.example/feed")]).await;
    assert_eq!(away.header("location"), "/feed");

    let list = browser.get("/feed/following").await.text;
    assert!(list.contains("Dave") && list.contains("Carol"), "{list}");
    let follows = all.bobs.get("/api/v1/me/follows").await.body();
    let id = |who: &Person| {
        let is_it = |one: &&Value| one["followingId"] == who.id().to_string();
        follows["items"].as_array().unwrap().iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let carols = id(&all.carol);
    let mute = format!("/feed/follows/{carols}/mute");
    assert_eq!(browser.press(&mute, &[("days", "7")]).await.status, 303);
    assert!(browser.get("/feed/following").await.text.contains("muted until"));
    assert_eq!(browser.press(&mute, &[("days", "0")]).await.status, 303);
    assert_eq!(browser.press(&mute, &[("days", "3")]).await.status, 400);
    let unfollow = format!("/feed/follows/{carols}/unfollow");
    let alice = all.site.signed_in().await;
    assert_eq!(alice.press(&unfollow, &[]).await.status, 404, "it is Bob's");
    assert_eq!(browser.press(&unfollow, &[]).await.status, 303);
    assert!(!browser.get("/feed/following").await.text.contains("Carol"));
}

/// On a phone, light and dark, nothing scrolls sideways; the keys move, mark and help.
#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn the_page_fits_a_phone_and_has_keys() {
    let all = Readers::new().await;
    all.carol_posts(numbered(0..3)).await;
    let long = format!("{}\nhttps://example.org/{}", "word ".repeat(80), "x".repeat(120));
    let picture = Post::text("a picture").file("harbour.png", "image/png", [0_u8; 64]);
    all.carol_posts([
        picture,
        Post::text(&long),
        Post::text("||hidden|| #rust #a_rather_long_hashtag_for_the_narrow_window_of_a_phone"),
    ])
    .await;
    let reply = all.bob.run(&all.site.news, "/dashboard", ()).await.unwrap();
    let browser = Browser::open(360, 740).await;
    browser.goto(&super::linked(&reply)).await;
    browser.click("form[action^=\"/auth/link\"] button, main form button").await;
    browser.until("location.pathname === '/'").await;
    for (width, height, scheme) in
        [(360, 740, "light"), (360, 740, "dark"), (1280, 800, "light"), (1280, 800, "dark")]
    {
        browser.resize(width, height).await;
        browser.prefer("prefers-color-scheme", scheme).await;
        for page in ["/feed", "/feed/following", "/feed/addresses"] {
            browser.goto(&format!("{}{page}", all.site.url)).await;
            let fits = "return document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(browser.script(fits).await, json!(true), "{page} at {width}");
        }
    }
    browser.goto(&format!("{}/feed", all.site.url)).await;
    browser.until("document.querySelector('.keys') && !document.querySelector('.keys').hidden").await;
    browser.keys("jj").await;
    browser.until("document.activeElement === document.querySelectorAll('.post')[1]").await;
    browser.keys("k").await;
    browser.until("document.activeElement === document.querySelectorAll('.post')[0]").await;
    browser.keys("?").await;
    browser.until("document.getElementById('keys').open").await;
    browser.keys("?").await;
    browser.until("!document.getElementById('keys').open").await;
    browser.keys("/").await;
    browser.until("document.activeElement.name === 'tag'").await;
    browser.keys("{Escape}").await;
    browser.keys("jjm").await;
    browser.until("document.querySelectorAll('.post.unread').length < 6").await;
}
