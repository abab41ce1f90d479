//! What feeds show is compared with Discord after a gap: `activities.checked_at` says when an activity was
//! last compared, and `listening_gaps` says up to when the events of each shard may have been missed.

use sea_orm_migration::prelude::*;

use crate::columns::{drop, int, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let checked = Table::alter().table("activities").add_column(time_or_null("checked_at")).take();
        manager.alter_table(checked).await?;
        manager.create_table(gaps()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("listening_gaps")).await?;
        manager.alter_table(Table::alter().table("activities").drop_column("checked_at").take()).await
    }
}

/// The end of the last gap of each shard, by the number of shards that there were.
fn gaps() -> TableCreateStatement {
    Table::create()
        .table("listening_gaps")
        .col(int("shard_total"))
        .col(int("shard_id"))
        .col(time("ended_at"))
        .primary_key(Index::create().col("shard_total").col("shard_id"))
        .take()
}
