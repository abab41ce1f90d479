//! Panels in targets: a mirror that is brought up to date brings its chart along, and one that can't be edited any more is made anew. Discord's own following has no
//! webhook that the bot could use, so a native follow gets one of the bot's beside it when its first panel comes.

use crate::domain::activity::{Ending, Mirror, Showing};
use crate::domain::limits;
use crate::domain::retry::Failure;
use crate::rest::{ChangeOutcome, RestError, Upload};
use crate::store::{Done, StoreError, Work};

use super::create::{Performed, Sender, access, span};
use super::edit::unless;
use super::render as parts;

impl Sender<'_> {
    /// Brings a panel's mirror to the newest revision.
    pub(in crate::delivery) async fn redraw(
        &mut self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Performed, StoreError> {
        let Some(webhook) = self.webhook.clone().filter(|webhook| webhook.id == mirror.webhook) else {
            return self.make_anew(work, mirror).await;
        };
        let Some(payload) = parts::part(work, mirror.part, limits::FILE_BYTES) else {
            return Ok(self.ended(work, Ending::Refused));
        };
        let address = self.address(mirror);
        let body = payload.redrawn_body();
        let later = self.retitle(work, mirror).await;
        let edit = async || {
            let files = payload.picture.iter().map(Upload::chart).collect();
            self.tools.rest.edit_webhook_message_with_files(access(&webhook), address, &body, files).await
        };
        let mut outcome = edit().await;
        if self.woke(mirror.channel, &mut outcome).await {
            outcome = edit().await;
        }
        let done = unless(work, later, edited(work, mirror));
        self.changed(work, mirror, done, outcome).await
    }

    /// Only the webhook that made a message can edit it. A mirror of a former webhook goes, and the present one makes another; where the bot may not delete it, it stays as it
    /// is: a second one beside it would be worse.
    async fn make_anew(&self, work: &Work, mirror: &Mirror) -> Result<Performed, StoreError> {
        let (delivery, message) = (work.delivery.id, mirror.message);
        let reason = "The webhook that kept this panel current is gone";
        Ok(match self.tools.rest.delete_message(mirror.channel, message, reason).await {
            // Where the channel is gone too, that turns out when it is to be made again.
            ChangeOutcome::Done | ChangeOutcome::MirrorGone | ChangeOutcome::TargetGone => {
                match self.tidy(work, mirror).await? {
                    Some(instead) => instead,
                    None => Performed::Done(Done::Cleared { delivery, message }),
                }
            }
            ChangeOutcome::Again => Performed::Failed(Failure::NoAnswer),
            ChangeOutcome::Wait(how_long) | ChangeOutcome::TooOften(how_long) => {
                Performed::Done(Done::Delayed { delivery, until: self.now() + span(how_long) })
            }
            _ => {
                if self.is_news(work, "panel beyond reach") {
                    tracing::warn!(channel = %mirror.channel, "a panel's mirror of a former webhook is beyond reach without Manage Messages");
                }
                Performed::Done(edited(work, mirror))
            }
        })
    }

    /// Sees to it that there is a webhook, where a panel comes into a target that none is known of. Says what to do instead, if there can't be one.
    pub(in crate::delivery) async fn prepare(
        &mut self,
        work: &Work,
    ) -> Result<Option<Performed>, StoreError> {
        if self.webhook.is_some() || !is_panel(work) {
            return Ok(None);
        }
        Ok(match self.make_webhook().await? {
            Ok(()) => None,
            Err(error) if error.passes() => Some(self.failed(&error)),
            Err(error) => {
                if self.is_news(work, "no webhook for a panel") {
                    tracing::warn!(channel = %work.target, %error, "a panel can't be mirrored: the bot can't make a webhook there");
                }
                Some(self.ended(work, Ending::FollowEnded))
            }
        })
    }

    /// Finds or makes the bot's webhook of the target, for all follows that post through it.
    pub(in crate::delivery) async fn make_webhook(&mut self) -> Result<Result<(), RestError>, StoreError> {
        let channel = self.spot.webhook_channel(self.target);
        match self.tools.rest.own_webhook(channel, self.tools.application, None).await {
            Ok(own) => {
                let now = self.now();
                self.tools.store.provide_webhook(self.target, self.spot, &own.webhook, now).await?;
                self.webhook = Some(own.webhook);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

/// Whether it is a panel that is shown.
pub(in crate::delivery) fn is_panel(work: &Work) -> bool {
    matches!(work.content.as_deref(), Some(Showing::Panel { .. }))
}

/// That this mirror shows the newest revision now, with the files that it had.
pub(in crate::delivery) fn edited(work: &Work, mirror: &Mirror) -> Done {
    edited_with(work, mirror, mirror.files.clone())
}

/// That this mirror shows the newest revision now, with these files of the source.
pub(in crate::delivery) const fn edited_with(work: &Work, mirror: &Mirror, files: Vec<u64>) -> Done {
    Done::Edited {
        delivery: work.delivery.id,
        message: mirror.message,
        was: mirror.revision,
        revision: work.activity.revision,
        files,
    }
}
