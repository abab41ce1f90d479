//! Calls that make, look at and remove webhooks, with the bot's own token.

use serde_json::json;

use crate::domain::ids::{ApplicationId, ChannelId, GuildId, WebhookId};
use crate::domain::webhook::WebhookCredentials;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::model::Webhook;
use crate::rest::{Rest, WEBHOOK_LOCKS};

/// What became of a webhook that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookDeletion {
    /// It is gone now.
    Now,
    /// There was none.
    AlreadyGone,
}

/// The name of the bot's webhooks, as moderators see it under Integrations.
const OWN_NAME: &str = "Tributary";

/// What a server's audit log says of everything that the bot does with webhooks.
pub const WEBHOOK_REASON: &str = "Channel follow";

/// The bot's own webhook in a channel, found or made.
#[derive(Debug, Clone)]
pub struct EnsuredWebhook {
    /// The webhook.
    pub webhook: WebhookCredentials,
    /// Whether it was made just now.
    pub made: bool,
}

impl Rest {
    /// Finds or makes a webhook of this application in a channel: the known one if it is still there, else
    /// another of the application's own, else a new one. Needs Manage Webhooks there.
    pub async fn ensure_webhook(
        &self,
        channel: ChannelId,
        application: ApplicationId,
        known: Option<&WebhookCredentials>,
    ) -> Result<EnsuredWebhook, RestError> {
        let locks = &self.shared.webhook_locks;
        // By the time in the id: the id's last bits are mostly zero.
        let lock = locks.get(usize::try_from((channel.get() >> 22) % WEBHOOK_LOCKS).unwrap_or_default());
        let _alone = match lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        let is_known = |id: WebhookId| known.is_some_and(|known| known.id == id);
        let there = self.channel_webhooks(channel).await?.into_iter();
        let own = there.filter(|webhook| {
            (is_known(webhook.id) || webhook.application_id == Some(application))
                && webhook.channel_id.is_none_or(|stands_in| stands_in == channel)
        });
        let usable = own.filter_map(|webhook| {
            let token = webhook
                .token
                .or_else(|| known.filter(|_| is_known(webhook.id)).map(|known| known.token.clone()));
            Some(WebhookCredentials { id: webhook.id, token: token? })
        });
        if let Some(webhook) = usable.min_by_key(|webhook| !is_known(webhook.id)) {
            return Ok(EnsuredWebhook { webhook, made: false });
        }
        let made = self.create_webhook(channel, OWN_NAME, WEBHOOK_REASON).await?;
        let token = made.token.ok_or(RestError::Malformed)?;
        Ok(EnsuredWebhook { webhook: WebhookCredentials { id: made.id, token }, made: true })
    }

    /// A channel's webhooks: `GET /channels/{channel}/webhooks`. Needs Manage Webhooks there.
    pub async fn channel_webhooks(&self, channel: ChannelId) -> Result<Vec<Webhook>, RestError> {
        let template = "/channels/{channel}/webhooks";
        self.read(Call::new(Verb::Get, template, MajorParameter::Channel(channel), &[channel.get()])).await
    }

    /// A server's webhooks: `GET /guilds/{guild}/webhooks`. Needs Manage Webhooks in the server.
    pub async fn guild_webhooks(&self, guild: GuildId) -> Result<Vec<Webhook>, RestError> {
        self.read(Call::new(
            Verb::Get,
            "/guilds/{guild}/webhooks",
            MajorParameter::Guild(guild),
            &[guild.get()],
        ))
        .await
    }

    /// Makes a webhook: `POST /channels/{channel}/webhooks`. A channel takes 15 (else 30007), a server 1000
    /// (else 30058).
    pub async fn create_webhook(
        &self,
        channel: ChannelId,
        name: &str,
        reason: &str,
    ) -> Result<Webhook, RestError> {
        let template = "/channels/{channel}/webhooks";
        let call = Call::new(Verb::Post, template, MajorParameter::Channel(channel), &[channel.get()]);
        self.read(call.reason(reason).json(&json!({"name": name}))?).await
    }

    /// A webhook: `GET /webhooks/{webhook}`. Needs Manage Webhooks in its channel, unless the bot made it.
    pub async fn webhook(&self, webhook: WebhookId) -> Result<Webhook, RestError> {
        self.read(Call::new(
            Verb::Get,
            "/webhooks/{webhook}",
            MajorParameter::Webhook(webhook),
            &[webhook.get()],
        ))
        .await
    }

    /// Deletes a webhook: `DELETE /webhooks/{webhook}`. One that doesn't exist (404) counts as deleted.
    pub async fn delete_webhook(
        &self,
        webhook: WebhookId,
        reason: &str,
    ) -> Result<WebhookDeletion, RestError> {
        let template = "/webhooks/{webhook}";
        let call = Call::new(Verb::Delete, template, MajorParameter::Webhook(webhook), &[webhook.get()]);
        match self.perform(&call.reason(reason)).await {
            Ok(_) => Ok(WebhookDeletion::Now),
            Err(RestError::NotFound(_)) => Ok(WebhookDeletion::AlreadyGone),
            Err(error) => Err(error),
        }
    }
}
