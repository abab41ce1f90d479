//! Which processes are alive, and the lanes of those that aren't.
//!
//! Each process holds an advisory lock of its own on its registration's connection, and its name in the
//! leases of lanes contains the lock's number. PostgreSQL frees the lock when the connection ends, however
//! that happens. So a lane whose owner's lock is free has no owner, whatever its lease says.
//!
//! Leases remain the second line of defence: they limit how long a frozen process can hold a lane, and cover
//! deaths that no connection reveals.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sqlx;

use super::locks::has_row_locks;
use super::registration::{Registration, in_time};
use super::sql::{Sql, channel_ids, stored};
use crate::domain::ids::ChannelId;
use crate::store::{Store, StoreError};

/// The first half of these locks' numbers. Any number will do, as long as it never changes.
pub(super) const PROCESS: i32 = 1_953_655_908;
/// How many checks after a death search the lanes again: at the first one, a transaction of the dead process
/// may still have been running.
const LOOKS_AFTER_A_DEATH: u8 = 10;
/// The numbers of the processes that are alive, and whether this connection holds the lock.
const LIVING: &str = "SELECT l.objid::bigint, l.pid = pg_backend_pid() FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.classid::bigint = $1";

/// The number of a process's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) struct ProcessNumber(u32);

impl ProcessNumber {
    pub(super) fn draw() -> Self {
        Self(rand::random())
    }

    /// The second half of the lock's number.
    pub(super) const fn lock(self) -> i32 {
        self.0.cast_signed()
    }

    /// The name under which the process holds lanes: its process id, for people, and this number.
    pub(super) fn owner(self) -> String {
        format!("{}-{:08x}", std::process::id(), self.0)
    }

    /// The number in such a name. `None` for a name of another form, for which only the lease counts.
    fn of(owner: &str) -> Option<Self> {
        let (_, number) = owner.split_once('-')?;
        let digits = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits { u32::from_str_radix(number, 16).ok().map(Self) } else { None }
    }
}

/// What a registration knows of the other processes.
#[derive(Default)]
pub(super) struct Neighbours {
    /// Those that were alive at the last check; `None` before the first.
    known: Option<HashSet<ProcessNumber>>,
    /// How many of the next checks search the lanes.
    searches: u8,
}

impl Neighbours {
    /// Whether the lanes should be searched for dead owners: at first, and after a death.
    fn observe(&mut self, living: &HashSet<ProcessNumber>) -> bool {
        let nobody_died = self.known.as_ref().is_some_and(|known| known.is_subset(living));
        if !nobody_died {
            self.searches = LOOKS_AFTER_A_DEATH;
        }
        self.known = Some(living.clone());
        let search = self.searches > 0;
        self.searches = self.searches.saturating_sub(1);
        search
    }
}

impl Registration {
    /// The name under which this process holds lanes, as long as this registration lasts. No other has it.
    pub fn owner(&self) -> String {
        self.number.owner()
    }

    /// Frees the lanes whose owners are dead, and returns their targets. A create that was in flight can be
    /// settled from `settle_at` on.
    ///
    /// # Errors
    /// The connection is gone, or doesn't hold this process's lock because a pooler that shares connections
    /// is in between.
    pub async fn free_lanes_of_the_dead(
        &mut self,
        settle_at: DateTime<Utc>,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let living = self.living().await?;
        if !self.neighbours.observe(&living) {
            return Ok(Vec::new());
        }
        let freed = self.free_dead_lanes(settle_at).await;
        if freed.is_err() {
            // The next check, if there is one, starts from scratch.
            self.neighbours = Neighbours::default();
        }
        freed
    }

    async fn free_dead_lanes(&mut self, settle_at: DateTime<Utc>) -> Result<Vec<ChannelId>, StoreError> {
        let owners = "SELECT DISTINCT lease_owner FROM lanes WHERE lease_owner IS NOT NULL";
        let owners: Vec<(String,)> = in_time(sqlx::query_as(owners).fetch_all(&mut self.listener)).await?;
        // Read after the owners: every process that is named in a lane held its lock by then. Names are never
        // reused, so a dead owner stays dead.
        let living = self.living().await?;
        let dead = |owner: &String| ProcessNumber::of(owner).is_some_and(|number| !living.contains(&number));
        let dead: Vec<String> = owners.into_iter().map(|(owner,)| owner).filter(dead).collect();
        if dead.is_empty() {
            return Ok(Vec::new());
        }
        // In the order of all locks. A row that is locked right now is freed at the next check.
        let free = "UPDATE lanes SET lease_owner = NULL, lease_until = NULL, \
            settle_at = CASE WHEN in_flight_delivery_id IS NULL THEN NULL ELSE $2 END \
            WHERE target_channel_id IN (SELECT target_channel_id FROM lanes WHERE lease_owner = ANY($1) \
            ORDER BY target_channel_id FOR UPDATE SKIP LOCKED) RETURNING target_channel_id";
        let free = sqlx::query_as(free).bind(dead).bind(stored(settle_at));
        let freed: Vec<(i64,)> = in_time(free.fetch_all(&mut self.listener)).await?;
        channel_ids(freed.into_iter().map(|(target,)| target))
    }

    /// The processes that are alive.
    async fn living(&mut self) -> Result<HashSet<ProcessNumber>, StoreError> {
        let rows = sqlx::query_as(LIVING).bind(i64::from(PROCESS));
        let rows: Vec<(i64, bool)> = in_time(rows.fetch_all(&mut self.listener)).await?;
        let number = |number: i64| u32::try_from(number).ok().map(ProcessNumber);
        if !rows.iter().any(|(found, own)| *own && number(*found) == Some(self.number)) {
            return Err(StoreError::SharedConnection);
        }
        Ok(rows.into_iter().filter_map(|(found, _)| number(found)).collect())
    }
}

impl Store {
    /// How many processes that listen or deliver work with this database. On SQLite, it is one at a time.
    pub async fn count_processes(&self) -> Result<u64, StoreError> {
        if !has_row_locks(&self.db) {
            return Ok(1);
        }
        let count = format!("SELECT COUNT(*) FROM ({LIVING}) living");
        let living = Sql::new(count, [i64::from(PROCESS).into()]).numbers(&self.db).await?;
        Ok(living.first().map_or(0, |count| count.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_carries_its_number(number: u32) {
            let number = ProcessNumber(number);
            prop_assert_eq!(ProcessNumber::of(&number.owner()), Some(number));
        }
    }

    #[test]
    fn names_of_other_forms_have_no_number() {
        for owner in ["", "test", "worker-1", "4711-00c0ffee00c0ffee", "4711-+0c0ffee"] {
            assert_eq!(ProcessNumber::of(owner), None, "{owner}");
        }
    }

    #[test]
    fn lanes_are_searched_at_first_and_after_a_death() {
        let living = |numbers: &[u32]| numbers.iter().copied().map(ProcessNumber).collect();
        let mut neighbours = Neighbours::default();
        let quiet = |neighbours: &mut Neighbours, numbers: &[u32]| {
            for _ in 0..LOOKS_AFTER_A_DEATH {
                assert!(neighbours.observe(&living(numbers)));
            }
            assert!(!neighbours.observe(&living(numbers)));
        };
        quiet(&mut neighbours, &[1, 2]);
        assert!(!neighbours.observe(&living(&[1, 2, 3])), "a birth is no death");
        quiet(&mut neighbours, &[1, 3]);
    }
}
