//! Doing one step at Discord, and reading what came of it as something to record.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::{Ending, InFlight, Mirror, Part};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::next_step::Step;
use crate::domain::rendering::Payload;
use crate::domain::retry::backoff;
use crate::domain::webhook::Webhook;
use crate::metrics as names;
use crate::rest::model::Attachment;
use crate::rest::{
    ChangeOutcome, Landing, Posted, Refusal, RestError, SendOutcome, Upload, WEBHOOK_REASON, WebhookAccess,
    WebhookMessage,
};
use crate::store::{BreakWhich, Done, StoreError, Work};

use super::{SETTLING, Tools, parts, redraw, settle, upload};

/// How long a delivery is tried before it is given up.
const GIVE_UP: TimeDelta = TimeDelta::days(1);

/// How often a panel is tried in a row, before its next change: about a day. Its age says nothing, as it may be shown for years.
const MOST_REDRAWS: u32 = 150;

/// What came of a step.
pub(super) enum Performed {
    /// This is to be recorded, and the lane goes on.
    Done(Done),
    /// This is to be recorded, if anything, and the whole lane waits until that time.
    Wait(Option<Done>, DateTime<Utc>),
}

/// What a held lane sends through.
pub(super) struct Sender<'a> {
    pub(super) tools: &'a Tools,
    pub(super) target: ChannelId,
    pub(super) webhook: Option<Webhook>,
    /// Whether that is none of a relay follow's, but there for panels alone.
    pub(super) beside: bool,
}

impl<'a> Sender<'a> {
    /// A sender for a target, with its webhook as the database knows it.
    pub(super) async fn new(tools: &'a Tools, target: ChannelId) -> Result<Self, StoreError> {
        let known = tools.store.lane_webhook(target).await?;
        let beside = known.as_ref().is_some_and(|known| known.beside);
        Ok(Self { tools, target, webhook: known.map(|known| known.webhook), beside })
    }

    /// Does one step.
    pub(super) async fn perform(&mut self, step: Step, work: &Work) -> Result<Performed, StoreError> {
        match step {
            Step::Create(part) => match work.in_flight {
                Some(in_flight) => self.create(work, in_flight, part).await,
                None => Ok(self.ended(work, Ending::Refused)),
            },
            Step::Edit(message, _) => match work.mirrors.iter().find(|mirror| mirror.message == message) {
                Some(mirror) if redraw::is_panel(work) => self.redraw(work, mirror).await,
                Some(mirror) => self.edit(work, mirror).await,
                None => Ok(self.ended(work, Ending::Refused)),
            },
            Step::Delete(message) => self.delete(work, message).await,
            Step::Settle(in_flight) => {
                let done = settle::look(self.tools, self.webhook.as_ref(), work, in_flight).await;
                Ok(match done {
                    Ok(done) => Performed::Done(done),
                    Err(error) => {
                        tracing::warn!(channel = %self.target, %error, "can't look whether a message was made");
                        Performed::Wait(None, self.later(work))
                    }
                })
            }
            // The store answers these by itself.
            Step::Wait(until) => Ok(Performed::Wait(None, until)),
            Step::Rest | Step::End(_) => Ok(Performed::Wait(None, self.now())),
        }
    }

    async fn create(
        &mut self,
        work: &Work,
        in_flight: InFlight,
        part: Part,
    ) -> Result<Performed, StoreError> {
        if let Some(instead) = self.prepare(work).await? {
            return Ok(instead);
        }
        let (Some(webhook), Some(mut payload)) = (&self.webhook, parts::part(work, part)) else {
            return Ok(self.ended(work, Ending::FollowEnded));
        };
        let Ok(uploads) = upload::open(self.tools, work, &mut payload).await else {
            return Ok(self.postponed(work));
        };
        let files = u8::try_from(uploads.len()).unwrap_or(u8::MAX);
        let outcome = self.post(webhook, &payload, uploads).await;
        let webhook = webhook.id;
        let not_made = Done::NotMade { in_flight };
        match outcome {
            SendOutcome::Shown(posted) => {
                self.count_shown(work);
                let mirror = mirror(in_flight, webhook, posted, files);
                Ok(Performed::Done(Done::Created { in_flight, mirror }))
            }
            SendOutcome::Wait(how_long) => Ok(Performed::Wait(Some(not_made), self.now() + span(how_long))),
            SendOutcome::NotSent => Ok(self.postponed(work)),
            SendOutcome::Unclear(doubt) => {
                tracing::warn!(channel = %self.target, %doubt, "a send ended in doubt; it is settled before anything else is sent");
                count("unclear");
                let settle_at = self.now() + SETTLING;
                Ok(Performed::Wait(Some(Done::InDoubt { in_flight, settle_at }), settle_at))
            }
            SendOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            SendOutcome::WebhookMoved(posted) => {
                // It must not carry anything there: what it did is taken back, and it goes itself.
                self.take_back(&mirror(in_flight, webhook, posted, files)).await;
                let _ = self.tools.rest.delete_webhook(webhook, WEBHOOK_REASON).await;
                self.replace_webhook(work, webhook, BrokenReason::WebhookMoved).await
            }
            SendOutcome::Forbidden(_) => {
                self.break_all(BreakWhich::RelayWebhook(webhook), BrokenReason::TargetForbidden).await?;
                Ok(self.ended(work, Ending::FollowEnded))
            }
            SendOutcome::TargetGone => {
                self.break_all(BreakWhich::Target(self.target), BrokenReason::TargetDeleted).await?;
                Ok(self.ended(work, Ending::FollowEnded))
            }
            SendOutcome::Refused(refusal) => Ok(self.refused(work, &refusal)),
        }
    }

    async fn post(&self, webhook: &Webhook, payload: &Payload, uploads: Vec<Upload>) -> SendOutcome {
        let landing = Landing::Channel(self.target);
        let (webhook, body) = (access(webhook), payload.create_body());
        if uploads.is_empty() {
            self.tools.rest.execute_webhook(webhook, landing, &body).await
        } else {
            self.tools.rest.execute_webhook_with_files(webhook, landing, &body, uploads).await
        }
    }

    fn count_shown(&self, work: &Work) {
        count("shown");
        if redraw::is_panel(work) {
            // A panel is older than many who follow it.
            return;
        }
        let lag = (self.now() - work.activity.origin.message().created_at()).to_std().unwrap_or_default();
        metrics::histogram!(names::DELIVERY_LAG).record(lag.as_secs_f64());
    }

    async fn edit(&mut self, work: &Work, mirror: &Mirror) -> Result<Performed, StoreError> {
        let (message, done) = (mirror.message, redraw::edited(work, mirror));
        let Some(webhook) = self.webhook_of(work, message) else {
            // Only the webhook that made a message can edit it.
            return Ok(Performed::Done(done));
        };
        let (parts, part) = (parts::parts(work), usize::try_from(mirror.part.0));
        let Some(mut payload) = part.ok().and_then(|part| parts.get(part)).cloned() else {
            return Ok(Performed::Done(done));
        };
        let address = WebhookMessage { id: message, thread: None };
        let standing = match self.standing_files(webhook, address, mirror).await {
            Ok(standing) => standing,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(_) => return Ok(self.postponed(work)),
        };
        let names: Vec<_> = standing.iter().map(|file| file.filename.as_str()).collect();
        // An edit uploads nothing: what was linked stays linked.
        payload.link_missing(&names, work.link());
        let stays = |file: &&Attachment| parts.iter().any(|part| part.has_file(&file.filename));
        let kept: Vec<_> = standing.iter().filter(stays).map(|file| file.id.clone()).collect();
        let keep = (mirror.files > 0).then_some(kept.as_slice());
        let body = payload.edit_body(keep);
        let outcome = self.tools.rest.edit_webhook_message(access(webhook), address, &body).await;
        let webhook = webhook.id;
        self.changed(work, webhook, message, done, outcome).await
    }

    /// The files that stand with a mirror.
    async fn standing_files(
        &self,
        webhook: &Webhook,
        message: WebhookMessage,
        mirror: &Mirror,
    ) -> Result<Vec<Attachment>, RestError> {
        if mirror.files == 0 {
            return Ok(Vec::new());
        }
        Ok(self.tools.rest.webhook_message(access(webhook), message).await?.attachments)
    }

    async fn delete(&mut self, work: &Work, message: MessageId) -> Result<Performed, StoreError> {
        let done = Done::Deleted { delivery: work.delivery.id, message };
        let Some(webhook) = self.webhook_of(work, message) else {
            // The webhook that made it is gone: the bot may still be allowed to.
            let outcome =
                self.tools.rest.delete_message(self.target, message, "The original was deleted").await;
            if matches!(outcome, ChangeOutcome::Forbidden(_) | ChangeOutcome::Refused(_)) {
                tracing::warn!(channel = %self.target, "a mirror of a former webhook can't be deleted without Manage Messages");
            }
            return Ok(Performed::Done(done));
        };
        let outcome = self
            .tools
            .rest
            .delete_webhook_message(access(webhook), WebhookMessage { id: message, thread: None })
            .await;
        let webhook = webhook.id;
        self.changed(work, webhook, message, done, outcome).await
    }

    /// What an edit or a deletion came to.
    pub(super) async fn changed(
        &mut self,
        work: &Work,
        webhook: WebhookId,
        message: MessageId,
        done: Done,
        outcome: ChangeOutcome,
    ) -> Result<Performed, StoreError> {
        match outcome {
            ChangeOutcome::Done => {
                count("changed");
                Ok(Performed::Done(done))
            }
            ChangeOutcome::MirrorGone => {
                Ok(Performed::Done(Done::Deleted { delivery: work.delivery.id, message }))
            }
            ChangeOutcome::Wait(how_long) | ChangeOutcome::TooOften(how_long) => {
                // Of its own: an edit that must wait does not hold the lane.
                Ok(Performed::Done(Done::Postponed {
                    delivery: work.delivery.id,
                    until: self.now() + span(how_long),
                }))
            }
            ChangeOutcome::Again => Ok(self.postponed(work)),
            ChangeOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            ChangeOutcome::Forbidden(_) => {
                self.break_all(BreakWhich::RelayWebhook(webhook), BrokenReason::TargetForbidden).await?;
                Ok(self.ended(work, Ending::FollowEnded))
            }
            ChangeOutcome::TargetGone => {
                self.break_all(BreakWhich::Target(self.target), BrokenReason::TargetDeleted).await?;
                Ok(self.ended(work, Ending::FollowEnded))
            }
            ChangeOutcome::Refused(refusal) => Ok(self.refused(work, &refusal)),
        }
    }

    /// The webhook can't be used any more. Another may have taken its place since this lane began; else it is looked for once, and made again where
    /// the bot may; else what posts through it is broken.
    async fn replace_webhook(
        &mut self,
        work: &Work,
        gone: WebhookId,
        reason: BrokenReason,
    ) -> Result<Performed, StoreError> {
        self.webhook = self.tools.store.lane_webhook(self.target).await?.map(|known| known.webhook);
        if self.webhook.as_ref().is_none_or(|webhook| webhook.id == gone) {
            match self.make_webhook().await? {
                Ok(()) => tracing::info!(channel = %self.target, "a webhook was gone, and is replaced"),
                Err(error) if error.passes() => return Ok(self.postponed(work)),
                Err(_) => {
                    self.break_all(BreakWhich::RelayWebhook(gone), reason).await?;
                    return Ok(self.ended(work, Ending::FollowEnded));
                }
            }
        }
        Ok(Performed::Done(match work.in_flight {
            Some(in_flight) => Done::NotMade { in_flight },
            // What the former webhook made is beyond its successor's reach, which the next look at it finds.
            None => Done::Postponed { delivery: work.delivery.id, until: self.now() },
        }))
    }

    async fn break_all(&self, which: BreakWhich, reason: BrokenReason) -> Result<(), StoreError> {
        for follow in self.tools.store.break_follows(which, reason, self.now()).await? {
            tracing::warn!(follow = follow.id.0, reason = reason.as_str(), "follow broken");
        }
        Ok(())
    }

    /// Tried again by the schedule, or given up when it failed for too long.
    pub(super) fn postponed(&self, work: &Work) -> Performed {
        let too_long = if redraw::is_panel(work) {
            work.delivery.attempts >= MOST_REDRAWS
        } else {
            self.now() - work.recorded_at > GIVE_UP && work.delivery.attempts > 0
        };
        if too_long {
            tracing::warn!(channel = %self.target, attempts = work.delivery.attempts, "a delivery is given up");
            return self.ended(work, Ending::GaveUp);
        }
        count("postponed");
        Performed::Done(Done::Postponed { delivery: work.delivery.id, until: self.later(work) })
    }

    fn refused(&self, work: &Work, refusal: &Refusal) -> Performed {
        // Discord's own words are left out: they can quote the message.
        tracing::warn!(channel = %self.target, status = refusal.status, code = %refusal.code, "Discord refused a message");
        self.ended(work, Ending::Refused)
    }

    pub(super) fn ended(&self, work: &Work, ending: Ending) -> Performed {
        count(ending.as_str());
        Performed::Done(Done::Ended { delivery: work.delivery.id, ending })
    }

    /// Deletes a message that must not stand: one that landed in another channel, or that another process makes again.
    pub(super) async fn take_back(&self, mirror: &Mirror) {
        let Some(webhook) = &self.webhook else { return };
        let message = WebhookMessage { id: mirror.message, thread: None };
        let outcome = self.tools.rest.delete_webhook_message(access(webhook), message).await;
        if !matches!(outcome, ChangeOutcome::Done | ChangeOutcome::MirrorGone) {
            tracing::error!(channel = %mirror.channel, "a message that must not stand can't be deleted");
        }
    }

    /// The webhook that made this mirror, if it is the one that the lane has.
    fn webhook_of(&self, work: &Work, message: MessageId) -> Option<&Webhook> {
        let mirror = work.mirrors.iter().find(|mirror| mirror.message == message)?;
        self.webhook.as_ref().filter(|webhook| webhook.id == mirror.webhook)
    }

    fn later(&self, work: &Work) -> DateTime<Utc> {
        self.now() + backoff(work.delivery.attempts + 1, rand::random())
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.tools.clock.now()
    }
}

/// The mirror that a create made.
pub(super) const fn mirror(in_flight: InFlight, webhook: WebhookId, posted: Posted, files: u8) -> Mirror {
    Mirror {
        message: posted.message,
        channel: posted.channel,
        webhook,
        part: in_flight.part,
        revision: in_flight.revision,
        files,
    }
}

pub(super) const fn access(webhook: &Webhook) -> WebhookAccess<'_> {
    WebhookAccess { id: webhook.id, token: &webhook.token }
}

/// Counts what came of a step.
pub(super) fn count(outcome: &'static str) {
    metrics::counter!(names::DELIVERIES, "outcome" => outcome).increment(1);
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(GIVE_UP)
}
