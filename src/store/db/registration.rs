//! A process's place among the others on PostgreSQL: a connection of its own, which holds its name and its
//! shards as long as it lasts, and receives the notices of other processes. `owners` says what the name is
//! for.
//!
//! The locks belong to the connection. PostgreSQL frees them when the process dies, or can no longer be
//! reached (keepalives tell). Processes claim shards one at a time, and each looks at all that are held
//! first: so no two serve the same server, and all agree on the number of shards.
//!
//! A pooler that shares connections among transactions (PgBouncer in transaction mode) can't carry this
//! connection.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, Acquire, Executor, PgPool};
use sea_orm::{DbErr, RuntimeErr};

use super::connect::SETTINGS;
use super::notices;
use super::notices::{Notice, NoticeSender};
use super::owners::{Neighbours, PROCESS, ProcessNumber};
use crate::domain::shards::Shards;
use crate::store::{Store, StoreError};

/// The first half of the locks' numbers: for shards, and for the lock around claiming them. Any numbers will
/// do, as long as they never change.
const SHARD: i32 = 1_953_655_906;
const GATE: i32 = 1_953_655_907;
/// How long PostgreSQL may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Notices need not reach the disk.
const QUICK: &str = "SET synchronous_commit = off";

/// The connection. Its locks end with it.
pub struct Registration {
    pub(in crate::store) listener: PgListener,
    pool: PgPool,
    sender: NoticeSender,
    /// The number of this process.
    pub(super) number: ProcessNumber,
    pub(super) neighbours: Neighbours,
}

/// Why shards can't be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardConflict {
    /// Another process has one of them.
    Taken {
        /// Which.
        shard: u32,
        /// PostgreSQL's number of that process's connection.
        backend: i32,
    },
    /// The other processes divide the servers among another number of shards.
    OtherTotal {
        /// Theirs.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
}

impl fmt::Display for ShardConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { shard, backend } => write!(
                f,
                "shard {shard} is another process's (PostgreSQL backend {backend}); this one takes over when that ends"
            ),
            Self::OtherTotal { theirs, ours } => write!(
                f,
                "other processes divide the servers among {theirs} shards, this one among {ours}: give all the same number with SHARDS"
            ),
        }
    }
}

/// A shard that another process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HeldShard {
    shard: u32,
    total: u32,
    backend: i32,
}

/// What keeps these shards from being claimed, if anything does.
fn conflict(held: &[HeldShard], wanted: Shards) -> Option<ShardConflict> {
    let other_total = held.iter().find(|held| held.total != wanted.total());
    if let Some(other) = other_total {
        return Some(ShardConflict::OtherTotal { theirs: other.total, ours: wanted.total() });
    }
    let taken = held.iter().filter(|held| (wanted.first()..=wanted.last()).contains(&held.shard));
    taken
        .min_by_key(|held| held.shard)
        .map(|&HeldShard { shard, backend, .. }| ShardConflict::Taken { shard, backend })
}

/// The second half of a lock's number: the total in the upper two bytes, the shard in the lower.
const fn lock_number(shard: u32, total: u32) -> i32 {
    (total << 16 | shard).cast_signed()
}

impl Store {
    /// Whether other processes can use this database, too. On SQLite none can.
    pub const fn is_shared(&self) -> bool {
        self.postgres.is_some()
    }

    /// Opens one more connection, outside the pool; `None` on SQLite, which isn't shared.
    pub async fn register(&self) -> Result<Option<Registration>, StoreError> {
        let Some(options) = &self.postgres else { return Ok(None) };
        let options = options.as_ref().clone().application_name("tributary session");
        // A listener takes its connection from a pool: it gets this one, once.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options);
        let opening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.ignore_pool_close_event(true);
            listener.eager_reconnect(false);
            listener.execute(SETTINGS).await?;
            listener.execute(QUICK).await?;
            listener.listen(notices::CHANNEL).await?;
            let number = name(&mut listener).await?;
            Ok((listener, number))
        };
        let (listener, number) = in_time(opening).await?;
        let neighbours = Neighbours::default();
        Ok(Some(Registration { listener, pool, sender: self.sender, number, neighbours }))
    }
}

/// Locks a number that no other process has.
async fn name(listener: &mut PgListener) -> Result<ProcessNumber, sqlx::Error> {
    loop {
        let number = ProcessNumber::draw();
        let lock = sqlx::query_as("SELECT pg_try_advisory_lock($1, $2)").bind(PROCESS).bind(number.lock());
        let (locked,): (bool,) = lock.fetch_one(&mut *listener).await?;
        if locked {
            return Ok(number);
        }
    }
}

impl Registration {
    /// Claims these shards, all or none. They stay claimed until the connection ends.
    pub async fn take(&mut self, wanted: Shards) -> Result<Option<ShardConflict>, StoreError> {
        in_time(async {
            let mut txn = self.listener.begin().await?;
            sqlx::query("SELECT pg_advisory_xact_lock($1, 0)").bind(GATE).execute(&mut *txn).await?;
            let query = "SELECT l.objid::bigint, l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2 \
                AND l.classid::bigint = $1 AND l.granted AND l.pid <> pg_backend_pid()";
            let rows: Vec<(i64, i32)> =
                sqlx::query_as(query).bind(i64::from(SHARD)).fetch_all(&mut *txn).await?;
            let held = rows.into_iter().map(|(number, backend)| {
                let number = u32::try_from(number).unwrap_or_default();
                HeldShard { shard: number & 0xffff, total: number >> 16, backend }
            });
            let found = conflict(&held.collect::<Vec<_>>(), wanted);
            if found.is_none() {
                for shard in wanted.each() {
                    let lock = sqlx::query("SELECT pg_advisory_lock($1, $2)").bind(SHARD);
                    lock.bind(lock_number(shard.id, shard.total)).execute(&mut *txn).await?;
                }
            }
            txn.commit().await?;
            Ok(found)
        })
        .await
    }

    /// Waits for the next notice of another process. Can be cancelled at any time without losing one.
    ///
    /// # Errors
    /// The connection is gone, with the locks.
    pub async fn next(&mut self) -> Result<Notice, StoreError> {
        loop {
            let Some(told) = self.listener.try_recv().await.map_err(failed)? else {
                return Err(StoreError::Database(DbErr::Conn(RuntimeErr::Internal(
                    "it was closed".to_owned(),
                ))));
            };
            if let Some(signal) = self.sender.read(told.payload()) {
                return Ok(signal);
            }
        }
    }

    /// Sends notices to the other processes.
    pub async fn notify(&mut self, signals: &[Notice]) -> Result<(), StoreError> {
        in_time(async {
            for signal in signals {
                let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(notices::CHANNEL);
                notify.bind(self.sender.text(signal)).execute(&mut self.listener).await?;
            }
            Ok(())
        })
        .await
    }

    /// The database's time.
    ///
    /// # Errors
    /// The connection is gone, with the locks.
    pub async fn time(&mut self) -> Result<DateTime<Utc>, StoreError> {
        let time = sqlx::query_as("SELECT clock_timestamp()");
        in_time(time.fetch_one(&mut self.listener)).await.map(|(time,)| time)
    }

    /// Closes the connection, and frees what it held.
    pub async fn close(self) {
        drop(self.listener);
        // A server that doesn't answer frees it by itself.
        let _ = tokio::time::timeout(PATIENCE, self.pool.close()).await;
    }
}

pub(super) async fn in_time<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(failed(sqlx::Error::PoolTimedOut)),
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    StoreError::Database(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shards(text: &str) -> Shards {
        text.parse().unwrap()
    }

    #[test]
    fn what_another_has_is_not_taken() {
        let held =
            [HeldShard { shard: 3, total: 16, backend: 7 }, HeldShard { shard: 2, total: 16, backend: 7 }];
        assert_eq!(conflict(&[], shards("0/1")), None);
        assert_eq!(conflict(&held, shards("4..15/16")), None);
        assert_eq!(conflict(&held, shards("0..15/16")), Some(ShardConflict::Taken { shard: 2, backend: 7 }));
        assert_eq!(conflict(&held, shards("4/8")), Some(ShardConflict::OtherTotal { theirs: 16, ours: 8 }));
    }

    proptest! {
        #[test]
        fn locks_have_numbers_of_their_own(total in 1..=65_535_u32, shard: u32) {
            let shard = shard % total;
            let number = lock_number(shard, total).cast_unsigned();
            prop_assert_eq!((number & 0xffff, number >> 16), (shard, total));
        }
    }
}
