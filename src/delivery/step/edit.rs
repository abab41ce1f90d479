//! Editing and deleting mirrors: what follows a first showing.

use crate::domain::activity::{Ending, Mirror};
use crate::domain::follow::BrokenReason;
use crate::domain::rendering::{Payload, StandingFile};
use crate::domain::retry::Failure;
use crate::domain::webhook::Webhook;
use crate::rest::model::Attachment;
use crate::rest::{ChangeOutcome, RestError, WebhookMessage};
use crate::store::{Done, StoreError, Work};

use super::create::{Performed, Sender, access, count, span};
use super::post::{Gone, Held};
use super::upload::{self, Later};
use super::{panel as redraw, render as parts};

impl Sender<'_> {
    pub(in crate::delivery) async fn edit(
        &mut self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Performed, StoreError> {
        let done = redraw::edited(work, mirror);
        let Some(webhook) = self.webhook_of(work, mirror.message).cloned() else {
            // Only the webhook that made a message can edit it.
            return Ok(Performed::Done(done));
        };
        if self.tools.learn_file_limit(work).await {
            return Ok(Performed::Limited(self.now()));
        }
        let limit = self.tools.sizes.limit(work);
        let Some(mut payload) = parts::part(work, mirror.part, limit) else {
            return Ok(Performed::Done(done));
        };
        let address = self.address(mirror);
        let standing = match self.standing_files(&webhook, address, &payload, mirror).await {
            Ok(standing) => standing,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Ok(self.delayed(work, &error)),
        };
        let kept = payload.keep(&standing);
        let later = self.retitle(work, mirror).await;
        let edit = async || {
            // Files can be sent once only: they are opened for each attempt.
            let mut payload = payload.clone();
            let uploads = upload::open(self.tools, work, &mut payload).await?;
            let files = kept.sources.iter().copied().chain(payload.files.iter().map(|file| file.id));
            let body = payload.edit_body(Some(&kept.ids));
            let rest = &self.tools.rest;
            let access = access(&webhook);
            let outcome = rest.edit_webhook_message_with_files(access, address, &body, uploads).await;
            Ok::<_, Later>((outcome, files.collect()))
        };
        let Ok((mut outcome, mut files)) = edit().await else { return Ok(Performed::Failed(Failure::Files)) };
        if self.woke(mirror.channel, &mut outcome).await {
            let Ok(again) = edit().await else { return Ok(Performed::Failed(Failure::Files)) };
            (outcome, files) = again;
        }
        let done = unless(work, later, redraw::edited_with(work, mirror, files));
        self.changed(work, mirror, done, outcome).await
    }

    /// A call beside the change itself failed: a limit has this delivery wait alone.
    pub(in crate::delivery) fn delayed(&self, work: &Work, error: &RestError) -> Performed {
        match self.failed(error) {
            Performed::Limited(until) => Performed::Done(Done::Delayed { delivery: work.delivery.id, until }),
            other => other,
        }
    }

    /// The files that stand with a mirror, where any of them may be wanted.
    async fn standing_files(
        &self,
        webhook: &Webhook,
        message: WebhookMessage,
        wanted: &Payload,
        mirror: &Mirror,
    ) -> Result<Vec<StandingFile>, RestError> {
        if wanted.files.is_empty() {
            return Ok(Vec::new());
        }
        let standing = self.tools.rest.webhook_message(access(webhook), message).await?.attachments;
        // What somebody took off a message is known to nobody.
        let known = mirror.files.len() == standing.len();
        let file = |(index, file): (usize, Attachment)| StandingFile {
            name: file.name(),
            hidden: file.is_spoiler(),
            size: file.size,
            id: file.id,
            source: mirror.files.get(index).copied().filter(|_| known),
        };
        Ok(standing.into_iter().enumerate().map(file).collect())
    }

    pub(in crate::delivery) async fn delete(
        &mut self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Performed, StoreError> {
        let done = Done::Deleted { delivery: work.delivery.id, message: mirror.message };
        let outcome = match self.webhook_of(work, mirror.message) {
            Some(webhook) => {
                let (webhook, message) = (access(webhook), self.address(mirror));
                let delete = async || self.tools.rest.delete_webhook_message(webhook, message).await;
                let mut outcome = delete().await;
                if self.woke(mirror.channel, &mut outcome).await {
                    outcome = delete().await;
                }
                outcome
            }
            // The webhook that made it is gone: the bot may still be allowed to.
            None => self.delete_as_bot(work, mirror).await,
        };
        if matches!(outcome, ChangeOutcome::Done | ChangeOutcome::MirrorGone)
            && let Some(instead) = self.tidy_for_good(work, mirror).await?
        {
            return Ok(instead);
        }
        self.changed(work, mirror, done, outcome).await
    }

    /// Deletes a mirror of a former webhook. What can't be done is left at that: there is no other way.
    async fn delete_as_bot(&self, work: &Work, mirror: &Mirror) -> ChangeOutcome {
        let reason = "The original was deleted";
        let outcome = self.tools.rest.delete_message(mirror.channel, mirror.message, reason).await;
        let refused = matches!(outcome, ChangeOutcome::Forbidden(_) | ChangeOutcome::Refused(_));
        if refused && self.is_news(work, "mirror beyond reach") {
            tracing::warn!(channel = %self.target, "a mirror of a former webhook can't be deleted without Manage Messages");
        }
        if outcome.is_final() { ChangeOutcome::Done } else { outcome }
    }

    /// What an edit or a deletion came to.
    pub(in crate::delivery) async fn changed(
        &mut self,
        work: &Work,
        mirror: &Mirror,
        done: Done,
        outcome: ChangeOutcome,
    ) -> Result<Performed, StoreError> {
        let webhook = mirror.webhook;
        let gone = Done::Deleted { delivery: work.delivery.id, message: mirror.message };
        match outcome {
            ChangeOutcome::Done => {
                count("changed");
                Ok(Performed::Done(done))
            }
            ChangeOutcome::MirrorGone => Ok(Performed::Done(gone)),
            ChangeOutcome::Wait(how_long) | ChangeOutcome::TooOften(how_long) => {
                // Of its own: an edit that must wait does not hold the lane.
                Ok(Performed::Done(Done::Delayed {
                    delivery: work.delivery.id,
                    until: self.now() + span(how_long),
                }))
            }
            ChangeOutcome::Again => Ok(Performed::Failed(Failure::NoAnswer)),
            ChangeOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            ChangeOutcome::Forbidden(why) => self.forbidden(work, webhook, why).await,
            ChangeOutcome::TargetGone => match self.gone(Some(mirror.channel), webhook).await {
                Gone::Target => self.target_gone(work).await,
                Gone::Post => Ok(Performed::Done(gone)),
                Gone::Moved => self.moved(work, webhook).await,
                Gone::Unclear => Ok(Performed::Failed(Failure::NoAnswer)),
            },
            ChangeOutcome::Archived => {
                if self.is_news(work, "archived thread") {
                    tracing::warn!(channel = %mirror.channel, "an archived thread can't be woken, so what stands there stays as it is");
                }
                Ok(self.ended(work, Ending::Refused))
            }
            ChangeOutcome::Refused(refusal) if self.is_too_large(work, &refusal) => {
                Ok(Performed::Failed(Failure::Busy))
            }
            ChangeOutcome::Refused(refusal) => Ok(self.refused(work, &refusal)),
        }
    }
}

/// What to record of an edit whose post's title has to wait: that it is to be done once more, which changes nothing else.
pub(in crate::delivery) fn unless(work: &Work, held: Option<Held>, done: Done) -> Done {
    let delivery = work.delivery.id;
    match held {
        None => done,
        Some(Held::Until(until)) => Done::Delayed { delivery, until },
        Some(Held::Failed) => Done::Failed { delivery, failure: Failure::NoAnswer },
    }
}
