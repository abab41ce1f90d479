//! Channels that follow collections: what has to catch up, what comes from which, what is told once.

use rstest::rstest;

use super::collections::{ada, add, make, own};
use super::retention::count;
use super::*;
use crate::domain::collection_follow::{
    CollectionFollow, CollectionFollowOptions, FollowGap, GapReason, PresentFollow,
};
use crate::domain::personal::CollectionId;
use crate::store::{CollectionFollowInserted, NewCollectionFollow};

fn wanted(collection: CollectionId, target: u64) -> NewCollectionFollow {
    let options = CollectionFollowOptions { tags: Some("bug".to_owned()), ..Default::default() };
    let (guild, target, created_by) = (guild(9), channel(target), UserId::new(701).unwrap());
    NewCollectionFollow { collection, guild, target, options, created_by }
}

async fn follow_collection(store: &Store, collection: CollectionId, target: u64) -> CollectionFollow {
    match store.insert_collection_follow(&wanted(collection, target), ada()).await.unwrap() {
        CollectionFollowInserted::Made(made) => made,
        other => panic!("{other:?}"),
    }
}

fn gap(id: u64, reason: GapReason) -> FollowGap {
    FollowGap { channel: channel(id), reason }
}

/// A follow in server 9 that comes from this one.
async fn collected(store: &Store, from: &CollectionFollow, source: u64) -> Follow {
    let new = NewFollow {
        guild: guild(9),
        source_guild: guild(9),
        collection_follow: Some(from.id),
        ..new_follow(source, from.target.get())
    };
    match store.insert_follow(&new, &relay(50), bot(at(1))).await.unwrap() {
        Inserted::Made(follow) => follow,
        other => panic!("{other:?}"),
    }
}

/// Something in each of these tables.
pub(super) async fn rows(db: &Db) {
    let made = make(&db.store, "Followed").await;
    add(&db.store, made.id, own(64)).await;
    let follow = follow_collection(&db.store, made.id, 65).await;
    collected(&db.store, &follow, 64).await;
    db.store.note_gaps(follow.id, &[gap(66, GapReason::Closed)], at(1)).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_change_has_to_be_caught_up_with(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let one = make(store, "One").await.id;
    let follow = follow_collection(store, one, 5).await;
    let twice = store.insert_collection_follow(&wanted(one, 5), ada()).await.unwrap();
    assert_eq!(twice, CollectionFollowInserted::AlreadyThere);
    let elsewhere = NewCollectionFollow { guild: guild(10), ..wanted(one, 6) };
    let elsewhere = store.insert_collection_follow(&elsewhere, ada()).await.unwrap();
    assert_eq!(elsewhere, CollectionFollowInserted::NoCollection, "of another server");
    let late = async || store.targets_out_of_step(false).await.unwrap().len();
    let seen = async || store.collection_follows_into(channel(5)).await.unwrap().remove(0);
    assert_eq!((seen().await, late().await), (follow.clone(), 1));
    store.note_synced(&follow).await.unwrap();
    assert_eq!(late().await, 0);
    let before = seen().await;
    add(store, one, own(61)).await;
    assert_eq!(late().await, 1);
    store.note_synced(&before).await.unwrap();
    assert_eq!(late().await, 1, "what changed meanwhile isn't done");
    store.note_synced(&seen().await).await.unwrap();
    add(store, one, own(61)).await;
    assert_eq!(late().await, 0, "nothing has changed");
    store.drop_deleted_channel(channel(61), bot(at(2))).await.unwrap();
    assert_eq!(late().await, 1);
    store.note_synced(&seen().await).await.unwrap();
    // A follow that was made by hand ends: the collection may have its channel.
    let by_hand = NewFollow { guild: guild(9), source_guild: guild(9), ..new_follow(62, 5) };
    let Inserted::Made(by_hand) = store.insert_follow(&by_hand, &relay(50), bot(at(2))).await.unwrap() else {
        panic!("it is made");
    };
    assert_eq!(late().await, 0);
    store.delete_follow(guild(9), by_hand.id, bot(at(3))).await.unwrap();
    assert_eq!(late().await, 1);
    store.note_synced(&seen().await).await.unwrap();

    collected(store, &follow, 61).await;
    assert!(store.delete_collection(guild(9), one, ada()).await.unwrap());
    let ended = seen().await;
    assert_eq!((ended.collection, late().await), (None, 1));
    store.note_synced(&ended).await.unwrap();
    assert_eq!(late().await, 1, "something is left of it");
    let rest = store.present_follows(channel(5)).await.unwrap().remove(0);
    assert_eq!(rest, PresentFollow { id: rest.id, source: channel(61), from: Some(follow.id) });
    store.delete_collected_follow(guild(9), rest.id, follow.id, bot(at(4))).await.unwrap().unwrap();
    store.note_synced(&ended).await.unwrap();
    assert_eq!((late().await, count(&db, "collection_follows").await), (0, 0));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_made_by_hand_does_not_end_with_the_collection(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let one = make(store, "One").await.id;
    let (first, second) = (follow_collection(store, one, 5).await, follow_collection(store, one, 6).await);
    let row = collected(store, &first, 61).await;
    assert_eq!(row.collection_follow, Some(first.id));
    let stamp = by(UserId::new(77).unwrap(), guild(9)).at(at(2));
    let pass = async |from: &CollectionFollow, to: Option<&CollectionFollow>| {
        let to = to.map(|to| to.id);
        store.pass_follow(guild(9), row.id, from.id, to, stamp).await.unwrap()
    };
    assert_eq!(pass(&second, None).await, None, "it doesn't come from that one");
    let passed = pass(&first, Some(&second)).await.unwrap();
    assert_eq!((passed.collection_follow, passed.created_by), (Some(second.id), row.created_by));
    let counts = store.collected_follow_counts(&[first.id, second.id]).await.unwrap();
    assert_eq!((counts.get(&first.id), counts.get(&second.id)), (None, Some(&1)));
    let own = pass(&second, None).await.unwrap();
    assert_eq!((own.collection_follow, own.created_by), (None, UserId::new(77).ok()));
    let ended = store.delete_collected_follow(guild(9), row.id, second.id, stamp).await.unwrap();
    assert!(ended.is_none(), "it is theirs now");
    assert_eq!(count(&db, "channel_follows").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_gap_is_told_once_and_closes(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let one = make(store, "One").await.id;
    for id in [61, 62, 63] {
        add(store, one, own(id)).await;
    }
    let follow = follow_collection(store, one, 5).await;
    let (closed, private) = (gap(61, GapReason::Closed), gap(62, GapReason::Confirmation));
    store.note_gaps(follow.id, &[closed, private], at(10)).await.unwrap();
    assert_eq!(store.take_untold_gaps(at(11)).await.unwrap(), [], "not at once");
    let told = store.take_untold_gaps(at(60)).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].gaps.clone(), told[0].target), (vec![(closed, true), (private, true)], channel(5)));
    store.note_gaps(follow.id, &[closed, private], at(70)).await.unwrap();
    assert_eq!(store.take_untold_gaps(at(200)).await.unwrap(), [], "once");
    // Another reason is news; what isn't a gap any more is forgotten.
    store.note_gaps(follow.id, &[gap(61, GapReason::Limit)], at(210)).await.unwrap();
    let told = store.take_untold_gaps(at(300)).await.unwrap();
    assert_eq!(told[0].gaps, [(gap(61, GapReason::Limit), true)]);
    let gaps = async || store.gaps_of(&[follow.id]).await.unwrap().remove(&follow.id).unwrap_or_default();
    assert_eq!(gaps().await, [gap(61, GapReason::Limit)]);
    let by_hand = NewFollow { guild: guild(9), source_guild: guild(9), ..new_follow(61, 5) };
    store.insert_follow(&by_hand, &relay(50), bot(at(2))).await.unwrap();
    assert_eq!(gaps().await, [], "it is followed after all");
    store.note_gaps(follow.id, &[private], at(310)).await.unwrap();
    store.note_gaps_told(follow.id).await.unwrap();
    assert_eq!(store.take_untold_gaps(at(400)).await.unwrap(), [], "an answer told it");

    store.forget_user(UserId::new(701).unwrap(), false, at(4)).await.unwrap();
    assert_eq!(store.collection_follow(guild(9), follow.id).await.unwrap().unwrap().created_by, None);
    store.forget_guild(guild(9), at(5)).await.unwrap();
    for table in ["collection_follows", "collection_follow_gaps"] {
        assert_eq!(count(&db, table).await, 0, "{table}");
    }
}
