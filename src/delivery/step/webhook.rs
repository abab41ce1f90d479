//! The target's webhook: making it, replacing it, and breaking the follows that can't do without it.

use crate::domain::activity::DeliveryEnding;
use crate::domain::audit::ChangedBy;
use crate::domain::follow::BrokenReason;
use crate::domain::ids::WebhookId;
use crate::domain::permissions::Permissions;
use crate::domain::place::TargetKind;
use crate::domain::retry::AttemptFailure;
use crate::rest::{ForbiddenReason, RestError, WEBHOOK_REASON};
use crate::store::{BreakWhich, StoreError, Work};

use super::{StepOutcome, StepRunner};

impl StepRunner<'_> {
    /// Finds or makes the bot's webhook of the target, for all follows that post through it.
    pub(super) async fn ensure_webhook(&mut self) -> Result<Result<(), RestError>, StoreError> {
        let channel = self.target_kind.webhook_channel(self.target);
        match self.tools.rest.ensure_webhook(channel, self.tools.application, None).await {
            Ok(ensured) => {
                let now = self.now();
                self.tools
                    .store
                    .provide_webhook(self.target, self.target_kind, &ensured.webhook, now)
                    .await?;
                self.webhook = Some(ensured.webhook);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Finds another webhook for one that can't be used any more. Another may have taken its place since this
    /// lane began. If none has, the bot looks for one once, and makes one where it may. Where it may not, the
    /// follows that post through it break.
    pub(super) async fn replace_webhook(
        &mut self,
        work: &Work,
        gone: WebhookId,
        reason: BrokenReason,
    ) -> Result<StepOutcome, StoreError> {
        self.reload_webhook().await?;
        if self.webhook.as_ref().is_none_or(|webhook| webhook.id == gone) {
            match self.ensure_webhook().await? {
                Ok(()) => tracing::info!(channel = %self.target, "a webhook was gone, and is replaced"),
                Err(error) if error.passes() => return Ok(self.fail(&error)),
                Err(error) => {
                    let found = self.break_reason(&error).await;
                    let is_lacking = found.is_none() && error.is_forbidden();
                    let lacking =
                        if is_lacking { Permissions::MANAGE_WEBHOOKS } else { Permissions::empty() };
                    let reason = found.unwrap_or(reason);
                    self.break_follows(BreakWhich::RelayWebhook(gone), reason, lacking).await?;
                    return Ok(self.end(work, DeliveryEnding::FollowEnded));
                }
            }
        }
        // An attempt like any other: a webhook that is gone again and again must not be replaced without a
        // bound. What the former webhook made is beyond its successor's reach, which the next look at it
        // finds.
        Ok(StepOutcome::Failed(AttemptFailure::Webhook))
    }

    /// Replaces a webhook that somebody moved. It must not carry anything to where it is now, so it is
    /// deleted.
    pub(super) async fn replace_moved_webhook(
        &mut self,
        work: &Work,
        webhook: WebhookId,
    ) -> Result<StepOutcome, StoreError> {
        let _ = self.tools.rest.delete_webhook(webhook, WEBHOOK_REASON).await;
        self.replace_webhook(work, webhook, BrokenReason::WebhookMoved).await
    }

    /// Breaks the follows that Discord doesn't let the webhook post for. In a thread, that is the thread's
    /// matter: others that post through the webhook go on. A locked post breaks nothing.
    pub(super) async fn break_forbidden(
        &mut self,
        work: &Work,
        webhook: WebhookId,
        reason: ForbiddenReason,
    ) -> Result<StepOutcome, StoreError> {
        let which = match self.target_kind {
            TargetKind::Forum if reason == ForbiddenReason::ThreadLocked => {
                tracing::warn!(channel = %self.target, "a post is locked, and can't be written in");
                return Ok(self.end(work, DeliveryEnding::Refused));
            }
            TargetKind::Thread { .. } => BreakWhich::RelayInto(self.target),
            TargetKind::Channel | TargetKind::Forum => BreakWhich::RelayWebhook(webhook),
        };
        let reason = self.break_reason(&RestError::Forbidden(reason)).await;
        let reason = reason.unwrap_or(BrokenReason::TargetForbidden);
        self.break_follows(which, reason, Permissions::empty()).await?;
        Ok(self.end(work, DeliveryEnding::FollowEnded))
    }

    /// Breaks the follows into a target that was deleted.
    pub(super) async fn break_without_target(&mut self, work: &Work) -> Result<StepOutcome, StoreError> {
        let which = BreakWhich::Target(self.target);
        self.break_follows(which, BrokenReason::TargetDeleted, Permissions::empty()).await?;
        Ok(self.end(work, DeliveryEnding::FollowEnded))
    }

    async fn break_reason(&self, error: &RestError) -> Option<BrokenReason> {
        let channel = self.target_kind.webhook_channel(self.target);
        self.tools.rest.break_reason(channel, error, self.now()).await
    }

    /// Breaks these follows, and notes which permissions the bot lacks.
    pub(super) async fn break_follows(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        lacking: Permissions,
    ) -> Result<(), StoreError> {
        let stamp = ChangedBy::System.at(self.now());
        for follow in self.tools.store.break_lacking(which, reason, lacking, stamp).await? {
            tracing::warn!(follow = follow.id.0, reason = reason.as_str(), "follow broken");
        }
        Ok(())
    }
}
