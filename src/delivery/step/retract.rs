//! Retracting messages that must not stay: one that landed in another channel, or one that another process
//! makes again. The message is recorded first (`store::retractions`), so that nobody adopts it, and so
//! that somebody else deletes it where this process can't.

use chrono::TimeDelta;

use crate::delivery::{DeliveryContext, LaneTools};
use crate::domain::activity::Mirror;
use crate::domain::place::TargetKind;
use crate::rest::ChangeOutcome;
use crate::store::{Retraction, StoreError};

use super::{StepRunner, webhook_access};

/// How long the process that made a message has to delete it.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// How many messages are deleted at a time for others.
const AT_ONCE: u32 = 20;
/// What a server's audit log says.
const REASON: &str = "Shown twice";

impl StepRunner<'_> {
    /// Retracts a message, unless somebody has adopted it. Whether it had to be deleted.
    pub(in crate::delivery) async fn retract(&self, mirror: &Mirror) -> Result<bool, StoreError> {
        let retracted = self.tools.store.retract(self.target, mirror, self.now()).await?;
        if retracted {
            self.delete_retracted(mirror).await?;
        }
        Ok(retracted)
    }

    async fn delete_retracted(&self, mirror: &Mirror) -> Result<(), StoreError> {
        let rest = &self.tools.rest;
        let mut outcome = match self.webhook_of(mirror) {
            Some(webhook) => {
                let message = self.webhook_message(mirror);
                rest.delete_webhook_message(webhook_access(webhook), message).await
            }
            None => ChangeOutcome::WebhookGone,
        };
        if outcome == ChangeOutcome::WebhookGone {
            outcome = rest.delete_message(mirror.channel, mirror.message, REASON).await;
        }
        match outcome {
            ChangeOutcome::Done | ChangeOutcome::MirrorGone | ChangeOutcome::TargetGone => {}
            outcome if !outcome.is_final() => {
                tracing::warn!(channel = %mirror.channel, "a message that must not stay can't be deleted yet");
                return Ok(());
            }
            _ => {
                tracing::error!(channel = %mirror.channel, "a message that must not stay can't be deleted");
            }
        }
        if self.target_kind == TargetKind::Forum && self.remove_empty_post(mirror.channel).await.is_err() {
            tracing::warn!(channel = %mirror.channel, "a post that must not stay can't be deleted; the bot may lack Manage Threads");
        }
        self.tools.store.end_retraction(mirror.message).await
    }
}

/// Deletes what other processes should have deleted and didn't.
pub(in crate::delivery) async fn finish_for_others(context: &DeliveryContext) {
    let before = context.clock.now() - GRACE;
    let open = match context.store.open_retractions(before, AT_ONCE).await {
        Ok(open) => open,
        Err(error) => {
            tracing::error!(%error, "can't ask the database for messages that must not stay");
            return;
        }
    };
    for retraction in open {
        let tools = context.without_lease(retraction.server);
        let channel = retraction.mirror.channel;
        if let Err(error) = delete(&tools, retraction).await {
            tracing::error!(%channel, %error, "a message that must not stay is left for later");
        }
    }
}

async fn delete(tools: &LaneTools, retraction: Retraction) -> Result<(), StoreError> {
    let Retraction { target, target_kind, mirror, .. } = retraction;
    let webhook = tools.store.lane_webhook(target).await?;
    StepRunner::new(tools, target, target_kind, webhook).delete_retracted(&mirror).await
}
