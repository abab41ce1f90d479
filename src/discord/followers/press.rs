//! Presses in the list of a channel's followers, and on the requests that moderators are told about in a
//! channel. The service checks permissions, anew each time, in the server where somebody presses.

use poise::serenity_prelude as serenity;
use serenity::{
    ActionRow, ActionRowComponent, Button, ButtonKind, ButtonStyle, ComponentInteraction,
    ComponentInteractionDataKind, CreateActionRow, CreateAllowedMentions, CreateButton, CreateEmbed,
    CreateInteractionResponse, CreateInteractionResponseFollowup, EditInteractionResponse,
};

use crate::domain::follow::FollowId;
use crate::domain::ids::ChannelId;
use crate::domain::{limits, text};
use crate::service::announce::Decision;
use crate::service::{Actor, ConsentRefusal, Dismissed, Refusal, ServiceError};

use super::super::Bot;
use super::super::reply;
use super::list::{self as follower_list, FollowerListPress};

/// The command that log lines of failures name.
const WHERE: &str = "followers";

/// Answers a press in the list; `false` where it isn't one.
pub(in crate::discord) async fn answer_press(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some((pressed, channel)) = FollowerListPress::parse(&press.data.custom_id) else { return false };
    // At once: what follows may take longer than the 3 seconds.
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let answer = match reply::of_interaction(press.guild_id, press.user.id, press.channel_id) {
        Err(refusal) => refused(&refusal.into(), Vec::new()),
        Ok(actor) => match perform(bot, actor, channel, pressed, chosen(press)).await {
            Ok(PressResult::InPlaceOfList(answer)) => *answer,
            Ok(PressResult::AboveList(said)) => list(bot, actor, channel, said.map(|said| *said)).await,
            Err(error) => list(bot, actor, channel, Some(reply::error(&error, WHERE))).await,
        },
    };
    reply::deliver(press.edit_response(ctx, answer).await.map(|_| ()));
    true
}

/// What came of a press.
enum PressResult {
    /// This is shown in the list's place.
    InPlaceOfList(Box<EditInteractionResponse>),
    /// This, if anything, is shown above the list.
    AboveList(Option<Box<CreateEmbed>>),
}

async fn perform(
    bot: &Bot,
    actor: Actor,
    channel: ChannelId,
    press: FollowerListPress,
    chosen: Option<&str>,
) -> Result<PressResult, ServiceError> {
    let said = |text: String| Ok(PressResult::AboveList(Some(Box::new(reply::done(text)))));
    match press {
        FollowerListPress::Back => Ok(PressResult::AboveList(None)),
        FollowerListPress::Pick => {
            let id = chosen.and_then(follower_list::picked_follower).ok_or(ConsentRefusal::FollowerGone)?;
            let follower = bot.follows.one_follower(actor, channel, id).await?;
            let (embed, buttons) = follower_list::follower(&follower, channel);
            Ok(PressResult::InPlaceOfList(Box::new(
                EditInteractionResponse::new().embed(embed).components(buttons),
            )))
        }
        FollowerListPress::Unblock => {
            let guild = chosen.and_then(follower_list::picked_server).ok_or(ConsentRefusal::NotBlocked)?;
            bot.follows.unblock_server(actor, guild).await?;
            said("That server is unblocked: its channels can follow this server's channels again. Follows that the block ended stay broken until its moderators resume them.".to_owned())
        }
        FollowerListPress::Approve(id) => {
            bot.follows.approve(actor, id).await?;
            said(format!("Request {id} is approved. Its channel follows from now on."))
        }
        FollowerListPress::Decline(id) => {
            bot.follows.decline_follower(actor, id).await?;
            said(format!(
                "Request {id} is declined. The other server is told, and may ask again unless you block it."
            ))
        }
        FollowerListPress::Remove(id) => {
            let removed = bot.follows.remove_follower(actor, id).await?;
            said(format!(
                "Follower {id} is removed. Mirrored messages stay there; mirrored panels are deleted. The other server is told, and can't resume this follow: it has to use `/follow` again.{}",
                unstopped(removed)
            ))
        }
        FollowerListPress::Block(id) => {
            let blocked = bot.follows.block_follower(actor, id).await?;
            let follows = match blocked.ended {
                1 => "1 follow ended".to_owned(),
                count => format!("{count} follows ended"),
            };
            said(format!(
                "That server is blocked: {follows}, and it can follow no channel of this server.{}",
                unstopped(blocked)
            ))
        }
    }
}

fn unstopped(dismissed: Dismissed) -> &'static str {
    if dismissed.unstopped == 0 {
        ""
    } else {
        " I couldn't delete Discord's own webhook in that server, so what you publish may still arrive there. Only its moderators can delete the webhook."
    }
}

/// The list as it is now, below what came of the press.
async fn list(
    bot: &Bot,
    actor: Actor,
    channel: ChannelId,
    said: Option<CreateEmbed>,
) -> EditInteractionResponse {
    let mut embeds: Vec<CreateEmbed> = said.into_iter().collect();
    match bot.follows.followers(actor, channel).await {
        Ok(page) => {
            embeds.push(follower_list::embed(&page, channel));
            let components = follower_list::components(&page, channel);
            EditInteractionResponse::new().embeds(embeds).components(components)
        }
        Err(error) => refused(&error, embeds),
    }
}

fn refused(error: &ServiceError, mut embeds: Vec<CreateEmbed>) -> EditInteractionResponse {
    embeds.push(reply::error(error, WHERE));
    let answer = EditInteractionResponse::new().embeds(embeds);
    match error {
        ServiceError::Refused(_) => answer.components(Vec::new()),
        ServiceError::Discord(_) | ServiceError::Store(_) => answer,
    }
}

fn chosen(press: &ComponentInteraction) -> Option<&str> {
    match &press.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => values.first().map(String::as_str),
        _ => None,
    }
}

/// Answers a press on a request in the channel where moderators are told; `false` where it isn't one. Once
/// the request is decided, its buttons go and everyone can read who decided. Only the person who pressed
/// reads a refusal.
pub(in crate::discord) async fn answer_request(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some((decision, id)) = Decision::parse(&press.data.custom_id) else { return false };
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let done = match reply::of_interaction(press.guild_id, press.user.id, press.channel_id) {
        Err(refusal) => Err(refusal.into()),
        Ok(actor) => match decision {
            Decision::Approve => bot.follows.approve(actor, id).await,
            Decision::Decline => bot.follows.decline_follower(actor, id).await,
        },
    };
    let person = press.user.id;
    let outcome = match (&done, decision) {
        (Ok(_), Decision::Approve) => Some(format!("{id}: ✅ approved by <@{person}>")),
        (Ok(_), Decision::Decline) => Some(format!("{id}: ⛔ declined by <@{person}>")),
        (Err(error), _) => outcome_for_all(error).map(|text| format!("{id}: {text}")),
    };
    if let Some(outcome) = outcome {
        reply::deliver(press.edit_response(ctx, decided(press, id, &outcome)).await.map(|_| ()));
    }
    if let Err(error) = done {
        let said =
            CreateInteractionResponseFollowup::new().embed(reply::error(&error, WHERE)).ephemeral(true);
        reply::deliver(press.create_followup(ctx, said).await.map(|_| ()));
    }
    true
}

/// What everyone may read about a request that nobody can decide any more.
fn outcome_for_all(error: &ServiceError) -> Option<&'static str> {
    match error {
        ServiceError::Refused(Refusal::Consent(ConsentRefusal::Decided(_))) => Some("already decided"),
        ServiceError::Refused(Refusal::Consent(ConsentRefusal::FollowerGone)) => Some("withdrawn"),
        _ => None,
    }
}

/// The message without the request's buttons, and with what came of the request.
fn decided(press: &ComponentInteraction, id: FollowId, outcome: &str) -> EditInteractionResponse {
    let waiting = press.message.components.iter().filter_map(request_of);
    let rows = waiting.filter(|other| *other != id).map(request_buttons).collect();
    let mark = format!("{id}: ");
    let lines =
        press.message.content.lines().map(|line| if line.starts_with(&mark) { outcome } else { line });
    let content = lines.collect::<Vec<_>>().join("\n");
    EditInteractionResponse::new()
        .content(text::cut(&content, limits::CONTENT))
        .allowed_mentions(CreateAllowedMentions::new())
        .components(rows)
}

/// The request whose buttons a row holds.
fn request_of(row: &ActionRow) -> Option<FollowId> {
    row.components.iter().find_map(|component| match component {
        ActionRowComponent::Button(Button { data: ButtonKind::NonLink { custom_id, .. }, .. }) => {
            Decision::parse(custom_id).map(|(_, id)| id)
        }
        _ => None,
    })
}

fn request_buttons(id: FollowId) -> CreateActionRow {
    let button = |decision: Decision, label: &str, style| {
        CreateButton::new(decision.custom_id(id)).label(format!("{label} {id}")).style(style)
    };
    CreateActionRow::Buttons(vec![
        button(Decision::Approve, "Approve", ButtonStyle::Success),
        button(Decision::Decline, "Decline", ButtonStyle::Danger),
    ])
}
