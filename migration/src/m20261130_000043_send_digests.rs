//! Digests of people's feeds by direct message (`digests`): how often, and up to where they went.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, index, int, text, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(digests()).await?;
        manager.create_index(index("ix_digests_next_at", "digests", &["next_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("digests")).await
    }
}

fn digests() -> TableCreateStatement {
    Table::create()
        .table("digests")
        .col(big("user_id").primary_key())
        .col(text("every"))
        .col(int("hour"))
        .col(text("time_zone"))
        // Null: it is paused.
        .col(time_or_null("next_at"))
        // The newest message that was in one.
        .col(big_or_null("sent_position"))
        // How often in a row Discord refused one.
        .col(int("refusals").default(0))
        .col(time("created_at"))
        .check(("ck_digests_every", Expr::cust("every IN ('day', 'week')")))
        .check(("ck_digests_hour", Expr::cust("hour BETWEEN 0 AND 23")))
        .take()
}
