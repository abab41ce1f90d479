//! Users, the bot's guilds, and direct messages.

use super::request::{Answer, Request};
use super::serve::list;
use crate::error::{ApiError, ApiResult};
use crate::validate::snowflake;
use crate::wire;
use crate::world::World;

pub(super) fn me(world: &mut World, _: &Request) -> ApiResult<Answer> {
    Ok(Answer::ok(wire::current_user(world)))
}

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = world.user(request.id("user")?)?.id;
    Ok(Answer::ok(wire::user(world, id)))
}

pub(super) fn my_guilds(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let after = request.query_id::<u64>("after").unwrap_or(0);
    let limit = request.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(200);
    let guilds = world.guilds.values().filter(|guild| guild.id.0 > after && world.bot_in(guild.id));
    Ok(list(guilds.take(limit).map(|guild| wire::partial_guild(world, guild))))
}

pub(super) fn leave_guild(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = request.id("guild")?;
    world.bots_guild(guild)?;
    world.remove_bot(guild)?;
    Ok(Answer::empty())
}

pub(super) fn direct_message(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let Some(person) = snowflake(&request.json["recipient_id"]) else {
        return Err(ApiError::field("recipient_id", "BASE_TYPE_REQUIRED", "This field is required"));
    };
    let id = world.direct_message(person)?;
    Ok(Answer::ok(wire::channel(world, world.channel(id)?)))
}
