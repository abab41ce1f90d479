//! Of followed people, what they post in threads and forums that nobody follows as channels.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Person, TagId};

use super::people::newcomer;
use super::{Program, Site, address};
use crate::harness::{Backend, SOON};

/// The feed's first page.
async fn page(program: &Program) -> Vec<Value> {
    let page = program.get("/api/v1/me/feed").await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.body()["activities"].as_array().unwrap().clone()
}

/// Waits until the feed shows these texts, newest first, each with its tags.
async fn shows(program: &Program, expected: &[(&str, &[&str])]) -> Vec<Value> {
    let expected: Vec<Value> = expected.iter().map(|(text, tags)| json!([text, tags])).collect();
    let began = std::time::Instant::now();
    loop {
        let page = page(program).await;
        let now: Vec<Value> = page.iter().map(|one| json!([one["text"], one["tags"]])).collect();
        if now == expected {
            return page;
        }
        assert!(began.elapsed() < SOON, "{now:?} never became {expected:?}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Follows everything of a person's but what has this tag of a forum.
async fn follow_except(program: &Program, person: &Person, tag: TagId) {
    let body = json!({
        "followedUserId": person.id().to_string(), "mode": "ALL_EXCEPT", "excludeTagIds": [tag.to_string()]
    });
    let set = program.json("POST", "/api/v1/follows/user", body).await;
    assert_eq!(set.status, 200, "{}", set.text);
}

/// Starts the bot anew, in place of the one that runs.
async fn restarted(mut site: Site) -> Site {
    site.bot.stop().await;
    site.bot = site.world.start().await;
    site.url = format!("http://{}", address(&mut site.bot).await);
    site
}

/// The same program at a bot that was started anew.
fn moved(program: Program, site: &Site) -> Program {
    Program { visitor: site.browser(), ..program }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_forums_tags_count_where_nobody_follows_the_forum(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let forum = site.harbour.forum("questions");
    let tags = forum.set_tags(&["bug", "idea"]).unwrap();
    let (bug, idea) = (tags[0], tags[1]);
    follow_except(&bobs, &carol, bug).await;

    let (excluded, _) = carol.start_post(&forum, "Broken", &[bug], "it doesn't work").unwrap();
    let (wanted, first) = carol.start_post(&forum, "Better", &[idea], "a thought").unwrap();
    carol.post(&excluded, "an answer to nobody").unwrap();
    carol.post(&wanted, "another thought").unwrap();
    let page = shows(&bobs, &[("another thought", &["idea"]), ("a thought", &["idea"])]).await;
    let shown = &page[1];
    assert_eq!(
        (&shown["channel"]["id"], &shown["channel"]["name"], &shown["threadId"]),
        (&json!(forum.id().to_string()), &json!("questions"), &json!(wanted.id().to_string()))
    );
    assert_eq!(shown["edited"], false);

    // A tag that changes later counts at once, and is no edit.
    wanted.set_applied_tags(&[idea, bug]).unwrap();
    shows(&bobs, &[]).await;
    excluded.set_applied_tags(&[]).unwrap();
    let page = shows(&bobs, &[("an answer to nobody", &[]), ("it doesn't work", &[])]).await;
    assert!(page.iter().all(|one| one["edited"] == false), "{page:?}");
    wanted.set_applied_tags(&[idea]).unwrap();
    carol.edit(&wanted, first.id, "a thought, corrected").unwrap();
    let page = shows(
        &bobs,
        &[
            ("another thought", &["idea"]),
            ("an answer to nobody", &[]),
            ("a thought, corrected", &["idea"]),
            ("it doesn't work", &[]),
        ],
    )
    .await;
    let edited: Vec<&Value> = page.iter().map(|one| &one["edited"]).collect();
    assert_eq!(edited, [false, false, true, false]);

    excluded.delete().unwrap();
    shows(&bobs, &[("another thought", &["idea"]), ("a thought, corrected", &["idea"])]).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn threads_older_than_the_bots_start_are_known_before_they_are_shown(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let forum = site.harbour.forum("questions");
    let tags = forum.set_tags(&["bug", "idea"]).unwrap();
    let (bug, idea) = (tags[0], tags[1]);
    let (active, _) = site.alice.start_post(&forum, "Broken", &[bug], "by Alice").unwrap();
    let (archived, _) = site.alice.start_post(&forum, "Long ago", &[bug], "by Alice").unwrap();
    let (wanted, _) = site.alice.start_post(&forum, "Better", &[idea], "by Alice").unwrap();
    archived.set_archived(true).unwrap();
    wanted.set_archived(true).unwrap();
    // The bot doesn't know these threads when somebody is followed for the first time.
    follow_except(&bobs, &carol, bug).await;
    for thread in [&active, &archived, &wanted] {
        carol.post(thread, "before").unwrap();
    }
    shows(&bobs, &[("before", &["idea"])]).await;

    // Nor does it after a start.
    wanted.set_archived(true).unwrap();
    archived.set_archived(true).unwrap();
    let site = restarted(site).await;
    let bobs = moved(bobs, &site);
    for thread in [&active, &archived, &wanted] {
        carol.post(thread, "after").unwrap();
    }
    shows(&bobs, &[("after", &["idea"]), ("before", &["idea"])]).await;

    // What changes in a thread of which something was recorded before the start counts, too.
    let site = restarted(site).await;
    let bobs = moved(bobs, &site);
    wanted.set_applied_tags(&[bug]).unwrap();
    shows(&bobs, &[]).await;
}

#[tokio::test]
async fn what_is_posted_while_its_thread_is_looked_up_isnt_lost() {
    let site = Site::new().await;
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    let forum = site.harbour.forum("questions");
    let tags = forum.set_tags(&["bug"]).unwrap();
    let (thread, _) = site.alice.start_post(&forum, "Broken", &[], "by Alice").unwrap();
    let town = site.harbour.text("town");
    follow_except(&bobs, &carol, tags[0]).await;
    for number in 0..5 {
        carol.post(&thread, format!("in the thread {number}").as_str()).unwrap();
        let gone = carol.post(&town, "said in haste").unwrap();
        carol.delete(&town, gone.id).unwrap();
    }
    carol.post(&town, "in the channel").unwrap();
    let texts: Vec<String> = (0..5).rev().map(|number| format!("in the thread {number}")).collect();
    let mut expected: Vec<(&str, &[&str])> = vec![("in the channel", &[])];
    expected.extend(texts.iter().map(|text| (text.as_str(), &[][..])));
    shows(&bobs, &expected).await;
}
