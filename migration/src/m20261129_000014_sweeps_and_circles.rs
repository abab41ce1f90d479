//! `guild_checks`: when each server was last compared with Discord, so that a restart continues the sweep;
//! `held_activities`: messages that wait while the bot finds out whether they go round in a circle.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let checks = Table::create()
            .table("guild_checks")
            .col(big("guild_id").primary_key())
            .col(time("checked_at"))
            .take();
        manager.create_table(checks).await?;
        let held = Table::create()
            .table("held_activities")
            .col(big("activity_id").primary_key())
            .col(time("until"))
            .foreign_key(
                ForeignKey::create()
                    .name("fk_held_activities_activity_id")
                    .from("held_activities", "activity_id")
                    .to("activities", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(held).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("held_activities")).await?;
        manager.drop_table(drop("guild_checks")).await
    }
}
