//! `/about`.

use crate::service::ServiceError;

use super::super::Context;
use super::super::reply;

/// Show this bot's version, uptime and figures
///
/// Version, uptime, the number of servers and follows, what was delivered in the last day, and links.
///
/// Example: `/about`
#[poise::command(slash_command, guild_only)]
pub(super) async fn about(ctx: Context<'_>) -> Result<(), ServiceError> {
    let bot = ctx.data();
    let status = bot.follows.status().await?;
    let own = bot.gateway.guilds();
    let servers = status.servers_of_all.map_or_else(|| own.to_string(), |all| format!("about {all}"));
    let embed = reply::info(
        "Tributary",
        "Lets channels follow channels: what is posted in one appears in the others.",
    )
    .field("Version", env!("CARGO_PKG_VERSION"), true)
    .field("Started", format!("<t:{}:R>", bot.started_at.timestamp()), true)
    .field("Servers", servers, true)
    .field("Follows", status.follows.all().to_string(), true)
    .field("Broken", status.follows.broken.to_string(), true)
    .field("Delivered in 24 hours", status.delivered_today.to_string(), true)
    .field("Links", format!("[Invite me]({}) · Start with `/follow`", bot.invite), false);
    reply::embed(ctx, embed).await;
    Ok(())
}
