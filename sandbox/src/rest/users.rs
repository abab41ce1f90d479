//! Users, the bot's guilds, and direct messages.

use super::request::{Answer, Request};
use super::serve::list;
use crate::error::{ApiError, ApiResult};
use crate::model::Guild;
use crate::validate::snowflake;
use crate::wire;
use crate::world::World;

/// How many guilds one answer lists at most.
const MOST_GUILDS: usize = 200;

pub(super) fn me(world: &mut World, request: &Request) -> ApiResult<Answer> {
    Ok(Answer::ok(match &request.bearer {
        Some(bearer) => wire::current_person(world, bearer),
        None => wire::current_user(world),
    }))
}

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = world.user(request.id("user")?)?.id;
    Ok(Answer::ok(wire::user(world, id)))
}

pub(super) fn my_guilds(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let after = request.query_id::<u64>("after").unwrap_or(0);
    let limit = match request.query.get("limit").map(|limit| limit.parse()) {
        None => MOST_GUILDS,
        Some(Ok(limit @ 1..=MOST_GUILDS)) => limit,
        Some(Ok(_)) => {
            return Err(ApiError::field(
                "limit",
                "NUMBER_TYPE_MAX",
                "int value should be between 1 and 200.",
            ));
        }
        Some(Err(_)) => return Err(ApiError::field("limit", "NUMBER_TYPE_COERCE", "Value is not int.")),
    };
    let counts = request.flag("with_counts");
    let me = request.bearer.as_ref().map_or(world.app.bot, |bearer| bearer.user);
    let mine = |guild: &&Guild| guild.id.0 > after && guild.members.contains_key(&me);
    let guilds = world.guilds.values().filter(mine).take(limit);
    Ok(list(guilds.map(|guild| wire::partial_guild(world, guild, me, counts))))
}

pub(super) fn my_member(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let me = request.bearer.as_ref().map(|bearer| bearer.user).ok_or_else(ApiError::unauthorized)?;
    let member = world.guilds.get(&request.id("guild")?).and_then(|guild| wire::member(world, guild, me));
    member.map(Answer::ok).ok_or_else(ApiError::unknown_guild)
}

pub(super) fn leave_guild(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = request.id("guild")?;
    // Discord: 50055 for the owner, 10004 for all others who aren't in it.
    if world.bots_guild(guild)?.owner == world.app.bot {
        return Err(ApiError::invalid_guild());
    }
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
