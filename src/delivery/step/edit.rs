//! Editing the mirror of a message.

use crate::domain::activity::Mirror;
use crate::domain::rendering::{ExistingFile, Payload};
use crate::domain::retry::AttemptFailure;
use crate::domain::webhook::WebhookCredentials;
use crate::rest::model::Attachment;
use crate::rest::{RestError, WebhookMessage};
use crate::store::{StepResult, StoreError, Work};

use super::files::{self, FilesUnavailable};
use super::post::RetitleFailure;
use super::{StepOutcome, StepRunner, render, webhook_access};

impl StepRunner<'_> {
    pub(super) async fn edit(&mut self, work: &Work, mirror: &Mirror) -> Result<StepOutcome, StoreError> {
        let done = edited(work, mirror);
        let Some(webhook) = self.webhook_of(mirror).cloned() else {
            // Only the webhook that made a message can edit it.
            return Ok(StepOutcome::Done(done));
        };
        if self.tools.learn_file_limit(work).await {
            return Ok(StepOutcome::Limited(self.now()));
        }
        let limit = self.tools.file_limits.limit(work);
        let Some(mut payload) = render::payload(work, mirror.part, limit) else {
            return Ok(StepOutcome::Done(done));
        };
        let message = self.webhook_message(mirror);
        let existing = match self.existing_files(&webhook, message, &payload, mirror).await {
            Ok(existing) => existing,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Ok(self.fail_change(work, &error)),
        };
        let kept = payload.keep(&existing);
        let retitle_failure = self.retitle(work, mirror).await;
        let edit = async || {
            // Files can be sent once only, so they are opened for each attempt.
            let mut payload = payload.clone();
            let uploads = files::open(self.tools, work, &mut payload).await?;
            let files = kept.sources.iter().copied().chain(payload.files.iter().map(|file| file.id));
            let body = payload.edit_body(Some(&kept.ids));
            let rest = &self.tools.rest;
            let access = webhook_access(&webhook);
            let outcome = rest.edit_webhook_message_with_files(access, message, &body, uploads).await;
            Ok::<_, FilesUnavailable>((outcome, files.collect()))
        };
        let Ok((mut outcome, mut files)) = edit().await else {
            return Ok(StepOutcome::Failed(AttemptFailure::Files));
        };
        if self.woke_thread(mirror.channel, &mut outcome).await {
            let Ok(again) = edit().await else { return Ok(StepOutcome::Failed(AttemptFailure::Files)) };
            (outcome, files) = again;
        }
        let done = unless_retitling_failed(work, retitle_failure, edited_with(work, mirror, files));
        self.conclude_change(work, mirror, done, outcome).await
    }

    /// The files that a mirror has at Discord, where the edit may want to keep any of them.
    async fn existing_files(
        &self,
        webhook: &WebhookCredentials,
        message: WebhookMessage,
        wanted: &Payload,
        mirror: &Mirror,
    ) -> Result<Vec<ExistingFile>, RestError> {
        if wanted.files.is_empty() {
            return Ok(Vec::new());
        }
        let attachments =
            self.tools.rest.webhook_message(webhook_access(webhook), message).await?.attachments;
        // Where somebody has removed a file from the message, nobody knows which one.
        let are_sources_known = mirror.files.len() == attachments.len();
        let existing = |(index, file): (usize, Attachment)| ExistingFile {
            name: file.name(),
            hidden: file.is_spoiler(),
            size: file.size,
            id: file.id,
            source: mirror.files.get(index).copied().filter(|_| are_sources_known),
        };
        Ok(attachments.into_iter().enumerate().map(existing).collect())
    }
}

/// Records that this mirror shows the newest revision now, with the files that it had.
pub(super) fn edited(work: &Work, mirror: &Mirror) -> StepResult {
    edited_with(work, mirror, mirror.files.clone())
}

/// Records that this mirror shows the newest revision now, with these files of the source.
const fn edited_with(work: &Work, mirror: &Mirror, files: Vec<u64>) -> StepResult {
    StepResult::Edited {
        delivery: work.delivery.id,
        message: mirror.message,
        marks: mirror.staleness.marks,
        revision: work.activity.revision,
        files,
    }
}

/// What to record of an edit. Where the title of its post couldn't be changed with it, the edit is done once
/// more later, which changes nothing else.
pub(super) fn unless_retitling_failed(
    work: &Work,
    retitling: Option<RetitleFailure>,
    done: StepResult,
) -> StepResult {
    let delivery = work.delivery.id;
    match retitling {
        None => done,
        Some(RetitleFailure::LimitedUntil(until)) => StepResult::Delayed { delivery, until },
        Some(RetitleFailure::MayPass) => StepResult::Failed { delivery, failure: AttemptFailure::NoAnswer },
    }
}
