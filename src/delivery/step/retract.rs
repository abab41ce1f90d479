//! Taking back messages that must not stand: one that landed in another channel, or that another process makes again. What is to be deleted is
//! written down first (`store::retractions`), so that nobody adopts it, and somebody else deletes it where this process can't.

use chrono::TimeDelta;

use crate::domain::activity::Mirror;
use crate::domain::place::Spot;
use crate::rest::ChangeOutcome;
use crate::store::{Retraction, StoreError};

use super::create::{Sender, access};
use crate::delivery::{Base, Tools};

/// How long the process that made a message has to delete it.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// How many messages are deleted at a time for others.
const AT_ONCE: u32 = 20;
/// What a server's audit log says.
const REASON: &str = "Shown twice";

impl Sender<'_> {
    /// Takes back a message, unless somebody has adopted it. Whether it was to be deleted.
    pub(in crate::delivery) async fn take_back(&self, mirror: &Mirror) -> Result<bool, StoreError> {
        let retracted = self.tools.store.retract(self.target, mirror, self.now()).await?;
        if retracted {
            self.delete_retracted(mirror).await?;
        }
        Ok(retracted)
    }

    async fn delete_retracted(&self, mirror: &Mirror) -> Result<(), StoreError> {
        let rest = &self.tools.rest;
        let webhook = self.webhook.as_ref().filter(|webhook| webhook.id == mirror.webhook);
        let mut outcome = match webhook {
            Some(webhook) => rest.delete_webhook_message(access(webhook), self.address(mirror)).await,
            None => ChangeOutcome::WebhookGone,
        };
        if outcome == ChangeOutcome::WebhookGone {
            outcome = rest.delete_message(mirror.channel, mirror.message, REASON).await;
        }
        match outcome {
            ChangeOutcome::Done | ChangeOutcome::MirrorGone | ChangeOutcome::TargetGone => {}
            outcome if !outcome.is_final() => {
                tracing::warn!(channel = %mirror.channel, "a message that must not stand can't be deleted yet");
                return Ok(());
            }
            _ => {
                tracing::error!(channel = %mirror.channel, "a message that must not stand can't be deleted");
            }
        }
        if self.spot == Spot::Forum && self.remove_empty(mirror.channel).await.is_err() {
            tracing::warn!(channel = %mirror.channel, "a post that must not stand can't be deleted; the bot may lack Manage Threads");
        }
        self.tools.store.end_retraction(mirror.message).await
    }
}

/// Deletes what other processes were to delete and didn't.
pub(in crate::delivery) async fn finish(base: &Base) {
    let before = base.clock.now() - GRACE;
    let open = match base.store.open_retractions(before, AT_ONCE).await {
        Ok(open) => open,
        Err(error) => {
            tracing::error!(%error, "can't ask the database for messages that must not stand");
            return;
        }
    };
    for retraction in open {
        let tools = base.without_lease(retraction.server);
        let channel = retraction.mirror.channel;
        if let Err(error) = delete(&tools, retraction).await {
            tracing::error!(%channel, %error, "a message that must not stand is left for later");
        }
    }
}

async fn delete(tools: &Tools, retraction: Retraction) -> Result<(), StoreError> {
    let Retraction { target, spot, mirror, .. } = retraction;
    let webhook = tools.store.lane_webhook(target).await?;
    Sender::new(tools, target, spot, webhook).delete_retracted(&mirror).await
}
