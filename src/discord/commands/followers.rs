//! `/followers`.

use poise::serenity_prelude as serenity;
use serenity::EditInteractionResponse;

use crate::service::ServiceError;

use super::super::Context;
use super::super::followers::list as follower_list;
use super::super::ids::IntoDomain;
use super::super::reply;

/// Show which channels follow a channel of this server, and decide on them
///
/// By server, with the count. A channel that you can't see is counted, not named. The menus below pick a follower from another server: it can be removed, which takes Manage
/// Channels in the channel, or its whole server blocked for all channels of this one, which takes Manage Channels in the server. A request that waits is approved or declined the
/// same way. Blocked servers are unblocked in the last menu. A removed follower can only follow anew; it asks first where you chose `approval:ask` with `/publish`. Needs Manage
/// Messages in the channel.
///
/// Example: `/followers channel:#releases`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_MESSAGES")]
pub(super) async fn followers(
    ctx: Context<'_>,
    #[description = "The channel that is followed"] channel: serenity::ChannelId,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let channel = channel.into_domain();
    let page = ctx.data().follows.followers(actor, channel).await?;
    let answer = EditInteractionResponse::new()
        .embed(follower_list::embed(&page, channel))
        .components(follower_list::components(&page, channel));
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
