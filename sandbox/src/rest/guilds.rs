//! Guilds, their channels, roles and members.

use serde_json::Value;

use super::channels::read_overwrites;
use super::request::{Answer, Request};
use super::serve::list;
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::model::ChannelKind;
use crate::ops::NewChannel;
use crate::permissions::Permissions;
use crate::validate::{channel_name, snowflake};
use crate::wire;
use crate::world::World;

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?;
    Ok(Answer::ok(wire::guild_with_counts(guild, request.flag("with_counts"))))
}

pub(super) fn channels(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?.id;
    let of = world.channels.values().filter(|c| c.guild == Some(guild) && !c.kind.is_thread());
    Ok(list(of.map(|channel| wire::channel(world, channel))))
}

pub(super) fn create_channel(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?.id;
    if !world.guild_permissions(world.app.bot, guild).contains(Permissions::MANAGE_CHANNELS) {
        return Err(ApiError::missing_permissions());
    }
    let name = request.body_text("name").unwrap_or_default().to_owned();
    let mut form = FormErrors::default();
    channel_name(&mut form, "name", &name);
    let kind = ChannelKind::from_code(request.json["type"].as_u64().unwrap_or(0));
    let Some(kind) = kind.filter(|kind| !kind.is_thread() && *kind != ChannelKind::Dm) else {
        return Err(ApiError::field("type", "BASE_TYPE_CHOICES", "Value is not a channel type."));
    };
    form.finish()?;
    let overwrites = read_overwrites(world, guild, &request.json["permission_overwrites"]);
    let parent = snowflake(&request.json["parent_id"]);
    let id = world.create_channel(NewChannel { guild, kind, name, parent, overwrites })?;
    Ok(Answer::created(wire::channel(world, world.channel(id)?)))
}

pub(super) fn roles(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?;
    Ok(list(guild.roles.values().map(wire::role)))
}

pub(super) fn member(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?;
    let user = request.id("user")?;
    world.user(user)?;
    wire::member(world, guild, user).map(Answer::ok).ok_or_else(ApiError::unknown_member)
}

pub(super) fn members(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?;
    let after = request.query_id::<u64>("after").unwrap_or(0);
    let limit = request.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(1);
    let page = guild.members.keys().filter(|user| user.0 > after).take(limit);
    let page: Vec<Value> = page.filter_map(|user| wire::member(world, guild, *user)).collect();
    Ok(list(page))
}
