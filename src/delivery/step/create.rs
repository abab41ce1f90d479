//! Creating a mirror: the first showing of a part of an activity.

use crate::domain::activity::{DeliveryEnding, InFlight, Mirror, Part, Staleness};
use crate::domain::ids::WebhookId;
use crate::domain::rendering::Payload;
use crate::domain::retry::AttemptFailure;
use crate::domain::webhook::WebhookCredentials;
use crate::metrics as names;
use crate::rest::{Destination, PostedMessage, SendOutcome, Upload};
use crate::store::{StoreError, Work};

use super::outcome::CreateRequest;
use super::post::PostHeading;
use super::{StepOutcome, StepRunner, count_outcome, files, panel, render, webhook_access};

impl StepRunner<'_> {
    pub(super) async fn create(
        &mut self,
        work: &Work,
        in_flight: InFlight,
        part: Part,
    ) -> Result<StepOutcome, StoreError> {
        if let Some(instead) = self.ensure_panel_webhook(work).await? {
            return Ok(instead);
        }
        if self.tools.learn_file_limit(work).await {
            // There may be more parts now, or fewer.
            return Ok(StepOutcome::Limited(self.now()));
        }
        let limit = self.tools.file_limits.limit(work);
        let (Some(webhook), Some(mut payload)) = (&self.webhook, render::payload(work, part, limit)) else {
            return Ok(self.end(work, DeliveryEnding::FollowEnded));
        };
        if in_flight.webhook != Some(webhook.id) {
            // Only the webhook that is written down with the create in flight may carry it: settling looks
            // for that one.
            return Ok(StepOutcome::Failed(AttemptFailure::Webhook));
        }
        if self.has_no_post(work) {
            return Ok(self.end_without_post(work));
        }
        let destination = render::destination(work);
        let heading = match destination {
            Destination::NewPost => match self.post_heading(work, webhook.id).await {
                Ok(Some(heading)) => Some(heading),
                Ok(None) => return self.replace_moved_webhook(work, webhook.id).await,
                Err(error) => return Ok(self.fail(&error)),
            },
            Destination::Channel(_) | Destination::Thread(_) => None,
        };
        let mut other_names = std::mem::take(&mut payload.other_names).into_iter();
        let (outcome, files) = loop {
            // Files can be sent once only, so they are opened for each name.
            let mut message = payload.clone();
            let Ok(uploads) = files::open(self.tools, work, &mut message).await else {
                return Ok(StepOutcome::Failed(AttemptFailure::Files));
            };
            let files: Vec<u64> = message.files.iter().map(|file| file.id).collect();
            let outcome = self.send(webhook, destination, heading.as_ref(), &message, uploads).await;
            match (&outcome, other_names.next()) {
                (SendOutcome::Refused(refusal), Some(name)) if refusal.fields.username => {
                    tracing::info!(channel = %self.target, "Discord refused an author's name; the message is posted under another");
                    payload.username = name;
                }
                _ => break (outcome, files),
            }
        };
        let request =
            CreateRequest { in_flight, webhook: webhook.id, destination, heading: heading.as_ref(), files };
        self.conclude_create(work, request, outcome).await
    }

    /// Posts through the webhook.
    async fn send(
        &self,
        webhook: &WebhookCredentials,
        destination: Destination,
        heading: Option<&PostHeading>,
        payload: &Payload,
        uploads: Vec<Upload>,
    ) -> SendOutcome {
        let webhook = webhook_access(webhook);
        let body = match heading {
            Some(heading) => payload.create_body().begins_post(&heading.title, &heading.tags),
            None => payload.create_body(),
        };
        if uploads.is_empty() {
            self.tools.rest.create_webhook_message(webhook, destination, &body).await
        } else {
            self.tools.rest.create_webhook_message_with_files(webhook, destination, &body, uploads).await
        }
    }

    /// Counts a message that was made, and how long after its original it was.
    pub(super) fn count_shown(&self, work: &Work) {
        count_outcome("shown");
        if panel::is_panel(work) {
            // A panel is older than many who follow it.
            return;
        }
        let lag = (self.now() - work.activity.origin.message().created_at()).to_std().unwrap_or_default();
        metrics::histogram!(names::DELIVERY_LAG).record(lag.as_secs_f64());
    }
}

/// The mirror that a create made.
pub(super) const fn created_mirror(
    in_flight: InFlight,
    webhook: WebhookId,
    posted: PostedMessage,
    files: Vec<u64>,
) -> Mirror {
    Mirror {
        message: posted.message,
        channel: posted.channel,
        webhook,
        part: in_flight.part,
        revision: in_flight.revision,
        staleness: Staleness { is_stale: false, marks: 0 },
        files,
    }
}
