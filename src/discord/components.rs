//! Pressed buttons and chosen menu options. A component's id holds all that a press needs, so it works after
//! a restart, too; only questions are forgotten then. Permissions are checked anew each time.

use poise::serenity_prelude as serenity;
use serenity::{ComponentInteraction, CreateInteractionResponse, CreateInteractionResponseMessage};

use super::{Bot, followers, follows, panel, personal, privacy, reply};

/// Answers a press on one of the bot's messages.
pub(super) async fn answer(ctx: &serenity::Context, bot: &Bot, press: &ComponentInteraction) {
    let answered = panel::answer_press(ctx, bot, press).await
        || panel::answer_question(ctx, bot, press).await
        || follows::answer::answer_press(ctx, bot, press).await
        || follows::press::answer_press(ctx, bot, press).await
        || privacy::answer_press(ctx, bot, press).await
        || followers::press::answer_press(ctx, bot, press).await
        || followers::press::answer_request(ctx, bot, press).await
        || personal::press::answer_press(ctx, bot, press).await;
    if !answered {
        outdated(ctx, press).await;
    }
}

pub(super) async fn outdated(ctx: &serenity::Context, press: &ComponentInteraction) {
    let embed = reply::failed("This button is from an older version of me. Please run the command again.");
    let message = CreateInteractionResponseMessage::new().embed(embed).ephemeral(true);
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Message(message)).await);
}
