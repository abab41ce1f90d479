//! `NEVER_SENT.md` lists what Discord describes and the sandbox never sends, and the list is true.
//!
//! The test creates a world with everything that the sandbox knows, and reads it over REST. Each answer is
//! compared with Discord's description, field by field. To write the list again, set `UPDATE_NEVER_SENT`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::{env, fs};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tributary_sandbox::{Config, Guild, MessageFlags, MessageId, Permissions, Post, Sandbox};

/// The description's schemas, and where in an answer to find what they describe: in each of these, at any
/// depth.
const SCHEMAS: [(&str, &str, &str); 13] = [
    ("MessageResponse", "message", ""),
    ("MinimalContentMessageResponse", "message", "/message_snapshots/*/message"),
    ("MessageAttachmentResponse", "message", "/attachments/*"),
    ("MessageEmbedResponse", "message", "/embeds/*"),
    ("PollResponse", "message", "/poll"),
    ("GuildChannelResponse", "channel", ""),
    ("ForumTagResponse", "channel", "/available_tags/*"),
    ("ThreadResponse", "thread", ""),
    ("GuildWithCountsResponse", "guild", ""),
    ("GuildRoleResponse", "guild", "/roles/*"),
    ("GuildMemberResponse", "member", ""),
    ("UserResponse", "member", "/user"),
    ("GuildIncomingWebhookResponse", "webhook", ""),
];

/// What a schema's fields contained.
#[derive(Default)]
struct Fields {
    sent: BTreeSet<String>,
    /// Sent with something in them.
    filled: BTreeSet<String>,
}

/// Everything found at a pointer in which `*` stands for any element.
fn found<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    pointer.split('/').skip(1).fold(vec![value], |values, segment| {
        let below = |value: &'a Value| -> Vec<&'a Value> {
            if segment == "*" {
                value.as_array().into_iter().flatten().collect()
            } else {
                value.get(segment).into_iter().collect()
            }
        };
        values.into_iter().flat_map(below).collect()
    })
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    call(sandbox, reqwest::Method::GET, path, &Value::Null).await
}

async fn call(sandbox: &Sandbox, method: reqwest::Method, path: &str, body: &Value) -> Value {
    let url = format!("{}/api/v10{path}", sandbox.base());
    let token = format!("Bot {}", sandbox.token());
    let request = reqwest::Client::new().request(method, url).header("authorization", token);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.expect("JSON")
}

/// All messages that people, applications and webhooks can post, in one channel.
async fn messages(sandbox: &Sandbox, guild: &Guild) -> Vec<Value> {
    let channel = guild.text("talk");
    let ada = guild.member("Ada", Permissions::all());
    let role = guild.role("crew", Permissions::empty());
    guild.nickname(&ada, Some("Countess")).expect("it can");
    guild.grant(&ada, role);
    let spoiler =
        Post::text(&format!("{} <@&{role}>", ada.mention())).file("План.png", "image/png", *b"1").spoiler();
    let first = ada.post(&channel, spoiler.field("nonce", json!("1"))).expect("it can");
    let described = json!([{ "id": first.json["attachments"][0]["id"], "description": "a plan" }]);
    ada.edit(&channel, first.id, Post::text("edited").field("attachments", described)).expect("it can");
    ada.post(&channel, Post::text("an answer").reply_to(first.id)).expect("it can");
    ada.post(&channel, Post::forward(channel.id(), first.id)).expect("it can");
    let sticker = json!([{ "id": "749054660769218631", "name": "Wave", "format_type": 3 }]);
    ada.post(&channel, Post::text("stuck").field("sticker_items", sticker)).expect("it can");
    let answers = json!([{ "poll_media": { "text": "Yes" } }, { "poll_media": { "text": "No" } }]);
    let poll = json!({ "question": { "text": "Tea?" }, "duration": 24, "answers": answers });
    let poll = ada.post(&channel, Post::text("Vote!").field("poll", poll)).expect("it can");
    channel.end_poll(poll.id, &[1, 2]).expect("it can");
    let embed = json!({
        "title": "t", "description": "d", "url": "https://x.example", "color": 1, "timestamp": "2026-01-01T00:00:00Z",
        "footer": { "text": "f" }, "author": { "name": "a" }, "fields": [{ "name": "n", "value": "v" }],
        "image": { "url": "https://x.example/a.png" }, "thumbnail": { "url": "https://x.example/b.png" },
    });
    let hook = channel.add_webhooks(1).expect("it can")[0];
    channel.post_through(hook, "Build", Post::text("built").embeds(vec![embed])).expect("it can");
    let parts = json!([{ "type": 10, "content": "in parts" }]);
    let v2 = json!(MessageFlags::IS_COMPONENTS_V2.bits());
    ada.post(&channel, Post::default().field("flags", v2).field("components", parts)).expect("it can");
    channel.start_thinking(&guild.other_bot("Thinker", Permissions::empty())).expect("it can");
    let file = Post::text("crew").field("attachments", json!([{ "id": 0, "description": "a plan" }]));
    ada.post(&channel, file.file("plan.png", "image/png", *b"1")).expect("it can");
    let named = ada.post(&channel, format!("{} <@&{role}>", ada.mention()).as_str()).expect("it can");
    ada.post(&channel, Post::forward(channel.id(), named.id)).expect("it can");
    let own = format!("/channels/{}/webhooks", channel.id());
    let own = call(sandbox, reqwest::Method::POST, &own, &json!({ "name": "Relay" })).await;
    let part = |field: &str| own[field].as_str().expect("a text").to_owned();
    let execute = format!("/webhooks/{}/{}?wait=true", part("id"), part("token"));
    let posted = call(
        sandbox,
        reqwest::Method::POST,
        &execute,
        &json!({ "content": "relayed", "embeds": [{ "title": "t" }] }),
    )
    .await;
    let posted = posted["id"].as_str().and_then(|id| id.parse().ok()).map(MessageId).expect("an id");
    ada.post(&channel, Post::forward(channel.id(), posted)).expect("it can");
    ada.start_thread(&channel, "aside", Some(first.id)).expect("it can");
    let Value::Array(all) = get(sandbox, &format!("/channels/{}/messages?limit=100", channel.id())).await
    else {
        panic!("no list")
    };
    all
}

async fn answers() -> BTreeMap<&'static str, Vec<Value>> {
    let sandbox = Sandbox::start(Config::default()).await.expect("a free port");
    let guild = sandbox.create_guild("Harbour");
    let messages = messages(&sandbox, &guild).await;
    let forum = guild.forum("ideas");
    let tags = forum.set_tags(&["bug"]).expect("it can");
    let (post, _) = guild.owner().start_post(&forum, "A post", &tags, "first").expect("it can");
    guild.announcement("board");
    guild.voice("lounge");
    guild.stage("stage");
    let category = guild.category("more");
    guild
        .create_channel_in(&category, tributary_sandbox::ChannelKind::Text, "inner")
        .deny_everyone(Permissions::SEND_MESSAGES);
    let list = async |path: String| match get(&sandbox, &path).await {
        Value::Array(all) => all,
        one => vec![one],
    };
    let guild_path = format!("/guilds/{}", guild.id());
    let talk = guild.find_channel("talk").expect("it is there");
    let webhooks = list(format!("/channels/{}/webhooks", talk.id())).await;
    let until: DateTime<Utc> = DateTime::from_timestamp(7_000_000_000, 0).expect("it can");
    guild.time_out_bot(until).expect("it can");
    let mut members = Vec::new();
    let grace = guild.member("Grace", Permissions::empty());
    guild.nickname(&grace, Some("Captain")).expect("it can");
    grace.set_avatar(Some("a1b2"));
    for person in [guild.owner().id(), sandbox.bot_id(), grace.id()] {
        members.extend(list(format!("{guild_path}/members/{person}")).await);
    }
    BTreeMap::from([
        ("message", messages),
        ("channel", list(format!("{guild_path}/channels")).await),
        ("thread", list(format!("/channels/{}", post.id())).await),
        ("guild", list(format!("{guild_path}?with_counts=true")).await),
        ("member", members),
        ("webhook", webhooks),
    ])
}

fn listed(fields: impl IntoIterator<Item = String>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|field| format!("`{field}`")).collect();
    if fields.is_empty() { "–".to_owned() } else { fields.join(", ") }
}

#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[tokio::test]
async fn what_is_never_sent_is_listed() {
    let path = env::var("DISCORD_OPENAPI").expect("DISCORD_OPENAPI names Discord's description");
    let description: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("it can")).expect("it can");
    let answers = answers().await;
    let mut page = String::from(
        "# What the sandbox never sends\n\n\
         Discord describes these fields of its answers, and the sandbox leaves them out, or always sends them null or empty. A bot that needs one of them can't be tested here. \
         The list is written and checked by a test (`tests/never_sent.rs`): whatever else Discord describes of these things is sent where it belongs.\n\n\
         | described as | never sent | always null or empty |\n|---|---|---|\n",
    );
    for (schema, kind, pointer) in SCHEMAS {
        let mut fields = Fields::default();
        for object in answers[kind].iter().flat_map(|answer| found(answer, pointer)) {
            for (name, value) in object.as_object().into_iter().flatten() {
                fields.sent.insert(name.clone());
                fields.filled.extend(is_filled(value).then(|| name.clone()));
            }
        }
        assert!(!fields.sent.is_empty(), "nothing of {schema} was seen");
        let described =
            description["components"]["schemas"][schema]["properties"].as_object().expect("it can");
        let described: BTreeSet<String> = described.keys().cloned().collect();
        let never = described.difference(&fields.sent).cloned();
        let empty =
            described.intersection(&fields.sent).filter(|field| !fields.filled.contains(*field)).cloned();
        let _ = writeln!(page, "| `{schema}` | {} | {} |", listed(never), listed(empty));
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/NEVER_SENT.md");
    if env::var_os("UPDATE_NEVER_SENT").is_some() {
        fs::write(file, &page).expect("it can");
    }
    assert_eq!(fs::read_to_string(file).unwrap_or_default(), page, "UPDATE_NEVER_SENT=1 writes it anew");
}
