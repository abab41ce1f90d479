//! Personal follows and feeds: pairs, counts, what goes with whom; and what is candidate for whose feed.

use proptest::prelude::*;
use rstest::rstest;

use super::retention::{count, id_on, on};
use super::*;
use crate::domain::feed::{FeedCandidate, FeedFilter, PostContent};
use crate::domain::follow::TagMode;
use crate::domain::opt_out::OptOutScope;
use crate::domain::paging::{PageSize, PageStart};
use crate::domain::personal::{
    Coverage, Followable, Followee, ListVisibility, PersonCounts, PersonList, PersonalFilter,
    PersonalOptions, PersonalPolicy, PrivacyChoice, Profile,
};
use crate::domain::shards::Shard;
use crate::store::{AuthorTotals, FolloweePlace, PersonalEdit, PersonalEdited, PersonalPair};

pub(super) fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

pub(super) async fn know(store: &Store, id: u64) {
    let profile = Profile {
        user: user(id),
        username: format!("user{id}"),
        display_name: None,
        avatar: Some("0a".to_owned()),
        checked_at: at(0),
        privacy: PrivacyChoice::default(),
    };
    store.note_profile(&profile).await.unwrap();
}

pub(super) async fn edit(
    store: &Store,
    follower: u64,
    followee: Followee,
    edit: PersonalEdit,
) -> PersonalEdited {
    let place = match followee {
        Followee::Channel(_) => Some(FolloweePlace { server: guild(9), parent: None, threads: false }),
        _ => None,
    };
    let pair = PersonalPair { follower: user(follower), followee, place };
    let policy = PersonalPolicy::default();
    store.edit_personal_follow(pair, policy, at(1), |_| edit).await.unwrap()
}

pub(super) fn everything() -> PersonalEdit {
    PersonalEdit::Set(PersonalOptions::default())
}

/// Something in each of these tables.
pub(super) async fn rows(db: &Db) {
    let store = &db.store;
    for id in [601, 602, 603] {
        know(store, id).await;
    }
    let filter = PersonalFilter::new(TagMode::Except, [Tag::hashtag("news").unwrap()]).unwrap();
    let options = PersonalOptions { filter, coverage: Coverage::Posts };
    edit(store, 601, Followee::User(user(602)), PersonalEdit::Set(options)).await;
    edit(store, 603, Followee::Channel(channel(61)), everything()).await;
    store.remove_personal_follower(user(601), user(603), true, at(1)).await.unwrap();
    let choice = PrivacyChoice {
        followable: Some(Followable::Everyone),
        lists: Some(ListVisibility::Shared),
        counts_hidden: true,
    };
    store.change_privacy(user(602), choice.into(), PersonalPolicy::default()).await.unwrap();
    know(store, 604).await;
    let asked = PrivacyChoice { followable: Some(Followable::Asked), ..PrivacyChoice::default() };
    store.change_privacy(user(604), asked.into(), PersonalPolicy::default()).await.unwrap();
    for follower in [601, 602] {
        let edited = edit(store, follower, Followee::User(user(604)), everything()).await;
        assert_eq!(edited, PersonalEdited::Asked);
    }
    store.decline_follow_request(user(604), user(602), at(1)).await.unwrap();
    store.record_events(&[in_server(61, 6_100)], at(2)).await.unwrap();
    store.move_feed_mark(user(603), MessageId::new(6_000).unwrap()).await.unwrap();
    store.note_listening_gap(Shard { id: 0, total: 1 }, at(3)).await.unwrap();
}

/// A message whose link names its server, by user 602.
pub(super) fn in_server(source: u64, message: u64) -> SourceEvent {
    let link = format!("https://discord.com/channels/9/{source}/{message}");
    let content = Content { text: format!("see {link}"), link, ..Content::default() };
    SourceEvent::Posted {
        origin: origin(source, message),
        source: channel(source),
        author: Some(user(602)),
        content: content.into(),
    }
}

/// What the feed of somebody shows who can read every channel.
pub(super) async fn candidates(db: &Db, reader: u64, filter: &FeedFilter) -> Vec<FeedCandidate> {
    let channels = db.store.feed_channels(user(reader), filter, None).await.unwrap();
    let channels: Vec<ChannelId> = channels.into_iter().map(|one| one.source).collect();
    let (found, is_whole) = db.store.feed_candidates(user(reader), &channels, filter, at(5)).await.unwrap();
    assert!(is_whole, "there are only a few");
    found
}

pub(super) async fn feed(db: &Db, reader: u64, filter: &FeedFilter) -> Vec<u64> {
    candidates(db, reader, filter).await.iter().map(|one| one.position.message.get()).collect()
}

/// Which of few people follows, unfollows or is forgotten.
#[derive(Debug, Clone, Copy)]
enum Act {
    Follow(u64, u64),
    Unfollow(u64, u64),
    Forget(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let id = 1_u64..5;
    let pair = (id.clone(), id.clone());
    let act = prop_oneof![
        4 => pair.clone().prop_map(|(one, other)| Act::Follow(one, other)),
        2 => pair.prop_map(|(one, other)| Act::Unfollow(one, other)),
        1 => id.prop_map(Act::Forget),
    ];
    prop::collection::vec(act, 0..30)
}

/// Counts, lists and relationships say the same as the rows, whatever happened.
async fn counts_are_true(backend: Backend, acts: Vec<Act>) {
    let Some(db) = Db::new(backend).await else { return };
    let mut expected = std::collections::BTreeSet::new();
    for act in acts {
        match act {
            Act::Follow(one, other) if one == other => {}
            Act::Follow(one, other) => {
                know(&db.store, one).await;
                know(&db.store, other).await;
                let made = edit(&db.store, one, Followee::User(user(other)), everything()).await;
                assert_eq!(
                    expected.insert((one, other)),
                    matches!(made, PersonalEdited::Made(_)),
                    "{made:?}"
                );
            }
            Act::Unfollow(one, other) => {
                let ended = edit(&db.store, one, Followee::User(user(other)), PersonalEdit::End).await;
                assert_eq!(expected.remove(&(one, other)), matches!(ended, PersonalEdited::Ended(_)));
            }
            Act::Forget(gone) => {
                db.store.forget_profile(user(gone), at(0)).await.unwrap();
                expected.retain(|(one, other)| *one != gone && *other != gone);
            }
        }
    }
    let size = PageSize::new(100).unwrap();
    let first = || PageStart::Number(1.try_into().unwrap());
    for id in 1..5 {
        let of =
            |side: fn(&(u64, u64)) -> u64| expected.iter().filter(|pair| side(pair) == id).count() as u64;
        let counts = PersonCounts { followers: of(|pair| pair.1), following: of(|pair| pair.0) };
        assert_eq!(db.store.person_counts(user(id)).await.unwrap(), counts, "{id}");
        for (list, total) in [
            (PersonList::FollowersOf(user(id)), counts.followers),
            (PersonList::FollowedBy(user(id)), counts.following),
        ] {
            let page = db.store.people(list, None, first(), size).await.unwrap();
            assert_eq!((page.items.len() as u64, page.total), (total, total));
        }
        let others: Vec<UserId> = (1..5).map(user).collect();
        for (other, found) in db.store.relationships(user(id), &others).await.unwrap() {
            assert_eq!(found.is_following, expected.contains(&(id, other.get())));
            assert_eq!(found.is_follower, expected.contains(&(other.get(), id)));
        }
    }
    assert_eq!(count(&db, "personal_follows").await, i64::try_from(expected.len()).unwrap());
}

#[test]
fn counts_say_what_there_is() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 12, ..ProptestConfig::default() };
    proptest!(config, |(acts in acts())| {
        runtime.block_on(counts_are_true(Backend::Sqlite, acts));
    });
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn counts_say_what_there_is_on_postgres() {
    use Act::{Follow, Forget, Unfollow};
    let acts =
        vec![Follow(1, 2), Follow(3, 2), Follow(2, 1), Unfollow(3, 2), Follow(3, 1), Forget(1), Follow(1, 3)];
    counts_are_true(Backend::Postgres, acts).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_many_at_once_one_follows_and_nobody_who_is_blocked(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for id in 1..=9 {
        know(&db.store, id).await;
    }
    let followee = Followee::User(user(2));
    let many = (0..8).map(|_| edit(&db.store, 1, followee, everything()));
    let made = futures_util::future::join_all(many).await;
    assert_eq!(made.iter().filter(|one| matches!(one, PersonalEdited::Made(_))).count(), 1);
    // Each follows both of these two while one blocks them: nobody is left who is blocked.
    let follows = (3..=9).map(async |id| edit(&db.store, id, followee, everything()).await);
    let blocks = (3..=9).map(async |id| {
        db.store.remove_personal_follower(user(2), user(id), true, at(1)).await.unwrap();
    });
    tokio::join!(futures_util::future::join_all(follows), futures_util::future::join_all(blocks));
    assert_eq!(count(&db, "personal_follows").await, 1);
    assert_eq!(edit(&db.store, 3, followee, everything()).await, PersonalEdited::Refused);
    assert!(db.store.unblock_person(user(2), user(3)).await.unwrap());
    assert!(matches!(edit(&db.store, 3, followee, everything()).await, PersonalEdited::Made(_)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_feed_has_what_is_followed_once_and_only_what_is_let_through(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for id in [601, 602, 603] {
        know(&db.store, id).await;
    }
    let store = &db.store;
    store.record_events(&[in_server(61, 90)], at(1)).await.unwrap();
    assert_eq!(count(&db, "activities").await, 0, "nobody follows it, and nothing is kept of it");
    edit(store, 601, Followee::User(user(602)), everything()).await;
    edit(store, 601, Followee::Channel(channel(61)), everything()).await;
    edit(store, 602, Followee::Channel(channel(61)), everything()).await;
    let batch = [in_server(61, 100), in_server(62, 101)];
    for _ in 0..2 {
        store.record_events(&batch, at(2)).await.unwrap();
    }
    let all = FeedFilter::default();
    assert_eq!(feed(&db, 601, &all).await, [101, 100], "once, by whichever ways, and again changes nothing");
    assert_eq!(feed(&db, 602, &all).await, Vec::<u64>::new(), "not what one wrote oneself");
    assert_eq!(count(&db, "feed_items").await, 2);
    for (filter, expected) in [
        (FeedFilter { channel: Some(channel(62)), ..all.clone() }, vec![101]),
        (FeedFilter { server: Some(guild(8)), ..all.clone() }, vec![]),
        (FeedFilter { author: Some(user(602)), ..all.clone() }, vec![101, 100]),
        (FeedFilter { content: Some(PostContent::Link), ..all.clone() }, vec![101, 100]),
        (FeedFilter { content: Some(PostContent::None), ..all.clone() }, vec![]),
        (FeedFilter { after: Some(MessageId::new(100).unwrap()), ..all.clone() }, vec![101]),
        (FeedFilter { tag: Some("rust".to_owned()), ..all.clone() }, vec![]),
    ] {
        assert_eq!(feed(&db, 601, &filter).await, expected, "{filter:?}");
    }
    store.record_events(&[deleted(61, 100)], at(3)).await.unwrap();
    assert_eq!(feed(&db, 601, &all).await, [101]);
    edit(store, 601, Followee::User(user(602)), PersonalEdit::End).await;
    assert_eq!(feed(&db, 601, &all).await, Vec::<u64>::new(), "an unfollow acts at once");
}

/// Who doesn't want to be mirrored from a server isn't shown in feeds from there, even from a channel that no
/// other channel follows.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_opted_out_is_in_no_feed(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    know(&db.store, 601).await;
    know(&db.store, 602).await;
    edit(&db.store, 601, Followee::User(user(602)), everything()).await;
    db.store.opt_out(user(602), OptOutScope::Server(guild(9)), at(1)).await.unwrap();
    db.store.record_events(&[in_server(61, 100)], at(2)).await.unwrap();
    assert_eq!(feed(&db, 601, &FeedFilter::default()).await, Vec::<u64>::new());
    let kept = db.texts("SELECT CAST(COUNT(content) AS text) AS text FROM activities").await;
    assert_eq!(kept, ["0"], "nothing of it is kept");
    db.store.opt_in(user(602), OptOutScope::Server(guild(9)), message(101)).await.unwrap();
    db.store.record_events(&[in_server(61, 102)], at(3)).await.unwrap();
    assert_eq!(feed(&db, 601, &FeedFilter::default()).await, [102]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_kept_of_a_reader_is_counted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    for id in [601, 602, 603, 604] {
        know(store, id).await;
    }
    let follows = [
        (601, Followee::User(user(602))),
        (601, Followee::Channel(channel(1))),
        (603, Followee::User(user(601))),
    ];
    for (follower, followee) in follows {
        edit(store, follower, followee, everything()).await;
    }
    store.remove_personal_follower(user(601), user(604), true, at(1)).await.unwrap();
    store.record_events(&[in_server(1, 100), in_server(1, 101)], at(2)).await.unwrap();

    let kept = store.author_totals(user(601)).await.unwrap();
    assert!(kept.has_profile);
    assert_eq!((kept.following, kept.followers, kept.blocked, kept.feed), (2, 1, 1, 2));
    let other = store.author_totals(user(604)).await.unwrap();
    assert!(other.has_profile);
    assert_eq!((other.following, other.followers, other.blocked, other.feed), (0, 0, 0, 0));
    store.forget_user(user(601), false, at(3)).await.unwrap();
    let nothing = store.author_totals(user(601)).await.unwrap();
    assert_eq!(nothing, AuthorTotals::default());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn strangers_are_forgotten_and_nobody_else(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    rows(&db).await;
    know(&db.store, 700).await;
    assert_eq!(db.store.forget_strangers(at(0)).await.unwrap(), 0, "not yet");
    assert_eq!(db.store.forget_strangers(at(1)).await.unwrap(), 1);
    assert!(db.store.profile(user(700)).await.unwrap().is_none());
    let why = "who follows, is followed, asks, is asked, blocks, is blocked or chose something stays";
    assert_eq!(count(&db, "profiles").await, 4, "{why}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_feeds_show_is_kept_for_as_long_as_they_go_back(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    know(&db.store, 601).await;
    know(&db.store, 602).await;
    edit(&db.store, 601, Followee::User(user(602)), everything()).await;
    db.store.record_events(&[in_server(61, id_on(0)), in_server(61, id_on(3))], on(3)).await.unwrap();
    db.store.mark_contents_unneeded(on(4)).await.unwrap();
    assert_eq!(db.store.clear_contents(on(5)).await.unwrap(), 0, "feeds show them");
    db.store.trim_feeds(MessageId::new(id_on(2)).unwrap()).await.unwrap();
    assert_eq!(count(&db, "feed_items").await, 1);
    assert_eq!(db.store.clear_contents(on(6)).await.unwrap(), 1);
    assert_eq!(feed(&db, 601, &FeedFilter::default()).await, [id_on(3)]);
}
