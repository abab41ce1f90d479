//! `key_check`: one sealed constant. On startup, it shows the program whether this database was written with
//! its key.

use sea_orm_migration::prelude::*;

use crate::columns::{drop, int};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("key_check")
            .col(int("id").primary_key())
            .col(ColumnDef::new("sealed").blob().not_null())
            .check(("ck_key_check_one_row", Expr::cust("id = 1")))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("key_check")).await
    }
}
