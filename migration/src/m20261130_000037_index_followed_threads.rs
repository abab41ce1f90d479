//! The personal follows of a channel's threads, so that they end with the channel.

use sea_orm_migration::prelude::*;

use crate::columns::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const NAME: &str = "ix_personal_follows_parent_id";
const TABLE: &str = "personal_follows";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let threads =
            index(NAME, TABLE, &["parent_id"]).and_where(Expr::col("parent_id").is_not_null()).take();
        manager.create_index(threads).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(NAME).table(TABLE).to_owned()).await
    }
}
