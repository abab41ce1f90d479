//! The audit over the API: who changed what, for those who manage the server, and no more than they may know.

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Options, Permissions, Person};

use super::{Answer, Program, Site};
use crate::harness::{Backend, admin};

/// Harbour, whose Alice follows a channel of her own and one of Island, and Gus, who manages the server but
/// sees neither.
struct Archive {
    site: Site,
    alice: Program,
    gus: Program,
    staff: Channel,
    lagoon: Channel,
}

impl Archive {
    async fn on(backend: Backend) -> Option<Self> {
        let site = Site::on(backend).await?;
        site.harbour.grant(&site.alice, site.harbour.role("stewards", Permissions::MANAGE_GUILD));
        let alice = site.program(&site.alice, &site.news).await;
        let staff = site.harbour.private_text("staff");
        staff.allow(&site.alice, Permissions::VIEW_CHANNEL);
        site.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES);
        let island = site.world.sandbox.create_guild("Island");
        let lagoon = island.text("lagoon");
        island.join(&site.alice, Permissions::empty());
        let ivan = admin(&island, "Ivan");
        let open = Options::new().set("channel", &lagoon).set("audience", "everyone");
        ivan.run(&lagoon, "/publish", open).await.expect("an answer");
        let gus = site.program(&site.harbour.member("Gus", Permissions::MANAGE_GUILD), &site.news).await;
        Some(Self { site, alice, gus, staff, lagoon })
    }

    fn path(&self, query: &str) -> String {
        self.site.server(&format!("/audit{query}"))
    }

    /// Follows a channel; the number of the follow.
    async fn follow(&self, source: &Channel, more: Value) -> String {
        let (source, target) = (source.id().to_string(), self.site.news.id().to_string());
        let mut body = json!({ "sourceChannelId": source, "targetChannelId": target, "confirm": true });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.alice.json("POST", &self.site.server("/follows"), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body()["id"].as_str().unwrap().to_owned()
    }

    /// What happened, newest first, as somebody's program reads it.
    async fn read(&self, program: &Program, query: &str) -> Vec<Value> {
        let answer = program.get(&self.path(query)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body()["items"].as_array().unwrap().clone()
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_manages_a_server_reads_what_they_may_know(#[case] backend: Backend) {
    let Some(archive) = Archive::on(backend).await else { return };
    let Archive { site, alice, gus, staff, lagoon } = &archive;
    let news = site.news.id().to_string();
    let inner = archive.follow(staff, json!({ "mode": "except", "tags": ["#payroll"] })).await;
    let outer = archive.follow(lagoon, json!({})).await;
    let change = json!({ "mode": "only", "tags": ["#payday"] });
    let path = |id: &str| site.server(&format!("/follows/{id}"));
    assert_eq!(alice.json("PATCH", &path(&inner), change).await.status, 200);
    assert_eq!(alice.delete(&path(&outer)).await.status, 204);
    let audience = json!({ "audience": "servers", "notifyChannelId": staff.id().to_string() });
    let publish = site.server(&format!("/channels/{}/audience", staff.id()));
    assert_eq!(alice.json("PUT", &publish, audience).await.status, 200);
    let panel = Options::new().set("kind", "custom").set("title", "plum").set("channel", staff);
    let form = site.alice.run(&site.news, "/panel create", panel).await.expect("an answer");
    form.submit(&[("text", "plum-text")]).await.expect("an answer");

    let all = archive.read(alice, "").await;
    let (staff_id, lagoon_id) = (staff.id().to_string(), lagoon.id().to_string());
    let brief = |items: &[Value]| {
        let brief =
            |item: &Value| json!([item["action"], item["via"], item["subject"]["kind"], item["detail"]]);
        items.iter().map(brief).collect::<Vec<_>>()
    };
    let options = |tags: Value, source: Value, mode: &str, threads: &str| {
        json!({
            "source": source, "target": news, "state": "active", "mode": mode, "tags": tags, "delivery": "relay",
            "threads": threads, "panels": true,
        })
    };
    let expected = vec![
        json!(["panel_created", "command", "panel", { "kind": "custom", "channel": staff_id, "refresh": 300 }]),
        json!(["publication_changed", "api", "channel", { "audience": ["nobody", "servers"], "notify": [null, staff_id] }]),
        json!(["follow_removed", "api", "follow", { "from": "active", "source": lagoon_id, "target": news }]),
        json!(["follow_changed", "api", "follow", {
            "source": staff_id, "target": news, "mode": ["except", "only"], "tags": [["payroll"], ["payday"]],
        }]),
        json!(["follow_created", "api", "follow", options(json!([]), json!(lagoon_id), "all", "none")]),
        json!([
            "follow_created",
            "api",
            "follow",
            options(json!(["payroll"]), json!(staff_id), "except", "none")
        ]),
    ];
    assert_eq!(brief(&all), expected);
    for item in &all {
        assert_eq!(item["actorId"], json!(site.alice.id().to_string()));
        assert_eq!(item["tokenId"].is_string(), item["via"] == "api", "her own tokens: {item}");
        assert!(item["at"].as_str().unwrap().ends_with('Z'), "{item}");
    }
    assert_eq!(all[1]["subject"]["id"], json!(staff_id));
    assert_eq!(all[5]["subject"], json!({ "kind": "follow", "id": inner }));

    let answer = gus.get(&archive.path("")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for secret in [&staff_id, &lagoon_id, "payroll", "payday", "plum"] {
        assert!(!answer.text.contains(secret), "it tells {secret}: {}", answer.text);
    }
    let seen = archive.read(gus, "").await;
    let hidden = vec![
        json!(["panel_created", "command", "panel", { "kind": "custom", "channel": null, "refresh": 300 }]),
        json!(["publication_changed", "api", null, { "audience": ["nobody", "servers"], "notify": [null, null] }]),
        json!(["follow_removed", "api", "follow", { "from": "active", "source": null, "target": news }]),
        json!(["follow_changed", "api", "follow", {
            "source": null, "target": news, "mode": ["except", "only"], "tags": null,
        }]),
        json!(["follow_created", "api", "follow", options(Value::Null, Value::Null, "all", "none")]),
        json!(["follow_created", "api", "follow", options(Value::Null, Value::Null, "except", "none")]),
    ];
    assert_eq!(brief(&seen), hidden);
    assert!(seen.iter().all(|item| item["tokenId"].is_null() && item["actorId"].is_string()), "{seen:?}");
}

#[tokio::test]
async fn pages_and_filters_find_each_change_once() {
    let archive = Archive::on(Backend::Sqlite).await.expect("SQLite is always there");
    let Archive { site, alice, staff, .. } = &archive;
    let follow = archive.follow(staff, json!({})).await;
    let path = |what: &str| site.server(&format!("/follows/{follow}/{what}"));
    for what in ["pause", "resume", "pause"] {
        assert_eq!(alice.json("POST", &path(what), Value::Null).await.status, 200);
    }
    let all = archive.read(alice, "").await;
    assert_eq!(all.len(), 4);
    let mut found = Vec::new();
    let mut next = archive.path("?pageSize=3&action=follow_paused");
    for last in [true] {
        let page = alice.get(&next).await;
        found.extend(page.body()["items"].as_array().unwrap().clone());
        assert_eq!((page.header("link"), page.body()["nextCursor"].is_null()), ("", last));
    }
    assert_eq!(found, [all[0].clone(), all[2].clone()]);
    found.clear();
    next = archive.path("?pageSize=1");
    loop {
        let page = alice.get(&next).await;
        let body = page.body();
        assert_eq!(body["pageSize"], 1);
        found.extend(body["items"].as_array().unwrap().clone());
        let Some(cursor) = body["nextCursor"].as_str() else { break };
        let link = page.header("link");
        let address = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        assert_eq!(address, format!("{}{}&cursor={cursor}", site.url, archive.path("?pageSize=1")));
        next = super::path(address);
    }
    assert_eq!(found, all);

    let me = site.alice.id();
    assert_eq!(archive.read(alice, &format!("?actor={me}")).await, all);
    assert_eq!(archive.read(alice, "?actor=7").await, Vec::<Value>::new());
    let since = all[1]["at"].as_str().unwrap();
    assert_eq!(archive.read(alice, &format!("?since={since}&action=follow_paused")).await, [all[0].clone()]);
    assert_eq!(archive.read(alice, "?since=2100-01-01T00:00:00Z").await, Vec::<Value>::new());
    for (query, code) in [
        ("?actor=x", "invalid_query"),
        ("?action=x", "invalid_query"),
        ("?since=yesterday", "invalid_query"),
        ("?page=1", "invalid_query"),
        ("?pageSize=0", "invalid_page"),
        ("?pageSize=101", "invalid_page"),
        ("?cursor=x", "invalid_page"),
        ("?cursor=-1", "invalid_page"),
        ("?cursor=99999999999999999999", "invalid_page"),
    ] {
        assert_eq!(alice.get(&archive.path(query)).await.problem(), (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn the_audit_is_for_those_who_manage_the_server() {
    let archive = Archive::on(Backend::Sqlite).await.expect("SQLite is always there");
    let Archive { site, gus, staff, lagoon, .. } = &archive;
    archive.follow(staff, json!({})).await;
    let path = archive.path("");
    let program = async |person: &Person, channel: &Channel| site.program(person, channel).await;
    let problem = |answer: Answer| (answer.problem(), answer.body()["detail"].as_str().unwrap().to_owned());
    let guest = site.browser().get(&path).await;
    assert_eq!(guest.problem(), (401, "authentication_required".to_owned()));
    let manager = Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES;
    for person in [
        site.harbour.member("Rita", Permissions::MANAGE_MESSAGES),
        site.harbour.member("Bob", manager),
        site.harbour.member("Max", Permissions::empty()),
    ] {
        let (refused, detail) = problem(program(&person, &site.news).await.get(&path).await);
        assert_eq!(refused, (403, "missing_server_permission".to_owned()), "{}", person.name());
        assert!(detail.contains("Manage Server"), "{detail}");
    }
    let ivan = admin(&lagoon.guild().unwrap(), "Ivo");
    let stranger = program(&ivan, lagoon).await;
    assert_eq!(stranger.get(&path).await.problem(), (404, "unknown_server".to_owned()));
    let browser = site.signed_in().await;
    let token = async |scopes: &[&str], server: Option<String>| {
        site.program_with(&browser, json!({ "name": "x", "scopes": scopes, "serverId": server })).await
    };
    let scopeless = token(&["servers:write", "panels:write", "operator:read"], None).await;
    assert_eq!(scopeless.get(&path).await.problem(), (403, "insufficient_scope".to_owned()));
    let bound = token(&["servers:read"], Some(lagoon.guild().unwrap().id().to_string())).await;
    assert_eq!(bound.get(&path).await.problem(), (404, "unknown_server".to_owned()));
    assert_eq!(browser.get(&path).await.status, 200, "in a browser");
    assert_eq!(gus.get(&path).await.status, 200);
    assert_eq!(gus.json("POST", &path, json!({})).await.problem().0, 405);
    assert_eq!(gus.json("DELETE", &path, Value::Null).await.problem().0, 405);

    // What a role allows is taken away: Discord says so, and nobody waits for a minute.
    let vera = site.harbour.member("Vera", Permissions::empty());
    let role = site.harbour.role("stewards", Permissions::MANAGE_GUILD);
    site.harbour.grant(&vera, role);
    let vera = program(&vera, &site.news).await;
    assert_eq!(vera.get(&path).await.status, 200);
    site.harbour.set_role_permissions(role, Permissions::empty()).unwrap();
    site.world.until("the role is gone", async || vera.get(&path).await.status == 403).await;
}
