//! `/follow`.

use std::sync::Arc;

use poise::serenity_prelude as serenity;

use crate::domain::follow::{TagMode, ThreadScope};
use crate::domain::text;
use crate::service::{
    CollectionFollowRequest, CollectionRefusal, DeliveryChoice, FollowRequest, MOST_BACKFILL, OptionsRequest,
    ServiceError, SourceChoice,
};

use super::super::collections::complete as complete_collection;
use super::super::follows::{answer as follow_answer, collected};
use super::super::ids::IntoDomain;
use super::super::options::{filled_channel, filled_link};
use super::super::reply;
use super::super::{Bot, Context};

/// How many choices an autocompletion may offer (Discord).
const CHOICES: usize = 25;
/// How long each may be (Discord).
const CHOICE: usize = 100;

/// Let a channel follow another: what is posted there appears here
///
/// From then on, what is posted in the source also appears in the target. For announcement channels,
/// Discord's own following copies what is published; for all others, the bot relays what is posted. If the
/// target follows the source already, this changes the options that you give. Needs Manage Channels in the
/// target, and a source that you can see.
///
/// With `collection`, the target follows all channels of a collection of this server, and what is added to it
/// or removed from it later. Nothing private becomes public by that: such a channel is left out, and has to
/// be followed by itself.
///
/// `tags` are a forum's own tags (put one with a comma in its name in quotes: `"Q, A", bug`), or `#hashtags`
/// in the text. Tags that are created later count like any other.
///
/// Example: `/follow channel:#releases into:#news mode:except tags:#beta`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
#[expect(clippy::too_many_arguments, reason = "one for each option of the command")]
pub(super) async fn follow(
    ctx: Context<'_>,
    #[description = "The channel to follow"] channel: Option<serenity::ChannelId>,
    #[description = "Or its link or id, for a channel of another server"] link: Option<String>,
    #[description = "Or a collection, to follow all of its channels"]
    #[autocomplete = "complete_collection"]
    collection: Option<String>,
    #[description = "The channel that receives the posts (default: this one)"] into: Option<
        serenity::ChannelId,
    >,
    #[description = "Which posts: all, all except those with the tags, or only those (default: all)"]
    mode: Option<TagMode>,
    #[description = "Tags for the modes except and only, separated by commas"]
    #[autocomplete = "complete_tags"]
    tags: Option<String>,
    #[description = "Its threads: none, starter (the first message), or all (default: starter for forums)"]
    threads: Option<ThreadScope>,
    #[description = "How: native (Discord's own following) or relay (default: auto)"] delivery: Option<
        DeliveryChoice,
    >,
    #[description = "Mirror the source's panels too (default: true)"] panels: Option<bool>,
    #[description = "Start with this many of the source's last posts (relay only; default: 0)"]
    #[min = 0]
    #[max = 50]
    backfill: Option<u8>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let target = into.map_or(reply::here(ctx), IntoDomain::into_domain);
    if let Some(collection) = collection {
        if channel.is_some() || link.is_some() {
            return Err(CollectionRefusal::OneOfBoth.into());
        }
        if backfill.is_some_and(|backfill| backfill > 0) {
            return Err(CollectionRefusal::NoBackfill.into());
        }
        let options = OptionsRequest { mode, tags, threads, delivery, panels }.into();
        let collection = ctx.data().collections.named(actor.guild, &collection).await?;
        let request = CollectionFollowRequest { collection, target, options };
        let followed = ctx.data().follows.follow_collection(actor, request).await?;
        reply::embed(ctx, collected::followed(&followed)).await;
        return Ok(());
    }
    let source = SourceChoice::new(channel.map(IntoDomain::into_domain), link.as_deref())?;
    let backfill = backfill.unwrap_or(0).min(MOST_BACKFILL);
    let pair = FollowRequest::new(source, target)?;
    let options = OptionsRequest { mode, tags, threads, delivery, panels };
    let request = FollowRequest { options, backfill, ..pair };
    let followed = ctx.data().follows.follow(actor, request).await?;
    reply::deliver(reply::send(ctx, follow_answer::answer(&followed)).await);
    Ok(())
}

/// Offers the tags of the source that is filled in, and those that this server's follows already use.
async fn complete_tags(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let chosen = filled_channel(ctx, "channel").map(SourceChoice::Chosen);
    let source = chosen.or_else(|| filled_link(ctx, "link").map(SourceChoice::Linked));
    let choices = match reply::actor(ctx) {
        Ok(actor) => ctx.data().follows.tag_choices(actor, source, typed).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let choices = choices.into_iter().filter(|text| text::units(text) <= CHOICE).take(CHOICES);
    choices.fold(serenity::CreateAutocompleteResponse::new(), |answer, text| {
        answer.add_string_choice(text.clone(), text)
    })
}
