//! What lanes ask of the database, and what they are answered.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::attempts::FailedAttempt;
use crate::domain::activity::{DeliveryId, Revision};
use crate::domain::ids::{ChannelId, WebhookId};
use crate::domain::next_step::Step;
use crate::store::{Done, LaneWebhook, Lease, StoreError, Work};

/// Names the step that a delivery is to have at this time.
pub type Decide<'a> = Box<dyn FnMut(&Work, DateTime<Utc>) -> Step + Send + Sync + 'a>;

/// What a lane wants of the database.
pub struct LaneRequest<'a> {
    /// Which lane.
    pub lane: Which,
    /// What was done since the lane was last asked what to do.
    pub done: Option<Done>,
    /// With that, every part is there, and shows this revision or a newer one.
    pub shown: Option<Revision>,
    /// What its holder would send with. Of a lane that is to be taken, the database says that.
    pub webhook: Option<WebhookId>,
    /// Asked again after each delivery that rests, ends or waits, until one needs Discord. While a
    /// create is in flight, it can settle, wait for that, or end the delivery; a create that it should ask for
    /// then isn't begun, but the settling of the one that stands.
    pub decide: Decide<'a>,
    /// The lane is to be looked at again at that time, and not before, unless new work comes: it is given back, whatever its deliveries wait for. `decide` names
    /// nothing then that needs Discord.
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
pub enum Which {
    /// One that is to be taken, if there is something to do in it and nobody else holds it.
    Free(ChannelId),
    /// One that is held.
    Held(Lease),
}

impl Which {
    /// The lane's target.
    pub const fn target(&self) -> ChannelId {
        match self {
            Self::Free(target) => *target,
            Self::Held(lease) => lease.target,
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
pub struct Turn {
    /// What its holder is to do.
    pub next: Next,
    /// The lane as it is held, or was until now: it goes on being held only where there is something to do. None where it wasn't held.
    pub lease: Option<Lease>,
    /// Of a lane that was taken: what to send with.
    pub webhook: Option<LaneWebhook>,
    /// The attempts that were counted as failed.
    pub failed: Vec<FailedAttempt>,
    /// What couldn't be read of which delivery.
    pub unreadable: Vec<(DeliveryId, StoreError)>,
}

impl Turn {
    /// The turn of a lane that isn't held.
    pub(in crate::store) const fn of(next: Next) -> Self {
        Self { next, lease: None, webhook: None, failed: Vec::new(), unreadable: Vec::new() }
    }
}

/// What a lane's holder is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This: settle, create, edit or delete.
    Do {
        /// The step.
        step: Step,
        /// With what.
        work: Box<Work>,
    },
    /// Nothing before this time (which may have come).
    Wait(DateTime<Utc>),
    /// Nothing.
    Idle,
    /// Nothing any more: another has the lane, and nothing was recorded.
    LostLease,
    /// Nothing: another process holds the lane.
    Elsewhere,
    /// Nothing yet: somebody's transaction is writing to the lane. Mostly that takes milliseconds; of a process that stands still, seconds.
    Locked,
}
