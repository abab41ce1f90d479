//! Channels, threads and thread members.

use serde_json::{Value, json};

use super::{time, user};
use crate::ids::{ChannelId, UserId};
use crate::model::{Channel, ChannelKind};
use crate::permissions::{Overwrite, OverwriteTarget, Permissions};
use crate::world::World;

const PINNED_FLAG_TAG_REQUIRED: u32 = 1 << 4;

fn overwrite(overwrite: &Overwrite) -> Value {
    let (id, kind) = match overwrite.target {
        OverwriteTarget::Role(role) => (role.to_string(), 0),
        OverwriteTarget::Member(user) => (user.to_string(), 1),
    };
    json!({ "id": id, "type": kind, "allow": overwrite.allow, "deny": overwrite.deny })
}

/// A channel, thread or direct message.
pub(crate) fn channel(world: &World, of: &Channel) -> Value {
    let Some(guild) = of.guild else {
        return json!({
            "id": of.id, "type": of.kind.code(), "flags": 0, "last_message_id": of.last_message,
            "recipients": of.recipients.iter().map(|id| user(world, *id)).collect::<Vec<_>>(),
        });
    };
    let mut value = json!({
        "id": of.id,
        "type": of.kind.code(),
        "guild_id": guild,
        "name": of.name,
        "parent_id": of.parent,
        "flags": if of.tag_required { PINNED_FLAG_TAG_REQUIRED } else { 0 },
        "last_message_id": of.last_message,
        "rate_limit_per_user": of.slowmode_seconds,
    });
    if of.thread.is_some() {
        thread_fields(world, of, &mut value);
        return value;
    }
    value["position"] = json!(of.position);
    value["nsfw"] = json!(of.nsfw);
    value["permission_overwrites"] = of.overwrites.iter().map(overwrite).collect();
    if of.kind != ChannelKind::Category {
        value["topic"] = json!(of.topic);
    }
    if matches!(of.kind, ChannelKind::Voice | ChannelKind::Stage) {
        value["bitrate"] = json!(64_000);
        value["user_limit"] = json!(0);
        value["rtc_region"] = Value::Null;
    }
    if of.kind.is_forum() {
        value["available_tags"] = of
            .tags
            .iter()
            .map(|tag| {
                json!({
                    "id": tag.id, "name": tag.name, "moderated": tag.moderated,
                    "emoji_id": null, "emoji_name": null,
                })
            })
            .collect();
        value["default_reaction_emoji"] = Value::Null;
        value["default_sort_order"] = Value::Null;
        value["default_forum_layout"] = json!(0);
    }
    value
}

fn thread_fields(world: &World, of: &Channel, value: &mut Value) {
    let Some(thread) = &of.thread else { return };
    value["owner_id"] = json!(thread.owner);
    // The first message isn't counted.
    let later = of.messages.keys().filter(|message| message.0 != of.id.0);
    value["message_count"] = json!(later.count());
    value["total_message_sent"] = json!(thread.total_sent);
    value["member_count"] = json!(thread.members.len().min(50));
    value["thread_metadata"] = thread_metadata(of);
    if of.parent.and_then(|parent| world.channels.get(&parent)).is_some_and(|p| p.kind.is_forum()) {
        value["applied_tags"] = json!(thread.applied_tags);
    }
    if thread.members.contains(&world.app.bot) {
        value["member"] = thread_member(of, world.app.bot);
    }
}

fn thread_metadata(of: &Channel) -> Value {
    let Some(thread) = &of.thread else { return Value::Null };
    let mut value = json!({
        "archived": thread.archived,
        "archive_timestamp": time(thread.archive_timestamp),
        "auto_archive_duration": thread.auto_archive_minutes,
        "locked": thread.locked,
        "create_timestamp": time(of.id.created_at()),
    });
    if of.kind == ChannelKind::PrivateThread {
        value["invitable"] = json!(thread.invitable);
    }
    value
}

/// A member of a thread.
pub(crate) fn thread_member(thread: &Channel, user: UserId) -> Value {
    json!({ "id": thread.id, "user_id": user, "join_timestamp": time(thread.id.created_at()), "flags": 0 })
}

/// The short form in an interaction's `resolved`, with the *person's* permissions there.
pub(crate) fn partial_channel(world: &World, id: ChannelId, person: UserId) -> Value {
    let Some(of) = world.channels.get(&id) else { return Value::Null };
    let permissions: Permissions = world.permissions(person, id);
    let mut value = json!({
        "id": of.id, "type": of.kind.code(), "name": of.name, "permissions": permissions,
        "app_permissions": world.permissions(world.app.bot, id),
        "guild_id": of.guild, "parent_id": of.parent, "flags": 0, "last_message_id": of.last_message,
    });
    if of.thread.is_some() {
        value["thread_metadata"] = thread_metadata(of);
    } else {
        value["position"] = json!(of.position);
        value["nsfw"] = json!(of.nsfw);
        value["topic"] = json!(of.topic);
    }
    value
}
