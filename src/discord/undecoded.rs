//! The delivery report of a message that the library can't decode, as it holds something that Discord added later: the whole interaction is lost to the library then,
//! but arrives here as it is.

use std::collections::HashMap;
use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serde::Deserialize;
use serde_json::{Value, json};
use serenity::{Event, Http};

use super::{Bot, reply, report};

/// Discord: "Interaction Callback Type", an answer that follows later; "Message Flags", `EPHEMERAL`.
const DEFERRED: u8 = 5;
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

/// Answers such a command in a task of its own.
pub(super) fn answer(http: &Arc<Http>, bot: &Arc<Bot>, event: &Event) {
    let Event::Unknown(unknown) = event else { return };
    if unknown.kind != "INTERACTION_CREATE" {
        return;
    }
    let Ok(interaction) = Interaction::deserialize(&unknown.value) else { return };
    if interaction.data.name == report::NAME {
        let (http, bot) = (Arc::clone(http), Arc::clone(bot));
        tokio::spawn(async move { reply::deliver(run(&http, &bot, interaction).await) });
    }
}

async fn run(http: &Http, bot: &Bot, interaction: Interaction) -> Result<(), serenity::Error> {
    let Interaction { id, token, guild_id, channel_id, member, mut data } = interaction;
    let defer = json!({"type": DEFERRED, "data": {"flags": EPHEMERAL}});
    http.create_interaction_response(id, &token, &defer, Vec::new()).await?;
    let Ok(actor) = reply::of_interaction(Some(guild_id), member.user.id, channel_id) else { return Ok(()) };
    let message = data.resolved.messages.remove(&data.target_id).unwrap_or_default();
    let answer = report::answer(bot, actor, message).await;
    http.edit_original_interaction_response(&token, &answer, Vec::new()).await.map(|_| ())
}
