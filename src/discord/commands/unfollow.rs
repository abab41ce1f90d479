//! `/unfollow`.

use std::sync::Arc;

use poise::serenity_prelude as serenity;

use crate::domain::follow::DeliveryMethod;
use crate::domain::text;
use crate::service::{CollectionRefusal, FollowListItem, ServiceError, UnfollowRequest, Unfollowed};

use super::super::channel_name;
use super::super::follows::collected::{self, complete as complete_collection};
use super::super::ids::IntoDomain;
use super::super::options::filled_channel;
use super::super::reply::{self, mention};
use super::super::{Bot, Context};

/// Stop following a channel
///
/// Mirrored messages stay; mirrored panels are deleted. If the channel belongs to another server or was
/// deleted, choose it from what `link` offers. With `collection`, everything ends that came from it; channels
/// that are followed by themselves stay. Needs Manage Channels in the target.
///
/// Example: `/unfollow channel:#releases into:#news`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
pub(super) async fn unfollow(
    ctx: Context<'_>,
    #[description = "The channel that is followed"] channel: Option<serenity::ChannelId>,
    #[description = "Or choose it here, also if it is in another server or was deleted"]
    #[autocomplete = "complete_link"]
    link: Option<String>,
    #[description = "Or a collection that is followed"]
    #[autocomplete = "complete_collection"]
    collection: Option<String>,
    #[description = "The channel that receives the posts (default: this one)"] into: Option<
        serenity::ChannelId,
    >,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let (channel, into) = (channel.map(IntoDomain::into_domain), into.map(IntoDomain::into_domain));
    if let Some(collection) = collection {
        if channel.is_some() || link.is_some() {
            return Err(CollectionRefusal::OneOfBoth.into());
        }
        let follows = &ctx.data().follows;
        let target = into.unwrap_or_else(|| reply::here(ctx));
        let id = follows.followed_collection(actor, &collection, target).await?;
        let ended = follows.unfollow_collection(actor, id, None).await?;
        reply::embed(ctx, collected::unfollowed(ended.target)).await;
        return Ok(());
    }
    let request = UnfollowRequest::new(channel, link.as_deref(), into, reply::here(ctx))?;
    let unfollowed = ctx.data().follows.unfollow(actor, request).await?;
    reply::embed(ctx, reply::done(describe(&unfollowed))).await;
    Ok(())
}

fn describe(unfollowed: &Unfollowed) -> String {
    let Unfollowed { follow, source, is_collected } = unfollowed;
    let tail = match follow.options.delivery {
        DeliveryMethod::Native => "Discord's own following has ended. What it has posted stays.",
        DeliveryMethod::Relay => "Mirrored messages stay; mirrored panels are deleted.",
    };
    let (target, source) = (mention(follow.pair.target), channel_name::shown(source));
    if *is_collected {
        return format!(
            "{target} no longer follows {source} by itself. It is in a collection that {target} follows, so that brings it from now on; `/unfollow collection:` or `/collection remove` ends that."
        );
    }
    format!("{target} no longer follows {source}. {tail}")
}

/// Offers what this server follows, by name.
async fn complete_link(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let Ok(actor) = reply::actor(ctx) else { return serenity::CreateAutocompleteResponse::new() };
    let into = filled_channel(ctx, "into");
    let rows = ctx.data().follows.choices(actor, into).await.unwrap_or_default();
    let meant = into.unwrap_or(ctx.interaction.channel_id.into_domain());
    let typed = typed.trim().to_lowercase();
    let choices = rows.iter().map(|row| (label(row), UnfollowRequest::choice(row.follow.pair, meant)));
    let matching = choices.filter(|(label, id)| label.to_lowercase().contains(&typed) || id.contains(&typed));
    matching.take(25).fold(serenity::CreateAutocompleteResponse::new(), |answer, (label, id)| {
        answer.add_string_choice(label, id)
    })
}

/// A follow's label among the choices (Discord: at most 100 characters, and no mentions).
fn label(row: &FollowListItem) -> String {
    let text = format!("{} → {}", channel_name::plain(&row.source), channel_name::plain(&row.target));
    text::cut(&text, 100).into_owned()
}
