//! What is remembered about a create in flight: the webhook that it goes through. And `retractions`: messages
//! that the bot created and must retract, so that no lane adopts one of them.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, flag, index, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null in rows that an earlier version wrote.
        let webhook = big_or_null("in_flight_webhook_id");
        manager.alter_table(Table::alter().table("lanes").add_column(webhook).take()).await?;
        let table = Table::create()
            .table("retractions")
            .col(big("message_id").primary_key())
            .col(big("channel_id"))
            .col(big("target_channel_id"))
            .col(big("webhook_id"))
            .col(flag("deleted", false))
            .col(time("created_at"))
            .take();
        manager.create_table(table).await?;
        manager
            .create_index(index("ix_retractions_target_channel_id", "retractions", &["target_channel_id"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("retractions")).await?;
        let column = Table::alter().table("lanes").drop_column("in_flight_webhook_id").take();
        manager.alter_table(column).await
    }
}
