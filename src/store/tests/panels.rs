//! What panels' mirrors need of the store, where the sandbox wouldn't show the difference: on both databases.

use rstest::rstest;

use super::*;
use crate::domain::activity::Revision;
use crate::domain::ids::GuildId;
use crate::domain::panel::{
    MOST_IN_CHANNEL, NewPanel, Panel, PanelId, PanelSnapshot, PanelState, PanelView, REFRESH,
};
use crate::domain::shards::Shards;
use crate::store::db::sql::stored;
use crate::store::{PanelChange, PanelRefresh, PanelsFull};

pub(super) fn new_panel(channel_id: u64) -> NewPanel {
    NewPanel {
        guild: GuildId::new(1).unwrap(),
        channel: channel(channel_id),
        kind: "custom".to_owned(),
        title: "Notice".to_owned(),
        config: serde_json::json!({ "text": "Hi" }),
        refresh: REFRESH,
        created_by: UserId::new(99).ok(),
    }
}

fn face(text: &str) -> PanelSnapshot {
    let embed = crate::domain::message::Embed { title: Some(text.to_owned()), ..Default::default() };
    PanelSnapshot {
        panel: PanelId(1),
        author: "Bot".to_owned(),
        avatar_url: None,
        link: String::new(),
        only_in: None,
        since: at(0),
        view: PanelView::of(embed),
    }
}

/// A panel in channel 1, posted as message 500.
async fn posted_panel(store: &Store) -> Panel {
    posted_panel_in(store, GuildId::new(1).unwrap(), 1).await
}

/// A panel in this channel of this server, posted as the message 499 + channel.
pub(super) async fn posted_panel_in(store: &Store, guild: GuildId, channel_id: u64) -> Panel {
    posted_panel_as(store, guild, channel_id, 499 + channel_id, at(0)).await
}

/// A panel that is posted as this message, a second after it was made.
pub(super) async fn posted_panel_as(
    store: &Store,
    guild: GuildId,
    channel_id: u64,
    shown_by: u64,
    now: DateTime<Utc>,
) -> Panel {
    let new = NewPanel { guild, ..new_panel(channel_id) };
    let panel = store.insert_panel(&new, None, bot(now), now + TimeDelta::minutes(1)).await.unwrap().unwrap();
    store
        .panel_posted(&panel, message(shown_by), face("one"), Revision(1), now + TimeDelta::seconds(1))
        .await
        .unwrap();
    store.panel(panel.guild, panel.id).await.unwrap().unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_panel_is_kept_as_it_was_made(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let panel = posted_panel(&db.store).await;
    assert_eq!(
        (panel.message, panel.shown_revision, panel.state),
        (Some(message(500)), Some(1), PanelState::Active)
    );
    assert_eq!((panel.config["text"].as_str(), panel.refresh), (Some("Hi"), REFRESH));
    let origin = Origin::Panel { channel: channel(1), message: message(500) };
    let (revision, kept) = db.store.face(origin).await.unwrap().unwrap();
    assert_eq!((revision, kept), (Revision(1), face("one")));
    assert_eq!(db.texts("SELECT origin || ' ' || kind AS text FROM activities").await, ["panel:1/500 panel"]);

    for _ in 1..MOST_IN_CHANNEL {
        assert!(db.store.insert_panel(&new_panel(1), None, bot(at(0)), at(60)).await.unwrap().is_ok());
    }
    assert!(
        db.store.insert_panel(&new_panel(1), None, bot(at(0)), at(60)).await.unwrap().is_err(),
        "one too many"
    );
    assert!(db.store.insert_panel(&new_panel(2), None, bot(at(0)), at(60)).await.unwrap().is_ok());
    let elsewhere = GuildId::new(2).unwrap();
    assert!(db.store.panel(elsewhere, panel.id).await.unwrap().is_none(), "another server's");
    let most = MOST_IN_CHANNEL + 1;
    let full =
        db.store.insert_panel(&new_panel(3), u32::try_from(most).ok(), bot(at(0)), at(60)).await.unwrap();
    assert_eq!(full.err(), Some(PanelsFull::Server(u32::try_from(most).unwrap())));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn servers_take_turns_and_those_that_were_left_have_none(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let own = new_panel(1);
    let insert = async |guild: u64, channel_id: u64, due: i64| {
        let new =
            NewPanel { guild: GuildId::new(guild).unwrap(), channel: channel(channel_id), ..own.clone() };
        db.store.insert_panel(&new, None, bot(at(0)), at(due)).await.unwrap().unwrap();
    };
    for number in 0..10 {
        insert(1, 10 + number, 10).await;
    }
    insert(2, 30, 50).await;
    insert(3, 40, 20).await;
    db.store.guild_left(GuildId::new(3).unwrap(), at(0)).await.unwrap();
    let due = db.store.due_panels(Shards::all(1), at(60), 3).await.unwrap();
    let servers: Vec<u64> = due.iter().map(|panel| panel.guild.get()).collect();
    assert_eq!(servers, [1, 2, 1], "the other server doesn't wait behind ten");
    assert_eq!(db.store.next_panel_due(Shards::all(1)).await.unwrap(), Some(stored(at(10))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_look_at_a_time_and_no_wish_is_lost(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (store, other) = (&db.store, db.again().await);
    let panel = posted_panel(store).await;
    assert!(
        store.due_panels(Shards::all(1), at(30), 9).await.unwrap().is_empty(),
        "whoever made it holds it"
    );
    let due = store.due_panels(Shards::all(1), at(60), 9).await.unwrap().pop().unwrap();
    assert!(store.claim_panel(&due, at(120)).await.unwrap());
    assert!(!other.claim_panel(&due, at(130)).await.unwrap(), "another process comes too late");

    let look =
        |next| PanelRefresh { at: at(61), next, data: None, shown_revision: Some(1), slowed: 0, error: None };
    store.hasten_panel(panel.id, at(70)).await.unwrap();
    store.record_refresh(panel.id, at(120), &look(at(400))).await.unwrap();
    let due = store.panel(panel.guild, panel.id).await.unwrap().unwrap().next_refresh_at;
    assert_eq!(due, stored(at(70)), "what was wished for during the look comes after it");
    let again = store.due_panels(Shards::all(1), at(70), 9).await.unwrap().pop().unwrap();
    assert!(store.claim_panel(&again, at(130)).await.unwrap());
    store.record_refresh(panel.id, at(130), &look(at(400))).await.unwrap();
    assert_eq!(store.next_panel_due(Shards::all(1)).await.unwrap(), Some(stored(at(400))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_two_changes_at_once_one_is_told(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let panel = posted_panel(&db.store).await;
    let change = |text: &str| PanelChange {
        title: "Notice".to_owned(),
        config: serde_json::json!({ "text": text }),
        refresh: REFRESH,
    };
    assert!(db.store.change_panel(&panel, &change("a"), bot(at(5))).await.unwrap());
    assert!(!db.store.change_panel(&panel, &change("b"), bot(at(5))).await.unwrap());
    let now = db.store.panel(panel.guild, panel.id).await.unwrap().unwrap();
    assert_eq!((now.config["text"].as_str(), now.next_refresh_at), (Some("a"), stored(at(5))));
}
