//! The first answer to an interaction.

use serde_json::json;

use super::request::{Answer, Request};
use crate::error::ApiResult;
use crate::ids::InteractionId;
use crate::model::MessageFlags;
use crate::wire;
use crate::world::World;

pub(super) fn callback(world: &mut World, request: &Request) -> ApiResult<Answer> {
    let id: InteractionId = request.id("interaction")?;
    let message = world.callback(id, request.text("token"), &request.json, &request.uploads)?;
    if !request.flag("with_response") {
        return Ok(Answer::empty());
    }
    let Some(interaction) = world.interactions.get(&id) else { return Ok(Answer::empty()) };
    let kind = request.json["type"].as_u64().unwrap_or(0);
    let mut answer = json!({
        "interaction": { "id": id, "type": interaction.kind as u8, "channel_id": interaction.channel },
    });
    if let Some(guild) = interaction.guild {
        answer["interaction"]["guild_id"] = json!(guild);
    }
    if let Some(message) = message.and_then(|message| world.message(interaction.channel, message).ok()) {
        answer["interaction"]["response_message_id"] = json!(message.id);
        answer["interaction"]["response_message_loading"] =
            json!(message.flags.contains(MessageFlags::LOADING));
        answer["interaction"]["response_message_ephemeral"] =
            json!(message.flags.contains(MessageFlags::EPHEMERAL));
        if matches!(kind, 4 | 7) {
            answer["resource"] = json!({ "type": kind, "message": wire::message(world, message) });
        }
    }
    Ok(Answer::ok(answer))
}
