//! Who may do what with panels over the API, and what nobody may find out.

use serde_json::{Value, json};
use tributary_sandbox::{Guild, Permissions};

use super::panels::{Office, SCOPES, custom, program};
use super::{Answer, Program, Site};
use crate::harness::admin;

const MANAGE: Permissions = Permissions::MANAGE_CHANNELS;

/// A route of panels, with a body that makes a valid request of it.
struct Route(&'static str, &'static str, fn(&Office) -> Value);

const NOTHING: fn(&Office) -> Value = |_| Value::Null;

/// `{id}` stands for the panel's number. The last one deletes it.
const ROUTES: &[Route] = &[
    Route("GET", "/panels", NOTHING),
    Route("POST", "/panels", |office| custom(&office.site.news, "Another", "One more.")),
    Route("GET", "/panels/{id}", NOTHING),
    Route("PATCH", "/panels/{id}", |_| json!({ "title": "Taken over" })),
    Route("POST", "/panels/{id}/refresh", NOTHING),
    Route("POST", "/panels/{id}/move", |office| json!({ "channelId": office.site.news.id().to_string() })),
    Route("DELETE", "/panels/{id}", NOTHING),
];

impl Route {
    async fn ask(&self, office: &Office, program: &Program) -> Answer {
        let path = office.site.server(&self.1.replace("{id}", &office.panel));
        program.json(self.0, &path, (self.2)(office)).await
    }
}

#[tokio::test]
async fn every_route_knows_who_asks() {
    let office = Office::new().await;
    let site = &office.site;
    let reader = office.program(&site.harbour.member("Rita", Permissions::MANAGE_MESSAGES)).await;
    let stranger = program(site, &admin(&office.island, "Ivan"), &office.lagoon).await;
    let browser = site.signed_in().await;
    let token = async |scopes: &[&str], server: Option<&Guild>| {
        let server = server.map(|server| server.id().to_string());
        site.program_with(&browser, json!({ "name": "x", "scopes": scopes, "serverId": server })).await
    };
    let (bound, own) =
        (token(&SCOPES, Some(&office.island)).await, token(&SCOPES, Some(&site.harbour)).await);
    let (reads, writes) =
        (token(&["servers:read", "servers:write"], None).await, token(&["panels:write"], None).await);
    for route in ROUTES {
        let what = format!("{} {}", route.0, route.1);
        let path = site.server(&route.1.replace("{id}", &office.panel));
        let guest = site.browser().send(site.browser().request(route.0, &path)).await;
        assert_eq!(guest.problem(), (401, "authentication_required".to_owned()), "a guest: {what}");
        let scopeless = if route.0 == "GET" { &writes } else { &reads };
        let lacks = route.ask(&office, scopeless).await;
        assert_eq!(lacks.problem(), (403, "insufficient_scope".to_owned()), "without the scope: {what}");
        for (who, program) in [("of another server", &stranger), ("for another server", &bound)] {
            let answer = route.ask(&office, program).await;
            assert_eq!(answer.problem(), (404, "unknown_server".to_owned()), "{who}: {what}");
        }
        let read = route.ask(&office, &reader).await;
        match route.1 {
            "/panels" if route.0 == "GET" => assert_eq!(read.body(), json!({ "items": [] }), "{what}"),
            "/panels" => assert_eq!(read.problem(), (403, "missing_permission".to_owned()), "{what}"),
            _ => assert_eq!(read.problem(), (404, "unknown_panel".to_owned()), "{what}"),
        }
        if route.0 != "GET" {
            let led = browser.request(route.0, &path).header("sec-fetch-site", "cross-site");
            assert_eq!(browser.send(led.json(&(route.2)(&office))).await.problem().1, "cross_site", "{what}");
        }
        let done = route.ask(&office, &own).await;
        let expected = match (route.0, route.1) {
            ("POST", "/panels") => 201,
            ("DELETE", _) => 204,
            // It is there already.
            (_, "/panels/{id}/move") => 409,
            _ => 200,
        };
        assert_eq!(done.status, expected, "a manager: {what}: {}", done.text);
    }
}

/// The table has each route of panels that the API's description has.
#[tokio::test]
async fn every_route_of_panels_is_in_the_table() {
    let site = Site::new().await;
    let document = site.browser().get("/api/v1/openapi.json").await.body();
    let mut there = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let rest = path.strip_prefix("/api/v1/servers/{server}");
            if let Some(rest) = rest.filter(|_| operation["tags"][0] == "Panels") {
                there.push(format!("{} {rest}", method.to_uppercase()));
            }
        }
    }
    let mut table: Vec<String> = ROUTES.iter().map(|route| format!("{} {}", route.0, route.1)).collect();
    there.sort_unstable();
    table.sort_unstable();
    assert_eq!(table, there);
}

/// A panel of another server, one in a channel that the person can't see or may not manage, and none at all
/// are one answer, and cost the same requests to Discord.
#[tokio::test]
async fn what_one_may_not_manage_does_not_exist() {
    let office = Office::new().await;
    let site = &office.site;
    let mut hidden = vec![office.panel.clone()];
    let [secret, plans] = ["secret", "plans"].map(|name| site.harbour.private_text(name));
    for channel in [&secret, &plans] {
        channel.allow(&site.alice, Permissions::VIEW_CHANNEL);
        site.harbour.allow_bot(channel, Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES);
        let made =
            office.alice.json("POST", &site.server("/panels"), custom(channel, "Hidden", "Hush.")).await;
        assert_eq!(made.status, 201, "{}", made.text);
        hidden.push(made.body()["id"].as_str().unwrap().to_owned());
    }
    let ivan = program(site, &admin(&office.island, "Ivan"), &office.lagoon).await;
    let theirs = format!("/api/v1/servers/{}/panels", office.island.id());
    let made = ivan.json("POST", &theirs, custom(&office.lagoon, "Theirs", "Far away.")).await;
    hidden.push(made.body()["id"].as_str().unwrap().to_owned());

    // Bob manages one channel, and neither those of the panels nor the server.
    let bob = site.harbour.member("Bob", Permissions::empty());
    let quay = site.harbour.text("quay");
    quay.allow(&bob, MANAGE);
    // Mia manages none.
    let mia = site.harbour.member("Mia", Permissions::MANAGE_MESSAGES);
    for (person, counted) in [(&bob, false), (&mia, true)] {
        let program = office.program(person).await;
        assert_eq!(program.get(&site.server("/panels")).await.body(), json!({ "items": [] }));
        for route in ROUTES.iter().filter(|route| route.1.contains("{id}")) {
            let ask = async |id: &str| {
                let before = site.world.sandbox.exchanges().len();
                let path = site.server(&route.1.replace("{id}", id));
                let mut answer = program.json(route.0, &path, (route.2)(&office)).await.told();
                let exchanges = site.world.sandbox.exchanges();
                let asked = exchanges[before..].iter().filter(|exchange| exchange.method == "GET").count();
                answer.2.push(format!("{} requests", if counted { asked } else { 0 }));
                answer
            };
            let missing = ask("999").await;
            assert_eq!((missing.0, &missing.1["code"]), (404, &json!("unknown_panel")));
            for id in &hidden {
                assert_eq!(ask(id).await, missing, "{} {} of {id}", route.0, route.1);
            }
        }
        // Nor can one be put where they can't see.
        let into = async |id: String| {
            let mut body = custom(&quay, "x", "x");
            body["channelId"] = json!(id);
            program.json("POST", &site.server("/panels"), body).await.told()
        };
        let missing = into("7".to_owned()).await;
        assert_eq!((missing.0, &missing.1["code"]), (404, &json!("unknown_channel")));
        for channel in [&secret, &plans, &office.lagoon] {
            assert_eq!(into(channel.id().to_string()).await, missing, "{}", channel.name());
        }
    }
    assert_eq!(site.rows("panels").await, "4");
    let program = office.program(&bob).await;
    assert_eq!(
        program.json("POST", &site.server("/panels"), custom(&quay, "Own", "Mine.")).await.status,
        201
    );
    let listed = program.get(&site.server("/panels")).await.body();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["items"][0]["title"], "Own");
}

/// A permission that is taken away counts at once for changes, and within a minute for what is read.
#[tokio::test]
async fn a_role_that_is_taken_away_counts_at_once() {
    let office = Office::new().await;
    let harbour = &office.site.harbour;
    let bob = harbour.member("Bob", Permissions::empty());
    let role = harbour.role("managers", MANAGE);
    harbour.grant(&bob, role);
    let program = office.program(&bob).await;
    let path = office.own();
    assert_eq!(program.get(&path).await.status, 200);
    harbour.revoke(&bob, role);
    let change = async || program.json("PATCH", &path, json!({ "title": "x" })).await;
    assert_eq!(change().await.problem(), (404, "unknown_panel".to_owned()));
    assert_eq!(program.delete(&path).await.problem(), (404, "unknown_panel".to_owned()));
    // The change found it out, so reading knows it, too.
    assert_eq!(program.get(&path).await.problem(), (404, "unknown_panel".to_owned()));
    harbour.leave(&bob).unwrap();
    assert_eq!(change().await.problem(), (404, "unknown_server".to_owned()));
    assert_eq!(office.alice.get(&path).await.body()["version"], 1);
}
