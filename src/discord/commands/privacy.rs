//! `/privacy`.

use poise::serenity_prelude as serenity;

use crate::service::ServiceError;
use crate::service::authors::{AuthorRequest, Whereabouts};

use super::super::{Context, privacy as answers, reply};

/// See what I keep of you, stop me from copying your messages, or have me forget you
///
/// For everyone, in servers and in direct messages with the bot. It is only ever about yourself.
#[poise::command(slash_command, subcommands("show", "opt_out", "opt_in", "forget"), subcommand_required)]
pub(super) async fn privacy(_: Context<'_>) -> Result<(), ServiceError> {
    Ok(())
}

/// Show what I keep of you, and for how long
///
/// How many of your messages I know, how many channels show copies of them, how many follows and panels name
/// you, how many people and channels you follow, how many people follow you, where you are signed in, and
/// where you opted out.
///
/// Example: `/privacy show`
#[poise::command(slash_command)]
async fn show(ctx: Context<'_>) -> Result<(), ServiceError> {
    let asking = asking(ctx);
    let kept = ctx.data().authors.show(asking).await?;
    reply::embed(ctx, answers::kept(&kept, asking.server)).await;
    Ok(())
}

/// Stop your messages from being copied to other channels
///
/// Existing copies are deleted, your words disappear from replies that quote them, and what you post from now
/// on is left out. Moderators can't change this for you, and you can't change it for others. Discord's own
/// following of announcement channels isn't affected.
///
/// Example: `/privacy opt-out where:everywhere`
#[poise::command(slash_command, rename = "opt-out")]
async fn opt_out(
    ctx: Context<'_>,
    #[rename = "where"]
    #[description = "In this server's channels, or in all servers"]
    place: Whereabouts,
) -> Result<(), ServiceError> {
    let done = ctx.data().authors.opt_out(asking(ctx), place).await?;
    reply::embed(ctx, answers::opted_out(done)).await;
    Ok(())
}

/// Let your messages be copied to other channels again
///
/// What you post from now on is copied again. Copies that were deleted don't come back.
///
/// Example: `/privacy opt-in where:here`
#[poise::command(slash_command, rename = "opt-in")]
async fn opt_in(
    ctx: Context<'_>,
    #[rename = "where"]
    #[description = "In this server's channels, or in all servers"]
    place: Whereabouts,
) -> Result<(), ServiceError> {
    let done = ctx.data().authors.opt_in(asking(ctx), place).await?;
    reply::embed(ctx, answers::opted_in(done)).await;
    Ok(())
}

/// Have me forget you, and delete the copies of your messages
///
/// Asks first. Deletes the copies of your messages, and removes your name from follows, panels and the copies
/// of others' messages. You then follow nobody and nobody follows you; your feed, your choices in
/// `/feed privacy` and your blocks are deleted, you are signed out of the web pages, and your API tokens stop
/// working. What you post afterwards is copied as before, unless you opt out.
///
/// Example: `/privacy forget`
#[poise::command(slash_command)]
async fn forget(ctx: Context<'_>) -> Result<(), ServiceError> {
    reply::deliver(reply::send(ctx, answers::ask_to_forget()).await);
    Ok(())
}

fn asking(ctx: Context<'_>) -> AuthorRequest {
    let serenity::CommandInteraction { id, user, guild_id, .. } = ctx.interaction;
    answers::asking(*id, user.id, *guild_id)
}
