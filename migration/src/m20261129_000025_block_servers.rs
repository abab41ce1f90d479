//! `blocked_servers`: servers that the operator doesn't serve.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A reason for a break that earlier versions call by another word.
const REASON: (&str, &str) = ("not_served", "source_server_left");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let blocked = Table::create()
            .table("blocked_servers")
            .col(big("guild_id").primary_key())
            .col(time("created_at"))
            .take();
        manager.create_table(blocked).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (reason, before) = REASON;
        let update = Query::update()
            .table("channel_follows")
            .value("broken_reason", before)
            .and_where(Expr::col("broken_reason").eq(reason))
            .take();
        manager.execute(update).await?;
        manager.drop_table(drop("blocked_servers")).await
    }
}
