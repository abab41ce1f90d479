//! `gateway_sessions`: what a clean stop leaves to the next start, so that the gateway's events continue
//! where a planned restart interrupted them.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop, int, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = Table::create()
            .table("gateway_sessions")
            .col(int("shard_id").primary_key())
            .col(int("shard_total"))
            .col(big("number"))
            .col(time("began_at"))
            .col(time("stored_at"))
            .col(ColumnDef::new("sealed").blob().not_null())
            .take();
        manager.create_table(sessions).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("gateway_sessions")).await
    }
}
