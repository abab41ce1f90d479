//! Threads and forums as targets: where an answer goes, what a doubt is looked for after, and who shares a
//! webhook.

use rstest::rstest;

use super::*;
use crate::domain::activity::DeliveryEnding;
use crate::domain::follow::BrokenReason;
use crate::domain::message::InThread;
use crate::domain::place::SourcePlace;
use crate::store::BreakWhich;

const FORUM: u64 = 2;

/// A follow of everything in source 1 and its threads.
async fn follow_all(store: &Store, target: u64, target_kind: TargetKind) {
    let mut new = new_follow(1, target);
    (new.options.threads, new.target_kind) = (ThreadScope::All, target_kind);
    store.insert_follow(&new, &relay(1_000), bot(at(0))).await.unwrap();
}

fn posted_in(thread: u64, id: u64, place: SourcePlace) -> SourceEvent {
    let thread_of = InThread {
        thread: channel(thread),
        title: "A post".to_owned(),
        owner: None,
        title_withheld: false,
        tags: vec![],
        place,
        link: String::new(),
    };
    let content = Content { thread: Some(thread_of), ..content("first") };
    SourceEvent::Posted {
        origin: origin(thread, id),
        source: channel(1),
        author: None,
        content: content.into(),
    }
}

/// Records this, and answers with the create that the lane then makes.
async fn create_of(store: &Store, lease: &Lease, event: SourceEvent) -> Box<Work> {
    store.record_events(&[event], at(1)).await.unwrap();
    match advance(store, lease, None, at(2)).await {
        NextAction::Do { step: Step::Create(_), work } => work,
        other => panic!("no create: {other:?}"),
    }
}

/// The create made this message there; nothing more is to be done.
async fn shown(store: &Store, lease: &Lease, work: &Work, channel: u64, id: u64) {
    let done = created(work.in_flight.unwrap(), channel, id);
    assert_eq!(advance(store, lease, Some(done), at(3)).await, NextAction::Idle);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn answers_go_under_their_post(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow_all(store, FORUM, TargetKind::Forum).await;
    let lease = claim(store, FORUM).await;
    assert_eq!(lease.target_kind, TargetKind::Forum);

    // A post of a forum, and its answers.
    let work = create_of(store, &lease, posted_in(30, 30, SourcePlace::Starter)).await;
    assert_eq!((work.channel(), work.place), (None, SourcePlace::Starter));
    shown(store, &lease, &work, 500, 500).await;
    let work = create_of(store, &lease, posted_in(30, 31, SourcePlace::Answer)).await;
    assert_eq!(work.channel(), Some(channel(500)));
    assert_eq!(work.surroundings.starter, Some((channel(500), message(500))));
    assert_eq!(work.in_flight.unwrap().after, message(500));
    shown(store, &lease, &work, 500, 501).await;

    // A thread that was started from a message.
    let work = create_of(store, &lease, posted(1, 40)).await;
    assert_eq!(
        (work.channel(), work.in_flight.unwrap().after),
        (None, message(501)),
        "newer than all it made"
    );
    shown(store, &lease, &work, 510, 510).await;
    let work = create_of(store, &lease, posted_in(40, 41, SourcePlace::Answer)).await;
    assert_eq!(work.channel(), Some(channel(510)));
    shown(store, &lease, &work, 510, 511).await;

    // One whose beginning nobody has seen: the first answer begins a post, the next goes under it.
    let work = create_of(store, &lease, posted_in(50, 51, SourcePlace::Answer)).await;
    assert_eq!((work.channel(), work.surroundings.post_removed), (None, false));
    shown(store, &lease, &work, 520, 520).await;
    let work = create_of(store, &lease, posted_in(50, 52, SourcePlace::Answer)).await;
    assert_eq!((work.channel(), work.surroundings.starter), (Some(channel(520)), None));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_post_that_was_removed_by_hand_is_not_begun_again(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow_all(store, FORUM, TargetKind::Forum).await;
    let lease = claim(store, FORUM).await;
    for (thread, id) in [(30, 500), (40, 510)] {
        let work = create_of(store, &lease, posted_in(thread, thread, SourcePlace::Starter)).await;
        shown(store, &lease, &work, id, id).await;
    }
    // By hand: an edit finds nothing to edit.
    let edit = SourceEvent::Edited {
        origin: origin(30, 30),
        source: channel(1),
        author: None,
        content: Content { text: "new".to_owned(), ..thread_content(30) }.into(),
    };
    store.record_events(&[edit, deleted(40, 40)], at(4)).await.unwrap();
    let mut done = None;
    while let NextAction::Do { work, .. } = advance(store, &lease, done.take(), at(5)).await {
        done = Some(StepResult::Deleted { delivery: work.delivery.id, message: work.mirrors[0].message });
    }
    let work = create_of(store, &lease, posted_in(30, 31, SourcePlace::Answer)).await;
    assert_eq!((work.channel(), work.surroundings.post_removed), (None, true));
    let ended = StepResult::Ended { delivery: work.delivery.id, ending: DeliveryEnding::Withdrawn };
    assert_eq!(advance(store, &lease, Some(ended), at(6)).await, NextAction::Idle);
    // At the source: what is still said there begins a post of its own.
    let work = create_of(store, &lease, posted_in(40, 41, SourcePlace::Answer)).await;
    assert_eq!((work.channel(), work.surroundings.post_removed), (None, false));
}

fn thread_content(thread: u64) -> Content {
    match posted_in(thread, thread, SourcePlace::Starter) {
        SourceEvent::Posted { content, .. } => content.as_message().unwrap().clone(),
        _ => unreachable!(),
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_deleted_answer_in_doubt_is_still_looked_for_in_its_post(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    follow_all(store, FORUM, TargetKind::Forum).await;
    let lease = claim(store, FORUM).await;
    let work = create_of(store, &lease, posted_in(30, 30, SourcePlace::Starter)).await;
    shown(store, &lease, &work, 500, 500).await;
    create_of(store, &lease, posted_in(30, 31, SourcePlace::Answer)).await;
    store.record_events(&[deleted(30, 31)], at(4)).await.unwrap();
    match advance(store, &lease, None, at(5)).await {
        NextAction::Do { step: Step::Settle(_), work } => assert_eq!(work.channel(), Some(channel(500))),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn elsewhere_an_answer_knows_where_its_thread_begins(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let target_kind = TargetKind::Thread { parent: channel(9) };
    follow_all(store, 3, target_kind).await;
    let lease = claim(store, 3).await;
    assert_eq!(lease.target_kind, target_kind);
    let work = create_of(store, &lease, posted_in(30, 29, SourcePlace::Starter)).await;
    shown(store, &lease, &work, 3, 500).await;
    let work = create_of(store, &lease, posted_in(30, 31, SourcePlace::Answer)).await;
    assert_eq!(work.channel(), Some(channel(3)));
    assert_eq!(work.surroundings.starter, Some((channel(3), message(500))));
    assert!(!work.surroundings.of_thread);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_channel_and_its_threads_share_a_webhook(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let thread = TargetKind::Thread { parent: channel(2) };
    let mut follows = Vec::new();
    for (target, target_kind) in [(2, TargetKind::Channel), (20, thread), (21, thread)] {
        let new = NewFollow { target_kind, ..new_follow(1, target) };
        let Inserted::Made(follow) =
            store.insert_follow(&new, &relay(100 + target), bot(at(0))).await.unwrap()
        else {
            panic!("it is there")
        };
        assert_eq!(follow.webhook, Some(webhook_id(102)), "the first one's");
        follows.push(follow);
    }
    assert_eq!(store.follows_through(channel(2), 9).await.unwrap().len(), 3);
    assert_eq!(store.replace_webhook(channel(2), &webhook(200), at(1)).await.unwrap(), 3);
    for target in [2, 20, 21] {
        let known = store.lane_webhook(channel(target)).await.unwrap().unwrap();
        assert_eq!((known.webhook.id, known.panels_only), (webhook_id(200), false));
    }
    assert_eq!(store.webhook_of(channel(2)).await.unwrap().unwrap().id, webhook_id(200));

    let broken =
        store.break_follows(BreakWhich::RelayInto(channel(20)), BrokenReason::TargetForbidden, bot(at(2)));
    assert_eq!(broken.await.unwrap().len(), 1);
    for (follow, needed) in follows.iter().zip([true, true, false]) {
        let removed = store.delete_follow(guild(HOME), follow.id, bot(at(0))).await.unwrap().unwrap();
        assert_eq!(removed.webhook_still_needed, needed);
        assert_eq!(store.webhook_in_use(channel(2), webhook_id(200)).await.unwrap(), needed);
    }
}
