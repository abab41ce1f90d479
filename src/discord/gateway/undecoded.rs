//! Interactions that are answered without being decoded: those of servers that aren't served, and those that
//! the library can't decode because they contain something that Discord added later. A delivery report needs
//! so little that it is given anyway; anybody who asked for something else is told that it can't be read.

use std::collections::HashMap;
use std::num::NonZeroU64;

use poise::serenity_prelude as serenity;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use serenity::Http;

use super::super::{Bot, reply, report};
use super::frame::value;

/// Discord: "Interaction Type" of an autocompletion; "Interaction Callback Type" of a message, a deferred
/// answer, and autocompletion choices; "Message Flags", `EPHEMERAL`.
const AUTOCOMPLETE: u64 = 4;
const MESSAGE: u8 = 4;
const DEFERRED: u8 = 5;
const CHOICES: u8 = 8;
const EPHEMERAL: u32 = 1 << 6;

/// As much of an interaction as is needed. Only those of message commands have a target.
#[derive(Deserialize)]
struct Interaction {
    id: serenity::InteractionId,
    token: String,
    guild_id: serenity::GuildId,
    channel_id: serenity::ChannelId,
    member: Member,
    data: Data,
}

#[derive(Deserialize)]
struct Member {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: serenity::UserId,
}

#[derive(Deserialize)]
struct Data {
    name: String,
    target_id: String,
    resolved: Resolved,
}

#[derive(Deserialize)]
struct Resolved {
    messages: HashMap<String, Value>,
}

/// Answers such an interaction as far as it can be read.
pub(super) async fn answer(http: &Http, bot: &Bot, interaction: &RawValue) {
    let interaction = value(interaction);
    match Interaction::deserialize(&interaction) {
        Ok(command) if command.data.name == report::NAME => {
            reply::deliver(answer_report(http, bot, command).await);
        }
        _ => decline(http, &interaction).await,
    }
}

async fn answer_report(http: &Http, bot: &Bot, interaction: Interaction) -> Result<(), serenity::Error> {
    let Interaction { id, token, guild_id, channel_id, member, mut data } = interaction;
    let defer = json!({"type": DEFERRED, "data": {"flags": EPHEMERAL}});
    http.create_interaction_response(id, &token, &defer, Vec::new()).await?;
    let Ok(actor) = reply::of_interaction(Some(guild_id), member.user.id, channel_id) else { return Ok(()) };
    let message = data.resolved.messages.remove(&data.target_id).unwrap_or_default();
    let answer = report::answer(bot, actor, message).await;
    http.edit_original_interaction_response(&token, &answer, Vec::new()).await.map(|_| ())
}

/// Answers that it can't be read.
async fn decline(http: &Http, interaction: &Value) {
    let kind = interaction["type"].as_u64();
    let command = interaction["data"]["name"].as_str();
    let command =
        command.filter(|name| super::super::commands::all().iter().any(|known| known.name == *name));
    tracing::warn!(kind, command, "an interaction can't be read; whoever sent it is told so");
    let text = "I can't read this. Discord sent something that I don't know yet; the operator can see it in the log.";
    say(http, interaction, text).await;
}

/// Answers that the server isn't served.
pub(super) async fn refuse(http: &Http, interaction: &RawValue) {
    say(http, &value(interaction), "This bot's operator doesn't serve this server.").await;
}

/// Answers an interaction of any kind with one sentence, and an autocompletion with no choices.
async fn say(http: &Http, interaction: &Value, text: &str) {
    let kind = interaction["type"].as_u64();
    let id = interaction["id"].as_str().and_then(|id| id.parse::<NonZeroU64>().ok()).map(Into::into);
    let (Some(id), Some(token)) = (id, interaction["token"].as_str()) else { return };
    let answer = if kind == Some(AUTOCOMPLETE) {
        json!({"type": CHOICES, "data": {"choices": []}})
    } else {
        json!({"type": MESSAGE, "data": {"flags": EPHEMERAL, "content": text}})
    };
    reply::deliver(http.create_interaction_response(id, token, &answer, Vec::new()).await);
}
