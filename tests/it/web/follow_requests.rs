//! People who want to be asked before somebody follows them, and what others learn of their answers.

use rstest::rstest;
use serde_json::{Value, json};

use super::people::newcomer;
use super::{Answer, Program, Site};
use crate::harness::{Backend, SOON};

fn of(person: &tributary_sandbox::Person, rest: &str) -> String {
    format!("/api/v1/users/{}{rest}", person.id())
}

fn answered(person: &tributary_sandbox::Person, answer: &str) -> String {
    format!("/api/v1/me/follow-requests/{}/{answer}", person.id())
}

async fn choose(program: &Program, body: Value) -> Value {
    let chosen = program.json("PATCH", "/api/v1/me/privacy", body).await;
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    chosen.body()
}

/// The names in one's list of requests, newest first.
async fn names(program: &Program, query: &str) -> Vec<String> {
    let page = program.get(&format!("/api/v1/me/follow-requests{query}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.body();
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], items.len());
    items.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// Everything that somebody can find out of what became of their request, without what differs each time.
async fn traces(program: &Program, person: &tributary_sandbox::Person) -> Vec<(u16, Value, Vec<String>)> {
    let mut told = Vec::new();
    for (method, path) in [
        ("POST", of(person, "/follow")),
        ("GET", of(person, "")),
        ("GET", of(person, "/followers/count")),
        ("GET", "/api/v1/me/follow-requests?direction=sent".to_owned()),
        ("GET", format!("/api/v1/follows/user/{}", person.id())),
        ("POST", of(person, "/unfollow")),
        ("GET", "/api/v1/me/follow-requests?direction=sent".to_owned()),
        ("POST", of(person, "/unfollow")),
        ("POST", of(person, "/follow")),
        ("GET", of(person, "")),
    ] {
        let answer = program.json(method, &path, Value::Null).await;
        told.push(without_times(&answer));
    }
    told
}

fn without_times(answer: &Answer) -> (u16, Value, Vec<String>) {
    let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort_unstable();
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    if body.get("requestId").is_some() {
        body["requestId"] = Value::Null;
    }
    for item in body["items"].as_array_mut().into_iter().flatten() {
        item["askedAt"] = Value::Null;
        item["id"] = Value::Null;
    }
    if body.get("username").is_some() {
        (body["id"], body["name"], body["username"]) = (Value::Null, Value::Null, Value::Null);
    }
    (answer.status, body, headers)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_wants_to_be_asked_is_followed_after_a_yes(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    assert_eq!(choose(&carols, json!({ "followable": "asked" })).await["followable"], "asked");
    let body = json!({ "mode": "except", "tags": ["#go"], "what": "everything" });
    let asked = bobs.json("POST", &of(&carol, "/follow"), body).await;
    assert_eq!((asked.status, asked.body()), (202, json!({ "state": "asked" })), "{}", asked.text);
    let again = bobs.json("POST", &of(&carol, "/follow"), Value::Null).await;
    assert_eq!((again.status, again.body()), (202, json!({ "state": "asked" })));
    let target = json!({ "target": { "kind": "user", "id": carol.id().to_string() } });
    assert_eq!(bobs.json("POST", "/api/v1/me/follows", target).await.status, 202);
    let body =
        json!({ "followedUserId": carol.id().to_string(), "mode": "ALL_EXCEPT", "excludeTagIds": ["go"] });
    assert_eq!(bobs.json("POST", "/api/v1/follows/user", body).await.status, 202);

    // Nothing comes of it before the yes.
    carol.post(&site.news, "before the yes").unwrap();
    assert_eq!(names(&carols, "").await, ["Bob"]);
    assert_eq!(names(&bobs, "?direction=sent").await, ["Carol"]);
    assert_eq!(bobs.get(&of(&carol, "/followers/count")).await.body()["count"], 0);
    let profile = bobs.get(&of(&carol, "")).await.body();
    assert_eq!((&profile["isFollowing"], &profile["isRequested"]), (&json!(false), &json!(true)));
    assert_eq!(site.rows("personal_follows").await, "0");
    assert_eq!(site.rows("feed_items").await, "0");

    assert_eq!(bobs.json("POST", &answered(&bob, "accept"), Value::Null).await.problem().0, 404);
    assert_eq!(carols.json("POST", &answered(&bob, "accept"), Value::Null).await.status, 204);
    let twice = carols.json("POST", &answered(&bob, "accept"), Value::Null).await;
    assert_eq!(twice.problem(), (404, "unknown_follow_request".to_owned()));
    assert_eq!(twice.body()["detail"], "follow request not found");
    let row = bobs.get(&format!("/api/v1/follows/user/{}", carol.id())).await.body();
    assert_eq!((&row["mode"], &row["excludeTagIds"]), (&json!("ALL_EXCEPT"), &json!(["#go"])));
    assert_eq!(bobs.get(&of(&carol, "/followers/count")).await.body()["count"], 1);
    assert_eq!((names(&carols, "").await, names(&bobs, "?direction=sent").await), (vec![], vec![]));
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.problem().0, 409);
    carol.post(&site.news, "after the yes").unwrap();
    carol.post(&site.news, "not of #go").unwrap();
    carol.post(&site.news, "the last").unwrap();
    let shown = async || {
        let page = bobs.get("/api/v1/me/feed").await.body();
        let texts = page["activities"].as_array().unwrap().iter().map(|one| one["text"].clone());
        texts.collect::<Vec<_>>()
    };
    let began = std::time::Instant::now();
    while shown().await.len() < 2 && began.elapsed() < SOON {
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(shown().await, ["the last", "after the yes"]);

    // Who is free again is followed at once, also by somebody who asked before.
    let (_, daves) = newcomer(&site, "Dave").await;
    assert_eq!(daves.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202);
    choose(&carols, json!({ "followable": null })).await;
    assert_eq!(daves.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 201);
    assert_eq!(names(&carols, "").await, Vec::<String>::new());
}

/// Nobody learns from anything that they were declined or blocked: to whoever asked, it looks as if nobody
/// had answered.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_no_and_a_block_leave_no_trace(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, carols) = newcomer(&site, "Carol").await;
    choose(&carols, json!({ "followable": "asked" })).await;
    let (unanswered, unanswereds) = newcomer(&site, "Unanswered").await;
    let (declined, declineds) = newcomer(&site, "Declined").await;
    let (blocked, blockeds) = newcomer(&site, "Blocked").await;
    let (refused, refuseds) = newcomer(&site, "Blocked later").await;
    let block = format!("/api/v1/me/followers/{}?block=true", blocked.id());
    assert_eq!(carols.delete(&block).await.status, 204);
    for program in [&unanswereds, &declineds, &blockeds, &refuseds] {
        assert_eq!(program.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202);
    }
    assert_eq!(names(&carols, "").await, ["Blocked later", "Declined", "Unanswered"]);
    assert_eq!(carols.json("POST", &answered(&declined, "decline"), Value::Null).await.status, 204);
    assert_eq!(carols.json("POST", &answered(&declined, "decline"), Value::Null).await.problem().0, 404);
    assert_eq!(carols.json("POST", &answered(&declined, "accept"), Value::Null).await.problem().0, 404);
    let block = format!("/api/v1/me/followers/{}?block=true", refused.id());
    assert_eq!(carols.delete(&block).await.status, 204);
    assert_eq!(names(&carols, "").await, ["Unanswered"]);

    let expected = traces(&unanswereds, &carol).await;
    assert_eq!((expected[0].0, expected[5].0, expected[7].0), (202, 204, 404));
    assert_eq!(expected[3].1["total"], 1);
    assert_eq!(traces(&declineds, &carol).await, expected, "declined");
    assert_eq!(traces(&blockeds, &carol).await, expected, "blocked");
    assert_eq!(traces(&refuseds, &carol).await, expected, "blocked later");
    // Each asked once more at the end, and only one of them may.
    assert_eq!(names(&carols, "").await, ["Unanswered"]);
    assert_eq!(site.rows("personal_follows").await, "0");

    // A week later, the declined one is heard again, whether they took it back or not.
    let earlier =
        "UPDATE follow_requests SET declined_at = '2026-01-01 00:00:00+00:00' WHERE declined_at IS NOT NULL";
    site.world.database.execute(earlier).await;
    for program in [&declineds, &blockeds] {
        assert_eq!(program.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202);
    }
    assert_eq!(names(&carols, "").await, ["Declined", "Unanswered"]);
    assert_eq!(carols.json("POST", &answered(&unanswered, "accept"), Value::Null).await.status, 204);
    assert_eq!(names(&carols, "").await, ["Declined"]);
}

#[tokio::test]
async fn an_operator_has_people_asked() {
    let site = Site::with(&[("FOLLOW_MEMBERS", "asked")]).await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202);
    choose(&carols, json!({ "followable": "everyone" })).await;
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 201);
    // Nobody is sent away by being asked from now on.
    assert_eq!(choose(&carols, json!({ "followable": null })).await["endedFollows"], 0);
    assert_eq!(bobs.get(&of(&carol, "/followers/count")).await.body()["count"], 1);
    // What was asked goes with whoever asked, and with whoever was.
    assert_eq!(carols.json("POST", &of(&bob, "/follow"), Value::Null).await.status, 202);
    assert_eq!(choose(&bobs, json!({ "followable": "nobody" })).await["followable"], "nobody");
    assert_eq!(names(&bobs, "").await, ["Carol"], "what was asked before isn't declined by that");
    assert_eq!(names(&carols, "?direction=sent").await, ["Bob"], "a no isn't told");
    assert_eq!(choose(&bobs, json!({ "countsHidden": null })).await["countsHidden"], false);
    assert_eq!(bobs.get("/api/v1/me/follow-requests?direction=both").await.problem().0, 400);
}

#[tokio::test]
async fn so_many_people_can_be_asked_at_the_same_time() {
    let site = Site::with(&[("FOLLOW_MEMBERS", "asked")]).await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (dave, _) = newcomer(&site, "Dave").await;
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202);
    let people = "INSERT INTO profiles (user_id, username, checked_at) \
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) \
        SELECT i, 'x', '2026-11-30 00:00:00+00:00' FROM n";
    site.world.database.execute(people).await;
    let asked = format!(
        "INSERT INTO follow_requests (follower_id, followed_id, mode, coverage, tags, created_at) \
         SELECT {}, user_id, 'all', 'posts', '[]', '2026-11-30 00:00:00+00:00' FROM profiles WHERE user_id < 100",
        bob.id()
    );
    site.world.database.execute(&asked).await;
    let full = bobs.json("POST", &of(&dave, "/follow"), Value::Null).await;
    assert_eq!(full.problem(), (409, "asked_too_many".to_owned()));
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202, "asked already");
    // A no makes no room: that would tell it.
    assert_eq!(carols.json("POST", &answered(&bob, "decline"), Value::Null).await.status, 204);
    assert_eq!(bobs.json("POST", &of(&dave, "/follow"), Value::Null).await.problem().0, 409);
    assert_eq!(bobs.json("POST", &of(&carol, "/unfollow"), Value::Null).await.status, 204);
    assert_eq!(bobs.json("POST", &of(&dave, "/follow"), Value::Null).await.status, 202);
}
