//! The schema: there and back on both databases, with the same names.

use std::collections::BTreeSet;

use rstest::rstest;
use tributary_migration::{Migrator, MigratorTrait};

use super::*;
use crate::domain::follow::BrokenReason;
use crate::store::BreakWhich;

async fn indexes(db: &Db) -> BTreeSet<String> {
    let query = match db.scratch {
        // SQLite names the indexes that it makes for itself `sqlite_autoindex_…`.
        None => "SELECT name AS text FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        Some(_) => {
            "SELECT indexname AS text FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%pkey' \
            AND indexname NOT LIKE 'pk_%'"
        }
    };
    db.texts(query).await.into_iter().collect()
}

async fn tables(db: &Db) -> BTreeSet<String> {
    let query = match db.scratch {
        None => "SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        Some(_) => "SELECT tablename AS text FROM pg_tables WHERE schemaname = 'public'",
    };
    db.texts(query).await.into_iter().collect()
}

async fn applied(db: &Db) -> usize {
    db.store.migration_status().await.unwrap().iter().filter(|(_, applied)| *applied).count()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn go_up_and_down_and_up_again(#[case] backend: Backend) {
    let Some(db) = Db::empty(backend).await else { return };
    let all = db.store.migration_status().await.unwrap().len();
    assert_eq!((applied(&db).await, tables(&db).await.len()), (0, 0), "looking changes nothing");
    db.store.migrate_up().await.unwrap();
    let (tables_up, indexes_up) = (tables(&db).await, indexes(&db).await);
    assert_eq!(applied(&db).await, all);
    db.store.migrate_up().await.unwrap();
    for left in (0..all).rev() {
        db.store.migrate_down(1).await.unwrap();
        assert_eq!(applied(&db).await, left);
    }
    assert_eq!(tables(&db).await, BTreeSet::from(["seaql_migrations".to_owned()]));
    assert!(indexes(&db).await.is_empty());
    db.store.migrate_up().await.unwrap();
    assert_eq!((tables(&db).await, indexes(&db).await), (tables_up, indexes_up));
    follow(&db.store, 1, 2).await;
    db.store.note_guild_check(guild(7), at(1)).await.unwrap();
    let held = std::collections::HashSet::from([origin(1, 100)]);
    db.store.record_events_quarantining(&[posted(1, 100)], &held, at(1)).await.unwrap();
    assert_eq!(db.texts("SELECT CAST(activity_id AS text) AS text FROM held_activities").await.len(), 1);
    super::quotes::stale(&db).await;
    super::opt_outs::rows(&db).await;
    super::access::rows(&db).await;
    super::personal::rows(&db).await;
    super::collections::rows(&db).await;
    super::collection_follows::rows(&db).await;
    db.store.block_server(guild(91), at(1)).await.unwrap();
    db.store.count_action(UserId::new(9).unwrap(), 1, at(1)).await.unwrap().unwrap();
    let (owner, session) = (super::gateway_sessions::owner(), super::gateway_sessions::kept(0, 1));
    db.store.keep_gateway_sessions(&owner, &[session], at(1)).await.unwrap();
    db.store.migrate_down(all.try_into().unwrap()).await.unwrap();
    assert_eq!(applied(&db).await, 0, "with rows in them too");
}

/// Reverts a migration, and those behind it.
pub(super) async fn revert(db: &Db, migration: &str) {
    let is_applied = async || {
        let all = db.store.migration_status().await.unwrap();
        all.iter().any(|(name, applied)| name == migration && *applied)
    };
    while is_applied().await {
        db.store.migrate_down(1).await.unwrap();
    }
}

/// Migrations that leave the schema as it is.
const ROWS_ONLY: [&str; 1] = ["m20261129_000015_tell_refusals_apart"];

/// All columns, indexes and triggers.
async fn schema(db: &Db) -> BTreeSet<String> {
    let query = match db.scratch {
        None => {
            "SELECT m.name || '.' || c.name AS text FROM sqlite_master m, pragma_table_info(m.name) c \
            WHERE m.type = 'table' UNION \
            SELECT type || ' ' || name || ': ' || sql FROM sqlite_master WHERE type IN ('index', 'trigger') \
            AND sql IS NOT NULL"
        }
        Some(_) => {
            "SELECT table_name || '.' || column_name AS text FROM information_schema.columns \
            WHERE table_schema = 'public' UNION \
            SELECT 'index ' || indexname || ': ' || indexdef FROM pg_indexes WHERE schemaname = 'public' UNION \
            SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal UNION \
            SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        }
    };
    db.texts(query).await.into_iter().collect()
}

/// Applies so many more, as the program does: in a transaction, on one connection.
async fn up(db: &Db, steps: u32) {
    let txn = db.store.write_schema().await.unwrap();
    Migrator::up(&*txn, Some(steps)).await.unwrap();
    txn.commit().await.unwrap();
}

/// Each `down` leaves what its `up` found, one by one and several at once.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn down_leaves_nothing_behind_at_any_level(#[case] backend: Backend) {
    let Some(db) = Db::empty(backend).await else { return };
    let all = db.store.migration_status().await.unwrap();
    db.store.migrate_up().await.unwrap();
    db.store.migrate_down(all.len().try_into().unwrap()).await.unwrap();
    let mut levels = vec![schema(&db).await];
    for (name, _) in &all {
        up(&db, 1).await;
        levels.push(schema(&db).await);
        let changes = levels[levels.len() - 1] != levels[levels.len() - 2];
        assert_ne!(changes, ROWS_ONLY.contains(&name.as_str()), "{name}");
    }
    for (level, (name, _)) in all.iter().enumerate().rev() {
        db.store.migrate_down(1).await.unwrap();
        assert_eq!(schema(&db).await, levels[level], "after {name} was reverted");
    }
    for level in 1..all.len() {
        up(&db, level.try_into().unwrap()).await;
        assert_eq!(schema(&db).await, levels[level], "level {level}");
        db.store.migrate_down(level.try_into().unwrap()).await.unwrap();
        assert_eq!(schema(&db).await, levels[0], "from level {level}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whether_something_was_overtaken_is_added_and_taken_away(#[case] backend: Backend) {
    const NAME: &str = "m20261129_000011_add_overtaken";
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10), posted(1, 11)], at(0)).await.unwrap();
    let due = db.deliveries().await;
    revert(&db, NAME).await;
    assert_eq!(db.deliveries().await, due, "nothing else is lost");
    db.store.migrate_up().await.unwrap();
    let overtaken = "SELECT CASE WHEN overtaken THEN 'yes' ELSE 'no' END AS text FROM deliveries";
    assert_eq!(db.texts(overtaken).await, ["no", "no"]);
}

/// An earlier version reads every reason that it finds.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn reasons_get_their_former_words_back(#[case] backend: Backend) {
    const KNOWN_BEFORE: [&str; 10] = [
        "source_deleted",
        "target_deleted",
        "source_server_left",
        "target_server_left",
        "webhook_deleted",
        "webhook_moved",
        "target_forbidden",
        "source_forbidden",
        "unpublished",
        "circle",
    ];
    let Some(db) = Db::new(backend).await else { return };
    for (number, reason) in (10..).zip(BrokenReason::ALL) {
        let follow = follow(&db.store, number, number + 100).await;
        db.store.break_follows(BreakWhich::Follow(follow.id), *reason, bot(at(1))).await.unwrap();
    }
    follow(&db.store, 1, 2).await;
    let reasons = "SELECT COALESCE(broken_reason, 'none') AS text FROM channel_follows ORDER BY id";
    let before = db.texts(reasons).await;
    revert(&db, ROWS_ONLY[0]).await;
    let words = db.texts(reasons).await;
    for (was, word) in before.iter().zip(&words) {
        let known = KNOWN_BEFORE.contains(&was.as_str()) || was == "none";
        assert_eq!(was == word, known, "{was} is called {word}");
        assert!(word == "none" || KNOWN_BEFORE.contains(&word.as_str()), "{word}");
    }
    db.store.migrate_up().await.unwrap();
    assert_eq!(db.texts(reasons).await, words, "what is kept doesn't say more");
}

/// Which files stand with a mirror is kept with it, and changes with its edits; an earlier version goes on
/// without.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn files_of_mirrors_are_added_and_taken_away(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let next = advance(&db.store, &lease, None, at(1)).await;
    let (in_flight, _) = create(&next);
    let StepResult::Created { in_flight, mut mirror, overtakes } = created(in_flight, 2, 500) else {
        unreachable!()
    };
    mirror.files = vec![7, u64::MAX >> 1];
    advance(&db.store, &lease, Some(StepResult::Created { in_flight, mirror, overtakes }), at(2)).await;
    let ids = "SELECT COALESCE(file_ids, 'none') AS text FROM mirrors";
    assert_eq!(db.texts(ids).await, ["7,9223372036854775807"]);
    db.store.record_events(&[edited(1, 10, "again")], at(3)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let NextAction::Do { work, .. } = advance(&db.store, &lease, None, at(11)).await else {
        panic!("an edit")
    };
    assert_eq!(work.mirrors[0].files, [7, u64::MAX >> 1]);
    let StepResult::Edited { delivery, message, marks, revision, .. } = edited_to_newest(&work, message(500))
    else {
        unreachable!()
    };
    let done = StepResult::Edited { delivery, message, marks, revision, files: vec![8] };
    advance(&db.store, &lease, Some(done), at(12)).await;
    assert_eq!(db.texts(ids).await, ["8"]);
    revert(&db, "m20261129_000016_remember_files").await;
    assert_eq!(db.texts("SELECT CAST(revision AS text) AS text FROM mirrors").await, ["2"]);
    db.store.migrate_up().await.unwrap();
    assert_eq!(db.texts(ids).await, ["none"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn names_are_as_designed(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let indexes = indexes(&db).await;
    let expected = [
        "ix_activities_author_position",
        "ix_activities_in_feeds",
        "ix_activities_panels",
        "ix_activities_quoted_author_id",
        "ix_activities_quoted_message_id",
        "ix_activities_settled_at",
        "ix_activities_source_message_id",
        "ix_activities_source_position",
        "ix_activities_thread_id",
        "ix_activities_unsettled",
        "ix_api_tokens_expires_at",
        "ix_api_tokens_user_id",
        "ix_audit_actor_id",
        "ix_audit_at",
        "ix_audit_guild_id",
        "ix_channel_follows_collection_follow_id",
        "ix_channel_follows_guild_id",
        "ix_channel_follows_guild_source",
        "ix_channel_follows_guild_target",
        "ix_channel_follows_refused",
        "ix_channel_follows_source_channel_id",
        "ix_channel_follows_source_guild_id",
        "ix_channel_follows_source_guild_order",
        "ix_channel_follows_source_parent_id",
        "ix_channel_follows_target_channel_id",
        "ix_channel_follows_target_parent_id",
        "ix_channels_parent_id",
        "ix_collection_channels_channel_id",
        "ix_collection_channels_guild_id",
        "ix_collection_follows_guild_id",
        "ix_collection_follows_late",
        "ix_collection_follows_target",
        "ix_deliveries_follow_order",
        "ix_deliveries_former_guild_id",
        "ix_deliveries_open",
        "ix_deliveries_reopened",
        "ix_deliveries_waiting",
        "ix_digests_next_at",
        "ix_feed_links_user_id",
        "ix_follow_requests_followed_id",
        "ix_follow_requests_follower_id",
        "ix_idempotency_keys_claimed_at",
        "ix_idempotency_keys_user_id",
        "ix_lanes_in_flight_delivery_id",
        "ix_lanes_parent_id",
        "ix_mirrors_channel_id",
        "ix_panels_channel_id",
        "ix_panels_guild_id",
        "ix_panels_next_refresh_at",
        "ix_person_actions_user_id",
        "ix_personal_blocks_blocked_id",
        "ix_personal_follows_followee",
        "ix_personal_follows_followee_id",
        "ix_personal_follows_follower_id",
        "ix_personal_follows_guild_id",
        "ix_personal_follows_parent_id",
        "ix_profiles_private",
        "ix_retractions_target_channel_id",
        "ix_samples_at",
        "ix_sign_ins_expires_at",
        "ix_web_sessions_expires_at",
        "ix_web_sessions_user_id",
        "uq_activities_origin",
        "uq_api_tokens_secret_hash",
        "uq_channel_follows_source_target",
        "uq_collection_follows_pair",
        "uq_collections_guild_name",
        "uq_deliveries_activity_target",
        "uq_feed_links_secret_hash",
        "uq_follow_requests_pair",
        "uq_follower_blocks_guild_blocked",
        "uq_mirrors_delivery_part",
        "uq_panels_message_id",
        "uq_personal_follows_pair",
        "uq_web_sessions_secret_hash",
    ];
    assert_eq!(indexes, expected.map(str::to_owned).into_iter().collect());
    let columns = match backend {
        Backend::Sqlite => "SELECT name AS text FROM pragma_table_info('channel_follows')",
        Backend::Postgres => {
            "SELECT column_name::text AS text FROM information_schema.columns WHERE table_name = 'channel_follows'"
        }
    };
    let columns: BTreeSet<String> = db.texts(columns).await.into_iter().collect();
    let named = ["id", "source_channel_id", "target_channel_id", "guild_id", "webhook_id", "webhook_token"];
    for column in named.into_iter().chain(["is_active", "created_at", "updated_at"]) {
        assert!(columns.contains(column), "{column}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_migrate_at_once(#[case] backend: Backend) {
    let Some(db) = Db::empty(backend).await else { return };
    let other = db.again().await;
    let (one, two) = tokio::join!(db.store.migrate_up(), other.migrate_up());
    one.and(two).unwrap();
}

/// Only where a process runs: other commands take their turns.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn nothing_is_taken_back_under_a_process() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    let command = db.again().await;
    db.store.migrate_down(1).await.unwrap();
    let process = Store::connect(&db.address, cipher(1)).await.unwrap();
    for refused in [db.store.migrate_down(1).await, command.migrate_up_alone().await] {
        assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
    }
    process.migrate_up().await.unwrap();
    db.store.migrate_up_alone().await.unwrap();
    process.close().await.unwrap();
    // PostgreSQL takes a moment to see that a connection is gone.
    let alone = async { while db.store.migrate_down(1).await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), alone).await.unwrap();
}

/// The plans that the lane's speed rests on: its queue is read through the partial indexes, in order.
#[tokio::test]
async fn lanes_read_their_partial_indexes() {
    let db = Db::new(Backend::Sqlite).await.unwrap();
    let plan = async |condition: &str| {
        let query = format!(
            "SELECT d.id FROM deliveries d JOIN activities a ON a.id = d.activity_id \
             WHERE d.target_channel_id = 1 AND d.state = 'due' AND {condition}"
        );
        let rows: Vec<String> = plan_of(&db, &query).await;
        rows.join("; ")
    };
    let head = plan("d.shown_revision IS NULL ORDER BY d.position, d.activity_id LIMIT 1").await;
    assert!(head.contains("ix_deliveries_open") && !head.contains("TEMP B-TREE"), "{head}");
    let reopened =
        plan("d.shown_revision IS NOT NULL ORDER BY a.deleted DESC, d.position, d.activity_id LIMIT 1").await;
    assert!(reopened.contains("ix_deliveries_reopened"), "{reopened}");
}

pub(super) async fn plan_of(db: &Db, query: &str) -> Vec<String> {
    #[derive(FromQueryResult)]
    struct Row {
        detail: String,
    }
    let rows: Vec<Row> = db.rows(&format!("EXPLAIN QUERY PLAN {query}")).await;
    rows.into_iter().map(|row| row.detail).collect()
}
