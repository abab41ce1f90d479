//! `/dashboard`.

use poise::serenity_prelude as serenity;
use serenity::{CreateActionRow, CreateButton, EditInteractionResponse};

use crate::service::ServiceError;
use crate::service::accounts::SignInRequest;

use super::super::ids::IntoDomain;
use super::super::{Context, reply};

/// Get a private link that signs you in to the web pages
///
/// For everyone, in servers and in direct messages with the bot. The link works once, and for five minutes;
/// only you see it. The pages show the servers in which you ran this command, and let you make tokens for the
/// API. There is this command only if the bot's operator has switched the web pages on.
///
/// Example: `/dashboard`
#[poise::command(slash_command)]
pub(super) async fn dashboard(ctx: Context<'_>) -> Result<(), ServiceError> {
    let serenity::CommandInteraction { user, guild_id, .. } = ctx.interaction;
    let Some(accounts) = &ctx.data().accounts else {
        let text = "My operator hasn't switched my web pages on. Follows, panels and your feed can be managed with commands: start with `/follow` or `/feed`.";
        reply::embed(ctx, reply::question(text)).await;
        return Ok(());
    };
    let name = user.display_name().to_owned();
    let server = guild_id.map(IntoDomain::into_domain);
    let link = accounts.link(SignInRequest { user: user.id.into_domain(), name, server }).await?;
    let embed = reply::info(
        "Your private link",
        "It signs you in once, and within five minutes. Don't pass it on: whoever opens it can act as you.",
    );
    let button = CreateActionRow::Buttons(vec![CreateButton::new_link(link).label("Sign in")]);
    let answer = EditInteractionResponse::new().embed(embed).components(vec![button]);
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
