//! What is delivered to whom, by place and tags, and what an edit of tags changes.

use rstest::rstest;

use super::*;
use crate::domain::ids::TagId;
use crate::domain::message::{InThread, PostTag};
use crate::domain::place::SourcePlace;
use crate::store::KnownThread;

/// A follow of the forum 1 (or of another source) into this target.
async fn follow_with(store: &Store, source: u64, target: u64, threads: ThreadScope, filter: TagFilter) {
    let mut new = new_follow(source, target);
    (new.options.threads, new.options.filter) = (threads, filter);
    store.insert_follow(&new, &relay(target + 1_000), bot(at(0))).await.unwrap();
}

fn forum_tag(id: u64) -> Tag {
    Tag::Forum { id: TagId::new(id).unwrap(), name: format!("tag {id}") }
}

fn filter(kind: fn(TagSet) -> TagFilter, tags: impl IntoIterator<Item = Tag>) -> TagFilter {
    kind(TagSet::new(tags).unwrap())
}

fn in_thread(thread: u64, place: SourcePlace, tags: &[u64], text: &str) -> Content {
    let tags = tags.iter().map(|id| PostTag { id: TagId::new(*id).unwrap(), name: format!("tag {id}") });
    let thread = InThread {
        thread: channel(thread),
        title: "A post".to_owned(),
        owner: None,
        title_withheld: false,
        tags: tags.collect(),
        place,
        link: String::new(),
    };
    Content { thread: Some(thread), ..content(text) }
}

fn posted_in(thread: u64, id: u64, content: Content) -> SourceEvent {
    SourceEvent::Posted {
        origin: origin(thread, id),
        source: channel(1),
        author: None,
        content: content.into(),
    }
}

fn edited_in(thread: u64, id: u64, content: Content) -> SourceEvent {
    SourceEvent::Edited {
        origin: origin(thread, id),
        source: channel(1),
        author: None,
        content: content.into(),
    }
}

/// Records it, and answers with who gets it, or not any more: the lines of `deliveries` that are new or
/// others.
async fn record(db: &Db, event: SourceEvent) -> Vec<String> {
    let before = db.deliveries().await;
    db.store.record_events(&[event], at(1)).await.unwrap();
    let mut after = db.deliveries().await;
    after.retain(|line| !before.contains(line));
    after
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn places_are_matched(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for (target, threads) in [(10, ThreadScope::None), (11, ThreadScope::Starter), (12, ThreadScope::All)] {
        follow_with(&db.store, 1, target, threads, TagFilter::All).await;
    }
    follow_with(&db.store, 50, 13, ThreadScope::None, TagFilter::All).await;
    let all = record(&db, posted(1, 20)).await;
    assert_eq!(all, ["10 due", "11 due", "12 due"]);
    let starter = posted_in(50, 50, in_thread(50, SourcePlace::Starter, &[], "begin"));
    db.store.record_events(&[starter], at(1)).await.unwrap();
    let answer = posted_in(50, 51, in_thread(50, SourcePlace::Answer, &[], "answer"));
    db.store.record_events(&[answer], at(1)).await.unwrap();
    assert_eq!(db.deliveries().await[3..], ["11 due", "12 due", "13 due", "12 due", "13 due"]);
    let known = db.store.known_threads().await.unwrap();
    let starter = Some(message(50));
    assert_eq!(known, [KnownThread { thread: channel(50), parent: channel(1), starter }]);
    assert_eq!(db.store.seen_in_threads(channel(1)).await.unwrap()[&channel(50)], message(51));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tags_are_matched(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let hashtags = || TagSet::new(["bug", "größe"].into_iter().filter_map(Tag::hashtag)).unwrap();
    follow_with(&db.store, 1, 10, ThreadScope::Starter, TagFilter::Only(hashtags())).await;
    follow_with(&db.store, 1, 11, ThreadScope::Starter, TagFilter::Except(hashtags())).await;
    follow_with(&db.store, 1, 12, ThreadScope::Starter, filter(TagFilter::Only, [forum_tag(7)])).await;
    let text = |text: &str| {
        let mut event = posted(1, text.len() as u64 + 20);
        if let SourceEvent::Posted { content: shown, .. } = &mut event {
            *shown = content(text).into();
        }
        event
    };
    assert_eq!(record(&db, text("a ＃ＢＵＧ!")).await, ["10 due"]);
    assert_eq!(record(&db, text("no tag at all")).await, ["11 due"]);
    db.store.record_events(&[text("of another #GRO\u{308}SSE")], at(1)).await.unwrap();
    let tagged = posted_in(50, 50, in_thread(50, SourcePlace::Starter, &[7, 8], "x"));
    db.store.record_events(&[tagged], at(1)).await.unwrap();
    assert_eq!(db.deliveries().await[2..], ["10 due", "11 due", "12 due"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_edit_of_tags_withdraws_and_delivers(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let bug = || Tag::hashtag("bug");
    follow_with(&db.store, 1, 10, ThreadScope::None, filter(TagFilter::Only, bug())).await;
    follow_with(&db.store, 1, 11, ThreadScope::None, filter(TagFilter::Except, bug())).await;
    follow_with(&db.store, 1, 12, ThreadScope::None, TagFilter::All).await;
    assert_eq!(record(&db, posted(1, 20)).await, ["11 due", "12 due"]);
    assert_eq!(record(&db, edited(1, 20, "now a #bug")).await, ["11 ended withdrawn", "10 due"]);
    assert_eq!(record(&db, edited(1, 20, "still a #bug")).await, [""; 0]);
    assert_eq!(record(&db, edited(1, 20, "fixed")).await, ["11 due", "10 ended withdrawn"]);
    // What is delivered to nobody comes with the edit.
    follow_with(&db.store, 2, 10, ThreadScope::None, filter(TagFilter::Only, bug())).await;
    assert_eq!(record(&db, posted(2, 30)).await, [""; 0]);
    let kept = "SELECT CAST(COUNT(*) AS text) AS text FROM activities WHERE content IS NOT NULL";
    assert_eq!(db.texts(kept).await, ["1"], "of what is delivered to nobody, nothing is kept");
    assert_eq!(record(&db, edited(2, 30, "no tag")).await, [""; 0]);
    assert_eq!(record(&db, edited(2, 30, "a #bug after all")).await, ["10 due"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_edit_brings_nothing_that_was_always_wanted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let tags = ["bug", "idea"].into_iter().filter_map(Tag::hashtag);
    follow_with(&db.store, 1, 10, ThreadScope::None, filter(TagFilter::Only, tags)).await;
    let follow = db.store.follow_by_pair(new_follow(1, 10).pair).await.unwrap().unwrap();
    db.store.pause_follow(guild(HOME), follow.id, bot(at(1))).await.unwrap();
    let mut event = posted(1, 20);
    if let SourceEvent::Posted { content: shown, .. } = &mut event {
        *shown = content("a #bug").into();
    }
    record(&db, event).await;
    db.store.resume_follow(&follow, None, Door::Own, bot(at(2))).await.unwrap();
    assert_eq!(record(&db, edited(1, 20, "a #bug and an #idea")).await, [""; 0]);
    assert_eq!(record(&db, edited(1, 20, "an #idea")).await, [""; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_posts_tags_are_those_of_its_answers(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow_with(&db.store, 1, 10, ThreadScope::All, filter(TagFilter::Except, [forum_tag(7)])).await;
    record(&db, posted_in(50, 50, in_thread(50, SourcePlace::Starter, &[], "begin"))).await;
    record(&db, posted_in(50, 51, in_thread(50, SourcePlace::Answer, &[], "answer"))).await;
    assert_eq!(db.deliveries().await, ["10 due", "10 due"]);
    record(&db, edited_in(50, 50, in_thread(50, SourcePlace::Starter, &[7], "begin"))).await;
    assert_eq!(db.deliveries().await, ["10 ended withdrawn", "10 ended withdrawn"]);
    record(&db, edited_in(50, 50, in_thread(50, SourcePlace::Starter, &[8], "begin"))).await;
    assert_eq!(db.deliveries().await, ["10 due", "10 due"]);
    // Another title, as far as answers go, is no edit.
    assert_eq!(
        record(&db, edited_in(50, 51, in_thread(50, SourcePlace::Answer, &[8], "answer"))).await,
        [""; 0]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn threads_go_and_hide(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow_with(&db.store, 1, 10, ThreadScope::All, TagFilter::All).await;
    follow_with(&db.store, 50, 11, ThreadScope::None, TagFilter::All).await;
    record(&db, posted_in(50, 51, in_thread(50, SourcePlace::Answer, &[], "answer"))).await;
    record(&db, posted_in(60, 61, in_thread(60, SourcePlace::Answer, &[], "elsewhere"))).await;
    db.store.hide_thread(channel(50), channel(1)).await.unwrap();
    assert_eq!(db.deliveries().await, ["10 ended withdrawn", "11 due", "10 due"]);
    let hidden = SourceEvent::Edited {
        origin: origin(50, 51),
        source: channel(50),
        author: None,
        content: content("now with a #tag").into(),
    };
    assert_eq!(record(&db, hidden).await, [""; 0], "it doesn't come back");
    let targets = db.store.delete_thread(channel(60), channel(1)).await.unwrap();
    assert_eq!(targets, [channel(10)]);
    let gone = "SELECT CAST(COUNT(*) AS text) AS text FROM activities WHERE deleted";
    assert_eq!(db.texts(gone).await, ["1"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn hashtags_are_found_newest_first_and_in_the_channel_itself(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow_with(&db.store, 1, 10, ThreadScope::All, TagFilter::All).await;
    for (id, text) in [(20, "#old #twice"), (21, "#b and #a, #twice"), (22, "gone: #secret")] {
        let mut event = posted(1, id);
        if let SourceEvent::Posted { content: shown, .. } = &mut event {
            *shown = content(text).into();
        }
        db.store.record_events(&[event], at(1)).await.unwrap();
    }
    db.store.record_events(&[SourceEvent::Deleted { origin: origin(1, 22) }], at(1)).await.unwrap();
    // A thread may be private.
    let thread = posted_in(50, 50, in_thread(50, SourcePlace::Starter, &[7], "#inside"));
    db.store.record_events(&[thread], at(1)).await.unwrap();
    let names = async |source: u64, limit: u64| {
        let tags = db.store.hashtags_of(channel(source), limit).await.unwrap();
        tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(1, 9).await, "#a #b #twice #old");
    assert_eq!(names(1, 2).await, "#a #b");
    assert_eq!(names(50, 9).await, "#inside");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_target_that_follows_a_channel_and_its_thread_is_owed_once(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let bug = || filter(TagFilter::Only, Tag::hashtag("bug"));
    follow_with(&db.store, 1, 10, ThreadScope::All, bug()).await;
    follow_with(&db.store, 50, 10, ThreadScope::None, bug()).await;
    let answer = |text: &str| in_thread(50, SourcePlace::Answer, &[], text);
    assert_eq!(record(&db, posted_in(50, 51, answer("nothing yet"))).await, [""; 0]);
    assert_eq!(record(&db, edited_in(50, 51, answer("a #bug"))).await, ["10 due"]);
    assert_eq!(record(&db, edited_in(50, 51, answer("none"))).await, ["10 ended withdrawn"]);
    assert_eq!(record(&db, edited_in(50, 51, answer("a #bug again"))).await, ["10 due"]);
    let through = "SELECT CAST(follow_id AS text) AS text FROM deliveries";
    let first = "SELECT CAST(MIN(id) AS text) AS text FROM channel_follows";
    assert_eq!(db.texts(through).await, db.texts(first).await);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_another_follow_still_wants_is_not_withdrawn(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let bug = filter(TagFilter::Only, Tag::hashtag("bug"));
    follow_with(&db.store, 1, 10, ThreadScope::All, bug).await;
    follow_with(&db.store, 50, 10, ThreadScope::None, TagFilter::All).await;
    let answer = |text: &str| in_thread(50, SourcePlace::Answer, &[], text);
    assert_eq!(record(&db, posted_in(50, 51, answer("a #bug"))).await, ["10 due"]);
    assert_eq!(record(&db, edited_in(50, 51, answer("fixed"))).await, [""; 0]);
}
