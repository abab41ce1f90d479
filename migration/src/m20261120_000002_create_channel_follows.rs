//! `channel_follows`: who follows whom, and `channel_follow_tags`: the tags of the modes `except` and `only`.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, flag, index, key, sealed_or_null, text, text_or_null, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The webhook and its token come and go together, and each kind of delivery has the webhook that it needs.
const HOOK: &str = "(webhook_id IS NULL) = (webhook_token IS NULL) AND \
    CASE delivery WHEN 'relay' THEN webhook_id IS NOT NULL AND follower_webhook_id IS NULL \
    ELSE webhook_id IS NULL AND follower_webhook_id IS NOT NULL END";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let follows = Table::create()
            .table("channel_follows")
            .col(key("id"))
            .col(big("source_channel_id"))
            .col(big("target_channel_id"))
            .col(big("guild_id"))
            .col(big("source_guild_id"))
            .col(text("delivery"))
            .col(big_or_null("webhook_id"))
            .col(sealed_or_null("webhook_token"))
            .col(big_or_null("follower_webhook_id"))
            .col(text("mode"))
            .col(flag("panels", false))
            .col(flag("is_active", true))
            .col(text_or_null("broken_reason"))
            .col(big("created_by"))
            .col(time("created_at"))
            .col(time("updated_at"))
            .check(("ck_channel_follows_delivery", Expr::cust("delivery IN ('native', 'relay')")))
            .check(("ck_channel_follows_mode", Expr::cust("mode IN ('all', 'except', 'only')")))
            .check(("ck_channel_follows_pair", Expr::cust("source_channel_id <> target_channel_id")))
            .check(("ck_channel_follows_hook", Expr::cust(HOOK)))
            .check(("ck_channel_follows_broken", Expr::cust("NOT is_active OR broken_reason IS NULL")))
            .take();
        manager.create_table(follows).await?;

        let named = |name, columns: &[&'static str]| index(name, "channel_follows", columns);
        for index in [
            named("ix_channel_follows_source_channel_id", &["source_channel_id"]),
            named("ix_channel_follows_target_channel_id", &["target_channel_id"]),
            named("ix_channel_follows_guild_id", &["guild_id"]),
            named("uq_channel_follows_source_target", &["source_channel_id", "target_channel_id"])
                .unique()
                .take(),
        ] {
            manager.create_index(index).await?;
        }

        let tags = Table::create()
            .table("channel_follow_tags")
            .col(big("follow_id"))
            .col(text("tag"))
            .primary_key(Index::create().name("pk_channel_follow_tags").col("follow_id").col("tag"))
            .foreign_key(
                ForeignKey::create()
                    .name("fk_channel_follow_tags_follow_id")
                    .from("channel_follow_tags", "follow_id")
                    .to("channel_follows", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(tags).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("channel_follow_tags")).await?;
        manager.drop_table(drop("channel_follows")).await
    }
}
