//! Forgetting people, and servers that the bot has left: on both databases.

use rstest::rstest;

use super::*;
use crate::domain::follow::Audience;
use crate::domain::message::Names;
use crate::store::{Forgotten, PanelMove};

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn posted_by(author: u64, id: u64, content: Content) -> SourceEvent {
    SourceEvent::Posted {
        origin: origin(1, id),
        source: channel(1),
        author: Some(user(author)),
        content: content.into(),
    }
}

fn mentioning(people: &[u64]) -> Content {
    let people = people.iter().map(|id| (user(*id), format!("Person {id}"))).collect();
    Content { names: Names { people, ..Names::default() }, ..content("Hello") }
}

/// Three messages in the targets 2 and 3: two of 99's, one of 98's that mentions 99. The third isn't shown in
/// 3 yet.
async fn three_messages(db: &Db) -> (Lease, Lease) {
    follow(&db.store, 1, 2).await;
    follow(&db.store, 1, 3).await;
    let (two, three) = (claim(&db.store, 2).await, claim(&db.store, 3).await);
    let posts = [
        posted_by(99, 100, content("#one")),
        posted_by(98, 101, mentioning(&[98, 99])),
        posted_by(99, 102, content("three")),
    ];
    db.store.record_events(&posts[..2], at(1)).await.unwrap();
    assert_eq!(show_all(&db.store, &three, 600).await, [100, 101]);
    db.store.record_events(&posts[2..], at(1)).await.unwrap();
    assert_eq!(show_all(&db.store, &two, 500).await, [100, 101, 102]);
    (two, three)
}

async fn of_activities(db: &Db) -> Vec<String> {
    let author = "COALESCE(CAST(author_id AS text), 'nobody')";
    let kept = "CASE WHEN content IS NULL THEN '' ELSE ' content' END || CASE WHEN digest IS NULL THEN '' ELSE ' digest' END";
    let deleted = "CASE WHEN deleted THEN ' deleted' ELSE '' END";
    db.texts(&format!("SELECT {author} || {kept} || {deleted} AS text FROM activities ORDER BY id")).await
}

/// What the database keeps of a message's content.
async fn content_of(db: &Db, id: u64) -> Content {
    #[derive(FromQueryResult)]
    struct Row {
        content: Vec<u8>,
    }
    let query = format!("SELECT content FROM activities WHERE source_message_id = {id}");
    let sealed = db.rows::<Row>(&query).await.pop().unwrap().content;
    db.store.cipher.open_content(origin(1, id), &sealed).unwrap().as_message().unwrap().clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_is_forgotten_and_their_mirrors_stay(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (two, three) = three_messages(&db).await;
    let forgotten = db.store.forget_user(user(99), false, at(5)).await.unwrap();
    let expected = Forgotten { messages: 2, mirrors_staying: 3, mentions: 1, ..Forgotten::default() };
    assert_eq!(forgotten, expected);
    assert_eq!(of_activities(&db).await, ["nobody", "98 content digest", "nobody"]);
    assert!(db.texts("SELECT tag AS text FROM activity_tags").await.is_empty());
    assert_eq!(
        db.deliveries().await,
        ["2 shown 1", "3 shown 1", "2 shown 1", "3 shown 1", "2 shown 1", "3 ended gave_up"]
    );
    assert_eq!(advance(&db.store, &three, None, at(6)).await, NextAction::Idle, "it is not due any more");
    assert!(db.store.forget_user(user(99), false, at(7)).await.unwrap().is_nothing());
    assert_eq!(content_of(&db, 101).await.names.people.into_keys().collect::<Vec<_>>(), [user(98)]);

    // A deletion still finds what it has to take away, and an edit brings its own content.
    let events = [deleted(1, 100), edited(1, 102, "changed")];
    assert_eq!(db.store.record_events(&events, at(8)).await.unwrap().lanes, [channel(2), channel(3)]);
    assert!(matches!(about(&advance(&db.store, &two, None, at(9)).await), (Step::Delete(_), 100)));
    assert!(matches!(about(&advance(&db.store, &three, None, at(9)).await), (Step::Delete(_), 100)));
    assert_eq!(of_activities(&db).await, ["nobody deleted", "98 content digest", "nobody content digest"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_is_forgotten_with_their_mirrors(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (two, three) = three_messages(&db).await;
    // One target isn't followed into any more, and its lane was forgotten.
    let gone = db
        .store
        .follow_by_pair(ChannelPair { source: channel(1), target: channel(3) })
        .await
        .unwrap()
        .unwrap();
    db.store.delete_follow(gone.guild, gone.id, bot(at(0))).await.unwrap();
    give_back(&db.store, &three).await;
    assert_eq!(db.store.forget_idle_lanes(at(5)).await.unwrap(), 1);

    let forgotten = db.store.forget_user(user(99), true, at(5)).await.unwrap();
    let expected = Forgotten { messages: 2, mirrors_going: 3, mentions: 1, ..Forgotten::default() };
    assert_eq!(forgotten, expected);
    assert_eq!(of_activities(&db).await, ["nobody deleted", "98 content digest", "nobody deleted"]);
    let open = db.store.open_lanes(None, at(2_000_000), 9).await.unwrap().lanes;
    assert_eq!(open.iter().map(|lane| lane.target).collect::<Vec<_>>(), [channel(2), channel(3)]);
    let three = claim(&db.store, 3).await;
    for lease in [two, three] {
        show_all(&db.store, &lease, 700).await;
    }
    let left = "SELECT CAST(message_id AS text) AS text FROM mirrors ORDER BY message_id";
    assert_eq!(db.texts(left).await, ["501", "601"], "only the other person's");
    // Their later posts are theirs again.
    db.store.record_events(&[posted_by(99, 103, content("back"))], at(6)).await.unwrap();
    assert_eq!(of_activities(&db).await[3], "99 content digest");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_doubtful_create_of_a_forgotten_person_is_settled(
    #[case] backend: Backend,
    #[values(false, true)] mirrors: bool,
) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 100)], at(1)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let (in_flight, _) = create(&advance(&db.store, &lease, None, at(1)).await);
    db.store.forget_user(user(99), mirrors, at(2)).await.unwrap();
    let next = advance(&db.store, &lease, Some(created(in_flight, 2, 500)), at(3)).await;
    if mirrors {
        assert!(matches!(about(&next), (Step::Delete(_), 100)), "{next:?}");
    } else {
        assert_eq!(next, NextAction::Idle);
        db.store.record_events(&[deleted(1, 100)], at(4)).await.unwrap();
        assert!(matches!(about(&advance(&db.store, &lease, None, at(5)).await), (Step::Delete(_), 100)));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn follows_and_panels_lose_the_name_of_who_made_them(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let made = follow(&db.store, 1, 2).await;
    assert_eq!(made.created_by, Some(user(9)));
    let task = |person| serde_json::json!({ "tasks": [{ "name": "Paint", "person": person }, { "id": 9 }] });
    let mut new = panels::new_panel(1);
    (new.created_by, new.config) = (Some(user(9)), task(serde_json::json!({ "user": "9" })));
    let own = db.store.insert_panel(&new, None, bot(at(0)), at(60)).await.unwrap().unwrap();
    (new.created_by, new.config) = (Some(user(8)), task(serde_json::json!({ "user": "99" })));
    let other = db.store.insert_panel(&new, None, bot(at(0)), at(60)).await.unwrap().unwrap();

    let forgotten = db.store.forget_user(user(9), false, at(5)).await.unwrap();
    assert_eq!(forgotten, Forgotten { follows: 1, panels: 1, ..Forgotten::default() });
    let follow = db.store.follow(made.guild, made.id).await.unwrap().unwrap();
    assert_eq!(follow.created_by, None);
    let panel = db.store.panel(own.guild, own.id).await.unwrap().unwrap();
    assert_eq!((panel.created_by, &panel.config), (None, &task(serde_json::Value::Null)));
    assert!(panel.version > own.version && panel.next_refresh_at < own.next_refresh_at, "it is drawn anew");
    assert_eq!(db.store.panel(other.guild, other.id).await.unwrap(), Some(other));
    // It can still be moved.
    let moved = db.store.move_panel(&panel, channel(4), bot(at(6)), at(60)).await.unwrap();
    assert!(matches!(moved, PanelMove::Moved(_)));
}

/// Server 8 has the source 1, a panel there, and the target 4; server 7 the targets 2 and 3 and the source 5.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_server_is_forgotten_and_nothing_else(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    three_messages(&db).await;
    for (source, target, from, into) in [(5, 4, 7, 8), (5, 2, 7, 7)] {
        let new = NewFollow { guild: guild(into), source_guild: guild(from), ..new_follow(source, target) };
        db.store.insert_follow(&new, &relay(target + 1_000), bot(at(0))).await.unwrap();
    }
    db.store.record_events(&[posted(5, 200)], at(1)).await.unwrap();
    let four = claim(&db.store, 4).await;
    create(&advance(&db.store, &four, None, at(1)).await);
    panels::posted_panel_in(&db.store, guild(8), 1).await;
    panels::posted_panel_in(&db.store, guild(7), 5).await;
    for (channel_id, server) in [(6, 8), (9, 7)] {
        db.store.set_audience(channel(channel_id), guild(server), Audience::Everyone).await.unwrap();
    }
    let members = |id: u64| (format!("server.members:{id}"), 5.0);
    db.store.add_samples(&[members(8), members(7), members(88)], at(1)).await.unwrap();

    let kept = async || -> Vec<GuildId> {
        db.store.guild_checks().await.unwrap().iter().map(|check| check.guild).collect()
    };
    assert_eq!(kept().await, [guild(7), guild(8)]);
    db.store.note_guild_check(guild(7), at(5)).await.unwrap();
    db.store.note_guild_check(guild(7), at(6)).await.unwrap();
    db.store.note_guild_check(guild(8), at(4)).await.unwrap();
    let checks = db.store.guild_checks().await.unwrap();
    let checks: Vec<_> = checks.iter().map(|check| (check.guild, check.checked_at)).collect();
    assert_eq!(
        checks,
        [(guild(8), Some(stored(at(4)))), (guild(7), Some(stored(at(6))))],
        "the oldest check first"
    );
    db.store.guild_left(guild(8), at(10)).await.unwrap();
    db.store.guild_left(guild(8), at(20)).await.unwrap();
    assert_eq!(kept().await, [guild(7)]);
    assert_eq!(db.store.left_guilds(at(9)).await.unwrap(), []);
    assert_eq!(db.store.left_guilds(at(10)).await.unwrap(), [guild(8)], "the first time counts");
    db.store.guild_back(guild(8)).await.unwrap();
    assert_eq!(db.store.left_guilds(at(99)).await.unwrap(), []);

    db.store.guild_left(guild(8), at(30)).await.unwrap();
    let removed = db.store.forget_guild(guild(8), at(0)).await.unwrap();
    let webhooks: Vec<_> =
        removed.iter().map(|one| (one.follow.pair.target.get(), one.webhook_still_needed)).collect();
    assert_eq!(webhooks, [(2, true), (3, false), (4, false)]);
    assert_eq!(db.store.left_guilds(at(99)).await.unwrap(), []);
    assert_eq!(
        db.texts("SELECT origin AS text FROM activities ORDER BY id").await,
        ["discord:5/200", "panel:5/504"]
    );
    assert_eq!(db.deliveries().await, ["2 due"]);
    let follows = "SELECT source_channel_id || '>' || target_channel_id AS text FROM channel_follows";
    assert_eq!(db.texts(follows).await, ["5>2"]);
    assert_eq!(db.texts("SELECT CAST(guild_id AS text) AS text FROM panels").await, ["7"]);
    assert_eq!(db.texts("SELECT series AS text FROM samples ORDER BY series").await.len(), 2);
    let channels = "SELECT CAST(channel_id AS text) AS text FROM channels ORDER BY channel_id";
    assert_eq!(db.texts(channels).await, ["5", "9"]);
    assert!(db.texts("SELECT origin AS text FROM mirrors m JOIN deliveries d ON d.id = m.delivery_id JOIN activities a ON a.id = d.activity_id").await.is_empty());
    assert_eq!(advance(&db.store, &four, None, at(31)).await, NextAction::Idle);
    assert!(db.store.forget_guild(guild(8), at(0)).await.unwrap().is_empty(), "once more changes nothing");
}
