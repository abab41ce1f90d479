//! A message as the page draws it. If the author is a user, only the id is given: the page knows the names of
//! users, and those change.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::ids::{ChannelId, MessageId};
use crate::model::{Attachment, Author, Message, MessageFlags};
use crate::validate::{length, snowflake};
use crate::world::World;

/// How much of a message is shown above a reply to it.
const QUOTE: usize = 200;

pub(super) fn message(world: &World, of: &Message) -> Value {
    let has = |flag: MessageFlags| of.flags.contains(flag);
    let embeds = if has(MessageFlags::SUPPRESS_EMBEDS) { &[][..] } else { &of.embeds };
    let mut value = json!({
        "id": of.id,
        "kind": of.kind,
        "at": time(of.id.created_at()),
        "edited": of.edited_at.map(time),
        "author": author(of),
        "content": of.content,
        "embeds": embeds,
        "components": of.components,
        "files": of.attachments.iter().map(file).collect::<Vec<_>>(),
        "mentions": { "everyone": of.mentions.everyone, "users": of.mentions.users, "roles": of.mentions.roles },
    });
    for (name, flag) in [
        ("published", MessageFlags::CROSSPOSTED),
        ("copy", MessageFlags::IS_CROSSPOST),
        ("ephemeral", MessageFlags::EPHEMERAL),
        ("thinking", MessageFlags::LOADING),
        ("voice", MessageFlags::IS_VOICE_MESSAGE),
    ] {
        if has(flag) {
            value[name] = json!(true);
        }
    }
    if !of.sticker_items.is_empty() {
        value["stickers"] = json!(of.sticker_items);
    }
    if let Some(poll) = &of.poll {
        value["poll"] = poll.clone();
    }
    if let Some(thread) = of.thread {
        value["thread"] = json!(thread);
    }
    if let Some(answers) = &of.answers {
        value["used"] = json!({ "by": answers.user, "command": answers.name.as_deref().map(|name| command_name(world, name)) });
    }
    let refers_to = || of.reference.as_ref().map(|reference| reference["channel_id"].clone());
    match of.kind {
        12 => value["follows"] = refers_to().unwrap_or_default(),
        18 => value["starts"] = refers_to().unwrap_or_default(),
        _ => {}
    }
    if matches!(of.kind, 19 | 21) {
        value["reply"] = reply(world, of);
    }
    if let Some(snapshot) = of.snapshots.first() {
        let mut forward = snapshot["message"].clone();
        forward["channel"] = refers_to().unwrap_or_default();
        forward["files"] = snapshot_files(&forward["attachments"]);
        value["forward"] = forward;
    }
    value
}

/// The author: a user's `id`, or a webhook's name and avatar.
pub(super) fn author(of: &Message) -> Value {
    match &of.author {
        Author::User(id) => json!({ "id": id }),
        Author::Webhook { id, name, avatar_url } => {
            json!({ "webhook": id, "name": name, "avatar": avatar_url })
        }
    }
}

/// A command's name as Discord's client shows it: with a slash for a slash command, as it is for a command in
/// a menu.
fn command_name(world: &World, name: &str) -> String {
    const CHAT_INPUT: u64 = 1;
    let mut kinds =
        world.commands.values().filter(|command| command.name == name).map(|command| command.kind);
    // A command that isn't registered belongs to another application, which has only slash commands here.
    if kinds.next().is_none_or(|kind| kind == CHAT_INPUT) { format!("/{name}") } else { name.to_owned() }
}

fn reply(world: &World, of: &Message) -> Value {
    let original = of.reference.as_ref().and_then(|reference| {
        let channel: ChannelId = snowflake(&reference["channel_id"])?;
        let id: MessageId = snowflake(&reference["message_id"])?;
        world.message(channel, id).ok()
    });
    let Some(original) = original else { return json!({ "gone": true }) };
    let text: String = original.content.chars().take(QUOTE).collect();
    let cut = length(&original.content) > QUOTE;
    json!({
        "id": original.id, "author": author(original), "text": if cut { text + "…" } else { text },
        "files": original.attachments.len(), "embeds": original.embeds.len(),
    })
}

fn file(of: &Attachment) -> Value {
    json!({
        "name": of.filename, "size": of.size, "type": of.content_type, "description": of.description,
        "url": format!("/files/{}/{}/{}", of.channel, of.id, of.filename),
    })
}

/// The files of a forward are known only by their links.
fn snapshot_files(attachments: &Value) -> Value {
    let file = |of: &Value| {
        json!({
            "name": of["filename"], "size": of["size"], "type": of["content_type"], "description": of["description"],
            "url": of["url"],
        })
    };
    attachments.as_array().into_iter().flatten().map(file).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
