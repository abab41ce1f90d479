//! `/unfollow`.

use std::sync::Arc;

use poise::serenity_prelude as serenity;

use crate::domain::follow::Delivery;
use crate::service::{End, FollowRow, Refusal, ServiceError, SourceChoice};

use super::super::follow_list;
use super::super::ids::IntoDomain;
use super::super::reply::{self, mention};
use super::super::{Bot, Context};

/// Stop following a channel
///
/// What was mirrored so far stays. For a channel of another server, or one that was deleted, choose it from what `link` offers. Needs Manage Channels in the target.
///
/// Example: `/unfollow channel:#releases into:#news`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
pub(super) async fn unfollow(
    ctx: Context<'_>,
    #[description = "The channel that is followed"] channel: Option<serenity::ChannelId>,
    #[description = "Or choose it here: other servers' and deleted channels too"]
    #[autocomplete = "complete_link"]
    link: Option<String>,
    #[description = "The channel that receives the posts (default: this one)"] into: Option<
        serenity::ChannelId,
    >,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let source = SourceChoice::new(channel.map(IntoDomain::into_domain), link.as_deref())?;
    let target = into.map_or(actor.channel, IntoDomain::into_domain);
    if source.id() == target {
        return Err(Refusal::SelfFollow.into());
    }
    let follow = ctx.data().follows.unfollow(actor, source.id(), target).await?.follow;
    let tail = match follow.options.delivery {
        Delivery::Native => "Discord's webhook for it is removed.",
        Delivery::Relay => "What was mirrored so far stays.",
    };
    let text = format!("{} no longer follows {}. {tail}", mention(target), mention(source.id()));
    reply::embed(ctx, reply::done(text)).await;
    Ok(())
}

/// Offers what the target follows, by name.
async fn complete_link(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let rows = match reply::actor(ctx) {
        Ok(actor) => ctx.data().follows.choices(actor).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let typed = typed.trim().to_lowercase();
    let choices = rows.iter().map(|row| (label(row), row.follow.pair.source.to_string()));
    let matching = choices.filter(|(label, id)| label.to_lowercase().contains(&typed) || id.contains(&typed));
    matching.take(25).fold(serenity::CreateAutocompleteResponse::new(), |answer, (label, id)| {
        answer.add_string_choice(label, id)
    })
}

/// A follow as the list of choices shows it; Discord: at most 100 characters, and no mentions.
fn label(row: &FollowRow) -> String {
    let text = match &row.source {
        End::Deleted(id) => format!("deleted channel {id} → {}", follow_list::plain(&row.target)),
        source => format!("{} → {}", follow_list::plain(source), follow_list::plain(&row.target)),
    };
    text.chars().take(100).collect()
}
