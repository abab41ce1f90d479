//! A webhook that the bot owns, with what it takes to post through it.

use secrecy::SecretString;

use super::ids::WebhookId;

/// An incoming webhook. Whoever has the token can post through it, so it is a secret wherever it goes.
#[derive(Debug, Clone)]
pub struct WebhookCredentials {
    /// Its id, which is no secret.
    pub id: WebhookId,
    /// Its token.
    pub token: SecretString,
}
