//! The reason behind a refusal, where that isn't a missing permission.

use chrono::{DateTime, Utc};

use super::Rest;
use super::code::ErrorCode;
use super::error::RestError;
use super::meaning::ForbiddenReason;
use crate::domain::follow::BrokenReason;
use crate::domain::ids::ChannelId;

impl Rest {
    /// Why follows into a channel break, if Discord refused something there for another reason than a missing
    /// permission. `None` where that can't be found out.
    ///
    /// Discord has no code of its own for a timeout (it answers 50013), so the bot looks at itself.
    pub async fn break_reason(
        &self,
        channel: ChannelId,
        error: &RestError,
        now: DateTime<Utc>,
    ) -> Option<BrokenReason> {
        match error {
            RestError::Forbidden(ForbiddenReason::TwoFactor) => Some(BrokenReason::TwoFactor),
            RestError::Refused {
                code: ErrorCode::TOO_MANY_WEBHOOKS | ErrorCode::TOO_MANY_GUILD_WEBHOOKS,
                ..
            } => Some(BrokenReason::TooManyWebhooks),
            RestError::Forbidden(denied) => {
                let timed_out = self.is_timed_out(channel, now).await.unwrap_or_default();
                let locked = *denied == ForbiddenReason::ThreadLocked;
                timed_out
                    .then_some(BrokenReason::BotTimedOut)
                    .or_else(|| locked.then_some(BrokenReason::ThreadLocked))
            }
            _ => None,
        }
    }

    /// Whether the bot is timed out in this channel's server, and may only read there for now.
    async fn is_timed_out(&self, channel: ChannelId, now: DateTime<Utc>) -> Result<bool, RestError> {
        let Some(guild) = self.channel(channel).await?.guild_id else { return Ok(false) };
        let bot = self.current_user().await?.id;
        let until = self.member(guild, bot).await?.and_then(|bot| bot.communication_disabled_until);
        Ok(until.is_some_and(|until| until > now))
    }
}
