//! `activities`: what should be shown; `deliveries`: where it is owed; `mirrors`: the messages that show it.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, big_or_null, drop, flag, index, int, int_or_null, key, sealed_or_null, text, text_or_null, time,
    time_or_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [activities(), deliveries(), mirrors()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["mirrors", "deliveries", "activities"] {
            manager.drop_table(drop(table)).await?;
        }
        Ok(())
    }
}

fn activities() -> TableCreateStatement {
    Table::create()
        .table("activities")
        .col(key("id"))
        .col(text("origin"))
        .col(text("kind"))
        .col(big_or_null("source_channel_id"))
        .col(big_or_null("source_message_id"))
        .col(big_or_null("author_id"))
        .col(int("revision").default(1))
        .col(flag("deleted", false))
        .col(sealed_or_null("content"))
        .col(time("created_at"))
        .check(("ck_activities_kind", Expr::cust("kind IN ('message', 'panel')")))
        .check(("ck_activities_deleted", Expr::cust("NOT deleted OR content IS NULL")))
        .take()
}

fn deliveries() -> TableCreateStatement {
    Table::create()
        .table("deliveries")
        .col(key("id"))
        .col(big("activity_id"))
        .col(big("target_channel_id"))
        .col(big_or_null("follow_id"))
        .col(big("position"))
        .col(int_or_null("shown_revision"))
        .col(text("state").default("due"))
        .col(text_or_null("outcome"))
        .col(time_or_null("wait_until"))
        .col(int("attempts").default(0))
        .foreign_key(
            ForeignKey::create()
                .name("fk_deliveries_activity_id")
                .from("deliveries", "activity_id")
                .to("activities", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .name("fk_deliveries_follow_id")
                .from("deliveries", "follow_id")
                .to("channel_follows", "id")
                .on_delete(ForeignKeyAction::SetNull),
        )
        .check(("ck_deliveries_state", Expr::cust("state IN ('due', 'shown', 'ended')")))
        .check((
            "ck_deliveries_outcome",
            Expr::cust("outcome IS NULL OR outcome IN ('withdrawn', 'refused', 'follow_ended', 'gave_up')"),
        ))
        .check(("ck_deliveries_ended", Expr::cust("(state = 'ended') = (outcome IS NOT NULL)")))
        .check(("ck_deliveries_shown", Expr::cust("state <> 'shown' OR shown_revision IS NOT NULL")))
        .take()
}

fn mirrors() -> TableCreateStatement {
    Table::create()
        .table("mirrors")
        .col(big("message_id").primary_key())
        .col(big("channel_id"))
        .col(big("webhook_id"))
        .col(big("delivery_id"))
        .col(int("part"))
        .col(int("revision"))
        .col(int("files").default(0))
        .foreign_key(
            ForeignKey::create()
                .name("fk_mirrors_delivery_id")
                .from("mirrors", "delivery_id")
                .to("deliveries", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let due = || Expr::col("state").eq(Expr::val("due"));
    vec![
        index("uq_activities_origin", "activities", &["origin"]).unique().take(),
        index("ix_activities_source_channel_id", "activities", &["source_channel_id"]),
        index("ix_activities_source_message_id", "activities", &["source_message_id"]),
        index("ix_activities_author_id", "activities", &["author_id"]),
        index("uq_deliveries_activity_target", "deliveries", &["activity_id", "target_channel_id"])
            .unique()
            .take(),
        index("ix_deliveries_follow_id", "deliveries", &["follow_id"]),
        // What a lane reads at every step. The first index finds what should be shown first, however long the
        // queue is. The second finds edits and deletions, usually few, without walking through that queue.
        index("ix_deliveries_open", "deliveries", &["target_channel_id", "position", "activity_id"])
            .and_where(due())
            .take(),
        index("ix_deliveries_reopened", "deliveries", &["target_channel_id", "position", "activity_id"])
            .and_where(due().and(Expr::col("shown_revision").is_not_null()))
            .take(),
        // The newest mirror of a channel is read before each create.
        index("ix_mirrors_channel_id", "mirrors", &["channel_id", "message_id"]),
        // One mirror per part: the promise itself.
        index("uq_mirrors_delivery_part", "mirrors", &["delivery_id", "part"]).unique().take(),
    ]
}
