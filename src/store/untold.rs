//! Follows that broke and whose people have not been told yet.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::entity::channel_follows::{Column, Entity};
use super::sql::{Sql, Table};
use super::{Store, StoreError, follow_row};
use crate::domain::follow::Follow;

impl Store {
    /// Takes some of the breaks that nobody has been told of. Each is given once: who takes it and dies before telling it leaves it untold, which is
    /// better than telling it again and again.
    pub async fn take_untold_breaks(&self, limit: u64) -> Result<Vec<Follow>, StoreError> {
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
        let rows = Entity::find().filter(Column::Id.is_in(taken)).filter(Column::BrokenReason.is_not_null());
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
