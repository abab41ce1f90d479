//! The ways out of a feed: private addresses, and digests.

use chrono_tz::Tz;
use rstest::rstest;

use super::*;
use crate::domain::account::TokenName;
use crate::domain::audit::Via;
use crate::domain::digest::{Digest, DigestPeriod, DigestSchedule};
use crate::domain::feed_link::{MOST_FEED_LINKS, NewFeedLink};
use crate::domain::secret::{SecretHash, WebSecret};

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn hash(number: u8) -> SecretHash {
    WebSecret::new([number; 32]).hash()
}

fn link(number: u8, of: u64) -> NewFeedLink {
    NewFeedLink { hash: hash(number), user: user(of), name: TokenName::parse("phone").unwrap() }
}

fn digest(of: u64, next: i64) -> Digest {
    let schedule = DigestSchedule::new(DigestPeriod::Day, 8, Tz::Europe__Berlin).unwrap();
    Digest { user: user(of), schedule, next_at: Some(at(next)), sent: None }
}

/// A row in each table.
pub(super) async fn rows(db: &Db) {
    db.store.add_feed_link(&link(1, 1), Via::Command, at(0)).await.unwrap().unwrap();
    db.store.set_digest(&digest(1, 60), at(0)).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_address_is_its_owners_and_ends_unused(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    rows(&db).await;
    let used = store.use_feed_link(hash(1), at(5)).await.unwrap().unwrap();
    assert_eq!((used.user, used.name.as_str(), used.used_on), (user(1), "phone", None));
    let listed = store.feed_links_of(user(1)).await.unwrap();
    assert!(listed[0].used_on.is_some());
    assert_eq!(store.use_feed_link(hash(2), at(5)).await.unwrap(), None);
    assert!(!store.revoke_feed_link(user(2), used.id, Via::Web, at(6)).await.unwrap());
    for number in 2..=MOST_FEED_LINKS {
        assert!(store.add_feed_link(&link(number, 1), Via::Web, at(9)).await.unwrap().is_some());
    }
    assert_eq!(store.add_feed_link(&link(99, 1), Via::Web, at(9)).await.unwrap(), None);
    assert!(store.add_feed_link(&link(99, 2), Via::Web, at(9)).await.unwrap().is_some());
    assert!(store.revoke_feed_link(user(1), used.id, Via::Web, at(9)).await.unwrap());
    assert_eq!(store.use_feed_link(hash(1), at(10)).await.unwrap(), None);

    let year = at(0) + TimeDelta::days(365);
    store.use_feed_link(hash(2), year).await.unwrap().unwrap();
    assert_eq!(store.forget_unused_feed_links(at(0)).await.unwrap(), 0);
    assert_eq!(store.forget_unused_feed_links(at(100)).await.unwrap(), u64::from(MOST_FEED_LINKS) - 1);
    assert!(store.use_feed_link(hash(2), year).await.unwrap().is_some(), "it is used");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn only_one_may_send_what_is_due(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    rows(&db).await;
    store.set_digest(&digest(2, 30), at(0)).await.unwrap();
    assert_eq!(store.due_digests(at(29), 9).await.unwrap(), []);
    let due = store.due_digests(at(60), 9).await.unwrap();
    assert_eq!(due.iter().map(|digest| digest.user).collect::<Vec<_>>(), [user(2), user(1)]);
    assert_eq!(due[1].schedule, digest(1, 60).schedule);
    let (when, next) = (due[1].next_at.unwrap(), at(100));
    let claims = [(), (), (), ()].map(|()| store.claim_digest(user(1), when, next));
    let won = futures_util::future::join_all(claims).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    assert_eq!(store.due_digests(at(99), 9).await.unwrap().len(), 1, "the other one's");

    store.record_digest_sent(user(1), MessageId::new(50).unwrap()).await.unwrap();
    store.record_digest_sent(user(1), MessageId::new(40).unwrap()).await.unwrap();
    assert_eq!(store.digest(user(1)).await.unwrap().unwrap().sent, MessageId::new(50).ok());
    for refusals in 1..=3 {
        assert!(store.digest(user(1)).await.unwrap().unwrap().next_at.is_some(), "{refusals}");
        store.record_digest_refused(user(1)).await.unwrap();
    }
    assert_eq!(store.digest(user(1)).await.unwrap().unwrap().next_at, None, "it is paused");
    store.set_digest(&digest(1, 60), at(0)).await.unwrap();
    let again = store.digest(user(1)).await.unwrap().unwrap();
    assert_eq!((again.next_at.is_some(), again.sent), (true, MessageId::new(50).ok()));
    store.record_digest_refused(user(1)).await.unwrap();
    assert!(store.digest(user(1)).await.unwrap().unwrap().next_at.is_some(), "it counts anew");
    assert!(store.remove_digest(user(2)).await.unwrap() && !store.remove_digest(user(2)).await.unwrap());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn both_end_with_their_reader(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    rows(&db).await;
    db.store.add_feed_link(&link(2, 2), Via::Web, at(0)).await.unwrap();
    assert_eq!(db.store.forget_profile(user(1), at(0)).await.unwrap(), 2);
    assert_eq!(db.store.feed_links_of(user(1)).await.unwrap(), []);
    assert_eq!(db.store.digest(user(1)).await.unwrap(), None);
    assert_eq!(db.store.feed_links_of(user(2)).await.unwrap().len(), 1);
    super::migrations::revert(&db, "m20261130_000042_link_feeds").await;
    db.store.migrate_up().await.unwrap();
    assert_eq!(db.store.feed_links_of(user(2)).await.unwrap(), [], "addresses go with their table");
}
