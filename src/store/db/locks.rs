//! The order in which rows are locked, so that writers wait for each other and never in a circle: **`channels`
//! rows of sources, then `lanes` rows of targets, each in ascending order, then everything else.**
//!
//! - A source's gate is held by whoever records its events or changes who follows it: a post reaches exactly
//!   those who follow at that moment.
//! - A lane's gate is held by whoever changes the target's deliveries or follows: a step that was decided upon
//!   is recorded before an edit or a pause can change what it rested on.
//!
//! Before all of them comes the lock of a server's number of follows or panels (`follow_limits`, `panels`), where that is bounded.
//!
//! The rows are made where they are missing. On SQLite there is one writer at a time, and a row lock would say
//! nothing more (SQLite has none).

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

/// Locks those of these sources that there are: for who takes away, and makes nothing.
pub(in crate::store) async fn standing_sources(
    txn: &impl ConnectionTrait,
    channels: impl IntoIterator<Item = ChannelId>,
) -> Result<(), DbErr> {
    lock_standing(txn, "channels", "channel_id", &sorted(channels)).await.map(drop)
}

/// Locks those of these targets that there are.
pub(in crate::store) async fn standing_lanes(
    txn: &impl ConnectionTrait,
    targets: impl IntoIterator<Item = ChannelId>,
) -> Result<(), DbErr> {
    lock_standing(txn, "lanes", "target_channel_id", &sorted(targets)).await.map(drop)
}

/// Whether rows can be locked at all: where not, there is nothing to find out about them before.
pub(in crate::store) fn are_locks(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Each once, in the order in which they are locked.
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
        // Between the two, one may have been taken away, as nobody needed it until now.
        if !are_locks(txn) || lock_standing(txn, table, key, &ids).await? == ids.len() {
            return Ok(());
        }
    }
}

/// Locks those rows that are there, and says how many.
async fn lock_standing(
    txn: &impl ConnectionTrait,
    table: &str,
    key: &str,
    ids: &[i64],
) -> Result<usize, DbErr> {
    if !are_locks(txn) {
        return Ok(0);
    }
    let select = Sql::new(format!("SELECT {key} FROM {table} WHERE {key} IN "), []);
    let select = select.list(ids.iter().copied()).then(&format!(" ORDER BY {key} FOR UPDATE"));
    Ok(select.numbers(txn).await?.len())
}
