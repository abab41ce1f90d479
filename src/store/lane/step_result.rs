//! What the holder of a lane has done, in a closed set.

use chrono::{DateTime, Utc};

use crate::domain::activity::{DeliveryEnding, DeliveryId, InFlight, Mirror, Revision};
use crate::domain::ids::MessageId;
use crate::domain::retry::AttemptFailure;

/// What was done since the lane was last asked what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// The create in flight made this message.
    Created {
        /// The create.
        in_flight: InFlight,
        /// What it made.
        mirror: Mirror,
        /// It may have been tried before an older one that keeps failing. That one holds up no others any
        /// more.
        overtakes: bool,
    },
    /// The create in flight wasn't begun after all, because of a limit or the end of the program. That is no
    /// attempt.
    NotBegun {
        /// The create.
        in_flight: InFlight,
    },
    /// Nobody knows whether the create in flight made its message, and nobody can know before that time:
    /// until then Discord may still be working on it. The lane does nothing meanwhile.
    InDoubt {
        /// The create.
        in_flight: InFlight,
        /// When the request is surely over.
        settle_at: DateTime<Utc>,
    },
    /// An attempt failed. A create in flight for it surely made nothing.
    Failed {
        /// What failed.
        delivery: DeliveryId,
        /// How.
        failure: AttemptFailure,
    },
    /// An attempt to settle the create in flight failed: it stays in doubt.
    Unsettled {
        /// The create.
        in_flight: InFlight,
        /// How.
        failure: AttemptFailure,
    },
    /// A mirror shows this revision now.
    Edited {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
        /// How often it had been marked as stale when the edit began.
        marks: i32,
        /// The revision.
        revision: Revision,
        /// The source's files that are attached to it now.
        files: Vec<u64>,
    },
    /// A mirror is gone, whoever removed it.
    Deleted {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
    },
    /// A mirror is gone, and another will take its place.
    Cleared {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
    },
    /// A limit holds it back. Nothing was tried, so it is no attempt. A create in flight for it surely made
    /// nothing.
    Delayed {
        /// What waits.
        delivery: DeliveryId,
        /// Not to be tried before.
        until: DateTime<Utc>,
    },
    /// It failed for good, or there is nothing more to do. A create in flight for it is forgotten.
    Ended {
        /// What ended.
        delivery: DeliveryId,
        /// How.
        ending: DeliveryEnding,
    },
}

impl StepResult {
    /// The delivery for which a message was created.
    pub(super) const fn created_for(&self) -> Option<DeliveryId> {
        match self {
            Self::Created { in_flight, .. } => Some(in_flight.delivery),
            _ => None,
        }
    }

    /// Whether this answers the create in flight.
    pub(in crate::store) fn answers(&self, mark: InFlight) -> bool {
        match self {
            Self::Created { in_flight, .. } | Self::NotBegun { in_flight } => mark == *in_flight,
            Self::Failed { delivery, .. } | Self::Delayed { delivery, .. } | Self::Ended { delivery, .. } => {
                mark.delivery == *delivery
            }
            Self::InDoubt { .. }
            | Self::Unsettled { .. }
            | Self::Edited { .. }
            | Self::Deleted { .. }
            | Self::Cleared { .. } => false,
        }
    }

    /// The revision that all parts show after this (some may show a newer one), if the delivery takes `parts`
    /// parts and had the mirrors `before`. `None` while parts are missing, or there are too many.
    pub fn shows(&self, before: &[Mirror], parts: usize) -> Option<Revision> {
        let (touched, shows, made) = match self {
            Self::Created { mirror, .. } => (mirror.message, mirror.revision, 1),
            Self::Edited { message, revision, .. } => (*message, *revision, 0),
            _ => return None,
        };
        let wanted = |mirror: &Mirror| usize::try_from(mirror.part.0).is_ok_and(|part| part < parts);
        if before.len() + made != parts || !before.iter().all(wanted) {
            return None;
        }
        let others = before.iter().filter(|mirror| mirror.message != touched);
        others.map(|mirror| mirror.revision).chain([shows]).min()
    }

    /// What is recorded instead if the database refuses this: a failed attempt. A message that was created
    /// stays in doubt, and is found again. `None` if this is a failure already, or no attempt at all.
    pub fn refused(&self) -> Option<Self> {
        let failure = AttemptFailure::Database;
        match self {
            Self::Created { in_flight, .. } | Self::InDoubt { in_flight, .. } => {
                Some(Self::Unsettled { in_flight: *in_flight, failure })
            }
            Self::Edited { delivery, .. }
            | Self::Deleted { delivery, .. }
            | Self::Cleared { delivery, .. } => Some(Self::Failed { delivery: *delivery, failure }),
            Self::NotBegun { .. }
            | Self::Failed { .. }
            | Self::Unsettled { .. }
            | Self::Delayed { .. }
            | Self::Ended { .. } => None,
        }
    }

    /// The delivery whose attempt failed.
    pub(in crate::store) const fn failed(&self) -> Option<DeliveryId> {
        match self {
            Self::Failed { delivery, .. } => Some(*delivery),
            Self::Unsettled { in_flight, .. } => Some(in_flight.delivery),
            _ => None,
        }
    }
}
