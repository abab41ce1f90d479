//! `/followers`.

use std::fmt::Write;

use poise::serenity_prelude as serenity;

use crate::domain::text;
use crate::service::{FollowerPage, ServerFollowers, ServiceError};

use super::super::Context;
use super::super::follow_list::shown;
use super::super::ids::IntoDomain;
use super::super::reply::{self, mention};

/// What the lines may take of an embed's 4096 units; the rest is for what stands around them.
const ROOM: usize = 3_800;

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

/// A line for each server, as many as fit.
fn list(page: &FollowerPage) -> String {
    let mut text = String::new();
    let mut unshown = page.more;
    for followers in &page.servers {
        let line = line(followers);
        if text::units(&text) + text::units(&line) > ROOM {
            unshown += count(followers);
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    if unshown > 0 {
        let _ = writeln!(text, "… and {unshown} more.");
    }
    text
}

/// How many channels of a server follow.
fn count(followers: &ServerFollowers) -> u64 {
    u64::try_from(followers.seen.len() + followers.unseen).unwrap_or(u64::MAX)
}

fn line(followers: &ServerFollowers) -> String {
    let ServerFollowers { server, seen, unseen } = followers;
    let server = server.as_deref().map_or_else(|| "A server that I left".to_owned(), text::escape);
    let mut channels: Vec<String> = seen.iter().map(shown).collect();
    match (unseen, seen.len()) {
        (0, _) => {}
        (1, 0) => channels.push("a channel that you can't see".to_owned()),
        (count, 0) => channels.push(format!("{count} channels that you can't see")),
        (count, _) => channels.push(format!("{count} more that you can't see")),
    }
    format!("**{server}** ({}): {}", count(followers), channels.join(", "))
}
