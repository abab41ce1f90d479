//! `untold_breaks`: follows that broke, and whose people haven't been told yet.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("untold_breaks")
            .col(big("follow_id").primary_key())
            .foreign_key(
                ForeignKey::create()
                    .name("fk_untold_breaks_follow_id")
                    .from("untold_breaks", "follow_id")
                    .to("channel_follows", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("untold_breaks")).await
    }
}
