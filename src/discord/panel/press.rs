//! Presses on panels and mirrors, sent forms, and the question before a panel goes. Rights are checked by the service, anew each time.

use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteraction, ComponentInteractionDataKind, CreateInteractionResponse,
    CreateInteractionResponseMessage, ModalInteraction,
};

use crate::domain::panel::{PanelId, read_custom_id};
use crate::domain::text;
use crate::service::panels::{Begun, Pressed, Shown};
use crate::service::{Actor, Refusal, ServiceError};

use super::super::{Bot, commands, reply};
use super::WHERE;
use super::answer::Answer;
use super::form::{self, Purpose};

/// How long the database may take before a press is acknowledged (Discord: 3 seconds in all).
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers a press on a panel or a mirror; `false` where it isn't one.
pub(in crate::discord) async fn answer_press(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some((panel, action)) = read_custom_id(&press.data.custom_id) else { return false };
    let chosen = match &press.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => values.first().cloned(),
        _ => None,
    };
    let pressed = Pressed { panel, action: action.to_owned(), chosen, filled: None };
    let actor = reply::of_interaction(press.guild_id, press.user.id, press.channel_id);
    let begun = begin(bot, actor, &pressed).await;
    let (actor, response) = match begun {
        Ok((_, Begun::Form(form))) => {
            let id = crate::domain::panel::custom_id(panel, &form.action);
            let opened = press.create_response(ctx, form::open(id, &form.title, &form.fields)).await;
            reply::deliver(opened);
            return true;
        }
        Ok((actor, Begun::Silent)) => (actor, CreateInteractionResponse::Acknowledge),
        Ok((actor, Begun::Answer)) => (actor, thinking()),
        Err(error) => {
            let message =
                CreateInteractionResponseMessage::new().embed(reply::error(&error, WHERE)).ephemeral(true);
            reply::deliver(press.create_response(ctx, CreateInteractionResponse::Message(message)).await);
            return true;
        }
    };
    reply::deliver(press.create_response(ctx, response).await);
    match bot.panels.press(actor, &pressed).await {
        Ok(Shown::Nothing) => {}
        done => Answer::to(panel, done).send(ctx, &press.token).await,
    }
    true
}

async fn begin(
    bot: &Bot,
    actor: Result<Actor, Refusal>,
    pressed: &Pressed,
) -> Result<(Actor, Begun), ServiceError> {
    let actor = actor?;
    // In doubt, an answer: it may take its time.
    let begun = tokio::time::timeout(PATIENCE, bot.panels.begin_press(actor, pressed)).await;
    Ok((actor, begun.unwrap_or(Ok(Begun::Answer))?))
}

/// Answers a form that was sent.
pub(in crate::discord) async fn answer_sent(ctx: &serenity::Context, bot: &Bot, sent: &ModalInteraction) {
    reply::deliver(sent.create_response(ctx, thinking()).await);
    let answer = match reply::of_interaction(sent.guild_id, sent.user.id, sent.channel_id) {
        Ok(actor) => take_form(bot, actor, sent).await,
        Err(refusal) => reply::error(&refusal.into(), WHERE).into(),
    };
    answer.send(ctx, &sent.token).await;
}

async fn take_form(bot: &Bot, actor: Actor, sent: &ModalInteraction) -> Answer {
    let filled = form::filled(sent);
    if let Some((panel, action)) = read_custom_id(&sent.data.custom_id) {
        let pressed = Pressed { panel, action: action.to_owned(), chosen: None, filled: Some(filled) };
        return Answer::to(panel, bot.panels.press(actor, &pressed).await);
    }
    let done = match Purpose::parse(&sent.data.custom_id) {
        Some(Purpose::Create(request)) => {
            bot.panels.create(actor, request, &filled).await.map(|kept| commands::panel::made(&kept))
        }
        Some(Purpose::Edit(panel, refresh)) => {
            bot.panels.edit(actor, panel, refresh, &filled).await.map(|kept| commands::panel::changed(&kept))
        }
        None => {
            return reply::failed("This form is from an older version of me. Please run the command again.")
                .into();
        }
    };
    match done {
        Ok(text) => reply::done(text).into(),
        Err(error) => reply::error(&error, WHERE).into(),
    }
}

/// Answers the question whether a panel shall go; `false` where it isn't that.
pub(in crate::discord) async fn answer_question(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some(answer) = press.data.custom_id.strip_prefix("panels:") else { return false };
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let actor = reply::of_interaction(press.guild_id, press.user.id, press.channel_id);
    let removed = match (answer.strip_prefix("delete:").and_then(|id| id.parse().ok()).map(PanelId), actor) {
        (_, Err(refusal)) => Err(refusal.into()),
        (Some(panel), Ok(actor)) => bot.panels.remove(actor, panel).await.map(Some),
        (None, Ok(_)) => Ok(None),
    };
    let embed = match removed {
        Ok(Some(panel)) => reply::done(format!(
            "**{}** is removed. Its message and all its mirrors disappear in a moment.",
            text::escape(&panel.title)
        )),
        Ok(None) => reply::done("Nothing was removed."),
        Err(error) => reply::error(&error, WHERE),
    };
    Answer::from(embed).send(ctx, &press.token).await;
    true
}

fn thinking() -> CreateInteractionResponse {
    CreateInteractionResponse::Defer(CreateInteractionResponseMessage::new().ephemeral(true))
}
