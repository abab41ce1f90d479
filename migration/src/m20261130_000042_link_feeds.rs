//! Private addresses at which programs read people's feeds (`feed_links`). Only hashes of their secrets are
//! stored.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop, index, key, text, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(links()).await?;
        let unique = index("uq_feed_links_secret_hash", "feed_links", &["secret_hash"]).unique().take();
        manager.create_index(unique).await?;
        manager.create_index(index("ix_feed_links_user_id", "feed_links", &["user_id", "id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("feed_links")).await
    }
}

fn links() -> TableCreateStatement {
    Table::create()
        .table("feed_links")
        .col(key("id"))
        .col(ColumnDef::new("secret_hash").blob().not_null())
        .col(big("user_id"))
        .col(text("name"))
        .col(time("created_at"))
        // The day of its last use.
        .col(time_or_null("used_on"))
        .take()
}
