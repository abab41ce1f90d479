//! What the followed side decides: channels that are closed to other servers altogether, that require
//! approval of followers, and that announce them; `follower_news`, what must still be announced; and
//! `follower_blocks`, servers that may not follow anything of another.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Statement};

use crate::columns::{big, big_or_null, drop, flag, index, text, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const BEFORE: &str = "audience IN ('nobody', 'servers', 'everyone')";
const AFTER: &str = "audience IN ('nobody', 'servers', 'everyone', 'closed')";

/// What an earlier version doesn't know. It can't read a native follow without a webhook, so such a follow
/// gets one that doesn't exist.
const FORGET: [&str; 3] = [
    "UPDATE channels SET audience = 'nobody' WHERE audience = 'closed'",
    "UPDATE channel_follows SET follower_webhook_id = id WHERE follower_webhook_id = 0",
    "UPDATE channel_follows SET broken_reason = 'unpublished' \
        WHERE broken_reason IN ('awaiting_approval', 'declined', 'removed', 'blocked')",
];

/// Follows that don't count as followers.
const REFUSED: &str = "broken_reason IN ('awaiting_approval', 'declined', 'removed', 'blocked')";
const REFUSED_INDEX: &str = "ix_channel_follows_refused";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        check_audience(manager, BEFORE, AFTER).await?;
        for column in added() {
            manager.alter_table(Table::alter().table("channels").add_column(column).take()).await?;
        }
        manager.alter_table(Table::alter().table("untold_breaks").add_column(approved()).take()).await?;
        let refused = index(REFUSED_INDEX, "channel_follows", &["source_channel_id"])
            .and_where(Expr::cust(REFUSED))
            .take();
        manager.create_index(refused).await?;
        manager.create_table(news()).await?;
        manager.create_table(blocks()).await?;
        let pair = ["guild_id", "blocked_guild_id"];
        manager
            .create_index(index("uq_follower_blocks_guild_blocked", "follower_blocks", &pair).unique().take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("follower_blocks")).await?;
        manager.drop_table(drop("follower_news")).await?;
        for statement in FORGET {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        manager.drop_index(Index::drop().name(REFUSED_INDEX).table("channel_follows").to_owned()).await?;
        manager.alter_table(Table::alter().table("untold_breaks").drop_column("approved").take()).await?;
        for column in added().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("channels").drop_column(name).take()).await?;
        }
        check_audience(manager, AFTER, BEFORE).await
    }
}

fn added() -> [ColumnDef; 4] {
    [
        text("approval").default("none").check(Expr::cust("approval IN ('none', 'ask')")).take(),
        big_or_null("notify_channel_id"),
        // The bot may not post there any more.
        flag("notify_refused", false),
        // The next message isn't posted before that.
        time_or_null("notify_next_at"),
    ]
}

/// The announcement is that the follow was approved.
fn approved() -> ColumnDef {
    flag("approved", false)
}

fn news() -> TableCreateStatement {
    Table::create()
        .table("follower_news")
        .col(big("follow_id").primary_key())
        // The announcing channel: for a thread, its channel.
        .col(big("channel_id"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_follower_news_follow_id")
                .from("follower_news", "follow_id")
                .to("channel_follows", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

fn blocks() -> TableCreateStatement {
    Table::create()
        .table("follower_blocks")
        .col(big("guild_id"))
        .col(big("blocked_guild_id"))
        // 0 once that person is forgotten.
        .col(big("blocked_by"))
        .col(time("created_at"))
        .take()
}

/// Replaces the check on who may follow a channel. SQLite can't change it, so the table is rebuilt: nothing
/// refers to it, and no trigger depends on it.
async fn check_audience(manager: &SchemaManager<'_>, before: &str, after: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() != DbBackend::Sqlite {
        let exchange = format!(
            "ALTER TABLE channels DROP CONSTRAINT ck_channels_audience, \
             ADD CONSTRAINT ck_channels_audience CHECK ({after})"
        );
        return db.execute_unprepared(&exchange).await.map(|_| ());
    }
    let query = "SELECT type, sql FROM sqlite_master WHERE tbl_name = 'channels' AND sql IS NOT NULL";
    let (mut table, mut indexes) = (String::new(), Vec::new());
    for row in db.query_all_raw(Statement::from_string(DbBackend::Sqlite, query)).await? {
        let sql: String = row.try_get_by_index(1)?;
        match row.try_get_by_index::<String>(0)?.as_str() {
            "table" => table = sql,
            _ => indexes.push(sql),
        }
    }
    let rebuilt = table.replacen("\"channels\"", "\"channels_rebuilt\"", 1).replacen(before, after, 1);
    if rebuilt.len() + before.len() != table.len() + "_rebuilt".len() + after.len() {
        return Err(DbErr::Migration("the table channels isn't as it was made".to_owned()));
    }
    db.execute_unprepared(&rebuilt).await?;
    for statement in [
        "INSERT INTO channels_rebuilt SELECT * FROM channels",
        "DROP TABLE channels",
        "ALTER TABLE channels_rebuilt RENAME TO channels",
    ] {
        db.execute_unprepared(statement).await?;
    }
    for index in indexes {
        db.execute_unprepared(&index).await?;
    }
    Ok(())
}
