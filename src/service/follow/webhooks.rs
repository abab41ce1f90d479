//! What connects a follow to its target: the bot's own webhook there (one for all relay follows into a channel and its threads), or Discord's follower webhook.

use crate::domain::follow::{Delivery, Follow, Pair};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::permissions::Permissions;
use crate::domain::place::Spot;
use crate::rest::{ErrorCode, OwnWebhook, RestError, WEBHOOK_REASON};
use crate::store::Hook;

use crate::service::error::Lack;
use crate::service::{Follows, Refusal, ServiceError};

/// A webhook that is ready to be used, and whether it was made for this.
pub(in crate::service) struct Connected {
    pub(in crate::service) hook: Hook,
    /// The target's server.
    guild: GuildId,
    made: bool,
}

impl Connected {
    /// Nothing is there yet, as Discord's own following would begin at once.
    pub(in crate::service) const fn later(guild: GuildId) -> Self {
        Self { hook: Hook::NativeLater, guild, made: false }
    }

    /// Whether this is what the follow delivers through.
    pub(in crate::service) fn serves(&self, follow: &Follow) -> bool {
        match &self.hook {
            Hook::Native(webhook) => follow.follower_webhook == Some(*webhook),
            Hook::NativeLater => true,
            Hook::Relay(webhook) => follow.webhook == Some(webhook.id),
        }
    }
}

impl Follows {
    /// Connects a pair at Discord: asks for Discord's following, or finds or makes the bot's webhook in the target.
    /// The target must be [locked](Follows::lock_target); `guild` is its server.
    pub(in crate::service) async fn connect(
        &self,
        guild: GuildId,
        pair: Pair,
        spot: Spot,
        delivery: Delivery,
    ) -> Result<Connected, ServiceError> {
        match delivery {
            Delivery::Native => {
                let rest = self.rest.of_server(guild);
                let followed = rest.follow_announcement(pair.source, pair.target, WEBHOOK_REASON).await;
                let followed = followed.map_err(|error| explain(error, pair.target))?;
                Ok(Connected { guild, hook: Hook::Native(followed.webhook_id), made: true })
            }
            Delivery::Relay => self.own_webhook(guild, spot.webhook_channel(pair.target)).await,
        }
    }

    /// Undoes [`connect`](Follows::connect), as far as it made something.
    pub(in crate::service) async fn disconnect(&self, connected: Connected) {
        if connected.made {
            let webhook = match connected.hook {
                Hook::Native(webhook) => webhook,
                Hook::NativeLater => return,
                Hook::Relay(webhook) => webhook.id,
            };
            self.remove_webhook(connected.guild, webhook).await;
        }
    }

    /// Removes a webhook of a server that nothing needs any more. A failure leaves a webhook that does no harm, and that the next follow into its channel finds again.
    pub(in crate::service) async fn remove_webhook(&self, guild: GuildId, webhook: WebhookId) {
        if let Err(error) = self.rest.of_server(guild).delete_webhook(webhook, WEBHOOK_REASON).await {
            tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
        }
    }

    /// Stops Discord's own following of a native follow, by deleting its webhook: Discord has no other way.
    pub(in crate::service) async fn stop_native(&self, follow: &Follow) -> Result<(), ServiceError> {
        let Some(webhook) = follow.follower_webhook else { return Ok(()) };
        let deleted = self.rest.of_server(follow.guild).delete_webhook(webhook, WEBHOOK_REASON).await;
        deleted.map_err(|error| explain(error, follow.pair.target))?;
        Ok(self.store.note_stopped(follow.id, webhook).await?)
    }

    /// Gives up what a follow delivered through, after it was stored that it no longer does.
    pub(in crate::service) async fn release(&self, former: &Follow) -> Result<(), ServiceError> {
        match former.options.delivery {
            Delivery::Native => self.stop_native(former).await,
            Delivery::Relay => {
                let channel = former.spot.webhook_channel(former.pair.target);
                if let Some(webhook) = former.webhook
                    && !self.store.webhook_in_use(channel, webhook).await?
                {
                    self.remove_webhook(former.guild, webhook).await;
                }
                Ok(())
            }
        }
    }

    /// The bot's webhook in a channel: the one that the database knows if it still stands there, else one that Discord knows as
    /// this application's, else a new one.
    async fn own_webhook(&self, guild: GuildId, channel: ChannelId) -> Result<Connected, ServiceError> {
        let known = self.store.webhook_of(channel).await?;
        let own =
            self.rest.of_server(guild).own_webhook(channel, self.identity.application, known.as_ref()).await;
        let OwnWebhook { webhook, made } = own.map_err(|error| explain(error, channel))?;
        self.watched.add_webhook(channel, webhook.id);
        if known.is_some_and(|known| known.id != webhook.id) {
            self.store.replace_webhook(channel, &webhook, self.clock.now()).await?;
        }
        Ok(Connected { guild, hook: Hook::Relay(webhook), made })
    }
}

/// Turns what Discord says about webhooks into what a person can do about it.
fn explain(error: RestError, target: ChannelId) -> ServiceError {
    match error.code() {
        Some(ErrorCode::TOO_MANY_WEBHOOKS) => Refusal::TooManyWebhooks(target).into(),
        Some(ErrorCode::TOO_MANY_GUILD_WEBHOOKS) => Refusal::TooManyServerWebhooks.into(),
        // The permission was taken between the look and the call.
        Some(ErrorCode::MISSING_PERMISSIONS) => {
            let lack = Lack { channel: target, permissions: Permissions::MANAGE_WEBHOOKS };
            Refusal::BotMay(vec![lack]).into()
        }
        Some(ErrorCode::MISSING_ACCESS) => Lack::view(target).into(),
        _ => error.into(),
    }
}
