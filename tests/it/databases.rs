//! Unusable databases: one line says why and what to do, and nothing in them is changed.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use rstest::rstest;

use crate::harness::{Backend, Bot, Database, Ended, KEY, World, ended};

async fn refused(world: &World, words: &[&str]) -> Ended {
    let ended = ended(world.command()).await;
    let line = ended.complaint();
    for word in words {
        assert!(line.contains(word), "it should say {word:?}: {line}");
    }
    assert!(!ended.stderr.contains("hidden") && line.len() < 400, "{line}");
    ended
}

/// A file of this name in the world's folder is its database.
async fn with_file(name: &str, bytes: &[u8]) -> World {
    let mut world = World::new().await;
    let file = world.database.folder().join(name);
    fs::write(&file, bytes).unwrap();
    world.set("DATABASE_URL", format!("sqlite://{}?mode=rwc", file.display()));
    world
}

/// The files in a folder, with their bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).unwrap()))
        .filter(|(name, _)| !name.ends_with(".lock"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn what_is_no_database_is_said() {
    let world = with_file("notes.db", &b"Dear diary, ".repeat(1000)).await;
    let before = contents(world.database.folder());
    refused(&world, &["DATABASE_URL", "isn't a SQLite database"]).await;
    assert_eq!(contents(world.database.folder()), before);
}

#[tokio::test]
async fn a_damaged_database_is_said() {
    let mut world = World::new().await;
    world.start().await.stop().await;
    let file = world.database.folder().join("tributary.db");
    let mut bytes = fs::read(&file).unwrap();
    let length = bytes.len();
    bytes[4096..].fill(0xa5);
    assert!(length > 8192);
    fs::write(&file, bytes).unwrap();
    world.set("DATABASE_URL", format!("sqlite://{}?mode=rwc", file.display()));
    refused(&world, &["DATABASE_URL", "damaged", "backup"]).await;
}

#[rstest]
#[case("CREATE TABLE recipes (name TEXT)")]
#[case("PRAGMA application_id = 1234")]
#[case(
    "CREATE TABLE seaql_migrations (version TEXT PRIMARY KEY, applied_at BIGINT NOT NULL); INSERT INTO seaql_migrations VALUES ('m20200101_000001_other', 1)"
)]
#[tokio::test]
async fn what_is_another_programs_is_left_alone(#[case] made: &str) {
    let world = World::new().await;
    for statement in made.split("; ") {
        world.database.execute(statement).await;
    }
    let before = contents(world.database.folder());
    refused(&world, &["DATABASE_URL", "another program"]).await;
    let mut up = Bot::command(&world.database);
    up.args(["migrate", "up"]).env("DATABASE_URL", world.database.url());
    assert!(ended(up).await.complaint().contains("another program"));
    assert_eq!(contents(world.database.folder()), before, "not a byte of it changed");
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_newer_database_needs_the_newer_program(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    world.start().await.stop().await;
    world.database.execute("INSERT INTO seaql_migrations VALUES ('m20991231_000099_later', 1), ('m20991231_000100_latest', 1)").await;
    let said = refused(&world, &["newer version", "m20991231_000100_latest"]).await;
    assert!(!said.stderr.contains("is missing"), "{said:?}");
    let mut status = Bot::command(&world.database);
    status.args(["migrate", "status"]).env("DATABASE_URL", world.database.url());
    assert!(ended(status).await.complaint().contains("newer version"));
}

/// The program run by somebody who isn't root, since root may write everywhere. `None` if that is impossible.
fn as_nobody(world: &World) -> Option<std::process::Command> {
    const NOBODY: u32 = 65534;
    let mut command = world.command();
    let own = fs::metadata("/proc/self").unwrap();
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return Some(command);
    }
    for entry in fs::read_dir(world.database.folder()).unwrap().map(Result::unwrap) {
        std::os::unix::fs::chown(entry.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    std::os::unix::fs::chown(world.database.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    command.uid(NOBODY).gid(NOBODY);
    let runs = command.spawn().is_ok_and(|mut child| child.kill().is_ok() && child.wait().is_ok());
    if !runs {
        eprintln!("skipped: the program can't be run as nobody");
        return None;
    }
    Some(command)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_cannot_be_written_is_said() {
    let mut world = World::new().await;
    world.start().await.stop().await;
    let folder = world.database.folder().to_owned();
    let file = folder.join("tributary.db");
    world.set("DATABASE_URL", format!("sqlite://{}?mode=ro", file.display()));
    refused(&world, &["DATABASE_URL", "mode=rwc"]).await;
    world.settings.pop();

    let Some(command) = as_nobody(&world) else { return };
    mode(&file, 0o400);
    let said = ended(command).await;
    assert!(said.complaint().contains("can't be written"), "{said:?}");
    mode(&file, 0o600);
    mode(&folder, 0o500);
    for name in ["tributary.lock", "tributary.key"] {
        // Neither of them is what is in the way.
        assert!(folder.join(name).exists(), "{name}");
    }
    let said = ended(as_nobody(&world).unwrap()).await;
    mode(&folder, 0o700);
    let line = said.complaint();
    assert!(line.contains("can't be written") && line.contains("folder"), "{said:?}");

    mode(&folder.join("tributary.key"), 0o000);
    let said = ended(as_nobody(&world).unwrap()).await;
    let line = said.complaint();
    assert!(
        line.contains("tributary.key") && line.contains("can't be read") && line.contains("chown"),
        "{line}"
    );
}

/// A server that answers every connection with this error.
fn server(code: &'static str, message: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut asked = [0; 4096];
            // The client asks whether it speaks TLS, and it doesn't. Then the client starts a session.
            let _ = connection.read(&mut asked);
            let _ = connection.write_all(b"N");
            let _ = connection.read(&mut asked);
            let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
            let length = u32::try_from(fields.len() + 4).unwrap();
            let _ = connection.write_all(b"E");
            let _ = connection.write_all(&length.to_be_bytes());
            let _ = connection.write_all(fields.as_bytes());
        }
    });
    format!("postgres://someone:hidden@{address}/name")
}

#[rstest]
#[case("28P01", "password authentication failed for user \"someone\"", "password")]
#[case("28000", "no pg_hba.conf entry for host \"127.0.0.1\"", "pg_hba.conf")]
#[case("3D000", "database \"name\" does not exist", "createdb")]
#[case("0A000", "unsupported frontend protocol", "unsupported")]
#[tokio::test]
async fn what_postgres_refuses_for_good_ends_it(
    #[case] code: &'static str,
    #[case] says: &'static str,
    #[case] remedy: &str,
) {
    let mut world = World::new().await;
    world.set("DATABASE_URL", server(code, says));
    world.set("ENCRYPTION_KEY", KEY);
    refused(&world, &["DATABASE_URL", remedy]).await;
}

#[rstest]
#[case("57P03", "the database system is starting up")]
#[case("53300", "sorry, too many clients already")]
#[tokio::test]
async fn what_postgres_refuses_for_now_is_waited_for(#[case] code: &'static str, #[case] says: &'static str) {
    let mut world = World::new().await;
    world.set("DATABASE_URL", server(code, says));
    world.set("ENCRYPTION_KEY", KEY);
    let mut bot = world.spawn();
    let line = bot.logged("the database can't be reached yet").await;
    assert!(line.contains(says) && line.contains("WARN") && !line.contains("hidden"), "{line}");
    // If the bot has to cut something off, it exits with a failure.
    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn something_else_than_postgres_is_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = World::new().await;
    world.set("DATABASE_URL", format!("postgres://someone:hidden@{}/x", listener.local_addr().unwrap()));
    world.set("ENCRYPTION_KEY", KEY);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let _ = connection.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    refused(&world, &["DATABASE_URL", "isn't PostgreSQL"]).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn without_rights_postgres_is_no_use() {
    let Some(mut world) = World::on(Backend::Postgres).await else { return };
    let role = format!("limited_{:016x}", rand::random::<u64>());
    world.database.execute(&format!("CREATE ROLE {role} LOGIN")).await;
    let (_, rest) = world.database.url().split_once('@').unwrap();
    world.set("DATABASE_URL", format!("postgres://{role}:hidden@{rest}"));
    refused(&world, &["DATABASE_URL", "GRANT", "schema"]).await;
    world.database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC").await;
    refused(&world, &["DATABASE_URL", "GRANT", "schema"]).await;

    // Another role owns the tables.
    world.database.execute(&format!("GRANT ALL ON SCHEMA public TO {role}")).await;
    let mut up = Bot::command(&world.database);
    up.args(["migrate", "up"]).env("DATABASE_URL", world.database.url());
    assert_eq!(ended(up).await.code, Some(0));
    refused(&world, &["DATABASE_URL", "GRANT"]).await;
    for statement in [format!("REVOKE ALL ON SCHEMA public FROM {role}"), format!("DROP ROLE {role}")] {
        world.database.execute(&statement).await;
    }
}

fn permissions(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_files_are_their_owners_only() {
    let world = World::new().await;
    let folder = world.database.folder().to_owned();
    let of = |name: &str| permissions(&folder.join(name));
    let all = ["tributary.db", "tributary.db-wal", "tributary.db-shm", "tributary.lock", "tributary.key"];
    let bot = world.start().await;
    for name in all {
        assert_eq!(of(name), 0o600, "{name}");
    }
    bot.kill().await;
    for name in all {
        mode(&folder.join(name), 0o664);
    }
    let mut bot = world.spawn();
    let line = bot.logged("tributary.db").await;
    assert!(line.contains("WARN"), "{line}");
    bot.logged("connected to the gateway").await;
    for name in all {
        assert_eq!(of(name), 0o600, "{name}");
    }
}

#[tokio::test]
async fn two_names_of_a_database_are_one_lock() {
    let mut world = World::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("other.db");
    symlink(world.database.folder().join("tributary.db"), &link).unwrap();
    let mut bot = world.start().await;
    world.set("DATABASE_URL", format!("sqlite://{}?mode=rwc", link.display()));
    refused(&world, &["another process runs on this database"]).await;
    world.ready(&mut bot).await;
    let (status, _) = bot.stop().await;
    assert!(status.success());
    // The same database, so the same key.
    world.start().await.stop().await;
    assert!(!elsewhere.path().join("other.key").exists());
}

#[tokio::test]
async fn a_hard_link_is_told_of() {
    let world = World::new().await;
    world.start().await.stop().await;
    let file = world.database.folder().join("tributary.db");
    fs::hard_link(&file, world.database.folder().join("second.db")).unwrap();
    let line = world.spawn().logged("hard link").await;
    assert!(line.contains("WARN") && line.contains("tributary.db"), "{line}");
}

#[tokio::test]
async fn a_lock_that_leads_elsewhere_is_not_followed() {
    let world = World::new().await;
    let victim = world.database.folder().join("victim");
    let lock = world.database.folder().join("tributary.lock");
    symlink(&victim, &lock).unwrap();
    refused(&world, &["tributary.lock", "link"]).await;
    assert!(!victim.exists());
    fs::write(&victim, "precious").unwrap();
    refused(&world, &["tributary.lock", "link"]).await;
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    refused(&world, &["tributary.lock", "folder"]).await;
}

#[tokio::test]
async fn a_link_to_nothing_is_no_place_for_a_new_database() {
    let mut world = World::new().await;
    let link = world.database.folder().join("disk.db");
    let away = world.database.folder().join("away.db");
    symlink(&away, &link).unwrap();
    world.set("DATABASE_URL", format!("sqlite://{}?mode=rwc", link.display()));
    refused(&world, &["DATABASE_URL", "link"]).await;
    assert!(!away.exists());
}

/// Names with characters that addresses must escape.
#[tokio::test]
async fn a_name_may_have_any_signs() {
    let mut world = World::new().await;
    let folder = world.database.folder().to_owned();
    world.set("DATABASE_URL", format!("sqlite://{}/my%20b%C3%B6t%3F.db?mode=rwc", folder.display()));
    let bot = world.start().await;
    for name in ["my böt?.db", "my böt?.lock", "my böt?.key"] {
        assert!(folder.join(name).exists(), "{name}");
    }
    bot.stop().await;
}

#[tokio::test]
async fn commands_say_it_too() {
    let database = Database::create(Backend::Sqlite).await.unwrap();
    for words in [&["migrate", "status"][..], &["migrate", "up"], &["forget", "--user", "123"]] {
        let mut command = Bot::command(&database);
        command
            .args(words)
            .env("DATABASE_URL", "postgres://someone:hidden@127.0.0.1:1/x")
            .env("ENCRYPTION_KEY", KEY);
        let ended = ended(command).await;
        let line = ended.complaint();
        assert!(line.starts_with("error: DATABASE_URL ") && line.contains("refused"), "{line}");
        assert!(!ended.stderr.contains("hidden"));
    }
}
