//! `idempotency_keys`: answers to requests that carry a key, so that sending one again does nothing again.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop, index, sealed_or_null, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table("idempotency_keys")
            // The hash of the key and of whose it is.
            .col(ColumnDef::new("key_hash").blob().not_null().primary_key())
            .col(big("user_id"))
            // The hash of the request's address and body.
            .col(ColumnDef::new("request_hash").blob().not_null())
            // Names one try at the request.
            .col(big("claim"))
            .col(time("claimed_at"))
            // Null while the request is under way.
            .col(sealed_or_null("answer"))
            .take();
        manager.create_table(keys).await?;
        for (name, columns) in [
            ("ix_idempotency_keys_user_id", ["user_id", "claimed_at"].as_slice()),
            ("ix_idempotency_keys_claimed_at", &["claimed_at"]),
        ] {
            manager.create_index(index(name, "idempotency_keys", columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("idempotency_keys")).await
    }
}
