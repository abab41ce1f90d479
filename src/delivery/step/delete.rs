//! Deleting mirrors.

use crate::domain::activity::Mirror;
use crate::rest::ChangeOutcome;
use crate::store::{StepResult, StoreError, Work};

use super::{StepOutcome, StepRunner, webhook_access};

impl StepRunner<'_> {
    pub(super) async fn delete(&mut self, work: &Work, mirror: &Mirror) -> Result<StepOutcome, StoreError> {
        let done = StepResult::Deleted { delivery: work.delivery.id, message: mirror.message };
        let outcome = match self.webhook_of(mirror) {
            Some(webhook) => {
                let (webhook, message) = (webhook_access(webhook), self.webhook_message(mirror));
                let delete = async || self.tools.rest.delete_webhook_message(webhook, message).await;
                let mut outcome = delete().await;
                if self.woke_thread(mirror.channel, &mut outcome).await {
                    outcome = delete().await;
                }
                outcome
            }
            // The webhook that made it is gone. The bot itself may still be allowed to delete it.
            None => self.delete_as_bot(work, mirror).await,
        };
        if matches!(outcome, ChangeOutcome::Done | ChangeOutcome::MirrorGone)
            && let Some(instead) = self.tidy_withdrawn_post(work, mirror).await?
        {
            return Ok(instead);
        }
        self.conclude_change(work, mirror, done, outcome).await
    }

    /// Deletes a mirror of a former webhook. What the bot may not delete is left as it is: there is no other
    /// way.
    async fn delete_as_bot(&self, work: &Work, mirror: &Mirror) -> ChangeOutcome {
        let reason = "The original was deleted";
        let outcome = self.tools.rest.delete_message(mirror.channel, mirror.message, reason).await;
        let refused = matches!(outcome, ChangeOutcome::Forbidden(_) | ChangeOutcome::Refused(_));
        if refused && self.should_warn(work, "mirror beyond reach") {
            tracing::warn!(channel = %self.target, "a mirror of a former webhook can't be deleted without Manage Messages");
        }
        if outcome.is_final() { ChangeOutcome::Done } else { outcome }
    }
}
