//! People follow people.

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Permissions, Person};

use super::{Program, Site};
use crate::harness::Backend;

/// What a program needs for everything that people follow.
pub const PERSONAL: [&str; 3] = ["follows:read", "follows:write", "feed:read"];

/// A program of somebody in the harbour.
pub async fn program_of(site: &Site, person: &Person) -> Program {
    let browser = site.signed_in_as(person, &site.news).await;
    site.program_with(&browser, json!({ "name": "a reader", "scopes": PERSONAL })).await
}

/// Somebody new in the harbour, with a program.
pub async fn newcomer(site: &Site, name: &str) -> (Person, Program) {
    let person = site.harbour.member(name, Permissions::default());
    let program = program_of(site, &person).await;
    (person, program)
}

fn of(person: &Person, rest: &str) -> String {
    format!("/api/v1/users/{}{rest}", person.id())
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_is_followed_listed_counted_and_unfollowed(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;

    let made = bobs.json("POST", &of(&carol, "/follow"), Value::Null).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let relation = made.body();
    assert_eq!(relation["followerId"], bob.id().to_string());
    assert_eq!(relation["followingId"], carol.id().to_string());
    assert_eq!((&relation["mode"], &relation["what"]), (&json!("all"), &json!("everything")));
    assert_eq!(made.header("location"), of(&carol, ""));

    let again = bobs.json("POST", &of(&carol, "/follow"), Value::Null).await;
    assert_eq!(again.problem(), (409, "already_following_user".to_owned()));
    assert_eq!(again.body()["detail"], "already following this user");

    for (path, count) in [("/followers/count", 1), ("/following/count", 0)] {
        let told = site.browser().get(&of(&carol, path)).await;
        assert_eq!((told.status, told.body()), (200, json!({ "count": count })));
    }
    let followers = site.browser().get(&of(&carol, "/followers")).await.body();
    assert_eq!(ids(&followers), [bob.id().to_string()]);
    assert_eq!((&followers["total"], &followers["totalPages"]), (&json!(1), &json!(1)));
    assert_eq!((&followers["page"], &followers["pageSize"]), (&json!(1), &json!(20)));
    assert_eq!(followers["items"][0]["name"], "Bob");
    assert!(followers["items"][0].get("isFollowing").is_none(), "a guest follows nobody");
    let following = carols.get(&of(&bob, "/following")).await.body();
    assert_eq!(ids(&following), [carol.id().to_string()]);

    let profile = carols.get(&of(&bob, "")).await.body();
    assert_eq!((&profile["isFollowing"], &profile["isFollower"]), (&json!(false), &json!(true)));
    assert_eq!((&profile["followersCount"], &profile["followingCount"]), (&json!(0), &json!(1)));
    let profile = bobs.get(&of(&carol, "")).await.body();
    assert_eq!((&profile["isFollowing"], &profile["followMode"]), (&json!(true), &json!("all")));
    let path = format!("/api/v1/users?ids={},{}", carol.id(), site.alice.id());
    let many = bobs.get(&path).await.body();
    assert_eq!(many["items"][0]["isFollowing"], true);
    assert_eq!(many["items"][1]["isFollowing"], false);

    assert_eq!(bobs.json("POST", &of(&carol, "/unfollow"), Value::Null).await.status, 204);
    let gone = bobs.json("POST", &of(&carol, "/unfollow"), Value::Null).await;
    assert_eq!(gone.problem(), (404, "unknown_relationship".to_owned()));
    assert_eq!(gone.body()["detail"], "follow relationship not found");
    let told = site.browser().get(&of(&carol, "/followers/count")).await.body();
    assert_eq!(told, json!({ "count": 0 }));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_the_agreed_words() {
    let site = Site::new().await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let guest = site.browser();
    let refused = |answer: super::Answer| {
        let (status, _) = answer.problem();
        (status, answer.body()["detail"].as_str().unwrap().to_owned())
    };
    let post = async |path: &str| refused(bobs.json("POST", path, Value::Null).await);
    assert_eq!(post(&of(&bob, "/follow")).await, (400, "cannot follow yourself".to_owned()));
    assert_eq!(post("/api/v1/users/none/follow").await, (400, "invalid user id".to_owned()));
    assert_eq!(post("/api/v1/users/0/unfollow").await, (400, "invalid user id".to_owned()));
    assert_eq!(post("/api/v1/users/4/follow").await, (404, "user not found".to_owned()));
    let anonymous = guest.send(guest.request("POST", &of(&site.alice, "/follow"))).await;
    assert_eq!(refused(anonymous), (401, "authentication required".to_owned()));
    assert_eq!(refused(guest.get("/api/v1/users/4/followers").await).0, 404);
    assert_eq!(refused(guest.get("/api/v1/users/x/following/count").await).0, 400);
    let bot = format!("/api/v1/users/{}/follow", site.world.sandbox.bot_id());
    assert_eq!(post(&bot).await, (404, "user not found".to_owned()));
    for query in ["?page=0", "?pageSize=101", "?pageSize=0", "?page=1&cursor=AAAAAAAAAAAA"] {
        let path = format!("{}{query}", of(&bob, "/followers"));
        assert_eq!(bobs.get(&path).await.problem(), (400, "invalid_page".to_owned()), "{query}");
    }
    assert_eq!(site.rows("personal_follows").await, "0");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_two_at_the_same_instant_one_follows(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (_, bobs) = newcomer(&site, "Bob").await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let path = of(&carol, "/follow");
    let tries = (0..6).map(|_| bobs.json("POST", &path, Value::Null));
    let answers = futures_util::future::join_all(tries).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let count = site.browser().get(&of(&carol, "/followers/count")).await.body();
    assert_eq!(count, json!({ "count": 1 }));
}

#[tokio::test]
async fn a_hundred_follows_and_unfollows_an_hour_are_enough() {
    let site = Site::with(&[("FOLLOW_ACTIONS_PER_HOUR", "4")]).await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (follow, unfollow) = (of(&carol, "/follow"), of(&carol, "/unfollow"));
    for path in [&follow, &follow, &unfollow, &unfollow, &follow, &unfollow] {
        assert!(bobs.json("POST", path, Value::Null).await.status != 429, "what is refused is free");
    }
    let limited = bobs.json("POST", &follow, Value::Null).await;
    assert_eq!((limited.problem().0, &limited.body()["detail"]), (429, &json!("rate limit exceeded")));
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
}

/// S3: modes and tags.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn people_are_followed_by_modes_and_tags(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let id = carol.id().to_string();
    let tag = async |name: &str| {
        let body = json!({ "followedUserId": id, "tagId": name });
        let answer = bobs.json("POST", "/api/follows/tag", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body()
    };
    let set = async |body: Value| bobs.json("POST", "/api/follows/user", body).await;

    assert_eq!(tag("#Rust").await["tagIds"], json!(["#rust"]));
    let both = tag("go").await;
    assert_eq!((&both["mode"], &both["tagIds"]), (&json!("ONLY"), &json!(["#go", "#rust"])));
    assert_eq!(both["alreadyIncluded"], false);
    assert_eq!(tag("go").await["alreadyIncluded"], true);

    let row = set(json!({ "followedUserId": id })).await;
    assert_eq!(row.status, 200, "{}", row.text);
    let row = row.body();
    assert_eq!(row["followerUserId"], bob.id().to_string());
    assert_eq!(
        (&row["mode"], &row["excludeTagIds"], &row["tagIds"]),
        (&json!("ALL"), &json!([]), &json!([]))
    );
    assert_eq!(site.rows("personal_follow_tags").await, "0", "single tags went along");
    assert_eq!(tag("go").await["alreadyIncluded"], true);

    let except = json!({ "followedUserId": id, "mode": "ALL_EXCEPT", "excludeTagIds": ["#go", "12345"] });
    let row = set(except.clone()).await.body();
    assert_eq!((&row["mode"], &row["excludeTagIds"]), (&json!("ALL_EXCEPT"), &json!(["12345", "#go"])));
    let same = set(except).await.body();
    assert_eq!(same["updatedAt"], row["updatedAt"], "sent again, it changes nothing");
    let included = tag("go").await;
    assert_eq!((&included["mode"], &included["excludeTagIds"]), (&json!("ALL_EXCEPT"), &json!(["12345"])));
    let none = set(json!({ "followedUserId": id, "mode": "ALL_EXCEPT" })).await.body();
    assert_eq!((&none["mode"], &none["excludeTagIds"]), (&json!("ALL_EXCEPT"), &json!([])));

    for (body, pointer) in [
        (json!({ "followedUserId": id, "excludeTagIds": ["go"] }), "/excludeTagIds"),
        (json!({ "followedUserId": id, "mode": "SOME" }), "/mode"),
        (json!({ "followedUserId": id, "mode": "ALL_EXCEPT", "excludeTagIds": ["a b"] }), "/excludeTagIds/0"),
        (json!({ "followedUserId": "none" }), "/followedUserId"),
    ] {
        let refused = set(body.clone()).await;
        assert_eq!((refused.problem().0, &refused.body()["pointer"]), (400, &json!(pointer)), "{body}");
    }
    let oneself = set(json!({ "followedUserId": bob.id().to_string() })).await;
    assert_eq!((oneself.problem().0, &oneself.body()["detail"]), (400, &json!("cannot follow yourself")));

    let path = format!("/api/follows/user/{id}");
    assert_eq!(bobs.get(&path).await.body()["mode"], "ALL_EXCEPT");
    let others = carols.get(&format!("/api/v1/follows/user/{}", bob.id())).await;
    assert_eq!(others.problem().0, 404, "one sees only one's own");
    assert_eq!(bobs.delete(&path).await.status, 204);
    assert_eq!(bobs.delete(&path).await.problem().0, 404);

    tag("go").await;
    tag("rust").await;
    assert_eq!(bobs.delete(&format!("{path}?tags=false")).await.problem().0, 404, "only tags are followed");
    let of_tag = |name: &str| format!("/api/follows/tag/{id}/{name}");
    assert_eq!(bobs.delete(&of_tag("go")).await.status, 204);
    assert_eq!(bobs.delete(&of_tag("go")).await.problem().0, 404);
    assert_eq!(bobs.get(&path).await.body()["tagIds"], json!(["#rust"]));
    assert_eq!(bobs.delete(&of_tag("rust")).await.status, 204);
    assert_eq!(bobs.get(&path).await.problem().0, 404, "the last tag ends the follow");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lists_are_read_page_by_page(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, _) = newcomer(&site, "Carol").await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let (person, program) = newcomer(&site, &format!("Reader {number}")).await;
        assert_eq!(program.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 201);
        expected.insert(0, person.id().to_string());
    }
    let (mut by_number, mut by_cursor) = (Vec::new(), Vec::new());
    for page in 1..=4 {
        let page = site.browser().get(&of(&carol, &format!("/followers?page={page}&pageSize=3"))).await;
        assert_eq!((&page.body()["total"], &page.body()["totalPages"]), (&json!(7), &json!(3)));
        by_number.extend(ids(&page.body()));
    }
    let mut path = of(&carol, "/followers?pageSize=2");
    loop {
        let page = site.browser().get(&path).await;
        by_cursor.extend(ids(&page.body()));
        let body = page.body();
        let Some(next) = body["nextCursor"].as_str() else { break };
        assert!(page.header("link").contains("rel=\"next\""));
        path = of(&carol, &format!("/followers?pageSize=2&cursor={next}"));
    }
    assert_eq!((by_number, by_cursor), (expected.clone(), expected));
}

#[tokio::test]
async fn people_choose_who_sees_and_who_follows_them() {
    let site = Site::new().await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let (carol, carols) = newcomer(&site, "Carol").await;
    let (_, daves) = newcomer(&site, "Dave").await;
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 201);
    let choose = async |body: Value| {
        let chosen = carols.json("PATCH", "/api/v1/me/privacy", body).await;
        assert_eq!(chosen.status, 200, "{}", chosen.text);
        chosen.body()
    };
    choose(json!({ "lists": "shared" })).await;
    let list = of(&carol, "/followers");
    assert_eq!(ids(&bobs.get(&list).await.body()), [bob.id().to_string()], "he follows her");
    let hidden = daves.get(&list).await.body();
    assert_eq!((&hidden["items"], &hidden["total"]), (&json!([]), &json!(1)));
    choose(json!({ "lists": "hidden", "countsHidden": true })).await;
    assert_eq!(bobs.get(&list).await.body()["items"], json!([]));
    assert_eq!(site.browser().get(&of(&carol, "/followers/count")).await.problem().0, 403);
    assert_eq!(ids(&carols.get("/api/v1/me/followers").await.body()), [bob.id().to_string()]);

    let nobody = choose(json!({ "followable": "nobody" })).await;
    assert_eq!((&nobody["endedFollows"], &nobody["lists"]), (&json!(1), &json!("hidden")));
    let refused = daves.json("POST", &of(&carol, "/follow"), Value::Null).await;
    assert_eq!(refused.problem(), (403, "not_followable".to_owned()));
    choose(json!({ "followable": "everyone" })).await;
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 201);

    let follower = format!("/api/v1/me/followers/{}", bob.id());
    assert_eq!(carols.delete(&format!("{follower}?block=true")).await.status, 204);
    let blocked = bobs.json("POST", &of(&carol, "/follow"), Value::Null).await;
    assert_eq!(
        blocked.told(),
        {
            choose(json!({ "followable": "nobody" })).await;
            let refused = bobs.json("POST", &of(&carol, "/follow"), Value::Null).await;
            choose(json!({ "followable": "everyone" })).await;
            refused.told()
        },
        "a block looks like what holds for everybody"
    );
    assert_eq!(carols.delete(&format!("/api/v1/me/blocks/{}", bob.id())).await.status, 204);
    assert_eq!(bobs.json("POST", &of(&carol, "/follow"), Value::Null).await.status, 201);
    assert_eq!(carols.delete(&follower).await.status, 204);
    assert_eq!(carols.delete(&follower).await.problem().0, 404);
}

#[tokio::test]
async fn the_operator_decides_whether_people_follow_people() {
    let off = Site::with(&[("FOLLOW_MEMBERS", "off")]).await;
    let (_, bobs) = newcomer(&off, "Bob").await;
    let refused = bobs.json("POST", &of(&off.alice, "/follow"), Value::Null).await;
    assert_eq!(refused.problem(), (403, "not_followable".to_owned()));
    let opt_in = Site::with(&[("FOLLOW_MEMBERS", "opt_in"), ("FOLLOW_LISTS", "hidden")]).await;
    let (bob, bobs) = newcomer(&opt_in, "Bob").await;
    let (_, carols) = newcomer(&opt_in, "Carol").await;
    assert_eq!(carols.json("POST", &of(&bob, "/follow"), Value::Null).await.problem().0, 403);
    let yes = bobs.json("PATCH", "/api/v1/me/privacy", json!({ "followable": "everyone" })).await;
    assert_eq!(yes.status, 200, "{}", yes.text);
    assert_eq!(carols.json("POST", &of(&bob, "/follow"), Value::Null).await.status, 201);
    let hidden = opt_in.browser().get(&of(&bob, "/followers")).await.body();
    assert_eq!((&hidden["items"], &hidden["total"]), (&json!([]), &json!(1)));
}
