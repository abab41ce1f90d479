//! `guild_checks.rights_digest`: the permissions at a server's last complete check.
//! `channel_follows.source_private`: whether the source is a private thread; unknown for older follows of
//! threads, until they are checked.

use sea_orm_migration::prelude::*;

use crate::columns::big_or_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let digest = big_or_null("rights_digest");
        manager.alter_table(Table::alter().table("guild_checks").add_column(digest).take()).await?;
        let private = ColumnDef::new("source_private").boolean().null().take();
        manager.alter_table(Table::alter().table("channel_follows").add_column(private).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let private = Table::alter().table("channel_follows").drop_column("source_private").take();
        manager.alter_table(private).await?;
        let digest = Table::alter().table("guild_checks").drop_column("rights_digest").take();
        manager.alter_table(digest).await
    }
}
