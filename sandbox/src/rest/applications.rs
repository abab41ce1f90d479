//! The gateway's address, the application, and its commands.

use serde_json::json;

use super::request::{Answer, Request};
use super::serve::list;
use crate::error::{ApiError, ApiResult};
use crate::ids::{ApplicationId, CommandId, GuildId};
use crate::wire;
use crate::world::World;

pub(super) fn gateway(world: &mut World, _: &Request) -> ApiResult<Answer> {
    Ok(Answer::ok(json!({ "url": world.gateway_url() })))
}

pub(super) fn gateway_bot(world: &mut World, _: &Request) -> ApiResult<Answer> {
    let used = i64::try_from(world.gateway.identifies).unwrap_or(i64::MAX);
    Ok(Answer::ok(json!({
        "url": world.gateway_url(),
        "shards": world.config.shards,
        "session_start_limit": {
            "total": 1000, "remaining": (1000 - used).max(0), "reset_after": 86_400_000, "max_concurrency": 1,
        },
    })))
}

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    if !matches!(request.text("application"), "" | "@me") {
        own(world, request)?;
    }
    Ok(Answer::ok(wire::application(world)))
}

/// The application in the path must be the bot's; if there is a guild, the bot must be in it.
fn own(world: &World, request: &Request) -> ApiResult<Option<GuildId>> {
    if request.id::<ApplicationId>("application")? != world.app.id {
        return Err(ApiError::new(
            403,
            20012,
            "You are not authorized to perform this action on this application",
        ));
    }
    if request.text("guild").is_empty() {
        return Ok(None);
    }
    let guild = request.id("guild")?;
    if world.bot_in(guild) { Ok(Some(guild)) } else { Err(ApiError::missing_access()) }
}

fn own_command(world: &World, request: &Request) -> ApiResult<CommandId> {
    let guild = own(world, request)?;
    let id = request.id("command")?;
    match world.commands.get(&id) {
        Some(command) if command.guild == guild => Ok(id),
        _ => Err(ApiError::unknown_command()),
    }
}

pub(super) fn list_commands(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = own(world, request)?;
    let ids: Vec<CommandId> =
        world.commands.values().filter(|command| command.guild == guild).map(|command| command.id).collect();
    Ok(list(ids.into_iter().filter_map(|id| world.command_json(id).ok())))
}

pub(super) fn replace_commands(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = own(world, request)?;
    let Some(commands) = request.json.as_array() else {
        return Err(ApiError::field("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    };
    let ids = world.replace_commands(guild, commands)?;
    Ok(list(ids.into_iter().filter_map(|id| world.command_json(id).ok())))
}

pub(super) fn create_command(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = own(world, request)?;
    let (id, new) = world.upsert_command(guild, &request.json)?;
    let command = world.command_json(id)?;
    Ok(if new { Answer::created(command) } else { Answer::ok(command) })
}

pub(super) fn get_command(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = own_command(world, request)?;
    Ok(Answer::ok(world.command_json(id)?))
}

pub(super) fn patch_command(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = own(world, request)?;
    let id = own_command(world, request)?;
    world.patch_command(guild, id, &request.json)?;
    Ok(Answer::ok(world.command_json(id)?))
}

pub(super) fn delete_command(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = own_command(world, request)?;
    world.commands.remove(&id);
    Ok(Answer::empty())
}
