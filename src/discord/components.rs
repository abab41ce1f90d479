//! Pressed buttons and chosen menu entries. All they need stands in their ids, so they work after a restart (but for a question, which is then forgotten);
//! rights are checked anew each time.

use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteraction, ComponentInteractionDataKind, CreateEmbed, CreateInteractionResponse,
    CreateInteractionResponseMessage, EditInteractionResponse,
};

use crate::service::{Actor, Question, Resumed, ServiceError};

use super::followers::press as follower_press;
use super::follows::answer as follow_answer;
use super::follows::list::{self as follow_list, Act, Press};
use super::{Bot, panel, privacy, reply, report};

/// Answers a press on a message of the bot's.
pub(super) async fn answer(ctx: &serenity::Context, bot: &Bot, press: &ComponentInteraction) {
    if panel::answer_press(ctx, bot, press).await
        || panel::answer_question(ctx, bot, press).await
        || follow_answer::answer_press(ctx, bot, press).await
        || privacy::answer_press(ctx, bot, press).await
        || follower_press::answer_press(ctx, bot, press).await
        || follower_press::answer_request(ctx, bot, press).await
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

pub(super) async fn outdated(ctx: &serenity::Context, press: &ComponentInteraction) {
    let embed = reply::failed("This button is from an older version of me. Please run the command again.");
    let message = CreateInteractionResponseMessage::new().embed(embed).ephemeral(true);
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Message(message)).await);
}

/// The list of follows as it is after the press, below what came of it; or what was asked for in its place, with a way back.
async fn list(
    bot: &Bot,
    press: &ComponentInteraction,
    actor: Actor,
    parsed: Press,
) -> EditInteractionResponse {
    let (view, act) = match parsed {
        Press::Turn(view) => (view, None),
        Press::Change(view) => (view, Some(chosen(press))),
    };
    let said = match act {
        None => None,
        Some(None) => Some(reply::failed("I can't read that choice. Please run the command again.")),
        Some(Some(act)) => match act_on(bot, actor, act).await {
            Ok(Done::Said(embed)) => Some(*embed),
            Ok(Done::Asked(question)) => return follow_answer::asked(&question),
            Err(error) => Some(reply::error(&error, "follows")),
        },
    };
    let mut embeds: Vec<CreateEmbed> = said.into_iter().collect();
    let page = match bot.follows.list(actor, view.channel, view.cursor).await {
        Ok(page) => page,
        Err(error) => return refused(&error, embeds),
    };
    let mut components = follow_list::components(&page, view);
    if matches!(act, Some(Some(Act::Last(_)))) {
        components.push(follow_list::way_back(view));
    } else {
        embeds.push(follow_list::embed(&page, view));
    }
    EditInteractionResponse::new().embeds(embeds).components(components)
}

/// What was chosen in the menu.
fn chosen(press: &ComponentInteraction) -> Option<Act> {
    match &press.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => Act::parse(values.first()?),
        _ => None,
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

/// What came of a choice.
enum Done {
    /// It is done, or shown.
    Said(Box<CreateEmbed>),
    /// Nothing yet: a question stands in the list's place.
    Asked(Question),
}

/// Does what was chosen, and says what came of it: above the list, or in its place.
async fn act_on(bot: &Bot, actor: Actor, act: Act) -> Result<Done, ServiceError> {
    Ok(Done::Said(Box::new(match act {
        Act::Pause(id) => {
            bot.follows.pause(actor, id).await?;
            reply::done(format!(
                "Follow {id} is paused. Messages mirrored so far stay, panels stand still; what is posted meanwhile is not sent later."
            ))
        }
        Act::Resume(id) => match bot.follows.resume(actor, id).await? {
            Resumed::Again { was_broken, .. } => reply::done(follow_answer::resumed(id, was_broken)),
            Resumed::Waits(follow) => reply::done(follow_answer::waits(&follow)),
            Resumed::Asked(question) => return Ok(Done::Asked(question)),
        },
        Act::Remove(id) => {
            bot.follows.remove(actor, id).await?;
            reply::done(format!("Follow {id} is removed. Messages mirrored so far stay; panels go."))
        }
        Act::Last(id) => report::last(&bot.follows.last_messages(actor, id).await?),
    })))
}
