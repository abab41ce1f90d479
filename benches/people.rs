//! What personal follows and feeds cost with a million follows: the median, the 95th percentile and the
//! maximum of many runs.
//!
//! ```text
//! cargo bench --bench people
//! TEST_POSTGRES_URL=postgres://… cargo bench --bench people
//! ```
//! The second form measures PostgreSQL, too; with `-- postgres` at its end, PostgreSQL only. One person has
//! 1,000,000 followers, two more have 2,000 each, and one has 1,000. A reader follows 300 people and these
//! three, each of whom posted 40 times.

#[expect(dead_code, reason = "other benchmarks need more of it")]
mod common;
#[path = "common/timing.rs"]
mod timing;

use std::time::Instant;

use common::{TIME, Town, id, now, numbers};
use timing::Row;
use tributary::domain::activity::Origin;
use tributary::domain::feed::FeedFilter;
use tributary::domain::ids::{ChannelId, MessageId, UserId};
use tributary::domain::message::Content;
use tributary::domain::paging::{Cursor, PageSize, PageStart};
use tributary::domain::personal::{Followee, PersonList, PersonalOptions, PersonalPolicy};
use tributary::store::{PersonalEdit, PersonalEdited, PersonalPair, SourceEvent, Store};

/// How many people there are, all of whom follow the giant.
const PEOPLE: u64 = 1_000_000;
/// The numbers of people begin here; this one has all the followers.
const GIANT: u64 = 10_000_000;
/// Two more that are looked up, and how many follow each.
const PULLED: (u64, u64) = (GIANT + 1, 2_000);
/// Somebody whose posts are pushed to 1,000 people.
const PUSHED: u64 = GIANT + 3;
/// The one who reads, and the 300 people whom they follow.
const READER: u64 = GIANT + 4;
const FOLLOWED: (u64, u64) = (GIANT + 1_000, 300);
const POSTS: u64 = 40;
/// Somebody whom nobody follows.
const NOBODY: u64 = GIANT + 5;

const TIMES: u64 = 300;

fn main() {
    let only = std::env::args().find(|word| ["sqlite", "postgres"].contains(&word.as_str()));
    let wanted = |word: &str| only.as_deref().is_none_or(|only| only == word);
    if wanted("sqlite") {
        measure("SQLite", &Town::on_sqlite());
    }
    if wanted("postgres")
        && let Some(town) = Town::on_postgres()
    {
        measure("PostgreSQL", &town);
    }
}

fn user(number: u64) -> UserId {
    id(UserId::new, number)
}

fn measure(name: &str, town: &Town) {
    let started = Instant::now();
    town.fill(million());
    write_posts(town);
    timing::head(name, started);
    let of = |sqlite: f64, postgres: f64| Some(if town.is_postgres() { postgres } else { sqlite });
    follows(town, of(5.0, 10.0));
    lists(town, of(5.0, 10.0), of(1.0, 2.0), of(2.0, 5.0));
    feed(town, of(10.0, 20.0));
    posts(town);
}

/// The people, who follow the giant; the first few of them follow others, too.
fn million() -> Vec<String> {
    let profiles = |first: u64, count: u64| {
        format!(
            "{} INSERT INTO profiles (user_id, username, checked_at) SELECT i + {first}, 'somebody', {TIME} FROM n",
            numbers(count)
        )
    };
    let follows = |follower: &str, followee: &str, count: u64| {
        format!(
            "{} INSERT INTO personal_follows \
             (follower_id, followee_kind, followee_id, mode, coverage, created_at, updated_at) \
             SELECT {follower}, 'user', {followee}, 'all', 'everything', {TIME}, {TIME} FROM n",
            numbers(count)
        )
    };
    let (reader, giant, pushed) = (READER.to_string(), GIANT.to_string(), PUSHED.to_string());
    let mut all = vec![
        profiles(0, PEOPLE),
        profiles(GIANT - 1, 2_000),
        follows("i", &giant, PEOPLE),
        follows(&reader, &format!("i + {}", FOLLOWED.0 - 1), FOLLOWED.1),
        follows("i", &pushed, 1_000),
    ];
    for pulled in [PULLED.0, PULLED.0 + 1] {
        all.push(follows("i", &pulled.to_string(), PULLED.1));
    }
    for followed in [GIANT, PULLED.0, PULLED.0 + 1] {
        all.push(follows(&reader, &followed.to_string(), 1));
    }
    all
}

fn post(author: u64, channel: u64, message: u64) -> SourceEvent {
    let link = format!("https://discord.com/channels/9/{channel}/{message}");
    let text = format!("the {message}th thing to say about #{channel}");
    let content = Content { author: "Somebody".to_owned(), text, link, ..Content::default() };
    SourceEvent::Posted {
        origin: Origin::Message {
            channel: id(ChannelId::new, channel),
            message: id(MessageId::new, message),
        },
        source: id(ChannelId::new, channel),
        author: Some(user(author)),
        content: content.into(),
    }
}

/// What those posted whom the reader follows.
fn write_posts(town: &Town) {
    let authors = (0..FOLLOWED.1).map(|number| FOLLOWED.0 + number).chain([GIANT, PULLED.0, PULLED.0 + 1]);
    let authors: Vec<u64> = authors.collect();
    town.runtime.block_on(async {
        for turn in 0..POSTS {
            let events: Vec<SourceEvent> = (1_000_000_u64..)
                .zip(&authors)
                .map(|(number, author)| post(*author, 500 + author % 20, number + turn * 1_000))
                .collect();
            town.store.record_events(&events, now()).await.expect("they are recorded");
        }
    });
    town.fill(Vec::<String>::new());
}

/// Measures something that is done repeatedly, each time with another number.
fn table<T>(town: &Town, what: &str, expected: Option<f64>, one: impl AsyncFnMut(&Store, u64) -> T) -> f64 {
    timing::measure(town, &Row { what, expected, times: TIMES, whole: false }, one)
}

fn follows(town: &Town, expected: Option<f64>) {
    let edit = async |store: &Store, number: u64, edit: PersonalEdit| {
        // People who follow nothing but the giant.
        let follower = user(GIANT + 500 + number);
        let pair = PersonalPair { follower, followee: Followee::User(user(GIANT)), place: None };
        let policy = PersonalPolicy::default();
        store.edit_personal_follow(pair, policy, now(), |_| edit).await.expect("the database answers")
    };
    table(town, "follow somebody with 1,000,000 followers", expected, async |store, number| {
        let made = edit(store, number, PersonalEdit::Set(PersonalOptions::default())).await;
        assert!(matches!(made, PersonalEdited::Made(_)));
    });
    table(town, "unfollow them", expected, async |store, number| {
        edit(store, number, PersonalEdit::End).await;
    });
}

fn lists(town: &Town, list: Option<f64>, count: Option<f64>, profile: Option<f64>) {
    let size = PageSize::new(20).expect("a size");
    let page = async |store: &Store, list: PersonList, start: PageStart| {
        let page = store.people(list, None, start, size).await.expect("the database answers");
        assert!(!page.items.is_empty());
    };
    let of = PersonList::FollowersOf(user(GIANT));
    let number = |number: u64| PageStart::Number(number.try_into().expect("above 0"));
    for (what, start, expected) in [
        ("followers of them, newest", PageStart::At(Cursor::Newest), list),
        ("followers of them, by a cursor", PageStart::At(Cursor::OlderThan(500_000)), list),
        ("followers of them, page 500", number(500), list),
        ("followers of them, page 25,000 (the middle)", number(25_000), Some(200.0)),
        ("followers of them, page 50,000 (the last)", number(50_000), Some(200.0)),
    ] {
        table(town, what, expected, async |store, _| page(store, of, start).await);
    }
    table(town, "whom somebody with 303 follows, newest", list, async |store, _| {
        page(store, PersonList::FollowedBy(user(READER)), PageStart::At(Cursor::Newest)).await;
    });
    table(town, "how many follow them", count, async |store, _| store.follower_count(user(GIANT)).await);
    table(town, "a profile, with what one is to them", profile, async |store, number| {
        let (viewer, seen) = (user(1 + number), user(GIANT));
        let known = store.profile(seen).await.expect("the database answers");
        let counts = store.person_counts(seen).await.expect("the database answers");
        let found = store.relationships(viewer, &[seen]).await.expect("the database answers");
        (known, counts, found)
    });
}

fn feed(town: &Town, expected: Option<f64>) {
    table(town, "a feed's page of 20, rights not counted", expected, async |store, _| {
        let filter = FeedFilter::default();
        let channels = store.feed_channels(user(READER), &filter, None).await.expect("the database answers");
        let channels: Vec<ChannelId> = channels.into_iter().map(|one| one.source).collect();
        let candidates = store.feed_candidates(user(READER), &channels, &filter, now()).await;
        let (candidates, _) = candidates.expect("the database answers");
        let page: Vec<_> = candidates.into_iter().take(20).collect();
        let posts = store.feed_posts(page, |_| true).await.expect("the database answers");
        assert_eq!(posts.len(), 20);
    });
}

/// What a post costs by who wrote it. The channel is a source of nobody's.
fn posts(town: &Town) {
    let mut message = 100_000_000;
    for (what, author) in [
        ("a post by somebody whom nobody follows", NOBODY),
        ("a post by somebody with one follower", FOLLOWED.0),
        ("a post by somebody with 1,000 followers", PUSHED),
        ("a post by somebody with 1,000,000 followers", GIANT),
    ] {
        table(town, what, None, async |store, _| {
            message += 1;
            store.record_events(&[post(author, 700, message)], now()).await.expect("it is recorded")
        });
    }
}
