//! A database that is away on startup: the bot waits for it, says so, and can be stopped at any time.

use std::net::SocketAddr;

use sea_orm::ConnectionTrait;
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Backend, Bot, KEY, World};

/// An address where nothing listens, and which this process can use later.
fn nobodys() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Passes connections on to the tests' PostgreSQL, as if it had just come up.
async fn come_up(at: SocketAddr, url: &str) {
    let server = url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let listener = TcpListener::bind(at).await.unwrap();
    tokio::spawn(async move {
        loop {
            let (mut from, _) = listener.accept().await.unwrap();
            let server = server.clone();
            tokio::spawn(async move {
                let mut to = TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
    });
}

async fn waits(bot: &mut Bot) {
    let line = bot.logged("the database can't be reached yet").await;
    assert!(line.contains("WARN") && line.contains("again_in"), "{line}");
    assert_eq!(bot.page("/healthz").await.0, 200);
    let (status, body) = bot.page("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""waits_for":"database""#) && body.contains(r#""database":"down""#), "{body}");
    assert!(body.contains("reason") && !body.contains("hidden"), "{body}");
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn it_waits_for_a_database_that_comes_up_later() {
    let Some(mut world) = World::on(Backend::Postgres).await else { return };
    let at = nobodys();
    let (_, name) = world.database.url().rsplit_once('/').unwrap();
    let user = world.database.url().split_once("://").unwrap().1.split_once('@').unwrap().0;
    world.set("DATABASE_URL", format!("postgres://{user}:hidden@{at}/{name}"));
    let mut bot = world.spawn();
    waits(&mut bot).await;
    come_up(at, world.database.url()).await;
    world.ready(&mut bot).await;
    assert!(!bot.log().contains("hidden") && !bot.log().contains("ERROR"), "{}", bot.log());
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn it_waits_for_a_database_that_lets_nobody_in() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    world.database.take_away().await;
    let mut bot = world.spawn();
    waits(&mut bot).await;
    world.database.give_back().await;
    world.ready(&mut bot).await;
}

#[tokio::test]
async fn a_signal_ends_the_wait_at_once() {
    let mut world = World::new().await;
    world.set("DATABASE_URL", format!("postgres://someone:hidden@{}/x", nobodys()));
    world.set("ENCRYPTION_KEY", KEY);
    let mut bot = world.spawn();
    // In the middle of a longer pause.
    bot.logged("again_in=8").await;
    // If the bot has to cut something off, it exits with a failure.
    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");
}

/// A backup that holds SQLite's file for longer than a query waits.
#[tokio::test]
async fn it_waits_for_a_file_that_another_program_holds() {
    let world = World::new().await;
    world.start().await.stop().await;
    let mut options = sea_orm::ConnectOptions::new(world.database.url());
    options.max_connections(1);
    let other = sea_orm::Database::connect(options).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let mut bot = world.spawn();
    let line = bot.logged("the database can't be reached yet").await;
    assert!(line.contains("locked"), "{line}");
    other.close().await.unwrap();
    world.ready(&mut bot).await;
}

/// The database disappears after it was opened and before the first session.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn it_waits_for_a_database_that_goes_in_the_middle_of_the_start() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let away = tributary_sandbox::Effect::Status(503);
    world.sandbox.fault(tributary_sandbox::Fault::on("*", "**", away).forever());
    let mut bot = world.spawn();
    bot.logged("Discord can't be reached yet").await;
    let (_, body) = bot.page("/readyz").await;
    assert!(body.contains(r#""waits_for":"Discord""#), "{body}");
    world.database.take_away().await;
    world.sandbox.clear_faults();
    bot.logged("logged in").await;
    world.database.give_back().await;
    world.ready(&mut bot).await;
}

/// Somebody who starts it for the first time finds the invite link without scrolling.
#[tokio::test]
async fn a_first_start_says_in_one_line_that_it_made_the_tables() {
    let world = World::new().await;
    let mut bot = world.start().await;
    bot.logged("connected to the gateway").await;
    let log = bot.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("migration")).collect();
    assert!(lines.len() == 1 && lines[0].contains("up to date"), "{lines:?}");
    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");

    let mut bot = world.start().await;
    bot.logged("connected to the gateway").await;
    assert!(!bot.log().to_lowercase().contains("migration"), "{}", bot.log());
}
