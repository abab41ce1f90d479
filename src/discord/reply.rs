//! What people see: the embed for a result, and the one for an error. Operators get the cause of an error in one log line; people get a sentence.

use std::fmt;

use poise::serenity_prelude as serenity;
use serenity::{CreateEmbed, EditInteractionResponse};

use crate::domain::ids::ChannelId;
use crate::service::{Actor, Refusal, ServiceError, explained};

use super::Context;
use super::ids::IntoDomain;

const GREEN: u32 = 0x2e_9e_6b;
const AMBER: u32 = 0xd9_8e_04;
const RED: u32 = 0xd2_3b_3b;
const BLUE: u32 = 0x3b_7d_d8;

/// Something was done.
pub(super) fn done(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(GREEN).description(text)
}

/// Something is told.
pub(super) fn info(title: impl Into<String>, text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(BLUE).title(title).description(text)
}

/// Something is to be decided first.
pub(super) fn question(text: impl Into<String>) -> CreateEmbed {
    refused(text)
}

/// A rule forbids it.
fn refused(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(AMBER).description(text)
}

/// Something went wrong that the person can't mend.
pub(super) fn failed(text: impl Into<String>) -> CreateEmbed {
    CreateEmbed::new().color(RED).description(text)
}

/// The embed for an error; what isn't meant for people is logged here, once.
pub(super) fn error(error: &ServiceError, command: &str) -> CreateEmbed {
    match error {
        ServiceError::Refused(refusal) => refused(refusal.to_string()),
        ServiceError::Discord(cause) => {
            let reference = Reference::new();
            tracing::warn!(command, %cause, %reference, "a command failed at Discord");
            failed(reference.under(explained(cause)))
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

/// A short random id that stands below an error and in its log line, so that the operator finds the one by the other.
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

/// Answers a command that was acknowledged already.
pub(super) async fn send(ctx: Context<'_>, answer: EditInteractionResponse) -> Result<(), serenity::Error> {
    ctx.interaction.edit_response(ctx.framework.serenity_context, answer).await.map(|_| ())
}

/// Answers a command with one embed; an answer that can't be delivered is logged, as nobody else can be told.
pub(super) async fn embed(ctx: Context<'_>, embed: CreateEmbed) {
    deliver(send(ctx, EditInteractionResponse::new().embed(embed)).await);
}

/// Notes an answer that did not reach Discord.
pub(super) fn deliver(answer: Result<(), serenity::Error>) {
    if !has_arrived(&answer) {
        // The error's text could hold the interaction's token.
        tracing::warn!("an answer could not be delivered to Discord");
    }
}

/// Whether Discord has taken an answer, even where what it says about that can't be read.
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

/// Who pressed or typed something, and where.
pub(super) fn of_interaction(
    guild: Option<serenity::GuildId>,
    user: serenity::UserId,
    channel: serenity::ChannelId,
) -> Result<Actor, Refusal> {
    let guild = guild.ok_or(Refusal::ServersOnly)?;
    Ok(Actor { user: user.into_domain(), guild: guild.into_domain(), channel: channel.into_domain() })
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
