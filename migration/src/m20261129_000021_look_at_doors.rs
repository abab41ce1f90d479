//! What is remembered about a follow for its checks: whether somebody wanted it to make something public that
//! wasn't, which permissions the bot lacks for it, whether its source is age-restricted, and whether it
//! carries only what that publishes.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "channel_follows";

/// People were asked about existing follows when they created them, if need be; the first check of each
/// follow forgets that if nothing is made public.
const MEANT: &str = "UPDATE channel_follows SET exposure = 'meant'";

/// Follows of other servers' announcement channels that nobody opened.
const PUBLISHED_ONLY: &str = "UPDATE channel_follows SET published_only = TRUE \
    WHERE guild_id <> source_guild_id AND NOT EXISTS (SELECT 1 FROM channels c \
    WHERE c.channel_id = COALESCE(source_parent_id, source_channel_id) AND c.audience <> 'nobody')";

/// Reasons for a break that an earlier version calls by another word.
const REASONS: [(&str, &str); 2] =
    [("age_restricted", "source_forbidden"), ("no_announcement", "webhook_deleted")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in added() {
            manager.alter_table(Table::alter().table(TABLE).add_column(column).take()).await?;
        }
        manager.get_connection().execute_unprepared(MEANT).await?;
        manager.get_connection().execute_unprepared(PUBLISHED_ONLY).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (reason, before) in REASONS {
            let update = Query::update()
                .table(TABLE)
                .value("broken_reason", before)
                .and_where(Expr::col("broken_reason").eq(reason))
                .take();
            manager.execute(update).await?;
        }
        for column in added().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(TABLE).drop_column(name).take()).await?;
        }
        Ok(())
    }
}

fn added() -> [ColumnDef; 4] {
    let exposures = Expr::cust("exposure IN ('none', 'meant', 'stopped')");
    [
        text("exposure").default("none").check(exposures).take(),
        // Discord's permission bits; the highest has never been used.
        big("lacking").default(0).take(),
        flag("source_restricted", false),
        flag("published_only", false),
    ]
}
