//! *Delivery report*, a command in the menu of messages.

use poise::serenity_prelude as serenity;

use crate::service::ServiceError;

use super::super::report;
use super::super::{Context, reply};

/// Show where a message appears, and why it doesn't appear elsewhere
///
/// Right-click a message (on a phone, hold it), then choose Apps → Delivery report. For each channel that
/// follows the message's channel, the report says whether the message is shown there, is waiting, is left out
/// by the follow's options, or why else it isn't there. For a mirror, it says where the mirror comes from.
/// Channels that you can't see are counted, not named. Needs Manage Messages.
#[poise::command(
    context_menu_command = "Delivery report",
    guild_only,
    default_member_permissions = "MANAGE_MESSAGES"
)]
pub(super) async fn delivery_report(
    ctx: Context<'_>,
    message: serenity::Message,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let message = serde_json::to_value(message).unwrap_or_default();
    let answer = report::answer(ctx.data(), actor, message).await;
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
