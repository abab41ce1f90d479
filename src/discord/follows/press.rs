//! Presses in the list of follows. The service checks permissions, anew each time.

use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteraction, ComponentInteractionDataKind, CreateEmbed, CreateInteractionResponse,
    EditInteractionResponse,
};

use crate::service::{Actor, LAST_MESSAGES, Question, Resumed, ServiceError};

use super::super::{Bot, reply, report};
use super::answer as follow_answer;
use super::list::{self as follow_list, FollowAction, FollowListPress};

/// Answers a press in the list; `false` where it isn't one.
pub(in crate::discord) async fn answer_press(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some(parsed) = FollowListPress::parse(&press.data.custom_id) else { return false };
    // At once: what follows may take longer than the 3 seconds.
    let acknowledged = press.create_response(ctx, CreateInteractionResponse::Acknowledge).await;
    reply::deliver(acknowledged);
    let answer = match reply::of_interaction(press.guild_id, press.user.id, press.channel_id) {
        Ok(actor) => list(bot, press, actor, parsed).await,
        Err(refusal) => refused(&refusal.into(), Vec::new()),
    };
    reply::deliver(press.edit_response(ctx, answer).await.map(|_| ()));
    true
}

/// The list of follows after the press, below what came of it; or what was asked for, in the list's place,
/// with a way back.
async fn list(
    bot: &Bot,
    press: &ComponentInteraction,
    actor: Actor,
    parsed: FollowListPress,
) -> EditInteractionResponse {
    let (shown, action) = match parsed {
        FollowListPress::ShowPage(page) => (page, None),
        FollowListPress::Act(page) => (page, Some(chosen(press))),
    };
    let said = match action {
        None => None,
        Some(None) => Some(reply::failed("I can't read that choice. Please run the command again.")),
        Some(Some(action)) => match perform(bot, actor, action).await {
            Ok(ActionResult::Done(embed)) => Some(*embed),
            Ok(ActionResult::Asked(question)) => return follow_answer::asked(&question),
            Err(error) => Some(reply::error(&error, "follows")),
        },
    };
    let mut embeds: Vec<CreateEmbed> = said.into_iter().collect();
    let page = match bot.follows.list(actor, shown.channel, shown.cursor).await {
        Ok(page) => page,
        Err(error) => return refused(&error, embeds),
    };
    let mut components = follow_list::components(&page, shown);
    if matches!(action, Some(Some(FollowAction::LastMessages(_)))) {
        components.push(follow_list::back_button(shown));
    } else {
        embeds.push(follow_list::embed(&page, shown));
    }
    EditInteractionResponse::new().embeds(embeds).components(components)
}

/// What was chosen in the menu.
fn chosen(press: &ComponentInteraction) -> Option<FollowAction> {
    match &press.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => FollowAction::parse(values.first()?),
        _ => None,
    }
}

/// The error in the list's place. The buttons go where the person may not see the list. After a failure they
/// stay, to try again.
fn refused(error: &ServiceError, mut embeds: Vec<CreateEmbed>) -> EditInteractionResponse {
    embeds.push(reply::error(error, "follows"));
    let answer = EditInteractionResponse::new().embeds(embeds);
    match error {
        ServiceError::Refused(_) => answer.components(Vec::new()),
        ServiceError::Discord(_) | ServiceError::Store(_) => answer,
    }
}

/// What came of an action.
enum ActionResult {
    /// It is done; this says so.
    Done(Box<CreateEmbed>),
    /// Nothing yet: this question comes first.
    Asked(Question),
}

/// Does what was chosen in the menu.
async fn perform(bot: &Bot, actor: Actor, action: FollowAction) -> Result<ActionResult, ServiceError> {
    Ok(ActionResult::Done(Box::new(match action {
        FollowAction::Pause(id) => {
            bot.follows.pause(actor, id).await?;
            reply::done(format!(
                "Follow {id} is paused. Mirrored messages stay, and mirrored panels stop updating. What is posted until you resume it won't be sent."
            ))
        }
        FollowAction::Resume(id) => match bot.follows.resume(actor, id).await? {
            Resumed::Again { was_broken, .. } => reply::done(follow_answer::resumed(id, was_broken)),
            Resumed::Waits(follow) => reply::done(follow_answer::waits(&follow)),
            Resumed::Asked(question) => return Ok(ActionResult::Asked(question)),
        },
        FollowAction::Remove(id) => {
            bot.follows.remove(actor, id).await?;
            reply::done(format!(
                "Follow {id} is removed. Mirrored messages stay; mirrored panels are deleted."
            ))
        }
        FollowAction::LastMessages(id) => {
            report::last(&bot.follows.last_messages(actor, id, LAST_MESSAGES).await?)
        }
    })))
}
