//! `/follows`.

use poise::serenity_prelude as serenity;
use serenity::EditInteractionResponse;

use crate::domain::paging::Cursor;
use crate::service::ServiceError;

use super::super::Context;
use super::super::follows::list::{self as follow_list, ListPage};
use super::super::ids::IntoDomain;
use super::super::reply;

/// Show what this server follows, and what is broken
///
/// Newest first, with each follow's state and, if it is broken, the reason. The menu below the list shows
/// what became of a follow's last ten messages; it also pauses, resumes or removes a follow. Needs Manage
/// Messages; changing a follow needs Manage Channels in its target.
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
    let shown = ListPage { channel: channel.map(IntoDomain::into_domain), cursor: Cursor::Newest };
    let page = ctx.data().follows.list(actor, shown.channel, shown.cursor).await?;
    let answer = EditInteractionResponse::new()
        .embed(follow_list::embed(&page, shown))
        .components(follow_list::components(&page, shown));
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
