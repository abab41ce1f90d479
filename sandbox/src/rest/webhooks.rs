//! Webhooks: creating, listing, changing and removing them.

use serde_json::Value;

use super::request::{Answer, Request};
use super::serve::list;
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::ids::{ChannelId, WebhookId};
use crate::model::Webhook;
use crate::ops::WebhookChange;
use crate::permissions::Permissions;
use crate::validate::{snowflake, webhook_name};
use crate::wire::{self, View};
use crate::world::World;

pub(super) fn of_channel(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let channel = world.bots_channel(request.id("channel")?, Permissions::MANAGE_WEBHOOKS)?;
    if !channel.kind.takes_webhooks() {
        return Err(ApiError::wrong_channel_type());
    }
    let id = channel.id;
    let hooks = world.webhooks.values().filter(|hook| hook.channel == id);
    Ok(list(hooks.map(|hook| wire::webhook(world, hook, View::Bot))))
}

pub(super) fn of_guild(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?.id;
    if !world.guild_permissions(world.app.bot, guild).contains(Permissions::MANAGE_WEBHOOKS) {
        return Err(ApiError::missing_permissions());
    }
    let hooks = world.webhooks.values().filter(|hook| hook.guild == guild);
    Ok(list(hooks.map(|hook| wire::webhook(world, hook, View::Bot))))
}

pub(super) fn create(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let channel: ChannelId = request.id("channel")?;
    world.bots_channel(channel, Permissions::MANAGE_WEBHOOKS)?;
    let mut form = FormErrors::default();
    match request.body_text("name") {
        Some(name) => webhook_name(&mut form, "name", name),
        None => form.required("name"),
    }
    form.finish()?;
    let name = request.body_text("name").unwrap_or_default().to_owned();
    let avatar = request.body_text("avatar").map(avatar);
    let (bot, application) = (world.app.bot, world.app.id);
    let id = world.create_webhook(channel, &name, avatar, bot, Some(application))?;
    Ok(Answer::ok(wire::webhook(world, world.webhook(id)?, View::Bot)))
}

/// Avatars arrive as data URIs and become hashes.
fn avatar(data: &str) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    format!("{0:016x}{0:016x}", hasher.finish())
}

/// A webhook that the bot may manage, for which it needs the permission in the webhook's channel.
fn managed<'a>(world: &'a World, request: &Request) -> ApiResult<&'a Webhook> {
    let hook = world.webhook(request.id("webhook")?)?;
    world.bots_channel(hook.channel, Permissions::MANAGE_WEBHOOKS)?;
    Ok(hook)
}

/// The webhook with the token in the path. 10015 for an unknown id, 50027 for a wrong token.
pub(super) fn with_token<'a>(world: &'a World, request: &Request) -> ApiResult<&'a Webhook> {
    let hook = world.webhook(request.id("webhook")?)?;
    if hook.token() == Some(request.text("token")) {
        Ok(hook)
    } else {
        Err(ApiError::invalid_webhook_token())
    }
}

pub(super) fn get(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let hook = managed(world, request)?;
    Ok(Answer::ok(wire::webhook(world, hook, View::Bot)))
}

pub(super) fn get_with_token(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let hook = with_token(world, request)?;
    Ok(Answer::ok(wire::webhook(world, hook, View::Token)))
}

fn change(request: &Request) -> ApiResult<WebhookChange> {
    let mut form = FormErrors::default();
    if let Some(name) = request.body_text("name") {
        webhook_name(&mut form, "name", name);
    }
    form.finish()?;
    Ok(WebhookChange {
        name: request.body_text("name").map(ToOwned::to_owned),
        avatar: request.json.get("avatar").map(|data| data.as_str().map(avatar)),
        channel: None,
    })
}

pub(super) fn patch(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = managed(world, request)?.id;
    let mut change = change(request)?;
    change.channel = request.json.get("channel_id").filter(|id| !Value::is_null(id)).and_then(snowflake);
    if let Some(to) = change.channel {
        world.bots_channel(to, Permissions::MANAGE_WEBHOOKS)?;
    }
    world.change_webhook(id, change)?;
    Ok(Answer::ok(wire::webhook(world, world.webhook(id)?, View::Bot)))
}

pub(super) fn patch_with_token(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = with_token(world, request)?.id;
    world.change_webhook(id, change(request)?)?;
    Ok(Answer::ok(wire::webhook(world, world.webhook(id)?, View::Token)))
}

fn remove(world: &mut World, id: WebhookId) -> ApiResult<Answer> {
    world.delete_webhook(id)?;
    Ok(Answer::empty())
}

pub(super) fn delete(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = managed(world, request)?.id;
    remove(world, id)
}

pub(super) fn delete_with_token(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id = with_token(world, request)?.id;
    remove(world, id)
}
