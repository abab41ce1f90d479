//! Messages, as the bot reads and writes them.

use chrono::{Duration, Utc};
use serde_json::Value;

use super::request::{Answer, Request};
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::ids::{ChannelId, MessageId};
use crate::model::{Author, Message};
use crate::ops::NewMessage;
use crate::permissions::Permissions;
use crate::validate::{Draft, snowflake};
use crate::wire;
use crate::world::World;

/// A page of history, newest first. Without Read Message History, Discord returns an empty list.
fn page(world: &World, channel: ChannelId, request: &Request) -> ApiResult<Vec<Value>> {
    let limit = match request.query.get("limit").map(|limit| limit.parse::<usize>()) {
        None => 50,
        Some(Ok(limit)) if (1..=100).contains(&limit) => limit,
        Some(_) => {
            let mut form = FormErrors::default();
            form.add("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.");
            return Err(form.into_error());
        }
    };
    let all = &world.channel(channel)?.messages;
    let shown = |message: &&Message| message.only_for.is_none();
    let (before, after, around) = (
        request.query_id::<MessageId>("before"),
        request.query_id::<MessageId>("after"),
        request.query_id::<MessageId>("around"),
    );
    let older = |than: MessageId, count: usize| -> Vec<&Message> {
        all.range(..than).rev().map(|(_, message)| message).filter(shown).take(count).collect()
    };
    let newer = |than: MessageId, count: usize| -> Vec<&Message> {
        let from = MessageId(than.0 + 1);
        let mut page: Vec<_> = all.range(from..).map(|(_, m)| m).filter(shown).take(count).collect();
        page.reverse();
        page
    };
    let page = match (around, before, after) {
        (Some(around), _, _) => {
            let mut page = newer(around, limit / 2);
            page.extend(all.get(&around).filter(shown));
            page.extend(older(around, limit - limit.min(page.len())));
            page
        }
        (_, Some(before), _) => older(before, limit),
        (_, _, Some(after)) => newer(after, limit),
        _ => older(MessageId(u64::MAX), limit),
    };
    Ok(page.into_iter().map(|message| wire::message(world, message)).collect())
}

pub(super) fn list(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = request.id("channel")?;
    let channel = world.bots_channel(id, Permissions::VIEW_CHANNEL)?;
    if !channel.kind.holds_messages() {
        return Err(ApiError::non_text_channel());
    }
    if !world.can(world.app.bot, id, Permissions::READ_MESSAGE_HISTORY) {
        return Ok(super::serve::list([]));
    }
    Ok(super::serve::list(page(world, id, request)?))
}

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = (request.id("channel")?, request.id("message")?);
    world.bots_channel(channel, Permissions::READ_MESSAGE_HISTORY)?;
    let message = world.message(channel, id)?;
    if message.only_for.is_some() {
        return Err(ApiError::unknown_message());
    }
    Ok(Answer::ok(wire::message(world, message)))
}

pub(super) fn post(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let channel: ChannelId = request.id("channel")?;
    let needed = world.send_permission(channel);
    world.bots_channel(channel, needed)?;
    if world.is_closed_to_bot(channel) {
        return Err(ApiError::cannot_message_user());
    }
    let draft = Draft::read(&request.json, &request.uploads)?;
    if !request.uploads.is_empty() {
        world.bots_channel(channel, Permissions::ATTACH_FILES)?;
    }
    let mut new = NewMessage::plain(channel, Author::User(world.app.bot), draft);
    new.application = Some(world.app.id);
    let id = world.post(new)?;
    Ok(Answer::ok(wire::message(world, world.message(channel, id)?)))
}

pub(super) fn patch(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = (request.id("channel")?, request.id("message")?);
    world.bots_channel(channel, Permissions::VIEW_CHANNEL)?;
    let message = world.message(channel, id)?;
    if !matches!(message.author, Author::User(user) if user == world.app.bot) {
        return Err(ApiError::cannot_edit_others());
    }
    world.edit(channel, id, &Draft::read(&request.json, &request.uploads)?)?;
    Ok(Answer::ok(wire::message(world, world.message(channel, id)?)))
}

pub(super) fn delete(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = (request.id("channel")?, request.id("message")?);
    world.bots_channel(channel, Permissions::VIEW_CHANNEL)?;
    let own = matches!(world.message(channel, id)?.author, Author::User(user) if user == world.app.bot);
    if !own {
        world.bots_channel(channel, Permissions::MANAGE_MESSAGES)?;
    }
    world.delete_message(channel, id)?;
    Ok(Answer::empty())
}

pub(super) fn bulk_delete(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let channel = request.id("channel")?;
    world.bots_channel(channel, Permissions::MANAGE_MESSAGES)?;
    let ids: Vec<MessageId> =
        request.json["messages"].as_array().into_iter().flatten().filter_map(snowflake).collect();
    if !(2..=100).contains(&ids.len()) {
        return Err(ApiError::bulk_delete_count());
    }
    let limit = Utc::now() - Duration::days(14);
    if ids.iter().any(|id| id.created_at() < limit) {
        return Err(ApiError::bulk_delete_too_old());
    }
    world.delete_messages(channel, &ids)?;
    Ok(Answer::empty())
}

/// Publishes a message: Send Messages for the bot's own, and also Manage Messages for others'.
pub(super) fn crosspost(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = (request.id("channel")?, request.id("message")?);
    world.bots_channel(channel, Permissions::SEND_MESSAGES)?;
    let own = matches!(world.message(channel, id)?.author, Author::User(user) if user == world.app.bot);
    if !own {
        world.bots_channel(channel, Permissions::MANAGE_MESSAGES)?;
    }
    world.crosspost(channel, id)?;
    Ok(Answer::ok(wire::message(world, world.message(channel, id)?)))
}
