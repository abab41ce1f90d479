//! Who may do what over the API: each route of a server for each kind of caller, and what nobody may find
//! out.

use serde_json::{Value, json};
use tributary_sandbox::{Channel, Guild, Permissions, Person};

use super::{Answer, Program, SERVERS, Site};
use crate::harness::admin;

const FULL: Permissions = Permissions::MANAGE_CHANNELS.union(Permissions::MANAGE_MESSAGES);

/// What a route answers to whom.
struct Route {
    method: &'static str,
    /// After the server; `{…}` stands for what is in the scene.
    path: &'static str,
    /// What is sent, to make a valid request.
    body: fn(&Scene) -> Value,
    /// A member with Manage Messages everywhere and nothing more.
    reader: u16,
    /// A member with Manage Channels and Manage Messages everywhere.
    manager: u16,
}

const NOTHING: fn(&Scene) -> Value = |_| Value::Null;
const NEW: fn(&Scene) -> Value = |scene| {
    let (source, target) = (scene.other.id().to_string(), scene.site.news.id().to_string());
    json!({ "sourceChannelId": source, "targetChannelId": target })
};

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/follows", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "POST", path: "/follows/preview", body: NEW, reader: 200, manager: 200 },
    Route { method: "POST", path: "/follows", body: NEW, reader: 403, manager: 201 },
    Route { method: "GET", path: "/follows/{id}", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "GET", path: "/follows/{id}/deliveries", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "PATCH", path: "/follows/{id}", body: |_| json!({ "panels": false }), reader: 403, manager: 200 },
    Route { method: "POST", path: "/follows/{id}/pause", body: NOTHING, reader: 403, manager: 200 },
    Route { method: "POST", path: "/follows/{id}/resume", body: NOTHING, reader: 403, manager: 200 },
    Route { method: "GET", path: "/channels", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "GET", path: "/channels/{source}/followers", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "GET", path: "/channels/{source}/follower-requests", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "POST", path: "/followers/{asking}/approve", body: NOTHING, reader: 403, manager: 204 },
    Route { method: "DELETE", path: "/followers/{asking}", body: NOTHING, reader: 403, manager: 200 },
    Route { method: "POST", path: "/followers/{unwanted}/decline", body: NOTHING, reader: 403, manager: 204 },
    Route { method: "POST", path: "/followers/{unwanted}/block", body: NOTHING, reader: 403, manager: 200 },
    Route { method: "GET", path: "/blocked-servers", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "DELETE", path: "/blocked-servers/{island}", body: NOTHING, reader: 403, manager: 204 },
    Route { method: "PUT", path: "/channels/{source}/audience", body: |_| json!({ "audience": "servers" }), reader: 403, manager: 200 },
    Route { method: "GET", path: "/messages/{source}/{message}/report", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "GET", path: "/stats", body: NOTHING, reader: 200, manager: 200 },
    Route { method: "DELETE", path: "/follows/{id}", body: NOTHING, reader: 403, manager: 204 },
];

struct Scene {
    site: Site,
    source: Channel,
    other: Channel,
    message: String,
    /// Another server with the bot.
    island: Guild,
    lagoon: Channel,
    follow: String,
    /// Follows of the island that wait for approval.
    asking: String,
    unwanted: String,
}

impl Scene {
    async fn new() -> Self {
        let site = Site::new().await;
        let (source, other) = (site.harbour.text("releases"), site.harbour.text("other"));
        let island = site.world.sandbox.create_guild("Island");
        let lagoon = island.text("lagoon");
        let message = site.alice.post(&source, "v1").unwrap().id.to_string();
        let program = site.program(&site.alice, &site.news).await;
        let body = json!({ "sourceChannelId": source.id().to_string(), "targetChannelId": site.news.id().to_string() });
        let made = program.json("POST", &site.server("/follows"), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let follow = made.body()["id"].as_str().unwrap().to_owned();
        let (asking, unwanted) = (String::new(), String::new());
        Self { site, source, other, message, island, lagoon, follow, asking, unwanted }
    }

    /// Two channels of the island ask whether they may follow.
    async fn islanders_ask(&mut self) {
        let program = self.program(&self.site.alice).await;
        let ask = json!({ "audience": "servers", "approval": "ask" });
        let opened = self.site.server(&format!("/channels/{}/audience", self.source.id()));
        assert_eq!(program.json("PUT", &opened, ask).await.status, 200);
        let islander = self.site.program(&admin(&self.island, "Ida"), &self.lagoon).await;
        let mut asked = Vec::new();
        for target in [self.lagoon.clone(), self.island.text("reef")] {
            let body = json!({
                "sourceLink": self.source.link(), "targetChannelId": target.id().to_string()
            });
            let path = format!("/api/v1/servers/{}/follows", self.island.id());
            let answer = islander.json("POST", &path, body).await;
            assert_eq!(answer.status, 202, "{}", answer.text);
            asked.push(answer.body()["id"].as_str().unwrap().to_owned());
        }
        (self.unwanted, self.asking) = (asked.pop().unwrap(), asked.pop().unwrap());
    }

    fn path(&self, route: &Route) -> String {
        let path = route.path.replace("{id}", &self.follow).replace("{message}", &self.message);
        let path = path.replace("{asking}", &self.asking).replace("{unwanted}", &self.unwanted);
        let path = path.replace("{island}", &self.island.id().to_string());
        self.site.server(&path.replace("{source}", &self.source.id().to_string()))
    }

    async fn ask(&self, program: &Program, route: &Route) -> Answer {
        program.json(route.method, &self.path(route), (route.body)(self)).await
    }

    async fn program(&self, person: &Person) -> Program {
        self.site.program(person, &self.site.news).await
    }
}

#[tokio::test]
async fn every_route_knows_who_asks() {
    let mut scene = Scene::new().await;
    scene.islanders_ask().await;
    let site = &scene.site;
    let reader = scene.program(&site.harbour.member("Rita", Permissions::MANAGE_MESSAGES)).await;
    let member = scene.program(&site.harbour.member("Max", Permissions::empty())).await;
    let elsewhere = site.program(&admin(&scene.island, "Ivan"), &scene.lagoon).await;
    let browser = site.signed_in().await;
    let scoped = |scopes: &'static [&'static str], server: Option<String>| {
        let (site, browser) = (site, &browser);
        async move {
            site.program_with(browser, json!({ "name": "x", "scopes": scopes, "serverId": server })).await
        }
    };
    let scopeless = scoped(&["panels:write"], None).await;
    let bound = scoped(&SERVERS, Some(scene.island.id().to_string())).await;
    let manager = scoped(&SERVERS, Some(site.harbour.id().to_string())).await;
    for route in ROUTES {
        let what = format!("{} {}", route.method, route.path);
        let guest = site.browser().send(site.browser().request(route.method, &scene.path(route))).await;
        assert_eq!(guest.problem(), (401, "authentication_required".to_owned()), "a guest: {what}");
        let lacks = scene.ask(&scopeless, route).await;
        assert_eq!(lacks.problem(), (403, "insufficient_scope".to_owned()), "without the scope: {what}");
        for (who, program) in [("of another server", &elsewhere), ("for another server", &bound)] {
            let answer = scene.ask(program, route).await;
            assert_eq!(answer.problem(), (404, "unknown_server".to_owned()), "{who}: {what}");
        }
        let refused = scene.ask(&member, route).await;
        assert!(refused.status == 403 || refused.status == 404, "a member: {what}: {}", refused.text);
        let read = scene.ask(&reader, route).await;
        assert_eq!(read.status, route.reader, "a reader: {what}: {}", read.text);
        let cross = browser.request(route.method, &scene.path(route)).header("sec-fetch-site", "cross-site");
        if route.method != "GET" {
            let led = browser.send(cross.json(&(route.body)(&scene))).await;
            assert_eq!(led.problem(), (403, "cross_site".to_owned()), "led by another site: {what}");
        }
        let done = scene.ask(&manager, route).await;
        assert_eq!(done.status, route.manager, "a manager: {what}: {}", done.text);
    }
}

/// The table has each route of a server that the API's description has.
#[tokio::test]
async fn every_route_of_follows_is_in_the_table() {
    let site = Site::new().await;
    let document = site.browser().get("/api/v1/openapi.json").await.body();
    let tags = ["Follows", "Followers", "Deliveries", "Channels"];
    let mut there: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if tags.contains(&operation["tags"][0].as_str().unwrap()) || path.ends_with("/stats") {
                let rest = path.strip_prefix("/api/v1/servers/{server}").unwrap();
                there.push(format!("{} {rest}", method.to_uppercase()));
            }
        }
    }
    let names =
        [("{source}", "{channel}"), ("{asking}", "{id}"), ("{unwanted}", "{id}"), ("{island}", "{blocked}")];
    let named = |route: &Route| {
        let path = names.iter().fold(route.path.to_owned(), |path, (ours, name)| path.replace(ours, name));
        format!("{} {path}", route.method)
    };
    let mut table: Vec<String> = ROUTES.iter().map(named).collect();
    there.sort_unstable();
    table.sort_unstable();
    assert_eq!(table, there);
}

/// What is private and what doesn't exist is one answer.
#[tokio::test]
async fn private_and_missing_are_one_answer() {
    let scene = Scene::new().await;
    let site = &scene.site;
    let secret = site.harbour.private_text("secret");
    let hidden = scene.island.private_text("hidden");
    let bob = site.harbour.member("Bob", FULL);
    let program = scene.program(&bob).await;
    let answer = async |method: &str, path: String, body: Value| {
        let answer = program.json(method, &site.server(&path), body).await;
        let mut body = answer.body();
        body["requestId"] = Value::Null;
        let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort_unstable();
        (answer.status, body, headers)
    };
    let new =
        |source: String| json!({ "sourceChannelId": source, "targetChannelId": site.news.id().to_string() });
    for (method, path) in [("POST", "/follows"), ("POST", "/follows/preview")] {
        let missing = answer(method, path.to_owned(), new("7".to_owned())).await;
        assert_eq!((missing.0, &missing.1["code"]), (404, &json!("unknown_source")));
        for channel in [&secret, &hidden] {
            assert_eq!(
                answer(method, path.to_owned(), new(channel.id().to_string())).await,
                missing,
                "{path}"
            );
        }
    }
    for path in [
        "/channels/{}/followers",
        "/messages/{}/7/report",
        "/follows?channelId={}",
        "/follows?sourceChannelId={}",
    ] {
        let of = |id: String| answer("GET", path.replace("{}", &id), Value::Null);
        let missing = of("7".to_owned()).await;
        assert_eq!(missing.0, 404, "{path}: {}", missing.1);
        for channel in [&secret, &hidden, &scene.lagoon] {
            assert_eq!(of(channel.id().to_string()).await, missing, "{path}: {}", channel.name());
        }
    }
    // Follows by their numbers: those of another server are as those that don't exist.
    let ivan = site.program(&admin(&scene.island, "Ivan"), &scene.lagoon).await;
    let path = |id: &str| format!("/api/v1/servers/{}/follows/{id}", scene.island.id());
    for method in ["GET", "DELETE"] {
        let (theirs, missing) = (
            ivan.json(method, &path(&scene.follow), Value::Null).await,
            ivan.json(method, &path("999"), Value::Null).await,
        );
        assert_eq!((theirs.problem(), missing.problem().1.as_str()), (missing.problem(), "unknown_follow"));
    }
    assert_eq!(site.rows("channel_follows").await, "1");
}

/// Who sees the list but not the source learns no name, no tag, and no webhook.
#[tokio::test]
async fn what_a_reader_may_not_see_is_left_out() {
    let scene = Scene::new().await;
    let site = &scene.site;
    let program = scene.program(&site.alice).await;
    let staff = site.harbour.private_text("staff");
    staff.allow(&site.alice, Permissions::VIEW_CHANNEL);
    site.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL);
    let body = json!({
        "sourceChannelId": staff.id().to_string(), "targetChannelId": site.news.id().to_string(),
        "mode": "except", "tags": ["#payroll"], "confirm": true,
    });
    let made = program.json("POST", &site.server("/follows"), body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let rita = scene.program(&site.harbour.member("Rita", Permissions::MANAGE_MESSAGES)).await;
    let id = made.body()["id"].as_str().unwrap().to_owned();
    for path in ["/follows".to_owned(), format!("/follows/{id}"), format!("/follows/{id}/deliveries")] {
        let answer = rita.get(&site.server(&path)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let webhook = site.news.webhooks()[0].id.to_string();
        for secret in ["staff", "payroll", &staff.id().to_string(), &webhook] {
            assert!(!answer.text.contains(secret), "{path} tells {secret}: {}", answer.text);
        }
    }
    let row = rita.get(&site.server(&format!("/follows/{id}"))).await.body();
    assert_eq!((&row["source"]["sight"], &row["hiddenTags"]), (&json!("hidden"), &json!(1)));
    assert_eq!((&row["sourceChannelId"], &row["canManage"]), (&Value::Null, &json!(false)));
}

/// A permission that is taken away counts at once for changes.
#[tokio::test]
async fn a_role_that_is_taken_away_counts_at_once() {
    let scene = Scene::new().await;
    let site = &scene.site;
    let bob = site.harbour.member("Bob", Permissions::empty());
    let role = site.harbour.role("managers", FULL);
    site.harbour.grant(&bob, role);
    let program = scene.program(&bob).await;
    let path = site.server(&format!("/follows/{}", scene.follow));
    assert_eq!(program.get(&path).await.status, 200);
    site.harbour.revoke(&bob, role);
    let refused = program.delete(&path).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    site.harbour.leave(&bob).unwrap();
    let gone = program.delete(&path).await;
    assert_eq!(gone.problem(), (404, "unknown_server".to_owned()));
    assert_eq!(site.rows("channel_follows").await, "1");
}

/// What commands, programs and pages change is counted together.
#[tokio::test]
async fn actions_are_counted_together() {
    let scene = Site::with(&[("FOLLOW_ACTIONS_PER_HOUR", "2")]).await;
    let source = scene.harbour.text("releases");
    let program = scene.program(&scene.alice, &scene.news).await;
    crate::harness::follow(&scene.alice, &source, &scene.news).await;
    let path = scene.server("/follows/1/pause");
    assert_eq!(program.json("POST", &path, Value::Null).await.status, 200);
    let refused = program.json("POST", &path.replace("pause", "resume"), Value::Null).await;
    assert_eq!(refused.problem(), (429, "too_many_actions".to_owned()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3_000..=3_600).contains(&wait), "{wait}");
}
