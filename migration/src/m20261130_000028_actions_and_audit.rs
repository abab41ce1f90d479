//! `person_actions`: what people did in the last hour, which is limited. `audit`: who changed what.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, index, key, text, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let actions =
            Table::create().table("person_actions").col(key("id")).col(big("user_id")).col(time("at")).take();
        manager.create_table(actions).await?;
        manager
            .create_index(index("ix_person_actions_user_id", "person_actions", &["user_id", "at"]))
            .await?;
        manager.create_table(audit()).await?;
        for (name, columns) in [
            ("ix_audit_guild_id", ["guild_id", "id"].as_slice()),
            ("ix_audit_actor_id", &["actor_id", "id"]),
            ("ix_audit_at", &["at"]),
        ] {
            manager.create_index(index(name, "audit", columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("audit")).await?;
        manager.drop_table(drop("person_actions")).await
    }
}

fn audit() -> TableCreateStatement {
    let ways = Expr::cust("via IN ('command', 'web', 'api', 'system')");
    Table::create()
        .table("audit")
        .col(key("id"))
        .col(time("at"))
        // Null for what concerns no server in particular.
        .col(big_or_null("guild_id"))
        // Null for the system, and for a person who was forgotten.
        .col(big_or_null("actor_id"))
        .col(text("via").check(ways).take())
        .col(big_or_null("token_id"))
        .col(text("action"))
        .col(text("subject_kind"))
        .col(big("subject_id"))
        // JSON.
        .col(text("detail"))
        .take()
}
