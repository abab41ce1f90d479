//! What people keep to themselves, what stays possible when they may do nothing else, and what is refreshed.

use rstest::rstest;
use serde_json::{Value, json};

use super::people::newcomer;
use super::{Program, Site};
use crate::harness::Backend;

fn of(person: &tributary_sandbox::Person, rest: &str) -> String {
    format!("/api/v1/users/{}{rest}", person.id())
}

/// Whom a list names, and how many it says there are.
async fn listed(program: &Program, path: &str) -> (Vec<String>, u64) {
    let page = program.get(path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.body();
    let names = page["items"].as_array().unwrap().iter();
    (names.map(|one| one["name"].as_str().unwrap().to_owned()).collect(), page["total"].as_u64().unwrap())
}

async fn choose(program: &Program, body: Value) -> Value {
    let chosen = program.json("PATCH", "/api/v1/me/privacy", body).await;
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    chosen.body()
}

async fn follow(program: &Program, person: &tributary_sandbox::Person) {
    let made = program.json("POST", &of(person, "/follow"), Value::Null).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

/// Who shows their lists to nobody isn't named in those of others either.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_hides_their_lists_is_not_named_in_those_of_others(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (dave, daves) = newcomer(&site, "Dave").await;
    let (_, erins) = newcomer(&site, "Erin").await;
    for program in [&bobs, &daves, &erins] {
        follow(program, &carol).await;
    }
    follow(&carols, &bob).await;
    let (followers, following) = (of(&carol, "/followers"), of(&carol, "/following"));
    assert_eq!(listed(&erins, &followers).await, (vec!["Erin".into(), "Dave".into(), "Bob".into()], 3));

    choose(&bobs, json!({ "lists": "hidden" })).await;
    assert_eq!(listed(&erins, &followers).await, (vec!["Erin".into(), "Dave".into()], 3));
    assert_eq!(listed(&erins, &following).await, (vec![], 1));
    for query in ["?page=1&pageSize=2", "?pageSize=2"] {
        let page = erins.get(&format!("{followers}{query}")).await.body();
        assert_eq!(page["items"].as_array().unwrap().len(), 2, "{query}");
        assert_eq!(page["nextCursor"], Value::Null, "there is no more to see: {query}");
    }
    let guest = site.browser().get(&followers).await.body();
    assert_eq!((guest["items"].as_array().unwrap().len(), &guest["total"]), (2, &json!(3)));
    // Those concerned still see it.
    assert_eq!(listed(&carols, "/api/v1/me/followers").await.0, ["Erin", "Dave", "Bob"]);
    assert_eq!(listed(&carols, &followers).await.0, ["Erin", "Dave", "Bob"]);
    assert_eq!(listed(&bobs, &followers).await.0, ["Erin", "Dave", "Bob"], "he sees himself");

    // Shared lists are seen by those whom one follows, and who follow one.
    choose(&bobs, json!({ "lists": "shared" })).await;
    assert_eq!(listed(&erins, &followers).await.0, ["Erin", "Dave"]);
    follow(&erins, &bob).await;
    assert_eq!(listed(&erins, &followers).await.0, ["Erin", "Dave", "Bob"]);
    // What is listed can be counted.
    choose(&bobs, json!({ "lists": "public", "countsHidden": true })).await;
    assert_eq!(listed(&erins, &followers).await.0, ["Erin", "Dave"]);
    choose(&bobs, json!({ "lists": null, "countsHidden": false })).await;
    assert_eq!(listed(&erins, &followers).await.0, ["Erin", "Dave", "Bob"]);
    assert_eq!(site.browser().get(&of(&dave, "/following/count")).await.body()["count"], 1);
}

/// Where the operator has chosen that lists are hidden, those are named who show theirs.
#[rstest]
#[case::hidden("hidden")]
#[case::shared("shared")]
#[tokio::test]
async fn where_lists_are_hidden_those_are_named_who_show_theirs(#[case] lists: &str) {
    let site = Site::with(&[("FOLLOW_LISTS", lists)]).await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (_, daves) = newcomer(&site, "Dave").await;
    let (_, erins) = newcomer(&site, "Erin").await;
    for program in [&bobs, &daves, &erins] {
        follow(program, &carol).await;
    }
    choose(&carols, json!({ "lists": "public" })).await;
    choose(&daves, json!({ "lists": "public" })).await;
    let followers = of(&carol, "/followers?page=1");
    assert_eq!(listed(&erins, &followers).await, (vec!["Erin".into(), "Dave".into()], 3));
    follow(&erins, &bob).await;
    let both: &[&str] = if lists == "shared" { &["Erin", "Dave", "Bob"] } else { &["Erin", "Dave"] };
    assert_eq!(listed(&erins, &followers).await.0, both);
}

#[tokio::test]
async fn a_choice_is_given_back_to_the_operator() {
    let site = Site::with(&[("FOLLOW_MEMBERS", "opt_in")]).await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (_, carols) = newcomer(&site, "Carol").await;
    let chosen = choose(&bobs, json!({ "followable": "everyone", "lists": "hidden" })).await;
    assert_eq!((&chosen["followable"], &chosen["lists"]), (&json!("everyone"), &json!("hidden")));
    follow(&carols, &bob).await;
    let lists = choose(&bobs, json!({ "lists": null })).await;
    assert_eq!((&lists["followable"], &lists["lists"]), (&json!("everyone"), &Value::Null));
    let both = choose(&bobs, json!({ "followable": null })).await;
    assert_eq!((&both["followable"], &both["endedFollows"]), (&Value::Null, &json!(1)));
    assert_eq!(bobs.get("/api/v1/me/privacy").await.body()["followable"], Value::Null);
    let wrong = bobs.json("PATCH", "/api/v1/me/privacy", json!({ "lists": "none" })).await;
    assert_eq!((wrong.problem().0, &wrong.body()["pointer"]), (400, &json!("/lists")));
}

#[tokio::test]
async fn whom_one_blocked_is_listed_and_unblocked() {
    let site = Site::new().await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (_, carols) = newcomer(&site, "Carol").await;
    assert_eq!(listed(&carols, "/api/v1/me/blocks").await, (vec![], 0));
    let block = format!("/api/v1/me/followers/{}?block=true", bob.id());
    assert_eq!(carols.delete(&block).await.status, 204);
    assert_eq!(listed(&carols, "/api/v1/me/blocks").await, (vec!["Bob".into()], 1));
    let page = carols.get("/api/v1/me/blocks?page=1").await.body();
    assert!(page["items"][0]["blockedAt"].is_string() && page["items"][0].get("isFollowing").is_none());
    assert_eq!(listed(&bobs, "/api/v1/me/blocks").await, (vec![], 0), "the blocked one sees nothing");
    assert_eq!(carols.delete(&format!("/api/v1/me/blocks/{}", bob.id())).await.status, 204);
    assert_eq!(listed(&carols, "/api/v1/me/blocks").await, (vec![], 0));
}

/// Whoever used up their hour can still keep others away, hear again whom they muted, and have themselves
/// forgotten. Following and unfollowing wait.
#[tokio::test]
async fn what_protects_people_is_never_refused_by_the_allowance() {
    let site = Site::with(&[("FOLLOW_ACTIONS_PER_HOUR", "2")]).await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (dave, daves) = newcomer(&site, "Dave").await;
    follow(&bobs, &carol).await;
    follow(&daves, &carol).await;
    follow(&carols, &bob).await;
    let own = carols.get("/api/v1/me/follows").await.body();
    let path = format!("/api/v1/me/follows/{}", own["items"][0]["id"].as_str().unwrap());
    let mute = async |until: Value| carols.json("PATCH", &path, json!({ "mutedUntil": until })).await;
    assert_eq!(mute(json!("2099-01-01T00:00:00Z")).await.status, 200);
    for (path, wanted) in [(of(&dave, "/follow"), 429), (of(&bob, "/unfollow"), 429)] {
        let limited = carols.json("POST", &path, Value::Null).await;
        assert_eq!((limited.problem().0, &limited.body()["detail"]), (wanted, &json!("rate limit exceeded")));
    }
    assert_eq!(mute(json!("2099-02-01T00:00:00Z")).await.status, 429);
    let audible = mute(Value::Null).await;
    assert_eq!((audible.status, &audible.body()["mutedUntil"]), (200, &Value::Null), "{}", audible.text);
    let follower = |person: &tributary_sandbox::Person| format!("/api/v1/me/followers/{}", person.id());
    assert_eq!(carols.delete(&follower(&bob)).await.status, 204);
    assert_eq!(carols.delete(&format!("{}?block=true", follower(&dave))).await.status, 204);
    assert_eq!(carols.delete(&format!("/api/v1/me/blocks/{}", dave.id())).await.status, 204);
    choose(&carols, json!({ "followable": "asked" })).await;
    assert_eq!(daves.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 202);
    let decline = format!("/api/v1/me/follow-requests/{}/decline", dave.id());
    assert_eq!(carols.json("POST", &decline, Value::Null).await.status, 204);
    choose(&carols, json!({ "followable": "nobody" })).await;
    let question = carol.run(&site.news, "/feed forget", ()).await.unwrap();
    let forgotten = question.press("Forget me as a reader").await.unwrap();
    assert!(forgotten.text().contains("You are forgotten as a reader"), "{}", forgotten.text());
}

#[tokio::test]
async fn a_follow_that_is_sent_again_with_its_key_is_made_once() {
    let site = Site::new().await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let send = async |path: &str, key: &str| {
        bobs.send(bobs.request("POST", path).header("idempotency-key", key)).await
    };
    for (path, status) in [(of(&carol, "/follow"), 201), (of(&carol, "/unfollow"), 204)] {
        let first = send(&path, &format!("key of {status}").replace(' ', "-")).await;
        let again = send(&path, &format!("key of {status}").replace(' ', "-")).await;
        assert_eq!((first.status, again.status), (status, status), "{}", again.text);
        assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
    }
    choose(&carols, json!({ "followable": "asked" })).await;
    assert_eq!(send(&of(&carol, "/follow"), "asking").await.status, 202);
    let accept = format!("/api/v1/me/follow-requests/{}/accept", bob.id());
    for _ in 0..2 {
        let accepted =
            carols.send(carols.request("POST", &accept).header("idempotency-key", "accepting")).await;
        assert_eq!(accepted.status, 204, "{}", accepted.text);
    }
}

#[tokio::test]
async fn years_have_four_digits() {
    let site = Site::new().await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let (carol, _) = newcomer(&site, "Carol").await;
    follow(&bobs, &carol).await;
    let own = bobs.get("/api/v1/me/follows").await.body();
    let path = format!("/api/v1/me/follows/{}", own["items"][0]["id"].as_str().unwrap());
    let late = bobs.json("PATCH", &path, json!({ "mutedUntil": "+12345-01-01T00:00:00Z" })).await;
    assert_eq!((late.problem().0, &late.body()["pointer"]), (400, &json!("/mutedUntil")), "{}", late.text);
    for path in
        ["/api/v1/me/feed?since=%2B12345-01-01T00:00:00Z", "/api/v1/me/feed?since=0000-01-01T00:00:00Z"]
    {
        assert_eq!(bobs.get(path).await.problem(), (400, "invalid_query".to_owned()), "{path}");
    }
}

/// What Discord said of people is a day old at most where they are shown, and whoever is gone from there
/// takes everything along.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn names_are_refreshed_where_they_are_shown(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    follow(&bobs, &carol).await;
    // Somebody whom Discord doesn't know any more.
    let then = "'2026-01-01 00:00:00+00:00'";
    let time = if backend == Backend::Postgres { format!("timestamptz {then}") } else { then.to_owned() };
    for statement in [
        format!("INSERT INTO profiles (user_id, username, checked_at) VALUES (77, 'gone', {time})"),
        format!(
            "INSERT INTO personal_follows (follower_id, followee_kind, followee_id, mode, coverage, created_at, updated_at) \
             VALUES (77, 'user', {carol}, 'all', 'posts', {time}, {time}), ({carol}, 'user', 77, 'all', 'posts', {time}, {time})",
            carol = carol.id()
        ),
        format!(
            "INSERT INTO personal_blocks (user_id, blocked_id, created_at) VALUES ({}, 77, {time})",
            bob.id()
        ),
    ] {
        site.world.database.execute(&statement).await;
    }
    assert_eq!(listed(&carols, "/api/v1/me/followers").await, (vec!["gone".into(), "Bob".into()], 2));
    site.world
        .until("whoever is gone is forgotten", async || {
            listed(&carols, "/api/v1/me/followers").await == (vec!["Bob".into()], 1)
                && listed(&carols, "/api/v1/me/following").await.1 == 0
                && listed(&bobs, "/api/v1/me/blocks").await.1 == 0
        })
        .await;

    bob.rename("Robert");
    assert_eq!(listed(&carols, "/api/v1/me/followers").await.0, ["Bob"], "not before a day has passed");
    let old = format!("UPDATE profiles SET checked_at = {time} WHERE user_id = {}", bob.id());
    site.world.database.execute(&old).await;
    let asked = site.world.sandbox.counts().requests;
    site.world
        .until("the new name is shown", async || {
            listed(&carols, "/api/v1/me/followers").await.0 == ["Robert"]
        })
        .await;
    assert!(site.world.sandbox.counts().requests - asked < 10, "each is asked about once");
}
