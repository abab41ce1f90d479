//! `author_opt_outs`: people who don't want to be mirrored, in one server's sources or anywhere.
//! `forget_requests`: people who asked to be forgotten, until that is done. And what belongs to it: which
//! activities are withheld, and whom an activity quotes.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, flag, index, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "ix_activities_quoted_author_id";

/// The server of a source, so that it is known after its last follow is removed.
const SERVERS: &str = "UPDATE channels SET guild_id = (SELECT MIN(f.source_guild_id) FROM channel_follows f \
    WHERE f.source_channel_id = channels.channel_id OR f.source_parent_id = channels.channel_id) \
    WHERE guild_id IS NULL AND EXISTS (SELECT 1 FROM channel_follows f \
    WHERE f.source_channel_id = channels.channel_id OR f.source_parent_id = channels.channel_id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let opt_outs = Table::create()
            .table("author_opt_outs")
            .col(big("user_id"))
            // 0 for everywhere.
            .col(big("guild_id"))
            .col(time("created_at"))
            // The person opted in again: messages older than this one stay hidden, newer ones are mirrored.
            .col(big_or_null("until_id"))
            // Whether what was mirrored before has been withdrawn.
            .col(flag("taken_back", false))
            .primary_key(Index::create().name("pk_author_opt_outs").col("user_id").col("guild_id"))
            .take();
        manager.create_table(opt_outs).await?;
        let requests = Table::create()
            .table("forget_requests")
            .col(big("user_id").primary_key())
            .col(time("created_at"))
            .take();
        manager.create_table(requests).await?;
        manager
            .alter_table(Table::alter().table("activities").add_column(flag("withheld", false)).take())
            .await?;
        let quoted = || big_or_null("quoted_author_id");
        manager.alter_table(Table::alter().table("activities").add_column(quoted()).take()).await?;
        let quotes = index(INDEX, "activities", &["quoted_author_id", "id"])
            .and_where(Expr::col("quoted_author_id").is_not_null())
            .take();
        manager.create_index(quotes).await?;
        manager.get_connection().execute_unprepared(SERVERS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table("activities").to_owned()).await?;
        for column in ["quoted_author_id", "withheld"] {
            manager.alter_table(Table::alter().table("activities").drop_column(column).take()).await?;
        }
        manager.drop_table(drop("forget_requests")).await?;
        manager.drop_table(drop("author_opt_outs")).await
    }
}
