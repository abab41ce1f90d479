//! `mirrors.file_ids`: which of the source's files are attached to a mirror, so that a replaced file is
//! noticed even if it has the same name and size.

use sea_orm_migration::prelude::*;

use crate::columns::text_or_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Their ids, separated by commas. Null in rows that an earlier version wrote, and if there are none.
        let files = text_or_null("file_ids");
        manager.alter_table(Table::alter().table("mirrors").add_column(files).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("mirrors").drop_column("file_ids").take()).await
    }
}
