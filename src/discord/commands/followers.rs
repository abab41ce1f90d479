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
/// Followers are listed by server. Channels that you can't see are counted, not named. The menus below the
/// list pick a follower from another server. You can remove it, which needs Manage Channels in the channel,
/// or block its whole server for all channels of this one, which needs Manage Channels in the server. The
/// same menus approve or decline a request. The last menu unblocks a server. A removed follower can't resume:
/// it has to use `/follow` again, and if you chose `approval:ask` with `/publish`, that is a new request.
/// Needs Manage Messages in the channel.
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
