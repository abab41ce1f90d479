//! Presses below the answers of `/feed`. They count for whoever ran the command, and for nobody else.

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, ComponentInteraction, ComponentInteractionDataKind, CreateActionRow, CreateButton,
    CreateEmbed, CreateInteractionResponse, CreateInteractionResponseMessage, EditInteractionResponse,
};

use crate::domain::audit::Via;
use crate::domain::feed_link::FeedLinkId;
use crate::domain::ids::UserId;
use crate::domain::personal::Followee;
use crate::service::people::FeedStart;
use crate::service::{PersonalRefusal, ServiceError};

use super::super::ids::IntoDomain;
use super::super::{Bot, reply};
use super::component_id::{FeedScreen, OwnList, PersonalPress, parse_followee};
use super::{answer, links, lists, page, send};

/// Answers a press below an answer of `/feed`; `false` where it isn't one.
pub(in crate::discord) async fn answer_press(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some((owner, pressed)) = PersonalPress::parse(&press.data.custom_id) else { return false };
    if owner != press.user.id.into_domain() {
        let embed = reply::question("This belongs to somebody else. Run `/feed` yourself to see your own.");
        let message = CreateInteractionResponseMessage::new().embed(embed).ephemeral(true);
        reply::deliver(press.create_response(ctx, CreateInteractionResponse::Message(message)).await);
        return true;
    }
    // At once: what follows may take longer than the 3 seconds.
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let answer = match perform(bot, owner, pressed, chosen(press)).await {
        Ok(answer) => answer,
        Err(error) => {
            let answer = EditInteractionResponse::new().embed(reply::error(&error, "feed"));
            match error {
                ServiceError::Refused(_) => answer.components(Vec::new()),
                // The buttons stay, to try again.
                ServiceError::Discord(_) | ServiceError::Store(_) => answer,
            }
        }
    };
    send(ctx, &press.token, answer).await;
    true
}

/// What was chosen in a menu.
fn chosen(press: &ComponentInteraction) -> Option<&str> {
    match &press.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => values.first().map(String::as_str),
        _ => None,
    }
}

async fn perform(
    bot: &Bot,
    owner: UserId,
    press: PersonalPress,
    chosen: Option<&str>,
) -> Result<EditInteractionResponse, ServiceError> {
    match press {
        PersonalPress::Page(screen) => page::answer(bot, screen, None).await,
        PersonalPress::Mark(screen) => mark(bot, screen).await,
        PersonalPress::List(list, cursor) => lists::answer(bot, owner, list, cursor, None).await,
        PersonalPress::Remove(OwnList::Following, cursor) => {
            let followee = chosen.and_then(parse_followee).ok_or(PersonalRefusal::NotFollowing)?;
            let said = said(end(bot, owner, followee).await);
            lists::answer(bot, owner, OwnList::Following, cursor, Some(said)).await
        }
        PersonalPress::Remove(OwnList::Followers, cursor) => {
            let follower = follower(chosen)?;
            let removed = bot.people.remove_follower(owner, follower, false).await.map(|()| {
                reply::done(format!(
                    "{} no longer follows you. They aren't told, and can follow you again.",
                    answer::person(follower)
                ))
            });
            lists::answer(bot, owner, OwnList::Followers, cursor, Some(said(removed))).await
        }
        PersonalPress::Remove(OwnList::Requests, cursor) => {
            let follower = asker(chosen)?;
            let declined = bot.people.decline_request(owner, follower).await.map(|()| {
                reply::done(format!("{} doesn't follow you. They aren't told.", answer::person(follower)))
            });
            lists::answer(bot, owner, OwnList::Requests, cursor, Some(said(declined))).await
        }
        PersonalPress::Accept(cursor) => {
            let follower = asker(chosen)?;
            let accepted = bot
                .people
                .accept_request(owner, follower)
                .await
                .map(|_| reply::done(format!("{} follows you now.", answer::person(follower))));
            lists::answer(bot, owner, OwnList::Requests, cursor, Some(said(accepted))).await
        }
        PersonalPress::Remove(OwnList::Blocked, cursor) => {
            let unblocked = unblock(bot, owner, follower(chosen)?).await;
            lists::answer(bot, owner, OwnList::Blocked, cursor, Some(said(unblocked))).await
        }
        PersonalPress::Block => block(bot, owner, follower(chosen)?).await,
        PersonalPress::Unfollow(followee) => Ok(alone(end(bot, owner, followee).await?)),
        PersonalPress::Unblock(blocked) => unblock(bot, owner, blocked).await.map(alone),
        PersonalPress::RevokeLink => {
            let link = chosen.and_then(|id| id.parse().ok()).unwrap_or_default();
            let was_there = bot.people.revoke_feed_link(owner, FeedLinkId(link), Via::Command).await?;
            links::answer(bot, owner, Some(links::revoked(was_there))).await
        }
        PersonalPress::Forget(false) => Ok(alone(reply::done("Cancelled. Nothing was forgotten."))),
        PersonalPress::Forget(true) => Ok(alone(if bot.people.forget_reader(owner).await? {
            reply::done(
                "You are forgotten as a reader. You follow nobody, nobody follows you, and your feed is gone.",
            )
        } else {
            reply::info("Nothing to do", "I know nothing of you as a reader.")
        })),
    }
}

/// Marks the page and everything further back as read, and shows the page again.
async fn mark(bot: &Bot, screen: FeedScreen) -> Result<EditInteractionResponse, ServiceError> {
    let FeedStart::At(position) = screen.start else { return Err(PersonalRefusal::UnknownActivity.into()) };
    bot.people.mark_read_to(screen.owner, position.message).await?;
    let said = reply::done("This page and everything older is marked as read.");
    page::answer(bot, screen, Some(said)).await
}

async fn end(bot: &Bot, owner: UserId, followee: Followee) -> Result<CreateEmbed, ServiceError> {
    let end = bot.people.unfollow(owner, followee).await?;
    Ok(answer::unfollowed(followee, end))
}

/// Instead of the list, so that the button that undoes it stands alone.
async fn block(bot: &Bot, owner: UserId, follower: UserId) -> Result<EditInteractionResponse, ServiceError> {
    bot.people.remove_follower(owner, follower, true).await?;
    let said = reply::done(format!(
        "{} no longer follows you, and can't follow you again. They aren't told. Your other followers are in `/feed followers`.",
        answer::person(follower)
    ));
    let unblock = CreateButton::new(PersonalPress::unblock_id(owner, follower));
    let unblock = unblock.label("Unblock").style(ButtonStyle::Secondary);
    Ok(EditInteractionResponse::new().embed(said).components(vec![CreateActionRow::Buttons(vec![unblock])]))
}

async fn unblock(bot: &Bot, owner: UserId, blocked: UserId) -> Result<CreateEmbed, ServiceError> {
    let name = answer::person(blocked);
    Ok(if bot.people.unblock(owner, blocked).await? {
        reply::done(format!("{name} is unblocked, and can follow you again."))
    } else {
        reply::info("Nothing to do", format!("{name} isn't blocked."))
    })
}

/// The follower who was chosen in a menu.
fn follower(chosen: Option<&str>) -> Result<UserId, PersonalRefusal> {
    chosen.and_then(|id| id.parse().ok()).ok_or(PersonalRefusal::NotFollower)
}

/// Whoever was chosen in a menu of requests.
fn asker(chosen: Option<&str>) -> Result<UserId, PersonalRefusal> {
    follower(chosen).map_err(|_| PersonalRefusal::NotAsked)
}

/// What came of an action, for above the list.
fn said(done: Result<CreateEmbed, ServiceError>) -> CreateEmbed {
    done.unwrap_or_else(|error| reply::error(&error, "feed"))
}

/// An answer without buttons.
fn alone(embed: CreateEmbed) -> EditInteractionResponse {
    EditInteractionResponse::new().embed(embed).components(Vec::new())
}
