//! Forums as sources, in a text target: what appears, changes and disappears.

use rstest::rstest;
use tributary_sandbox::{ChannelKind, Options, Permissions};

use crate::harness::{Backend, Forum, SOON};

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_forums_posts_appear_and_its_answers_only_if_chosen(#[case] backend: Backend) {
    let Some(forum) = Forum::on(backend, &[]).await else { return };
    forum.follow(&forum.ideas, &[]).await;
    let post = forum.start("A lighthouse", &[forum.wish], "Let us build one");
    forum.say(&post, "an answer");
    forum.comes_to(&["Let us build one"]).await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    forum.say(&post, "another answer");
    let second = forum.start("A pier", &[], "And one of these");
    forum.say(&second, "of wood");
    forum.comes_to(&["Let us build one", "another answer", "And one of these", "of wood"]).await;
}

#[tokio::test]
async fn tags_that_change_bring_and_take_away() {
    let forum = Forum::new().await;
    forum.follow(&forum.ideas, &[("threads", "all"), ("mode", "only"), ("tags", "bug")]).await;
    let post = forum.start("A leak", &[forum.wish], "water");
    forum.say(&post, "more water");
    forum.comes_to(&[]).await;
    post.set_applied_tags(&[forum.bug]).unwrap();
    forum.comes_to(&["water", "more water"]).await;
    post.set_applied_tags(&[]).unwrap();
    forum.comes_to(&[]).await;
}

#[tokio::test]
async fn a_post_that_is_renamed_is_renamed_where_it_is_shown() {
    let mut forum = Forum::new().await;
    forum.follow(&forum.ideas, &[]).await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.comes_to(&["one"]).await;
    let before = content(&forum).await;
    post.rename("A tower").unwrap();
    forum.world.until("the title is known", async || content(&forum).await != before).await;
    forum.settled().await;
    let before = content(&forum).await;
    forum.absent(|_| post.rename("A high tower").unwrap()).await;
    forum.world.until("the title is known", async || content(&forum).await != before).await;
}

/// The revision of what was posted first.
async fn content(forum: &Forum) -> String {
    let query = "SELECT CAST(revision AS TEXT) FROM activities ORDER BY id LIMIT 1";
    forum.world.database.text(query).await.unwrap()
}

#[rstest]
#[case::stopped(false, Backend::Sqlite)]
#[case::killed(true, Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::stopped_on_postgres(false, Backend::Postgres)]
#[tokio::test]
async fn what_happens_in_threads_while_the_bot_is_away_is_made_up_for(
    #[case] kill: bool,
    #[case] backend: Backend,
) {
    let Some(mut forum) = Forum::on(backend, &[]).await else { return };
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let (old, first) = forum.alice.start_post(&forum.ideas, "Old", &[], "old one").unwrap();
    let answer = forum.say(&old, "old two");
    let gone = forum.start("Gone", &[], "gone one");
    let hidden = forum.start("Hidden", &[], "hidden one");
    forum.comes_to(&["old one", "old two", "gone one", "hidden one"]).await;
    let meanwhile = |forum: &Forum| {
        forum.alice.edit(&old, first.id, "old one edited").unwrap();
        forum.alice.delete(&old, answer.id).unwrap();
        forum.say(&old, "old three");
        gone.delete().unwrap();
        hidden.convert(ChannelKind::PrivateThread).unwrap();
        let new = forum.start("New", &[forum.bug], "new one");
        forum.say(&new, "new two");
        let closed = forum.start("Closed", &[], "closed one");
        closed.set_archived(true).unwrap();
    };
    if kill {
        forum.killed(meanwhile).await
    } else {
        forum.absent(meanwhile).await
    }
    let wanted = ["old one edited", "old three", "new one", "new two", "closed one"];
    let fits = || {
        let shown = forum.shown();
        let mut all = wanted.iter().all(|wanted| shown.iter().any(|shown| shown.contains(wanted)));
        all &= shown.len() == wanted.len();
        all.then_some(())
    };
    let came = forum.world.sandbox.wait_for("the mirrors", SOON * 2, fits).await;
    assert!(came.is_ok(), "{:?}", forum.shown());
    forum.settled().await;
    assert!(fits().is_some(), "{:?}", forum.shown());
}

#[tokio::test]
async fn quiet_threads_cost_no_request() {
    let mut forum = Forum::new().await;
    for n in 0..200 {
        let post = forum.start(&format!("Post {n}"), &[], "before");
        if n % 2 == 0 {
            post.set_archived(true).unwrap();
        }
    }
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let post = forum.start("New", &[], "one");
    forum.comes_to(&["one"]).await;
    let about_channels = |path: &str| path.contains("/channels/") || path.contains("/threads/");
    let before = forum.requests(about_channels);
    forum.absent(|forum| drop(forum.say(&post, "two"))).await;
    forum.comes_to(&["one", "two"]).await;
    let asked = forum.requests(about_channels) - before;
    assert!(asked <= 12, "{asked} requests");
}

#[tokio::test]
async fn only_what_is_within_the_bounds_is_made_up_for_in_a_thread() {
    let mut forum = Forum::with(&[("CATCH_UP_MESSAGES", "3")]).await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.comes_to(&["one"]).await;
    forum.absent(|forum| (0..8).for_each(|n| drop(forum.say(&post, &format!("answer {n}"))))).await;
    forum.comes_to(&["one", "was not mirrored", "answer 5", "answer 6", "answer 7"]).await;
}

#[tokio::test]
async fn a_follow_can_begin_with_a_forums_last_posts() {
    let mut forum = Forum::new().await;
    for n in 0..5 {
        let post = forum.start(&format!("Post {n}"), &[], &format!("text {n}"));
        forum.say(&post, "an answer");
        if n % 2 == 0 {
            post.set_archived(true).unwrap();
        }
    }
    let options = Options::new().set("channel", &forum.ideas).set("backfill", 3);
    let reply = forum.alice.run(&forum.news, "/follow", options).await.unwrap();
    assert!(reply.text().contains("its last 3 posts"), "{}", reply.text());
    forum.comes_to(&["text 2", "text 3", "text 4"]).await;
    let post = forum.start("Live", &[], "live");
    forum.comes_to(&["text 2", "text 3", "text 4", "live"]).await;
    forum.absent(|_| post.delete().unwrap()).await;
    forum.comes_to(&["text 2", "text 3", "text 4"]).await;
}

#[rstest]
#[case::by_the_forums_tags("bug", "tagged", 0)]
#[case::by_hashtags("#bug", "marked", 26)]
#[tokio::test]
async fn a_follow_begins_with_wanted_posts_of_a_forum(
    #[case] tag: &str,
    #[case] wanted: &str,
    #[case] unwanted_read: usize,
) {
    let forum = Forum::new().await;
    for n in 0..3 {
        forum.start(&format!("Tagged {n}"), &[forum.bug], &format!("tagged {n}"));
        forum.start(&format!("Marked {n}"), &[forum.wish], &format!("marked {n}, #bug"));
    }
    for n in 0..20 {
        let post = forum.start(&format!("Chatter {n}"), &[forum.wish], &format!("chatter {n}"));
        if n % 2 == 0 {
            post.set_archived(true).unwrap();
        }
    }
    let options = Options::new().set("channel", &forum.ideas).set("mode", "only").set("tags", tag);
    let reply = forum.alice.run(&forum.news, "/follow", options.set("backfill", 2)).await.unwrap();
    assert!(reply.text().contains("its last 2 posts"), "{}", reply.text());
    forum.comes_to(&[&format!("{wanted} 1"), &format!("{wanted} 2")]).await;
    let chatter: Vec<_> =
        forum.ideas.threads().into_iter().filter(|post| post.name().starts_with("Chatter")).collect();
    let read = forum.requests(|path| chatter.iter().any(|post| path.contains(&post.id().to_string())));
    assert!(read <= unwanted_read, "{read} requests for posts that nobody wants");
}

#[tokio::test]
async fn an_archived_thread_that_wakes_is_read_on() {
    let mut forum = Forum::new().await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.comes_to(&["one"]).await;
    post.set_archived(true).unwrap();
    forum.absent(|_| ()).await;
    forum.say(&post, "two");
    forum.comes_to(&["one", "two"]).await;
}

#[tokio::test]
async fn a_forum_that_can_be_seen_again_is_made_up_for() {
    let forum = Forum::new().await;
    let guild = forum.ideas.guild().unwrap();
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.comes_to(&["one"]).await;
    guild.deny_bot(&forum.ideas, Permissions::VIEW_CHANNEL);
    forum.say(&post, "two");
    forum.start("A pier", &[], "three");
    guild.deny_bot(&forum.ideas, Permissions::empty());
    let all = || ["one", "two", "three"].iter().all(|text| forum.shows(text)).then_some(());
    forum.world.sandbox.wait_for("all three", SOON, all).await.unwrap();
}

#[tokio::test]
async fn a_deleted_forum_breaks_its_follows_and_those_of_its_threads() {
    let forum = Forum::new().await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.follow(&post, &[]).await;
    forum.ideas.delete().unwrap();
    forum.world.database.wait_for("broken_reason", "source_deleted").await;
}

#[tokio::test]
async fn of_many_new_posts_the_newest_are_made_up_for_and_the_rest_is_said() {
    let mut forum = Forum::with(&[("CATCH_UP_MESSAGES", "3")]).await;
    forum.follow(&forum.ideas, &[]).await;
    forum.start("Before", &[], "one");
    forum.comes_to(&["one"]).await;
    let meanwhile = |forum: &Forum| (0..8).for_each(|n| drop(forum.start("New", &[], &format!("text {n}"))));
    forum.absent(meanwhile).await;
    forum.comes_to(&["one", "was not mirrored", "text 5", "text 6", "text 7"]).await;
    forum.absent(|_| ()).await;
    forum.comes_to(&["one", "was not mirrored", "text 5", "text 6", "text 7"]).await;
}
