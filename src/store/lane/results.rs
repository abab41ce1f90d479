//! Recording what the holders of lanes have done: of all lanes of a batch together, one statement for each kind of change. Recording the same
//! once more changes nothing (but the count of attempts, see [`lane_attempts`]), so that a holder who doesn't know whether its last record arrived can repeat it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use serde_json::Value;

use super::attempts;
use super::attempts::FailedAttempt;
use super::created::{Unrecorded, file_ids, insert_mirrors};
use crate::domain::activity::{DeliveryId, Ending, InFlight, Mirror, Revision};
use crate::domain::ids::MessageId;
use crate::domain::retry::{Failure, HOLDS_UP};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table, cell};

/// What was done since the lane was last asked what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The create in flight made this message.
    Created {
        /// The create.
        in_flight: InFlight,
        /// What it made.
        mirror: Mirror,
        /// It may have been tried before one that is older and keeps failing: that holds up no others any more.
        overtakes: bool,
    },
    /// The create in flight was not begun after all: a limit, or the end of the program. That is no attempt.
    NotBegun {
        /// The create.
        in_flight: InFlight,
    },
    /// Nobody knows whether the create in flight made its message, and nobody can before that time: until then Discord may still
    /// be at it. The lane keeps still.
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
        failure: Failure,
    },
    /// An attempt to settle the create in flight failed: it stays in doubt.
    Unsettled {
        /// The create.
        in_flight: InFlight,
        /// How.
        failure: Failure,
    },
    /// A mirror shows this revision now.
    Edited {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
        /// The revision that it showed before.
        was: Revision,
        /// The revision.
        revision: Revision,
        /// The source's files that stand with it now.
        files: Vec<u64>,
    },
    /// A mirror is gone, whoever removed it.
    Deleted {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
    },
    /// A mirror is gone, and another is to take its place.
    Cleared {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror that was.
        message: MessageId,
    },
    /// A limit holds it back: nothing was tried, so that is no attempt. A create in flight for it surely made nothing.
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
        ending: Ending,
    },
}

impl Done {
    /// The delivery of which a message was made.
    pub(super) const fn made_for(&self) -> Option<DeliveryId> {
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

    /// The revision that all parts show after this, some of them maybe a newer one, where a delivery takes so many parts and had these mirrors before. `None` while
    /// parts are missing, or there are too many.
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

    /// What is recorded instead where the database refuses this: a failed attempt. A message that was made stays in doubt, and is found again. `None` where this is a failure
    /// already, or no attempt at all.
    pub fn refused(&self) -> Option<Self> {
        let failure = Failure::Database;
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

    /// The delivery of which an attempt failed.
    pub(in crate::store) const fn failed(&self) -> Option<DeliveryId> {
        match self {
            Self::Failed { delivery, .. } => Some(*delivery),
            Self::Unsettled { in_flight, .. } => Some(in_flight.delivery),
            _ => None,
        }
    }
}

/// What is to be written down of many lanes, by kind of change. Each has changes of its own deliveries only, so that their order says nothing.
#[derive(Default)]
pub(super) struct Changes {
    created: Vec<(DeliveryId, Mirror)>,
    edited: Vec<[Value; 5]>,
    removed: Vec<[Value; 2]>,
    /// What was done, and the revision that with it all parts show, or a newer one.
    succeeded: Vec<(DeliveryId, Option<Revision>)>,
    gone: Vec<DeliveryId>,
    cleared: Vec<DeliveryId>,
    /// What was shown although an older one keeps failing.
    overtakes: Vec<DeliveryId>,
    /// What nobody knows the end of yet.
    in_doubt: Vec<DeliveryId>,
    /// Attempts that failed.
    pub(super) failed: HashMap<DeliveryId, Failure>,
    not_made: Vec<DeliveryId>,
    pub(super) ended: Vec<(DeliveryId, Ending)>,
    /// What turned out to be shown wholly.
    pub(super) rests: Vec<(DeliveryId, Revision)>,
    /// What is not to be done before some time.
    pub(super) waits: Vec<(DeliveryId, DateTime<Utc>)>,
}

impl Changes {
    /// Adds what was done in a lane, and the revision that with it all parts show, or a newer one.
    pub(super) fn add(&mut self, done: Done, shown: Option<Revision>) {
        match done {
            Done::Created { in_flight, mirror, overtakes } => {
                self.overtakes.extend(overtakes.then_some(in_flight.delivery));
                self.created.push((in_flight.delivery, mirror));
                self.succeeded.push((in_flight.delivery, shown));
            }
            Done::NotBegun { in_flight } => self.not_made.push(in_flight.delivery),
            // All else of it is written down with the lane.
            Done::InDoubt { in_flight, .. } => self.in_doubt.push(in_flight.delivery),
            Done::Failed { delivery, failure } => {
                self.failed.insert(delivery, failure);
                self.not_made.push(delivery);
            }
            Done::Unsettled { in_flight, failure } => {
                self.failed.insert(in_flight.delivery, failure);
            }
            Done::Edited { delivery, message, was, revision, files } => {
                let (message, was, files) = (message.to_db().into(), was.0.into(), file_ids(&files));
                self.edited.push([message, delivery.0.into(), was, revision.0.into(), files]);
                self.succeeded.push((delivery, shown));
            }
            Done::Deleted { delivery, message } => {
                self.removed.push([message.to_db().into(), delivery.0.into()]);
                self.succeeded.push((delivery, None));
                self.gone.push(delivery);
            }
            Done::Cleared { delivery, message } => {
                self.removed.push([message.to_db().into(), delivery.0.into()]);
                self.succeeded.push((delivery, None));
                self.cleared.push(delivery);
            }
            Done::Delayed { delivery, until } => {
                self.waits.push((delivery, until));
                self.not_made.push(delivery);
            }
            Done::Ended { delivery, ending } => self.ended.push((delivery, ending)),
        }
    }

    /// Writes all of it down.
    pub(super) async fn write(mut self, txn: &Write, now: DateTime<Utc>) -> Result<Written, DbErr> {
        let refused = insert_mirrors(txn, &self.created).await?;
        self.succeeded.retain(|(delivery, _)| !refused.contains_key(delivery));
        // Not over what was written meanwhile: that the mirror is to be shown anew.
        let update = "UPDATE mirrors SET revision = t.newer, file_ids = t.file_ids FROM ";
        let which = " WHERE message_id = t.message AND delivery_id = t.delivery AND revision = t.was";
        let [message, delivery, was, newer] = ["message", "delivery", "was", "newer"].map(number);
        let columns = [message, delivery, was, newer, ("file_ids", Kind::Text)];
        run(txn, update, Table::new(columns, self.edited), which).await?;
        let delete =
            "DELETE FROM mirrors WHERE (message_id, delivery_id) IN (SELECT t.message, t.delivery FROM ";
        run(txn, delete, Table::new([number("message"), number("delivery")], self.removed), ")").await?;
        succeeded(txn, &self.succeeded).await?;
        // Where somebody asked for it, what was deleted by hand comes back.
        let update = "UPDATE deliveries SET shown_revision = NULL, remake = FALSE FROM ";
        run(txn, update, deliveries(&self.gone), " WHERE id = t.delivery AND remake").await?;
        let update = "UPDATE deliveries SET shown_revision = NULL FROM ";
        run(txn, update, deliveries(&self.cleared), " WHERE id = t.delivery").await?;
        // Until the doubt is settled, only a failed look has it wait.
        let update = "UPDATE deliveries SET wait_until = NULL FROM ";
        run(txn, update, deliveries(&self.in_doubt), " WHERE id = t.delivery AND wait_until IS NOT NULL")
            .await?;
        overtake(txn, &self.overtakes).await?;
        let failed = attempts::count(txn, &self.failed, now).await?;
        end_stopped(txn, &self.not_made).await?;
        let rows = self.ended.iter().map(|(delivery, ending)| [delivery.0.into(), ending.as_str().into()]);
        let ended = Table::new([number("delivery"), ("how", Kind::Text)], rows);
        let update = "UPDATE deliveries SET state = 'ended', outcome = t.how, wait_until = NULL FROM ";
        run(txn, update, ended, " WHERE id = t.delivery").await?;
        let update = format!("UPDATE deliveries SET {REST} FROM ");
        run(txn, &update, revisions(self.rests), " WHERE id = t.delivery").await?;
        let update = "UPDATE deliveries SET wait_until = t.until FROM ";
        run(txn, update, times(&self.waits), " WHERE id = t.delivery").await?;
        Ok(Written { refused, failed })
    }
}

/// What turned out when changes were written down.
pub(super) struct Written {
    /// The deliveries whose new message can't be recorded: nothing was.
    pub(super) refused: HashMap<DeliveryId, Unrecorded>,
    /// The attempts that failed.
    pub(super) failed: HashMap<DeliveryId, FailedAttempt>,
}

/// All is shown that is wanted.
const REST: &str = "state = 'shown', shown_revision = t.shown, wait_until = NULL, attempts = 0, remake = FALSE, overtaken = FALSE";

/// Runs a statement about these rows, if there are any.
async fn run<const N: usize>(txn: &Write, before: &str, rows: Table<N>, after: &str) -> Result<(), DbErr> {
    if !rows.is_empty() {
        Sql::new(before, []).table(&**txn, rows).then(after).execute(&**txn).await?;
    }
    Ok(())
}

const fn number(name: &'static str) -> (&'static str, Kind) {
    (name, Kind::Number)
}

fn deliveries(ids: &[DeliveryId]) -> Table<1> {
    Table::numbers("delivery", ids.iter().map(|id| id.0))
}

fn revisions(shown: impl IntoIterator<Item = (DeliveryId, Revision)>) -> Table<2> {
    let rows = shown.into_iter().map(|(delivery, revision)| [delivery.0.into(), revision.0.into()]);
    Table::new([number("delivery"), number("shown")], rows)
}

fn times(waiting: &[(DeliveryId, DateTime<Utc>)]) -> Table<2> {
    let rows = waiting.iter().map(|(delivery, until)| [delivery.0.into(), cell(*until).into()]);
    Table::new([number("delivery"), ("until", Kind::Time)], rows)
}

/// What succeeded is no longer waiting. Where with it all parts are there, the delivery is shown: what is edited without end is an edit from now on, and no first showing. Where
/// they show what is still the newest revision, it rests: mostly so, and it needn't be looked at once more.
async fn succeeded(txn: &Write, succeeded: &[(DeliveryId, Option<Revision>)]) -> Result<(), DbErr> {
    let shown = || succeeded.iter().filter_map(|(delivery, shown)| Some((*delivery, (*shown)?)));
    let update = format!("UPDATE deliveries SET {REST} FROM ");
    let which = " WHERE id = t.delivery AND state = 'due' AND NOT withdrawn \
        AND EXISTS (SELECT 1 FROM activities a WHERE a.id = activity_id AND a.revision = t.shown AND NOT a.deleted) \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id AND m.revision <> t.shown)";
    run(txn, &update, revisions(shown()), which).await?;
    let update = "UPDATE deliveries SET shown_revision = t.shown, overtaken = FALSE FROM ";
    let which = " WHERE id = t.delivery AND state = 'due' AND NOT withdrawn \
        AND (shown_revision IS NULL OR shown_revision < t.shown) \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id AND m.revision < t.shown)";
    run(txn, update, revisions(shown()), which).await?;
    let update = "UPDATE deliveries SET attempts = 0, wait_until = NULL FROM ";
    let which = " WHERE id = t.delivery AND (attempts > 0 OR wait_until IS NOT NULL)";
    let rows = Table::numbers("delivery", succeeded.iter().map(|(delivery, _)| delivery.0));
    run(txn, update, rows, which).await
}

/// What was shown shows that others can be: those before it that keep failing hold up nothing any more.
async fn overtake(txn: &Write, shown: &[DeliveryId]) -> Result<(), DbErr> {
    let which = format!(
        " JOIN deliveries s ON s.id = t.delivery WHERE deliveries.target_channel_id = s.target_channel_id \
         AND deliveries.state = 'due' AND deliveries.shown_revision IS NULL AND deliveries.attempts >= {HOLDS_UP} \
         AND (deliveries.position, deliveries.activity_id) < (s.position, s.activity_id)"
    );
    // Each is tried once more at once: should Discord have come back just between the two, no more than these two have changed places.
    let update = "UPDATE deliveries SET overtaken = TRUE, wait_until = NULL FROM ";
    run(txn, update, deliveries(shown), &which).await
}

/// Pausing spares the delivery whose create is in flight. If that then turns out to have made nothing, it ends
/// like the others.
async fn end_stopped(txn: &Write, not_made: &[DeliveryId]) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL FROM ";
    let which = " WHERE id = t.delivery AND state = 'due' AND shown_revision IS NULL \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id) \
        AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.id = deliveries.follow_id AND f.is_active)";
    run(txn, update, deliveries(not_made), which).await
}
