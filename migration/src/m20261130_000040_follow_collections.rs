//! Channels follow collections (`collection_follows`), and what keeps a channel of a collection from being
//! followed (`collection_follow_gaps`). `channel_follows` says which of its rows come from which.
//!
//! A collection's follow outlives the collection until what came from it is taken down: `collection_id` is
//! empty then. `revision` counts the changes that `synced_revision` has to catch up with.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, index, key, text, text_or_null, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const FROM_COLLECTION: &str = "ix_channel_follows_collection_follow_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(follows()).await?;
        manager.create_table(gaps()).await?;
        let pair = &["collection_id", "target_channel_id"];
        manager
            .create_index(index("uq_collection_follows_pair", "collection_follows", pair).unique().take())
            .await?;
        let into = index("ix_collection_follows_target", "collection_follows", &["target_channel_id"]);
        manager.create_index(into).await?;
        let of_server = index("ix_collection_follows_guild_id", "collection_follows", &["guild_id"]);
        manager.create_index(of_server).await?;
        // Asked for every few seconds.
        let late =
            index("ix_collection_follows_late", "collection_follows", &["guild_id", "target_channel_id"])
                .and_where(Expr::cust("collection_id IS NULL OR revision <> synced_revision"))
                .take();
        manager.create_index(late).await?;
        let added = big_or_null("collection_follow_id");
        manager.alter_table(Table::alter().table("channel_follows").add_column(added).take()).await?;
        let from = index(FROM_COLLECTION, "channel_follows", &["collection_follow_id"])
            .and_where(Expr::col("collection_follow_id").is_not_null())
            .take();
        manager.create_index(from).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(FROM_COLLECTION).table("channel_follows").to_owned()).await?;
        let added = Table::alter().table("channel_follows").drop_column("collection_follow_id").take();
        manager.alter_table(added).await?;
        manager.drop_table(drop("collection_follow_gaps")).await?;
        manager.drop_table(drop("collection_follows")).await
    }
}

fn follows() -> TableCreateStatement {
    Table::create()
        .table("collection_follows")
        .col(key("id"))
        .col(big_or_null("collection_id"))
        .col(big("guild_id"))
        .col(big("target_channel_id"))
        // What was chosen, as it was written: its meaning depends on each source.
        .col(text_or_null("mode").check(Expr::cust("mode IN ('all', 'except', 'only')")))
        .col(text_or_null("tags"))
        .col(text_or_null("threads").check(Expr::cust("threads IN ('none', 'starter', 'all')")))
        .col(text_or_null("delivery").check(Expr::cust("delivery IN ('native', 'relay')")))
        .col(ColumnDef::new("panels").boolean().take())
        .col(big("created_by"))
        .col(time("created_at"))
        .col(big("revision").default(1))
        .col(big("synced_revision").default(0))
        .foreign_key(
            ForeignKey::create()
                .name("fk_collection_follows_collection")
                .from("collection_follows", "collection_id")
                .to("collections", "id")
                .on_delete(ForeignKeyAction::SetNull),
        )
        .take()
}

fn gaps() -> TableCreateStatement {
    Table::create()
        .table("collection_follow_gaps")
        .col(big("collection_follow_id"))
        .col(big("channel_id"))
        .col(text("reason"))
        .col(time("since"))
        // When somebody should be told; empty once they were.
        .col(time_or_null("tell_at"))
        .primary_key(
            Index::create().name("pk_collection_follow_gaps").col("collection_follow_id").col("channel_id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("fk_collection_follow_gaps_follow")
                .from("collection_follow_gaps", "collection_follow_id")
                .to("collection_follows", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}
