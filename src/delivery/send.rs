//! Doing one step at Discord, and reading what came of it as something to record.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::{Ending, InFlight, Mirror, Part};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::next_step::Step;
use crate::domain::place::Spot;
use crate::domain::rendering::Payload;
use crate::domain::retry::backoff;
use crate::domain::webhook::Webhook;
use crate::metrics as names;
use crate::rest::{
    Denied, ErrorCode, Landing, Posted, Refusal, SendOutcome, Upload, WEBHOOK_REASON, WebhookAccess,
};
use crate::store::{BreakWhich, Done, LaneWebhook, StoreError, Work};

use super::posts::{Gone, Heading};
use super::{SETTLING, Tools, parts, redraw, settle, upload};

/// How long a delivery is tried before it is given up.
const GIVE_UP: TimeDelta = TimeDelta::days(1);

/// Shorter waits for rate limits are ordinary.
const WORTH_SAYING: Duration = Duration::from_secs(5);

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
    /// What the target is.
    pub(super) spot: Spot,
    /// The forum was looked at anew, as Discord had refused what was known of it.
    pub(super) asked_anew: bool,
}

impl<'a> Sender<'a> {
    /// A sender for a target, with its webhook as the database knows it.
    pub(super) fn new(tools: &'a Tools, target: ChannelId, spot: Spot, webhook: Option<LaneWebhook>) -> Self {
        let beside = webhook.as_ref().is_some_and(|known| known.beside);
        let webhook = webhook.map(|known| known.webhook);
        Self { tools, target, webhook, beside, spot, asked_anew: false }
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
            Step::Delete(message) => match work.mirrors.iter().find(|mirror| mirror.message == message) {
                Some(mirror) => self.delete(work, mirror).await,
                None => Ok(self.ended(work, Ending::Refused)),
            },
            Step::Settle(in_flight) => {
                let retracted = self.tools.store.retracted_in(self.target).await?;
                let done = settle::look(self.tools, self.webhook.as_ref(), work, in_flight, retracted).await;
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
        if in_flight.webhook != Some(webhook.id) {
            // What isn't written down as the webhook of what is in flight carries nothing: a doubt is looked for by it.
            return Ok(Performed::Done(Done::NotMade { in_flight }));
        }
        if self.has_no_post(work) {
            return Ok(self.without_post(work));
        }
        let landing = parts::landing(work);
        let heading = match landing {
            Landing::NewPost => match self.heading(work, webhook.id).await {
                Ok(Some(heading)) => Some(heading),
                Ok(None) => return self.moved(work, webhook.id).await,
                Err(_) => return Ok(self.postponed(work)),
            },
            Landing::Channel(_) | Landing::Thread(_) => None,
        };
        let Ok(uploads) = upload::open(self.tools, work, &mut payload).await else {
            return Ok(self.postponed(work));
        };
        let files = u8::try_from(uploads.len()).unwrap_or(u8::MAX);
        let outcome = self.post(webhook, landing, heading.as_ref(), &payload, uploads).await;
        let webhook = webhook.id;
        if let SendOutcome::Shown(posted) = outcome {
            self.count_shown(work);
            self.asked_anew = false;
            let mirror = mirror(in_flight, webhook, posted, files);
            return Ok(Performed::Done(Done::Created { in_flight, mirror }));
        }
        if let SendOutcome::WebhookMoved(posted) = outcome {
            // What it did there is taken back.
            self.take_back(&mirror(in_flight, webhook, posted, files)).await?;
        }
        self.not_shown(work, in_flight, webhook, landing, outcome).await
    }

    /// What comes of a create that didn't make its message where it should stand.
    async fn not_shown(
        &mut self,
        work: &Work,
        in_flight: InFlight,
        webhook: WebhookId,
        landing: Landing,
        outcome: SendOutcome,
    ) -> Result<Performed, StoreError> {
        let not_made = Done::NotMade { in_flight };
        match outcome {
            SendOutcome::Wait(how_long) => {
                let until = self.now() + span(how_long);
                if how_long > WORTH_SAYING {
                    tracing::info!(channel = %self.target, %until, "a rate limit holds up a target");
                }
                Ok(Performed::Wait(Some(not_made), until))
            }
            SendOutcome::Unclear(doubt) => {
                tracing::warn!(channel = %self.target, %doubt, "a send ended in doubt; it is settled before anything else is sent");
                count("unclear");
                let settle_at = self.now() + SETTLING;
                Ok(Performed::Wait(Some(Done::InDoubt { in_flight, settle_at }), settle_at))
            }
            SendOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            SendOutcome::WebhookMoved(_) => self.moved(work, webhook).await,
            SendOutcome::Forbidden(why) => self.forbidden(work, webhook, why).await,
            SendOutcome::Archived => match self.wake(work.channel().unwrap_or(self.target)).await {
                Err(error) if error.is_forbidden() => {
                    self.forbidden(work, webhook, Denied::ThreadLocked).await
                }
                Ok(()) | Err(_) => Ok(self.postponed(work)),
            },
            SendOutcome::TargetGone => match self.gone(work.channel(), webhook).await {
                Gone::Target => self.target_gone(work).await,
                Gone::Post => Ok(self.without_post(work)),
                Gone::Moved => self.moved(work, webhook).await,
                Gone::Unclear => Ok(self.postponed(work)),
            },
            SendOutcome::Refused(refusal) => match (landing, refusal.code) {
                (Landing::NewPost, ErrorCode::NOT_A_FORUM) => self.moved(work, webhook).await,
                (Landing::Channel(_), ErrorCode::FORUM_NEEDS_THREAD) => self.moved(work, webhook).await,
                (Landing::NewPost, ErrorCode::TOO_MANY_THREADS) => Ok(self.postponed(work)),
                (Landing::NewPost, _) if self.was_out_of_date(&refusal) => Ok(Performed::Done(not_made)),
                _ => Ok(self.refused(work, &refusal)),
            },
            SendOutcome::NotSent | SendOutcome::Shown(_) => Ok(self.postponed(work)),
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
    pub(super) async fn moved(&mut self, work: &Work, webhook: WebhookId) -> Result<Performed, StoreError> {
        let _ = self.tools.rest.delete_webhook(webhook, WEBHOOK_REASON).await;
        self.replace_webhook(work, webhook, BrokenReason::WebhookMoved).await
    }

    /// Discord doesn't let the webhook do it. In a thread that is the thread's matter: others that post through the webhook go on.
    pub(super) async fn forbidden(
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
        self.break_all(which, BrokenReason::TargetForbidden).await?;
        Ok(self.ended(work, Ending::FollowEnded))
    }

    /// The target was deleted.
    pub(super) async fn target_gone(&mut self, work: &Work) -> Result<Performed, StoreError> {
        self.break_all(BreakWhich::Target(self.target), BrokenReason::TargetDeleted).await?;
        Ok(self.ended(work, Ending::FollowEnded))
    }

    /// The webhook can't be used any more. Another may have taken its place since this lane began; else it is looked for once, and made again where
    /// the bot may; else what posts through it is broken.
    pub(super) async fn replace_webhook(
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

    pub(super) fn refused(&self, work: &Work, refusal: &Refusal) -> Performed {
        // Discord's own words are left out: they can quote the message.
        tracing::warn!(channel = %self.target, status = refusal.status, code = %refusal.code, "Discord refused a message");
        self.ended(work, Ending::Refused)
    }

    pub(super) fn ended(&self, work: &Work, ending: Ending) -> Performed {
        count(ending.as_str());
        Performed::Done(Done::Ended { delivery: work.delivery.id, ending })
    }

    /// The webhook that made this mirror, if it is the one that the lane has.
    pub(super) fn webhook_of(&self, work: &Work, message: MessageId) -> Option<&Webhook> {
        let mirror = work.mirrors.iter().find(|mirror| mirror.message == message)?;
        self.webhook.as_ref().filter(|webhook| webhook.id == mirror.webhook)
    }

    pub(super) fn later(&self, work: &Work) -> DateTime<Utc> {
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

pub(super) fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(GIVE_UP)
}
