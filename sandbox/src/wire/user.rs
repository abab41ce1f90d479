//! Users and the application.

use serde_json::{Value, json};

use crate::ids::UserId;
use crate::model::{OAuthScope, OAuthTokens};
use crate::world::World;

/// GATEWAY_MESSAGE_CONTENT_LIMITED, GATEWAY_GUILD_MEMBERS_LIMITED and APPLICATION_COMMAND_BADGE.
pub(crate) const APPLICATION_FLAGS: u32 = 1 << 19 | 1 << 15 | 1 << 23;

/// A user; unknown ids become Discord's "Deleted User".
pub(crate) fn user(world: &World, id: UserId) -> Value {
    let Some(user) = world.users.get(&id) else {
        return json!({
            "id": id, "username": "Deleted User", "discriminator": "0000", "global_name": null,
            "avatar": null, "public_flags": 0, "flags": 0, "primary_guild": null,
        });
    };
    let mut value = json!({
        "id": user.id,
        "username": user.username,
        "discriminator": if user.bot { "4711" } else { "0" },
        "global_name": user.global_name,
        "avatar": user.avatar,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": null,
    });
    if user.bot {
        value["bot"] = json!(true);
    }
    value
}

/// The bot, as it sees itself.
pub(crate) fn current_user(world: &World) -> Value {
    let mut value = user(world, world.app.bot);
    value["mfa_enabled"] = json!(false);
    value["locale"] = json!("en-US");
    value["verified"] = json!(true);
    value["email"] = Value::Null;
    value
}

/// A person, as the application sees them with an access token of theirs.
pub(crate) fn current_person(world: &World, bearer: &OAuthTokens) -> Value {
    let mut value = user(world, bearer.user);
    value["mfa_enabled"] = json!(false);
    value["locale"] = json!("en-US");
    value["premium_type"] = json!(0);
    if bearer.scopes.contains(&OAuthScope::Email) {
        value["email"] = json!(format!("{}@people.example", value["username"].as_str().unwrap_or_default()));
        value["verified"] = json!(true);
    }
    value
}

/// The application, as everyone may see it.
pub(crate) fn partial_application(world: &World) -> Value {
    let app = &world.app;
    json!({
        "id": app.id,
        "name": app.name,
        "icon": null,
        "description": "",
        "type": null,
        "verify_key": "0".repeat(64),
        "flags": APPLICATION_FLAGS,
        "flags_new": APPLICATION_FLAGS.to_string(),
        "bot": user(world, app.bot),
        "bot_public": true,
        "bot_require_code_grant": false,
        "summary": "",
    })
}

/// The application, as its bot sees it.
pub(crate) fn application(world: &World) -> Value {
    let app = &world.app;
    let guilds = world.guilds.keys().filter(|guild| world.bot_in(**guild)).count();
    let mut value = partial_application(world);
    let more = [
        ("redirect_uris", json!(world.config.redirect_uris)),
        ("interactions_endpoint_url", Value::Null),
        ("role_connections_verification_url", Value::Null),
        ("owner", user(world, app.owner)),
        ("approximate_guild_count", json!(guilds)),
        ("approximate_user_install_count", json!(0)),
        ("approximate_user_authorization_count", json!(world.authorizations.scopes.len())),
        ("explicit_content_filter", json!(0)),
        ("team", Value::Null),
        ("eligible_oauth2_scopes", json!([])),
        ("rpc_origins", json!([])),
    ];
    for (name, field) in more {
        value[name] = field;
    }
    value
}
