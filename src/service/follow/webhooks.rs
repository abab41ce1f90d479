//! What connects a follow to its target: the bot's own webhook there (one for all relay follows into a
//! channel and its threads), or Discord's follower webhook.

use crate::domain::follow::{ChannelPair, DeliveryMethod, Follow};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::permissions::Permissions;
use crate::domain::place::TargetKind;
use crate::rest::{EnsuredWebhook, ErrorCode, RestError, WEBHOOK_REASON};
use crate::store::FollowWebhook;

use crate::service::error::MissingPermissions;
use crate::service::{FollowService, Refusal, ServiceError};

/// A webhook that is ready to be used, and whether it was made for this.
pub(in crate::service) struct ConnectedHook {
    pub(in crate::service) hook: FollowWebhook,
    /// The target's server.
    guild: GuildId,
    made: bool,
}

impl ConnectedHook {
    /// Nothing exists yet, because Discord's own following would begin to post at once.
    pub(in crate::service) const fn later(guild: GuildId) -> Self {
        Self { hook: FollowWebhook::NativePending, guild, made: false }
    }

    /// Whether this is what the follow delivers through.
    pub(in crate::service) fn serves(&self, follow: &Follow) -> bool {
        match &self.hook {
            FollowWebhook::Native(webhook) => follow.follower_webhook == Some(*webhook),
            FollowWebhook::NativePending => true,
            FollowWebhook::Relay(webhook) => follow.webhook == Some(webhook.id),
        }
    }
}

impl FollowService {
    /// Connects a pair at Discord: asks for Discord's own following, or finds or makes the bot's webhook in
    /// the target. The target must be [locked](FollowService::lock_target); `guild` is its server.
    pub(in crate::service) async fn connect(
        &self,
        guild: GuildId,
        pair: ChannelPair,
        target_kind: TargetKind,
        delivery: DeliveryMethod,
    ) -> Result<ConnectedHook, ServiceError> {
        match delivery {
            DeliveryMethod::Native => {
                let rest = self.parts.rest.of_server(guild);
                let followed = rest.follow_announcement(pair.source, pair.target, WEBHOOK_REASON).await;
                let followed = followed.map_err(|error| explain(error, pair.target))?;
                Ok(ConnectedHook { guild, hook: FollowWebhook::Native(followed.webhook_id), made: true })
            }
            DeliveryMethod::Relay => {
                self.ensure_webhook(guild, target_kind.webhook_channel(pair.target)).await
            }
        }
    }

    /// Undoes [`connect`](FollowService::connect), as far as it made something.
    pub(in crate::service) async fn disconnect(&self, connected: ConnectedHook) {
        if connected.made {
            let webhook = match connected.hook {
                FollowWebhook::Native(webhook) => webhook,
                FollowWebhook::NativePending => return,
                FollowWebhook::Relay(webhook) => webhook.id,
            };
            self.remove_webhook(connected.guild, webhook).await;
        }
    }

    /// Removes a webhook that nothing needs any more. If that fails, the webhook does no harm, and the next
    /// follow into its channel uses it again.
    pub(in crate::service) async fn remove_webhook(&self, guild: GuildId, webhook: WebhookId) {
        if let Err(error) = self.parts.rest.of_server(guild).delete_webhook(webhook, WEBHOOK_REASON).await {
            tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
        }
    }

    /// Stops Discord's own following by deleting its webhook: Discord offers no other way.
    pub(in crate::service) async fn stop_native(&self, follow: &Follow) -> Result<(), ServiceError> {
        let Some(webhook) = follow.follower_webhook else { return Ok(()) };
        let deleted = self.parts.rest.of_server(follow.guild).delete_webhook(webhook, WEBHOOK_REASON).await;
        deleted.map_err(|error| explain(error, follow.pair.target))?;
        Ok(self.parts.store.note_stopped(follow.id, webhook).await?)
    }

    /// Gives up what a follow used to deliver through, after the change was stored.
    pub(in crate::service) async fn release_hook(&self, former: &Follow) -> Result<(), ServiceError> {
        match former.options.delivery {
            DeliveryMethod::Native => self.stop_native(former).await,
            DeliveryMethod::Relay => {
                let channel = former.target_kind.webhook_channel(former.pair.target);
                if let Some(webhook) = former.webhook
                    && !self.parts.store.webhook_in_use(channel, webhook).await?
                {
                    self.remove_webhook(former.guild, webhook).await;
                }
                Ok(())
            }
        }
    }

    /// The bot's webhook in a channel: the one in the database if it still exists there, otherwise one that
    /// belongs to this application at Discord, otherwise a new one.
    async fn ensure_webhook(
        &self,
        guild: GuildId,
        channel: ChannelId,
    ) -> Result<ConnectedHook, ServiceError> {
        let known = self.parts.store.webhook_of(channel).await?;
        let own = self
            .parts
            .rest
            .of_server(guild)
            .ensure_webhook(channel, self.parts.identity.application, known.as_ref())
            .await;
        let EnsuredWebhook { webhook, made } = own.map_err(|error| explain(error, channel))?;
        self.parts.watched.add_webhook(channel, webhook.id);
        if known.is_some_and(|known| known.id != webhook.id) {
            self.parts.store.replace_webhook(channel, &webhook, self.parts.clock.now()).await?;
        }
        Ok(ConnectedHook { guild, hook: FollowWebhook::Relay(webhook), made })
    }
}

/// Turns Discord's errors about webhooks into something that a person can act on.
fn explain(error: RestError, target: ChannelId) -> ServiceError {
    match error.code() {
        Some(ErrorCode::TOO_MANY_WEBHOOKS) => Refusal::TooManyWebhooks(target).into(),
        Some(ErrorCode::TOO_MANY_GUILD_WEBHOOKS) => Refusal::TooManyServerWebhooks.into(),
        // The permission was taken away between the check and the request.
        Some(ErrorCode::MISSING_PERMISSIONS) => {
            let lack = MissingPermissions { channel: target, permissions: Permissions::MANAGE_WEBHOOKS };
            Refusal::BotMay(vec![lack]).into()
        }
        Some(ErrorCode::MISSING_ACCESS) => MissingPermissions::view(target).into(),
        _ => error.into(),
    }
}
