//! What people are told about Discord's failures and refusals.

use crate::rest::{ForbiddenReason, RestError};

/// What people are told when Discord didn't do what the bot asked for.
pub const fn explain_discord_error(error: &RestError) -> &'static str {
    match error {
        RestError::Malformed => {
            "Discord answered in a way that I can't read. Please check whether it was done before you try again."
        }
        RestError::Forbidden(ForbiddenReason::TwoFactor) => {
            "This server requires two-factor authentication of its moderators, and the owner of my application hasn't enabled it. Only \
             they can; permissions in this server don't help."
        }
        RestError::Forbidden(_) => {
            "Discord doesn't let me do this. Please check my permissions, and whether I am timed out in this server, and try again."
        }
        RestError::NotFound(_) => {
            "What you asked for no longer exists at Discord, or is hidden from me. Please try again."
        }
        RestError::WebhookToken | RestError::Refused { .. } => {
            "Discord refused my request, and not because of permissions. My operator can find the reason in my log."
        }
        RestError::FuseOpen { .. } => {
            "Discord refused too many of my requests for you or for this server, so I have to pause for a few minutes. There is nothing to \
             undo; please try again then."
        }
        RestError::ServerLeft => "I am no longer in that server.",
        RestError::RateLimited { .. }
        | RestError::StillLimited { .. }
        | RestError::Unauthorized
        | RestError::Server { .. }
        | RestError::Edge { .. }
        | RestError::InDoubt(_)
        | RestError::NotSent => {
            "Discord did not answer in time. There is nothing to undo; please try again in a minute."
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_missing_permissions_are_blamed_on_permissions() {
        assert!(
            explain_discord_error(&RestError::Forbidden(ForbiddenReason::Permissions))
                .contains("my permissions")
        );
        for error in
            [RestError::Malformed, RestError::NotSent, RestError::Forbidden(ForbiddenReason::TwoFactor)]
        {
            assert!(!explain_discord_error(&error).contains("my permissions"), "{error}");
        }
        assert!(
            explain_discord_error(&RestError::Forbidden(ForbiddenReason::TwoFactor))
                .contains("the owner of my application")
        );
    }

    #[test]
    fn a_pause_of_the_bots_is_not_blamed_on_discord() {
        let pause = explain_discord_error(&RestError::FuseOpen { retry_after: Duration::from_secs(300) });
        assert!(pause.contains("pause for a few minutes") && !pause.contains("did not answer"), "{pause}");
    }
}
