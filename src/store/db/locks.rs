//! The order in which rows are locked, so that writers wait for each other and never deadlock: **`channels`
//! rows of sources, then `lanes` rows of targets, each in ascending order, then everything else.**
//!
//! - A source's lock is held while its events are recorded, or while its followers change: a post reaches
//!   exactly those who follow at that moment.
//! - A lane's lock is held while the target's deliveries or follows change: a step that was decided upon is
//!   recorded before an edit or a pause can change what it was based on.
//!
//! If the number of a server's follows or panels is limited, the lock of that number comes before all of them
//! (`follow::limits`, `panel::panels`). The other advisory locks, and the row locks on profiles, collections
//! and activities, are in transactions of their own kind; docs/architecture.md has the whole table.
//!
//! Missing rows are inserted. SQLite has one writer at a time and no row locks, so nothing is locked there.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::sql::{Sql, Table};
use crate::domain::ids::ChannelId;

/// Locks these sources.
pub(in crate::store) async fn sources(
    txn: &impl ConnectionTrait,
    channels: impl IntoIterator<Item = ChannelId>,
) -> Result<(), DbErr> {
    lock(txn, "channels", "channel_id", sorted(channels)).await
}

/// Locks these targets.
pub(in crate::store) async fn lanes(
    txn: &impl ConnectionTrait,
    targets: impl IntoIterator<Item = ChannelId>,
) -> Result<(), DbErr> {
    lock(txn, "lanes", "target_channel_id", sorted(targets)).await
}

/// Locks those of these sources that have a row: for deletions, which shouldn't insert any.
pub(in crate::store) async fn existing_sources(
    txn: &impl ConnectionTrait,
    channels: impl IntoIterator<Item = ChannelId>,
) -> Result<(), DbErr> {
    lock_existing(txn, "channels", "channel_id", &sorted(channels)).await.map(drop)
}

/// Locks those of these targets that have a row.
pub(in crate::store) async fn existing_lanes(
    txn: &impl ConnectionTrait,
    targets: impl IntoIterator<Item = ChannelId>,
) -> Result<(), DbErr> {
    lock_existing(txn, "lanes", "target_channel_id", &sorted(targets)).await.map(drop)
}

/// Whether the database has row locks. If not, there is no need to find out which rows to lock.
pub(in crate::store) fn has_row_locks(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Each once, in the order of locking.
fn sorted(ids: impl IntoIterator<Item = ChannelId>) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.into_iter().map(ChannelId::to_db).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn lock(txn: &impl ConnectionTrait, table: &str, key: &str, ids: Vec<i64>) -> Result<(), DbErr> {
    loop {
        Sql::new(format!("INSERT INTO {table} ({key}) SELECT t.id FROM "), [])
            .rows(Table::numbers("id", ids.iter().copied()))
            .then(" WHERE TRUE ORDER BY t.id ON CONFLICT DO NOTHING")
            .execute(txn)
            .await?;
        // In between, a row may have been deleted as unused.
        if !has_row_locks(txn) || lock_existing(txn, table, key, &ids).await? == ids.len() {
            return Ok(());
        }
    }
}

/// Locks the rows that exist, and returns how many there are.
async fn lock_existing(
    txn: &impl ConnectionTrait,
    table: &str,
    key: &str,
    ids: &[i64],
) -> Result<usize, DbErr> {
    if !has_row_locks(txn) {
        return Ok(0);
    }
    let select = Sql::new(format!("SELECT {key} FROM {table} WHERE {key} IN "), []);
    let select = select.list(ids.iter().copied()).then(&format!(" ORDER BY {key} FOR UPDATE"));
    Ok(select.numbers(txn).await?.len())
}
