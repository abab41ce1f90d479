//! What one person sees of the world besides messages: servers, channels, people.

use serde_json::{Value, json};

use crate::ids::UserId;
use crate::model::{Channel, ChannelKind, Guild, WebhookKind};
use crate::permissions::Permissions;
use crate::validate::length;
use crate::world::World;

/// How much of a forum post's first message its list shows.
const PREVIEW: usize = 160;

/// Servers that the person is in, with the channels that they may view. People are all those whom one can be.
pub(super) fn view(world: &World, person: UserId) -> Value {
    let guilds = world.guilds.values().filter(|guild| guild.members.contains_key(&person));
    let direct =
        world.channels.values().filter(|c| c.kind == ChannelKind::Dm && c.recipients.contains(&person));
    json!({
        "kind": "world",
        "me": person,
        "discord": world.base,
        "bot": world.app.bot,
        "users": world.users.values().map(|user| json!({
            "id": user.id, "name": user.display_name(), "username": user.username, "bot": user.bot,
        })).collect::<Vec<_>>(),
        "people": world.people().map(|user| {
            let homes = homes(world, user.id).map(|(guild, role)| json!({ "name": guild, "role": role }));
            json!({ "id": user.id, "in": homes.collect::<Vec<_>>() })
        }).collect::<Vec<_>>(),
        "guilds": guilds.map(|guild| server(world, guild, person)).collect::<Vec<_>>(),
        "direct": direct.map(|of| channel(world, of, person)).collect::<Vec<_>>(),
    })
}

/// The servers that somebody is in, and what they are there.
pub(super) fn homes(world: &World, user: UserId) -> impl Iterator<Item = (&str, &'static str)> {
    let homes = world.guilds.values().filter(move |guild| guild.members.contains_key(&user));
    homes.map(move |guild| (guild.name.as_str(), role(world, guild, user)))
}

/// What somebody is in a server, in a word.
fn role(world: &World, guild: &Guild, user: UserId) -> &'static str {
    let permissions = world.guild_permissions(user, guild.id);
    if guild.owner == user {
        "owner"
    } else if permissions
        .intersects(Permissions::ADMINISTRATOR | Permissions::MANAGE_CHANNELS | Permissions::MANAGE_GUILD)
    {
        "admin"
    } else if permissions.contains(Permissions::MANAGE_MESSAGES) {
        "moderator"
    } else {
        "member"
    }
}

fn server(world: &World, guild: &Guild, person: UserId) -> Value {
    let channels = world.channels.values().filter(|channel| channel.guild == Some(guild.id));
    let visible = channels.filter(|channel| world.can(person, channel.id, Permissions::VIEW_CHANNEL));
    json!({
        "id": guild.id,
        "name": guild.name,
        "unavailable": guild.unavailable,
        "roles": guild.roles.values().map(|role| json!({ "id": role.id, "name": role.name })).collect::<Vec<_>>(),
        "members": guild.members.iter().map(|(id, member)| json!({ "id": id, "nick": member.nick })).collect::<Vec<_>>(),
        "channels": visible.map(|of| channel(world, of, person)).collect::<Vec<_>>(),
    })
}

fn channel(world: &World, of: &Channel, person: UserId) -> Value {
    let may = world.permissions(person, of.id);
    let can = |wanted: Permissions| may.contains(wanted);
    let mut value = json!({
        "id": of.id,
        "guild": of.guild,
        "type": of.kind.code(),
        "name": of.name,
        "topic": of.topic,
        "parent": of.parent,
        "position": of.position,
        "last": of.last_message,
        "private": of.guild.is_some() && !world.everyone_can(of.id, Permissions::VIEW_CHANNEL),
        "may": {
            "post": can(world.send_permission(of.id)),
            "moderate": can(Permissions::MANAGE_MESSAGES),
            "threads": can(Permissions::CREATE_PUBLIC_THREADS),
            "webhooks": can(Permissions::MANAGE_WEBHOOKS),
        },
        "webhooks": webhooks(world, of),
    });
    if of.kind.is_forum() {
        value["tags"] = of.tags.iter().map(|tag| json!({ "id": tag.id, "name": tag.name })).collect();
        value["tag_required"] = json!(of.tag_required);
    }
    if let Some(thread) = &of.thread {
        let first = of.messages.values().next().map(|message| {
            let text: String = message.content.chars().take(PREVIEW).collect();
            let cut = length(&message.content) > PREVIEW;
            json!({ "author": super::message::author(message), "text": if cut { text + "…" } else { text } })
        });
        value["thread"] = json!({
            "owner": thread.owner, "archived": thread.archived, "locked": thread.locked,
            "tags": thread.applied_tags, "count": of.messages.values().filter(|m| m.only_for.is_none()).count(),
            "first": first,
        });
    }
    value
}

fn webhooks(world: &World, of: &Channel) -> Vec<Value> {
    let own = world.webhooks.values().filter(|hook| hook.channel == of.id);
    own.map(|hook| {
        let follower = matches!(hook.kind, WebhookKind::Follower { .. });
        json!({ "id": hook.id, "name": hook.name, "follower": follower })
    })
    .collect()
}
