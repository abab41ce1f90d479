//! Counts of follows that the database keeps itself, in the transaction that changes a follow, so that no
//! code path can forget them; and the indexes that make lists cheap with a million follows.
//!
//! `follower_counts` has a row for each source that is followed. Writers of one source run one after the
//! other anyway (they hold its lock), so nobody waits for its row.
//!
//! `follow_totals` counts all follows by kind of delivery and state. For each pair of these it has as many
//! rows as there were writers at once: on PostgreSQL, each writer changes a row that nobody else holds, and
//! inserts one if there is none. So writers of different sources don't wait for each other, and can't
//! deadlock. The total is the sum.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, drop, index, key, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let followers = Table::create()
            .table("follower_counts")
            .col(big("source_channel_id").primary_key())
            .col(big("followers"))
            .take();
        manager.create_table(followers).await?;
        let totals = Table::create()
            .table("follow_totals")
            .col(key("id"))
            .col(text("delivery"))
            .col(text("state"))
            .col(big("follows"))
            .take();
        manager.create_table(totals).await?;
        let db = manager.get_connection();
        db.execute_unprepared(COUNT_FOLLOWERS).await?;
        db.execute_unprepared(&count_follows()).await?;
        manager.create_index(source_guild()).await?;
        for (name, columns) in OF_CHANNEL {
            manager.create_index(listed(manager, name, &columns)).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            for (name, column) in LISTED {
                replace(manager, listed(manager, name, &[column])).await?;
            }
            db.execute_unprepared(POSTGRES).await?;
        } else {
            for trigger in sqlite_triggers() {
                db.execute_unprepared(&trigger).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared(POSTGRES_DOWN).await?;
            for (name, column) in LISTED {
                replace(manager, index(name, FOLLOWS, &[column])).await?;
            }
        } else {
            for name in SQLITE_TRIGGERS {
                db.execute_unprepared(&format!("DROP TRIGGER {name}")).await?;
            }
        }
        for (name, columns) in OF_CHANNEL {
            manager.drop_index(drop_of(&index(name, FOLLOWS, &columns))).await?;
        }
        manager.drop_index(drop_of(&source_guild())).await?;
        manager.drop_table(drop("follow_totals")).await?;
        manager.drop_table(drop("follower_counts")).await
    }
}

const FOLLOWS: &str = "channel_follows";

/// Lists are read by these indexes, newest first. SQLite's indexes end with the key anyway; on PostgreSQL it
/// is added, so that a page is read without the rest.
const LISTED: [(&str, &str); 3] = [
    ("ix_channel_follows_source_channel_id", "source_channel_id"),
    ("ix_channel_follows_target_channel_id", "target_channel_id"),
    ("ix_channel_follows_guild_id", "guild_id"),
];

/// Finds a server's follows of one channel, however many other servers follow it.
const OF_CHANNEL: [(&str, [&str; 2]); 2] = [
    ("ix_channel_follows_guild_source", ["guild_id", "source_channel_id"]),
    ("ix_channel_follows_guild_target", ["guild_id", "target_channel_id"]),
];

/// An index by which lists are read, newest first.
fn listed(manager: &SchemaManager<'_>, name: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let key: &[&str] = if manager.get_database_backend() == DbBackend::Postgres { &["id"] } else { &[] };
    index(name, FOLLOWS, &[columns, key].concat())
}

/// Finds the followers of a server's channels without reading the follows themselves; and what must be done
/// when the bot leaves it.
fn source_guild() -> IndexCreateStatement {
    let columns = ["source_guild_id", "source_channel_id", "guild_id", "target_channel_id"];
    index("ix_channel_follows_source_guild_id", FOLLOWS, &columns)
}

fn drop_of(index: &IndexCreateStatement) -> IndexDropStatement {
    Index::drop().name(index.get_index_spec().get_name().unwrap_or_default()).table(FOLLOWS).to_owned()
}

/// Replaces an index by one over other columns.
async fn replace(manager: &SchemaManager<'_>, index: IndexCreateStatement) -> Result<(), DbErr> {
    manager.drop_index(drop_of(&index)).await?;
    manager.create_index(index).await
}

const COUNT_FOLLOWERS: &str = "INSERT INTO follower_counts (source_channel_id, followers) \
    SELECT source_channel_id, COUNT(*) FROM channel_follows GROUP BY source_channel_id";

/// One row for each, even if there is nothing to count: SQLite has no other way.
fn count_follows() -> String {
    format!(
        "INSERT INTO follow_totals (delivery, state, follows) SELECT d.delivery, s.state, \
         (SELECT COUNT(*) FROM channel_follows f WHERE f.delivery = d.delivery AND {} = s.state) \
         FROM (SELECT 'native' AS delivery UNION ALL SELECT 'relay') d, \
         (SELECT 'active' AS state UNION ALL SELECT 'paused' UNION ALL SELECT 'broken') s",
        state_of("f")
    )
}

/// The state of this row.
fn state_of(row: &str) -> String {
    format!(
        "CASE WHEN {row}.is_active THEN 'active' WHEN {row}.broken_reason IS NULL THEN 'paused' ELSE 'broken' END"
    )
}

const SQLITE_TRIGGERS: [&str; 4] = [
    "tr_channel_follows_insert",
    "tr_channel_follows_delete",
    "tr_channel_follows_update",
    "tr_channel_follows_source",
];

fn sqlite_triggers() -> [String; 4] {
    let total = |row: &str, change: &str| {
        let state = state_of(row);
        format!(
            "UPDATE follow_totals SET follows = follows {change} 1 WHERE delivery = {row}.delivery AND state = {state}; "
        )
    };
    let more = "INSERT INTO follower_counts (source_channel_id, followers) VALUES (NEW.source_channel_id, 1) \
        ON CONFLICT (source_channel_id) DO UPDATE SET followers = followers + 1; ";
    let fewer = "UPDATE follower_counts SET followers = followers - 1 WHERE source_channel_id = OLD.source_channel_id; \
        DELETE FROM follower_counts WHERE source_channel_id = OLD.source_channel_id AND followers = 0; ";
    let (add, take) = (total("NEW", "+"), total("OLD", "-"));
    let [insert, delete, update, source] = SQLITE_TRIGGERS;
    [
        format!("CREATE TRIGGER {insert} AFTER INSERT ON channel_follows BEGIN {more}{add}END"),
        format!("CREATE TRIGGER {delete} AFTER DELETE ON channel_follows BEGIN {fewer}{take}END"),
        format!(
            "CREATE TRIGGER {update} AFTER UPDATE OF delivery, is_active, broken_reason ON channel_follows BEGIN {take}{add}END"
        ),
        format!(
            "CREATE TRIGGER {source} AFTER UPDATE OF source_channel_id ON channel_follows BEGIN {fewer}{more}END"
        ),
    ]
}

/// Once per statement, not once per row: a row that is changed ten thousand times in a transaction costs more
/// each time. In the order of the sources, like all locks.
const POSTGRES: &str = "
CREATE FUNCTION tributary_add_followers(source bigint, change bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO follower_counts AS c (source_channel_id, followers) VALUES (source, change)
        ON CONFLICT (source_channel_id) DO UPDATE SET followers = c.followers + excluded.followers;
    DELETE FROM follower_counts WHERE source_channel_id = source AND followers = 0;
END $$;

CREATE FUNCTION tributary_add_follows(of_delivery text, in_state text, change bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    free bigint;
BEGIN
    SELECT id INTO free FROM follow_totals WHERE delivery = of_delivery AND state = in_state LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF free IS NULL THEN
        INSERT INTO follow_totals (delivery, state, follows) VALUES (of_delivery, in_state, change);
    ELSE
        UPDATE follow_totals SET follows = follows + change WHERE id = free;
    END IF;
END $$;

CREATE FUNCTION tributary_follow_state(is_active boolean, broken_reason text) RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT CASE WHEN is_active THEN ''active'' WHEN broken_reason IS NULL THEN ''paused'' ELSE ''broken'' END';

CREATE FUNCTION tributary_count_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tributary_add_followers(f.source_channel_id, f.n) FROM
        (SELECT source_channel_id, COUNT(*) AS n FROM added GROUP BY 1 ORDER BY 1) f;
    PERFORM tributary_add_follows(f.delivery, f.state, f.n) FROM
        (SELECT delivery, tributary_follow_state(is_active, broken_reason) AS state, COUNT(*) AS n FROM added GROUP BY 1, 2) f;
    RETURN NULL;
END $$;

CREATE FUNCTION tributary_count_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tributary_add_followers(f.source_channel_id, -f.n) FROM
        (SELECT source_channel_id, COUNT(*) AS n FROM taken GROUP BY 1 ORDER BY 1) f;
    PERFORM tributary_add_follows(f.delivery, f.state, -f.n) FROM
        (SELECT delivery, tributary_follow_state(is_active, broken_reason) AS state, COUNT(*) AS n FROM taken GROUP BY 1, 2) f;
    RETURN NULL;
END $$;

CREATE FUNCTION tributary_count_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tributary_add_followers(f.source_channel_id, f.n) FROM
        (SELECT source_channel_id, SUM(n)::bigint AS n FROM
            (SELECT source_channel_id, 1 AS n FROM added UNION ALL SELECT source_channel_id, -1 FROM taken) changes
            GROUP BY 1 HAVING SUM(n) <> 0 ORDER BY 1) f;
    PERFORM tributary_add_follows(f.delivery, f.state, f.n) FROM
        (SELECT delivery, tributary_follow_state(is_active, broken_reason) AS state, SUM(n)::bigint AS n FROM
            (SELECT delivery, is_active, broken_reason, 1 AS n FROM added
             UNION ALL SELECT delivery, is_active, broken_reason, -1 FROM taken) changes
            GROUP BY 1, 2 HAVING SUM(n) <> 0) f;
    RETURN NULL;
END $$;

CREATE TRIGGER tr_channel_follows_insert AFTER INSERT ON channel_follows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tributary_count_inserted();
CREATE TRIGGER tr_channel_follows_delete AFTER DELETE ON channel_follows
    REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION tributary_count_deleted();
CREATE TRIGGER tr_channel_follows_update AFTER UPDATE ON channel_follows
    REFERENCING OLD TABLE AS taken NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tributary_count_updated();
";

const POSTGRES_DOWN: &str = "
DROP TRIGGER tr_channel_follows_insert ON channel_follows;
DROP TRIGGER tr_channel_follows_delete ON channel_follows;
DROP TRIGGER tr_channel_follows_update ON channel_follows;
DROP FUNCTION tributary_count_inserted();
DROP FUNCTION tributary_count_deleted();
DROP FUNCTION tributary_count_updated();
DROP FUNCTION tributary_follow_state(boolean, text);
DROP FUNCTION tributary_add_follows(text, text, bigint);
DROP FUNCTION tributary_add_followers(bigint, bigint);
";
