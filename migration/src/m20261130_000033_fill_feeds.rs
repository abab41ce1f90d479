//! Feeds: which activities are candidates for whose feed (`feed_items`), and up to where people have read it
//! (`feed_marks`). `activities.in_feeds` says that some feed may show it, so that its content is kept.
//!
//! `feed_items` has one tree for everything: its key begins with the person, goes by age, and has each
//! activity once, since the position is a function of the activity.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, big_or_null, drop, flag, index, int};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.create_table(items()).await?;
        } else {
            // The builder can't say `WITHOUT ROWID`.
            db.execute_unprepared(SQLITE_ITEMS).await?;
        }
        manager.create_table(marks()).await?;
        for column in new_columns() {
            manager.alter_table(Table::alter().table("activities").add_column(column).to_owned()).await?;
        }
        manager.create_index(in_feeds()).await?;
        swap(manager, &FORMER, &INDEXES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        swap(manager, &INDEXES, &FORMER).await?;
        manager
            .drop_index(Index::drop().name("ix_activities_in_feeds").table("activities").to_owned())
            .await?;
        for column in new_columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("activities").drop_column(name).to_owned()).await?;
        }
        manager.drop_table(drop("feed_marks")).await?;
        manager.drop_table(drop("feed_items")).await
    }
}

const SQLITE_ITEMS: &str = "CREATE TABLE feed_items (user_id bigint NOT NULL, position bigint NOT NULL, \
    activity_id bigint NOT NULL, source_channel_id bigint NOT NULL, \
    PRIMARY KEY (user_id, position, activity_id)) WITHOUT ROWID";

fn items() -> TableCreateStatement {
    Table::create()
        .table("feed_items")
        .col(big("user_id"))
        .col(big("position"))
        .col(big("activity_id"))
        .col(big("source_channel_id"))
        .primary_key(Index::create().col("user_id").col("position").col("activity_id"))
        .take()
}

fn marks() -> TableCreateStatement {
    Table::create().table("feed_marks").col(big("user_id").primary_key()).col(big("seen_position")).take()
}

/// The server of its source, what kind of post it is (bits), and whether a feed may show it.
fn new_columns() -> [ColumnDef; 3] {
    [big_or_null("guild_id"), int("shape").default(0).take(), flag("in_feeds", false)]
}

type ActivityIndex = (&'static str, &'static [&'static str]);

/// What is pulled into a feed when it is read: an author's, or a channel's, by age.
const INDEXES: [ActivityIndex; 2] = [
    ("ix_activities_author_position", &["author_id", "source_message_id"]),
    ("ix_activities_source_position", &["source_channel_id", "source_message_id"]),
];

/// What these replace.
const FORMER: [ActivityIndex; 2] = [
    ("ix_activities_author_id", &["author_id"]),
    ("ix_activities_source_channel_id", &["source_channel_id"]),
];

/// What feeds may show, by age: what is too old no longer may.
fn in_feeds() -> IndexCreateStatement {
    index("ix_activities_in_feeds", "activities", &["source_message_id"])
        .and_where(Expr::col("in_feeds").eq(true))
        .take()
}

async fn swap(
    manager: &SchemaManager<'_>,
    old: &[ActivityIndex],
    new: &[ActivityIndex],
) -> Result<(), DbErr> {
    for (name, columns) in new {
        manager.create_index(index(name, "activities", columns)).await?;
    }
    for (name, _) in old {
        manager.drop_index(Index::drop().name(*name).table("activities").to_owned()).await?;
    }
    Ok(())
}
