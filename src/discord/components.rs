//! Pressed buttons and chosen menu entries. All they need stands in their ids, so they work after a restart (but for a question, which is then forgotten);
//! rights are checked anew each time.

use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteraction, ComponentInteractionDataKind, CreateEmbed, CreateInteractionResponse,
    CreateInteractionResponseMessage, EditInteractionResponse,
};

use crate::service::{Actor, ServiceError};

use super::follow_list::{self, Act, Press};
use super::{Bot, follow_answer, panel, reply};

/// Answers a press on a message of the bot's.
pub(super) async fn answer(ctx: &serenity::Context, bot: &Bot, press: &ComponentInteraction) {
    if panel::answer_press(ctx, bot, press).await
        || panel::answer_question(ctx, bot, press).await
        || follow_answer::answer_press(ctx, bot, press).await
    {
        return;
    }
    let Some(parsed) = Press::parse(&press.data.custom_id) else {
        return outdated(ctx, press).await;
    };
    // At once: what follows may take longer than the 3 seconds.
    let acknowledged = press.create_response(ctx, CreateInteractionResponse::Acknowledge).await;
    reply::deliver(acknowledged);
    let answer = match reply::of_interaction(press.guild_id, press.user.id, press.channel_id) {
        Ok(actor) => list(bot, press, actor, parsed).await,
        Err(refusal) => refused(&refusal.into(), Vec::new()),
    };
    reply::deliver(press.edit_response(ctx, answer).await.map(|_| ()));
}

async fn outdated(ctx: &serenity::Context, press: &ComponentInteraction) {
    let embed = reply::failed("This button is from an older version of me. Please run the command again.");
    let message = CreateInteractionResponseMessage::new().embed(embed).ephemeral(true);
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Message(message)).await);
}

/// The list of follows as it is after the press, below what came of it.
async fn list(
    bot: &Bot,
    press: &ComponentInteraction,
    actor: Actor,
    parsed: Press,
) -> EditInteractionResponse {
    let (view, notice) = match parsed {
        Press::Turn(view) => (view, None),
        Press::Change(view) => (view, Some(change(bot, actor, press).await)),
    };
    let mut embeds: Vec<CreateEmbed> = notice.into_iter().collect();
    match bot.follows.list(actor, view.channel, view.cursor).await {
        Ok(page) => {
            embeds.push(follow_list::embed(&page, view));
            EditInteractionResponse::new().embeds(embeds).components(follow_list::components(&page, view))
        }
        Err(error) => refused(&error, embeds),
    }
}

/// The error in the list's place. Who may not see the list has no use for its buttons; after a failure they are there to try again.
fn refused(error: &ServiceError, mut embeds: Vec<CreateEmbed>) -> EditInteractionResponse {
    embeds.push(reply::error(error, "follows"));
    let answer = EditInteractionResponse::new().embeds(embeds);
    match error {
        ServiceError::Refused(_) => answer.components(Vec::new()),
        ServiceError::Discord(_) | ServiceError::Store(_) => answer,
    }
}

/// Does what was chosen in the menu; what came of it stands above the list.
async fn change(bot: &Bot, actor: Actor, press: &ComponentInteraction) -> CreateEmbed {
    let chosen = match &press.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => {
            values.first().and_then(|value| Act::parse(value))
        }
        _ => None,
    };
    let done = match chosen {
        Some(act) => act_on(bot, actor, act).await,
        None => return reply::failed("I can't read that choice. Please run the command again."),
    };
    match done {
        Ok(text) => reply::done(text),
        Err(error) => reply::error(&error, "follows"),
    }
}

async fn act_on(bot: &Bot, actor: Actor, act: Act) -> Result<String, ServiceError> {
    match act {
        Act::Pause(id) => {
            bot.follows.pause(actor, id).await?;
            Ok(format!(
                "Follow {id} is paused. Messages mirrored so far stay, panels stand still; what is posted meanwhile is not sent later."
            ))
        }
        Act::Resume(id) => {
            let resumed = bot.follows.resume(actor, id).await?;
            let missed = "What was posted meanwhile is not sent later.";
            Ok(if resumed.was_broken {
                format!("Follow {id} works again. {missed}")
            } else {
                format!("Follow {id} is active again. {missed}")
            })
        }
        Act::Remove(id) => {
            bot.follows.remove(actor, id).await?;
            Ok(format!("Follow {id} is removed. Messages mirrored so far stay; panels go."))
        }
    }
}
