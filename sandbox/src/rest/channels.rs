//! Channels, and following them.

use serde_json::{Value, json};

use super::request::{Answer, Request};
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::ids::{ChannelId, GuildId, RoleId, TagId, UserId};
use crate::model::{ChannelKind, ForumTag};
use crate::ops::ChannelChange;
use crate::permissions::{Overwrite, OverwriteTarget, Permissions};
use crate::validate::{channel_name, snowflake};
use crate::wire;
use crate::world::World;

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let channel = world.bots_channel(request.id("channel")?, Permissions::VIEW_CHANNEL)?;
    Ok(Answer::ok(wire::channel(world, channel)))
}

/// What the bot needs to delete a channel.
fn manage(world: &World, id: ChannelId) -> ApiResult<Permissions> {
    let is_thread = world.channel(id)?.kind.is_thread();
    Ok(if is_thread { Permissions::MANAGE_THREADS } else { Permissions::MANAGE_CHANNELS })
}

/// What the bot needs to change a channel. Anybody who may write in a thread may reopen it unless it is
/// locked; the bot may change whatever it started itself.
fn change(world: &World, id: ChannelId, body: &Value) -> ApiResult<Permissions> {
    let channel = world.channel(id)?;
    let Some(thread) = &channel.thread else { return manage(world, id) };
    let only_wakes = body.as_object().is_some_and(|body| body.len() == 1) && body["archived"] == false;
    Ok(match () {
        () if only_wakes && !thread.locked => Permissions::SEND_MESSAGES_IN_THREADS,
        () if thread.owner == world.app.bot => Permissions::VIEW_CHANNEL,
        () => Permissions::MANAGE_THREADS,
    })
}

/// Modify Channel. An archived thread can only change while it is reopened (50083).
pub(super) fn patch(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id: ChannelId = request.id("channel")?;
    world.bots_channel(id, Permissions::VIEW_CHANNEL)?;
    let body = &request.json;
    let channel = world.bots_channel(id, change(world, id, body)?)?;
    if channel.is_archived() && body["archived"] != false {
        return Err(ApiError::thread_archived());
    }
    let guild = channel.guild;
    let applied_tags: Option<Vec<TagId>> =
        body["applied_tags"].as_array().map(|tags| tags.iter().filter_map(snowflake).collect());
    if let (Some(tags), Some(thread), Some(forum)) = (&applied_tags, &channel.thread, channel.parent) {
        world.check_tags(forum, &thread.applied_tags, tags, world.app.bot)?;
    }
    let mut form = FormErrors::default();
    if let Some(name) = request.body_text("name") {
        channel_name(&mut form, "name", name);
    }
    form.finish()?;
    let overwrites =
        body.get("permission_overwrites").zip(guild).map(|(list, guild)| read_overwrites(world, guild, list));
    let change = ChannelChange {
        name: request.body_text("name").map(|name| name.trim().to_owned()),
        topic: body.get("topic").map(|topic| topic.as_str().map(ToOwned::to_owned)),
        kind: body["type"].as_u64().and_then(ChannelKind::from_code),
        parent: body.get("parent_id").map(snowflake),
        overwrites,
        archived: body["archived"].as_bool(),
        locked: body["locked"].as_bool(),
        applied_tags,
        tags: body["available_tags"].as_array().map(|tags| read_tags(world, tags)),
        nsfw: body["nsfw"].as_bool(),
        tag_required: body["flags"].as_u64().map(|flags| flags & (1 << 4) != 0),
    };
    world.change_channel(id, change)?;
    Ok(Answer::ok(wire::channel(world, world.channel(id)?)))
}

fn read_tags(world: &mut World, tags: &[Value]) -> Vec<ForumTag> {
    tags.iter()
        .map(|tag| ForumTag {
            id: snowflake(&tag["id"]).unwrap_or_else(|| world.ids.next()),
            name: tag["name"].as_str().unwrap_or_default().to_owned(),
            moderated: tag["moderated"] == true,
        })
        .collect()
}

/// Reads overwrites; if the type is missing, the id decides.
pub(super) fn read_overwrites(world: &World, guild: GuildId, list: &Value) -> Vec<Overwrite> {
    let bits = |value: &Value| {
        let bits = value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64());
        Permissions::from_bits_retain(bits.unwrap_or(0))
    };
    let is_role = |id: u64| world.guilds.get(&guild).is_some_and(|of| of.roles.contains_key(&RoleId(id)));
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let id: u64 = snowflake(&entry["id"])?;
            let role = entry["type"].as_u64().map_or_else(|| is_role(id), |kind| kind == 0);
            let target =
                if role { OverwriteTarget::Role(RoleId(id)) } else { OverwriteTarget::Member(UserId(id)) };
            Some(Overwrite { target, allow: bits(&entry["allow"]), deny: bits(&entry["deny"]) })
        })
        .collect()
}

pub(super) fn delete(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = request.id("channel")?;
    let needed = manage(world, id)?;
    let channel = world.bots_channel(id, needed)?;
    let gone = wire::channel(world, channel);
    world.delete_channel(id)?;
    Ok(Answer::ok(gone))
}

pub(super) fn typing(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = request.id("channel")?;
    let needed = world.send_permission(id);
    world.bots_channel(id, needed)?;
    Ok(Answer::empty())
}

/// Follow Announcement Channel: View Channel on the source, Manage Webhooks on the target.
pub(super) fn follow(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let source: ChannelId = request.id("channel")?;
    let Some(target) = snowflake::<ChannelId>(&request.json["webhook_channel_id"]) else {
        return Err(ApiError::field("webhook_channel_id", "BASE_TYPE_REQUIRED", "This field is required"));
    };
    world.bots_channel(source, Permissions::VIEW_CHANNEL)?;
    world.bots_channel(target, Permissions::MANAGE_WEBHOOKS)?;
    let bot = world.app.bot;
    let webhook = world.follow(source, target, bot)?;
    Ok(Answer::ok(json!({ "channel_id": source, "webhook_id": webhook })))
}
