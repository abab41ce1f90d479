//! Deliveries that may be next in their lanes, as the database selects them: `pick` says which of them goes
//! first.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::attempts::HOLDS_OTHERS;
use crate::store::db::connect::Write;
use crate::store::db::sql::{Sql, Table, stored};

/// A delivery that may be next in its lane.
#[derive(FromQueryResult)]
pub(super) struct Candidate {
    pub(super) id: i64,
    pub(super) activity_id: i64,
    pub(super) position: i64,
    pub(super) follow_id: Option<i64>,
    /// It is tried before the head of its lane.
    pub(super) overtakes: bool,
    pub(super) shown_revision: Option<i32>,
    pub(super) wait_until: Option<DateTime<Utc>>,
    pub(super) attempts: i32,
    pub(super) revision: i32,
    pub(super) deleted: bool,
    pub(super) origin: String,
    pub(super) author_id: Option<i64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) source_channel_id: Option<i64>,
    pub(super) thread_id: Option<i64>,
    pub(super) place: String,
    pub(super) follow_source: Option<i64>,
    pub(super) source_guild_id: Option<i64>,
    pub(super) guild_id: Option<i64>,
    pub(super) paused_since: Option<DateTime<Utc>>,
    pub(super) published_only: Option<bool>,
    pub(super) follow_active: Option<bool>,
}

const COLUMNS: &str = "t.target, d.id, d.activity_id, d.position, d.follow_id, d.shown_revision, d.wait_until, \
    d.attempts, a.origin, a.revision, (a.deleted OR d.withdrawn) AS deleted, a.author_id, a.created_at, \
    a.source_channel_id, a.thread_id, a.place, f.source_channel_id AS follow_source, f.source_guild_id, f.guild_id, f.published_only, \
    CASE WHEN NOT f.is_active AND f.broken_reason IS NULL THEN f.updated_at END AS paused_since, \
    f.is_active AS follow_active \
    FROM t CROSS JOIN deliveries d JOIN activities a ON a.id = d.activity_id LEFT JOIN channel_follows f ON f.id = d.follow_id ";

/// A prime: numbers below it, times any lot below it and modulo it, are only shuffled.
const LOTS: i64 = 1_000_003;

/// The lot of a moment: one for all lanes and everyone who asks then, and as good as chance. The golden ratio
/// spreads moments that are close together, or whole seconds apart.
fn lot(now: DateTime<Utc>) -> i64 {
    let spread = now.timestamp_micros().cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1;
    1 + spread.cast_signed() % (LOTS - 1)
}

/// The deletion or the edit that is next, among the deliveries of a lane that were shown.
fn reopened() -> String {
    format!(
        "SELECT o.id FROM deliveries o JOIN activities b ON b.id = o.activity_id \
         WHERE o.target_channel_id = t.target AND o.state = 'due' AND o.shown_revision IS NOT NULL \
         AND (o.wait_until IS NULL OR o.wait_until <= $1) \
         ORDER BY (b.deleted OR o.withdrawn) DESC, \
         CASE WHEN b.deleted OR o.withdrawn THEN 0 ELSE (o.id % {LOTS}) * $2 % {LOTS} END, \
         o.position, o.activity_id LIMIT 1"
    )
}

/// The head of a lane. What was deleted or overtaken holds nothing up: while it waits, the next one is the
/// head.
const HEAD: &str = "SELECT o.id FROM deliveries o JOIN activities b ON b.id = o.activity_id \
    WHERE o.target_channel_id = t.target AND o.state = 'due' AND o.shown_revision IS NULL \
    AND (NOT (b.deleted OR o.withdrawn OR o.overtaken) OR o.wait_until IS NULL OR o.wait_until <= $1) \
    ORDER BY o.position, o.activity_id LIMIT 1";

/// A delivery behind the head: of the first few, the one that was tried least, so that two bad ones in a row
/// don't hide behind each other.
fn trial() -> String {
    format!(
        "SELECT c.id FROM (SELECT o.id, o.attempts, o.position, o.activity_id FROM deliveries h, deliveries o \
         JOIN activities b ON b.id = o.activity_id WHERE h.id = t.failed_head AND o.target_channel_id = t.target \
         AND {HOLDS_OTHERS} AND (o.wait_until IS NULL OR o.wait_until <= $1) \
         AND (o.position, o.activity_id) > (h.position, h.activity_id) \
         ORDER BY o.position, o.activity_id LIMIT 32) AS c ORDER BY c.attempts, c.position, c.activity_id LIMIT 1"
    )
}

/// Selects at most three candidates for each of these lanes: of (target, delivery whose create is in flight,
/// head that failed just now). With `with_trial`, a fourth for lanes whose head failed.
pub(super) async fn query(
    txn: &Write,
    lanes: Table<3>,
    with_trial: bool,
    now: DateTime<Utc>,
) -> Result<Vec<QueryResult>, DbErr> {
    let query = Sql::new("WITH t AS (SELECT * FROM ", [stored(now).into(), lot(now).into()]);
    let query = query.table(&**txn, lanes).then(&format!(
        ") SELECT FALSE AS overtakes, {COLUMNS} WHERE d.id = t.marked \
         UNION ALL SELECT FALSE AS overtakes, {COLUMNS} WHERE t.marked IS NULL AND d.id = ({}) \
         UNION ALL SELECT FALSE AS overtakes, {COLUMNS} WHERE t.marked IS NULL AND d.id = ({HEAD})",
        reopened()
    ));
    let query = match with_trial {
        true => query.then(&format!(
            " UNION ALL SELECT TRUE AS overtakes, {COLUMNS} WHERE t.marked IS NULL AND d.id = ({})",
            trial()
        )),
        false => query,
    };
    query.all(&**txn).await
}
