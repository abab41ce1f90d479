//! `/follows`.

use poise::serenity_prelude as serenity;
use serenity::EditInteractionResponse;

use crate::service::{Cursor, ServiceError};

use super::super::Context;
use super::super::follows::list::{self as follow_list, View};
use super::super::ids::IntoDomain;
use super::super::reply;

/// Show what this server follows, and what is broken
///
/// Newest first, with each follow's state, and why it is broken if it is. The menu below shows what became of the last ten
/// messages of one, pauses, resumes or removes it. Needs Manage Messages;
/// changing something needs Manage Channels in the target.
///
/// Example: `/follows channel:#news`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_MESSAGES")]
pub(super) async fn follows(
    ctx: Context<'_>,
    #[description = "Only the follows of this channel, as source or as target"] channel: Option<
        serenity::ChannelId,
    >,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let view = View { channel: channel.map(IntoDomain::into_domain), cursor: Cursor::Newest };
    let page = ctx.data().follows.list(actor, view.channel, view.cursor).await?;
    let answer = EditInteractionResponse::new()
        .embed(follow_list::embed(&page, view))
        .components(follow_list::components(&page, view));
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
