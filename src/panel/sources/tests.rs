//! The sources over a database of their own, with a clock that the test moves.

use std::cell::Cell;

use chrono::{DateTime, Utc};
use secrecy::{SecretBox, SecretString};
use tempfile::TempDir;

use super::games::tests::valve_server;
use super::games::{Address, GameError, GameQuery};
use super::history::TimeSpan;
use super::host_facts::{CPU, MEMORY};
use super::*;
use crate::rest::{Client, RestConfig};
use crate::store::Cipher;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn set(minutes: i64) {
    NOW.set(1_795_003_200 + minutes * 60);
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW.get(), 0).unwrap()
}

/// A client that no test here uses.
fn rest() -> Client {
    let nobody = "http://127.0.0.1:9".parse().unwrap();
    Client::new(RestConfig::new(nobody, SecretString::from("t"), "test".to_owned())).unwrap()
}

async fn sources() -> (DataSources, TempDir) {
    let directory = TempDir::new().unwrap();
    let address = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
    let cipher = Cipher::new(&SecretBox::new(Box::new([1; 32])));
    let store = Store::connect(&SecretString::from(address), cipher).await.unwrap();
    store.migrate_up().await.unwrap();
    (
        DataSources::new(
            store,
            rest(),
            Clock::new(now),
            PanelSettings { private_addresses: true, ..PanelSettings::default() },
        ),
        directory,
    )
}

#[tokio::test]
async fn the_machine_is_remembered_for_a_week() {
    let (sources, _directory) = sources().await;
    for minutes in (0..90).step_by(5).chain((8 * 1440..8 * 1440 + 30).step_by(5)) {
        set(minutes);
        sources.machine().await.unwrap();
        // What is fresh enough serves the next panel too.
        NOW.set(NOW.get() + 20);
        sources.machine().await.unwrap();
        if minutes == 85 {
            let facts = sources.machine().await.unwrap();
            let points = |span, name| facts.history(span).unwrap().points(name).len();
            assert_eq!(points(TimeSpan::Hour, CPU), 12);
            assert_eq!(points(TimeSpan::Day, MEMORY), 5);
            assert_eq!(points(TimeSpan::Week, CPU), 1);
        }
    }
    let each = sources.samples(&["host.each:cpu".to_owned()], TimeDelta::days(30)).await.unwrap();
    assert_eq!(each.len(), 6, "the first day's are forgotten");
    let quarters = sources.samples(&["host.quarter:cpu".to_owned()], TimeDelta::days(30)).await.unwrap();
    assert_eq!(quarters.len(), 2, "and the first week's, when the second has come");
}

#[tokio::test]
async fn machines_of_several_processes_have_series_of_their_own() {
    let (first, _directory) = sources().await;
    let part = |text: &str| PanelSettings { part: text.parse().ok(), ..PanelSettings::default() };
    let of = |settings| DataSources::new(first.store.clone(), rest(), Clock::new(now), settings);
    let (second, third) = (of(part("0..3/16")), of(part("4..15/16")));
    set(0);
    second.machine().await.unwrap();
    set(1);
    let facts = third.machine().await.unwrap();
    assert_eq!(facts.part.as_deref(), Some("4..15/16"));
    assert_eq!(facts.history(TimeSpan::Hour).unwrap().points(CPU).len(), 1, "the other's isn't among them");
    assert_eq!(first.machine().await.unwrap().part, None);
    let each = first.samples(&["host.each:0..3/16:cpu".to_owned()], TimeDelta::days(1)).await.unwrap();
    assert_eq!(each.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_was_seen_before() {
    let (sources, _directory) = sources().await;
    let port = valve_server(10).await;
    let address = Address::parse(&format!("127.0.0.1:{port}"), 1).unwrap();
    let up = GameQuery { game: "counterstrike".to_owned(), address };
    let down =
        GameQuery { game: "valheim".to_owned(), address: Address::parse("nowhere.invalid", 2457).unwrap() };
    set(0);
    let facts = sources
        .game_servers(crate::domain::ids::GuildId::new(7).unwrap(), &[up.clone(), down])
        .await
        .unwrap();
    assert_eq!(facts[0].status.as_ref().map(|status| status.players), Ok(2));
    assert_eq!((facts[0].seen, facts[1].seen), (Some(now()), None));
    assert_eq!(facts[1].status, Err(GameError::Unresolved));
    let last = now();

    // Another one that may ask private addresses only where they are allowed: the same series, but no answer.
    let refusing = DataSources::new(sources.store.clone(), rest(), Clock::new(now), PanelSettings::default());
    set(60);
    let facts = refusing.game_servers(crate::domain::ids::GuildId::new(7).unwrap(), &[up]).await.unwrap();
    assert_eq!((&facts[0].status, facts[0].seen), (&Err(GameError::Private), Some(last)));
    assert_eq!(facts[0].players.points("players").len(), 1);
}
