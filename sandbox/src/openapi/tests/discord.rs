//! Real exchanges on Discord's own description, if the environment variable `DISCORD_OPENAPI` names it.
//! Otherwise, these tests are ignored.

use std::{env, path::Path};

use serde_json::{Value, json};

use super::{Call, Contract, NONE, call};

const HOOK: &str = "/webhooks/300000000000000001/secret";

fn contract() -> Contract {
    let path = env::var_os("DISCORD_OPENAPI")
        .expect("this needs Discord's description: DISCORD_OPENAPI must name it");
    Contract::load(Path::new(&path)).expect("Discord's description can be used")
}

fn check(contract: &Contract, call: &Call<'_>) -> Vec<String> {
    contract.check(call).iter().map(ToString::to_string).collect()
}

fn user() -> Value {
    json!({
        "id": "300000000000000001", "username": "#releases", "avatar": null, "discriminator": "0000",
        "public_flags": 0, "flags": 0, "bot": true, "global_name": null, "primary_guild": null
    })
}

fn message() -> Value {
    json!({
        "id": "400000000000000001", "type": 0, "channel_id": "200000000000000001", "author": user(),
        "content": "Tributary 1.0", "timestamp": "2026-11-20T09:11:00.123000+00:00", "edited_timestamp": null,
        "mentions": [], "mention_roles": [], "mention_everyone": false, "pinned": false, "tts": false, "flags": 0,
        "webhook_id": "300000000000000001",
        "attachments": [{
            "id": "500000000000000001", "filename": "notes.txt", "size": 12, "content_type": "text/plain",
            "url": "https://cdn.discordapp.com/attachments/1/2/notes.txt?ex=1",
            "proxy_url": "https://media.discordapp.net/attachments/1/2/notes.txt?ex=1"
        }],
        "embeds": [{ "type": "rich", "title": "Out now", "color": 5_793_266, "url": "https://example.com/" }],
        "components": [{ "type": 1, "id": 1, "components": [
            { "type": 2, "id": 2, "style": 5, "label": "Read", "url": "https://example.com/" }
        ] }]
    })
}

fn webhook_request() -> Value {
    json!({
        "content": "Tributary 1.0", "username": "#releases", "avatar_url": "https://example.com/a.png",
        "tts": false, "allowed_mentions": { "parse": [] }, "attachments": [{ "id": "0", "filename": "notes.txt" }],
        "embeds": [{ "title": "Out now", "image": { "url": "attachment://notes.png" } }]
    })
}

#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[test]
fn real_exchanges_are_accepted() {
    let contract = contract();
    let gateway = json!({
        "url": "wss://gateway.discord.gg", "shards": 1,
        "session_start_limit": { "total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1 }
    });
    let follow = json!({ "webhook_channel_id": "200000000000000001" });
    let follower = json!({ "channel_id": "200000000000000002", "webhook_id": "300000000000000002" });
    let option = json!({
        "type": 7, "name": "channel", "description": "Which", "required": true, "channel_types": [0, 5]
    });
    let commands = json!([{
        "name": "follow", "description": "Follow a channel", "type": 1, "default_member_permissions": 16,
        "options": [option]
    }]);
    let registered = json!([{
        "id": "600000000000000001", "application_id": "100000000000000001", "version": "600000000000000002",
        "default_member_permissions": "16", "type": 1, "name": "follow", "description": "Follow a channel",
        "options": [option]
    }]);
    let reply =
        json!({ "type": 4, "data": { "content": "Done", "flags": 64, "embeds": [], "attachments": [] } });
    let unknown = json!({ "code": 10015, "message": "Unknown Webhook" });
    let (message, execute) = (message(), webhook_request());
    for call in [
        Call { response: Some(&gateway), ..call("GET", "/gateway/bot", 200) },
        Call {
            request: Some(&follow),
            response: Some(&follower),
            ..call("POST", "/channels/200000000000000002/followers", 200)
        },
        Call {
            query: Some("wait=true&thread_id=200000000000000003"),
            request: Some(&execute),
            response: Some(&message),
            ..call("POST", HOOK, 200)
        },
        Call { request: Some(&execute), ..call("POST", HOOK, 204) },
        Call {
            response: Some(&message),
            ..call("GET", "/webhooks/300000000000000001/secret/messages/@original", 200)
        },
        Call {
            request: Some(&commands),
            response: Some(&registered),
            ..call("PUT", "/applications/100000000000000001/commands", 200)
        },
        Call {
            request: Some(&reply),
            ..call("POST", "/interactions/700000000000000001/secret/callback", 204)
        },
        Call { response: Some(&unknown), ..call("GET", "/webhooks/300000000000000001", 404) },
    ] {
        assert_eq!(check(&contract, &call), NONE, "{} {}", call.method, call.path);
    }
}

#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[test]
fn mistakes_are_found() {
    let contract = contract();
    let mut execute = webhook_request();
    execute["embed"] = json!({});
    execute["components"] =
        json!([{ "type": 1, "components": [{ "type": 2, "style": 1, "customid": "x" }] }]);
    let mut message = message();
    message["author"]["id"] = json!(1);
    message["components"][0]["components"][0]["style"] = json!(9);
    let call = Call {
        query: Some("wait=1"),
        request: Some(&execute),
        response: Some(&message),
        ..call("POST", HOOK, 200)
    };
    assert_eq!(
        check(&contract, &call),
        [
            r#"POST /webhooks/{webhook_id}/{webhook_token}: query /wait: value is not of type "boolean""#,
            "POST /webhooks/{webhook_id}/{webhook_token}: request /components/0/components/0/customid: unknown property",
            "POST /webhooks/{webhook_id}/{webhook_token}: request /embed: unknown property",
            r#"POST /webhooks/{webhook_id}/{webhook_token}: response /author/id: value is not of type "string""#,
            "POST /webhooks/{webhook_id}/{webhook_token}: response /components/0/components/0/style: value is none of 1, 2, 3, 4, 5, 6",
        ]
    );
}

/// What Discord and serenity actually send although Discord's description doesn't allow it: checking real
/// traffic needs exceptions for these. A newer description that allows them makes this test fail.
#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[test]
fn the_description_is_stricter_than_discord() {
    let contract = contract();
    let execute = webhook_request();
    let invalid = json!({ "code": 50035, "message": "Invalid Form Body", "errors": {
        "embeds": { "0": { "title": { "_errors": [{ "code": "BASE_TYPE_MAX_LENGTH", "message": "Too long" }] } } }
    } });
    assert_eq!(
        check(
            &contract,
            &Call { request: Some(&execute), response: Some(&invalid), ..call("POST", HOOK, 400) }
        ),
        [concat!(
            "POST /webhooks/{webhook_id}/{webhook_token}: response /errors/embeds/0/title/_errors/0/code: ",
            r#"value is not of type "integer""#
        )]
    );
    let limited = json!({ "message": "You are being rate limited.", "retry_after": 0.3, "global": false });
    assert_eq!(
        check(
            &contract,
            &Call { request: Some(&execute), response: Some(&limited), ..call("POST", HOOK, 429) }
        ),
        ["POST /webhooks/{webhook_id}/{webhook_token}: response /code: is required"]
    );
    // As serenity 0.12.5 writes a command and its options.
    let commands = json!([{
        "name": "follow", "name_localizations": {}, "description": "Follow a channel",
        "description_localizations": {}, "default_member_permissions": "16", "nsfw": false,
        "options": [{
            "type": 7, "name": "channel", "description": "Which", "required": true, "choices": [], "options": [],
            "channel_types": [], "min_value": null, "max_value": null, "min_length": null, "max_length": null,
            "autocomplete": false
        }]
    }]);
    let path = "/applications/100000000000000001/commands";
    let put = Call { request: Some(&commands), response: Some(&json!([])), ..call("PUT", path, 200) };
    let pointers: Vec<_> = contract.check(&put).into_iter().map(|violation| violation.pointer).collect();
    assert_eq!(
        pointers,
        [
            "/0/default_member_permissions",
            "/0/nsfw",
            "/0/options/0/autocomplete",
            "/0/options/0/choices",
            "/0/options/0/max_length",
            "/0/options/0/max_value",
            "/0/options/0/min_length",
            "/0/options/0/min_value",
            "/0/options/0/options",
        ]
    );
}

#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[test]
fn every_schema_compiles() {
    let contract = contract();
    assert_eq!(contract.description.schemas.unusable(), Vec::<String>::new());
}

#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[test]
fn schemas_are_compiled_once() {
    let contract = contract();
    let (message, execute) = (message(), webhook_request());
    let post = Call {
        query: Some("wait=true"),
        request: Some(&execute),
        response: Some(&message),
        ..call("POST", HOOK, 200)
    };
    assert_eq!(check(&contract, &post), NONE);
    let compiled = contract.description.schemas.compiled();
    assert!(compiled > 0);
    assert_eq!(check(&contract, &post), NONE);
    assert_eq!(contract.description.schemas.compiled(), compiled);
}
