//! Collections: names, channels, what goes with them; and what comes through them into feeds.

use rstest::rstest;
use serde_json::json;

use super::personal::{candidates, edit, everything, feed, in_server, know};
use super::retention::count;
use super::*;
use crate::domain::audit::AuditAction;
use crate::domain::collection::{
    CollectedChannel, Collection, CollectionDescription, CollectionName, CollectionOptions,
};
use crate::domain::feed::FeedFilter;
use crate::domain::personal::{CollectionId, Followee};
use crate::store::{
    AuditFilter, CollectedAs, CollectionConflict, CollectionCounts, PersonalEdit, PersonalEdited,
};

const ADA: u64 = 701;

pub(super) fn ada() -> ChangeStamp {
    by(UserId::new(ADA).unwrap(), guild(9)).at(at(1))
}

fn named(name: &str) -> CollectionOptions {
    CollectionOptions { name: CollectionName::new(name).unwrap(), description: None, open: false }
}

pub(super) async fn make(store: &Store, name: &str) -> Collection {
    store.insert_collection(guild(9), &named(name), ada()).await.unwrap().unwrap()
}

pub(super) fn own(id: u64) -> CollectedChannel {
    CollectedChannel { channel: channel(id), guild: guild(9), parent: None, threads: false }
}

pub(super) async fn add(store: &Store, id: CollectionId, collected: CollectedChannel) -> CollectedAs {
    store.collect_channel(guild(9), id, collected, ada()).await.unwrap()
}

/// Something in each of these tables.
pub(super) async fn rows(db: &Db) {
    let description = CollectionDescription::new("What we make").unwrap();
    let options = CollectionOptions { description, open: true, ..named("Größe") };
    let made = db.store.insert_collection(guild(9), &options, ada()).await.unwrap().unwrap();
    add(&db.store, made.id, own(61)).await;
    let thread = CollectedChannel { parent: Some(channel(62)), ..own(63) };
    add(&db.store, made.id, CollectedChannel { guild: guild(10), ..thread }).await;
    know(&db.store, 604).await;
    let follow = edit(&db.store, 604, Followee::Collection(made.id), everything()).await;
    assert!(matches!(follow, PersonalEdited::Made(_)), "{follow:?}");
}

/// What the audit of the server says, oldest first.
async fn audit(db: &Db) -> Vec<(AuditAction, serde_json::Value)> {
    let mut all = db.store.audit_of(guild(9), AuditFilter::default(), None, 100).await.unwrap();
    all.reverse();
    all.into_iter().map(|record| (record.entry.action, record.entry.detail)).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_collection_is_made_changed_and_deleted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let made = make(store, "Größe").await;
    assert_eq!(made.created_by.map(UserId::get), Some(ADA));
    let taken = store.insert_collection(guild(9), &named("GRÖSSE"), ada()).await.unwrap();
    assert!(taken.is_ok(), "these differ in lower case");
    for name in ["GRÖßE", "größe"] {
        let taken = store.insert_collection(guild(9), &named(name), ada()).await.unwrap();
        assert_eq!(taken, Err(CollectionConflict::NameTaken), "{name}");
    }
    assert!(store.insert_collection(guild(10), &named("größe"), ada()).await.unwrap().is_ok());

    let rename = |name: &'static str| move |_: CollectionOptions| named(name);
    let taken = store.edit_collection(guild(9), made.id, ada(), rename("Grösse")).await.unwrap();
    assert_eq!(taken, Some(Err(CollectionConflict::NameTaken)));
    let edited = store.edit_collection(guild(9), made.id, ada(), rename("GRÖßE")).await.unwrap();
    assert_eq!(edited.unwrap().unwrap().options.name.as_str(), "GRÖßE", "its own name is free for it");
    let same = store.edit_collection(guild(9), made.id, ada(), rename("GRÖßE")).await.unwrap();
    assert!(same.unwrap().is_ok());
    assert_eq!(store.edit_collection(guild(10), made.id, ada(), rename("x")).await.unwrap(), None);

    assert_eq!(add(store, made.id, own(61)).await, CollectedAs::Added);
    assert_eq!(add(store, made.id, own(61)).await, CollectedAs::AlreadyThere);
    let elsewhere = store.collect_channel(guild(10), made.id, own(62), ada()).await.unwrap();
    assert_eq!(elsewhere, CollectedAs::NoCollection);
    let listed = store.collections_of(guild(9)).await.unwrap();
    let counts = |channels| CollectionCounts { channels, followers: 0 };
    let listed: Vec<_> = listed.into_iter().map(|(one, counts)| (one.options.name.key(), counts)).collect();
    assert_eq!(listed, [("grösse".to_owned(), counts(0)), ("größe".to_owned(), counts(1))]);
    let drop = |id: u64| store.drop_collected(guild(9), made.id, channel(id), ada());
    assert_eq!((drop(62).await.unwrap(), drop(61).await.unwrap()), (Some(false), Some(true)));
    assert!(!store.delete_collection(guild(10), made.id, ada()).await.unwrap());
    assert!(store.delete_collection(guild(9), made.id, ada()).await.unwrap());
    assert_eq!(drop(61).await.unwrap(), None);

    let expected = [
        (AuditAction::CollectionCreated, json!({})),
        (AuditAction::CollectionCreated, json!({})),
        (AuditAction::CollectionChanged, json!({ "changed": ["name"] })),
        (AuditAction::CollectionChannelAdded, json!({ "channel": "61" })),
        (AuditAction::CollectionChannelRemoved, json!({ "channel": "61" })),
        (AuditAction::CollectionDeleted, json!({})),
    ];
    assert_eq!(audit(&db).await, expected, "and nothing of what was refused or is in another server");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_many_at_once_none_exceeds_a_bound(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    for number in 0..98 {
        make(store, &format!("c{number}")).await;
    }
    let last = (0..6).map(async |number| {
        store.insert_collection(guild(9), &named(&format!("d{}", number / 2)), ada()).await.unwrap()
    });
    let made = futures_util::future::join_all(last).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 2, "{made:?}");
    assert_eq!(count(&db, "collections").await, 100);
    let id = store.collections_of(guild(9)).await.unwrap()[0].0.id;
    for channel in 1..=48 {
        assert_eq!(add(store, id, own(channel)).await, CollectedAs::Added);
    }
    let last = (49..=54).map(async |channel| add(store, id, own(channel)).await);
    let added = futures_util::future::join_all(last).await;
    assert_eq!(added.iter().filter(|added| **added == CollectedAs::Added).count(), 2, "{added:?}");
    assert_eq!(add(store, id, own(1)).await, CollectedAs::AlreadyThere, "also when it is full");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_posted_in_its_channels_comes_to_its_followers_once(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    for id in [601, 602, 603] {
        know(store, id).await;
    }
    let (one, other) = (make(store, "One").await.id, make(store, "Other").await.id);
    for (id, collected) in [(one, 61), (one, 62), (other, 61)] {
        add(store, id, own(collected)).await;
    }
    store.record_events(&[in_server(61, 90)], at(1)).await.unwrap();
    assert_eq!(count(&db, "activities").await, 0, "nobody follows it, and nothing is kept of it");
    assert!(!store.is_read(channel(61)).await.unwrap());
    assert!(store.followed_sources().await.unwrap().is_empty());

    for id in [one, other] {
        edit(store, 601, Followee::Collection(id), everything()).await;
    }
    edit(store, 601, Followee::Channel(channel(61)), everything()).await;
    edit(store, 602, Followee::Collection(one), everything()).await;
    assert!(store.is_read(channel(62)).await.unwrap());
    let sources: std::collections::BTreeSet<_> =
        store.followed_sources().await.unwrap().iter().map(|one| (one.guild, one.channel)).collect();
    assert_eq!(sources, [(guild(9), channel(61)), (guild(9), channel(62))].into());

    // How far it was read stays known, however long nobody posts there.
    for id in [61, 62, 63] {
        store.move_seen_message(channel(id), message(5)).await.unwrap();
    }
    assert_eq!(store.forget_unread_channels(message(80)).await.unwrap(), 1);
    assert_eq!(store.seen_message(channel(62)).await.unwrap(), Some(message(5)));

    let batch = [in_server(61, 100), in_server(62, 101), in_server(63, 102)];
    for _ in 0..2 {
        store.record_events(&batch, at(2)).await.unwrap();
    }
    let all = FeedFilter::default();
    assert_eq!(feed(&db, 601, &all).await, [101, 100], "once, however many ways it comes");
    assert_eq!(feed(&db, 602, &all).await, Vec::<u64>::new(), "not what one wrote oneself");
    assert_eq!(count(&db, "feed_items").await, 2);
    let found = candidates(&db, 601, &all).await;
    assert_eq!((found[0].because.len(), found[1].because.len()), (1, 3));
    for (collection, expected) in [(one, vec![101, 100]), (other, vec![100]), (CollectionId(999), vec![])] {
        let only = FeedFilter { collection: Some(collection), ..all.clone() };
        assert_eq!(feed(&db, 601, &only).await, expected, "{collection:?}");
    }

    // A new follow begins with what its channels have.
    edit(store, 603, Followee::Collection(one), everything()).await;
    assert_eq!(feed(&db, 603, &all).await, [101, 100]);
    // What is taken out isn't shown any more, at once.
    store.drop_collected(guild(9), one, channel(62), ada()).await.unwrap();
    assert_eq!(feed(&db, 603, &all).await, [100]);
    store.record_events(&[in_server(62, 103)], at(3)).await.unwrap();
    assert_eq!(count(&db, "activities").await, 2, "nobody follows that channel any more");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_many_follow_is_looked_up(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    know(store, 601).await;
    let id = make(store, "One").await.id;
    add(store, id, own(61)).await;
    edit(store, 601, Followee::Collection(id), everything()).await;
    super::copy::execute(&db, "UPDATE followee_counts SET pulled = TRUE").await;
    store.record_events(&[in_server(61, 100)], at(2)).await.unwrap();
    assert_eq!(count(&db, "feed_items").await, 0);
    assert_eq!(feed(&db, 601, &FeedFilter::default()).await, [100]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn follows_end_with_the_collection(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    know(store, 601).await;
    let (one, other) = (make(store, "One").await.id, make(store, "Other").await.id);
    for id in [one, other] {
        edit(store, 601, Followee::Collection(id), everything()).await;
    }
    assert_eq!(store.collection_followers(one).await.unwrap(), 1);
    // Whoever follows while it is deleted, follows nothing in the end.
    for id in 602..=607 {
        know(store, id).await;
    }
    let follows = (602..=607).map(async |id| edit(store, id, Followee::Collection(one), everything()).await);
    let (_, deleted) =
        tokio::join!(futures_util::future::join_all(follows), store.delete_collection(guild(9), one, ada()));
    assert!(deleted.unwrap());
    assert_eq!(count(&db, "personal_follows").await, 1);
    let late = edit(store, 601, Followee::Collection(one), everything()).await;
    assert_eq!(late, PersonalEdited::Refused);
    assert_eq!(edit(store, 601, Followee::Collection(one), PersonalEdit::End).await, PersonalEdited::None);
    assert_eq!((store.collection_followers(one).await.unwrap(), count(&db, "followee_counts").await), (0, 1));
    super::migrations::revert(&db, "m20261130_000035_collect_channels").await;
    assert_eq!(count(&db, "personal_follows").await, 0, "an earlier version could not show or end them");
    assert_eq!(count(&db, "followee_counts").await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_gone_is_taken_out(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let (one, other) = (make(store, "One").await.id, make(store, "Other").await.id);
    for id in [one, other] {
        add(store, id, own(61)).await;
        add(store, id, CollectedChannel { parent: Some(channel(61)), ..own(62) }).await;
        add(store, id, CollectedChannel { guild: guild(10), ..own(63) }).await;
    }
    let channels = async |id: CollectionId| {
        let found = store.collected_channels(id).await.unwrap();
        found.iter().map(|one| one.channel.get()).collect::<Vec<_>>()
    };
    store.drop_deleted_channel(channel(61), bot(at(2))).await.unwrap();
    assert_eq!((channels(one).await, channels(other).await), (vec![63], vec![63]), "with its threads");
    assert_eq!(audit(&db).await.len(), 2 + 6 + 4);
    // Another server goes, then their own.
    store.forget_guild(guild(10), at(3)).await.unwrap();
    assert_eq!(channels(one).await, Vec::<u64>::new());
    store.forget_user(UserId::new(ADA).unwrap(), false, at(4)).await.unwrap();
    assert_eq!(store.collection(guild(9), one).await.unwrap().unwrap().created_by, None);
    store.forget_guild(guild(9), at(5)).await.unwrap();
    for table in ["collections", "collection_channels", "audit"] {
        assert_eq!(count(&db, table).await, 0, "{table}");
    }
}
