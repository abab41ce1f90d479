//! Threads: starting, joining, listing.

use chrono::DateTime;
use serde_json::{Value, json};

use super::request::{Answer, Request};
use super::serve::list;
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::ids::{ChannelId, UserId};
use crate::model::{Author, Channel, ChannelKind};
use crate::ops::{NewMessage, NewThread};
use crate::permissions::Permissions;
use crate::validate::{Draft, channel_name, snowflake};
use crate::wire;
use crate::world::World;

/// Discord: 2 to 100 at a time.
const ARCHIVE_PAGE: usize = 100;

fn name(request: &Request) -> ApiResult<String> {
    let name = request.body_text("name").unwrap_or_default();
    let mut form = FormErrors::default();
    channel_name(&mut form, "name", name);
    form.finish()?;
    Ok(name.to_owned())
}

fn public_kind(world: &World, parent: ChannelId) -> ApiResult<ChannelKind> {
    let announcement = world.channel(parent)?.kind == ChannelKind::Announcement;
    Ok(if announcement { ChannelKind::AnnouncementThread } else { ChannelKind::PublicThread })
}

pub(super) fn start_from_message(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let parent = request.id("channel")?;
    world.bots_channel(parent, Permissions::CREATE_PUBLIC_THREADS)?;
    let from = request.id("message")?;
    world.message(parent, from)?;
    let (kind, owner) = (public_kind(world, parent)?, world.app.bot);
    let id = world.create_thread(NewThread {
        parent,
        kind,
        name: name(request)?,
        owner,
        from: Some(from),
        tags: Vec::new(),
    })?;
    Ok(Answer::created(wire::channel(world, world.channel(id)?)))
}

/// Starts a thread without a message; in a forum, a post with its first message.
pub(super) fn start(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let parent = request.id("channel")?;
    let in_forum = world.bots_channel(parent, Permissions::VIEW_CHANNEL)?.kind.is_forum();
    let kind = match request.json["type"].as_u64().and_then(ChannelKind::from_code) {
        Some(kind) if kind.is_thread() && !in_forum => kind,
        None if !in_forum => ChannelKind::PrivateThread,
        _ => public_kind(world, parent)?,
    };
    let needed = match (in_forum, kind) {
        (true, _) => Permissions::SEND_MESSAGES,
        (_, ChannelKind::PrivateThread) => Permissions::CREATE_PRIVATE_THREADS,
        _ => Permissions::CREATE_PUBLIC_THREADS,
    };
    world.bots_channel(parent, needed)?;
    let draft = if in_forum {
        let draft = Draft::read(&request.json["message"], &request.uploads)?;
        if draft.is_empty() {
            return Err(ApiError::empty_message());
        }
        Some(draft)
    } else {
        None
    };
    let tags = request.json["applied_tags"].as_array().into_iter().flatten().filter_map(snowflake).collect();
    let owner = world.app.bot;
    let new = NewThread { parent, kind, name: name(request)?, owner, from: None, tags };
    let id = world.create_thread(new)?;
    let mut answer = wire::channel(world, world.channel(id)?);
    if let Some(draft) = draft {
        let mut first = NewMessage::plain(id, Author::User(owner), draft);
        first.application = Some(world.app.id);
        let message = world.post(first)?;
        answer["message"] = wire::message(world, world.message(id, message)?);
    }
    Ok(Answer::created(answer))
}

pub(super) fn members(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, users) = thread_members(world, request)?;
    Ok(list(users.into_iter().map(|user| wire::thread_member(channel, user))))
}

fn thread_members<'a>(world: &'a World, request: &Request) -> ApiResult<(&'a Channel, Vec<UserId>)> {
    let channel = world.bots_channel(request.id("channel")?, Permissions::VIEW_CHANNEL)?;
    let thread = channel.thread.as_ref().ok_or_else(ApiError::wrong_channel_type)?;
    Ok((channel, thread.members.iter().copied().collect()))
}

pub(super) fn member(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let (channel, users) = thread_members(world, request)?;
    let user = if request.text("user") == "@me" { world.app.bot } else { request.id("user")? };
    if !users.contains(&user) {
        return Err(ApiError::unknown_member());
    }
    let mut answer = wire::thread_member(channel, user);
    if request.flag("with_member")
        && let Some(guild) = channel.guild.and_then(|guild| world.guilds.get(&guild))
    {
        answer["member"] = wire::member(world, guild, user).unwrap_or_default();
    }
    Ok(Answer::ok(answer))
}

fn change(world: &mut World, request: &Request, user: UserId, inside: bool) -> ApiResult<Answer> {
    let id: ChannelId = request.id("channel")?;
    thread_members(world, request)?;
    world.set_thread_member(id, user, inside)?;
    Ok(Answer::empty())
}

pub(super) fn join(world: &mut World, request: &Request) -> ApiResult<Answer> {
    change(world, request, world.app.bot, true)
}

pub(super) fn leave(world: &mut World, request: &Request) -> ApiResult<Answer> {
    change(world, request, world.app.bot, false)
}

pub(super) fn add_member(world: &mut World, request: &Request) -> ApiResult<Answer> {
    change(world, request, request.id("user")?, true)
}

pub(super) fn remove_member(world: &mut World, request: &Request) -> ApiResult<Answer> {
    world.bots_channel(request.id("channel")?, Permissions::MANAGE_THREADS)?;
    change(world, request, request.id("user")?, false)
}

fn visible(world: &World, fits: impl Fn(&Channel) -> bool) -> Vec<&Channel> {
    let bot = world.app.bot;
    let threads = world.channels.values().filter(|c| c.kind.is_thread() && fits(c));
    threads.filter(|c| world.can(bot, c.id, Permissions::VIEW_CHANNEL)).collect()
}

fn threads(world: &World, found: &[&Channel], has_more: bool) -> Value {
    let bot = world.app.bot;
    let joined = found.iter().filter(|c| c.thread.as_ref().is_some_and(|t| t.members.contains(&bot)));
    let members: Vec<Value> = joined.map(|thread| wire::thread_member(thread, bot)).collect();
    let threads: Vec<Value> = found.iter().map(|thread| wire::channel(world, thread)).collect();
    json!({ "threads": threads, "members": members, "has_more": has_more })
}

pub(super) fn active(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let guild = world.bots_guild(request.id("guild")?)?.id;
    let found = visible(world, |channel| channel.guild == Some(guild) && !channel.is_archived());
    Ok(Answer::ok(threads(world, &found, false)))
}

fn archived(world: &World, request: &Request, private: bool) -> ApiResult<Answer> {
    let parent: ChannelId = request.id("channel")?;
    world.bots_channel(parent, Permissions::READ_MESSAGE_HISTORY)?;
    let archived_at = |channel: &Channel| channel.thread.as_ref().map(|thread| thread.archive_timestamp);
    let before = request.query.get("before").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let mut found = visible(world, |channel| {
        channel.parent == Some(parent)
            && channel.is_archived()
            && (channel.kind == ChannelKind::PrivateThread) == private
            && before.is_none_or(|before| archived_at(channel) < Some(before.to_utc()))
    });
    found.sort_by_key(|channel| std::cmp::Reverse(archived_at(channel)));
    let limit = request.query.get("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(ARCHIVE_PAGE).clamp(2, ARCHIVE_PAGE);
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(Answer::ok(threads(world, &found, has_more)))
}

pub(super) fn archived_public(world: &mut World, request: &Request) -> ApiResult<Answer> {
    archived(world, request, false)
}

pub(super) fn archived_private(world: &mut World, request: &Request) -> ApiResult<Answer> {
    world.bots_channel(request.id("channel")?, Permissions::MANAGE_THREADS)?;
    archived(world, request, true)
}
