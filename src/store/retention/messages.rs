//! Contents that nobody needs any more, and messages that are too old to be followed up: both are deleted, a
//! few at a time, so that writers never wait long. `unused` and `server::left` delete other rows;
//! `member::forget` deletes what a person wants forgotten.
//!
//! A content is *unneeded* once no due delivery needs it (`settled_at` says since when). It is then kept for
//! a while, as an answer or another post below may refer to it, and then cleared. An edit brings its own
//! content, which is needed; a deletion needs none. What some feed may show keeps
//! its content for as long as feeds go back.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::ids::MessageId;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{CHUNK, Sql, channel_ids, stored};
use crate::store::{Store, StoreError};

/// How many activities are forgotten together. Each may have many deliveries, of which one transaction
/// deletes a chunk.
const TOGETHER: i64 = 200;
/// How many deliveries one transaction looks through while it clears contents.
const LOOKED_THROUGH: i64 = 10_000;

/// A delivery that needs its activity's content.
const IS_NEEDED: &str = "(EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id AND d.state = 'due') \
    OR EXISTS (SELECT 1 FROM held_activities h WHERE h.activity_id = activities.id))";
/// The first message of a thread that was read since `$3`: what is posted there goes under its mirrors. A
/// thread that was started from a message has that message's id.
const BEGINS_LIVELY_THREAD: &str = "EXISTS (SELECT 1 FROM channels c WHERE c.seen_message_id >= $3 AND c.channel_id IN \
    (activities.source_message_id, CASE WHEN activities.place = 'starter' THEN activities.thread_id END))";
/// No lane has a create in flight for it.
const LANDED: &str = "NOT EXISTS (SELECT 1 FROM lanes l WHERE l.in_flight_delivery_id = deliveries.id)";

/// What was forgotten of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForgottenMessages {
    /// Messages.
    pub activities: u64,
    /// Their deliveries.
    pub deliveries: u64,
}

/// Which deliveries of an activity are forgotten with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum ForgetScope {
    /// Those that are finished.
    Finished,
    /// All of them, even those that are still due.
    All,
}

/// An activity, and how many deliveries must be looked through for it.
#[derive(FromQueryResult)]
pub(in crate::store) struct SizedActivity {
    pub(in crate::store) id: i64,
    pub(in crate::store) size: i64,
}

#[derive(FromQueryResult)]
struct NeededRow {
    id: i64,
    due: bool,
}

#[derive(FromQueryResult)]
struct OldActivityRow {
    id: i64,
    source_message_id: i64,
}

#[derive(FromQueryResult)]
struct DeliveryRow {
    id: i64,
    target_channel_id: i64,
}

impl Store {
    /// Marks the contents that no delivery needs any more as unneeded. Returns how many.
    pub async fn mark_contents_unneeded(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let (mut settled, mut after) = (0, 0);
        loop {
            let query = format!(
                "SELECT id, {IS_NEEDED} AS due FROM activities WHERE kind = 'message' AND content IS NOT NULL \
                 AND settled_at IS NULL AND id > $1 ORDER BY id LIMIT $2"
            );
            let found: Vec<NeededRow> =
                Sql::new(query, [after.into(), CHUNK.into()]).rows_of(&self.db).await?;
            let Some(last) = found.last() else { return Ok(settled) };
            after = last.id;
            let ids: Vec<i64> = found.iter().filter(|one| !one.due).map(|one| one.id).collect();
            if !ids.is_empty() {
                settled += self.mark_unneeded(&ids, now).await?;
            }
        }
    }

    async fn mark_unneeded(&self, ids: &[i64], now: DateTime<Utc>) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        lock_sources_of(&txn, ids).await?;
        let update = "UPDATE activities SET settled_at = $1 \
            WHERE content IS NOT NULL AND settled_at IS NULL AND id IN ";
        let update = Sql::new(update, [stored(now).into()]).list(ids.iter().copied());
        let settled = update.execute(&*txn).await?;
        txn.commit().await?;
        Ok(settled)
    }

    /// Clears the contents that were unneeded by that time. Those that a delivery needs again are kept, and
    /// marked as needed. Returns how many were cleared.
    pub async fn clear_contents(&self, unneeded_by: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut cleared = 0;
        loop {
            let query = "SELECT id, (SELECT COUNT(*) FROM deliveries d WHERE d.activity_id = activities.id) AS size \
                FROM activities WHERE kind = 'message' AND content IS NOT NULL AND settled_at <= $1 AND NOT in_feeds \
                ORDER BY settled_at LIMIT $2";
            let values = [stored(unneeded_by).into(), CHUNK.into()];
            let found: Vec<SizedActivity> = Sql::new(query, values).rows_of(&self.db).await?;
            if found.is_empty() {
                return Ok(cleared);
            }
            for ids in batches(&found) {
                cleared += self.clear(&ids, unneeded_by).await?;
            }
        }
    }

    async fn clear(&self, ids: &[i64], unneeded_by: DateTime<Utc>) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        lock_sources_of(&txn, ids).await?;
        let mark_needed = Sql::new("UPDATE activities SET settled_at = NULL WHERE id IN ", []);
        mark_needed.list(ids.iter().copied()).then(&format!(" AND {IS_NEEDED}")).execute(&*txn).await?;
        let clear = "UPDATE activities SET content = NULL \
            WHERE content IS NOT NULL AND settled_at <= $1 AND NOT in_feeds AND id IN ";
        let clear = Sql::new(clear, [stored(unneeded_by).into()]).list(ids.iter().copied());
        let cleared = clear.execute(&*txn).await?;
        txn.commit().await?;
        Ok(cleared)
    }

    /// Forgets the messages that are older than both times (of the message, and of its row), with what ties
    /// them to their mirrors: later edits and deletions don't reach these any more. What is still due, or on
    /// its way, stays until it is done. Live panels stay, too, and so do the first messages of threads in
    /// which somebody still posts.
    pub(in crate::store) async fn forget_old_messages(
        &self,
        posted: MessageId,
        recorded: DateTime<Utc>,
    ) -> Result<ForgottenMessages, StoreError> {
        let mut untracked = ForgottenMessages::default();
        let (mut message, mut id) = (0, 0);
        loop {
            let query = format!(
                "SELECT id, source_message_id FROM activities \
                 WHERE (source_message_id, id) > ($1, $2) AND source_message_id < $3 AND created_at < $4 \
                 AND (kind = 'message' OR deleted) AND NOT {IS_NEEDED} AND NOT {BEGINS_LIVELY_THREAD} \
                 ORDER BY source_message_id, id LIMIT $5"
            );
            let values =
                [message.into(), id.into(), posted.to_db().into(), stored(recorded).into(), TOGETHER.into()];
            let found: Vec<OldActivityRow> = Sql::new(query, values).rows_of(&self.db).await?;
            let Some(last) = found.last() else { return Ok(untracked) };
            (message, id) = (last.source_message_id, last.id);
            let ids: Vec<i64> = found.iter().map(|one| one.id).collect();
            untracked.add(self.forget_activities(&ids, ForgetScope::Finished).await?);
        }
    }

    /// Forgets these activities, a chunk of deliveries per transaction. An activity stays if one of its
    /// deliveries does.
    pub(in crate::store) async fn forget_activities(
        &self,
        ids: &[i64],
        which: ForgetScope,
    ) -> Result<ForgottenMessages, StoreError> {
        let mut untracked = ForgottenMessages::default();
        loop {
            let txn = self.write().await?;
            lock_sources_of(&txn, ids).await?;
            let theirs = |sql: Sql| sql.then("activity_id IN ").list(ids.iter().copied());
            let deliveries = forget_deliveries(&txn, theirs, which).await?;
            let mut done = ForgottenMessages { activities: 0, deliveries };
            let more = i64::try_from(deliveries).is_ok_and(|count| count >= CHUNK);
            if !more {
                let delete = Sql::new("DELETE FROM activities WHERE id IN ", []).list(ids.iter().copied());
                let delete = delete
                    .then(" AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id)");
                done.activities = delete.execute(&*txn).await?;
            }
            txn.commit().await?;
            untracked.add(done);
            if !more {
                return Ok(untracked);
            }
        }
    }
}

impl ForgottenMessages {
    /// Adds these counts.
    pub(in crate::store) const fn add(&mut self, more: Self) {
        self.activities += more.activities;
        self.deliveries += more.deliveries;
    }
}

/// Locks the sources and threads that these activities belong to.
pub(in crate::store) async fn lock_sources_of(txn: &Write, activities: &[i64]) -> Result<(), StoreError> {
    if !locks::has_row_locks(&**txn) {
        return Ok(());
    }
    let mut channels = Vec::new();
    for column in ["source_channel_id", "thread_id"] {
        let query = format!("SELECT DISTINCT {column} FROM activities WHERE {column} IS NOT NULL AND id IN ");
        channels.extend(Sql::new(query, []).list(activities.iter().copied()).numbers(&**txn).await?);
    }
    Ok(locks::existing_sources(&**txn, channel_ids(channels)?).await?)
}

/// Forgets a chunk of the deliveries that meet this condition, with their mirrors. Locks their lanes. Returns
/// how many there were.
pub(in crate::store) async fn forget_deliveries(
    txn: &Write,
    condition: impl FnOnce(Sql) -> Sql,
    which: ForgetScope,
) -> Result<u64, StoreError> {
    let finished = match which {
        ForgetScope::Finished => "state <> 'due' AND",
        ForgetScope::All => "",
    };
    let find = format!("SELECT id, target_channel_id FROM deliveries WHERE {finished} {LANDED} AND ");
    let find = condition(Sql::new(find, [])).then(&format!(" LIMIT {CHUNK}"));
    let found: Vec<DeliveryRow> = find.rows_of(&**txn).await?;
    if found.is_empty() {
        return Ok(0);
    }
    locks::existing_lanes(&**txn, channel_ids(found.iter().map(|one| one.target_channel_id))?).await?;
    // Checked again: before the locks were taken, one may have become due, or begun to be sent.
    let delete = format!("DELETE FROM deliveries WHERE {finished} {LANDED} AND id IN ");
    Ok(Sql::new(delete, []).list(found.iter().map(|one| one.id)).execute(&**txn).await?)
}

/// Groups that each have no more deliveries than one transaction looks through, or consist of a single
/// activity.
pub(in crate::store) fn batches(found: &[SizedActivity]) -> Vec<Vec<i64>> {
    let mut batches: Vec<Vec<i64>> = Vec::new();
    let mut room = 0;
    for one in found {
        room -= one.size + 1;
        match batches.last_mut() {
            Some(batch) if room >= 0 => batch.push(one.id),
            _ => {
                room = LOOKED_THROUGH - one.size - 1;
                batches.push(vec![one.id]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_small_or_single() {
        let found = [1, 9_000, 2_000, 50_000, 3, 4].map(|size| SizedActivity { id: size, size });
        let batches = batches(&found);
        assert_eq!(batches, [vec![1, 9_000], vec![2_000], vec![50_000], vec![3, 4]]);
    }
}
