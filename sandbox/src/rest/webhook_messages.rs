//! Messages through webhooks, and (under the same paths) the answers to interactions.

use super::request::{Answer, Request};
use super::webhooks::with_token;
use crate::error::{ApiError, ApiResult};
use crate::ids::{ApplicationId, ChannelId, MessageId};
use crate::model::{Author, ChannelKind, Webhook};
use crate::ops::{NewMessage, NewThread};
use crate::validate::Draft;
use crate::wire;
use crate::world::World;

/// Whether the path names the application, which means that the token is an interaction's.
fn is_interaction(world: &World, request: &Request) -> bool {
    request.id::<ApplicationId>("webhook").is_ok_and(|id| id == world.app.id)
}

fn shown(world: &World, channel: ChannelId, id: MessageId) -> ApiResult<Answer> {
    Ok(Answer::ok(wire::message(world, world.message(channel, id)?)))
}

/// The boost level of a channel's server.
fn boost_level(world: &World, channel: ChannelId) -> u8 {
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    guild.and_then(|guild| world.guilds.get(&guild)).map_or(0, |guild| guild.boost_level)
}

/// Execute Webhook, or a follow-up to an interaction.
pub(super) fn execute(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let token = request.text("token");
    if is_interaction(world, request) {
        let channel = world.interaction_with_token(token)?.channel;
        let id = world.follow_up(token, Draft::read(&request.json, &request.uploads)?)?;
        return shown(world, channel, id);
    }
    let hook = with_token(world, request)?.clone();
    let draft = Draft::read_boosted(boost_level(world, hook.channel), &request.json, &request.uploads)?;
    if draft.is_empty() {
        return Err(ApiError::empty_message());
    }
    let named = draft.username.as_deref().unwrap_or_default();
    if let Some(word) = world.config.refused_names.iter().find(|word| named.contains(*word)) {
        let message = format!("Username cannot contain \"{word}\"");
        return Err(ApiError::field("username", "USERNAME_INVALID_CONTAINS", &message));
    }
    let application = hook.application;
    let author = Author::Webhook {
        id: hook.id,
        name: draft.username.clone().unwrap_or_else(|| hook.name.clone()),
        avatar_url: draft.avatar_url.clone().or_else(|| hook.avatar.clone()),
    };
    let channel = destination(world, &hook, request, &draft)?;
    let mut draft = draft;
    // Webhook messages have no replies and no stickers.
    draft.reference = None;
    draft.sticker_items.clear();
    let mut new = NewMessage::plain(channel, author, draft);
    new.application = application;
    let id = world.post(new)?;
    if request.flag("wait") { shown(world, channel, id) } else { Ok(Answer::empty()) }
}

/// Where a webhook's message goes: its channel, one of its threads, or a new post of its forum.
fn destination(world: &mut World, hook: &Webhook, request: &Request, draft: &Draft) -> ApiResult<ChannelId> {
    let in_forum = world.channel(hook.channel)?.kind.is_forum();
    let thread = request.query.get("thread_id").map(|_| request.query_id::<ChannelId>("thread_id"));
    match (thread, &draft.thread_name) {
        (Some(_), Some(_)) => Err(ApiError::forum_webhook_both()),
        (Some(thread), None) => {
            let thread = world.channel(thread.ok_or_else(ApiError::unknown_channel)?)?;
            match &thread.thread {
                Some(_) if thread.parent != Some(hook.channel) => Err(ApiError::unknown_channel()),
                Some(state) if state.locked => Err(ApiError::thread_locked()),
                Some(_) => Ok(thread.id),
                None => Err(ApiError::unknown_channel()),
            }
        }
        (None, Some(_)) if !in_forum => Err(ApiError::webhook_thread_only_in_forum()),
        (None, Some(name)) => world.create_thread(NewThread {
            parent: hook.channel,
            kind: ChannelKind::PublicThread,
            name: name.clone(),
            owner: crate::ids::UserId(hook.id.0),
            from: None,
            tags: draft.applied_tags.clone(),
        }),
        (None, None) if in_forum => Err(ApiError::forum_webhook_needs_thread()),
        (None, None) => Ok(hook.channel),
    }
}

/// The message of this webhook or interaction that the path names.
fn locate(world: &World, request: &Request) -> ApiResult<(ChannelId, MessageId)> {
    if is_interaction(world, request) {
        return world.answer_id(request.text("token"), request.text("message"));
    }
    let hook = with_token(world, request)?;
    let id = request.id("message")?;
    let is_there =
        |place: &ChannelId| world.message(*place, id).is_ok_and(|message| message.webhook() == Some(hook.id));
    // In a thread, the message is only found with its `thread_id`. After a webhook has moved, it still finds
    // what it wrote elsewhere.
    let places: Vec<ChannelId> = match request.query_id("thread_id") {
        Some(thread) if world.channel(thread)?.kind.is_thread() => vec![thread],
        Some(_) => return Err(ApiError::unknown_channel()),
        // It is nearly always where the webhook is now; all others are only searched if it isn't.
        None if is_there(&hook.channel) => vec![hook.channel],
        None => world.channels.values().filter(|c| !c.kind.is_thread()).map(|c| c.id).collect(),
    };
    let place = places.into_iter().find(is_there);
    place.map(|place| (place, id)).ok_or_else(ApiError::unknown_message)
}

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = locate(world, request)?;
    shown(world, channel, id)
}

pub(super) fn patch(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = locate(world, request)?;
    let draft = Draft::read_boosted(boost_level(world, channel), &request.json, &request.uploads)?;
    if is_interaction(world, request) {
        world.edit_answer(request.text("token"), id, &draft)?;
    } else {
        world.edit(channel, id, &draft)?;
    }
    shown(world, channel, id)
}

pub(super) fn delete(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, id) = locate(world, request)?;
    if is_interaction(world, request) {
        world.delete_answer(request.text("token"), id)?;
    } else {
        world.delete_message(channel, id)?;
    }
    Ok(Answer::empty())
}
