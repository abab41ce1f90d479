//! Follows whose people are still to be told that they broke, rest or go on again: of what they are told, the follow itself speaks.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::entity::channel_follows::{Column, Entity};
use super::sql::{Sql, Table};
use super::{Store, StoreError, follow_row};
use crate::domain::follow::Follow;

impl Store {
    /// Takes some of the follows of which nobody has been told what became of them. Each is given once: who takes it and dies before telling it leaves it untold, which is
    /// better than telling it again and again.
    pub async fn take_untold(&self, limit: u64) -> Result<Vec<Follow>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = "SELECT follow_id FROM untold_breaks ORDER BY follow_id LIMIT $1";
        // Looked at outside the transaction: mostly there are none.
        let ids = Sql::new(query, [limit.into()]).numbers(&self.db).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let txn = self.write().await?;
        let delete = Sql::new("DELETE FROM untold_breaks WHERE follow_id IN ", []).list(ids);
        let taken = delete.then(" RETURNING follow_id").numbers(&*txn).await?;
        let rows = Entity::find().filter(Column::Id.is_in(taken));
        let rows = rows.order_by_asc(Column::Id).all(&*txn).await?;
        let follows = follow_row::follows(&*txn, rows).await?;
        txn.commit().await?;
        Ok(follows)
    }
}

/// Notes that the people of these follows are to be told.
pub(super) async fn note(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let rows = Table::numbers("id", follows.iter().copied());
    let insert = Sql::new("INSERT INTO untold_breaks (follow_id) SELECT t.id FROM ", []).rows(rows);
    insert.then(" WHERE TRUE ON CONFLICT DO NOTHING").execute(txn).await?;
    Ok(())
}

/// There is nothing to tell any more; whether there was.
pub(super) async fn forget(txn: &impl ConnectionTrait, follow: i64) -> Result<bool, DbErr> {
    let delete = "DELETE FROM untold_breaks WHERE follow_id = $1";
    Ok(Sql::new(delete, [follow.into()]).execute(txn).await? > 0)
}
