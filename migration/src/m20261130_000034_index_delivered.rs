//! The deliveries of a follow, in their order: which was the last one is found at once, however many there
//! are.

use sea_orm_migration::prelude::*;

use crate::columns::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const FORMER: &str = "ix_deliveries_follow_id";
const NAME: &str = "ix_deliveries_follow_order";
const TABLE: &str = "deliveries";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index(NAME, TABLE, &["follow_id", "id"])).await?;
        manager.drop_index(Index::drop().name(FORMER).table(TABLE).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index(FORMER, TABLE, &["follow_id"])).await?;
        manager.drop_index(Index::drop().name(NAME).table(TABLE).to_owned()).await
    }
}
