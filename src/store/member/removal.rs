//! Withdrawing what is known of a person's messages, some at a time, because they don't want to be mirrored
//! or want to be forgotten. Each part is one transaction under its locks, so that it works while a bot runs.
//! If interrupted, it is simply run again.

use chrono::{DateTime, Utc};

use crate::domain::ids::ChannelId;
use crate::domain::opt_out::{OptOut, OptOutScope};
use crate::store::db::locks;
use crate::store::db::sql::{CHUNK, Sql, channel_ids};
use crate::store::lane::deliveries::SET_DUE;
use crate::store::retention::messages::{SizedActivity, lock_sources_of};
use crate::store::server::left::SOURCES;
use crate::store::source::event::effects::{ChangedActivities, reopen, wake};
use crate::store::source::quotes;
use crate::store::{Forgotten, Notice, Store, StoreError};

/// Due somewhere, other than to be withdrawn.
const OWED: &str = "state = 'due' AND NOT withdrawn";
/// How many deliveries one part withdraws, unless it is a single message: others use the same lanes.
const TOGETHER: i64 = 100;

/// What becomes of the mirrors of messages that are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovalKind {
    /// They stay, and which mirror belongs to which message stays known.
    MirrorsStay,
    /// They are deleted, as if the messages had been deleted.
    MirrorsGo,
    /// They are deleted, and the author's wish is remembered.
    Withhold,
}

/// A request to withdraw a person's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Removal {
    /// Whose messages, and where.
    pub opt_out: OptOut,
    /// When it was requested.
    pub since: DateTime<Utc>,
    /// How.
    pub manner: RemovalKind,
}

/// A finished part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemovedPart {
    /// The numbers of the messages.
    pub activities: Vec<i64>,
    /// The targets with new work.
    pub lanes: Vec<ChannelId>,
}

impl Removal {
    /// A query of `activities` for those that name the person in this column and must be withdrawn.
    fn query(&self, select: &str, column: &str) -> Sql {
        let OptOut { user, scope, until } = self.opt_out;
        let sql = match scope {
            OptOutScope::Everywhere => Sql::new(select, []),
            // Its `$1` is the server.
            OptOutScope::Server(guild) => {
                let condition = format!("{select} source_channel_id IN ({SOURCES}) AND");
                Sql::new(condition, [guild.to_db().into()])
            }
        };
        let sql = sql.then(&format!(" {column} = ")).bind(user.to_db());
        match until {
            None => sql,
            Some(until) => sql.then(" AND source_message_id < ").bind(until.to_db()),
        }
    }
}

impl Store {
    /// Withdraws the next part, newest messages first: those before this number. Without `paced`, only what
    /// is due and hasn't been sent, and more of it at once.
    pub async fn remove_part(
        &self,
        removal: &Removal,
        before: i64,
        paced: bool,
    ) -> Result<RemovedPart, StoreError> {
        let query = "SELECT id, (SELECT COUNT(*) FROM deliveries d WHERE d.activity_id = activities.id) AS size \
            FROM activities WHERE";
        let query = removal.query(query, "author_id").then(" AND id < ").bind(before);
        let query = match paced {
            true => query,
            false => query.then(
                " AND EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id \
                 AND d.state = 'due' AND d.shown_revision IS NULL)",
            ),
        };
        let found: Vec<SizedActivity> =
            query.then(" ORDER BY id DESC LIMIT ").bind(CHUNK).rows_of(&self.db).await?;
        let most = if paced { TOGETHER } else { TOGETHER * TOGETHER };
        let activities = first_of(&found, most);
        if activities.is_empty() {
            return Ok(RemovedPart::default());
        }
        let mut forgotten = Forgotten::default();
        let lanes = self.forget_messages(&activities, removal.manner, &mut forgotten).await?;
        self.forget_quotes(&activities).await?;
        self.notify(&Notice::AnyWork).await?;
        Ok(RemovedPart { activities, lanes })
    }

    /// How many deliveries of these messages must still be withdrawn.
    pub async fn still_due(&self, activities: &[i64]) -> Result<u64, StoreError> {
        let query = "SELECT COUNT(*) FROM deliveries WHERE state = 'due' AND activity_id IN ";
        let found = Sql::new(query, []).list(activities.iter().copied()).numbers(&self.db).await?;
        Ok(found.first().map_or(0, |count| count.unsigned_abs()))
    }

    /// Notes that quotes of this person's messages must be brought up to date, for messages that nothing else
    /// is known about; for the others, that is noted when their mirrors are deleted. Returns whether there
    /// are any.
    pub async fn mark_quotes_of(&self, removal: &Removal) -> Result<bool, StoreError> {
        let (mut any, mut after) = (false, 0);
        loop {
            let query = "SELECT id FROM activities WHERE NOT deleted AND";
            let query = removal.query(query, "quoted_author_id").then(" AND id > ").bind(after);
            let query = query.then(
                " AND NOT EXISTS (SELECT 1 FROM activities o \
                 WHERE o.source_message_id = activities.quoted_message_id AND o.kind = 'message')",
            );
            let some = query.then(" ORDER BY id LIMIT ").bind(CHUNK).numbers(&self.db).await?;
            let Some(last) = some.last() else { return Ok(any) };
            after = *last;
            let txn = self.write().await?;
            any |= quotes::mark_quoted_by(&txn, &some).await?;
            txn.commit().await?;
        }
    }

    /// Forgets these messages. Returns the targets with new work.
    pub(super) async fn forget_messages(
        &self,
        activities: &[i64],
        manner: RemovalKind,
        forgotten: &mut Forgotten,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let some = || activities.iter().copied();
        let txn = self.write().await?;
        lock_sources_of(&txn, activities).await?;
        let targets = Sql::new("SELECT DISTINCT target_channel_id FROM deliveries WHERE activity_id IN ", []);
        let targets = channel_ids(targets.list(some()).numbers(&*txn).await?)?;
        // If nobody follows into a target any more, its lane's row may be missing.
        locks::lanes(&*txn, targets.iter().copied()).await?;
        let standing = Sql::new("SELECT id FROM activities WHERE NOT deleted AND id IN ", []).list(some());
        let standing = ChangedActivities { edited: Vec::new(), deleted: standing.numbers(&*txn).await? };
        if manner == RemovalKind::MirrorsStay {
            // If a create is in flight, its message is searched for as before, and then the delivery ends,
            // too.
            let end = format!(
                "UPDATE deliveries SET state = 'ended', outcome = 'gave_up', wait_until = NULL WHERE {OWED} AND activity_id IN "
            );
            Sql::new(end, []).list(standing.ids()).execute(&*txn).await?;
        } else {
            let delete = "UPDATE activities SET deleted = TRUE, revision = revision + 1, content = NULL, withheld = $1 WHERE id IN ";
            let withheld = manner == RemovalKind::Withhold;
            Sql::new(delete, [withheld.into()]).list(standing.ids()).execute(&*txn).await?;
            reopen(&txn, &standing).await?;
            quotes::mark_of(&txn, &standing.deleted).await?;
            if withheld {
                quotes::mark_answers_under(&txn, &standing.deleted).await?;
            }
            let orphans = format!(
                "UPDATE deliveries SET {SET_DUE} WHERE follow_id IS NULL \
                 AND EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id) AND activity_id IN "
            );
            Sql::new(orphans, []).list(some()).execute(&*txn).await?;
            wake(&txn, activities, &standing).await?;
        }
        let clear = "UPDATE activities SET author_id = NULL, content = NULL, digest = NULL WHERE id IN ";
        forgotten.messages += Sql::new(clear, []).list(some()).execute(&*txn).await?;
        // Hashtags are the author's words. A post's forum tags also decide who is shown other people's
        // answers under it.
        let tags = Sql::new("DELETE FROM activity_tags WHERE tag NOT LIKE '%:%' AND activity_id IN ", []);
        tags.list(some()).execute(&*txn).await?;
        for (state, count) in
            [("= 'due'", &mut forgotten.mirrors_going), ("<> 'due'", &mut forgotten.mirrors_staying)]
        {
            let query = format!(
                "SELECT COUNT(*) FROM mirrors m JOIN deliveries d ON d.id = m.delivery_id \
                 WHERE d.state {state} AND d.activity_id IN "
            );
            let found = Sql::new(query, []).list(some()).numbers(&*txn).await?;
            *count += found.first().map_or(0, |count| count.unsigned_abs());
        }
        txn.commit().await?;
        Ok(targets)
    }
}

/// As many of these as have at most this many deliveries together, but at least one.
fn first_of(found: &[SizedActivity], most: i64) -> Vec<i64> {
    let mut sum = 0;
    let fits = |one: &&SizedActivity| {
        let first = sum == 0;
        sum += one.size;
        first || sum <= most
    };
    found.iter().take_while(fits).map(|one| one.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_small_or_a_single_message() {
        let sized = |sizes: &[i64]| -> Vec<SizedActivity> {
            sizes.iter().map(|size| SizedActivity { id: *size, size: *size }).collect()
        };
        assert_eq!(first_of(&sized(&[60, 30, 20, 1]), 100), [60, 30]);
        assert_eq!(first_of(&sized(&[5_000, 1]), 100), [5_000]);
        assert_eq!(first_of(&sized(&[0, 0, 100, 1]), 100), [0, 0, 100]);
        assert!(first_of(&[], 100).is_empty());
    }
}
