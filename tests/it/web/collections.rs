//! Collections over the API: managed by those who may, followed by people, read in their feeds.

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Guild, Permissions};

use super::people::newcomer;
use super::{Answer, Program, SERVERS, Site};
use crate::harness::{Backend, admin};

const MANAGE: Permissions = Permissions::MANAGE_CHANNELS.union(Permissions::MANAGE_MESSAGES);

/// A route, with a body that makes a valid request of it, and what a reader and a manager are answered.
struct Route(&'static str, &'static str, fn() -> Value, u16, u16);

const NOTHING: fn() -> Value = || Value::Null;

/// `{id}` stands for the collection's number, `{channel}` for the channel `#news`, which follows it by the
/// number `{followId}`.
#[rustfmt::skip]
const ROUTES: &[Route] = &[
    Route("GET", "/collections", NOTHING, 200, 200),
    Route("POST", "/collections", || json!({ "name": "Another" }), 403, 201),
    Route("GET", "/collections/{id}", NOTHING, 200, 200),
    Route("PATCH", "/collections/{id}", || json!({ "name": "Renamed" }), 403, 200),
    Route("PUT", "/collections/{id}/channels/{channel}", NOTHING, 403, 201),
    Route("POST", "/collections/{id}/follows", || json!({ "targetChannelId": "{channel}" }), 403, 201),
    Route("GET", "/collections/{id}/follows", NOTHING, 200, 200),
    Route("DELETE", "/collections/{id}/follows/{followId}", NOTHING, 403, 204),
    Route("DELETE", "/collections/{id}/channels/{channel}", NOTHING, 403, 204),
    Route("DELETE", "/collections/{id}", NOTHING, 403, 204),
];

/// Makes a collection with these channels.
async fn made(site: &Site, program: &Program, body: Value, channels: &[&Channel]) -> String {
    let made = program.json("POST", &site.server("/collections"), body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.body()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), site.server(&format!("/collections/{id}")));
    for channel in channels {
        assert_eq!(put(site, program, &id, channel).await.status, 201);
    }
    id
}

async fn put(site: &Site, program: &Program, id: &str, channel: &Channel) -> Answer {
    let path = site.server(&format!("/collections/{id}/channels/{}", channel.id()));
    program.json("PUT", &path, Value::Null).await
}

async fn follow(program: &Program, id: &str) -> Answer {
    let target = json!({ "target": { "kind": "collection", "id": id } });
    program.json("POST", "/api/v1/me/follows", target).await
}

/// Waits until the feed has these texts, newest first.
async fn shows(site: &Site, program: &Program, expected: &[&str]) {
    let what = format!("the feed to be {expected:?}");
    let texts = async || {
        let page = program.get("/api/v1/me/feed").await.body();
        let all = page["activities"].as_array().unwrap();
        all.iter().map(|one| one["text"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    site.world.until(&what, async || texts().await == expected).await;
}

#[tokio::test]
async fn every_route_knows_who_asks() {
    let site = Site::new().await;
    let island = site.world.sandbox.create_guild("Island");
    let lagoon = island.text("lagoon");
    let own = site.program(&site.alice, &site.news).await;
    let id = made(&site, &own, json!({ "name": "One" }), &[]).await;
    let person =
        async |name, permissions| site.program(&site.harbour.member(name, permissions), &site.news).await;
    let reader = person("Rita", Permissions::MANAGE_MESSAGES).await;
    let member = person("Max", Permissions::empty()).await;
    let stranger = site.program(&admin(&island, "Ivan"), &lagoon).await;
    let browser = site.signed_in().await;
    let token = async |scopes: &[&str], server: Option<&Guild>| {
        let server = server.map(|server| server.id().to_string());
        site.program_with(&browser, json!({ "name": "x", "scopes": scopes, "serverId": server })).await
    };
    let (scopeless, bound) = (token(&["panels:write"], None).await, token(&SERVERS, Some(&island)).await);
    for route in ROUTES {
        let what = format!("{} {}", route.0, route.1);
        let filled = |text: &str| {
            let text = text.replace("{id}", &id).replace("{channel}", &site.news.id().to_string());
            text.replace("{followId}", "1")
        };
        let path = site.server(&filled(route.1));
        let body: Value = serde_json::from_str(&filled(&(route.2)().to_string())).unwrap();
        let ask = async |program: &Program| program.json(route.0, &path, body.clone()).await;
        let guest = site.browser().send(site.browser().request(route.0, &path)).await;
        assert_eq!(guest.problem(), (401, "authentication_required".to_owned()), "a guest: {what}");
        let lacks = ask(&scopeless).await;
        assert_eq!(lacks.problem(), (403, "insufficient_scope".to_owned()), "without the scope: {what}");
        for (who, program) in [("of another server", &stranger), ("for another server", &bound)] {
            assert_eq!(ask(program).await.problem(), (404, "unknown_server".to_owned()), "{who}: {what}");
        }
        let refused = ask(&member).await;
        // What takes a right in the target only, says so.
        let missing = ["missing_server_permission", "missing_permission"];
        assert!(refused.status == 403 && missing.contains(&refused.problem().1.as_str()), "a member: {what}");
        let read = ask(&reader).await;
        assert_eq!(read.status, route.3, "a reader: {what}: {}", read.text);
        if route.0 != "GET" {
            let led = browser.request(route.0, &path).header("sec-fetch-site", "cross-site");
            assert_eq!(browser.send(led.json(&body)).await.problem().1, "cross_site", "{what}");
        }
        let done = ask(&own).await;
        assert_eq!(done.status, route.4, "a manager: {what}: {}", done.text);
    }
}

/// The table has each route of collections that the API's description has.
#[tokio::test]
async fn every_route_of_collections_is_in_the_table() {
    let site = Site::new().await;
    let document = site.browser().get("/api/v1/openapi.json").await.body();
    let mut there = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let rest = path.strip_prefix("/api/v1/servers/{server}");
            if let Some(rest) = rest.filter(|_| operation["tags"][0] == "Collections") {
                there.push(format!("{} {rest}", method.to_uppercase()));
            }
        }
    }
    let mut table: Vec<String> = ROUTES.iter().map(|route| format!("{} {}", route.0, route.1)).collect();
    there.sort_unstable();
    table.sort_unstable();
    assert_eq!(table, there);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_posted_in_a_followed_collection_is_in_the_feed(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (town, quay) = (site.harbour.text("town"), site.harbour.text("quay"));
    let own = site.program(&site.alice, &site.news).await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let id = made(&site, &own, json!({ "name": "Town" }), &[&town]).await;
    carol.post(&town, "before").unwrap();
    let followed = follow(&bobs, &id).await;
    assert_eq!(followed.status, 201, "{}", followed.text);
    let relation = followed.body();
    assert_eq!((&relation["kind"], &relation["followingId"]), (&json!("collection"), &json!(id)));
    assert_eq!(follow(&bobs, &id).await.problem(), (409, "already_following_user".to_owned()));

    carol.post(&quay, "in no collection yet").unwrap();
    carol.post(&town, "first").unwrap();
    shows(&site, &bobs, &["first"]).await;
    // What is added to a followed collection is read from then on.
    assert_eq!(put(&site, &own, &id, &quay).await.status, 201);
    assert_eq!(put(&site, &own, &id, &quay).await.status, 200);
    carol.post(&quay, "second").unwrap();
    shows(&site, &bobs, &["second", "first"]).await;
    let page = bobs.get(&format!("/api/v1/me/feed?collection={id}")).await.body();
    assert_eq!(page["activities"][0]["because"], json!([relation["id"]]));
    assert_eq!(page["totalCount"], 2);
    let view = own.get(&site.server(&format!("/collections/{id}"))).await.body();
    assert_eq!((&view["followerCount"], &view["channelCount"]), (&json!(1), &json!(2)));
    assert_eq!(view["channels"][1]["name"], "quay");

    // A channel that is taken out, or deleted, or a collection that is: each at once.
    let path = site.server(&format!("/collections/{id}/channels/{}", town.id()));
    assert_eq!(own.delete(&path).await.status, 204);
    assert_eq!(own.delete(&path).await.problem(), (404, "not_collected".to_owned()));
    shows(&site, &bobs, &["second"]).await;
    quay.delete().unwrap();
    site.world
        .until("the channel to be taken out", async || site.rows("collection_channels").await == "0")
        .await;
    assert_eq!(own.delete(&site.server(&format!("/collections/{id}"))).await.status, 204);
    assert_eq!(bobs.get("/api/v1/me/follows").await.body()["items"], json!([]));
    assert_eq!(follow(&bobs, &id).await.problem(), (404, "unknown_collection".to_owned()));
}

/// A collection makes nothing public: its followers see of it what they can read, and who can read nothing of
/// it doesn't learn that it is there.
#[tokio::test]
async fn a_collection_makes_nothing_public() {
    let site = Site::new().await;
    let secret = site.harbour.private_text("secret");
    secret.allow(&site.alice, Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    site.harbour.allow_bot(&secret, Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    let own = site.program(&site.alice, &site.news).await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    let id = made(&site, &own, json!({ "name": "Mixed", "open": false }), &[&site.news, &secret]).await;
    assert_eq!(follow(&bobs, &id).await.status, 201);
    site.alice.post(&secret, "between us").unwrap();
    site.alice.post(&site.news, "for all").unwrap();
    shows(&site, &bobs, &["for all"]).await;
    secret.allow(&bob, Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    shows(&site, &bobs, &["for all", "between us"]).await;

    let rita = site.harbour.member("Rita", MANAGE);
    let ritas = site.program(&rita, &site.news).await;
    let shown = ritas.get(&site.server(&format!("/collections/{id}"))).await;
    assert!(
        !shown.text.contains("secret") && !shown.text.contains(&secret.id().to_string()),
        "{}",
        shown.text
    );
    assert_eq!(shown.body()["channels"][1]["sight"], "hidden");
    let other = made(&site, &ritas, json!({ "name": "Rita's" }), &[]).await;
    let hidden = put(&site, &ritas, &other, &secret).await;
    let path = site.server(&format!("/collections/{other}/channels/123456789012345678"));
    let missing = ritas.json("PUT", &path, Value::Null).await;
    assert_eq!((hidden.told(), missing.problem().0), (missing.told(), 404));

    // Somebody of another server.
    let island = site.world.sandbox.create_guild("Island");
    let lagoon = island.text("lagoon");
    let ivan = admin(&island, "Ivan");
    let browser = site.signed_in_as(&ivan, &lagoon).await;
    let scopes = super::people::PERSONAL;
    let ivans = site.program_with(&browser, json!({ "name": "a reader", "scopes": scopes })).await;
    let missing = follow(&ivans, "999").await;
    assert_eq!(missing.problem(), (404, "unknown_collection".to_owned()));
    assert_eq!(follow(&ivans, &id).await.told(), missing.told());
    let path = site.server(&format!("/collections/{id}"));
    assert_eq!(own.json("PATCH", &path, json!({ "open": true })).await.body()["open"], true);
    assert_eq!(follow(&ivans, &id).await.told(), missing.told(), "he can read none of its channels");
    // Alice is in both servers, and adds a channel of the other one.
    island.join(&site.alice, Permissions::empty());
    assert_eq!(put(&site, &own, &id, &lagoon).await.status, 201);
    assert_eq!(follow(&ivans, &id).await.status, 201);
    ivan.post(&lagoon, "his own").unwrap();
    site.alice.post(&lagoon, "from the island").unwrap();
    shows(&site, &ivans, &["from the island"]).await;
}

#[tokio::test]
async fn who_manages_a_channel_may_add_and_remove_it() {
    let site = Site::new().await;
    let own = site.program(&site.alice, &site.news).await;
    let id = made(&site, &own, json!({ "name": "One" }), &[&site.news]).await;
    let quay = site.harbour.text("quay");
    let bob = site.harbour.member("Bob", Permissions::empty());
    quay.allow(&bob, Permissions::MANAGE_CHANNELS);
    let bobs = site.program(&bob, &site.news).await;
    assert_eq!(put(&site, &bobs, &id, &quay).await.status, 201);
    let denied = (403, "missing_server_permission".to_owned());
    assert_eq!(put(&site, &bobs, &id, &site.news).await.problem(), denied);
    let path = |channel: &Channel| site.server(&format!("/collections/{id}/channels/{}", channel.id()));
    assert_eq!(bobs.delete(&path(&site.news)).await.problem(), denied);
    assert_eq!(bobs.delete(&path(&quay)).await.status, 204);
    assert_eq!(put(&site, &bobs, "999", &quay).await.problem(), (404, "unknown_collection".to_owned()));
}

/// Who did what with a collection is in the audit, and nothing of what was written.
#[tokio::test]
async fn changes_are_in_the_audit() {
    let site = Site::new().await;
    let own = site.program(&site.alice, &site.news).await;
    let id = made(&site, &own, json!({ "name": "Hush", "description": "hush" }), &[&site.news]).await;
    let path = site.server(&format!("/collections/{id}"));
    assert_eq!(own.json("PATCH", &path, json!({ "name": "Hush!" })).await.status, 200);
    let channel = format!("{path}/channels/{}", site.news.id());
    assert_eq!(own.delete(&channel).await.status, 204);
    assert_eq!(own.delete(&path).await.status, 204);
    let gina = site.program(&site.harbour.member("Gina", Permissions::MANAGE_GUILD), &site.news).await;
    let audit = gina.get(&site.server("/audit")).await;
    assert_eq!(audit.status, 200, "{}", audit.text);
    assert!(!audit.text.to_lowercase().contains("hush"), "{}", audit.text);
    let body = audit.body();
    let told = |one: &Value| {
        assert_eq!(one["actorId"], site.alice.id().to_string());
        assert_eq!(one["subject"], json!({ "kind": "collection", "id": id }));
        (one["action"].as_str().unwrap().to_owned(), one["detail"].clone())
    };
    let told: Vec<(String, Value)> = body["items"].as_array().unwrap().iter().map(told).collect();
    let news = json!({ "channel": site.news.id().to_string() });
    let expected = [
        ("collection_deleted", json!({})),
        ("collection_channel_removed", news.clone()),
        ("collection_changed", json!({ "changed": ["name"] })),
        ("collection_channel_added", news),
        ("collection_created", json!({})),
    ];
    assert_eq!(told, expected.map(|(action, detail)| (action.to_owned(), detail)));
}

#[tokio::test]
async fn names_and_descriptions_have_rules() {
    let site = Site::new().await;
    let own = site.program(&site.alice, &site.news).await;
    let id = made(&site, &own, json!({ "name": " Größe ", "description": "x" }), &[]).await;
    let post = async |body: Value| own.json("POST", &site.server("/collections"), body).await;
    for (body, code, pointer) in [
        (json!({ "name": "GRÖßE" }), (409, "collection_name_taken"), "/name"),
        (json!({ "name": " " }), (400, "collection_name"), "/name"),
        (json!({ "name": "x".repeat(51) }), (400, "collection_name"), "/name"),
        (
            json!({ "name": "y", "description": "x".repeat(301) }),
            (400, "collection_description"),
            "/description",
        ),
    ] {
        let refused = post(body.clone()).await;
        assert_eq!(refused.problem(), (code.0, code.1.to_owned()), "{body}");
        assert_eq!(refused.body()["pointer"], pointer, "{body}");
    }
    assert_eq!(post(json!({ "name": "y", "owner": "me" })).await.problem().1, "invalid_body");
    let path = site.server(&format!("/collections/{id}"));
    let changed = own.json("PATCH", &path, json!({ "description": null, "open": true })).await.body();
    assert_eq!(
        (&changed["name"], &changed["description"], &changed["open"]),
        (&json!("Größe"), &Value::Null, &json!(true))
    );
    let listed = own.get(&site.server("/collections")).await.body();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["createdBy"], site.alice.id().to_string());
}

/// A follow of a collection over the API: made, seen with what it lacks, and ended.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_channel_follows_a_collection(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (town, staff) = (site.harbour.text("town"), site.harbour.private_text("staff"));
    let reads = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    staff.allow(&site.alice, reads);
    site.harbour.allow_bot(&staff, reads);
    let own = site.program(&site.alice, &site.news).await;
    let id = made(&site, &own, json!({ "name": "Town" }), &[&town, &staff]).await;
    let path = site.server(&format!("/collections/{id}/follows"));
    let body = json!({ "targetChannelId": site.news.id().to_string(), "mode": "except", "tags": ["draft"] });
    let posted = own.json("POST", &path, body.clone()).await;
    assert_eq!(posted.status, 201, "{}", posted.text);
    assert_eq!(posted.header("location"), path);
    let row = posted.body();
    assert_eq!((&row["inStep"], &row["followedCount"]), (&json!(true), &json!(1)), "{row}");
    assert_eq!((&row["collectionId"], &row["target"]["name"]), (&json!(id), &json!("news")));
    let gap = &row["gaps"][0];
    assert_eq!((&gap["channel"]["name"], &gap["reason"]), (&json!("staff"), &json!("confirmation")), "{row}");
    assert!(!gap["detail"].as_str().unwrap().contains("`/"), "{gap}");
    assert_eq!(
        own.json("POST", &path, body).await.problem(),
        (409, "already_following_collection".to_owned())
    );
    assert_eq!(own.get(&path).await.body()["items"], json!([row]));

    let follows = own.get(&site.server("/follows")).await.body();
    let follow = &follows["items"][0];
    assert_eq!((&follow["collectionId"], &follow["mode"]), (&json!(id), &json!("except")), "{follow}");
    let one = site.server(&format!("/follows/{}", follow["id"].as_str().unwrap()));
    assert_eq!(own.get(&one).await.body()["collectionId"], json!(id));
    assert_eq!(own.delete(&one).await.problem(), (409, "from_collection".to_owned()));
    let change = own.json("PATCH", &one, json!({ "panels": false })).await;
    assert_eq!(change.problem(), (409, "from_collection".to_owned()));
    let paused = own.json("POST", &format!("{one}/pause"), Value::Null).await;
    assert_eq!(paused.body()["state"], "paused", "one of them may rest");

    // Two at once: each is followed, once.
    let (docks, quay) = (site.harbour.text("docks"), site.harbour.text("quay"));
    let [first, second, again] = [&docks, &quay, &docks].map(|channel| put(&site, &own, &id, channel));
    let (first, second, again) = tokio::join!(first, second, again);
    let mut statuses = [first.status, again.status];
    statuses.sort_unstable();
    assert_eq!((statuses, second.status), ([200, 201], 201));
    site.world.until("both to be followed", async || site.rows("channel_follows").await == "3").await;

    // Collections of other servers are nobody's here.
    let island = site.world.sandbox.create_guild("Island");
    let lagoon = island.text("lagoon");
    let ivans = site.program(&admin(&island, "Ivan"), &lagoon).await;
    let foreign = format!("/api/v1/servers/{}/collections/{id}/follows", island.id());
    let target = json!({ "targetChannelId": lagoon.id().to_string() });
    assert_eq!(ivans.json("POST", &foreign, target).await.problem(), (404, "unknown_collection".to_owned()));
    let theirs = json!({ "targetChannelId": lagoon.id().to_string() });
    assert_eq!(own.json("POST", &path, theirs).await.problem().0, 404);

    let ended = format!("{path}/{}", row["id"].as_str().unwrap());
    let other = made(&site, &own, json!({ "name": "Other" }), &[]).await;
    let wrong = site.server(&format!("/collections/{other}/follows/{}", row["id"].as_str().unwrap()));
    assert_eq!(own.delete(&wrong).await.problem(), (404, "unknown_collection_follow".to_owned()));
    assert_eq!(own.delete(&ended).await.status, 204);
    assert_eq!(own.delete(&ended).await.problem(), (404, "unknown_collection_follow".to_owned()));
    assert_eq!(
        (site.rows("channel_follows").await, site.rows("collection_follows").await),
        ("0".to_owned(), "0".to_owned())
    );
    let gina = site.program(&site.harbour.member("Gina", Permissions::MANAGE_GUILD), &site.news).await;
    let audit = gina.get(&site.server("/audit")).await.text;
    assert!(audit.contains("collection_followed") && audit.contains("collection_unfollowed"), "{audit}");
}
