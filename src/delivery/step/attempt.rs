//! One attempt at a step. This is the one place from which a step is done, and where everything that can come
//! of it becomes something to record.
//!
//! Whatever isn't a success, an end or a limit has failed: an answer of Discord's, the database, a panic. It
//! is recorded as such, and counted by the store. Where a create broke off in the middle, nobody knows
//! whether its message was made: that is settled first, and counted then.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::delivery::SETTLING;
use crate::domain::activity::{DeliveryEnding, InFlight};
use crate::domain::ids::ChannelId;
use crate::domain::next_step::Step;
use crate::domain::retry::AttemptFailure;
use crate::store::{LaneAnswer, StepResult, Work};

use super::{StepOutcome, StepRunner, count_outcome};

/// What a lane does after an attempt.
pub(in crate::delivery) enum AttemptOutcome {
    /// It records this and goes on.
    Record(StepResult),
    /// It records this, if anything, and waits until that time.
    RecordAndWait(Option<StepResult>, DateTime<Utc>),
}

/// Attempts one step.
pub(in crate::delivery) async fn run_step(
    runner: &mut StepRunner<'_>,
    step: Step,
    work: &Work,
) -> AttemptOutcome {
    let (delivery, follow) = (work.delivery.id.0, work.follow.map(|follow| follow.0));
    let span = tracing::debug_span!("step", delivery, follow, ?step);
    let outcome = AssertUnwindSafe(runner.run(step, work)).catch_unwind().instrument(span.clone()).await;
    let now = runner.now();
    match outcome {
        Ok(Ok(StepOutcome::Done(done))) => {
            span.in_scope(|| tracing::debug!("a step is done"));
            AttemptOutcome::Record(done)
        }
        Ok(Ok(StepOutcome::Failed(failure))) => AttemptOutcome::Record(failed(step, work, failure)),
        Ok(Ok(StepOutcome::InDoubt)) => broken_off(step, work, AttemptFailure::NoAnswer, now),
        Ok(Ok(StepOutcome::Limited(until))) => {
            let not_begun = create_in_flight(step, work).map(|in_flight| StepResult::NotBegun { in_flight });
            AttemptOutcome::RecordAndWait(not_begun, until)
        }
        Ok(Err(error)) => {
            tracing::error!(channel = %runner.target, %error, "a step stopped at the database");
            broken_off(step, work, AttemptFailure::Database, now)
        }
        // The panic's own log line says where it was.
        Err(_) => {
            tracing::error!(channel = %runner.target, delivery = work.delivery.id.0, "a step panicked");
            broken_off(step, work, AttemptFailure::Panicked, now)
        }
    }
}

/// The create in flight, where the step is a create.
fn create_in_flight(step: Step, work: &Work) -> Option<InFlight> {
    work.in_flight.filter(|_| matches!(step, Step::Create(_)))
}

/// What to record of a step that failed. A create surely made nothing.
fn failed(step: Step, work: &Work, failure: AttemptFailure) -> StepResult {
    match step {
        Step::Settle(in_flight) if failure != AttemptFailure::NotMade => {
            StepResult::Unsettled { in_flight, failure }
        }
        _ => StepResult::Failed { delivery: work.delivery.id, failure },
    }
}

/// What to do about a step that broke off in the middle. A create may have made its message.
fn broken_off(step: Step, work: &Work, failure: AttemptFailure, now: DateTime<Utc>) -> AttemptOutcome {
    match create_in_flight(step, work) {
        Some(in_flight) => {
            count_outcome("unclear");
            let settle_at = now + SETTLING;
            AttemptOutcome::RecordAndWait(Some(StepResult::InDoubt { in_flight, settle_at }), settle_at)
        }
        None => AttemptOutcome::Record(failed(step, work, failure)),
    }
}

/// Logs which attempts were counted as failed, and what couldn't be read.
pub(in crate::delivery) fn log_failed_attempts(target: ChannelId, turn: &LaneAnswer) {
    for (delivery, error) in &turn.unreadable {
        tracing::error!(channel = %target, delivery = delivery.0, %error, "a delivery can't be read");
    }
    for attempt in &turn.failed {
        let (delivery, failure, failed) = (attempt.delivery.0, attempt.failure.as_str(), attempt.failed);
        match attempt.again {
            Some(again) => {
                count_outcome("postponed");
                tracing::debug!(channel = %target, delivery, failure, failed, %again, "an attempt failed");
            }
            None => {
                count_outcome(DeliveryEnding::GaveUp.as_str());
                tracing::warn!(channel = %target, delivery, failure, failed, "a delivery is given up");
            }
        }
    }
}
