//! People who are asked before somebody follows them: who asked (`follow_requests`), and who wants to be
//! asked (`profiles.asked_first`, beside `followable = 'everyone'`, as SQLite can't widen a CHECK).
//!
//! A declined request stays: whoever asked isn't told (`declined_at`), and whether they took it back
//! meanwhile (`withdrawn`) has to look the same as if nobody had answered.

use sea_orm_migration::prelude::*;

use crate::columns::{big, drop, flag, index, key, text, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let asked = flag("asked_first", false);
        manager.alter_table(Table::alter().table("profiles").add_column(asked).take()).await?;
        manager.create_table(requests()).await?;
        let unique = index("uq_follow_requests_pair", REQUESTS, &["follower_id", "followed_id"]);
        manager.create_index(unique.clone().unique().take()).await?;
        for (name, columns) in [
            ("ix_follow_requests_followed_id", ["followed_id", "id"]),
            ("ix_follow_requests_follower_id", ["follower_id", "id"]),
        ] {
            manager.create_index(index(name, REQUESTS, &columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Without requests, nobody could follow them: nobody does, until they choose anew.
        let nobody = "UPDATE profiles SET followable = 'nobody' WHERE asked_first";
        manager.get_connection().execute_unprepared(nobody).await?;
        manager.drop_table(drop(REQUESTS)).await?;
        manager.alter_table(Table::alter().table("profiles").drop_column("asked_first").take()).await
    }
}

const REQUESTS: &str = "follow_requests";

fn requests() -> TableCreateStatement {
    let person = |name: &'static str, column: &'static str| {
        ForeignKey::create()
            .name(name)
            .from(REQUESTS, column)
            .to("profiles", "user_id")
            .on_delete(ForeignKeyAction::Cascade)
            .take()
    };
    Table::create()
        .table(REQUESTS)
        .col(key("id"))
        .col(big("follower_id"))
        .col(big("followed_id"))
        .col(text("mode"))
        .col(text("coverage"))
        // JSON: pairs of key and label.
        .col(text("tags"))
        .col(time("created_at"))
        .col(time_or_null("declined_at"))
        .col(flag("withdrawn", false))
        .check(("ck_follow_requests_mode", Expr::cust("mode IN ('all', 'except', 'only')")))
        .check(("ck_follow_requests_coverage", Expr::cust("coverage IN ('posts', 'everything')")))
        .check(("ck_follow_requests_self", Expr::cust("followed_id <> follower_id")))
        .foreign_key(&mut person("fk_follow_requests_follower", "follower_id"))
        .foreign_key(&mut person("fk_follow_requests_followed", "followed_id"))
        .take()
}
