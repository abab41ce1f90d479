//! Which message an activity quotes, and `stale_quotes`: messages that were edited or deleted, and whose
//! quotes must be brought up to date.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "ix_activities_quoted_message_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let quoted = || big_or_null("quoted_message_id");
        manager.alter_table(Table::alter().table("activities").add_column(quoted()).take()).await?;
        // Most messages quote none.
        let quotes = index(INDEX, "activities", &["quoted_message_id", "id"])
            .and_where(Expr::col("quoted_message_id").is_not_null())
            .take();
        manager.create_index(quotes).await?;
        let stale = Table::create()
            .table("stale_quotes")
            .col(big("message_id").primary_key())
            .col(big("source_channel_id"))
            // The activity up to which the update is done.
            .col(big("after_id").default(0))
            // How often it has changed: a later change restarts the update.
            .col(big("changes").default(1))
            .take();
        manager.create_table(stale).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("stale_quotes")).await?;
        manager.drop_index(Index::drop().name(INDEX).table("activities").to_owned()).await?;
        manager.alter_table(Table::alter().table("activities").drop_column("quoted_message_id").take()).await
    }
}
