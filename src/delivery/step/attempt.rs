//! One attempt at a step: the one place from which a step is done, and where all that can come of it becomes something to record.
//!
//! What isn't a success, an end or a limit has failed, whatever it was: an answer of Discord's, the database, a panic. It is recorded as such, and counted by the store.
//! Where a create broke off in the middle, nobody knows whether its message was made: that is settled first, and counted then.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::domain::activity::{Ending, InFlight};
use crate::domain::ids::ChannelId;
use crate::domain::next_step::Step;
use crate::domain::retry::Failure;
use crate::store::{Done, Turn, Work};

use super::create::{Performed, Sender, count};
use crate::delivery::SETTLING;

/// What a lane does after an attempt.
pub(in crate::delivery) enum Came {
    /// This is recorded, and it goes on.
    On(Done),
    /// This is recorded, if anything, and it waits until that time.
    Wait(Option<Done>, DateTime<Utc>),
}

/// Does one step.
pub(in crate::delivery) async fn attempt(sender: &mut Sender<'_>, step: Step, work: &Work) -> Came {
    let (delivery, follow) = (work.delivery.id.0, work.follow.map(|follow| follow.0));
    let span = tracing::debug_span!("step", delivery, follow, ?step);
    let performed =
        AssertUnwindSafe(sender.perform(step, work)).catch_unwind().instrument(span.clone()).await;
    let now = sender.now();
    match performed {
        Ok(Ok(Performed::Done(done))) => {
            tracing::debug!(parent: &span, "a step is done");
            Came::On(done)
        }
        Ok(Ok(Performed::Failed(failure))) => Came::On(failed(step, work, failure)),
        Ok(Ok(Performed::InDoubt)) => broken_off(step, work, Failure::NoAnswer, now),
        Ok(Ok(Performed::Limited(until))) => {
            Came::Wait(under_way(step, work).map(|in_flight| Done::NotBegun { in_flight }), until)
        }
        Ok(Err(error)) => {
            tracing::error!(channel = %sender.target, %error, "a step stopped at the database");
            broken_off(step, work, Failure::Database, now)
        }
        // Where it was is in the line of the panic itself.
        Err(_) => {
            tracing::error!(channel = %sender.target, delivery = work.delivery.id.0, "a step panicked");
            broken_off(step, work, Failure::Panicked, now)
        }
    }
}

/// The create that this step is.
fn under_way(step: Step, work: &Work) -> Option<InFlight> {
    work.in_flight.filter(|_| matches!(step, Step::Create(_)))
}

/// A step failed; a create surely made nothing.
fn failed(step: Step, work: &Work, failure: Failure) -> Done {
    match step {
        Step::Settle(in_flight) if failure != Failure::NotMade => Done::Unsettled { in_flight, failure },
        _ => Done::Failed { delivery: work.delivery.id, failure },
    }
}

/// A step ended in the middle; a create may have made its message.
fn broken_off(step: Step, work: &Work, failure: Failure, now: DateTime<Utc>) -> Came {
    match under_way(step, work) {
        Some(in_flight) => {
            count("unclear");
            let settle_at = now + SETTLING;
            Came::Wait(Some(Done::InDoubt { in_flight, settle_at }), settle_at)
        }
        None => Came::On(failed(step, work, failure)),
    }
}

/// Says which attempts were counted as failed.
pub(in crate::delivery) fn say(target: ChannelId, turn: &Turn) {
    for (delivery, error) in &turn.unreadable {
        tracing::error!(channel = %target, delivery = delivery.0, %error, "a delivery can't be read");
    }
    for attempt in &turn.failed {
        let (delivery, failure, failed) = (attempt.delivery.0, attempt.failure.as_str(), attempt.failed);
        match attempt.again {
            Some(again) => {
                count("postponed");
                tracing::debug!(channel = %target, delivery, failure, failed, %again, "an attempt failed");
            }
            None => {
                count(Ending::GaveUp.as_str());
                tracing::warn!(channel = %target, delivery, failure, failed, "a delivery is given up");
            }
        }
    }
}
