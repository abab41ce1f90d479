//! Guilds, roles and members.

use serde_json::{Value, json};

use super::{channel, time, user};
use crate::ids::{GuildId, UserId};
use crate::model::{Guild, Role};
use crate::permissions::Permissions;
use crate::world::World;

pub(crate) fn role(role: &Role) -> Value {
    let mut value = json!({
        "id": role.id,
        "name": role.name,
        "description": null,
        "permissions": role.permissions,
        "position": role.position,
        "color": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false,
        "managed": role.bot.is_some(),
        "mentionable": role.mentionable,
        "icon": null,
        "unicode_emoji": null,
        "flags": 0,
    });
    if let Some(bot) = role.bot {
        value["tags"] = json!({ "bot_id": bot });
    }
    value
}

/// A member with its user.
pub(crate) fn member(world: &World, guild: &Guild, id: UserId) -> Option<Value> {
    let member = guild.members.get(&id)?;
    Some(json!({
        "user": user(world, id),
        "nick": member.nick,
        "avatar": null,
        "banner": null,
        "roles": member.roles,
        "joined_at": time(member.joined_at),
        "premium_since": null,
        "communication_disabled_until": member.timed_out_until.map(time),
        "deaf": false,
        "mute": false,
        "flags": 0,
        "pending": false,
    }))
}

fn guild(guild: &Guild) -> Value {
    json!({
        "id": guild.id,
        "name": guild.name,
        "icon": null,
        "description": null,
        "home_header": null,
        "splash": null,
        "discovery_splash": null,
        "features": [],
        "banner": null,
        "owner_id": guild.owner,
        "application_id": null,
        "region": "deprecated",
        "afk_channel_id": null,
        "afk_timeout": 300,
        "system_channel_id": null,
        "system_channel_flags": 0,
        "widget_enabled": false,
        "widget_channel_id": null,
        "verification_level": 1,
        "roles": guild.roles.values().map(role).collect::<Vec<_>>(),
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": null,
        "max_members": 25_000_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": null,
        "premium_tier": guild.boost_level,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "rules_channel_id": null,
        "safety_alerts_channel_id": null,
        "public_updates_channel_id": null,
        "premium_progress_bar_enabled": false,
        "nsfw": false,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": null,
    })
}

/// A guild for `GET /guilds/{id}`; the counts only on demand.
pub(crate) fn guild_with_counts(of: &Guild, counts: bool) -> Value {
    let mut value = guild(of);
    if counts {
        value["approximate_member_count"] = json!(of.members.len());
        value["approximate_presence_count"] = json!(of.members.len());
    }
    value
}

/// An entry of `GET /users/@me/guilds`, for the bot or a person; the counts only on demand.
pub(crate) fn partial_guild(world: &World, guild: &Guild, of: UserId, counts: bool) -> Value {
    let mut value = json!({
        "id": guild.id, "name": guild.name, "icon": null, "banner": null, "features": [],
        "owner": guild.owner == of,
        "permissions": world.guild_permissions(of, guild.id),
    });
    if counts {
        value["approximate_member_count"] = json!(guild.members.len());
        value["approximate_presence_count"] = json!(guild.members.len());
    }
    value
}

/// The data of GUILD_CREATE: all channels (Discord leaves out none), and the threads that the bot sees.
pub(crate) fn guild_create(world: &World, id: GuildId) -> Option<Value> {
    let of = world.guilds.get(&id)?;
    if of.unavailable {
        return Some(json!({ "id": id, "unavailable": true }));
    }
    let bot = world.app.bot;
    let in_guild = world.channels.values().filter(|c| c.guild == Some(id));
    let (threads, channels): (Vec<_>, Vec<_>) = in_guild.partition(|c| c.kind.is_thread());
    let threads = threads.into_iter().filter(|thread| {
        !thread.thread.as_ref().is_some_and(|t| t.archived)
            && world.can(bot, thread.id, Permissions::VIEW_CHANNEL)
    });
    let mut value = guild(of);
    value["joined_at"] = json!(of.members.get(&bot).map(|member| time(member.joined_at)));
    value["large"] = json!(false);
    value["unavailable"] = json!(false);
    value["member_count"] = json!(of.members.len());
    value["voice_states"] = json!([]);
    value["members"] = of.members.keys().filter_map(|user| member(world, of, *user)).collect();
    value["channels"] = channels.into_iter().map(|c| channel(world, c)).collect();
    value["threads"] = threads.map(|thread| channel(world, thread)).collect();
    value["presences"] = json!([]);
    value["stage_instances"] = json!([]);
    value["guild_scheduled_events"] = json!([]);
    value["soundboard_sounds"] = json!([]);
    Some(value)
}
