//! What quotes edited and deleted messages, until that is brought up to date.

use rstest::rstest;

use super::*;
use crate::domain::activity::Revision;
use crate::domain::message::Reply;

/// Message `id` of a source answers another, which says this.
fn answering(source: u64, id: u64, to: u64, quoted: &str) -> Content {
    let reply = Reply {
        channel: channel(source),
        message: message(to),
        link: String::new(),
        author: Some("Bob".to_owned()),
        author_id: None,
        written_by: None,
        unknown: false,
        published: false,
        text: quoted.to_owned(),
    };
    Content { reply: Some(reply), ..content(&format!("answer {id}")) }
}

fn answer(source: u64, id: u64, to: u64) -> SourceEvent {
    let SourceEvent::Posted { origin, source: of, author, .. } = posted(source, id) else { unreachable!() };
    SourceEvent::Posted { origin, source: of, author, content: answering(source, id, to, "secret").into() }
}

/// A row of each kind.
pub(super) async fn stale(db: &Db) {
    db.store.record_events(&[posted(1, 900), answer(1, 901, 900)], at(1)).await.unwrap();
    db.store.record_events(&[deleted(1, 900)], at(1)).await.unwrap();
}

async fn reply_of(db: &Db, id: u64) -> Reply {
    let stale = db.store.stale_quotes(None, 10).await.unwrap();
    let quoting = db.store.quoting(&stale[0], 100).await.unwrap();
    let one = quoting.into_iter().find(|one| one.origin == origin(1, id)).unwrap();
    one.content.unwrap().reply.unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn only_what_is_quoted_is_noted_and_in_one_row(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let answers = (0..50).map(|n| answer(1, 100 + n, 10));
    let events: Vec<_> = [posted(1, 10), posted(1, 11)].into_iter().chain(answers).collect();
    assert!(!db.store.record_events(&events, at(0)).await.unwrap().quoted);
    let same = edited(1, 10, "first");
    assert!(!db.store.record_events(&[same], at(1)).await.unwrap().quoted, "it shows nothing new");
    assert!(!db.store.record_events(&[deleted(1, 11)], at(1)).await.unwrap().quoted);
    assert!(db.store.stale_quotes(None, 10).await.unwrap().is_empty());

    assert!(db.store.record_events(&[edited(1, 10, "second")], at(2)).await.unwrap().quoted);
    let stale = db.store.stale_quotes(None, 10).await.unwrap();
    assert_eq!((stale.len(), stale[0].message, stale[0].source), (1, message(10), channel(1)));
    let first = db.store.quoting(&stale[0], 20).await.unwrap();
    assert_eq!((first.len(), first[0].origin), (20, origin(1, 100)));
    db.store.quotes_done(&stale[0], Some(first[19].id)).await.unwrap();
    let next = db.store.stale_quotes(None, 10).await.unwrap()[0];
    assert_eq!(db.store.quoting(&next, 100).await.unwrap().len(), 30);

    // Changed once more meanwhile: it begins anew, and whoever was at it ends nothing.
    db.store.record_events(&[deleted(1, 10)], at(3)).await.unwrap();
    db.store.quotes_done(&next, None).await.unwrap();
    let again = db.store.stale_quotes(None, 10).await.unwrap()[0];
    assert_eq!(db.store.quoting(&again, 100).await.unwrap().len(), 50);
    assert!(db.store.is_known_deleted(message(10)).await.unwrap());
    db.store.quotes_done(&again, None).await.unwrap();
    assert!(db.store.stale_quotes(None, 10).await.unwrap().is_empty());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_deleted_is_quoted_by_nothing_that_is_written_down(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10), answer(1, 11, 10)], at(0)).await.unwrap();
    db.store.record_events(&[deleted(1, 10), answer(1, 12, 10)], at(1)).await.unwrap();
    // What was on its way when it was read quotes it still; the next writes it without.
    let reread = |revision| SourceEvent::Reread {
        origin: origin(1, 11),
        source: channel(1),
        author: None,
        revision: Revision(revision),
        content: answering(1, 11, 10, "secret").into(),
    };
    let recorded = db.store.record_events(&[reread(7)], at(2)).await.unwrap();
    assert_eq!(recorded.changed, 0, "another revision was known meanwhile");
    let recorded = db.store.record_events(&[reread(1)], at(2)).await.unwrap();
    assert_eq!(recorded.changed, 1);
    let reply = reply_of(&db, 11).await;
    assert_eq!((reply.author, reply.text.as_str(), reply.unknown), (None, "", false));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_is_forgotten_in_what_is_kept_of_answers_too(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let SourceEvent::Posted { origin, source, content, .. } = answer(1, 11, 10) else { unreachable!() };
    let by_another = SourceEvent::Posted { origin, source, author: UserId::new(98).ok(), content };
    db.store.record_events(&[posted(1, 10), by_another], at(0)).await.unwrap();
    db.store.forget_user(UserId::new(99).unwrap(), false, at(1)).await.unwrap();
    assert!(db.store.stale_quotes(None, 10).await.unwrap().is_empty(), "the mirrors stay as they are");
    // Looked up as if it had been deleted since.
    db.store.record_events(&[deleted(1, 10)], at(2)).await.unwrap();
    let reply = reply_of(&db, 11).await;
    assert_eq!((reply.author, reply.text.as_str()), (None, ""));
}
