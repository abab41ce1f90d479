//! `tributary migrate copy`: a bot that ran on SQLite continues on PostgreSQL where it stopped.

use std::time::Duration;

use tributary_sandbox::{Effect, Fault};

use crate::harness::{Backend, Bot, Database, Ended, KEY, Pair, SOON, World, ended};

/// The program that copies from one to the other.
fn command(from: &Database, to: &str) -> std::process::Command {
    let mut command = Bot::command(from);
    command.args(["migrate", "copy", "--to", to]).env("DATABASE_URL", from.url()).env("ENCRYPTION_KEY", KEY);
    command
}

async fn copy(from: &Database, to: &Database) -> Ended {
    ended(command(from, to.url())).await
}

/// Two databases: one that a bot has used for a moment, and an empty one; `None` if there is no PostgreSQL.
async fn used_and_empty() -> Option<(Database, Database)> {
    let to = Database::create(Backend::Postgres).await?;
    let world = World::new().await.with_settings(&[("ENCRYPTION_KEY", KEY)]);
    world.start().await.stop().await;
    Some((world.database, to))
}

async fn count(database: &Database, table: &str) -> String {
    database.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await.unwrap()
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_bot_goes_on_where_it_stopped() {
    let Some(to) = Database::create(Backend::Postgres).await else { return };
    let mut pair = Pair::with(&[("ENCRYPTION_KEY", KEY)]).await;
    let old = pair.post_all(0..20, "before");
    pair.settled().await;
    pair.stop().await;
    // While it is away.
    pair.edit(&old[3], "3 edited meanwhile");
    pair.delete(&old[4]);
    pair.post_all(20..30, "meanwhile");

    let copied = copy(&pair.world.database, &to).await;
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert!(
        copied.stdout.contains("Copied ") && copied.stdout.contains("leave ENCRYPTION_KEY as it is"),
        "{copied:?}"
    );
    assert!(copied.stderr.contains("mirrors: 21 rows"), "a line for each table: {copied:?}");
    pair.world.database = to;
    pair.start().await;
    pair.in_step().await;
    pair.edit(&old[5], "5 edited afterwards");
    pair.delete(&old[6]);
    pair.in_step().await;
    pair.stop().await;
}

/// Messages were in flight when the process died, and some of their answers were lost.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_was_in_flight_is_settled_after_the_move() {
    let Some(to) = Database::create(Backend::Postgres).await else { return };
    let mut pair = Pair::with(&[("ENCRYPTION_KEY", KEY)]).await;
    let slow = Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_millis(30)));
    pair.world.sandbox.fault(slow.forever());
    pair.post_all(0..15, "word");
    pair.target.wait_for_message(SOON, |message| message.content == "5 word").await.unwrap();
    pair.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
    pair.kill().await;
    let copied = copy(&pair.world.database, &to).await;
    assert_eq!(copied.code, Some(0), "{copied:?}");
    pair.world.database = to;
    pair.start().await;
    pair.in_step_within(2 * SOON).await;
    pair.stop().await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_copy_that_is_cut_off_leaves_nothing_behind() {
    let Some((from, to)) = used_and_empty().await else { return };
    let fill = |table: &str, values: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO {table} SELECT {values} FROM n"
        )
    };
    let time = "'2026-01-01T00:00:00+00:00'";
    from.execute(&fill("channels (channel_id)", "i")).await;
    from.execute(&fill("samples (series, at, value)", &format!("'series-' || i, {time}, i / 3.0"))).await;

    let mut copying = Bot::run(command(&from, to.url()));
    // The first of the two is copied, the second takes a while.
    copying.logged("channels: 100000 rows").await;
    copying.kill().await;
    for table in ["channels", "samples", "key_check"] {
        assert_eq!(count(&to, table).await, "0", "{table}");
    }
    let copied = copy(&from, &to).await;
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert_eq!(count(&to, "samples").await, "100000");
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let Some((from, to)) = used_and_empty().await else { return };
    let refused = async |command: std::process::Command, why: &str| {
        let ended = ended(command).await;
        assert!(ended.complaint().contains(why), "{ended:?}");
        assert!(!ended.stderr.contains("hidden"), "{ended:?}");
    };
    let other = |setting: &str, value: &str| {
        let mut command = command(&from, to.url());
        command.env(setting, value);
        command
    };
    refused(
        other("ENCRYPTION_KEY", "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="),
        "ENCRYPTION_KEY can't decrypt",
    )
    .await;
    refused(other("DATABASE_URL", to.url()), "only a SQLite database can be copied").await;
    refused(other("DATABASE_URL", "sqlite://elsewhere.db"), "a file that doesn't exist").await;
    refused(command(&from, "sqlite://other.db?mode=rwc"), "--to must be the address of a PostgreSQL").await;
    refused(command(&from, "postgres://u:hidden@127.0.0.1:1/x"), "--to leads to no database").await;
    refused(command(&from, "postgres://u:hidden@[/x"), "--to must be the address of a PostgreSQL").await;
    assert_eq!(copy(&from, &to).await.code, Some(0), "none of these has left anything behind");
    refused(command(&from, to.url()), "isn't empty").await;

    let mut down = Bot::command(&from);
    down.args(["migrate", "down", "--steps", "1"]).env("DATABASE_URL", from.url());
    assert_eq!(ended(down).await.code, Some(0));
    refused(command(&from, to.url()), "of another version").await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn the_bot_must_be_stopped() {
    let Some(to) = Database::create(Backend::Postgres).await else { return };
    let world = World::new().await.with_settings(&[("ENCRYPTION_KEY", KEY)]);
    let bot = world.start().await;
    let ended = copy(&world.database, &to).await;
    assert!(ended.complaint().contains("another process runs on this database"), "{ended:?}");
    bot.stop().await;
    assert_eq!(copy(&world.database, &to).await.code, Some(0));
}
