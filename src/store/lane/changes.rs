//! Recording what the holders of lanes have done: for all lanes of a batch together, with one statement for
//! each kind of change. Recording the same thing once more changes nothing but the count of attempts (see
//! `attempts`), so that a holder that doesn't know whether its last record arrived can repeat it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use super::attempts::{self, FailedAttempt};
use super::created::{Unrecorded, file_ids, insert_mirrors};
use super::step_result::StepResult;
use crate::domain::activity::{DeliveryEnding, DeliveryId, Mirror, Revision};
use crate::domain::ids::MessageId;
use crate::domain::retry::{AttemptFailure, HOLDS_UP};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table, cell};

/// What is to be written down of many lanes: for each delivery, one change or more. The deliveries of one
/// lane are no other's, so the order of lanes means nothing.
#[derive(Default)]
pub(super) struct Changes(Vec<(DeliveryId, Change)>);

/// Something to be written down about one delivery.
enum Change {
    /// A message was created for it.
    Created {
        mirror: Mirror,
        /// It may have been tried before an older one that keeps failing.
        overtakes: bool,
        shown: Option<Revision>,
    },
    /// A mirror shows another revision.
    Edited { message: MessageId, marks: i32, revision: Revision, files: Vec<u64>, shown: Option<Revision> },
    /// A mirror is gone.
    Removed {
        message: MessageId,
        /// Another message will take its place.
        replaced: bool,
    },
    /// Nobody knows yet whether its create made a message.
    InDoubt,
    /// An attempt failed.
    Failed(AttemptFailure),
    /// A create that was in flight for it surely made nothing.
    NotCreated,
    /// It has ended.
    Ended(DeliveryEnding),
    /// All of it turned out to be shown, as this revision.
    Rests(Revision),
    /// It isn't to be tried before this time.
    Waits(DateTime<Utc>),
}

impl Changes {
    /// Adds what was done in a lane. With that, all parts show the revision `shown` or a newer one, if there
    /// is one.
    pub(super) fn add(&mut self, result: StepResult, shown: Option<Revision>) {
        match result {
            StepResult::Created { in_flight, mirror, overtakes } => {
                self.push(in_flight.delivery, Change::Created { mirror, overtakes, shown });
            }
            StepResult::NotBegun { in_flight } => self.push(in_flight.delivery, Change::NotCreated),
            // Everything else about it is written down with the lane.
            StepResult::InDoubt { in_flight, .. } => self.push(in_flight.delivery, Change::InDoubt),
            StepResult::Failed { delivery, failure } => {
                self.fail(delivery, failure);
                self.push(delivery, Change::NotCreated);
            }
            StepResult::Unsettled { in_flight, failure } => self.fail(in_flight.delivery, failure),
            StepResult::Edited { delivery, message, marks, revision, files } => {
                self.push(delivery, Change::Edited { message, marks, revision, files, shown });
            }
            StepResult::Deleted { delivery, message } => {
                self.push(delivery, Change::Removed { message, replaced: false });
            }
            StepResult::Cleared { delivery, message } => {
                self.push(delivery, Change::Removed { message, replaced: true });
            }
            StepResult::Delayed { delivery, until } => {
                self.wait(delivery, until);
                self.push(delivery, Change::NotCreated);
            }
            StepResult::Ended { delivery, ending } => self.end(delivery, ending),
        }
    }

    /// Adds that an attempt failed.
    pub(super) fn fail(&mut self, delivery: DeliveryId, failure: AttemptFailure) {
        self.push(delivery, Change::Failed(failure));
    }

    /// Adds that a delivery has ended.
    pub(super) fn end(&mut self, delivery: DeliveryId, ending: DeliveryEnding) {
        self.push(delivery, Change::Ended(ending));
    }

    /// Adds that all of a delivery turned out to be shown, as this revision.
    pub(super) fn rest(&mut self, delivery: DeliveryId, shown: Revision) {
        self.push(delivery, Change::Rests(shown));
    }

    /// Adds that a delivery isn't to be tried before this time.
    pub(super) fn wait(&mut self, delivery: DeliveryId, until: DateTime<Utc>) {
        self.push(delivery, Change::Waits(until));
    }

    fn push(&mut self, delivery: DeliveryId, change: Change) {
        self.0.push((delivery, change));
    }

    /// Writes all of it down, one statement for each kind of change.
    pub(super) async fn write(self, txn: &Write, now: DateTime<Utc>) -> Result<WrittenChanges, DbErr> {
        let refused = insert_mirrors(txn, &self.select(Change::created)).await?;
        update_mirrors(txn, &self.0).await?;
        delete_mirrors(txn, &self.select(Change::removed)).await?;
        let mut succeeded = self.select(Change::success);
        succeeded.retain(|(delivery, _)| !refused.contains_key(delivery));
        mark_succeeded(txn, &succeeded).await?;
        // Where somebody asked for it, a message that was deleted by hand comes back.
        let update = "UPDATE deliveries SET shown_revision = NULL, remake = FALSE FROM ";
        let removed = self.deliveries(|change| matches!(change, Change::Removed { replaced: false, .. }));
        run(txn, update, removed, " WHERE id = t.delivery AND remake").await?;
        let update = "UPDATE deliveries SET shown_revision = NULL FROM ";
        let replaced = self.deliveries(|change| matches!(change, Change::Removed { replaced: true, .. }));
        run(txn, update, replaced, " WHERE id = t.delivery").await?;
        // Until the doubt is settled, only a failed look makes it wait.
        let update = "UPDATE deliveries SET wait_until = NULL FROM ";
        let in_doubt = self.deliveries(|change| matches!(change, Change::InDoubt));
        run(txn, update, in_doubt, " WHERE id = t.delivery AND wait_until IS NOT NULL").await?;
        let overtaking = self.deliveries(|change| matches!(change, Change::Created { overtakes: true, .. }));
        mark_overtaken(txn, overtaking).await?;
        let failed: HashMap<_, _> = self.select(Change::failure).into_iter().collect();
        let failed = attempts::count(txn, &failed, now).await?;
        end_stopped(txn, self.deliveries(|change| matches!(change, Change::NotCreated))).await?;
        end(txn, &self.select(Change::ending)).await?;
        let update = format!("UPDATE deliveries SET {REST} FROM ");
        run(txn, &update, revisions(self.select(Change::rest)), " WHERE id = t.delivery").await?;
        let update = "UPDATE deliveries SET wait_until = t.until FROM ";
        run(txn, update, times(&self.select(Change::wait)), " WHERE id = t.delivery").await?;
        Ok(WrittenChanges { refused, failed })
    }

    /// What this finds in the changes, each with its delivery.
    fn select<'a, T>(&'a self, find: impl Fn(&'a Change) -> Option<T>) -> Vec<(DeliveryId, T)> {
        self.0.iter().filter_map(|(delivery, change)| Some((*delivery, find(change)?))).collect()
    }

    /// The deliveries with such a change.
    fn deliveries(&self, is_one: impl Fn(&Change) -> bool) -> Table<1> {
        let ids = self.0.iter().filter(|(_, change)| is_one(change)).map(|(delivery, _)| delivery.0);
        Table::numbers("delivery", ids)
    }
}

impl Change {
    const fn created(&self) -> Option<&Mirror> {
        match self {
            Self::Created { mirror, .. } => Some(mirror),
            _ => None,
        }
    }

    const fn removed(&self) -> Option<MessageId> {
        match self {
            Self::Removed { message, .. } => Some(*message),
            _ => None,
        }
    }

    /// Of a success: the revision that all parts show now, or a newer one, if there is one.
    const fn success(&self) -> Option<Option<Revision>> {
        match self {
            Self::Created { shown, .. } | Self::Edited { shown, .. } => Some(*shown),
            Self::Removed { .. } => Some(None),
            _ => None,
        }
    }

    const fn failure(&self) -> Option<AttemptFailure> {
        match self {
            Self::Failed(failure) => Some(*failure),
            _ => None,
        }
    }

    const fn ending(&self) -> Option<DeliveryEnding> {
        match self {
            Self::Ended(ending) => Some(*ending),
            _ => None,
        }
    }

    const fn rest(&self) -> Option<Revision> {
        match self {
            Self::Rests(shown) => Some(*shown),
            _ => None,
        }
    }

    const fn wait(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Waits(until) => Some(*until),
            _ => None,
        }
    }
}

/// What turned out when changes were written down.
pub(super) struct WrittenChanges {
    /// The deliveries whose new message can't be recorded: nothing was.
    pub(super) refused: HashMap<DeliveryId, Unrecorded>,
    /// The attempts that failed.
    pub(super) failed: HashMap<DeliveryId, FailedAttempt>,
}

/// Everything that is wanted is shown.
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

fn revisions(shown: impl IntoIterator<Item = (DeliveryId, Revision)>) -> Table<2> {
    let rows = shown.into_iter().map(|(delivery, revision)| [delivery.0.into(), revision.0.into()]);
    Table::new([number("delivery"), number("shown")], rows)
}

fn times(waiting: &[(DeliveryId, DateTime<Utc>)]) -> Table<2> {
    let rows = waiting.iter().map(|(delivery, until)| [delivery.0.into(), cell(*until).into()]);
    Table::new([number("delivery"), ("until", Kind::Time)], rows)
}

/// Records which revision mirrors show now.
async fn update_mirrors(txn: &Write, changes: &[(DeliveryId, Change)]) -> Result<(), DbErr> {
    let rows = changes.iter().filter_map(|(delivery, change)| match change {
        Change::Edited { message, marks, revision, files, .. } => Some([
            message.to_db().into(),
            delivery.0.into(),
            i64::from(*marks).into(),
            revision.0.into(),
            file_ids(files),
        ]),
        _ => None,
    });
    let [message, delivery, marks, newer] = ["message", "delivery", "marks", "newer"].map(number);
    let rows = Table::new([message, delivery, marks, newer, ("file_ids", Kind::Text)], rows);
    let update = "UPDATE mirrors SET revision = t.newer, file_ids = t.file_ids, stale = FALSE FROM ";
    // A mirror that was marked as stale meanwhile stays as it is.
    let which = " WHERE message_id = t.message AND delivery_id = t.delivery AND stale_marks = t.marks";
    run(txn, update, rows, which).await
}

/// Forgets mirrors that are gone.
async fn delete_mirrors(txn: &Write, removed: &[(DeliveryId, MessageId)]) -> Result<(), DbErr> {
    let rows = removed.iter().map(|(delivery, message)| [message.to_db().into(), delivery.0.into()]);
    let rows = Table::new([number("message"), number("delivery")], rows);
    let delete = "DELETE FROM mirrors WHERE (message_id, delivery_id) IN (SELECT t.message, t.delivery FROM ";
    run(txn, delete, rows, ")").await
}

/// Ends deliveries.
async fn end(txn: &Write, ended: &[(DeliveryId, DeliveryEnding)]) -> Result<(), DbErr> {
    let rows = ended.iter().map(|(delivery, ending)| [delivery.0.into(), ending.as_str().into()]);
    let rows = Table::new([number("delivery"), ("how", Kind::Text)], rows);
    let update = "UPDATE deliveries SET state = 'ended', outcome = t.how, wait_until = NULL FROM ";
    run(txn, update, rows, " WHERE id = t.delivery").await
}

/// A delivery that succeeded waits no longer. If all its parts are posted now, it is shown: from now on, a
/// message that is edited without end has edits due, and no first showing. If the parts show what is still
/// the newest revision, the delivery rests. That is the usual case, and spares another look at it.
async fn mark_succeeded(txn: &Write, succeeded: &[(DeliveryId, Option<Revision>)]) -> Result<(), DbErr> {
    let shown = || succeeded.iter().filter_map(|(delivery, shown)| Some((*delivery, (*shown)?)));
    let update = format!("UPDATE deliveries SET {REST} FROM ");
    let which = " WHERE id = t.delivery AND state = 'due' AND NOT withdrawn \
        AND EXISTS (SELECT 1 FROM activities a WHERE a.id = activity_id AND a.revision = t.shown AND NOT a.deleted) \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id AND (m.stale OR m.revision <> t.shown))";
    run(txn, &update, revisions(shown()), which).await?;
    let update = "UPDATE deliveries SET shown_revision = t.shown, overtaken = FALSE FROM ";
    let which = " WHERE id = t.delivery AND state = 'due' AND NOT withdrawn \
        AND (shown_revision IS NULL OR shown_revision < t.shown) \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id AND (m.stale OR m.revision < t.shown))";
    run(txn, update, revisions(shown()), which).await?;
    let update = "UPDATE deliveries SET attempts = 0, wait_until = NULL FROM ";
    let which = " WHERE id = t.delivery AND (attempts > 0 OR wait_until IS NOT NULL)";
    let rows = Table::numbers("delivery", succeeded.iter().map(|(delivery, _)| delivery.0));
    run(txn, update, rows, which).await
}

/// If these could be shown, so could others: the ones before them that keep failing hold up nothing any more.
async fn mark_overtaken(txn: &Write, shown: Table<1>) -> Result<(), DbErr> {
    let which = format!(
        " JOIN deliveries s ON s.id = t.delivery WHERE deliveries.target_channel_id = s.target_channel_id \
         AND deliveries.state = 'due' AND deliveries.shown_revision IS NULL AND deliveries.attempts >= {HOLDS_UP} \
         AND (deliveries.position, deliveries.activity_id) < (s.position, s.activity_id)"
    );
    // Each is tried once more at once: if Discord came back just between the two, only these two change
    // places.
    let update = "UPDATE deliveries SET overtaken = TRUE, wait_until = NULL FROM ";
    run(txn, update, shown, &which).await
}

/// Pausing spares the delivery whose create is in flight. If that create turns out to have made nothing, the
/// delivery ends like the others.
async fn end_stopped(txn: &Write, not_created: Table<1>) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL FROM ";
    let which = " WHERE id = t.delivery AND state = 'due' AND shown_revision IS NULL \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id) \
        AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.id = deliveries.follow_id AND f.is_active)";
    run(txn, update, not_created, which).await
}
