//! Finds people who chose who sees their lists, or hide their counts: others' lists leave them out.

use sea_orm_migration::prelude::*;

use crate::columns::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const NAME: &str = "ix_profiles_private";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let chose = Expr::cust("lists IS NOT NULL OR counts_hidden");
        manager.create_index(index(NAME, "profiles", &["user_id"]).and_where(chose).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(NAME).table("profiles").to_owned()).await
    }
}
