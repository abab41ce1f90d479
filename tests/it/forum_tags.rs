//! Modes over a forum's tags: named in `/follow`, let through, renamed, deleted. And threads that would make
//! something public that wasn't.

use tributary_sandbox::{Channel, Options, Permissions, TagId};

use crate::harness::{SOON, Scene};

/// `#ideas` with its tags.
struct Forum {
    scene: Scene,
    ideas: Channel,
    tags: Vec<TagId>,
}

impl Forum {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let ideas = scene.harbour.forum("ideas");
        let tags = ideas.set_tags(&["Bug", "Idea", "Q, A"]).unwrap();
        Self { scene, ideas, tags }
    }

    /// `/follow` in `#news` with this mode and these tags.
    fn options(&self, mode: &str, tags: &str) -> Options {
        Options::new().set("channel", &self.ideas).set("mode", mode).set("tags", tags)
    }

    async fn follow(&self, mode: &str, tags: &str) {
        let reply = self.scene.run("/follow", self.options(mode, tags)).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }

    /// Alice posts with these tags, by their position in the list.
    fn post(&self, title: &str, tags: &[usize], text: &str) -> Channel {
        let tags: Vec<TagId> = tags.iter().map(|at| self.tags[*at]).collect();
        self.scene.alice.start_post(&self.ideas, title, &tags, text).unwrap().0
    }

    /// Waits until `#news` shows exactly these, in any order.
    async fn shows(&self, expected: &[&str]) {
        let shown = self.scene.news.wait_for_messages(SOON, |messages| {
            let all = |text: &&str| messages.iter().any(|message| message.text().contains(text));
            messages.len() == expected.len() && expected.iter().all(all)
        });
        assert!(shown.await.is_ok(), "not {expected:?}:\n{}", self.scene.news.render_text());
    }
}

#[tokio::test]
async fn a_forums_tags_are_named_quoted_or_not_and_others_are_refused() {
    let forum = Forum::new().await;
    let text = forum.scene.refused("/follow", forum.options("only", "bug, bgu")).await;
    let expected = format!(
        "{} has no tag `bgu`. Its tags are Bug, Idea, Q, A. For a hashtag in the text write `#bgu`.",
        forum.ideas.mention()
    );
    assert_eq!(text, expected);
    forum.follow("only", "ＢＵＧ, Q, A, #Beta").await;
    let tags = "SELECT group_concat(label) FROM (SELECT label FROM channel_follow_tags ORDER BY label)";
    assert_eq!(forum.scene.world.database.text(tags).await.as_deref(), Some("Bug,Q, A"));
    let again = forum.scene.refused("/follow", forum.options("only", "#beta, \"Q, A\", bug")).await;
    assert!(again.contains("is already following"), "{again}");
    // The hashtag is a different tag from the forum's tag with this name.
    let reply = forum.scene.run("/follow", forum.options("only", "#bug")).await;
    assert_eq!(reply.text(), "Follow #1 is changed: tags \\#beta, Bug, Q, A → \\#bug.");
}

#[tokio::test]
async fn posts_come_through_by_their_tags_and_their_hashtags() {
    let forum = Forum::new().await;
    forum.follow("only", "bug, #beta").await;
    forum.post("one", &[], "text one");
    forum.post("two", &[0], "text two");
    forum.post("three", &[1], "text three, in #Beta");
    forum.post("four", &[1, 2], "text four");
    forum.post("five", &[0, 1], "text five");
    forum.shows(&["text two", "text three", "text five"]).await;
}

#[tokio::test]
async fn a_tag_that_is_made_later_counts_like_any_other() {
    let mut forum = Forum::new().await;
    forum.follow("except", "bug").await;
    forum.tags = forum.ideas.set_tags(&["Bug", "Idea", "Q, A", "New"]).unwrap();
    forum.post("one", &[0, 3], "text one");
    forum.post("two", &[3], "text two");
    forum.post("three", &[], "text three");
    forum.shows(&["text two", "text three"]).await;
}

#[tokio::test]
async fn a_retagged_post_appears_and_disappears() {
    let forum = Forum::new().await;
    forum.follow("only", "bug").await;
    let post = forum.post("one", &[1], "text one");
    forum.post("two", &[0], "text two");
    forum.shows(&["text two"]).await;
    post.set_applied_tags(&forum.tags[..2]).unwrap();
    forum.shows(&["text two", "text one"]).await;
    post.set_applied_tags(&[]).unwrap();
    forum.shows(&["text two"]).await;
}

#[tokio::test]
async fn a_renamed_tag_goes_on_and_a_deleted_one_is_told() {
    let forum = Forum::new().await;
    let Forum { scene, ideas, tags } = &forum;
    forum.follow("only", "bug, idea").await;
    ideas.rename_tag(tags[0], "Fault").unwrap();
    forum.post("one", &[0], "text one");
    forum.shows(&["text one"]).await;
    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("only Fault, Idea"), "{list}");
    let same = scene.refused("/follow", forum.options("only", "fault, idea")).await;
    assert!(same.contains("is already following"), "{same}");

    ideas.set_tags(&["Fault", "Q, A"]).unwrap();
    let list = scene.run("/follows", ()).await.text();
    let told = "⚠️ tag deleted in the source: ~~Idea~~. Posts with the other tags still come through.";
    assert!(list.contains("only Fault ·") && list.contains(told), "{list}");
    ideas.set_tags(&["Q, A"]).unwrap();
    let list = scene.run("/follows", ()).await.text();
    let told = "⚠️ tags deleted in the source: ~~Bug~~, ~~Idea~~. So nothing comes through any more";
    assert!(list.contains(told), "{list}");
    scene.run("/follow", Options::new().set("channel", ideas).set("mode", "except")).await;
    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("So nothing is left out any more."), "{list}");
    scene.run("/follow", Options::new().set("channel", ideas).set("mode", "all")).await;
    assert!(!scene.run("/follows", ()).await.text().contains("⚠️"));
}

#[tokio::test]
async fn who_may_not_see_the_forum_learns_no_names() {
    let forum = Forum::new().await;
    forum.follow("only", "bug").await;
    forum.ideas.deny(&forum.scene.alice, Permissions::VIEW_CHANNEL);
    forum.ideas.rename_tag(forum.tags[0], "Secret").unwrap();
    let list = forum.scene.run("/follows", ()).await.text();
    assert!(list.contains("only *a tag that you can't see*"), "{list}");
}

#[tokio::test]
async fn what_isnt_usual_about_threads_is_shown_and_changed() {
    let forum = Forum::new().await;
    let source = || Options::new().set("channel", &forum.ideas);
    forum.scene.run("/follow", source()).await;
    assert!(!forum.scene.run("/follows", ()).await.text().contains("threads"));
    let text = forum.scene.run("/follow", source().set("threads", "all")).await.text();
    assert_eq!(text, "Follow #1 is changed: threads starter → all.");
    let text = forum.scene.run("/follow", source().set("panels", false)).await.text();
    assert_eq!(text, "Follow #1 is changed: panels on → off.");
    assert!(forum.scene.run("/follows", ()).await.text().contains("relay · all · threads all · no panels"));
}

#[tokio::test]
async fn a_native_follow_that_gets_threads_is_relayed() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let text = scene.run("/follow", Options::new().set("channel", &board).set("threads", "all")).await.text();
    let expected = "Follow #1 is changed: threads none → all · delivery native → relay (a native follow has no threads).";
    assert_eq!(text, expected);
    let thread = scene.alice.start_thread(&board, "talk", None).unwrap();
    scene.alice.post(&thread, "in the thread").unwrap();
    let begins = |content: &str| content.starts_with("### [talk]") && content.ends_with("in the thread");
    scene.news.wait_for_message(SOON, |message| begins(&message.content)).await.unwrap();
}

#[tokio::test]
async fn a_thread_is_as_public_as_its_channel_and_a_private_one_is_not() {
    let scene = Scene::new().await;
    let staff = scene.harbour.text("staff");
    staff.deny_everyone(Permissions::VIEW_CHANNEL);
    staff.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    scene.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL);
    let (open, hidden) = (scene.releases.thread("open").unwrap(), staff.thread("hidden").unwrap());
    let private = scene.releases.private_thread("private").unwrap();
    private.add_to_thread(scene.alice.id()).unwrap();
    private.add_to_thread(scene.world.sandbox.bot_id()).unwrap();
    let follow = async |thread: &Channel| scene.run("/follow", Options::new().set("channel", thread)).await;
    for thread in [&hidden, &private] {
        let asked = follow(thread).await;
        assert!(asked.text().starts_with("Everyone in this server"), "{}", asked.text());
        asked.press("Cancel").await.unwrap();
    }
    let reply = follow(&open).await;
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

/// People who can't see the forum any more aren't told the names of its tags, wherever tags are listed or
/// offered.
#[tokio::test]
async fn names_of_tags_are_hidden_with_their_forum() {
    let forum = Forum::new().await;
    forum.follow("except", "bug, idea, #beta").await;
    forum.post("one", &[0], "text one");
    let scene = &forum.scene;
    let bob = crate::harness::admin(&scene.harbour, "Bob");
    let list = async || bob.run(&scene.news, "/follows", ()).await.unwrap();
    assert!(list().await.text().contains("Bug, Idea"), "somebody who sees it is told");
    let offered = async || {
        let choices = bob.autocomplete(&scene.news, "/follow", Options::new(), "tags", "").await.unwrap();
        choices.into_iter().map(|choice| choice.name).collect::<Vec<_>>()
    };

    forum.ideas.deny(&bob, Permissions::VIEW_CHANNEL);
    let listed = list().await;
    let text = listed.text();
    assert!(text.contains("except *3 tags that you can't see*"), "{text}");
    let (menu, last) = crate::harness::choice(&listed, "last");
    let report = listed.select(&menu, &[&last]).await.unwrap().text();
    assert_eq!(offered().await, [""; 0]);
    for text in [text, report] {
        for name in ["Bug", "Idea", "beta"] {
            assert!(!text.contains(name), "{text}");
        }
    }
}
