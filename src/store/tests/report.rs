//! What became of a message in its source's followers: one by one, and counted.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::domain::activity::Revision;
use crate::domain::follow::{BrokenReason, FollowId};
use crate::domain::place::SourcePlace;
use crate::domain::report::{DeliveryVerdict, LeftOut, MessageCondition, WaitReason, verdict, wait_reason};
use crate::domain::retry::AttemptFailure;
use crate::store::{BreakWhich, MessageFacts, MessageInFollower};

const POSTED: MessageCondition =
    MessageCondition { panel: false, recorded: true, deleted: false, withheld: false, published: false };
const UNRECORDED: MessageCondition = MessageCondition { recorded: false, ..POSTED };

/// A message of the channel 1 that nobody wrote down.
fn unrecorded(id: u64) -> MessageFacts {
    MessageFacts {
        activity: None,
        origin: origin(1, id),
        source: channel(1),
        thread: None,
        place: SourcePlace::Source,
        revision: Revision(1),
        deleted: false,
        withheld: false,
        author: None,
        tags: Vec::new(),
    }
}

/// A message's number at a time that is so many seconds after that of the first follows.
fn posted_at(seconds: i64) -> u64 {
    MessageId::first_at(at(seconds)).get()
}

/// Each follower's target and verdict, after the check that the counts say the same.
async fn verdicts(db: &Db, asked: &MessageFacts, subject: MessageCondition) -> Vec<(u64, DeliveryVerdict)> {
    let one_by_one = db.store.followers_with_facts(asked, guild(HOME), 100).await.unwrap();
    let of = |one: &MessageInFollower| (one.follow.pair.target.get(), verdict(subject, &one.facts));
    let mut counted: BTreeMap<DeliveryVerdict, u64> = BTreeMap::new();
    for (facts, count) in db.store.count_followers_by_facts(asked).await.unwrap() {
        *counted.entry(verdict(subject, &facts)).or_default() += count;
    }
    for one in &one_by_one {
        *counted.get_mut(&of(one).1).expect("it is counted") -= 1;
    }
    assert!(counted.values().all(|left| *left == 0), "{counted:?}");
    let mut verdicts: Vec<_> = one_by_one.iter().map(of).collect();
    verdicts.sort_unstable();
    verdicts
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn counts_say_what_the_lines_say(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    for target in 10..14 {
        follow(store, 1, target).await;
    }
    let mut only = new_follow(1, 14);
    only.options.filter = TagFilter::Only(tag_set("bug"));
    store.insert_follow(&only, &relay(1_014), bot(at(0))).await.unwrap();
    let mut native = new_follow(1, 15);
    native.options.delivery = DeliveryMethod::Native;
    store.insert_follow(&native, &FollowWebhook::Native(webhook_id(1_015)), bot(at(0))).await.unwrap();
    store.insert_follow(&new_follow(1, 16), &relay(1_016), bot(at(100))).await.unwrap();
    let ids: BTreeMap<u64, FollowId> = store
        .followers_of(channel(1), crate::domain::paging::Cursor::Newest, 100)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|follow| (follow.pair.target.get(), follow.id))
        .collect();
    store.pause_follow(guild(HOME), ids[&11], bot(at(1))).await.unwrap();
    store.pause_follow(guild(HOME), ids[&16], bot(at(101))).await.unwrap();
    let id = posted_at(50);
    store.record_events(&[posted(1, id)], at(51)).await.unwrap();
    assert_eq!(show_all(store, &claim(store, 10).await, id + 1).await, [id]);
    store
        .break_follows(BreakWhich::Follow(ids[&12]), BrokenReason::WebhookDeleted, bot(at(60)))
        .await
        .unwrap();

    let asked = store.message_facts(channel(1), message(id)).await.unwrap().expect("it is recorded");
    let expected = [
        (10, DeliveryVerdict::Shown),
        (11, DeliveryVerdict::Paused),
        (12, DeliveryVerdict::Broken(BrokenReason::WebhookDeleted)),
        (13, DeliveryVerdict::Waiting),
        (14, DeliveryVerdict::LeftOut(LeftOut::Tags)),
        (15, DeliveryVerdict::Unpublished),
        (16, DeliveryVerdict::Before),
    ];
    assert_eq!(verdicts(&db, &asked, POSTED).await, expected);
    let shown = store.in_follow(&asked, ids[&10]).await.unwrap().unwrap();
    assert_eq!(shown.mirrors[0].message, message(id + 1));
    assert_eq!(store.message_facts_by_id(asked.activity.unwrap()).await.unwrap(), Some(asked.clone()));
    assert_eq!(store.newest_message_facts(channel(1), 10).await.unwrap(), std::slice::from_ref(&asked));
    // Nobody knows what tags a message has that was not recorded.
    let unknown = verdicts(&db, &unrecorded(id + 5), UNRECORDED).await;
    assert_eq!((unknown[0], unknown[4]), ((10, DeliveryVerdict::Unknown), (14, DeliveryVerdict::Unknown)));
    // An edit, a deletion, and the end of a follow.
    store.record_events(&[edited(1, id, "second")], at(70)).await.unwrap();
    let asked = store.message_facts(channel(1), message(id)).await.unwrap().unwrap();
    assert_eq!(verdicts(&db, &asked, POSTED).await[0], (10, DeliveryVerdict::Updating));
    store.delete_follow(guild(HOME), ids[&10], bot(at(0))).await.unwrap();
    assert_eq!(store.count_former_followers(&asked).await.unwrap(), 1);
    assert_eq!(verdicts(&db, &asked, POSTED).await.len(), 6);
    follow(store, 1, 10).await;
    assert_eq!(store.count_former_followers(&asked).await.unwrap(), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_own_server_comes_first(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for (target, server) in [(10, HOME), (11, 5), (12, HOME), (13, 5)] {
        let new = NewFollow { guild: guild(server), ..new_follow(1, target) };
        db.store.insert_follow(&new, &relay(target + 1_000), bot(at(0))).await.unwrap();
    }
    let found = db.store.followers_with_facts(&unrecorded(posted_at(9)), guild(HOME), 3).await.unwrap();
    let targets: Vec<u64> = found.iter().map(|one| one.follow.pair.target.get()).collect();
    assert_eq!(targets, [12, 10, 13]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_turn_is_told(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let follow = follow(&db.store, 1, 10).await;
    let ids = [posted_at(10), posted_at(20), posted_at(30)];
    db.store.record_events(&ids.map(|id| posted(1, id)), at(31)).await.unwrap();
    let lease = claim(&db.store, 10).await;
    let next = advance(&db.store, &lease, None, at(32)).await;
    let why = async |id: u64| {
        let asked = db.store.message_facts(channel(1), message(id)).await.unwrap().unwrap();
        let here = db.store.in_follow(&asked, follow.id).await.unwrap().unwrap();
        assert_eq!(verdict(POSTED, &here.facts), DeliveryVerdict::Waiting);
        wait_reason(here.turn, at(33))
    };
    assert_eq!((why(ids[0]).await, why(ids[2]).await), (WaitReason::Sending, WaitReason::Behind(2, None)));
    let (in_flight, _) = create(&next);
    let failed = StepResult::Failed { delivery: in_flight.delivery, failure: AttemptFailure::NotSent };
    advance(&db.store, &lease, Some(failed), at(34)).await;
    assert!(matches!(why(ids[0]).await, WaitReason::Failed(1, Some(_))));
    assert!(matches!(why(ids[1]).await, WaitReason::Behind(1, Some(_))));
}
