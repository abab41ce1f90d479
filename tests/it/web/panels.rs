//! Panels over the API: made, read, changed, moved and deleted by programs, with the rules of the commands.

use rstest::rstest;
use serde_json::{Map, Value, json};
use tributary_sandbox::{Channel, Guild, Person};

use super::{Program, Site};
use crate::harness::{Backend, SOON};

/// The scopes for panels.
pub const SCOPES: [&str; 2] = ["servers:read", "panels:write"];

/// Harbour with a panel of Alice's in `#news`, and Island, another server.
pub struct Office {
    pub site: Site,
    pub alice: Program,
    pub panel: String,
    pub island: Guild,
    pub lagoon: Channel,
}

impl Office {
    pub async fn new() -> Self {
        Self::of(Site::new().await).await
    }

    async fn of(site: Site) -> Self {
        let alice = program(&site, &site.alice, &site.news).await;
        let made =
            alice.json("POST", &site.server("/panels"), custom(&site.news, "Plan", "Three ships.")).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let panel = made.body()["id"].as_str().unwrap().to_owned();
        let island = site.world.sandbox.create_guild("Island");
        let lagoon = island.text("lagoon");
        Self { site, alice, panel, island, lagoon }
    }

    fn path(&self, id: &str) -> String {
        self.site.server(&format!("/panels/{id}"))
    }

    pub fn own(&self) -> String {
        self.path(&self.panel)
    }

    pub async fn program(&self, person: &Person) -> Program {
        program(&self.site, person, &self.site.news).await
    }

    async fn shows(&self, channel: &Channel, text: &str) {
        channel.wait_for_message(SOON, |message| message.text().contains(text)).await.expect("it is posted");
    }
}

/// A program of somebody's that may read servers and change panels.
pub async fn program(site: &Site, person: &Person, channel: &Channel) -> Program {
    let browser = site.signed_in_as(person, channel).await;
    site.program_with(&browser, json!({ "name": "panels", "scopes": SCOPES })).await
}

/// What makes a panel with this text.
pub fn custom(channel: &Channel, title: &str, text: &str) -> Value {
    json!({ "kind": "custom", "channelId": channel.id().to_string(), "title": title, "config": { "text": text } })
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_panel_lives_over_the_api(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let alice = program(&site, &site.alice, &site.news).await;
    let (panels, docks) = (site.server("/panels"), site.harbour.text("docks"));
    let mut new = custom(&site.news, "  The \n plan ", "Three ships.");
    new["refreshSeconds"] = json!(600);
    let made = alice.json("POST", &panels, new).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.text);
    let row = made.body();
    let own = format!("{panels}/{}", row["id"].as_str().unwrap());
    assert_eq!(made.header("location"), own);
    let message = &site.news.messages()[0];
    let link =
        format!("https://discord.com/channels/{}/{}/{}", site.harbour.id(), site.news.id(), message.id);
    let expected = json!({
        "id": row["id"], "kind": "custom", "channelId": site.news.id().to_string(), "title": "The plan",
        "refreshSeconds": 600, "config": { "text": "Three ships.", "look": "", "fields": "", "links": "" },
        "version": 1, "state": "active", "error": null, "messageId": message.id.to_string(), "link": link,
        "createdBy": site.alice.id().to_string(), "refreshedAt": row["refreshedAt"], "nextRefreshAt": row["nextRefreshAt"],
    });
    assert_eq!(row, expected);
    assert!(row["refreshedAt"].is_string() && row["nextRefreshAt"].is_string(), "{row}");
    assert_eq!(alice.get(&own).await.body(), row);
    assert_eq!(alice.get(&panels).await.body(), json!({ "items": [row] }));

    let changed = alice.json("PATCH", &own, json!({ "config": { "look": "#2e9e6b" } })).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.text);
    let texts = json!({ "text": "Three ships.", "look": "#2e9e6b", "fields": "", "links": "" });
    assert_eq!((&changed.body()["config"], &changed.body()["title"]), (&texts, &json!("The plan")));
    let changed = alice.json("PATCH", &own, json!({ "title": "Plan", "refreshSeconds": 60 })).await.body();
    assert_eq!((&changed["config"], &changed["refreshSeconds"]), (&texts, &json!(60)));
    let same = alice.json("PATCH", &own, json!({ "title": "Plan", "config": { "links": "" } })).await;
    assert_eq!((same.status, same.header("etag")), (200, "\"3\""), "nothing changed: {}", same.text);
    let same_message = site.news.messages();
    assert_eq!((same_message.len(), same_message[0].id), (1, message.id));

    let moved =
        alice.json("POST", &format!("{own}/move"), json!({ "channelId": docks.id().to_string() })).await;
    assert_eq!(
        (moved.status, &moved.body()["channelId"]),
        (200, &json!(docks.id().to_string())),
        "{}",
        moved.text
    );
    let there = moved.header("content-location").to_owned();
    assert_eq!(there, format!("{panels}/{}", moved.body()["id"].as_str().unwrap()));
    assert_eq!(alice.get(&own).await.problem(), (404, "unknown_panel".to_owned()));
    assert_eq!(alice.get(&there).await.body()["config"], texts);
    site.world.until("the former one is gone", async || site.news.message_count() == 0).await;

    assert_eq!(alice.delete(&there).await.status, 204);
    assert_eq!(alice.delete(&there).await.problem(), (404, "unknown_panel".to_owned()));
    assert_eq!(alice.get(&panels).await.body(), json!({ "items": [] }));
    site.world.until("nothing is left", async || docks.message_count() == 0).await;
}

/// What a panel shows over the API is there at once, and its inactive state can be ended there.
#[tokio::test]
async fn a_panel_whose_message_was_deleted_is_posted_again() {
    let office = Office::new().await;
    let news = &office.site.news;
    office.shows(news, "Three ships.").await;
    news.delete_message(news.messages()[0].id).unwrap();
    let row = async || office.alice.get(&office.own()).await.body();
    office.site.world.until("it is noticed", async || row().await["state"] == "inactive").await;
    let inactive = row().await;
    assert_eq!((&inactive["nextRefreshAt"], &inactive["version"]), (&Value::Null, &json!(1)));
    let error = inactive["error"].as_str().unwrap();
    assert!(error.contains("deleted") && !error.contains("**"), "{error}");
    let refreshed = office.alice.json("POST", &format!("{}/refresh", office.own()), Value::Null).await;
    assert_eq!((refreshed.status, refreshed.header("etag")), (200, "\"1\""), "{}", refreshed.text);
    assert_eq!((&refreshed.body()["state"], &refreshed.body()["error"]), (&json!("active"), &Value::Null));
    assert_eq!(refreshed.body()["messageId"], json!(news.messages()[0].id.to_string()));
}

/// A kind's schema says what creation takes: its own examples are taken, and nothing else than it names.
#[tokio::test]
async fn kinds_are_made_from_their_own_examples() {
    let site = Site::new().await;
    let alice = program(&site, &site.alice, &site.news).await;
    let kinds = alice.get("/api/v1/panel-kinds").await.body();
    let kinds = kinds["items"].as_array().unwrap();
    let names: Vec<&str> = kinds.iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["welcome", "server", "monitoring", "project", "gamehub", "follows", "custom"]);
    for kind in kinds {
        let (name, schema) = (kind["name"].as_str().unwrap(), &kind["configSchema"]);
        assert!(kind["summary"].is_string() && kind["title"].is_string(), "{kind}");
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)));
        let properties = schema["properties"].as_object().unwrap();
        // The machine is shown where the operator says so, and the addresses of games are examples.
        if ["monitoring", "gamehub"].contains(&name) {
            continue;
        }
        let channel = site.harbour.text(name);
        let example = |(field, property): (&String, &Value)| {
            assert_eq!(
                (&property["type"], property["maxLength"].is_u64()),
                (&json!("string"), true),
                "{field}"
            );
            Some((field.clone(), property["examples"].as_array()?.first()?.clone()))
        };
        let config: Map<String, Value> = properties.iter().filter_map(example).collect();
        let body = |config: &Map<String, Value>| json!({ "kind": name, "channelId": channel.id().to_string(), "config": config });
        let path = site.server("/panels");
        let made = alice.json("POST", &path, body(&config)).await;
        assert_eq!(made.status, 201, "{name}: {}", made.text);
        let shown = made.body();
        assert_eq!((&shown["title"], &shown["kind"]), (&kind["title"], &kind["name"]));
        for (field, text) in &config {
            assert_eq!(&shown["config"][field], text, "{name}");
        }
        // What must be given is what is refused when it is missing.
        let required: Vec<&str> =
            schema["required"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        for field in properties.keys() {
            let mut less = config.clone();
            less.remove(field);
            let answer = alice.json("POST", &path, body(&less)).await;
            if required.contains(&field.as_str()) {
                assert_eq!(
                    answer.problem(),
                    (400, "invalid_panel_field".to_owned()),
                    "{name} without {field}"
                );
                assert_eq!(answer.body()["pointer"], json!(format!("/config/{field}")));
            } else if answer.status != 409 {
                assert_eq!(answer.status, 201, "{name} without {field}: {}", answer.text);
            }
        }
        let mut more = config.clone();
        more.insert("colour/x".to_owned(), json!("red"));
        let refused = alice.json("POST", &path, body(&more)).await;
        assert_eq!(refused.problem(), (400, "invalid_panel_field".to_owned()), "{name}");
        assert_eq!(refused.body()["pointer"], "/config/colour~1x");
    }
}

#[rstest]
#[case::unknown_kind(json!({ "kind": "clock" }), "unknown_panel_kind", "/kind")]
#[case::no_text(json!({ "config": {} }), "invalid_panel_field", "/config/text")]
#[case::empty(json!({ "config": { "text": "  \n" } }), "invalid_panel_field", "/config/text")]
#[case::too_long(json!({ "config": { "text": "🦀".repeat(3001) } }), "invalid_panel_field", "/config/text")]
#[case::nul(json!({ "config": { "text": "a\u{0}b" } }), "invalid_panel_field", "/config/text")]
#[case::title_in_config(json!({ "config": { "text": "x", "title": "y" } }), "invalid_panel_field", "/config/title")]
#[case::not_a_text(json!({ "config": { "text": 7 } }), "invalid_body", "/config/text")]
#[case::no_config(json!({ "config": [] }), "invalid_body", "/config")]
#[case::placeholder(json!({ "config": { "text": "{{secret}}" } }), "invalid_panel", "/config")]
#[case::address(json!({ "config": { "text": "x", "links": "x | javascript:alert(1)" } }), "invalid_panel", "/config")]
#[case::no_title(json!({ "title": " " }), "panel_title", "/title")]
#[case::long_title(json!({ "title": "x".repeat(81) }), "panel_title", "/title")]
#[case::only_controls(json!({ "title": "\u{0}\u{7}" }), "panel_title", "/title")]
#[case::too_often(json!({ "refreshSeconds": 59 }), "panel_refresh", "/refreshSeconds")]
#[case::too_rarely(json!({ "refreshSeconds": u64::MAX }), "panel_refresh", "/refreshSeconds")]
#[case::negative(json!({ "refreshSeconds": -1 }), "invalid_body", "/refreshSeconds")]
#[case::not_allowed(json!({ "kind": "monitoring", "config": {} }), "panel_forbidden", "/kind")]
#[case::channel(json!({ "channelId": "0" }), "invalid_body", "/channelId")]
#[case::missing_channel(json!({ "channelId": "7" }), "unknown_channel", "/channelId")]
#[case::member(json!({ "guildId": "7" }), "invalid_body", "/guildId")]
#[tokio::test]
async fn what_is_wrong_is_pointed_at(#[case] change: Value, #[case] code: &str, #[case] pointer: &str) {
    let site = Site::new().await;
    let alice = program(&site, &site.alice, &site.news).await;
    let mut body = custom(&site.news, "Plan", "Three ships.");
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    let refused = alice.json("POST", &site.server("/panels"), body).await;
    assert_eq!(refused.problem().1, code, "{}", refused.text);
    assert_eq!(refused.body()["pointer"], pointer, "{}", refused.text);
    assert_eq!(site.rows("panels").await, "0");
}

/// What people write is shown as it is, and changes nothing else.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn hostile_texts_are_only_texts(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let alice = program(&site, &site.alice, &site.news).await;
    for (number, text) in [
        "'; DROP TABLE panels; --",
        "<script>alert(1)</script>",
        "@everyone <@&1> <#1>",
        "\u{202e}desrever\u{feff}",
        "\"} , {\"text\": \"x\" \\u0000 \\",
        "$1 %s {0} ${HOME} {{ server_name }}",
    ]
    .into_iter()
    .enumerate()
    {
        let channel = site.harbour.text(&format!("room-{number}"));
        let made = alice.json("POST", &site.server("/panels"), custom(&channel, text, text)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = made.header("location").to_owned();
        let row = alice.get(&path).await.body();
        assert_eq!((&row["title"], &row["config"]["text"]), (&json!(text), &json!(text)));
        let message = channel.wait_for_message(SOON, |_| true).await.expect("it is posted");
        assert!(message.pinged.is_empty(), "{message:?}");
        let changed = alice.json("PATCH", &path, json!({ "title": format!("{text}\u{0}\n!") })).await;
        assert_eq!(changed.body()["title"], json!(format!("{text} !")), "{}", changed.text);
    }
    assert_eq!(site.rows("panels").await, "6");
}

/// With `If-Match`, a change is made of what its author has read, or not at all.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_changes_at_once_are_one(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let office = Office::of(site).await;
    let change = async |method: &str, tag: &str, number: usize| {
        let body = json!({ "config": { "text": format!("{number} ships.") } });
        let request = office.alice.request(method, &office.own()).header("if-match", tag);
        office.alice.send(if method == "DELETE" { request } else { request.json(&body) }).await
    };
    let answers = futures_util::future::join_all((0..8).map(|number| change("PATCH", "\"1\"", number))).await;
    let done: Vec<usize> = (0..8).filter(|number| answers[*number].status == 200).collect();
    assert_eq!(done.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(refused.problem(), (412, "panel_stale".to_owned()));
    let row = office.alice.get(&office.own()).await;
    assert_eq!((row.header("etag"), &row.body()["version"]), ("\"2\"", &json!(2)));
    assert_eq!(row.body()["config"]["text"], json!(format!("{} ships.", done[0])));
    for stale in ["\"1\"", "W/\"2\"", "2", "\"x\"", ""] {
        assert_eq!(change("PATCH", stale, 9).await.problem().0, 412, "{stale}");
        assert_eq!(change("DELETE", stale, 9).await.problem(), (412, "panel_stale".to_owned()), "{stale}");
    }
    assert_eq!(change("PATCH", "\"7\", \"2\"", 9).await.status, 200);
    assert_eq!(change("PATCH", "*", 10).await.status, 200);
    // Without it, each is made, one after the other.
    let titled = |number: usize| json!({ "title": format!("Plan {number}") });
    let own = office.own();
    let all = (0..3).map(|number| office.alice.json("PATCH", &own, titled(number)));
    let answers = futures_util::future::join_all(all).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(|a| &a.text).collect::<Vec<_>>()
    );
    assert_eq!(office.alice.get(&own).await.body()["version"], 7);
    assert_eq!(change("DELETE", "\"7\"", 9).await.status, 204);
}

/// Two who move the same panel don't make two of it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_panel_is_moved_once(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let office = Office::of(site).await;
    let channels: Vec<Channel> =
        (0..6).map(|number| office.site.harbour.text(&format!("room-{number}"))).collect();
    let path = format!("{}/move", office.own());
    let all = channels
        .iter()
        .map(|channel| office.alice.json("POST", &path, json!({ "channelId": channel.id().to_string() })));
    let answers = futures_util::future::join_all(all).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(refused.problem(), (404, "unknown_panel".to_owned()));
    let items = office.alice.get(&office.site.server("/panels")).await.body();
    assert_eq!(items["items"].as_array().unwrap().len(), 1, "{items}");
}

/// Programs and commands see the same panels and share their limits.
#[tokio::test]
async fn commands_and_programs_share_panels_and_limits() {
    let site = Site::with(&[("PANELS_PER_SERVER", "2")]).await;
    let office = Office::of(site).await;
    let site = &office.site;
    let list = site.alice.run(&site.news, "/panel list", ()).await.expect("an answer");
    assert!(list.text().contains("Plan"), "{}", list.text());
    let docks = site.harbour.text("docks");
    assert_eq!(
        office.alice.json("POST", &site.server("/panels"), custom(&docks, "x", "x")).await.status,
        201
    );
    let full = office.alice.json("POST", &site.server("/panels"), custom(&docks, "x", "x")).await;
    assert_eq!(full.problem(), (409, "too_many_panels_in_server".to_owned()));
    assert!(!full.text.contains("**"), "{}", full.text);
    let by = "SELECT via FROM audit WHERE action = 'panel_created' ORDER BY id LIMIT 1";
    assert_eq!(site.world.database.text(by).await.as_deref(), Some("api"));
}

/// A thread can't hold a panel, and shows those of a channel that it follows.
#[tokio::test]
async fn threads_show_panels_of_others_only() {
    let office = Office::new().await;
    let site = &office.site;
    let thread = site.harbour.text("docks").thread("plans").expect("it is made");
    let forum = site.harbour.forum("ideas");
    let (post, _) = site.alice.start_post(&forum, "An idea", &[], "It goes so.").expect("she may");
    for channel in [&thread, &post] {
        let made = office.alice.json("POST", &site.server("/panels"), custom(channel, "x", "x")).await;
        assert_eq!(made.problem(), (400, "panel_channel_kind".to_owned()), "{}", made.text);
        assert_eq!(made.body()["pointer"], "/channelId");
        let body = json!({ "channelId": channel.id().to_string() });
        let moved = office.alice.json("POST", &format!("{}/move", office.own()), body).await;
        assert_eq!(moved.problem(), (400, "panel_channel_kind".to_owned()), "{}", moved.text);
    }
    let follows = site.program(&site.alice, &site.news).await;
    let body =
        json!({ "sourceChannelId": site.news.id().to_string(), "targetChannelId": thread.id().to_string() });
    let made = follows.json("POST", &site.server("/follows"), body).await;
    assert_eq!((made.status, &made.body()["panels"]), (201, &json!(true)), "{}", made.text);
    office.shows(&thread, "Three ships.").await;
    let change = json!({ "config": { "text": "Four ships." } });
    assert_eq!(office.alice.json("PATCH", &office.own(), change).await.status, 200);
    office.shows(&thread, "Four ships.").await;
    assert_eq!(office.alice.delete(&office.own()).await.status, 204);
    site.world.until("it is gone there, too", async || thread.message_count() == 0).await;
}
