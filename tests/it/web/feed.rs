//! What comes of what people follow.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::Permissions;

use super::people::newcomer;
use super::{Program, Site};
use crate::harness::{Backend, SOON};

/// The texts of the feed's first page.
pub async fn texts(program: &Program, query: &str) -> Vec<String> {
    let page = program.get(&format!("/api/v1/me/feed{query}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let body = page.body();
    let activities = body["activities"].as_array().unwrap();
    activities.iter().map(|one| one["text"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Waits until the feed has these texts, newest first.
pub async fn shows(program: &Program, expected: &[&str]) {
    let began = std::time::Instant::now();
    loop {
        let now = texts(program, "").await;
        if now == expected {
            return;
        }
        assert!(began.elapsed() < SOON, "{now:?} never became {expected:?}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

pub async fn follow(program: &Program, body: Value) -> Value {
    let made = program.json("POST", "/api/v1/me/follows", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_followed_person_posts_is_in_the_feed(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let town = site.harbour.text("town");
    let (carol, _) = newcomer(&site, "Carol").await;
    let (dave, _) = newcomer(&site, "Dave").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let made = follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    let first = carol.post(&town, "first #rust").unwrap();
    dave.post(&town, "of nobody's interest").unwrap();
    carol.post(&site.news, "second").unwrap();
    shows(&bobs, &["second", "first #rust"]).await;

    let page = bobs.get("/api/v1/me/feed").await.body();
    let newest = &page["activities"][0];
    assert_eq!(newest["author"]["id"], carol.id().to_string());
    assert_eq!((&newest["channel"]["name"], &newest["server"]["name"]), (&json!("news"), &json!("Harbour")));
    assert_eq!(newest["because"], json!([made["id"]]));
    assert!(newest["url"].as_str().unwrap().contains(&format!("/{}/", site.news.id())), "{newest}");
    assert_eq!((&page["totalCount"], &page["hasMore"]), (&json!(2), &json!(false)));
    assert_eq!(page["activities"][1]["tags"], json!(["#rust"]));

    carol.edit(&town, first.id, "first, corrected").unwrap();
    shows(&bobs, &["second", "first, corrected"]).await;
    carol.delete(&town, first.id).unwrap();
    shows(&bobs, &["second"]).await;
    let path = format!("/api/v1/users/{}/unfollow", carol.id());
    assert_eq!(bobs.json("POST", &path, Value::Null).await.status, 204);
    assert_eq!(texts(&bobs, "").await, Vec::<String>::new(), "an unfollow acts at once");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_comes_by_several_ways_is_there_once(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let person = follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    let channel =
        follow(&bobs, json!({ "target": { "kind": "channel", "id": site.news.id().to_string() } })).await;
    carol.post(&site.news, "once").unwrap();
    site.alice.post(&site.news, "by the channel").unwrap();
    shows(&bobs, &["by the channel", "once"]).await;
    let page = bobs.get("/api/v1/me/feed").await.body();
    assert_eq!(page["activities"][1]["because"], json!([person["id"], channel["id"]]));
    assert_eq!(page["activities"][0]["because"], json!([channel["id"]]));
    assert_eq!(site.rows("feed_items").await, "2");
    let again = bobs
        .json(
            "POST",
            "/api/v1/me/follows",
            json!({ "target": { "kind": "channel", "id": site.news.id().to_string() } }),
        )
        .await;
    assert_eq!(again.problem().0, 409);
}

#[tokio::test]
async fn modes_tags_and_what_decide_when_it_is_read() {
    let site = Site::new().await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    let long = format!("{} end", "word ".repeat(60));
    for text in ["plain", "some #rust", "some #go", long.as_str(), "see https://example.org/x"] {
        carol.post(&site.news, text).unwrap();
    }
    let link = "see https://example.org/x";
    shows(&bobs, &[link, &long, "some #go", "some #rust", "plain"]).await;
    let set = async |mode: &str, tags: Value| {
        let body = json!({ "followedUserId": carol.id().to_string(), "mode": mode, "excludeTagIds": tags });
        assert_eq!(bobs.json("POST", "/api/v1/follows/user", body).await.status, 200);
    };
    set("ALL_EXCEPT", json!(["go"])).await;
    assert_eq!(texts(&bobs, "").await, [link, &long, "some #rust", "plain"]);
    carol.post(&site.news, "a new #tag").unwrap();
    shows(&bobs, &["a new #tag", link, &long, "some #rust", "plain"]).await;
    set("ALL", json!([])).await;
    assert_eq!(texts(&bobs, "?tag=go").await, ["some #go"]);
    assert_eq!(texts(&bobs, "?urlType=link").await, [link]);
    assert_eq!(texts(&bobs, "?urlType=none").await.len(), 5);
    assert_eq!(texts(&bobs, "?source=fediverse").await, Vec::<String>::new());
    let other = format!("?author={}", site.alice.id());
    assert_eq!(texts(&bobs, &other).await, Vec::<String>::new());

    let own = bobs.get("/api/v1/me/follows").await.body();
    let path = format!("/api/v1/me/follows/{}", own["items"][0]["id"].as_str().unwrap());
    let posts = bobs.json("PATCH", &path, json!({ "what": "posts" })).await;
    assert_eq!((posts.status, &posts.body()["what"]), (200, &json!("posts")), "{}", posts.text);
    assert_eq!(texts(&bobs, "").await, [link, &long]);
    let until = "2099-01-01T00:00:00.000Z";
    let muted = bobs.json("PATCH", &path, json!({ "mutedUntil": until })).await;
    assert_eq!(muted.body()["mutedUntil"], until);
    assert_eq!(texts(&bobs, "").await, Vec::<String>::new());
    let audible = bobs.json("PATCH", &path, json!({ "mutedUntil": null, "what": "everything" })).await;
    assert_eq!(audible.body()["mutedUntil"], Value::Null);
    assert_eq!(texts(&bobs, "").await.len(), 6);
}

/// Nothing is seen that one may not see, nor how much of it there is.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_one_may_not_read_is_not_there(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let secret = site.harbour.private_text("secret");
    let (carol, _) = newcomer(&site, "Carol").await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let keys = site.harbour.role("Keys", Permissions::default());
    let reading = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    secret.allow_role(keys, reading);
    site.harbour.allow_bot(&secret, reading);
    site.harbour.grant(&carol, keys);
    let target = json!({ "target": { "kind": "channel", "id": secret.id().to_string() } });
    let hidden = bobs.json("POST", "/api/v1/me/follows", target.clone()).await;
    let missing = json!({ "target": { "kind": "channel", "id": "123456789012345678" } });
    let missing = bobs.json("POST", "/api/v1/me/follows", missing).await;
    assert_eq!(hidden.told(), missing.told(), "hidden and missing are one answer");
    assert_eq!(hidden.problem(), (404, "unknown_channel".to_owned()));

    follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    carol.post(&secret, "between us").unwrap();
    carol.post(&site.news, "for all").unwrap();
    shows(&bobs, &["for all"]).await;
    let page = bobs.get("/api/v1/me/feed").await.body();
    assert_eq!((&page["totalCount"], &page["totalIsExact"]), (&json!(1), &json!(true)));
    assert_eq!(bobs.get("/api/v1/me/feed/unread").await.body()["count"], 1);

    secret.allow(&bob, reading);
    shows(&bobs, &["for all", "between us"]).await;
    secret.deny(&bob, Permissions::READ_MESSAGE_HISTORY);
    shows(&bobs, &["for all"]).await;
}

#[tokio::test]
async fn a_feed_is_read_page_by_page_and_marked_as_read() {
    let site = Site::new().await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    let expected: Vec<String> = (0..7).map(|number| format!("post {}", 6 - number)).collect();
    for text in expected.iter().rev() {
        carol.post(&site.news, text.as_str()).unwrap();
    }
    let all: Vec<&str> = expected.iter().map(String::as_str).collect();
    shows(&bobs, &all).await;
    let (mut by_cursor, mut by_number, mut query) = (Vec::new(), Vec::new(), "?limit=3".to_owned());
    loop {
        by_cursor.extend(texts(&bobs, &query).await);
        let page = bobs.get(&format!("/api/v1/me/feed{query}")).await.body();
        assert_eq!(page["hasMore"], page["nextCursor"].is_string());
        assert_eq!(page["totalCount"], 7);
        let Some(next) = page["nextCursor"].as_str() else { break };
        query = format!("?limit=3&cursor={next}");
    }
    for page in 1..=4 {
        by_number.extend(texts(&bobs, &format!("?limit=2&page={page}")).await);
    }
    assert_eq!((&by_cursor, &by_number), (&expected, &expected));

    let page = bobs.get("/api/v1/me/feed").await.body();
    let third = page["activities"][2]["id"].as_str().unwrap();
    let older = texts(&bobs, &format!("?beforeActivityId={third}")).await;
    assert_eq!(older, expected[3..]);
    let mark = bobs.json("POST", "/api/v1/me/feed/read", json!({ "upTo": third })).await;
    assert_eq!(mark.status, 204, "{}", mark.text);
    let unread = bobs.get("/api/v1/me/feed/unread").await.body();
    assert_eq!(unread, json!({ "count": 2, "newest": page["activities"][0]["id"] }));
    assert_eq!(texts(&bobs, "?unread=true").await, expected[..2]);
    let unknown = bobs.json("POST", "/api/v1/me/feed/read", json!({ "upTo": "999999" })).await;
    assert_eq!(unknown.problem(), (404, "unknown_activity".to_owned()));
    for query in ["?limit=0", "?limit=101", "?page=0", "?cursor=x", "?page=1&cursor=x"] {
        assert_eq!(bobs.get(&format!("/api/v1/me/feed{query}")).await.problem().0, 400, "{query}");
    }
}

/// What one may not see isn't told from what doesn't exist, and takes nobody's place.
#[tokio::test]
async fn what_is_hidden_leaves_no_trace() {
    let site = Site::new().await;
    let secret = site.harbour.private_text("secret");
    let reading = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    site.harbour.allow_bot(&secret, reading);
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    secret.allow(&carol, reading);
    let target = |id: String| json!({ "target": { "kind": "user", "id": id } });
    follow(&bobs, target(carol.id().to_string())).await;
    carol.post(&site.news, "for all").unwrap();
    shows(&bobs, &["for all"]).await;
    follow(&carols, json!({ "target": { "kind": "channel", "id": secret.id().to_string() } })).await;
    site.harbour.allow_bot(&secret, reading);
    let other = site.harbour.member("Dave", Permissions::default());
    secret.allow(&other, reading);
    for number in 0..600 {
        carol.post(&secret, format!("hidden {number}").as_str()).unwrap();
    }
    other.post(&secret, "the last one").unwrap();
    shows(&carols, &["the last one"]).await;
    let page = bobs.get("/api/v1/me/feed").await.body();
    assert_eq!((&page["totalCount"], &page["activities"][0]["text"]), (&json!(1), &json!("for all")));
    let hidden = carols.get("/api/v1/me/feed").await.body()["activities"][0]["id"].clone();
    let hidden = hidden.as_str().unwrap();
    for id in [hidden, "999999"] {
        let before = bobs.get(&format!("/api/v1/me/feed?beforeActivityId={id}")).await;
        let read = bobs.json("POST", "/api/v1/me/feed/read", json!({ "upTo": id })).await;
        for answer in [before, read] {
            assert_eq!(answer.problem(), (404, "unknown_activity".to_owned()), "{id}");
        }
    }
}

/// A token that is good for one server only opens nobody's feed: that belongs to none.
#[tokio::test]
async fn a_token_for_one_server_reads_no_feed() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let body = json!({
        "name": "x", "scopes": ["feed:read", "follows:read", "follows:write"], "serverId": site.harbour.id().to_string()
    });
    let bound = site.program_with(&browser, body).await;
    let carol = site.harbour.member("Carol", Permissions::default());
    for (method, path) in [
        ("GET", "/api/v1/me/feed".to_owned()),
        ("GET", "/api/v1/me/follows".to_owned()),
        ("POST", format!("/api/v1/users/{}/follow", carol.id())),
        ("GET", format!("/api/v1/users/{}/followers", carol.id())),
    ] {
        let refused = bound.send(bound.request(method, &path)).await;
        assert_eq!(refused.problem(), (403, "insufficient_scope".to_owned()), "{method} {path}");
    }
}

/// The page says what the API does, complete without a script, and harmless whatever was posted.
#[tokio::test]
async fn the_page_of_the_feed_is_read_and_marked() {
    let site = Site::new().await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let browser = site.signed_in_as(&bob, &site.news).await;
    let empty = browser.get("/feed").await.text;
    assert!(empty.contains("nothing in your feed yet") && empty.contains("/feed follow"), "{empty}");
    follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    carol.post(&site.news, "<script>alert(1)</script> & more").unwrap();
    carol.post(&site.news, "||the butler did it||").unwrap();
    let mention = format!("hello {}", bob.mention());
    carol.post(&site.news, mention.as_str()).unwrap();
    shows(&bobs, &[&mention, "||the butler did it||", "<script>alert(1)</script> & more"]).await;
    let page = browser.get("/feed").await.text;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"));
    assert_eq!(page.matches("<script").count(), 1, "our own");
    assert!(page.contains("<script type=\"module\" src=\"/assets/"), "{page}");
    assert!(page.contains("<details><summary>Has something hidden"), "{page}");
    assert!(page.contains("hello @Bob") && page.contains(">#news</a> · <a href=\"/feed?server="), "{page}");
    assert_eq!(page.matches(">new<").count(), 3);
    let up_to = page.split("name=\"up_to\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let marked = browser.press("/feed/read", &[("up_to", up_to)]).await;
    assert_eq!((marked.status, marked.header("location")), (303, "/feed"));
    assert_eq!(browser.get("/feed").await.text.matches(">new<").count(), 0);
    let unread = browser.get("/feed?unread=1").await.text;
    assert!(unread.contains("There is nothing here."), "{unread}");
    let pictures = browser.get("/feed?with=image").await.text;
    assert!(pictures.contains("aria-current=\"true\">Pictures"), "{pictures}");
    assert_eq!(browser.get("/feed?cursor=x").await.status, 400);
    assert_eq!(site.browser().get("/feed").await.status, 401);
}

/// A new follow begins with what is kept of its followee.
#[tokio::test]
async fn a_new_follow_begins_with_what_was_posted_before() {
    let site = Site::new().await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let (_, daves) = newcomer(&site, "Dave").await;
    let target = json!({ "target": { "kind": "user", "id": carol.id().to_string() } });
    follow(&bobs, target.clone()).await;
    carol.post(&site.news, "before").unwrap();
    shows(&bobs, &["before"]).await;
    follow(&daves, target).await;
    assert_eq!(texts(&daves, "").await, ["before"]);
}

/// With so many followers that nobody's feed is filled, the feed is the same.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_a_giant_the_feed_is_looked_up(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let followers = "INSERT INTO profiles (user_id, username, checked_at) \
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001) \
        SELECT i, 'x', '2026-01-01 00:00:00+00:00' FROM n";
    site.world.database.execute(followers).await;
    follow(&bobs, json!({ "target": { "kind": "user", "id": carol.id().to_string() } })).await;
    carol.post(&site.news, "pushed").unwrap();
    shows(&bobs, &["pushed"]).await;
    let follows = format!(
        "INSERT INTO personal_follows (follower_id, followee_kind, followee_id, mode, coverage, created_at, updated_at) \
         SELECT user_id, 'user', {}, 'all', 'everything', '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00' \
         FROM profiles WHERE user_id < 1002",
        carol.id()
    );
    site.world.database.execute(&follows).await;
    carol.post(&site.news, "pulled").unwrap();
    shows(&bobs, &["pulled", "pushed"]).await;
    assert_eq!(site.rows("feed_items").await, "1", "nobody's feed is filled any more");
    let count = site.browser().get(&format!("/api/v1/users/{}/followers/count", carol.id())).await.body();
    assert_eq!(count, json!({ "count": 1002 }));
}
