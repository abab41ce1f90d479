//! Forums and threads as sources, in a text target: what appears, changes and disappears.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, ChannelKind, Options, Permissions, Person, SeenMessage, TagId};

use crate::harness::{Backend, Bot, SOON, World, admin, refusal};

/// The forum `#ideas` and the text channel `#talk`, and `#news` that follows them.
struct Forum {
    world: World,
    bot: Option<Bot>,
    ideas: Channel,
    talk: Channel,
    news: Channel,
    alice: Person,
    bug: TagId,
    wish: TagId,
}

impl Forum {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Backend::Sqlite, settings).await.expect("SQLite is always there")
    }

    async fn on(backend: Backend, settings: &[(&str, &str)]) -> Option<Self> {
        let mut world = World::on(backend).await?;
        settings.iter().for_each(|(name, value)| world.set(name, *value));
        let guild = world.sandbox.create_guild("Harbour");
        let (ideas, talk, news) = (guild.forum("ideas"), guild.text("talk"), guild.text("news"));
        let tags = ideas.set_tags(&["bug", "wish"]).unwrap();
        let alice = admin(&guild, "Alice");
        let bot = Some(world.start().await);
        Some(Self { world, bot, ideas, talk, news, alice, bug: tags[0], wish: tags[1] })
    }

    /// `#news` follows a source with these options besides.
    async fn follow(&self, source: &Channel, options: &[(&str, &str)]) -> String {
        let options =
            options.iter().fold(Options::new().set("link", source.link().as_str()), |all, (name, value)| {
                all.set(name, *value)
            });
        let reply = self.alice.run(&self.news, "/follow", options).await.expect("an answer");
        assert!(reply.text().contains("follows"), "{}", reply.text());
        reply.text()
    }

    fn start(&self, title: &str, tags: &[TagId], text: &str) -> Channel {
        self.alice.start_post(&self.ideas, title, tags, text).expect("she may").0
    }

    fn say(&self, channel: &Channel, text: &str) -> SeenMessage {
        self.alice.post(channel, text).expect("she may")
    }

    /// What the mirrors show, each in full.
    fn shown(&self) -> Vec<String> {
        let mirrors = self.news.messages().into_iter().filter(|message| message.webhook.is_some());
        mirrors.map(|message| message.text()).collect()
    }

    fn shows(&self, text: &str) -> bool {
        self.shown().iter().any(|shown| shown.contains(text))
    }

    /// Exactly these appear, in this order, each known by a part of it, and nothing else follows.
    async fn comes_to(&self, wanted: &[&str]) {
        let fits = || {
            let shown = self.shown();
            let each = shown.iter().zip(wanted).all(|(shown, wanted)| shown.contains(wanted));
            (shown.len() == wanted.len() && each).then_some(())
        };
        let came = self.world.sandbox.wait_for("the mirrors", SOON, fits).await;
        assert!(came.is_ok(), "wanted {wanted:?}, but there is {:?}", self.shown());
        self.settled().await;
        assert!(fits().is_some(), "wanted {wanted:?}, but there is {:?}", self.shown());
    }

    async fn settled(&self) {
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is owed any more", rest).await;
        self.world.sandbox.wait_quiet(Duration::from_millis(200)).await;
    }

    async fn absent(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.bot.take().expect("it runs").stop().await;
        meanwhile(self);
        self.bot = Some(self.world.start().await);
    }

    async fn killed(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.bot.take().expect("it runs").kill().await;
        meanwhile(self);
        self.bot = Some(self.world.start().await);
    }

    /// How many requests go to what this names.
    fn requests(&self, fits: impl Fn(&str) -> bool) -> usize {
        self.world.sandbox.exchanges().iter().filter(|one| fits(&one.path)).count()
    }
}

#[rstest]
#[case(Backend::Sqlite)]
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
    // As where a channel is deleted.
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
    forum.follow(&secret, &[]).await;
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
async fn tags_that_change_bring_and_take_away() {
    let forum = Forum::new().await;
    forum.world.database.execute("SELECT 1").await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    // As `only` with the tag, whatever the command says by now.
    let tag = format!(
        "INSERT INTO channel_follow_tags (follow_id, tag) SELECT id, 'forum:{}' FROM channel_follows",
        forum.bug
    );
    forum.world.database.execute(&tag).await;
    forum.world.database.execute("UPDATE channel_follows SET mode = 'only'").await;
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
async fn threads_of_forums_and_of_threads_are_not_for_every_choice() {
    let forum = Forum::new().await;
    let post = forum.start("A lighthouse", &[], "one");
    for (source, threads, says) in
        [(&forum.ideas, "none", "nothing but threads"), (&post, "all", "no threads of its own")]
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
