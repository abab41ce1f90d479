//! `/publish`.

use poise::serenity_prelude as serenity;

use crate::domain::follow::Audience;
use crate::service::{Published, ServiceError};

use super::super::Context;
use super::super::ids::IntoDomain;
use super::super::reply::{self, mention};

/// Let other servers follow a channel of this server, or stop that
///
/// Without it, only this server's channels can follow (an announcement channel that everyone here sees can be followed from other servers in any case). Taking it back breaks
/// the follows of other servers. Needs Manage Channels in the channel.
///
/// Example: `/publish channel:#releases audience:servers`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
pub(super) async fn publish(
    ctx: Context<'_>,
    #[description = "The channel"] channel: serenity::ChannelId,
    #[description = "Who may follow it: nobody but this server, other servers, or everyone"]
    audience: Audience,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let channel = channel.into_domain();
    let published = ctx.data().follows.publish(actor, channel, audience).await?;
    let channel = mention(channel);
    reply::embed(ctx, reply::done(describe(&channel, published))).await;
    Ok(())
}

fn describe(channel: &str, published: Published) -> String {
    let broken = match published.broken {
        0 => String::new(),
        1 => " This broke 1 follow of another server.".to_owned(),
        count => format!(" This broke {count} follows of other servers."),
    };
    match published.audience {
        Audience::Nobody if published.open_anyway => format!(
            "{channel} is not published. As an announcement channel that everyone here sees, it can still be followed from other servers, as Discord itself allows."
        ),
        Audience::Nobody => format!("{channel} can be followed from this server only.{broken}"),
        Audience::Servers => {
            format!(
                "Other servers can follow {channel} now: their admins, if they see it, paste its link into `/follow link:`."
            )
        }
        Audience::Everyone => format!(
            "{channel} is open to everyone: other servers can follow it now (their admins, if they see it, paste its link into `/follow link:`), and so can followers beyond Discord once I learn to serve them."
        ),
    }
}
