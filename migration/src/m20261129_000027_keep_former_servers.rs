//! `deliveries.former_guild_id`: the server of the target, for a delivery whose follow was removed. Only the
//! follow named it.

use sea_orm_migration::prelude::*;

use crate::columns::{big_or_null, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "ix_deliveries_former_guild_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let former = big_or_null("former_guild_id");
        manager.alter_table(Table::alter().table("deliveries").add_column(former).take()).await?;
        let former = index(INDEX, "deliveries", &["former_guild_id"])
            .and_where(Expr::col("former_guild_id").is_not_null())
            .take();
        manager.create_index(former).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table("deliveries").to_owned()).await?;
        let former = Table::alter().table("deliveries").drop_column("former_guild_id").take();
        manager.alter_table(former).await
    }
}
