//! The key that belongs to a database: it is created once, for a database that has none, and never replaces
//! another.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use rstest::rstest;

use crate::harness::{Backend, Bot, Database, Ended, KEY, World, ended};

const OTHER: &str = "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";

/// A database that a bot has used, and its key file.
async fn used() -> (World, PathBuf) {
    let world = World::new().await;
    let mut bot = world.start().await;
    bot.logged("connected to the gateway").await;
    let (status, _) = bot.stop().await;
    assert!(status.success());
    let file = world.database.folder().join("tributary.key");
    assert!(file.exists());
    (world, file)
}

/// A database with all its tables but no key yet, and where its key file will be.
async fn unused() -> (World, PathBuf) {
    let world = World::new().await;
    let mut up = Bot::command(&world.database);
    up.args(["migrate", "up"]).env("DATABASE_URL", world.database.url());
    assert_eq!(ended(up).await.code, Some(0));
    let file = world.database.folder().join("tributary.key");
    assert!(!file.exists(), "migrating needs no key");
    (world, file)
}

async fn starts(world: &World) {
    let (status, _) = world.start().await.stop().await;
    assert!(status.success());
}

async fn refused(world: &World, words: &[&str]) -> Ended {
    let ended = ended(world.command()).await;
    let line = ended.complaint();
    for word in words {
        assert!(line.contains(word), "it should say {word:?}: {line}");
    }
    for secret in [KEY, OTHER] {
        assert!(!ended.stderr.contains(secret), "{ended:?}");
    }
    ended
}

#[tokio::test]
async fn a_lost_key_file_is_asked_for_and_not_replaced() {
    let (world, file) = used().await;
    let key = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let said = refused(&world, &["tributary.key", "backup"]).await;
    assert!(!said.stderr.contains("openssl"), "no other key will do: {said:?}");
    assert!(!file.exists(), "no file is left that a backup would mistake for the key");

    let mut forget = world.command();
    forget.args(["forget", "--user", "81384788765712384"]);
    let forget = ended(forget).await;
    assert!(forget.complaint().contains("tributary.key") && !file.exists(), "{forget:?}");

    fs::write(&file, key).unwrap();
    starts(&world).await;
}

/// Even if the row that identifies the key is gone, what was written with the key needs it.
#[rstest]
#[case("UPDATE channel_follows SET webhook_id = 1, webhook_token = X'01'")]
#[case(
    "INSERT INTO activities (origin, kind, content, created_at, source_channel_id) VALUES ('x', 'message', X'01', '2026-01-01T00:00:00+00:00', 1)"
)]
#[tokio::test]
async fn what_is_encrypted_needs_its_key(#[case] row: &str) {
    let (world, file) = used().await;
    fs::remove_file(&file).unwrap();
    if row.starts_with("UPDATE") {
        let follow = "INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, mode, created_by, created_at, updated_at, webhook_id, webhook_token) \
            VALUES (1, 2, 3, 3, 'relay', 'all', 1, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', 1, X'01')";
        world.database.execute(follow).await;
    } else {
        world.database.execute(row).await;
    }
    world.database.execute("DELETE FROM key_check").await;
    refused(&world, &["tributary.key", "backup"]).await;
    assert!(!file.exists());
}

#[tokio::test]
async fn no_key_is_made_before_the_database_is_there() {
    let mut world = World::new().await;
    world.set("DATABASE_URL", "sqlite://tributary.db");
    refused(&world, &["DATABASE_URL", "mode=rwc"]).await;
    assert!(!world.database.folder().join("tributary.key").exists());
}

/// What a full disk or a slip of the hand leaves behind.
#[rstest]
#[case("")]
#[case("c2hvcnQ=\n")]
#[case("not a key\n")]
#[tokio::test]
async fn a_damaged_key_file_says_what_to_do(#[case] held: &str) {
    let (world, file) = used().await;
    fs::write(&file, held).unwrap();
    let said = refused(&world, &["tributary.key", "backup"]).await;
    assert!(!said.stderr.contains("openssl") && !said.stderr.contains("elete"), "{said:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), held);

    let (world, file) = unused().await;
    fs::write(&file, held).unwrap();
    refused(&world, &["tributary.key", "Delete it"]).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), held);
    fs::remove_file(&file).unwrap();
    starts(&world).await;
}

#[tokio::test]
async fn a_start_that_died_while_it_made_the_key_is_no_hindrance() {
    let (world, file) = unused().await;
    fs::write(file.with_extension("key.new"), "").unwrap();
    starts(&world).await;
    assert_eq!(fs::read_to_string(&file).unwrap().trim().len(), 44);
    assert!(!file.with_extension("key.new").exists());
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test]
async fn what_is_no_file_is_said(#[case] was_used: bool) {
    let (world, file) = if was_used { used().await } else { unused().await };
    let _ = fs::remove_file(&file);
    fs::create_dir(&file).unwrap();
    refused(&world, &["tributary.key", "folder"]).await;
    fs::remove_dir(&file).unwrap();
    symlink("/nowhere/tributary.key", &file).unwrap();
    refused(&world, &["tributary.key", "link"]).await;
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink(), "it may lead to a disk that is away");
}

#[tokio::test]
async fn the_key_that_does_not_fit_is_named() {
    let (mut world, file) = used().await;
    let key = fs::read_to_string(&file).unwrap();
    fs::write(&file, OTHER).unwrap();
    refused(&world, &["tributary.key", "backup"]).await;

    fs::write(&file, &key).unwrap();
    world.set("ENCRYPTION_KEY", OTHER);
    refused(&world, &["ENCRYPTION_KEY", "tributary.key", "leave ENCRYPTION_KEY out"]).await;
    world.set("ENCRYPTION_KEY", key.trim());
    fs::write(&file, OTHER).unwrap();
    let mut bot = Bot::run(world.command());
    let line = bot.logged("tributary.key").await;
    assert!(line.contains("WARN") && line.contains("another key"), "{line}");
    bot.logged("gateway session resumed").await;
}

/// When the bot asks for a key, the former one may be the one that is needed.
#[tokio::test]
async fn a_new_key_is_for_a_new_database() {
    let database = Database::create(Backend::Sqlite).await.unwrap();
    for key in ["", "c2hvcnQ="] {
        let mut command = Bot::command(&database);
        command.env("DISCORD_TOKEN", "a.b.c").env("HTTP_ADDR", "127.0.0.1:0");
        command.env("DATABASE_URL", "postgres://u:hidden@127.0.0.1:1/x").env("ENCRYPTION_KEY", key);
        let ended = ended(command).await;
        let line = ended.complaint();
        assert!(
            line.starts_with("error: ENCRYPTION_KEY ") && line.contains("openssl rand -base64 32"),
            "{line}"
        );
        assert!(line.contains("new database") && line.contains("backup"), "{line}");
    }
}

#[tokio::test]
async fn a_key_that_others_could_read_is_closed() {
    let (world, file) = used().await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bot = world.spawn();
    let line = bot.logged("tributary.key").await;
    assert!(line.contains("WARN"), "{line}");
    bot.logged("gateway session resumed").await;
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}
