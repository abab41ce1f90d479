//! Users and the application.

use serde_json::{Value, json};

use crate::ids::UserId;
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

/// The application, as its bot sees it.
pub(crate) fn application(world: &World) -> Value {
    let app = &world.app;
    let guilds = world.guilds.keys().filter(|guild| world.bot_in(**guild)).count();
    json!({
        "id": app.id,
        "name": app.name,
        "icon": null,
        "description": "",
        "type": null,
        "verify_key": "0".repeat(64),
        "flags": APPLICATION_FLAGS,
        "flags_new": APPLICATION_FLAGS.to_string(),
        "redirect_uris": [],
        "interactions_endpoint_url": null,
        "role_connections_verification_url": null,
        "owner": user(world, app.owner),
        "bot": user(world, app.bot),
        "bot_public": true,
        "bot_require_code_grant": false,
        "approximate_guild_count": guilds,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": null,
        "eligible_oauth2_scopes": [],
        "rpc_origins": [],
        "summary": "",
    })
}
