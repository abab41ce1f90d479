//! Messages and their files.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::Utc;
use serde_json::{Value, json};

use super::{member, time, user};
use crate::ids::UserId;
use crate::model::{Attachment, Author, Guild, Message};
use crate::world::World;

/// Discord: "Attachment Flags".
const IS_SPOILER: u64 = 1 << 3;

/// An avatar hash for an avatar that was given as a link.
fn avatar_hash(url: &str) -> String {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    let half = hasher.finish();
    format!("{half:016x}{:016x}", half.rotate_left(17))
}

fn author(world: &World, of: &Author) -> Value {
    match of {
        Author::User(id) => user(world, *id),
        Author::Webhook { id, name, avatar_url } => json!({
            "id": id, "username": name, "discriminator": "0000", "global_name": null, "bot": true,
            "avatar": avatar_url.as_deref().map(avatar_hash),
            "public_flags": 0, "flags": 0, "primary_guild": null,
        }),
    }
}

/// A file's link: signed, and only valid for a while (Discord's `ex`, `is` and `hm`).
pub(crate) fn attachment_url(world: &World, of: &Attachment) -> String {
    let now = Utc::now().timestamp().unsigned_abs();
    let expires = now + world.config.attachment_link_life.as_secs();
    let signature = attachment_signature(world, of.id.0, expires);
    let (channel, id, name) = (of.channel, of.id, &of.filename);
    format!("{}/attachments/{channel}/{id}/{name}?ex={expires:x}&is={now:x}&hm={signature:016x}&", world.base)
}

/// What `hm` must be.
pub(crate) fn attachment_signature(world: &World, id: u64, expires: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (world.app.token.as_str(), id, expires).hash(&mut hasher);
    hasher.finish()
}

fn attachment(world: &World, of: &Attachment) -> Value {
    let url = attachment_url(world, of);
    let mut value = json!({
        "id": of.id, "filename": of.filename, "size": of.size, "url": url, "proxy_url": url,
    });
    if of.spoiler {
        value["flags"] = json!(IS_SPOILER);
    }
    if let Some(title) = &of.title {
        value["title"] = json!(title);
    }
    if let Some(description) = &of.description {
        value["description"] = json!(description);
    }
    if let Some(content_type) = &of.content_type {
        value["content_type"] = json!(content_type);
        if content_type.starts_with("image/") {
            (value["width"], value["height"]) = (json!(64), json!(64));
        }
    }
    value
}

/// A message as REST returns it.
pub(crate) fn message(world: &World, of: &Message) -> Value {
    let mut value = json!({
        "id": of.id,
        "channel_id": of.channel,
        "type": of.kind,
        "author": author(world, &of.author),
        "content": of.content,
        "timestamp": time(of.id.created_at()),
        "edited_timestamp": of.edited_at.map(time),
        "tts": of.tts,
        "mention_everyone": of.mentions.everyone,
        "mentions": of.mentions.users.iter().map(|id| user(world, *id)).collect::<Vec<_>>(),
        "mention_roles": of.mentions.roles,
        "attachments": of.attachments.iter().map(|a| attachment(world, a)).collect::<Vec<_>>(),
        "embeds": of.embeds,
        "components": super::components::components(world, of),
        "pinned": of.pinned,
        "flags": of.flags.bits(),
    });
    if let Some(webhook) = of.webhook() {
        value["webhook_id"] = json!(webhook);
    }
    if let Some(application) = of.application {
        value["application_id"] = json!(application);
    }
    if !of.sticker_items.is_empty() {
        value["sticker_items"] = json!(of.sticker_items);
    }
    for (name, field) in [("poll", &of.poll), ("nonce", &of.nonce), ("message_reference", &of.reference)] {
        if let Some(field) = field {
            value[name] = field.clone();
        }
    }
    if !of.snapshots.is_empty() {
        value["message_snapshots"] = json!(of.snapshots);
    }
    if matches!(of.kind, 19 | 21) && !of.withholds_original {
        value["referenced_message"] = referenced(world, of).unwrap_or_default();
    }
    if let Some(thread) = of.thread.and_then(|id| world.channels.get(&id)) {
        value["thread"] = super::channel(world, thread);
    }
    if let Some(answers) = &of.answers {
        let mut metadata = json!({
            "id": answers.id, "type": answers.kind, "user": user(world, answers.user),
            "authorizing_integration_owners": owners(world, of),
        });
        if let Some(on) = answers.on_message {
            metadata["interacted_message_id"] = json!(on);
        }
        if let Some(trigger) = answers.trigger {
            let mut opened_by = metadata.clone();
            opened_by["id"] = json!(trigger);
            opened_by["type"] = json!(if answers.on_message.is_some() { 3 } else { 2 });
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.remove("interacted_message_id");
                metadata.insert("triggering_interaction_metadata".to_owned(), opened_by);
            }
        }
        value["interaction_metadata"] = metadata;
        if let Some(name) = &answers.name {
            value["interaction"] = json!({
                "id": answers.id, "type": answers.kind, "name": name, "user": user(world, answers.user),
            });
        }
    }
    value
}

fn owners(world: &World, of: &Message) -> Value {
    let guild = world.channels.get(&of.channel).and_then(|channel| channel.guild);
    json!({ "0": guild.map_or_else(|| "0".to_owned(), |guild| guild.to_string()) })
}

/// The message that is replied to, one level deep; `None` if it is gone.
fn referenced(world: &World, of: &Message) -> Option<Value> {
    let reference = of.reference.as_ref()?;
    let channel = crate::validate::snowflake(&reference["channel_id"]).unwrap_or(of.channel);
    let id = crate::validate::snowflake(&reference["message_id"])?;
    let mut original = world.channels.get(&channel)?.messages.get(&id)?.clone();
    original.kind = 0;
    Some(message(world, &original))
}

/// A message as the gateway sends it: with its guild and, for people, the member.
pub(crate) fn gateway_message(world: &World, of: &Message) -> Value {
    let mut value = message(world, of);
    let Some(guild) = world.channels.get(&of.channel).and_then(|channel| channel.guild) else { return value };
    value["guild_id"] = json!(guild);
    if let (Some(guild), Some(mentions)) = (world.guilds.get(&guild), value["mentions"].as_array_mut()) {
        for (mentioned, id) in mentions.iter_mut().zip(&of.mentions.users) {
            mentioned["member"] = member_of(world, guild, *id).unwrap_or_default();
        }
    }
    if let (Author::User(author), Some(guild)) = (&of.author, world.guilds.get(&guild))
        && let Some(author) = member_of(world, guild, *author)
    {
        value["member"] = author;
    }
    value
}

/// Somebody's membership in a guild, without the user.
fn member_of(world: &World, guild: &Guild, user: UserId) -> Option<Value> {
    let mut member = member(world, guild, user)?;
    if let Some(fields) = member.as_object_mut() {
        fields.remove("user");
    }
    Some(member)
}
