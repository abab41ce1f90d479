//! Threads as sources, in a text target: those of a channel, single ones, private ones.

use std::time::Duration;

use tributary_sandbox::{Channel, ChannelKind, Options, Permissions};

use crate::harness::{Forum, SOON, refusal};

#[tokio::test]
async fn edits_and_deletions_in_threads_are_followed() {
    let forum = Forum::new().await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let (post, first) = forum.alice.start_post(&forum.ideas, "A lighthouse", &[], "one").unwrap();
    let answer = forum.say(&post, "two");
    forum.say(&post, "three");
    forum.comes_to(&["one", "two", "three"]).await;
    forum.alice.edit(&post, first.id, "one edited").unwrap();
    forum.alice.delete(&post, answer.id).unwrap();
    forum.comes_to(&["one edited", "three"]).await;
    post.delete().unwrap();
    forum.comes_to(&[]).await;
}

#[tokio::test]
async fn threads_of_a_text_channel_are_off_until_chosen() {
    let forum = Forum::new().await;
    forum.follow(&forum.talk, &[]).await;
    let message = forum.say(&forum.talk, "in the channel");
    let thread = forum.alice.start_thread(&forum.talk, "aside", None).unwrap();
    forum.say(&thread, "aside one");
    forum.comes_to(&["in the channel"]).await;
    forum.follow(&forum.talk, &[("threads", "starter")]).await;
    let from = forum.alice.start_thread(&forum.talk, "from a message", Some(message.id)).unwrap();
    forum.say(&from, "an answer to a message");
    let alone = forum.alice.start_thread(&forum.talk, "alone", None).unwrap();
    forum.say(&alone, "begins alone");
    forum.say(&alone, "goes on");
    forum.say(&thread, "aside two");
    forum.comes_to(&["in the channel", "begins alone"]).await;
    forum.follow(&forum.talk, &[("threads", "all")]).await;
    forum.say(&thread, "aside three");
    forum.say(&from, "another answer");
    forum.comes_to(&["in the channel", "begins alone", "aside three", "another answer"]).await;
}

/// Its first message is still on its way when somebody follows only the thread.
#[tokio::test]
async fn a_thread_begins_where_it_does_also_when_it_is_followed_at_once() {
    let forum = Forum::new().await;
    forum.follow(&forum.talk, &[("threads", "starter")]).await;
    let quiet = forum.talk.guild().unwrap().text("quiet");
    let thread = forum.alice.start_thread(&forum.talk, "alone", None).unwrap();
    forum.say(&thread, "begins alone");
    let options = Options::new().set("channel", &thread);
    forum.alice.run(&quiet, "/follow", options).await.unwrap();
    forum.say(&thread, "goes on");
    quiet.wait_for_message(SOON, |message| message.content == "goes on").await.unwrap();
    forum.say(&forum.talk, "in the channel");
    forum.comes_to(&["begins alone", "in the channel"]).await;
}

#[tokio::test]
async fn a_single_thread_can_be_followed() {
    let mut forum = Forum::new().await;
    let thread = forum.alice.start_thread(&forum.talk, "aside", None).unwrap();
    let other = forum.alice.start_thread(&forum.talk, "other", None).unwrap();
    forum.say(&thread, "before");
    forum.follow(&thread, &[]).await;
    forum.say(&thread, "one");
    forum.say(&other, "not this");
    forum.say(&forum.talk, "nor this");
    forum.comes_to(&["one"]).await;
    forum
        .absent(|forum| {
            forum.say(&thread, "two");
            forum.say(&other, "still not this");
        })
        .await;
    forum.comes_to(&["one", "two"]).await;
    thread.delete().unwrap();
    forum.world.database.wait_for("broken_reason", "source_deleted").await;
    // As if a channel were deleted.
    forum.comes_to(&["one", "two"]).await;
}

#[tokio::test]
async fn a_private_thread_is_followed_by_itself_alone() {
    let forum = Forum::new().await;
    forum.follow(&forum.talk, &[("threads", "all")]).await;
    let secret = forum.talk.private_thread("secret").unwrap();
    secret.add_to_thread(forum.alice.id()).unwrap();
    forum.say(&secret, "for few");
    let open = forum.alice.start_thread(&forum.talk, "open", None).unwrap();
    forum.say(&open, "for all");
    forum.comes_to(&["for all"]).await;
    let options = Options::new().set("link", secret.link().as_str());
    let stranger = forum.news.guild().unwrap().member("Bob", Permissions::MANAGE_CHANNELS);
    let reply = stranger.run(&forum.news, "/follow", options).await.unwrap();
    assert!(refusal(&reply).contains("can't find that channel"), "{}", reply.text());
    secret.add_to_thread(forum.world.sandbox.bot_id()).unwrap();
    let options = Options::new().set("link", secret.link().as_str());
    let asked = forum.alice.run(&forum.news, "/follow", options).await.unwrap();
    let made = asked.press("Follow anyway").await.unwrap();
    assert!(made.text().contains("now follows"), "{}", made.text());
    forum.say(&secret, "for these few");
    forum.comes_to(&["for all", "for these few"]).await;
}

#[tokio::test]
async fn a_thread_that_is_made_private_is_taken_back() {
    let forum = Forum::new().await;
    forum.follow(&forum.talk, &[("threads", "all")]).await;
    let thread = forum.alice.start_thread(&forum.talk, "aside", None).unwrap();
    forum.say(&thread, "one");
    forum.comes_to(&["one"]).await;
    forum.say(&forum.talk, "beside");
    forum.comes_to(&["one", "beside"]).await;
    thread.convert(ChannelKind::PrivateThread).unwrap();
    forum.say(&thread, "two");
    forum.comes_to(&["beside"]).await;
}

#[tokio::test]
async fn nothing_is_lost_in_threads_when_a_session_is_lost() {
    let forum = Forum::new().await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.comes_to(&["one"]).await;
    forum.world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
    forum.world.sandbox.forget_gateway_sessions();
    forum.say(&post, "two");
    forum.start("A pier", &[], "three");
    forum.world.sandbox.restore_gateway();
    forum.say(&post, "four");
    let wanted = ["one", "two", "three", "four"];
    let all = || wanted.iter().all(|text| forum.shows(text)).then_some(());
    let came = forum.world.sandbox.wait_for("all four", SOON * 2, all).await;
    assert!(came.is_ok(), "{:?}", forum.shown());
    forum.settled().await;
    assert_eq!(forum.shown().len(), 4, "{:?}", forum.shown());
}

#[tokio::test]
async fn threads_of_forums_and_of_threads_are_not_for_every_choice() {
    let forum = Forum::new().await;
    let post = forum.start("A lighthouse", &[], "one");
    for (source, threads, says) in
        [(&forum.ideas, "none", "only threads"), (&post, "all", "no threads of its own")]
    {
        let options = Options::new().set("link", source.link().as_str()).set("threads", threads);
        let reply = forum.alice.run(&forum.news, "/follow", options).await.unwrap();
        assert!(refusal(&reply).contains(says), "{}", reply.text());
    }
}

#[tokio::test]
async fn threads_of_other_servers_are_open_as_their_channel_is() {
    let forum = Forum::new().await;
    let elsewhere = forum.world.sandbox.create_guild("Elsewhere");
    let there = elsewhere.text("there");
    elsewhere.join(&forum.alice, Permissions::MANAGE_CHANNELS);
    let post = forum.start("A lighthouse", &[], "one");
    let secret = forum.talk.private_thread("secret").unwrap();
    secret.add_to_thread(forum.alice.id()).unwrap();
    secret.add_to_thread(forum.world.sandbox.bot_id()).unwrap();
    let follow = async |source: &Channel| {
        let options = Options::new().set("link", source.link().as_str());
        forum.alice.run(&there, "/follow", options).await.unwrap()
    };
    assert!(refusal(&follow(&post).await).contains("not open to other servers"));
    assert!(refusal(&follow(&secret).await).contains("private thread"));
    let options = Options::new().set("channel", &forum.ideas).set("audience", "servers");
    forum.alice.run(&forum.talk, "/publish", options).await.unwrap();
    assert!(follow(&post).await.text().contains("now follows"));
    forum.say(&post, "two");
    there.wait_for_message(SOON, |message| message.text().contains("two")).await.unwrap();
}
