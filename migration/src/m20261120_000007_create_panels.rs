//! `panels`: the bot's live messages; `samples`: numbers over time, for their charts; and what their mirrors
//! need: deliveries that are withdrawn although their activity goes on, or are created again when their
//! mirror turns out to be gone, and a webhook for targets without a relay follow.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, big_or_null, drop, flag, index, int, int_or_null, key, sealed_or_null, text, text_or_null, time,
    time_or_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(panels()).await?;
        manager.create_table(samples()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        for (table, column) in added() {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_activities_panels").table("activities").to_owned()).await?;
        for (table, column) in added().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        for table in ["samples", "panels"] {
            manager.drop_table(drop(table)).await?;
        }
        Ok(())
    }
}

fn panels() -> TableCreateStatement {
    Table::create()
        .table("panels")
        .col(key("id"))
        .col(big("guild_id"))
        .col(big("channel_id"))
        .col(text("kind"))
        .col(text("title"))
        .col(text("config"))
        .col(int("version").default(1))
        .col(text_or_null("data"))
        .col(time_or_null("data_at"))
        .col(big_or_null("message_id"))
        .col(big_or_null("posting_after_id"))
        .col(int_or_null("shown_revision"))
        .col(int("refresh_seconds"))
        .col(int("slowed").default(0))
        .col(text("state").default("active"))
        .col(text_or_null("error"))
        .col(big("created_by"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .col(time_or_null("refreshed_at"))
        .col(time("next_refresh_at"))
        .check(("ck_panels_state", Expr::cust("state IN ('active', 'inactive', 'removed')")))
        .check(("ck_panels_refresh_seconds", Expr::cust("refresh_seconds BETWEEN 60 AND 86400")))
        .take()
}

fn samples() -> TableCreateStatement {
    Table::create()
        .table("samples")
        .col(text("series"))
        .col(time("at"))
        .col(ColumnDef::new("value").double().not_null().take())
        .primary_key(Index::create().name("pk_samples").col("series").col("at"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        // The few panels among all messages.
        index("ix_activities_panels", "activities", &["source_channel_id"])
            .and_where(Expr::col("kind").eq(Expr::val("panel")))
            .take(),
        index("ix_panels_guild_id", "panels", &["guild_id"]),
        index("ix_panels_channel_id", "panels", &["channel_id"]),
        index("uq_panels_message_id", "panels", &["message_id"]).unique().take(),
        // What is refreshed next: only panels that are refreshed at all.
        index("ix_panels_next_refresh_at", "panels", &["next_refresh_at"])
            .and_where(Expr::col("state").ne(Expr::val("inactive")))
            .take(),
    ]
}

fn added() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("deliveries", flag("withdrawn", false)),
        ("deliveries", flag("remake", false)),
        ("lanes", big_or_null("webhook_id")),
        ("lanes", sealed_or_null("webhook_token")),
    ]
}
