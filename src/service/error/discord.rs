//! What people are told of Discord's failures and refusals.

use crate::rest::{ForbiddenReason, RestError};

/// What people are told where Discord didn't do what was asked of it.
pub const fn explained(error: &RestError) -> &'static str {
    match error {
        RestError::Malformed => {
            "Discord did it, or answered it, in words that I can't read. Please look whether it was done before you try again."
        }
        RestError::Forbidden(ForbiddenReason::TwoFactor) => {
            "This server demands two-factor authentication of those who moderate it, and the owner of my application has not switched it \
             on. Only they can: no permission here helps."
        }
        RestError::Forbidden(_) => {
            "Discord doesn't let me do this. Please check my permissions, and whether I am timed out in this server, and try again."
        }
        RestError::NotFound(_) => {
            "What this is about is gone at Discord, or hidden from me. Please try again."
        }
        RestError::WebhookToken | RestError::Refused { .. } => {
            "Discord refused what I asked for this, for no lack of permissions. Whoever runs this bot finds the reason in its log."
        }
        RestError::FuseOpen { .. } => {
            "I have to pause for a few minutes, as Discord refused too many of my requests for you or for this server. Nothing was \
             changed that you would have to undo; please try again then."
        }
        RestError::ServerLeft => "I am no longer in that server.",
        RestError::RateLimited { .. }
        | RestError::StillLimited { .. }
        | RestError::Unauthorized
        | RestError::Server { .. }
        | RestError::Edge { .. }
        | RestError::Unclear(_)
        | RestError::NotSent => {
            "Discord did not answer in time. Nothing was changed that you would have to undo; please try again in a minute."
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_no_lack_of_permissions_is_not_called_one() {
        assert!(explained(&RestError::Forbidden(ForbiddenReason::Permissions)).contains("my permissions"));
        for error in
            [RestError::Malformed, RestError::NotSent, RestError::Forbidden(ForbiddenReason::TwoFactor)]
        {
            assert!(!explained(&error).contains("my permissions"), "{error}");
        }
        assert!(
            explained(&RestError::Forbidden(ForbiddenReason::TwoFactor))
                .contains("the owner of my application")
        );
    }

    #[test]
    fn who_pauses_says_so_instead_of_blaming_discord() {
        let pause = explained(&RestError::FuseOpen { retry_after: Duration::from_secs(300) });
        assert!(pause.contains("pause for a few minutes") && !pause.contains("did not answer"), "{pause}");
    }
}
