//! `/collection`.

use poise::serenity_prelude as serenity;

use crate::domain::ids::ChannelId;
use crate::domain::personal::CollectionId;
use crate::service::collections::{CollectionDraft, CollectionPatch};
use crate::service::{Actor, Refusal, ServiceError, SourceChoice};

use super::super::collections::{self as answer, complete};
use super::super::ids::IntoDomain;
use super::super::{Context, reply};

/// What stands for no description.
const NO_DESCRIPTION: &str = "-";

/// Collections: lists of channels that can be followed as one
///
/// A collection makes nothing public: people who follow it see of its channels what they can read themselves.
/// A server can have 100 of them, with 50 channels each.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_CHANNELS",
    subcommands("create", "edit", "add", "remove", "list", "show", "delete"),
    subcommand_required
)]
pub(super) async fn collection(_: Context<'_>) -> Result<(), ServiceError> {
    Ok(())
}

/// Make a new collection
///
/// It has no channels yet: `/collection add` adds some. Needs Manage Channels in the server.
///
/// Example: `/collection create name:Releases description:What is new, of all our projects`
#[poise::command(slash_command)]
async fn create(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[max_length = 50]
    name: String,
    #[description = "What it is about"]
    #[max_length = 300]
    description: Option<String>,
    #[description = "Whether members of other servers may follow it, too (default: false)"] open: Option<
        bool,
    >,
) -> Result<(), ServiceError> {
    let draft = CollectionDraft { name, description, open: open.unwrap_or_default() };
    let made = ctx.data().collections.create(reply::actor(ctx)?, &draft).await?;
    reply::embed(ctx, answer::created(&made)).await;
    Ok(())
}

/// Change a collection's name or description, or who may follow it
///
/// What you leave out stays as it is. Needs Manage Channels in the server.
///
/// Example: `/collection edit collection:Releases name:News open:True`
#[poise::command(slash_command)]
async fn edit(
    ctx: Context<'_>,
    #[description = "The collection"]
    #[autocomplete = "complete"]
    collection: String,
    #[description = "Its new name"]
    #[max_length = 50]
    name: Option<String>,
    #[description = "What it is about; a single - removes that"]
    #[max_length = 300]
    description: Option<String>,
    #[description = "Whether members of other servers may follow it, too"] open: Option<bool>,
) -> Result<(), ServiceError> {
    let (actor, id) = chosen(ctx, &collection).await?;
    let description = description.map(|text| Some(text).filter(|text| text.trim() != NO_DESCRIPTION));
    let patch = CollectionPatch { name, description, open };
    let edited = ctx.data().collections.edit(actor, id, patch).await?;
    reply::embed(ctx, answer::edited(&edited)).await;
    Ok(())
}

/// Add a channel to a collection
///
/// A channel, forum or thread that you can read, of this or another server. Needs Manage Channels in the
/// server; or in the channel, if that is in this server and no channel follows the collection.
///
/// Example: `/collection add collection:Releases channel:#releases`
#[poise::command(slash_command)]
async fn add(
    ctx: Context<'_>,
    #[description = "The collection"]
    #[autocomplete = "complete"]
    collection: String,
    #[description = "The channel to add"] channel: Option<serenity::ChannelId>,
    #[description = "Or its link or id, for a channel of another server"] link: Option<String>,
) -> Result<(), ServiceError> {
    let channel = named_channel(channel, link.as_deref())?;
    let (actor, id) = chosen(ctx, &collection).await?;
    let is_new = ctx.data().collections.add_channel(actor, id, channel).await?;
    reply::embed(ctx, answer::added(collection.trim(), channel, is_new)).await;
    Ok(())
}

/// Remove a channel from a collection
///
/// Needs Manage Channels in the server, or in the channel, if that is in this server.
///
/// Example: `/collection remove collection:Releases channel:#releases`
#[poise::command(slash_command)]
async fn remove(
    ctx: Context<'_>,
    #[description = "The collection"]
    #[autocomplete = "complete"]
    collection: String,
    #[description = "The channel to remove"] channel: Option<serenity::ChannelId>,
    #[description = "Or its link or id, also if it is in another server or was deleted"] link: Option<String>,
) -> Result<(), ServiceError> {
    let channel = named_channel(channel, link.as_deref())?;
    let (actor, id) = chosen(ctx, &collection).await?;
    ctx.data().collections.remove_channel(actor, id, channel).await?;
    reply::embed(ctx, answer::removed(collection.trim(), channel)).await;
    Ok(())
}

/// List this server's collections
///
/// By name, with how many channels each has and how many people follow it. Needs Manage Messages.
///
/// Example: `/collection list`
#[poise::command(slash_command)]
async fn list(ctx: Context<'_>) -> Result<(), ServiceError> {
    let all = ctx.data().collections.list(reply::actor(ctx)?).await?;
    reply::embed(ctx, answer::list(&all)).await;
    Ok(())
}

/// Show a collection with its channels
///
/// Channels that you can't see aren't named. Needs Manage Messages.
///
/// Example: `/collection show collection:Releases`
#[poise::command(slash_command)]
async fn show(
    ctx: Context<'_>,
    #[description = "The collection"]
    #[autocomplete = "complete"]
    collection: String,
) -> Result<(), ServiceError> {
    let (actor, id) = chosen(ctx, &collection).await?;
    let shown = ctx.data().collections.show(actor, id).await?;
    reply::embed(ctx, answer::show(&shown)).await;
    Ok(())
}

/// Delete a collection
///
/// Nobody follows it any more. Its channels stay, and so does what was posted. Needs Manage Channels in the
/// server.
///
/// Example: `/collection delete collection:Releases`
#[poise::command(slash_command)]
async fn delete(
    ctx: Context<'_>,
    #[description = "The collection"]
    #[autocomplete = "complete"]
    collection: String,
) -> Result<(), ServiceError> {
    let (actor, id) = chosen(ctx, &collection).await?;
    ctx.data().collections.delete(actor, id).await?;
    reply::embed(ctx, answer::deleted(collection.trim())).await;
    Ok(())
}

/// Who runs the command, and the collection that they named.
async fn chosen(ctx: Context<'_>, collection: &str) -> Result<(Actor, CollectionId), ServiceError> {
    let actor = reply::actor(ctx)?;
    Ok((actor, ctx.data().collections.named(actor.guild, collection).await?))
}

fn named_channel(channel: Option<serenity::ChannelId>, link: Option<&str>) -> Result<ChannelId, Refusal> {
    Ok(SourceChoice::new(channel.map(IntoDomain::into_domain), link)?.id())
}
