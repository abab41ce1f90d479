//! Everything moves from SQLite to PostgreSQL, and nothing else happens.

use sea_orm::ConnectionTrait;
use tributary_migration::{Migrator, MigratorTrait};

use super::panels::posted_panel_in;
use super::*;
use super::{collection_follows, collections, gateway_sessions, personal, quotes};
use crate::domain::follow::{Approval, Audience, BrokenReason};
use crate::domain::ids::TagId;
use crate::domain::message::{InThread, PostTag};
use crate::domain::place::SourcePlace;
use crate::store::db::sql::stored;
use crate::store::{BreakWhich, Copied, CopyError, Copying};

const TABLES: &str =
    "SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
/// A text with all that COPY's lines could stumble over.
const ODD: &str = "tab\t line\n return\r back\\slash \\N \\. 'quotes' \"ü\" 🎉";

pub(super) async fn execute(db: &Db, statement: &str) {
    db.store.db.execute_unprepared(statement).await.unwrap();
}

async fn copy(from: &Db, to: &Db) -> Result<Copied, CopyError> {
    let target = Store::copy_target(to.address.expose_secret(), cipher(1)).await?;
    let copied = from.store.copy_to(&target, at(100), &mut |_| {}).await;
    target.close().await.unwrap();
    copied
}

/// Something in each table, in all its forms.
async fn everything() -> Db {
    let db = Db::new(Backend::Sqlite).await.unwrap();
    let store = &db.store;
    store.check_key().await.unwrap();
    let mut native = new_follow(1, 5);
    native.options.delivery = DeliveryMethod::Native;
    store.insert_follow(&native, &FollowWebhook::Native(webhook_id(60)), bot(at(0))).await.unwrap();
    let mut tagged = new_follow(1, 6);
    tagged.options.filter = TagFilter::Only(tag_set("news,größe"));
    (tagged.options.threads, tagged.options.panels, tagged.target_kind) =
        (ThreadScope::All, true, TargetKind::Forum);
    store.insert_follow(&tagged, &relay(1_006), bot(at(0))).await.unwrap();
    let (shown, paused) = (follow(store, 1, 2).await, follow(store, 1, 3).await);
    let broken = follow(store, 1, 4).await;
    follow(store, 1, 7).await;
    store.set_audience(channel(1), shown.source_guild, Audience::Everyone).await.unwrap();
    let notify = PublicationChange {
        approval: Some(Approval::Ask),
        notify: Some(Some(channel(90))),
        ..PublicationChange::default()
    };
    store.set_publication(channel(1), guild(8), notify, bot(at(0))).await.unwrap();
    store.insert_follow(&new_follow(1, 8), &relay(1_008), bot(at(0))).await.unwrap();
    store.block_follower(guild(8), guild(91), by(UserId::new(5).unwrap(), guild(8)).at(at(1))).await.unwrap();
    store.note_thread(channel(70), channel(1)).await.unwrap();
    posted_panel_in(store, guild(8), 1).await;

    store.record_events(&[posted(1, 100), posted(1, 101), forum_post(102)], at(1)).await.unwrap();
    let lease = claim(store, 2).await;
    show_all(store, &lease, 500).await;
    give_back(store, &lease).await;
    // One lane died while a create was on its way, another waits.
    let dead = claim(store, 7).await;
    assert!(matches!(advance(store, &dead, None, at(2)).await, NextAction::Do { step: Step::Create(_), .. }));
    execute(&db, "UPDATE lanes SET wait_until = '2024-10-04 00:00:50+00:00' WHERE target_channel_id = 6")
        .await;
    store.note_guild_check(guild(8), at(2)).await.unwrap();
    let held = std::collections::HashSet::from([origin(1, 103)]);
    store.record_events_quarantining(&[posted(1, 103)], &held, at(2)).await.unwrap();
    store.pause_follow(paused.guild, paused.id, bot(at(3))).await.unwrap();
    store.break_follows(BreakWhich::Follow(broken.id), BrokenReason::WebhookMoved, bot(at(3))).await.unwrap();
    store.record_events(&[edited(1, 100, "second"), deleted(1, 101)], at(4)).await.unwrap();
    store.mark_contents_unneeded(at(5)).await.unwrap();
    store.guild_left(guild(90), at(6)).await.unwrap();
    store.block_server(guild(91), at(6)).await.unwrap();
    store.count_action(UserId::new(9).unwrap(), 2, at(6)).await.unwrap().unwrap();
    let samples = [("a".to_owned(), 0.1), ("b".to_owned(), -5.0), ("c".to_owned(), 1e300)];
    store.add_samples(&samples, at(7)).await.unwrap();
    store.add_samples(&samples, DateTime::from_timestamp(1_800_000_000, 0).unwrap()).await.unwrap();
    let retracted = "INSERT INTO retractions (message_id, channel_id, target_channel_id, webhook_id, created_at) \
        VALUES (900, 2, 2, 1002, '2024-10-04T00:00:50+00:00')";
    execute(&db, retracted).await;
    execute(&db, "UPDATE mirrors SET stale = TRUE, stale_marks = 2").await;
    quotes::stale(&db).await;
    opt_outs::rows(&db).await;
    outlets::rows(&db).await;
    access::rows(&db).await;
    answers::rows(&db).await;
    personal::rows(&db).await;
    collections::rows(&db).await;
    collection_follows::rows(&db).await;
    let sessions = [gateway_sessions::kept(0, 2), gateway_sessions::kept(1, 2)];
    store.keep_gateway_sessions(&gateway_sessions::owner(), &sessions, at(8)).await.unwrap();
    execute(&db, &format!("UPDATE panels SET title = '{}'", ODD.replace('\'', "''"))).await;
    db
}

fn forum_post(id: u64) -> SourceEvent {
    let tag = PostTag { id: TagId::new(3).unwrap(), name: "Bug".to_owned() };
    let thread = InThread {
        thread: channel(id),
        title: "A post".to_owned(),
        owner: None,
        title_withheld: false,
        tags: vec![tag],
        place: SourcePlace::Starter,
        link: String::new(),
    };
    let content = Content { thread: Some(thread), ..content("#news") };
    SourceEvent::Posted { origin: origin(id, id), source: channel(1), author: None, content: content.into() }
}

/// The rows of a table, sorted, each as `column=value …`. Types are PostgreSQL's on both sides.
async fn rows(db: &Db, table: &str, columns: &[(String, String)]) -> Vec<String> {
    let sqlite = db.scratch.is_none();
    let value = |(name, kind): &(String, String)| {
        let text = match (kind.as_str(), sqlite) {
            ("bytea", true) => format!("CASE WHEN {name} IS NOT NULL THEN lower(hex({name})) END"),
            ("bytea", false) => format!("encode({name}, 'hex')"),
            ("boolean", true) => format!("CASE {name} WHEN 0 THEN 'no' WHEN 1 THEN 'yes' END"),
            ("boolean", false) => format!("CASE {name} WHEN FALSE THEN 'no' WHEN TRUE THEN 'yes' END"),
            // In microseconds since 1970, of which SQLite knows the seconds by itself and the rest from the
            // text.
            ("timestamp with time zone", true) => format!(
                "strftime('%s', {name}) || ' ' || CASE substr({name}, 20, 1) WHEN '.' THEN rtrim(substr({name}, 21, instr({name}, '+') - 21), '0') ELSE '' END"
            ),
            ("timestamp with time zone", false) => format!(
                "floor(extract(epoch FROM {name}))::bigint || ' ' || rtrim(to_char({name} AT TIME ZONE 'UTC', 'US'), '0')"
            ),
            _ => format!("CAST({name} AS TEXT)"),
        };
        format!("'{name}=' || COALESCE({text}, 'none')")
    };
    // Samples are compared as the store reads them: the two print such numbers differently.
    let compared = columns.iter().filter(|(_, kind)| kind != "double precision");
    let all: Vec<String> = compared.map(value).collect();
    let mut rows = db.texts(&format!("SELECT {} AS text FROM {table}", all.join(" || ' ' || "))).await;
    rows.sort();
    rows
}

async fn columns(db: &Db, table: &str) -> Vec<(String, String)> {
    let query = |what: &str| {
        format!(
            "SELECT {what}::text AS text FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
        )
    };
    let (names, kinds) = (db.texts(&query("column_name")).await, db.texts(&query("data_type")).await);
    names.into_iter().zip(kinds).collect()
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn all_rows_of_all_tables_arrive_as_they_are() {
    let Some(to) = Db::empty(Backend::Postgres).await else { return };
    let from = everything().await;
    let held = "SELECT 'held' AS text FROM lanes WHERE lease_owner IS NOT NULL";
    assert_eq!(from.texts(held).await, ["held"], "by the one that died");
    let mut seen: Vec<(String, u64)> = Vec::new();
    let target = Store::copy_target(to.address.expose_secret(), cipher(1)).await.unwrap();
    let mut progress = |copying: Copying<'_>| {
        assert!(copying.rows <= copying.total);
        seen.push((copying.table.to_owned(), copying.of_table));
    };
    let copied = from.store.copy_to(&target, at(100), &mut progress).await.unwrap();
    assert_eq!(copied.tables, seen.len());
    assert_eq!(copied.rows, seen.iter().map(|(_, rows)| rows).sum::<u64>());

    for table in from.texts(TABLES).await {
        let columns = columns(&to, &table).await;
        let there = rows(&from, &table, &columns).await;
        assert!(!there.is_empty(), "{table} is empty: that proves nothing");
        match table.as_str() {
            "seaql_migrations" => assert_eq!(there.len(), Migrator::migrations().len()),
            // Numbered anew.
            "follow_totals" => {}
            _ => assert_eq!(rows(&to, &table, &columns).await, there, "{table}"),
        }
    }
    let totals = "SELECT delivery || state || CAST(SUM(follows) AS BIGINT) AS text FROM follow_totals GROUP BY delivery, state \
        HAVING SUM(follows) > 0 ORDER BY 1";
    assert_eq!(to.texts(totals).await, from.texts(totals).await);
    let samples = [String::from("a"), String::from("b"), String::from("c")];
    assert_eq!(
        target.samples(&samples, at(-100)).await.unwrap(),
        from.store.samples(&samples, at(-100)).await.unwrap()
    );
    let title = "SELECT title AS text FROM panels";
    assert_eq!(to.texts(title).await, [ODD]);
    target.check_key().await.unwrap();
    let sessions = target.take_gateway_sessions(&gateway_sessions::owner(), at(8)).await.unwrap();
    assert_eq!(sessions.len(), 2, "a move is a planned restart, too");

    // The lane that died is free, and what it had in flight is looked for at its time, not before.
    assert_eq!(to.texts(held).await, [""; 0]);
    let owner = take(&target, 7, "other", at(90), at(1_000)).await.unwrap();
    assert!(
        matches!(advance(&target, &owner, None, at(99)).await, NextAction::Wait(until) if until == stored(at(100)))
    );
    assert!(matches!(
        advance(&target, &owner, None, at(101)).await,
        NextAction::Do { step: Step::Settle(_), .. }
    ));
    target.close().await.unwrap();
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn numbers_that_were_given_are_not_given_again() {
    let Some(to) = Db::empty(Backend::Postgres).await else { return };
    let from = Db::new(Backend::Sqlite).await.unwrap();
    follow(&from.store, 1, 2).await;
    let newest = follow(&from.store, 1, 3).await;
    from.store.delete_follow(newest.guild, newest.id, bot(at(0))).await.unwrap();
    copy(&from, &to).await.unwrap();
    assert!(follow(&to.store, 1, 4).await.id > newest.id);
    to.store.record_events(&[posted(1, 100)], at(1)).await.unwrap();
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_can_not_be_copied_is_said_and_nothing_is() {
    let Some(to) = Db::empty(Backend::Postgres).await else { return };
    let from = Db::new(Backend::Sqlite).await.unwrap();
    follow(&from.store, 1, 2).await;
    let mut ignore = |_: Copying<'_>| {};
    let backwards = to.store.copy_to(&from.store, at(0), &mut ignore).await;
    assert!(matches!(backwards, Err(CopyError::NotFromSqlite)));
    let sqlite = Store::copy_target(from.address.expose_secret(), cipher(1)).await;
    assert!(matches!(sqlite, Err(CopyError::NotToPostgres)));

    execute(&to, "CREATE TABLE guests (id int)").await;
    assert!(matches!(copy(&from, &to).await, Err(CopyError::NotEmpty(table)) if table == "guests"));
    execute(&to, "DROP TABLE guests").await;

    // SQLite takes a word where a number belongs.
    execute(&from, "UPDATE channel_follows SET created_by = 'somebody'").await;
    let unfit = copy(&from, &to).await;
    assert!(
        matches!(&unfit, Err(CopyError::Unfit(table, column)) if (table.as_str(), column.as_str()) == ("channel_follows", "created_by")),
        "{unfit:?}"
    );
    assert_eq!(to.texts("SELECT 'there' AS text FROM channel_follows").await, [""; 0], "nothing is there");
    execute(&from, "UPDATE channel_follows SET created_by = 9").await;
    copy(&from, &to).await.unwrap();
    assert!(matches!(copy(&from, &to).await, Err(CopyError::NotEmpty(_))), "once is enough");
}
