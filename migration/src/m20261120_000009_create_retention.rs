//! How long things are kept: since when nobody needs a content, `left_guilds` for servers that the bot has
//! left, and the indexes that make forgetting cheap.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, index, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Records the servers of followed channels that are open to other servers.
const BELONGING: &str = "UPDATE channels SET guild_id = (SELECT MIN(f.source_guild_id) FROM channel_follows f \
    WHERE f.source_channel_id = channels.channel_id) WHERE audience <> 'nobody'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in added() {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.get_connection().execute_unprepared(BELONGING).await?;
        let left = Table::create()
            .table("left_guilds")
            .col(big("guild_id").primary_key())
            .col(time("left_at"))
            .take();
        manager.create_table(left).await?;
        for (_, index) in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index) in indexes() {
            let name = index.get_index_spec().get_name().unwrap_or_default().to_owned();
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        manager.drop_table(drop("left_guilds")).await?;
        for (table, column) in added().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }
}

fn added() -> Vec<(&'static str, ColumnDef)> {
    vec![
        // Since when no delivery needs the content.
        ("activities", time_or_null("settled_at")),
        // The server of a channel that somebody opened to other servers: nobody may follow it yet.
        ("channels", big_or_null("guild_id")),
    ]
}

fn indexes() -> Vec<(&'static str, IndexCreateStatement)> {
    let message = || Expr::col("kind").eq(Expr::val("message")).and(Expr::col("content").is_not_null());
    vec![
        // A content is in the first index until nobody needs it, and in the second until it is cleared: both
        // stay small.
        (
            "activities",
            index("ix_activities_unsettled", "activities", &["id"])
                .and_where(message().and(Expr::col("settled_at").is_null()))
                .take(),
        ),
        (
            "activities",
            index("ix_activities_settled_at", "activities", &["settled_at"])
                .and_where(message().and(Expr::col("settled_at").is_not_null()))
                .take(),
        ),
        // Before a delivery is deleted, the database makes sure that no lane has its create in flight.
        (
            "lanes",
            index("ix_lanes_in_flight_delivery_id", "lanes", &["in_flight_delivery_id"])
                .and_where(Expr::col("in_flight_delivery_id").is_not_null())
                .take(),
        ),
        ("samples", index("ix_samples_at", "samples", &["at"])),
    ]
}
