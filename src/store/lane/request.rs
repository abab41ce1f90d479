//! What lanes ask of the database, and what it answers.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::attempts::FailedAttempt;
use crate::domain::activity::{DeliveryId, Revision};
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::next_step::Step;
use crate::store::{LaneWebhook, Lease, StepResult, StoreError, Work};

/// Names the next step of a delivery at this time.
pub type Decide<'a> = Box<dyn FnMut(&Work, DateTime<Utc>) -> Step + Send + Sync + 'a>;

/// What a lane wants of the database.
pub struct LaneRequest<'a> {
    /// Which lane.
    pub lane: LaneRef,
    /// What was done since the lane last asked.
    pub done: Option<StepResult>,
    /// After that, every part exists and shows this revision or a newer one.
    pub shown: Option<Revision>,
    /// The webhook that its holder would send with. For a lane that is claimed now, the database says it.
    pub webhook: Option<WebhookId>,
    /// Asked again after each delivery that rests, ends or waits, until one needs Discord. While a create is
    /// in flight, it can settle that, wait, or end the delivery. If it asks for a create then, the one in
    /// flight is settled instead.
    pub decide: Decide<'a>,
    /// The lane should be checked again at that time, and not before unless new work comes: it is released,
    /// whatever its deliveries wait for. `decide` then names no step that needs Discord.
    pub rest_until: Option<DateTime<Utc>>,
}

impl fmt::Debug for LaneRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneRequest")
            .field("lane", &self.lane)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// A lane that asks.
#[derive(Debug, Clone)]
pub enum LaneRef {
    /// A lane to be claimed, if there is something to do in it and nobody else holds it.
    Unclaimed(ChannelId),
    /// A lane that is held.
    Claimed(Lease),
}

impl LaneRef {
    /// The lane's target.
    pub const fn target(&self) -> ChannelId {
        match self {
            Self::Unclaimed(target) => *target,
            Self::Claimed(lease) => lease.target,
        }
    }
}

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// A name that no other process uses.
    pub owner: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
    /// How long a lane is held without asking again.
    pub lease: TimeDelta,
}

/// The answer to a lane's request.
#[derive(Debug, Clone)]
pub struct LaneAnswer {
    /// What its holder should do.
    pub next: NextAction,
    /// The lane as it is held, or was until now: it stays held only if there is something to do. `None` if it
    /// wasn't held.
    pub lease: Option<Lease>,
    /// For a lane that was just claimed: what to send with.
    pub webhook: Option<LaneWebhook>,
    /// The attempts that were counted as failed.
    pub failed: Vec<FailedAttempt>,
    /// What couldn't be read, by delivery.
    pub unreadable: Vec<(DeliveryId, StoreError)>,
}

impl LaneAnswer {
    /// The answer for a lane that isn't held.
    pub(in crate::store) const fn without_lane(next: NextAction) -> Self {
        Self { next, lease: None, webhook: None, failed: Vec::new(), unreadable: Vec::new() }
    }
}

/// What a lane's holder should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextAction {
    /// This step: settle, create, edit or delete.
    Do {
        /// The step.
        step: Step,
        /// What it is about.
        work: Box<Work>,
    },
    /// Nothing before this time (which may have come).
    Wait(DateTime<Utc>),
    /// Nothing.
    Idle,
    /// Nothing any more: another process has the lane, and nothing was recorded.
    LostLease,
    /// Nothing: another process holds the lane.
    Elsewhere,
    /// Nothing yet: a transaction is writing to the lane. That usually takes milliseconds, or seconds if its
    /// process is frozen.
    Locked,
}
