//! Forgets servers that the bot left a week ago. Each process does it for the servers of its own shards: only
//! its own gateway sessions can tell that the bot isn't there. Without that, nothing is deleted, whatever
//! REST answers.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::domain::shards::Shards;
use crate::metrics as names;
use crate::rest::{Client, WEBHOOK_REASON};
use crate::store::{Removed, Store};

use crate::service::gateway_view::{GatewayView, Membership};
use crate::service::{ServiceError, ServiceParts};

/// How often to look for left servers.
const EACH: Duration = Duration::from_secs(60 * 60);
/// How long after a session begins all shards of a process have usually named their servers.
const NAMED: Duration = Duration::from_secs(2);
/// How long a server is kept after the bot has left it: somebody who removed it by mistake finds all follows
/// again.
const LEFT: TimeDelta = TimeDelta::days(7);

/// Forgets left servers.
pub struct LeftServerCleanup {
    store: Store,
    rest: Client,
    clock: Clock,
    shards: Shards,
    gateway: Arc<dyn GatewayView>,
}

impl LeftServerCleanup {
    /// One over these parts.
    pub fn new(parts: ServiceParts, gateway: Arc<dyn GatewayView>) -> Self {
        let ServiceParts { store, rest, clock, shards, .. } = parts;
        Self { store, rest, clock, shards, gateway }
    }

    /// Runs each hour and after each session that begins, until it is stopped. What fails is tried again the
    /// next time.
    pub async fn run(&self) {
        let mut sessions = self.gateway.sessions();
        loop {
            if let Err(error) = self.forget_all().await {
                tracing::warn!(%error, "the servers that were left can't be listed yet");
            }
            if let Ok(Err(_)) = tokio::time::timeout(EACH, sessions.changed()).await {
                return;
            }
            tokio::time::sleep(NAMED).await;
        }
    }

    async fn forget_all(&self) -> Result<(), ServiceError> {
        for guild in self.store.left_guilds(self.clock.now() - LEFT).await? {
            let absent = self.gateway.membership(guild) == Membership::NotMember;
            if !absent || !self.shards.has(guild) {
                continue;
            }
            if let Err(error) = self.forget(guild).await {
                tracing::warn!(%guild, %error, "a server that was left can't be forgotten yet");
            }
        }
        Ok(())
    }

    /// Forgets a server, unless Discord shows it to the bot after all.
    async fn forget(&self, guild: GuildId) -> Result<(), ServiceError> {
        // Not on behalf of the server: the question is whether the bot is there at all.
        match self.rest.of_program().guild(guild).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() || error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
        for removed in self.store.forget_guild(guild, self.clock.now()).await? {
            self.remove_leftover_webhook(guild, removed).await;
        }
        tracing::info!(%guild, "forgot a server that the bot has left");
        metrics::counter!(names::FORGOTTEN, "what" => names::FORGOTTEN_SERVERS).increment(1);
        Ok(())
    }

    /// Deletes a webhook in another server that posted for a follow of the forgotten one, and for no other.
    async fn remove_leftover_webhook(&self, forgotten: GuildId, removed: Removed) {
        let Removed { follow, webhook_still_needed } = removed;
        tracing::info!(follow = follow.id.0, "follow removed with its server");
        let Some(webhook) = follow.webhook.filter(|_| follow.guild != forgotten && !webhook_still_needed)
        else {
            return;
        };
        if let Err(error) = self.rest.of_server(follow.guild).delete_webhook(webhook, WEBHOOK_REASON).await {
            tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
        }
    }
}
