//! Only changes rows: a follow can break for reasons that an earlier version calls by another word, which the
//! way back restores.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Each reason, and what it was called before.
const REASONS: [(&str, &str); 4] = [
    ("thread_locked", "target_forbidden"),
    ("bot_timed_out", "target_forbidden"),
    ("two_factor", "target_forbidden"),
    ("too_many_webhooks", "webhook_deleted"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Nothing in the database says which of them it was.
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (reason, before) in REASONS {
            let update = Query::update()
                .table("channel_follows")
                .value("broken_reason", before)
                .and_where(Expr::col("broken_reason").eq(reason))
                .take();
            manager.execute(update).await?;
        }
        Ok(())
    }
}
