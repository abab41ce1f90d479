//! People who don't want to be mirrored: what comes is left out, and what was mirrored is withdrawn, on both
//! databases.

use rstest::rstest;

use super::*;
use crate::domain::message::Reply;
use crate::domain::opt_out::OptOutScope::{self, Everywhere};
use crate::store::{Removal, RemovalKind};

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

/// The server of the sources of these tests.
fn here() -> OptOutScope {
    OptOutScope::Server(guild(8))
}

fn posted_by(author: u64, source: u64, id: u64) -> SourceEvent {
    with_content(author, source, id, content("first"))
}

fn with_content(author: u64, source: u64, id: u64, content: Content) -> SourceEvent {
    let (origin, source) = (origin(source, id), channel(source));
    SourceEvent::Posted { origin, source, author: Some(user(author)), content: content.into() }
}

/// An answer to a message that this person wrote.
fn answer(id: u64, to: u64, by: u64) -> Content {
    let reply = Reply {
        channel: channel(1),
        message: message(to),
        link: String::new(),
        author: Some("Bob".to_owned()),
        author_id: None,
        written_by: Some(user(by)),
        unknown: false,
        published: false,
        text: "secret".to_owned(),
    };
    Content { reply: Some(reply), ..content(&format!("answer {id}")) }
}

/// A row of each kind.
pub(super) async fn rows(db: &Db) {
    db.store.opt_out(user(99), Everywhere, at(1)).await.unwrap();
    db.store.opt_out(user(98), here(), at(1)).await.unwrap();
    db.store.request_forgetting(user(99), at(1)).await.unwrap();
    db.store.record_events(&[posted_by(98, 1, 990)], at(1)).await.unwrap();
}

/// Each activity in one line: `MESSAGE AUTHOR [deleted] [withheld]`.
async fn activities(db: &Db) -> Vec<String> {
    let query = "SELECT CAST(source_message_id AS text) || ' ' || COALESCE(CAST(author_id AS text), 'nobody') \
        || CASE WHEN content IS NULL THEN '' ELSE ' content' END \
        || CASE WHEN deleted THEN ' deleted' ELSE '' END \
        || CASE WHEN withheld THEN ' withheld' ELSE '' END AS text FROM activities ORDER BY source_message_id";
    db.texts(query).await
}

/// Withdraws everything that must be, as the background task does.
async fn withdraw_all(store: &Store) -> usize {
    let mut parts = 0;
    for removal in store.open_removals().await.unwrap() {
        store.pass_sources(removal.opt_out.scope).await.unwrap();
        let mut before = i64::MAX;
        while let Some(last) = store.remove_part(&removal, before, true).await.unwrap().activities.last() {
            (before, parts) = (*last, parts + 1);
        }
        store.mark_quotes_of(&removal).await.unwrap();
        store.end_removal(&removal).await.unwrap();
    }
    parts
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_somebody_posts_is_left_out_until_they_opt_in(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    assert!(db.store.opt_out(user(99), here(), at(1)).await.unwrap());
    assert!(!db.store.opt_out(user(99), here(), at(2)).await.unwrap(), "once is enough");
    let events = [posted_by(99, 1, 100), posted_by(98, 1, 101), edited(1, 100, "again")];
    let recorded = db.store.record_events(&events, at(3)).await.unwrap();
    assert_eq!((recorded.withheld, recorded.lanes), (1, vec![channel(2)]));
    assert_eq!(activities(&db).await, ["100 nobody deleted withheld", "101 98 content"]);
    assert_eq!(db.deliveries().await, ["2 due"]);
    assert_eq!(
        db.store.seen_message(channel(1)).await.unwrap(),
        Some(message(101)),
        "it is read all the same"
    );

    assert_eq!(db.store.opt_in(user(99), Everywhere, message(200)).await.unwrap(), 1);
    assert!(db.store.opt_outs_of(user(99)).await.unwrap().is_empty());
    // What they posted meanwhile may come late.
    let events = [posted_by(99, 1, 199), posted_by(99, 1, 201), edited(1, 100, "once more")];
    db.store.record_events(&events, at(4)).await.unwrap();
    assert_eq!(activities(&db).await[2..], ["199 nobody deleted withheld", "201 99 content"]);
    assert!(activities(&db).await[0].ends_with("deleted withheld"));
    assert_eq!(db.deliveries().await.len(), 2);
    assert!(db.store.opt_out(user(99), here(), at(5)).await.unwrap(), "it begins anew");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_server_is_not_everywhere(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let elsewhere = NewFollow { source_guild: guild(9), ..new_follow(5, 2) };
    db.store.insert_follow(&elsewhere, &relay(1_002), bot(at(0))).await.unwrap();
    let all = [posted_by(99, 1, 100), posted_by(99, 5, 101), posted_by(98, 1, 102)];
    db.store.record_events(&all, at(1)).await.unwrap();
    db.store.opt_out(user(99), here(), at(2)).await.unwrap();
    db.store.record_events(&[posted_by(99, 1, 103), posted_by(99, 5, 104)], at(3)).await.unwrap();
    // The source is still known to be the server's when nobody follows it any more.
    let gone = db
        .store
        .follow_by_pair(ChannelPair { source: channel(1), target: channel(2) })
        .await
        .unwrap()
        .unwrap();
    db.store.delete_follow(gone.guild, gone.id, bot(at(0))).await.unwrap();
    assert_eq!(withdraw_all(&db.store).await, 1);
    let expected = [
        "100 nobody deleted withheld",
        "101 99 content",
        "102 98 content",
        "103 nobody deleted withheld",
        "104 99 content",
    ];
    assert_eq!(activities(&db).await, expected);
    assert!(db.store.open_removals().await.unwrap().is_empty());
    let kept = db.store.author_totals(user(99)).await.unwrap();
    assert_eq!((kept.messages, kept.oldest, kept.contents), (2, Some(message(101)), 2));
    // Everywhere holds beside it, and ends both.
    db.store.opt_out(user(99), Everywhere, at(4)).await.unwrap();
    assert_eq!(withdraw_all(&db.store).await, 1);
    assert!(activities(&db).await.iter().all(|one| !one.contains(" 99")));
    assert_eq!(db.store.opt_in(user(99), here(), message(900)).await.unwrap(), 1);
    assert_eq!(db.store.opt_outs_of(user(99)).await.unwrap().len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_mirrored_is_withdrawn_and_what_was_due_is_not_sent(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let lease = claim(&db.store, 2).await;
    db.store.record_events(&[posted_by(99, 1, 100), posted_by(98, 1, 101)], at(1)).await.unwrap();
    assert_eq!(show_all(&db.store, &lease, 500).await, [100, 101]);
    db.store.record_events(&[posted_by(99, 1, 102), posted_by(98, 1, 103)], at(2)).await.unwrap();
    db.store.opt_out(user(99), Everywhere, at(3)).await.unwrap();
    let [removal] = db.store.open_removals().await.unwrap()[..] else { panic!("one") };
    // An edit that comes before that is no mirror's any more.
    let recorded = db.store.record_events(&[edited(1, 100, "again")], at(3)).await.unwrap();
    assert_eq!((recorded.withheld, recorded.changed), (1, 1));
    let unsent = db.store.remove_part(&removal, i64::MAX, false).await.unwrap();
    assert_eq!((unsent.activities.len(), unsent.lanes), (1, vec![channel(2)]));
    assert_eq!(withdraw_all(&db.store).await, 1, "its author was still known");
    let expected =
        ["100 nobody deleted withheld", "101 98 content", "102 nobody deleted withheld", "103 98 content"];
    assert_eq!(activities(&db).await, expected);
    let first = advance(&db.store, &lease, None, at(4)).await;
    let (Step::Delete(_), 100) = about(&first) else { panic!("{first:?}") };
    assert!(withdraw_all(&db.store).await == 0 && db.store.open_removals().await.unwrap().is_empty());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_is_quoted_who_opted_out(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    // 50 was posted before the follow: nothing is known of it but by its answer.
    let before = [
        posted_by(99, 1, 100),
        with_content(98, 1, 101, answer(101, 100, 99)),
        with_content(98, 1, 102, answer(102, 50, 99)),
    ];
    db.store.record_events(&before, at(1)).await.unwrap();
    db.store.opt_out(user(99), here(), at(2)).await.unwrap();
    withdraw_all(&db.store).await;
    let stale = db.store.stale_quotes(None, 10).await.unwrap();
    assert_eq!(stale.iter().map(|stale| stale.message).collect::<Vec<_>>(), [message(50), message(100)]);
    for (id, to) in [(101, 100), (102, 50), (103, 51), (104, 100)] {
        let event = with_content(98, 1, id, answer(id, to, 99));
        let SourceEvent::Posted { origin, source, content, .. } = event.clone() else { unreachable!() };
        let event =
            if id < 103 { SourceEvent::Edited { origin, source, author: None, content } } else { event };
        db.store.record_events(&[event], at(3)).await.unwrap();
        let sealed = content_of(&db, id).await;
        let reply = sealed.reply.unwrap();
        assert!(reply.author.is_none() && reply.text.is_empty() && !reply.unknown, "{id}: {reply:?}");
    }
    // A copy of it, as Discord makes it for a forward.
    let forward = crate::domain::message::Forward {
        message: Some(message(100)),
        text: "secret".to_owned(),
        ..Default::default()
    };
    let event = with_content(98, 1, 105, Content { forward: Some(forward), ..Content::default() });
    db.store.record_events(&[event], at(4)).await.unwrap();
    let shown = content_of(&db, 105).await;
    assert!(shown.forward.is_none() && shown.unshown == ["forwarded message"], "{shown:?}");
}

async fn content_of(db: &Db, id: u64) -> Content {
    #[derive(FromQueryResult)]
    struct Row {
        content: Vec<u8>,
    }
    let query = format!("SELECT content FROM activities WHERE source_message_id = {id}");
    let sealed = db.rows::<Row>(&query).await.pop().unwrap().content;
    db.store.cipher.open_content(origin(1, id), &sealed).unwrap().as_message().unwrap().clone()
}

/// Whatever is under way elsewhere while somebody opts out, nothing of theirs remains.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_amid_a_batch_of_another_process_holds(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for source in 1..4 {
        follow(&db.store, source, 10 + source).await;
    }
    let other = db.again().await;
    for round in 1..8_u64 {
        let author = 1_000 + round;
        let recording = async {
            for batch in 0..12_u64 {
                let ids = (0..9_u64).map(|one| round * 1_000 + batch * 10 + one);
                let events: Vec<_> = ids.map(|id| posted_by(author, 1 + id % 3, id)).collect();
                other.record_events(&events, at(1)).await.unwrap();
            }
        };
        let opting_out = async {
            db.store.opt_out(user(author), here(), at(2)).await.unwrap();
            withdraw_all(&db.store).await;
        };
        tokio::join!(recording, opting_out);
        let left = db.texts("SELECT CAST(COUNT(*) AS text) AS text FROM activities WHERE NOT deleted").await;
        assert_eq!(left, ["0"], "round {round}");
    }
    assert_eq!(db.texts("SELECT CAST(COUNT(*) AS text) AS text FROM activities").await, ["756"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_follow_begins_without_them(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let made = follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted_by(99, 1, 100), posted_by(98, 1, 101)], at(1)).await.unwrap();
    db.store.opt_out(user(99), here(), at(2)).await.unwrap();
    let other = follow(&db.store, 1, 3).await;
    let earlier = [posted_by(99, 1, 90), posted_by(98, 1, 91), posted_by(99, 1, 100), posted_by(98, 1, 101)];
    for follow in [&other, &made] {
        db.store.backfill(follow, &earlier, at(3)).await.unwrap();
    }
    let due = "SELECT CAST(a.source_message_id AS text) AS text FROM deliveries d JOIN activities a ON a.id = d.activity_id \
        WHERE d.target_channel_id = 3 ORDER BY 1";
    assert_eq!(db.texts(due).await, ["101", "91"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn asked_for_anew_meanwhile_it_is_not_done(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.opt_out(user(99), here(), at(1)).await.unwrap();
    let [removal] = db.store.open_removals().await.unwrap()[..] else { panic!("one") };
    db.store.opt_in(user(99), here(), message(50)).await.unwrap();
    db.store.record_events(&[posted_by(99, 1, 100)], at(2)).await.unwrap();
    db.store.opt_out(user(99), here(), at(3)).await.unwrap();
    db.store.end_removal(&removal).await.unwrap();
    assert_eq!(withdraw_all(&db.store).await, 1);
    assert_eq!(activities(&db).await, ["100 nobody deleted withheld"]);

    // Only what is older than the opting in goes.
    db.store.record_events(&[posted_by(98, 1, 101)], at(4)).await.unwrap();
    db.store.opt_out(user(98), Everywhere, at(5)).await.unwrap();
    db.store.opt_in(user(98), Everywhere, message(200)).await.unwrap();
    db.store.record_events(&[posted_by(98, 1, 201)], at(6)).await.unwrap();
    withdraw_all(&db.store).await;
    assert_eq!(activities(&db).await[1..], ["101 nobody deleted withheld", "201 98 content"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_is_forgotten_still_opts_out_and_old_opt_outs_go(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted_by(98, 1, 100)], at(1)).await.unwrap();
    db.store.opt_out(user(99), Everywhere, at(1)).await.unwrap();
    db.store.opt_out(user(98), here(), at(1)).await.unwrap();
    db.store.forget_user(user(98), true, at(2)).await.unwrap();
    assert_eq!(db.store.opt_outs_of(user(98)).await.unwrap().len(), 1);
    assert!(db.store.request_forgetting(user(98), at(3)).await.unwrap());
    assert!(!db.store.request_forgetting(user(98), at(4)).await.unwrap());
    assert!(db.store.author_totals(user(98)).await.unwrap().being_forgotten);
    let manners = |removals: Vec<Removal>| removals.iter().map(|one| one.manner).collect::<Vec<_>>();
    let open = db.store.open_removals().await.unwrap();
    assert_eq!(manners(open), [RemovalKind::Withhold, RemovalKind::Withhold, RemovalKind::MirrorsGo]);
    withdraw_all(&db.store).await;
    assert!(db.store.open_removals().await.unwrap().is_empty());

    db.store.opt_in(user(99), Everywhere, MessageId::first_at(at(10))).await.unwrap();
    let long = TimeDelta::days(92);
    db.store.forget_unused(at(5), long).await.unwrap();
    let rows = "SELECT CAST(user_id AS text) AS text FROM author_opt_outs ORDER BY user_id";
    assert_eq!(db.texts(rows).await, ["98", "99"]);
    db.store.forget_unused(at(20) + long, long).await.unwrap();
    assert_eq!(db.texts(rows).await, ["98"], "who wants it is never forgotten");
}
