//! The turn of one lane in a batch: from its request, over what was done and what is next, to its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};

use super::attempts::FailedAttempt;
use super::changes::{Changes, WrittenChanges};
use super::created::Unrecorded;
use super::request::{Decide, Holder, LaneAnswer, LaneRequest, NextAction};
use super::rows::{ClaimedLane, LaneState};
use super::step_result::StepResult;
use crate::domain::activity::{DeliveryId, InFlight, Revision};
use crate::domain::ids::{MessageId, WebhookId};
use crate::domain::next_step::Step;
use crate::domain::retry::AttemptFailure;
use crate::store::db::sql::stored;
use crate::store::{LaneWebhook, Lease, StoreError, Work};

/// The answer to the request at this index of the batch.
pub(super) type IndexedAnswer = (usize, Result<LaneAnswer, StoreError>);

/// A claimed lane of a batch, from its request to its answer.
pub(super) struct LaneTurn<'a> {
    /// Where in the batch its request is.
    index: usize,
    pub(super) lease: Lease,
    /// The lane's row as it was read.
    pub(super) before: LaneState,
    /// The lane's row as it will be written.
    pub(super) lane: LaneState,
    webhook: Option<LaneWebhook>,
    /// The webhook that its next create goes through.
    sends_with: Option<WebhookId>,
    decide: Decide<'a>,
    rest_until: Option<DateTime<Utc>>,
    /// What was done in it, until that is recorded; with the revision that all parts show since.
    result: Option<(StepResult, Option<Revision>)>,
    /// The delivery for which it has created a message.
    created: Option<DeliveryId>,
    /// The delivery whose attempt has failed, until that is counted.
    failing: Option<DeliveryId>,
    /// The failed attempts that were counted.
    failed: Vec<FailedAttempt>,
    pub(super) unreadable: Vec<(DeliveryId, StoreError)>,
    /// Its head, which failed just now and may be overtaken.
    pub(super) failed_head: Option<DeliveryId>,
    pub(super) progress: Progress,
}

/// How far a lane's turn has come.
pub(super) enum Progress {
    /// Another delivery should be picked.
    Picking,
    /// Its next action is known.
    Decided(NextAction),
    /// Something of the lane itself can't be read.
    Unreadable(StoreError),
}

impl<'a> LaneTurn<'a> {
    pub(super) fn new(index: usize, request: LaneRequest<'a>, claimed: ClaimedLane) -> Self {
        let ClaimedLane { lease, state, webhook } = claimed;
        let (webhook, progress) = match webhook {
            Ok(webhook) => (webhook, Progress::Picking),
            Err(error) => (None, Progress::Unreadable(error)),
        };
        let known = webhook.as_ref().map(|known| known.webhook.id);
        Self {
            index,
            lease,
            before: state.clone(),
            lane: state,
            webhook,
            sends_with: known.or(request.webhook),
            decide: request.decide,
            rest_until: request.rest_until,
            result: request.done.map(|result| (result, request.shown)),
            created: None,
            failing: None,
            failed: Vec::new(),
            unreadable: Vec::new(),
            failed_head: None,
            progress,
        }
    }

    pub(super) const fn is_picking(&self) -> bool {
        matches!(self.progress, Progress::Picking)
    }

    /// Adds what was done in the lane to the changes of the batch.
    pub(super) fn add_result(&mut self, changes: &mut Changes) {
        let Some((result, shown)) = self.result.take() else { return };
        self.created = result.created_for();
        self.failing = result.failed();
        self.lane.note(&result);
        changes.add(result, shown);
    }

    /// Undoes what was noted of a message that couldn't be recorded: its create stays in doubt.
    pub(super) fn undo_refused(&mut self, written: &WrittenChanges, doubled: &mut Changes) {
        let Some(delivery) = self.created else { return };
        let Some(reason) = written.refused.get(&delivery) else { return };
        self.lane = self.before.clone();
        if *reason == Unrecorded::Doubled {
            let error = StoreError::Unreadable("mirrors: a second message shows the same part");
            self.unreadable.push((delivery, error));
            self.fail(doubled, delivery, AttemptFailure::Database);
        }
    }

    /// Until a doubt can be settled, nothing happens in the lane, whatever woke it.
    pub(super) fn wait_for_settling(&mut self, now: DateTime<Utc>) {
        if let Some(at) = self.lane.settle_at.filter(|at| self.lane.in_flight.is_some() && *at > now) {
            self.progress = Progress::Decided(NextAction::Wait(at));
        }
    }

    /// Notes that an attempt failed. Another delivery is picked then.
    pub(super) fn fail(&mut self, changes: &mut Changes, delivery: DeliveryId, failure: AttemptFailure) {
        changes.fail(delivery, failure);
        self.failing = Some(delivery);
        self.progress = Progress::Picking;
    }

    /// Takes in what came of its failed attempt. A create that stays in doubt holds the lane until the next
    /// look; one that is given up doesn't.
    pub(super) fn note_failed_attempt(&mut self, written: &WrittenChanges) {
        let Some(attempt) = self.failing.take().and_then(|delivery| written.failed.get(&delivery)) else {
            return;
        };
        self.failed.push(*attempt);
        self.failed_head = attempt.may_be_overtaken.then_some(attempt.delivery);
        if self.lane.in_flight.is_some_and(|in_flight| in_flight.delivery == attempt.delivery) {
            match attempt.again {
                Some(again) => {
                    self.lane.settle_at = Some(stored(again));
                    self.progress = Progress::Decided(NextAction::Wait(again));
                }
                None => self.lane.in_flight = None,
            }
        }
    }

    /// Has the next step of a delivery named, and notes what that means for the delivery and its lane.
    pub(super) fn decide_step(
        &mut self,
        changes: &mut Changes,
        work: Box<Work>,
        newest: Option<MessageId>,
        now: DateTime<Utc>,
    ) {
        // A delivery that can't be rendered must not stop the others.
        match catch_unwind(AssertUnwindSafe(|| (self.decide)(&work, now))) {
            Err(_) => self.fail(changes, work.delivery.id, AttemptFailure::Panicked),
            Ok(step) => {
                let next = match self.lane.in_flight {
                    Some(in_flight) => self.follow_step_in_doubt(changes, step, work, in_flight),
                    None => self.follow_step(changes, step, work, newest, now),
                };
                self.progress = next.map_or(Progress::Picking, Progress::Decided);
            }
        }
    }

    /// What a step means while a create is in flight. `None`: another delivery should be picked.
    fn follow_step_in_doubt(
        &mut self,
        changes: &mut Changes,
        step: Step,
        work: Box<Work>,
        in_flight: InFlight,
    ) -> Option<NextAction> {
        match step {
            Step::End(ending) => {
                changes.end(work.delivery.id, ending);
                self.lane.in_flight = None;
                None
            }
            Step::Wait(until) => Some(NextAction::Wait(until)),
            _ => Some(NextAction::Do { step: Step::Settle(in_flight), work }),
        }
    }

    /// What a step means while nothing is in flight. `None`: another delivery should be picked.
    fn follow_step(
        &mut self,
        changes: &mut Changes,
        step: Step,
        mut work: Box<Work>,
        newest: Option<MessageId>,
        now: DateTime<Utc>,
    ) -> Option<NextAction> {
        let delivery = work.delivery.id;
        match step {
            Step::Rest => changes.rest(delivery, work.activity.revision),
            Step::End(ending) => changes.end(delivery, ending),
            // Not now, but right afterwards: it would be picked once more.
            Step::Wait(until) if until <= now => return Some(NextAction::Wait(until)),
            Step::Wait(until) => changes.wait(delivery, until),
            Step::Create(part) => {
                // The message will be newer than all that is known.
                let source = work.activity.origin.message();
                let after = [newest, self.lane.newest].into_iter().flatten().fold(source, MessageId::max);
                let revision = work.activity.revision;
                let in_flight = InFlight { delivery, part, revision, after, webhook: self.sends_with };
                self.lane.in_flight = Some(in_flight);
                work.in_flight = Some(in_flight);
                return Some(NextAction::Do { step, work });
            }
            Step::Settle(_) | Step::Edit(..) | Step::Delete(_) => {
                return Some(NextAction::Do { step, work });
            }
        }
        None
    }

    /// Prepares the lane's row for after its turn: held on where there is something to do, else released.
    pub(super) fn keep_or_release(&mut self, holder: Holder<'_>) {
        let lane = &mut self.lane;
        lane.settle_at = lane.settle_at.filter(|_| lane.in_flight.is_some());
        if matches!(self.progress, Progress::Picking) {
            self.progress = Progress::Decided(NextAction::Wait(holder.now));
        }
        match &mut self.progress {
            Progress::Decided(NextAction::Do { .. }) => {
                lane.wait_until = None;
                let until = stored(holder.now + holder.lease);
                // Extending the lease costs nothing when the row is written anyway; else only when it begins
                // to matter.
                if *lane != self.before || until - self.lease.until > holder.lease / 10 {
                    lane.lease_until = Some(until);
                    self.lease.until = until;
                }
                return;
            }
            // Under the lane's lock: work that is recorded after this wakes the lane again.
            Progress::Decided(NextAction::Wait(until)) => {
                *until = self.rest_until.unwrap_or(*until);
                lane.wait_until = Some(stored(*until));
            }
            Progress::Decided(_) => lane.wait_until = None,
            // What couldn't be read is tried again when somebody looks.
            Progress::Picking | Progress::Unreadable(_) => {}
        }
        lane.lease_until = None;
    }

    pub(super) fn into_answer(self) -> IndexedAnswer {
        let Self { lease, webhook, failed, unreadable, .. } = self;
        let next = match self.progress {
            Progress::Decided(next) => next,
            Progress::Picking => NextAction::Idle,
            Progress::Unreadable(error) => return (self.index, Err(error)),
        };
        (self.index, Ok(LaneAnswer { next, lease: Some(lease), webhook, failed, unreadable }))
    }
}
