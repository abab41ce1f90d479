//! Doing one step at Discord, and reading what came of it as something to record.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::{Ending, InFlight, Mirror, Part};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::next_step::Step;
use crate::domain::permissions::Permissions;
use crate::domain::place::Spot;
use crate::domain::rendering::Payload;
use crate::domain::retry::Failure;
use crate::domain::webhook::Webhook;
use crate::metrics as names;
use crate::rest::{
    Denied, ErrorCode, Landing, Posted, Refusal, RestError, SendOutcome, Upload, WEBHOOK_REASON,
    WebhookAccess,
};
use crate::store::{BreakWhich, Done, LaneWebhook, StoreError, Work};

use super::post::{Gone, Heading};
use super::{panel as redraw, render as parts, upload};
use crate::delivery::Tools;

/// Shorter waits for rate limits are ordinary.
const WORTH_SAYING: Duration = Duration::from_secs(5);

/// What came of a step. All that is neither a success nor an end nor a limit is an attempt that failed.
pub(in crate::delivery) enum Performed {
    /// It succeeded, or there is nothing more to do: this is recorded.
    Done(Done),
    /// It failed. A create surely made nothing.
    Failed(Failure),
    /// Nobody knows whether a create made its message.
    InDoubt,
    /// A limit holds up the whole lane until that time: nothing was tried.
    Limited(DateTime<Utc>),
}

/// What a held lane sends through.
pub(in crate::delivery) struct Sender<'a> {
    pub(in crate::delivery) tools: &'a Tools,
    pub(in crate::delivery) target: ChannelId,
    pub(in crate::delivery) webhook: Option<Webhook>,
    /// Whether that is none of a relay follow's, but there for panels alone.
    pub(in crate::delivery) beside: bool,
    /// What the target is.
    pub(in crate::delivery) spot: Spot,
}

impl<'a> Sender<'a> {
    /// A sender for a target, with its webhook as the database knows it.
    pub(in crate::delivery) fn new(
        tools: &'a Tools,
        target: ChannelId,
        spot: Spot,
        webhook: Option<LaneWebhook>,
    ) -> Self {
        let beside = webhook.as_ref().is_some_and(|known| known.beside);
        let webhook = webhook.map(|known| known.webhook);
        Self { tools, target, webhook, beside, spot }
    }

    /// Does one step.
    pub(in crate::delivery) async fn perform(
        &mut self,
        step: Step,
        work: &Work,
    ) -> Result<Performed, StoreError> {
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
            Step::Delete(message) => match work.mirrors.iter().find(|mirror| mirror.message == message) {
                Some(mirror) => self.delete(work, mirror).await,
                None => Ok(self.ended(work, Ending::Refused)),
            },
            Step::Settle(in_flight) => self.settle(work, in_flight).await,
            // The store answers these by itself.
            Step::Wait(until) => Ok(Performed::Limited(until)),
            Step::Rest | Step::End(_) => Ok(Performed::Limited(self.now())),
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
        if self.tools.learn_file_limit(work).await {
            // There may be more parts now, or fewer.
            return Ok(Performed::Limited(self.now()));
        }
        let limit = self.tools.sizes.limit(work);
        let (Some(webhook), Some(mut payload)) = (&self.webhook, parts::part(work, part, limit)) else {
            return Ok(self.ended(work, Ending::FollowEnded));
        };
        if in_flight.webhook != Some(webhook.id) {
            // What isn't written down as the webhook of what is in flight carries nothing: a doubt is looked for by it.
            return Ok(Performed::Failed(Failure::Webhook));
        }
        if self.has_no_post(work) {
            return Ok(self.without_post(work));
        }
        let landing = parts::landing(work);
        let heading = match landing {
            Landing::NewPost => match self.heading(work, webhook.id).await {
                Ok(Some(heading)) => Some(heading),
                Ok(None) => return self.moved(work, webhook.id).await,
                Err(error) => return Ok(self.failed(&error)),
            },
            Landing::Channel(_) | Landing::Thread(_) => None,
        };
        let mut names = std::mem::take(&mut payload.other_names).into_iter();
        let (outcome, files) = loop {
            // Files can be sent once only: they are opened for each name.
            let mut message = payload.clone();
            let Ok(uploads) = upload::open(self.tools, work, &mut message).await else {
                return Ok(Performed::Failed(Failure::Files));
            };
            let files: Vec<u64> = message.files.iter().map(|file| file.id).collect();
            let outcome = self.post(webhook, landing, heading.as_ref(), &message, uploads).await;
            match (&outcome, names.next()) {
                (SendOutcome::Refused(refusal), Some(name)) if refusal.fields.username => {
                    tracing::info!(channel = %self.target, "Discord refused an author's name; the message is posted under another");
                    payload.username = name;
                }
                _ => break (outcome, files),
            }
        };
        let webhook = webhook.id;
        if let SendOutcome::Shown(posted) = outcome {
            self.count_shown(work);
            let mirror = mirror(in_flight, webhook, posted, files);
            return Ok(Performed::Done(Done::Created { in_flight, mirror, overtakes: work.overtakes }));
        }
        if let SendOutcome::WebhookMoved(posted) = outcome {
            // What it did there is taken back.
            self.take_back(&mirror(in_flight, webhook, posted, files)).await?;
        }
        self.not_shown(work, webhook, (landing, heading.as_ref()), outcome).await
    }

    /// What comes of a create that didn't make its message where it should stand.
    async fn not_shown(
        &mut self,
        work: &Work,
        webhook: WebhookId,
        (landing, heading): (Landing, Option<&Heading>),
        outcome: SendOutcome,
    ) -> Result<Performed, StoreError> {
        match outcome {
            SendOutcome::Wait(how_long) => {
                let until = self.now() + span(how_long);
                if how_long > WORTH_SAYING {
                    tracing::info!(channel = %self.target, %until, "a rate limit holds up a target");
                }
                Ok(Performed::Limited(until))
            }
            SendOutcome::Unclear(doubt) => {
                tracing::warn!(channel = %self.target, %doubt, "a send ended in doubt; it is settled before anything else is sent");
                Ok(Performed::InDoubt)
            }
            SendOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            SendOutcome::WebhookMoved(_) => self.moved(work, webhook).await,
            SendOutcome::Forbidden(why) => self.forbidden(work, webhook, why).await,
            SendOutcome::Archived => match self.wake(work.channel().unwrap_or(self.target)).await {
                Err(RestError::Forbidden(why)) => {
                    // Of a forum's post, whatever it is: the post is as good as locked.
                    let is_post = matches!(self.spot, Spot::Forum);
                    let why = if why == Denied::TwoFactor && !is_post { why } else { Denied::ThreadLocked };
                    self.forbidden(work, webhook, why).await
                }
                Ok(()) | Err(_) => Ok(Performed::Failed(Failure::Busy)),
            },
            SendOutcome::TargetGone => match self.gone(work.channel(), webhook).await {
                Gone::Target => self.target_gone(work).await,
                Gone::Post => Ok(self.without_post(work)),
                Gone::Moved => self.moved(work, webhook).await,
                Gone::Unclear => Ok(Performed::Failed(Failure::NoAnswer)),
            },
            SendOutcome::Refused(refusal) => match (landing, refusal.code) {
                (Landing::NewPost, ErrorCode::NOT_A_FORUM) => self.moved(work, webhook).await,
                (Landing::Channel(_), ErrorCode::FORUM_NEEDS_THREAD) => self.moved(work, webhook).await,
                (Landing::NewPost, ErrorCode::TOO_MANY_THREADS) => Ok(Performed::Failed(Failure::Busy)),
                (Landing::NewPost, _) if self.was_out_of_date(&refusal, heading) => {
                    Ok(Performed::Failed(Failure::Busy))
                }
                _ if self.is_too_large(work, &refusal) => Ok(Performed::Failed(Failure::Busy)),
                _ => Ok(self.refused(work, &refusal)),
            },
            SendOutcome::NotSent | SendOutcome::Shown(_) => Ok(Performed::Failed(Failure::NotSent)),
        }
    }

    async fn post(
        &self,
        webhook: &Webhook,
        landing: Landing,
        heading: Option<&Heading>,
        payload: &Payload,
        uploads: Vec<Upload>,
    ) -> SendOutcome {
        let webhook = access(webhook);
        let body = match heading {
            Some(heading) => payload.create_body().begins_post(&heading.title, &heading.tags),
            None => payload.create_body(),
        };
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

    /// Somebody moved the webhook: it must not carry anything there, and goes.
    pub(in crate::delivery) async fn moved(
        &mut self,
        work: &Work,
        webhook: WebhookId,
    ) -> Result<Performed, StoreError> {
        let _ = self.tools.rest.delete_webhook(webhook, WEBHOOK_REASON).await;
        self.replace_webhook(work, webhook, BrokenReason::WebhookMoved).await
    }

    /// Discord doesn't let the webhook do it. In a thread that is the thread's matter: others that post through the webhook go on.
    pub(in crate::delivery) async fn forbidden(
        &mut self,
        work: &Work,
        webhook: WebhookId,
        why: Denied,
    ) -> Result<Performed, StoreError> {
        let which = match self.spot {
            Spot::Forum if why == Denied::ThreadLocked => {
                tracing::warn!(channel = %self.target, "a post is locked, and can't be written in");
                return Ok(self.ended(work, Ending::Refused));
            }
            Spot::Thread { .. } => BreakWhich::RelayInto(self.target),
            Spot::Channel | Spot::Forum => BreakWhich::RelayWebhook(webhook),
        };
        let cause = self.cause_of_break(&RestError::Forbidden(why)).await;
        self.break_all(which, cause.unwrap_or(BrokenReason::TargetForbidden)).await?;
        Ok(self.ended(work, Ending::FollowEnded))
    }

    async fn cause_of_break(&self, error: &RestError) -> Option<BrokenReason> {
        let channel = self.spot.webhook_channel(self.target);
        self.tools.rest.cause_of_break(channel, error, self.now()).await
    }

    /// The target was deleted.
    pub(in crate::delivery) async fn target_gone(&mut self, work: &Work) -> Result<Performed, StoreError> {
        self.break_all(BreakWhich::Target(self.target), BrokenReason::TargetDeleted).await?;
        Ok(self.ended(work, Ending::FollowEnded))
    }

    /// The webhook can't be used any more. Another may have taken its place since this lane began; else it is looked for once, and made again where
    /// the bot may; else what posts through it is broken.
    pub(in crate::delivery) async fn replace_webhook(
        &mut self,
        work: &Work,
        gone: WebhookId,
        reason: BrokenReason,
    ) -> Result<Performed, StoreError> {
        self.webhook = self.tools.store.lane_webhook(self.target).await?.map(|known| known.webhook);
        if self.webhook.as_ref().is_none_or(|webhook| webhook.id == gone) {
            match self.make_webhook().await? {
                Ok(()) => tracing::info!(channel = %self.target, "a webhook was gone, and is replaced"),
                Err(error) if error.passes() => return Ok(self.failed(&error)),
                Err(error) => {
                    let cause = self.cause_of_break(&error).await;
                    let hooks = Permissions::MANAGE_WEBHOOKS;
                    let is_lacking = cause.is_none() && error.is_forbidden();
                    let lacking = if is_lacking { hooks } else { Permissions::empty() };
                    let reason = cause.unwrap_or(reason);
                    self.break_lacking(BreakWhich::RelayWebhook(gone), reason, lacking).await?;
                    return Ok(self.ended(work, Ending::FollowEnded));
                }
            }
        }
        // An attempt like any other: a webhook that is gone again and again must not be replaced without a bound. What the former one made is beyond its successor's
        // reach, which the next look at it finds.
        Ok(Performed::Failed(Failure::Webhook))
    }

    pub(in crate::delivery) async fn break_all(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
    ) -> Result<(), StoreError> {
        self.break_lacking(which, reason, Permissions::empty()).await
    }

    async fn break_lacking(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        lacking: Permissions,
    ) -> Result<(), StoreError> {
        for follow in self.tools.store.break_lacking(which, reason, lacking, self.now()).await? {
            tracing::warn!(follow = follow.id.0, reason = reason.as_str(), "follow broken");
        }
        Ok(())
    }

    /// A call beside the step itself failed.
    pub(in crate::delivery) fn failed(&self, error: &RestError) -> Performed {
        match (error.held_for(), error) {
            (Some(how_long), _) => Performed::Limited(self.now() + span(how_long)),
            (None, RestError::NotSent) => Performed::Failed(Failure::NotSent),
            (None, _) => Performed::Failed(Failure::NoAnswer),
        }
    }

    pub(in crate::delivery) fn refused(&self, work: &Work, refusal: &Refusal) -> Performed {
        // Discord's own words are left out: they can quote the message.
        // A panel is refused again with each revision.
        if !redraw::is_panel(work) || self.is_news(work, "refused panel") {
            tracing::warn!(channel = %self.target, status = refusal.status, code = %refusal.code, "Discord refused a message");
        }
        self.ended(work, Ending::Refused)
    }

    /// Whether files were refused that the target took before: then they are linked.
    pub(in crate::delivery) fn is_too_large(&self, work: &Work, refusal: &Refusal) -> bool {
        refusal.code == ErrorCode::TOO_LARGE && self.tools.sizes.lower(work, self.now())
    }

    pub(in crate::delivery) fn ended(&self, work: &Work, ending: Ending) -> Performed {
        count(ending.as_str());
        Performed::Done(Done::Ended { delivery: work.delivery.id, ending })
    }

    /// The webhook that made this mirror, if it is the one that the lane has.
    pub(in crate::delivery) fn webhook_of(&self, work: &Work, message: MessageId) -> Option<&Webhook> {
        let mirror = work.mirrors.iter().find(|mirror| mirror.message == message)?;
        self.webhook.as_ref().filter(|webhook| webhook.id == mirror.webhook)
    }

    pub(in crate::delivery) fn now(&self) -> DateTime<Utc> {
        self.tools.clock.now()
    }
}

/// The mirror that a create made.
pub(in crate::delivery) const fn mirror(
    in_flight: InFlight,
    webhook: WebhookId,
    posted: Posted,
    files: Vec<u64>,
) -> Mirror {
    Mirror {
        message: posted.message,
        channel: posted.channel,
        webhook,
        part: in_flight.part,
        revision: in_flight.revision,
        files,
    }
}

pub(in crate::delivery) const fn access(webhook: &Webhook) -> WebhookAccess<'_> {
    WebhookAccess { id: webhook.id, token: &webhook.token }
}

/// Counts what came of a step.
pub(in crate::delivery) fn count(outcome: &'static str) {
    metrics::counter!(names::DELIVERIES, "outcome" => outcome).increment(1);
}

pub(in crate::delivery) fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}
