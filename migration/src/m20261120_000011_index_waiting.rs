//! The few deliveries that wait, by lane and time: they show when a lane should be checked again, however
//! much is due there.

use sea_orm_migration::prelude::*;

use crate::columns::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const NAME: &str = "ix_deliveries_waiting";
const TABLE: &str = "deliveries";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let waits = Expr::col("state").eq(Expr::val("due")).and(Expr::col("wait_until").is_not_null());
        let index = index(NAME, TABLE, &["target_channel_id", "wait_until"]).and_where(waits).take();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(NAME).table(TABLE).to_owned()).await
    }
}
