//! What an answer of Discord's means for a delivery: the one table of outcomes.
//!
//! | Discord's answer | to a create | to an edit or a deletion |
//! |---|---|---|
//! | done | record the mirror | record the change |
//! | the message is gone (10008) | – | record the mirror as deleted |
//! | a limit, or the fuse | the whole lane waits | this delivery waits alone |
//! | edited too often (30046) | – | this delivery waits alone |
//! | surely nothing was done | failed attempt | failed attempt |
//! | in doubt whether it was done | in doubt, [settled](super::settle) next | failed attempt |
//! | the webhook is gone | replace it, failed attempt | the same |
//! | it landed elsewhere | retract it, replace the webhook, failed attempt | – |
//! | forbidden | break the follows, end | the same |
//! | forbidden, in a locked post | end | end |
//! | the thread is archived | wake it, failed attempt; as forbidden if that fails | end, the mirror stays |
//! | the target is gone | break the follows, end | the same |
//! | a post of the target is gone | end | record the mirror as deleted |
//! | the files are too large | failed attempt, link them from then on | the same |
//! | the forum's tags are out of date, or it has too many threads | failed attempt | – |
//! | the channel became a forum, or was one | replace the webhook, failed attempt | – |
//! | refused for anything else | end | end |
//!
//! A failed attempt is a [`StepOutcome::Failed`]: it is counted, and repeated after growing pauses. "End"
//! ends the delivery.

use std::time::Duration;

use crate::domain::activity::{DeliveryEnding, InFlight, Mirror};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::WebhookId;
use crate::domain::retry::AttemptFailure;
use crate::rest::{ChangeOutcome, Destination, DiscordRefusal, ErrorCode, RestError, SendOutcome};
use crate::store::{StepResult, StoreError, Work};

use super::create::created_mirror;
use super::post::{NotFoundReason, PostHeading};
use super::{StepOutcome, StepRunner, count_outcome, panel, time_delta};

/// Shorter waits for rate limits are ordinary.
const WORTH_LOGGING: Duration = Duration::from_secs(5);

/// A create that was sent.
pub(super) struct CreateRequest<'a> {
    pub(super) in_flight: InFlight,
    pub(super) webhook: WebhookId,
    pub(super) destination: Destination,
    /// Of a new post.
    pub(super) heading: Option<&'a PostHeading>,
    /// The source's files that went with it.
    pub(super) files: Vec<u64>,
}

impl StepRunner<'_> {
    /// What a create came to.
    pub(super) async fn conclude_create(
        &mut self,
        work: &Work,
        request: CreateRequest<'_>,
        outcome: SendOutcome,
    ) -> Result<StepOutcome, StoreError> {
        let CreateRequest { in_flight, webhook, destination, heading, files } = request;
        match outcome {
            SendOutcome::Shown(posted) => {
                self.count_shown(work);
                let mirror = created_mirror(in_flight, webhook, posted, files);
                Ok(StepOutcome::Done(StepResult::Created { in_flight, mirror, overtakes: work.overtakes }))
            }
            SendOutcome::Wait(how_long) => {
                let until = self.now() + time_delta(how_long);
                if how_long > WORTH_LOGGING {
                    tracing::info!(channel = %self.target, %until, "a rate limit holds up a target");
                }
                Ok(StepOutcome::Limited(until))
            }
            SendOutcome::NotSent => Ok(StepOutcome::Failed(AttemptFailure::NotSent)),
            SendOutcome::InDoubt(reason) => {
                tracing::warn!(channel = %self.target, doubt = %reason, "a send ended in doubt; it is settled before anything else is sent");
                Ok(StepOutcome::InDoubt)
            }
            SendOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            SendOutcome::WebhookMoved(posted) => {
                self.retract(&created_mirror(in_flight, webhook, posted, files)).await?;
                self.replace_moved_webhook(work, webhook).await
            }
            SendOutcome::Forbidden(reason) => self.break_forbidden(work, webhook, reason).await,
            SendOutcome::Archived => self.wake_for_create(work, webhook).await,
            SendOutcome::TargetGone => match self.not_found_reason(work.channel(), webhook).await {
                NotFoundReason::Target => self.break_without_target(work).await,
                NotFoundReason::Post => Ok(self.end_without_post(work)),
                NotFoundReason::WebhookMoved => self.replace_moved_webhook(work, webhook).await,
                NotFoundReason::Unknown => Ok(StepOutcome::Failed(AttemptFailure::NoAnswer)),
            },
            SendOutcome::Refused(refusal) => match (destination, refusal.code) {
                (Destination::NewPost, ErrorCode::NOT_A_FORUM)
                | (Destination::Channel(_), ErrorCode::FORUM_NEEDS_THREAD) => {
                    self.replace_moved_webhook(work, webhook).await
                }
                (Destination::NewPost, ErrorCode::TOO_MANY_THREADS) => {
                    Ok(StepOutcome::Failed(AttemptFailure::Busy))
                }
                (Destination::NewPost, _) if self.was_out_of_date(&refusal, heading) => {
                    Ok(StepOutcome::Failed(AttemptFailure::Busy))
                }
                _ => Ok(self.conclude_refused(work, &refusal)),
            },
        }
    }

    /// What an edit or a deletion of a mirror came to. `done` is what to record if it succeeded.
    pub(super) async fn conclude_change(
        &mut self,
        work: &Work,
        mirror: &Mirror,
        done: StepResult,
        outcome: ChangeOutcome,
    ) -> Result<StepOutcome, StoreError> {
        let webhook = mirror.webhook;
        let gone = StepResult::Deleted { delivery: work.delivery.id, message: mirror.message };
        match outcome {
            ChangeOutcome::Done => {
                count_outcome("changed");
                Ok(StepOutcome::Done(done))
            }
            ChangeOutcome::MirrorGone => Ok(StepOutcome::Done(gone)),
            ChangeOutcome::Wait(how_long) | ChangeOutcome::TooOften(how_long) => {
                Ok(self.delay(work, how_long))
            }
            ChangeOutcome::Again => Ok(StepOutcome::Failed(AttemptFailure::NoAnswer)),
            ChangeOutcome::WebhookGone => {
                self.replace_webhook(work, webhook, BrokenReason::WebhookDeleted).await
            }
            ChangeOutcome::Forbidden(reason) => self.break_forbidden(work, webhook, reason).await,
            ChangeOutcome::Archived => {
                if self.should_warn(work, "archived thread") {
                    tracing::warn!(channel = %mirror.channel, "an archived thread can't be woken, so what is posted there stays as it is");
                }
                Ok(self.end(work, DeliveryEnding::Refused))
            }
            ChangeOutcome::TargetGone => match self.not_found_reason(Some(mirror.channel), webhook).await {
                NotFoundReason::Target => self.break_without_target(work).await,
                NotFoundReason::Post => Ok(StepOutcome::Done(gone)),
                NotFoundReason::WebhookMoved => self.replace_moved_webhook(work, webhook).await,
                NotFoundReason::Unknown => Ok(StepOutcome::Failed(AttemptFailure::NoAnswer)),
            },
            ChangeOutcome::Refused(refusal) => Ok(self.conclude_refused(work, &refusal)),
        }
    }

    /// What a message that Discord doesn't take comes to.
    fn conclude_refused(&self, work: &Work, refusal: &DiscordRefusal) -> StepOutcome {
        // Files may be too large that the target took before: then they are linked.
        let is_too_large = refusal.code == ErrorCode::TOO_LARGE;
        if is_too_large && self.tools.file_limits.lower(work, self.now()) {
            return StepOutcome::Failed(AttemptFailure::Busy);
        }
        // Discord's own words are left out: they can quote the message.
        // A panel is refused again with each revision.
        if !panel::is_panel(work) || self.should_warn(work, "refused panel") {
            tracing::warn!(channel = %self.target, status = refusal.status, code = %refusal.code, "Discord refused a message");
        }
        self.end(work, DeliveryEnding::Refused)
    }

    /// What a call beside the step itself comes to that failed.
    pub(super) fn fail(&self, error: &RestError) -> StepOutcome {
        match (error.postponed_for(), error) {
            (Some(how_long), _) => StepOutcome::Limited(self.now() + time_delta(how_long)),
            (None, RestError::NotSent) => StepOutcome::Failed(AttemptFailure::NotSent),
            (None, _) => StepOutcome::Failed(AttemptFailure::NoAnswer),
        }
    }

    /// The same for a call beside a change: a limit holds up this delivery alone.
    pub(super) fn fail_change(&self, work: &Work, error: &RestError) -> StepOutcome {
        match error.postponed_for() {
            Some(how_long) => self.delay(work, how_long),
            None => self.fail(error),
        }
    }

    /// Has this delivery wait, and not the lane.
    pub(super) fn delay(&self, work: &Work, how_long: Duration) -> StepOutcome {
        StepOutcome::Done(StepResult::Delayed {
            delivery: work.delivery.id,
            until: self.now() + time_delta(how_long),
        })
    }
}
