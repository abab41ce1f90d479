//! Presses on panels and mirrors, submitted forms, and the question before a panel is deleted. The service
//! checks permissions, anew each time.

use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteraction, ComponentInteractionDataKind, CreateInteractionResponse,
    CreateInteractionResponseMessage, ModalInteraction,
};

use crate::domain::panel::{PanelId, custom_id, read_custom_id};
use crate::service::panels::{Acknowledgement, PanelAction, PressReply};
use crate::service::{Actor, Refusal, ServiceError};

use super::super::{Bot, reply};
use super::answer::PrivateAnswer;
use super::form::{self, FormPurpose};
use super::{WHERE, texts};

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
    let action = PanelAction { panel, action: action.to_owned(), chosen, filled: None };
    let actor = reply::of_interaction(press.guild_id, press.user.id, press.channel_id);
    let (actor, response) = match acknowledge(bot, actor, &action).await {
        Ok((_, Acknowledgement::OpenForm(form))) => {
            let modal = form::modal(custom_id(panel, &form.action), &form.title, &form.fields);
            reply::deliver(press.create_response(ctx, modal).await);
            return true;
        }
        Ok((actor, Acknowledgement::Silent)) => (actor, CreateInteractionResponse::Acknowledge),
        Ok((actor, Acknowledgement::Reply)) => (actor, reply_later()),
        Err(error) => {
            let message =
                CreateInteractionResponseMessage::new().embed(reply::error(&error, WHERE)).ephemeral(true);
            reply::deliver(press.create_response(ctx, CreateInteractionResponse::Message(message)).await);
            return true;
        }
    };
    reply::deliver(press.create_response(ctx, response).await);
    match bot.panels.press(actor, &action).await {
        Ok(PressReply::None) => {}
        replied => PrivateAnswer::new(panel, replied).send(ctx, &press.token).await,
    }
    true
}

async fn acknowledge(
    bot: &Bot,
    actor: Result<Actor, Refusal>,
    action: &PanelAction,
) -> Result<(Actor, Acknowledgement), ServiceError> {
    let actor = actor?;
    let acknowledged = tokio::time::timeout(PATIENCE, bot.panels.acknowledge(actor, action)).await;
    // If the database takes too long, a reply is promised: that one may take its time.
    Ok((actor, acknowledged.unwrap_or(Ok(Acknowledgement::Reply))?))
}

/// Answers a submitted form.
pub(in crate::discord) async fn answer_form(ctx: &serenity::Context, bot: &Bot, form: &ModalInteraction) {
    reply::deliver(form.create_response(ctx, reply_later()).await);
    let answer = match reply::of_interaction(form.guild_id, form.user.id, form.channel_id) {
        Ok(actor) => submit(bot, actor, form).await,
        Err(refusal) => reply::error(&refusal.into(), WHERE).into(),
    };
    answer.send(ctx, &form.token).await;
}

async fn submit(bot: &Bot, actor: Actor, form: &ModalInteraction) -> PrivateAnswer {
    let filled = form::values(form);
    if let Some((panel, action)) = read_custom_id(&form.data.custom_id) {
        let action = PanelAction { panel, action: action.to_owned(), chosen: None, filled: Some(filled) };
        return PrivateAnswer::new(panel, bot.panels.press(actor, &action).await);
    }
    let saved = match FormPurpose::parse(&form.data.custom_id) {
        Some(FormPurpose::Create(request)) => {
            bot.panels.create(actor, request, &filled).await.map(|saved| texts::created(&saved))
        }
        Some(FormPurpose::Edit(panel, refresh)) => {
            bot.panels.edit(actor, panel, refresh, &filled).await.map(|saved| texts::changed(&saved))
        }
        None => {
            return reply::failed("This form is from an older version of me. Please run the command again.")
                .into();
        }
    };
    match saved {
        Ok(text) => reply::done(text).into(),
        Err(error) => reply::error(&error, WHERE).into(),
    }
}

/// Answers the question whether to delete a panel; `false` where it isn't that.
pub(in crate::discord) async fn answer_question(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some(answer) = press.data.custom_id.strip_prefix("panels:") else { return false };
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let actor = reply::of_interaction(press.guild_id, press.user.id, press.channel_id);
    let deleted = match (answer.strip_prefix("delete:").and_then(|id| id.parse().ok()).map(PanelId), actor) {
        (_, Err(refusal)) => Err(refusal.into()),
        (Some(panel), Ok(actor)) => bot.panels.remove(actor, panel, None).await.map(Some),
        (None, Ok(_)) => Ok(None),
    };
    let embed = match deleted {
        Ok(Some(panel)) => reply::done(texts::deleted(&panel)),
        Ok(None) => reply::done("Cancelled."),
        Err(error) => reply::error(&error, WHERE),
    };
    PrivateAnswer::from(embed).send(ctx, &press.token).await;
    true
}

fn reply_later() -> CreateInteractionResponse {
    CreateInteractionResponse::Defer(CreateInteractionResponseMessage::new().ephemeral(true))
}
