//! `/followers`.

use std::fmt::Write;

use poise::serenity_prelude as serenity;

use crate::service::{FollowerPage, ServerFollowers, ServiceError};

use super::super::Context;
use super::super::follow_list::{escape, shown};
use super::super::ids::IntoDomain;
use super::super::reply::{self, mention};

/// Show which channels follow a channel of this server
///
/// By server, with the count. A channel that you can't see is counted, not named. Needs Manage Messages in the channel.
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
    let title = match page.total {
        0 => "No followers".to_owned(),
        1 => "1 follower".to_owned(),
        total => format!("{total} followers"),
    };
    let text = if page.total == 0 {
        format!("No channel follows {} through me yet.", mention(channel))
    } else {
        format!("Channels that follow {}:\n{}", mention(channel), list(&page))
    };
    reply::embed(ctx, reply::info(title, text)).await;
    Ok(())
}

fn list(page: &FollowerPage) -> String {
    let mut text = String::new();
    for ServerFollowers { server, seen, unseen } in &page.servers {
        let server = server.as_deref().map_or_else(|| "a server that I left".to_owned(), escape);
        let mut channels: Vec<String> = seen.iter().map(shown).collect();
        match (unseen, seen.len()) {
            (0, _) => {}
            (1, 0) => channels.push("1 channel that you can't see".to_owned()),
            (count, 0) => channels.push(format!("{count} channels that you can't see")),
            (1, _) => channels.push("1 more that you can't see".to_owned()),
            (count, _) => channels.push(format!("{count} more that you can't see")),
        }
        let _ = writeln!(text, "**{server}**: {}", channels.join(", "));
    }
    if page.more > 0 {
        let _ = writeln!(text, "… and {} more.", page.more);
    }
    text
}
