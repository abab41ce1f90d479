//! `mirrors.stale` and `mirrors.stale_marks`: which mirrors must be edited although they show the newest
//! revision. Before, their revision was a number below all real ones.

use sea_orm_migration::prelude::*;

use crate::columns::{flag, int};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // How often a mirror was marked as stale: an edit that began before the newest mark doesn't lift it.
        for column in [flag("stale", false), int("stale_marks").default(0).take()] {
            manager.alter_table(Table::alter().table("mirrors").add_column(column).take()).await?;
        }
        // Nobody knows any more which revision they show. The first is the oldest that can be.
        let mark = "UPDATE mirrors SET stale = TRUE, stale_marks = 1, revision = 1 WHERE revision < 1";
        manager.get_connection().execute_unprepared(mark).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mark = "UPDATE mirrors SET revision = -1 WHERE stale";
        manager.get_connection().execute_unprepared(mark).await?;
        for column in ["stale_marks", "stale"] {
            manager.alter_table(Table::alter().table("mirrors").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
