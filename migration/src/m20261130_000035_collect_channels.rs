//! Collections: named lists of channels that people follow as one (`collections`, `collection_channels`).
//!
//! Names are unique in a server, compared in lower case: `name_key` is made by the program, because SQLite
//! only knows ASCII letters. As followees have no foreign key, a trigger ends the follows of a collection
//! that is deleted.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, big_or_null, drop, flag, index, key, text, text_or_null, time};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(collections()).await?;
        manager.create_table(channels()).await?;
        let unique = index("uq_collections_guild_name", "collections", &["guild_id", "name_key"]);
        manager.create_index(unique.clone().unique().take()).await?;
        // Which collections have a channel: asked for each post of what is followed.
        let of_channel = &["channel_id", "collection_id"];
        manager
            .create_index(index("ix_collection_channels_channel_id", "collection_channels", of_channel))
            .await?;
        let of_server = index("ix_collection_channels_guild_id", "collection_channels", &["guild_id"]);
        manager.create_index(of_server).await?;
        let trigger = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        manager.get_connection().execute_unprepared(trigger).await.map(std::mem::drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Nobody could see or end them any more.
        let db = manager.get_connection();
        db.execute_unprepared("DELETE FROM personal_follows WHERE followee_kind = 'collection'").await?;
        manager.drop_table(drop("collection_channels")).await?;
        manager.drop_table(drop("collections")).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared("DROP FUNCTION tributary_collection_deleted()").await?;
        }
        Ok(())
    }
}

fn collections() -> TableCreateStatement {
    Table::create()
        .table("collections")
        .col(key("id"))
        .col(big("guild_id"))
        .col(text("name"))
        .col(text("name_key"))
        .col(text_or_null("description"))
        // Whether people who aren't members of its server may follow it.
        .col(flag("open", false))
        .col(big("created_by"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .take()
}

fn channels() -> TableCreateStatement {
    Table::create()
        .table("collection_channels")
        .col(big("collection_id"))
        .col(big("channel_id"))
        // The channel's server, which may be another one than the collection's.
        .col(big("guild_id"))
        // Of a thread: its channel. Of a channel: whether its threads are read with it.
        .col(big_or_null("parent_id"))
        .col(flag("threads", false))
        .col(big("added_by"))
        .col(time("created_at"))
        .primary_key(Index::create().col("collection_id").col("channel_id"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_collection_channels_collection")
                .from("collection_channels", "collection_id")
                .to("collections", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

const SQLITE: &str = "CREATE TRIGGER tr_collections_delete AFTER DELETE ON collections BEGIN \
     DELETE FROM personal_follows WHERE followee_kind = 'collection' AND followee_id = OLD.id; END";

const POSTGRES: &str = "
CREATE FUNCTION tributary_collection_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM personal_follows WHERE followee_kind = 'collection' AND followee_id = OLD.id;
    RETURN NULL;
END $$;

CREATE TRIGGER tr_collections_delete AFTER DELETE ON collections
    FOR EACH ROW EXECUTE FUNCTION tributary_collection_deleted();
";
