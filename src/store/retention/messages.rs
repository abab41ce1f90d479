//! Contents that nobody needs any more, and messages that are too old to be followed up: both go, a few at a time, so that writers never wait
//! long. What else is left over: `leftovers`, `left_guilds`; what a person wants forgotten: `forget`.
//!
//! A content is *settled* once no delivery is due that needs it. From then on it is kept for a while, as an answer or another post below may
//! look at it, and then cleared. An edit brings its own content along, and unsettles it; a deletion needs none.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::ids::MessageId;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, channel_ids, stored};
use crate::store::{Store, StoreError};

/// How many rows one statement looks for, and one transaction takes away.
pub(in crate::store) const CHUNK: i64 = 1_000;
/// How many activities are forgotten together; each may have many deliveries, of which one transaction takes a chunk.
const TOGETHER: i64 = 200;
/// How many deliveries one transaction looks through while it clears contents.
const LOOKED_THROUGH: i64 = 10_000;

/// A delivery that needs its activity's content.
const DUE: &str = "(EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id AND d.state = 'due') \
    OR EXISTS (SELECT 1 FROM held_activities h WHERE h.activity_id = activities.id))";
/// The message that a thread begins with, where that was read since `$3`: what is posted there goes under its mirrors. A thread has the number of
/// the message that it was made from, if it was.
const BEGINS_LIVELY_THREAD: &str = "EXISTS (SELECT 1 FROM channels c WHERE c.seen_message_id >= $3 AND c.channel_id IN \
    (activities.source_message_id, CASE WHEN activities.place = 'starter' THEN activities.thread_id END))";
/// No lane has a create of it in flight.
const LANDED: &str = "NOT EXISTS (SELECT 1 FROM lanes l WHERE l.in_flight_delivery_id = deliveries.id)";

/// What was forgotten of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Untracked {
    /// Messages.
    pub activities: u64,
    /// Their deliveries.
    pub deliveries: u64,
}

/// Which deliveries of an activity are forgotten with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Those {
    /// Those that are finished.
    Finished,
    /// Those too that are still owed.
    All,
}

/// An activity, and how many deliveries one has to look through for it.
#[derive(FromQueryResult)]
pub(in crate::store) struct Sized {
    pub(in crate::store) id: i64,
    pub(in crate::store) size: i64,
}

#[derive(FromQueryResult)]
struct Unsettled {
    id: i64,
    due: bool,
}

#[derive(FromQueryResult)]
struct Aged {
    id: i64,
    source_message_id: i64,
}

#[derive(FromQueryResult)]
struct Owed {
    id: i64,
    target_channel_id: i64,
}

impl Store {
    /// Notes which contents no delivery needs any more. How many.
    pub async fn settle_contents(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let (mut settled, mut after) = (0, 0);
        loop {
            let query = format!(
                "SELECT id, {DUE} AS due FROM activities WHERE kind = 'message' AND content IS NOT NULL \
                 AND settled_at IS NULL AND id > $1 ORDER BY id LIMIT $2"
            );
            let found: Vec<Unsettled> =
                Sql::new(query, [after.into(), CHUNK.into()]).rows_of(&self.db).await?;
            let Some(last) = found.last() else { return Ok(settled) };
            after = last.id;
            let ids: Vec<i64> = found.iter().filter(|one| !one.due).map(|one| one.id).collect();
            if !ids.is_empty() {
                settled += self.settle(&ids, now).await?;
            }
        }
    }

    async fn settle(&self, ids: &[i64], now: DateTime<Utc>) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        pass_gates(&txn, ids).await?;
        let update = "UPDATE activities SET settled_at = $1 \
            WHERE content IS NOT NULL AND settled_at IS NULL AND id IN ";
        let update = Sql::new(update, [stored(now).into()]).list(ids.iter().copied());
        let settled = update.execute(&*txn).await?;
        txn.commit().await?;
        Ok(settled)
    }

    /// Clears the contents that were settled by that time; those that a delivery needs again are kept, and unsettled. How many were cleared.
    pub async fn clear_contents(&self, settled_by: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut cleared = 0;
        loop {
            let query = "SELECT id, (SELECT COUNT(*) FROM deliveries d WHERE d.activity_id = activities.id) AS size \
                FROM activities WHERE kind = 'message' AND content IS NOT NULL AND settled_at <= $1 \
                ORDER BY settled_at LIMIT $2";
            let values = [stored(settled_by).into(), CHUNK.into()];
            let found: Vec<Sized> = Sql::new(query, values).rows_of(&self.db).await?;
            if found.is_empty() {
                return Ok(cleared);
            }
            for ids in batches(&found) {
                cleared += self.clear(&ids, settled_by).await?;
            }
        }
    }

    async fn clear(&self, ids: &[i64], settled_by: DateTime<Utc>) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        pass_gates(&txn, ids).await?;
        let unsettle = Sql::new("UPDATE activities SET settled_at = NULL WHERE id IN ", []);
        unsettle.list(ids.iter().copied()).then(&format!(" AND {DUE}")).execute(&*txn).await?;
        let clear = "UPDATE activities SET content = NULL \
            WHERE content IS NOT NULL AND settled_at <= $1 AND id IN ";
        let clear = Sql::new(clear, [stored(settled_by).into()]).list(ids.iter().copied());
        let cleared = clear.execute(&*txn).await?;
        txn.commit().await?;
        Ok(cleared)
    }

    /// Forgets the messages that are older than both (the message, and its row), with what ties them to their mirrors: their edits and deletions
    /// don't reach these any more. What is still owed, or on its way, stays until it is done; so do live panels, and what a thread begins with in which
    /// somebody still posts.
    pub(in crate::store) async fn untrack(
        &self,
        posted: MessageId,
        recorded: DateTime<Utc>,
    ) -> Result<Untracked, StoreError> {
        let mut untracked = Untracked::default();
        let (mut message, mut id) = (0, 0);
        loop {
            let query = format!(
                "SELECT id, source_message_id FROM activities \
                 WHERE (source_message_id, id) > ($1, $2) AND source_message_id < $3 AND created_at < $4 \
                 AND (kind = 'message' OR deleted) AND NOT {DUE} AND NOT {BEGINS_LIVELY_THREAD} \
                 ORDER BY source_message_id, id LIMIT $5"
            );
            let values =
                [message.into(), id.into(), posted.to_db().into(), stored(recorded).into(), TOGETHER.into()];
            let found: Vec<Aged> = Sql::new(query, values).rows_of(&self.db).await?;
            let Some(last) = found.last() else { return Ok(untracked) };
            (message, id) = (last.source_message_id, last.id);
            let ids: Vec<i64> = found.iter().map(|one| one.id).collect();
            untracked.add(self.forget_activities(&ids, Those::Finished).await?);
        }
    }

    /// Forgets these activities, a chunk of deliveries in a transaction; one of which a delivery stays, stays too.
    pub(in crate::store) async fn forget_activities(
        &self,
        ids: &[i64],
        which: Those,
    ) -> Result<Untracked, StoreError> {
        let mut untracked = Untracked::default();
        loop {
            let txn = self.write().await?;
            pass_gates(&txn, ids).await?;
            let theirs = |sql: Sql| sql.then("activity_id IN ").list(ids.iter().copied());
            let deliveries = forget_deliveries(&txn, theirs, which).await?;
            let mut done = Untracked { activities: 0, deliveries };
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

impl Untracked {
    /// Counts these too.
    pub(in crate::store) const fn add(&mut self, more: Self) {
        self.activities += more.activities;
        self.deliveries += more.deliveries;
    }
}

/// Takes the gates of the sources and threads that these activities belong to.
pub(in crate::store) async fn pass_gates(txn: &Write, activities: &[i64]) -> Result<(), StoreError> {
    if !locks::are_locks(&**txn) {
        return Ok(());
    }
    let mut channels = Vec::new();
    for column in ["source_channel_id", "thread_id"] {
        let query = format!("SELECT DISTINCT {column} FROM activities WHERE {column} IS NOT NULL AND id IN ");
        channels.extend(Sql::new(query, []).list(activities.iter().copied()).numbers(&**txn).await?);
    }
    Ok(locks::standing_sources(&**txn, channel_ids(channels)?).await?)
}

/// Forgets a chunk of the deliveries on which this condition is true, with their mirrors; takes their lanes' gates. How many it were.
pub(in crate::store) async fn forget_deliveries(
    txn: &Write,
    condition: impl FnOnce(Sql) -> Sql,
    which: Those,
) -> Result<u64, StoreError> {
    let finished = match which {
        Those::Finished => "state <> 'due' AND",
        Those::All => "",
    };
    let find = format!("SELECT id, target_channel_id FROM deliveries WHERE {finished} {LANDED} AND ");
    let find = condition(Sql::new(find, [])).then(&format!(" LIMIT {CHUNK}"));
    let found: Vec<Owed> = find.rows_of(&**txn).await?;
    if found.is_empty() {
        return Ok(0);
    }
    locks::standing_lanes(&**txn, channel_ids(found.iter().map(|one| one.target_channel_id))?).await?;
    // Asked again: until the gates were taken, one may have become due, or begun to be sent.
    let delete = format!("DELETE FROM deliveries WHERE {finished} {LANDED} AND id IN ");
    Ok(Sql::new(delete, []).list(found.iter().map(|one| one.id)).execute(&**txn).await?)
}

/// Groups of which each has no more deliveries than one transaction looks through, or is a single activity.
pub(in crate::store) fn batches(found: &[Sized]) -> Vec<Vec<i64>> {
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
        let found = [1, 9_000, 2_000, 50_000, 3, 4].map(|size| Sized { id: size, size });
        let batches = batches(&found);
        assert_eq!(batches, [vec![1, 9_000], vec![2_000], vec![50_000], vec![3, 4]]);
    }
}
