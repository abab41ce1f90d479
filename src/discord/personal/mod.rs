//! Discord's side of `/feed`: the feed and the lists with their buttons and menus, and what is said of
//! follows. The people who read it may never have heard of this bot.

pub(super) mod answer;
pub(super) mod component_id;
pub(super) mod digests;
pub(super) mod links;
pub(super) mod lists;
pub(super) mod page;
pub(super) mod press;

use poise::serenity_prelude as serenity;
use serenity::EditInteractionResponse;

use super::docs::without_nulls;
use super::reply;

/// Puts an answer in the place of the acknowledgement. Of a picture, serenity would also send as `null` what
/// isn't set, and Discord's description has no such thing.
pub(super) async fn send(ctx: &serenity::Context, token: &str, answer: EditInteractionResponse) {
    let body = without_nulls(serde_json::to_value(answer).unwrap_or_default());
    let sent = ctx.http.edit_original_interaction_response(token, &body, Vec::new()).await;
    reply::deliver(sent.map(|_| ()));
}
