//! Personal follows: people follow people, channels and collections. Who they are (`profiles`), what they
//! follow (`personal_follows` with `personal_follow_tags`), whom they keep from following them
//! (`personal_blocks`), and counts that the database keeps itself, in the transaction that changes a follow.
//!
//! A followee has no foreign key, as it may be of several kinds. A trigger ends the follows of a person whose
//! profile is deleted. `followee_counts.pulled` says that so many follow, or once did, that their feeds
//! aren't filled one by one. It is set here, and goes with the row when nobody follows any more.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, big_or_null, drop, flag, index, key, text, text_or_null, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [profiles(), follows(), tags(), blocks(), followee_counts(), following_counts()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared(POSTGRES).await?;
        } else {
            for trigger in SQLITE {
                db.execute_unprepared(trigger).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Their triggers go with the tables.
        for table in [
            "following_counts",
            "followee_counts",
            "personal_blocks",
            "personal_follow_tags",
            "personal_follows",
            "profiles",
        ] {
            manager.drop_table(drop(table)).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(POSTGRES_DOWN).await?;
        }
        Ok(())
    }
}

const KINDS: &str = "followee_kind IN ('user', 'channel', 'collection')";

fn profiles() -> TableCreateStatement {
    Table::create()
        .table("profiles")
        .col(big("user_id").primary_key())
        .col(text("username"))
        .col(text_or_null("display_name"))
        .col(text_or_null("avatar"))
        // When Discord was last asked about them.
        .col(time("checked_at"))
        // Null where they leave it to the operator.
        .col(text_or_null("followable"))
        .col(text_or_null("lists"))
        .col(flag("counts_hidden", false))
        .check(("ck_profiles_followable", Expr::cust("followable IN ('everyone', 'nobody')")))
        .check(("ck_profiles_lists", Expr::cust("lists IN ('public', 'shared', 'hidden')")))
        .take()
}

fn follows() -> TableCreateStatement {
    Table::create()
        .table("personal_follows")
        .col(key("id"))
        .col(big("follower_id"))
        .col(text("followee_kind"))
        .col(big("followee_id"))
        // The server of a channel or collection.
        .col(big_or_null("guild_id"))
        // Of a thread: its channel. Of a channel: whether its threads are followed with it.
        .col(big_or_null("parent_id"))
        .col(flag("threads", false))
        .col(text("mode"))
        .col(text("coverage"))
        .col(time_or_null("muted_until"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .check(("ck_personal_follows_kind", Expr::cust(KINDS)))
        .check(("ck_personal_follows_mode", Expr::cust("mode IN ('all', 'except', 'only')")))
        .check(("ck_personal_follows_coverage", Expr::cust("coverage IN ('posts', 'everything')")))
        .check((
            "ck_personal_follows_self",
            Expr::cust("NOT (followee_kind = 'user' AND followee_id = follower_id)"),
        ))
        .foreign_key(
            ForeignKey::create()
                .name("fk_personal_follows_follower")
                .from("personal_follows", "follower_id")
                .to("profiles", "user_id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

fn tags() -> TableCreateStatement {
    Table::create()
        .table("personal_follow_tags")
        .col(big("follow_id"))
        .col(text("tag"))
        .col(text_or_null("label"))
        .primary_key(Index::create().col("follow_id").col("tag"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_personal_follow_tags_follow")
                .from("personal_follow_tags", "follow_id")
                .to("personal_follows", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

fn blocks() -> TableCreateStatement {
    Table::create()
        .table("personal_blocks")
        .col(big("user_id"))
        .col(big("blocked_id"))
        .col(time("created_at"))
        .primary_key(Index::create().col("user_id").col("blocked_id"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_personal_blocks_user")
                .from("personal_blocks", "user_id")
                .to("profiles", "user_id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

fn followee_counts() -> TableCreateStatement {
    Table::create()
        .table("followee_counts")
        .col(text("followee_kind"))
        .col(big("followee_id"))
        .col(big("followers"))
        .col(flag("pulled", false))
        .primary_key(Index::create().col("followee_kind").col("followee_id"))
        .take()
}

fn following_counts() -> TableCreateStatement {
    Table::create()
        .table("following_counts")
        .col(big("follower_id"))
        .col(text("followee_kind"))
        .col(big("following"))
        .primary_key(Index::create().col("follower_id").col("followee_kind"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    const FOLLOWS: &str = "personal_follows";
    vec![
        index("uq_personal_follows_pair", FOLLOWS, &["follower_id", "followee_kind", "followee_id"])
            .unique()
            .take(),
        // Filling feeds.
        index("ix_personal_follows_followee", FOLLOWS, &["followee_kind", "followee_id", "follower_id"]),
        // Lists, newest first.
        index("ix_personal_follows_followee_id", FOLLOWS, &["followee_kind", "followee_id", "id"]),
        index("ix_personal_follows_follower_id", FOLLOWS, &["follower_id", "followee_kind", "id"]),
        index("ix_personal_follows_guild_id", FOLLOWS, &["guild_id"]),
        index("ix_personal_blocks_blocked_id", "personal_blocks", &["blocked_id"]),
    ]
}

const SQLITE: [&str; 3] = [
    "CREATE TRIGGER tr_personal_follows_insert AFTER INSERT ON personal_follows BEGIN \
     INSERT INTO followee_counts (followee_kind, followee_id, followers) VALUES (NEW.followee_kind, NEW.followee_id, 1) \
     ON CONFLICT (followee_kind, followee_id) DO UPDATE SET followers = followers + 1, pulled = pulled OR followers >= 1000; \
     INSERT INTO following_counts (follower_id, followee_kind, following) VALUES (NEW.follower_id, NEW.followee_kind, 1) \
     ON CONFLICT (follower_id, followee_kind) DO UPDATE SET following = following + 1; END",
    "CREATE TRIGGER tr_personal_follows_delete AFTER DELETE ON personal_follows BEGIN \
     UPDATE followee_counts SET followers = followers - 1 \
     WHERE followee_kind = OLD.followee_kind AND followee_id = OLD.followee_id; \
     DELETE FROM followee_counts WHERE followee_kind = OLD.followee_kind AND followee_id = OLD.followee_id AND followers = 0; \
     UPDATE following_counts SET following = following - 1 \
     WHERE follower_id = OLD.follower_id AND followee_kind = OLD.followee_kind; \
     DELETE FROM following_counts WHERE follower_id = OLD.follower_id AND followee_kind = OLD.followee_kind AND following = 0; END",
    "CREATE TRIGGER tr_profiles_delete AFTER DELETE ON profiles BEGIN \
     DELETE FROM personal_follows WHERE followee_kind = 'user' AND followee_id = OLD.user_id; END",
];

/// Once per statement, and in the order of the keys, like all locks: whoever changes many follows at once
/// can't meet somebody who changes them in another order.
const POSTGRES: &str = "
CREATE FUNCTION tributary_count_personal_follows(kind text, followee bigint, change bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO followee_counts AS c (followee_kind, followee_id, followers) VALUES (kind, followee, change)
        ON CONFLICT (followee_kind, followee_id) DO UPDATE
        SET followers = c.followers + excluded.followers, pulled = c.pulled OR c.followers + excluded.followers > 1000;
    DELETE FROM followee_counts WHERE followee_kind = kind AND followee_id = followee AND followers = 0;
END $$;

CREATE FUNCTION tributary_count_following(follower bigint, kind text, change bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO following_counts AS c (follower_id, followee_kind, following) VALUES (follower, kind, change)
        ON CONFLICT (follower_id, followee_kind) DO UPDATE SET following = c.following + excluded.following;
    DELETE FROM following_counts WHERE follower_id = follower AND followee_kind = kind AND following = 0;
END $$;

CREATE FUNCTION tributary_personal_follows_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tributary_count_personal_follows(f.followee_kind, f.followee_id, f.n) FROM
        (SELECT followee_kind, followee_id, COUNT(*) AS n FROM added GROUP BY 1, 2 ORDER BY 1, 2) f;
    PERFORM tributary_count_following(f.follower_id, f.followee_kind, f.n) FROM
        (SELECT follower_id, followee_kind, COUNT(*) AS n FROM added GROUP BY 1, 2 ORDER BY 1, 2) f;
    RETURN NULL;
END $$;

CREATE FUNCTION tributary_personal_follows_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tributary_count_personal_follows(f.followee_kind, f.followee_id, -f.n) FROM
        (SELECT followee_kind, followee_id, COUNT(*) AS n FROM taken GROUP BY 1, 2 ORDER BY 1, 2) f;
    PERFORM tributary_count_following(f.follower_id, f.followee_kind, -f.n) FROM
        (SELECT follower_id, followee_kind, COUNT(*) AS n FROM taken GROUP BY 1, 2 ORDER BY 1, 2) f;
    RETURN NULL;
END $$;

CREATE FUNCTION tributary_profile_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM personal_follows WHERE followee_kind = 'user' AND followee_id = OLD.user_id;
    RETURN NULL;
END $$;

CREATE TRIGGER tr_personal_follows_insert AFTER INSERT ON personal_follows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tributary_personal_follows_inserted();
CREATE TRIGGER tr_personal_follows_delete AFTER DELETE ON personal_follows
    REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION tributary_personal_follows_deleted();
CREATE TRIGGER tr_profiles_delete AFTER DELETE ON profiles
    FOR EACH ROW EXECUTE FUNCTION tributary_profile_deleted();
";

const POSTGRES_DOWN: &str = "
DROP FUNCTION tributary_personal_follows_inserted();
DROP FUNCTION tributary_personal_follows_deleted();
DROP FUNCTION tributary_profile_deleted();
DROP FUNCTION tributary_count_personal_follows(text, bigint, bigint);
DROP FUNCTION tributary_count_following(bigint, text, bigint);
";
