//! `channels`: what must be remembered about a channel, followed or not.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("channels")
            .col(big("channel_id").primary_key())
            .col(text("audience").default("nobody"))
            .col(big_or_null("seen_message_id"))
            .check(("ck_channels_audience", Expr::cust("audience IN ('nobody', 'servers', 'everyone')")))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("channels")).await
    }
}
