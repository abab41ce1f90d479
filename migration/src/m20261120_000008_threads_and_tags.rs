//! Threads and forums as sources and targets, and `activity_tags`: what the modes `except` and `only` are
//! compared with.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, flag, index, sealed_or_null, text, text_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in added() {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.create_table(activity_tags()).await?;
        for (name, table, column) in PARTIAL {
            let index = index(name, table, &[column]).and_where(Expr::col(column).is_not_null()).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in PARTIAL {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        manager.drop_table(drop("activity_tags")).await?;
        for (table, column) in added().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }
}

/// Indexes over the few channels that are threads, and the few rows about something in one: name, table,
/// column.
const PARTIAL: [(&str, &str, &str); 5] = [
    ("ix_activities_thread_id", "activities", "thread_id"),
    ("ix_channels_parent_id", "channels", "parent_id"),
    ("ix_channel_follows_source_parent_id", "channel_follows", "source_parent_id"),
    ("ix_channel_follows_target_parent_id", "channel_follows", "target_parent_id"),
    ("ix_lanes_parent_id", "lanes", "parent_id"),
];

fn added() -> Vec<(&'static str, ColumnDef)> {
    let word = |name, default: &str, check: &'static str| {
        text(name).default(default).check(Expr::cust(check)).take()
    };
    const PLACES: &str = "place IN ('source', 'starter', 'answer')";
    const THREADS: &str = "threads IN ('none', 'starter', 'all')";
    vec![
        // The thread, for what was posted in one; `source_channel_id` is then the thread's channel.
        ("activities", big_or_null("thread_id")),
        ("activities", word("place", "source", PLACES)),
        // A keyed digest of what is shown: even after the content was cleared, it tells whether an edit
        // changes anything.
        ("activities", sealed_or_null("digest")),
        // For a thread: its channel.
        ("channels", big_or_null("parent_id")),
        // For a source whose threads are read: what is older than this, in threads without a row of their
        // own, was never wanted.
        ("channels", big_or_null("threads_from_id")),
        ("channel_follows", word("threads", "none", THREADS)),
        ("channel_follows", big_or_null("source_parent_id")),
        ("channel_follows", big_or_null("target_parent_id")),
        ("channel_follows", flag("target_forum", false)),
        // The name of a forum tag when it was last seen.
        ("channel_follow_tags", text_or_null("label")),
        // For a target that is a thread: the channel of its webhook.
        ("lanes", big_or_null("parent_id")),
        ("lanes", flag("forum", false)),
        // The newest message that the lane created, in whatever channel.
        ("lanes", big_or_null("newest_id")),
    ]
}

fn activity_tags() -> TableCreateStatement {
    Table::create()
        .table("activity_tags")
        .col(big("activity_id"))
        .col(text("tag"))
        .primary_key(Index::create().name("pk_activity_tags").col("activity_id").col("tag"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_activity_tags_activity_id")
                .from("activity_tags", "activity_id")
                .to("activities", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}
