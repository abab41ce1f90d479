//! The embeds for results and for errors. People get a sentence; operators get an error's cause in one log
//! line.

use std::fmt;

use poise::serenity_prelude as serenity;
use serenity::{CreateEmbed, EditInteractionResponse};

use crate::domain::audit::Via;
use crate::domain::ids::ChannelId;
use crate::service::{Actor, Refusal, ServiceError, explain_discord_error};

use super::Context;
use super::ids::IntoDomain;

const GREEN: u32 = 0x2e_9e_6b;
const AMBER: u32 = 0xd9_8e_04;
const RED: u32 = 0xd2_3b_3b;
const BLUE: u32 = 0x3b_7d_d8;

/// The embed that says something was done.
pub(super) fn done(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(GREEN).description(text)
}

/// The embed that shows something.
pub(super) fn info(title: impl Into<String>, text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(BLUE).title(title).description(text)
}

/// The embed that shows one thing of several.
pub(super) fn item(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(BLUE).description(text)
}

/// The embed that asks something.
pub(super) fn question(text: impl Into<String>) -> CreateEmbed {
    refused(text)
}

/// The embed that says a rule forbids something.
fn refused(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(AMBER).description(text)
}

/// The embed that says something went wrong which the person can't fix.
pub(super) fn failed(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(RED).description(text)
}

/// The embed for an error. What isn't meant for people is logged here, once.
pub(super) fn error(error: &ServiceError, command: &str) -> CreateEmbed {
    match error {
        ServiceError::Refused(refusal) => refused(refusal.to_string()),
        ServiceError::Discord(cause) => {
            let reference = Reference::new();
            tracing::warn!(command, %cause, %reference, "a command failed at Discord");
            failed(reference.under(explain_discord_error(cause)))
        }
        ServiceError::Store(cause) => {
            let reference = Reference::new();
            tracing::error!(command, %cause, %reference, "a command failed in the database");
            failed(reference.under(
                "I can't reach my database at the moment. Nothing was changed; please try again in a minute.",
            ))
        }
    }
}

/// A short random id below an error and in its log line, by which the operator finds the one from the other.
pub(super) struct Reference(u32);

impl Reference {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    /// The text with this below it.
    pub(super) fn under(&self, text: &str) -> String {
        format!("{text}\nReference: `{self}`")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Answers a command that is already acknowledged.
pub(super) async fn send(ctx: Context<'_>, answer: EditInteractionResponse) -> Result<(), serenity::Error> {
    ctx.interaction.edit_response(ctx.framework.serenity_context, answer).await.map(|_| ())
}

/// Answers a command with one embed. An answer that doesn't reach Discord is logged, as there is nobody else
/// to tell.
pub(super) async fn embed(ctx: Context<'_>, embed: CreateEmbed) {
    deliver(send(ctx, EditInteractionResponse::new().embed(embed)).await);
}

/// Logs an answer that did not reach Discord.
pub(super) fn deliver(answer: Result<(), serenity::Error>) {
    if !has_arrived(&answer) {
        // The error's text could hold the interaction's token.
        tracing::warn!("an answer could not be delivered to Discord");
    }
}

/// Whether Discord took an answer, even if its response to that can't be read.
const fn has_arrived(answer: &Result<(), serenity::Error>) -> bool {
    matches!(answer, Ok(()) | Err(serenity::Error::Json(_)))
}

/// A channel's mention.
pub(super) fn mention(channel: ChannelId) -> String {
    format!("<#{channel}>")
}

/// Who runs a command, and where.
pub(super) fn actor(ctx: Context<'_>) -> Result<Actor, Refusal> {
    of_interaction(ctx.interaction.guild_id, ctx.interaction.user.id, ctx.interaction.channel_id)
}

/// The channel in which a command is run.
pub(super) fn here(ctx: Context<'_>) -> ChannelId {
    ctx.interaction.channel_id.into_domain()
}

/// Who pressed or submitted something, and where.
pub(super) fn of_interaction(
    guild: Option<serenity::GuildId>,
    user: serenity::UserId,
    channel: serenity::ChannelId,
) -> Result<Actor, Refusal> {
    let guild = guild.ok_or(Refusal::ServersOnly)?;
    let (channel, via) = (Some(channel.into_domain()), Via::Command);
    Ok(Actor { user: user.into_domain(), guild: guild.into_domain(), channel, via })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_discord_took_has_arrived() {
        let unreadable = serde_json::from_str::<u8>("{}").unwrap_err();
        assert!(has_arrived(&Err(serenity::Error::Json(unreadable))));
        assert!(!has_arrived(&Err(serenity::Error::Other("refused"))));
    }
}
