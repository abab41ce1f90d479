//! Failed attempts are counted here, and nowhere else. Whatever failed about a delivery (see
//! [`AttemptFailure`]) is one more attempt of that delivery. [`retry`](crate::domain::retry) alone decides
//! when the next one comes, or that there is none.
//!
//! An attempt can't be forgotten, even by a process that dies: a create is marked in its lane before it is
//! sent, and nothing else happens in that lane before the mark is answered: by the create's message, by an
//! end, or by a failure that is counted here.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, QueryResult};

use crate::domain::activity::DeliveryId;
use crate::domain::retry::{AttemptFailure, HOLDS_UP, RetryState, next_attempt};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table, cell};

/// A failed attempt, as it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The delivery.
    pub delivery: DeliveryId,
    /// How it failed.
    pub failure: AttemptFailure,
    /// How many attempts in a row have failed with it.
    pub failed: u32,
    /// When the next attempt is due; `None` if the delivery is given up.
    pub again: Option<DateTime<Utc>>,
    /// The head of its lane failed, again and just now: a later first showing may be tried, to find out
    /// whether the head is at fault.
    pub(super) may_be_overtaken: bool,
}

/// More than are ever counted.
const MOST: u32 = 1_000_000;

/// Not deleted, never shown, and not overtaken: first showings behind it wait for it. About the delivery `o`
/// and its activity `b`.
pub(super) const HOLDS_OTHERS: &str =
    "o.state = 'due' AND o.shown_revision IS NULL AND NOT o.overtaken AND NOT (b.deleted OR o.withdrawn)";

/// Counts these attempts, and returns them by delivery.
pub(super) async fn count(
    txn: &Write,
    failures: &HashMap<DeliveryId, AttemptFailure>,
    now: DateTime<Utc>,
) -> Result<HashMap<DeliveryId, FailedAttempt>, DbErr> {
    if failures.is_empty() {
        return Ok(HashMap::new());
    }
    let attempts: Vec<FailedAttempt> = read(txn, failures)
        .await?
        .into_iter()
        .filter_map(|(delivery, known)| {
            Some(known.fail(DeliveryId(delivery), *failures.get(&DeliveryId(delivery))?, now))
        })
        .collect();
    let rows = attempts
        .iter()
        .map(|attempt| [attempt.delivery.0.into(), attempt.failed.into(), attempt.again.map(cell).into()]);
    let columns = [("delivery", Kind::Number), ("failed", Kind::Number), ("until", Kind::Time)];
    // One that has ended may still have a create in doubt.
    let update = "UPDATE deliveries SET attempts = t.failed, \
        wait_until = CASE WHEN state = 'due' THEN t.until END, \
        outcome = CASE WHEN state = 'due' AND t.until IS NULL THEN 'gave_up' ELSE outcome END, \
        state = CASE WHEN state = 'due' AND t.until IS NULL THEN 'ended' ELSE state END FROM ";
    let update = Sql::new(update, []).table(&**txn, Table::new(columns, rows));
    update.then(" WHERE id = t.delivery").execute(&**txn).await?;
    Ok(attempts.into_iter().map(|attempt| (attempt.delivery, attempt)).collect())
}

/// What decides about the consequence of a failure.
struct AttemptHistory {
    failed: u32,
    waits: bool,
    due_since: Option<DateTime<Utc>>,
    is_head: bool,
}

async fn read(
    txn: &Write,
    failures: &HashMap<DeliveryId, AttemptFailure>,
) -> Result<Vec<(i64, AttemptHistory)>, DbErr> {
    let query = format!(
        "SELECT d.id, d.attempts, d.wait_until, \
         CASE WHEN d.shown_revision IS NULL AND a.kind = 'message' THEN a.created_at END, \
         CASE WHEN d.attempts + 1 >= {HOLDS_UP} AND d.shown_revision IS NULL AND NOT d.overtaken AND NOT EXISTS (\
             SELECT 1 FROM deliveries o JOIN activities b ON b.id = o.activity_id \
             WHERE o.target_channel_id = d.target_channel_id AND {HOLDS_OTHERS} \
             AND (o.position, o.activity_id) < (d.position, d.activity_id)) THEN 1 ELSE 0 END FROM "
    );
    let deliveries = Table::numbers("delivery", failures.keys().map(|delivery| delivery.0));
    let query = Sql::new(query, []).table(&**txn, deliveries);
    let query =
        query.then(" JOIN deliveries d ON d.id = t.delivery JOIN activities a ON a.id = d.activity_id");
    // An unreadable row must not keep its own failure from being counted.
    let time = |row: &QueryResult, index| row.try_get_by_index::<Option<DateTime<Utc>>>(index).ok().flatten();
    let known = |row: QueryResult| AttemptHistory {
        failed: u32::try_from(row.try_get_by_index(1).unwrap_or(i32::MAX)).unwrap_or(0),
        waits: time(&row, 2).is_some(),
        due_since: time(&row, 3),
        is_head: row.try_get_by_index(4).unwrap_or(0_i32) == 1,
    };
    Ok(query.keyed_rows(&**txn).await?.into_iter().map(|(delivery, row)| (delivery, known(row))).collect())
}

impl AttemptHistory {
    fn fail(self, delivery: DeliveryId, failure: AttemptFailure, now: DateTime<Utc>) -> FailedAttempt {
        let failed = self.failed.saturating_add(1).min(MOST);
        let tried = RetryState { delivery, failed, due_since: self.due_since };
        // A doubt that was settled late says nothing about what Discord would do now.
        let just_now = match failure {
            AttemptFailure::NotMade => !self.waits,
            AttemptFailure::Unsettled => false,
            _ => true,
        };
        let again = next_attempt(tried, now);
        FailedAttempt { delivery, failure, failed, again, may_be_overtaken: self.is_head && just_now }
    }
}
