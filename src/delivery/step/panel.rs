//! Panels in targets. A mirror that is brought up to date brings its chart along, and a mirror that can't be
//! edited any more is made anew. Discord's own following has no webhook that the bot could use, so a native
//! follow gets a webhook of the bot's when its first panel comes.

use crate::domain::activity::{ActivityContent, DeliveryEnding, Mirror};
use crate::domain::limits;
use crate::domain::retry::AttemptFailure;
use crate::rest::{ChangeOutcome, Upload};
use crate::store::{StepResult, StoreError, Work};

use super::edit::{edited, unless_retitling_failed};
use super::{StepOutcome, StepRunner, render, webhook_access};

impl StepRunner<'_> {
    /// Brings a panel's mirror to the newest revision.
    pub(super) async fn edit_panel(
        &mut self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<StepOutcome, StoreError> {
        let Some(webhook) = self.webhook_of(mirror).cloned() else {
            return self.clear_for_new_webhook(work, mirror).await;
        };
        let Some(payload) = render::payload(work, mirror.part, limits::FILE_BYTES) else {
            return Ok(self.end(work, DeliveryEnding::Refused));
        };
        let message = self.webhook_message(mirror);
        let body = payload.redrawn_body();
        let retitle_failure = self.retitle(work, mirror).await;
        let edit = async || {
            let files = payload.picture.iter().map(Upload::chart).collect();
            let access = webhook_access(&webhook);
            self.tools.rest.edit_webhook_message_with_files(access, message, &body, files).await
        };
        let mut outcome = edit().await;
        if self.woke_thread(mirror.channel, &mut outcome).await {
            outcome = edit().await;
        }
        let done = unless_retitling_failed(work, retitle_failure, edited(work, mirror));
        self.conclude_change(work, mirror, done, outcome).await
    }

    /// Removes a mirror of a former webhook, so that the present one makes another: only the webhook that
    /// made a message can edit it. Where the bot may not delete the mirror, it stays as it is, since a second
    /// one beside it would be worse.
    async fn clear_for_new_webhook(&self, work: &Work, mirror: &Mirror) -> Result<StepOutcome, StoreError> {
        let (delivery, message) = (work.delivery.id, mirror.message);
        let reason = "The webhook that kept this panel current is gone";
        Ok(match self.tools.rest.delete_message(mirror.channel, message, reason).await {
            // Where the channel is gone, too, the next create finds that.
            ChangeOutcome::Done | ChangeOutcome::MirrorGone | ChangeOutcome::TargetGone => {
                match self.tidy_post(work, mirror).await? {
                    Some(instead) => instead,
                    None => StepOutcome::Done(StepResult::Cleared { delivery, message }),
                }
            }
            ChangeOutcome::Again => StepOutcome::Failed(AttemptFailure::NoAnswer),
            ChangeOutcome::Wait(how_long) | ChangeOutcome::TooOften(how_long) => self.delay(work, how_long),
            _ => {
                if self.should_warn(work, "panel beyond reach") {
                    tracing::warn!(channel = %mirror.channel, "a panel's mirror of a former webhook is beyond reach without Manage Messages");
                }
                StepOutcome::Done(edited(work, mirror))
            }
        })
    }

    /// Makes a webhook where a panel comes into a target that has none. Says what to do instead, if there
    /// can't be one.
    pub(super) async fn ensure_panel_webhook(
        &mut self,
        work: &Work,
    ) -> Result<Option<StepOutcome>, StoreError> {
        if self.webhook.is_some() || !is_panel(work) {
            return Ok(None);
        }
        Ok(match self.ensure_webhook().await? {
            Ok(()) => None,
            Err(error) if error.passes() => Some(self.fail(&error)),
            Err(error) => {
                if self.should_warn(work, "no webhook for a panel") {
                    tracing::warn!(channel = %work.target, %error, "a panel can't be mirrored: the bot can't make a webhook there");
                }
                Some(self.end(work, DeliveryEnding::FollowEnded))
            }
        })
    }
}

/// Whether the activity is a panel.
pub(super) fn is_panel(work: &Work) -> bool {
    matches!(work.content.as_deref(), Some(ActivityContent::Panel { .. }))
}
