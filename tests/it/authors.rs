//! `/privacy`: people see what is stored about them, opt out of being mirrored, and have themselves
//! forgotten.

use rstest::rstest;
use tributary_sandbox::{Effect, Fault, Options, Permissions, Person, Post, Reply};

use crate::harness::{Backend, Crew, Pair, SOON, refusal, tagged, texts};

const GONE: &str = "-# ↪ a deleted message";

fn place(word: &str) -> Options {
    Options::new().set("where", word)
}

impl Pair {
    /// Somebody who may only post.
    pub(crate) fn somebody(&self, name: &str) -> Person {
        self.guild.member(name, Permissions::empty())
    }

    /// They run `/privacy` in the source; only they see the answer.
    async fn privacy(&self, person: &Person, command: &str, options: impl Into<Options>) -> Reply {
        let reply = person.run(&self.source, &format!("/privacy {command}"), options).await.unwrap();
        assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
        reply
    }

    pub(crate) async fn opt_out(&self, person: &Person, word: &str) {
        let reply = self.privacy(person, "opt-out", place(word)).await;
        assert!(reply.text().starts_with("Your messages are no longer copied"), "{}", reply.text());
    }

    /// Waits until the mirrors' texts are exactly these.
    async fn shows(&self, texts: &[&str]) {
        let shows = || (self.texts() == texts).then_some(());
        let came = self.world.sandbox.wait_for("the mirrors to be these", SOON, shows).await;
        assert!(came.is_ok(), "{:?} and not {texts:?}", self.texts());
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_opts_out_is_mirrored_no_more(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let bob = pair.somebody("Bob");
    let first = bob.post(&pair.source, "the password is heron").unwrap();
    pair.alice.post(&pair.source, Post::text("thanks").reply_to(first.id)).unwrap();
    pair.settled().await;
    assert!(pair.texts()[1].contains("heron"));
    pair.opt_out(&bob, "here").await;
    let quoted = format!("{GONE}\nthanks");
    pair.shows(&[&quoted, "last-0 of all"]).await;

    // What is posted, what is edited, and what is quoted from now on.
    let second = bob.post(&pair.source, "a crane").unwrap();
    bob.edit(&pair.source, first.id, "the password is still heron").unwrap();
    pair.alice.post(&pair.source, Post::text("a bird").reply_to(second.id)).unwrap();
    pair.settled().await;
    let answered = format!("{GONE}\na bird");
    pair.shows(&[&quoted, "last-0 of all", &answered, "last-1 of all"]).await;
    let metrics = pair.page("/metrics").await;
    assert!(metrics.contains("tributary_events_left_out_total{reason=\"author_opted_out\"} 1"), "{metrics}");

    let reply = pair.privacy(&bob, "opt-in", place("here")).await;
    assert!(reply.text().starts_with("What you post from now on is copied again"), "{}", reply.text());
    bob.post(&pair.source, "a stork").unwrap();
    bob.edit(&pair.source, second.id, "a grey crane").unwrap();
    pair.settled().await;
    pair.shows(&[&quoted, "last-0 of all", &answered, "last-1 of all", "a stork", "last-2 of all"]).await;
}

#[tokio::test]
async fn what_was_posted_while_the_bot_was_away_is_left_out_too() {
    let mut pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    pair.opt_out(&bob, "everywhere").await;
    pair.settled().await;
    pair.stop().await;
    bob.post(&pair.source, "the password is heron").unwrap();
    pair.post("from Alice");
    pair.start().await;
    pair.settled().await;
    pair.shows(&["last-0 of all", "from Alice", "last-1 of all"]).await;
    // A new follow doesn't start mirroring them either.
    let later = pair.guild.text("later");
    let options = Options::new().set("channel", &pair.source).set("delivery", "relay").set("backfill", 10);
    let reply = pair.alice.run(&later, "/follow", options).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    later.wait_for_message(SOON, |message| message.content == "last-1 of all").await.unwrap();
    assert!(!later.messages().iter().any(|message| message.content.contains("heron")));
}

/// Many messages, and a kill while they are being withdrawn.
#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn taking_back_goes_on_after_a_kill(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let bob = pair.somebody("Bob");
    for number in 0..250 {
        bob.post(&pair.source, format!("{number} of Bob's").as_str()).unwrap();
    }
    pair.settled_within(SOON * 3).await;
    pair.opt_out(&bob, "here").await;
    let begun = || (pair.texts().len() < 250).then_some(());
    pair.world.sandbox.wait_for("some to disappear", SOON, begun).await.unwrap();
    pair.kill().await;
    pair.start().await;
    // What others post meanwhile doesn't wait until that is done.
    pair.settled().await;
    let only = || pair.texts().iter().all(|text| !text.contains("Bob")).then_some(());
    pair.world.sandbox.wait_for("all to disappear", SOON * 3, only).await.unwrap();
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM author_opt_outs WHERE taken_back", "1").await;
    assert_eq!(pair.texts().len(), 2, "{:?}", pair.texts());
}

#[tokio::test]
async fn it_is_explained_what_is_kept() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let nothing = pair.privacy(&bob, "show", ()).await;
    assert!(nothing.text().contains("None of your messages."), "{}", nothing.text());
    pair.post("from Alice");
    pair.settled().await;
    let shown = pair.privacy(&pair.alice, "show", ()).await.text();
    for words in
        ["Which 2 messages are yours", "1 channel shows copies", "1 follow names you", "You didn't opt out"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    pair.opt_out(&pair.alice, "here").await;
    let shown = pair.privacy(&pair.alice, "show", ()).await.text();
    assert!(shown.contains("- In this server"), "{shown}");
    let again = pair.privacy(&pair.alice, "opt-out", place("here")).await.text();
    assert!(again.contains("already"), "{again}");
    let never = pair.privacy(&bob, "opt-in", place("here")).await.text();
    assert!(never.contains("You hadn't opted out"), "{never}");
    pair.opt_out(&bob, "everywhere").await;
    let still = refusal(&pair.privacy(&bob, "opt-in", place("here")).await);
    assert!(still.contains("opted out everywhere"), "{still}");
}

#[tokio::test]
async fn it_works_in_direct_messages() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    bob.post(&pair.source, "the password is heron").unwrap();
    pair.settled().await;
    let direct = pair.world.sandbox.direct_messages(&bob).unwrap();
    let reply = bob.run(&direct, "/privacy opt-out", place("here")).await.unwrap();
    assert!(refusal(&reply).starts_with("This isn't a server"), "{}", reply.text());
    let reply = bob.run(&direct, "/privacy opt-out", place("everywhere")).await.unwrap();
    assert!(reply.text().contains("no longer copied everywhere"), "{}", reply.text());
    pair.shows(&["last-0 of all"]).await;
    assert!(bob.run(&direct, "/follows", ()).await.is_err(), "all other commands are of servers");
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn somebody_has_themselves_forgotten(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let bob = pair.somebody("Bob");
    bob.post(&pair.source, "from Bob").unwrap();
    pair.post("from Alice");
    pair.settled().await;
    let asked = pair.privacy(&pair.alice, "forget", ()).await;
    let cancelled = asked.press("Cancel").await.unwrap();
    assert!(cancelled.text().starts_with("Cancelled") && cancelled.components().is_empty());
    assert_eq!(pair.texts().len(), 3);
    let asked = pair.privacy(&pair.alice, "forget", ()).await;
    assert!(asked.press_as(&bob, "Forget me").await.is_err(), "nobody else can press it");
    let done = asked.press("Forget me").await.unwrap();
    assert!(done.text().starts_with("I'm forgetting you") && done.components().is_empty(), "{}", done.text());
    pair.shows(&["from Bob"]).await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM forget_requests", "0").await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE created_by = 0", "1").await;
    pair.settled().await;
    assert_eq!(pair.texts().len(), 2, "what she posts afterwards is mirrored");
}

#[tokio::test]
async fn the_delivery_report_says_why_it_is_not_there() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let shown = bob.post(&pair.source, "a heron").unwrap();
    pair.settled().await;
    pair.opt_out(&bob, "here").await;
    pair.shows(&["last-0 of all"]).await;
    let left_out = bob.post(&pair.source, "a crane").unwrap();
    pair.settled().await;
    for message in [shown, left_out] {
        let report = pair.alice.run_on(&pair.source, message.id, "Delivery report").await.unwrap().text();
        assert!(report.contains("not mirrored: its author doesn't want that"), "{report}");
    }
}

/// Other servers and other people aren't affected.
#[tokio::test]
async fn an_opt_out_of_one_server_leaves_others_alone() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let village = pair.world.sandbox.create_guild("Village");
    let keeper = crate::harness::admin(&village, "Keeper");
    village.join(&bob, Permissions::empty());
    let (square, mill) = (village.text("square"), village.text("mill"));
    crate::harness::follow(&keeper, &square, &mill).await;
    for channel in [&pair.source, &square] {
        bob.post(channel, "from Bob").unwrap();
    }
    mill.wait_for_message(SOON, |message| message.content == "from Bob").await.unwrap();
    pair.settled().await;
    pair.opt_out(&bob, "here").await;
    pair.shows(&["last-0 of all"]).await;
    bob.post(&square, "still here").unwrap();
    mill.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
    assert_eq!(texts(&mill), ["from Bob", "still here"]);
}

/// A forum's post whose title was the first line of a message of theirs loses that title.
#[tokio::test]
async fn titles_made_of_their_words_go_as_well() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let (talk, board) = (pair.guild.text("talk"), pair.guild.forum("board"));
    let options = Options::new().set("channel", &talk).set("into", &board).set("threads", "all");
    pair.alice.run(&talk, "/follow", options).await.unwrap();
    let secret = bob.post(&talk, "the password is heron").unwrap();
    let thread = pair.alice.start_thread(&talk, "inside", Some(secret.id)).unwrap();
    pair.alice.post(&thread, "thanks").unwrap();
    let shows = async |title: &str, texts: &[&str]| {
        let mut wanted = tagged(title, &[], texts[0]);
        wanted.texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let is_so = || (crate::harness::posts(&board) == [wanted.clone()]).then_some(());
        let came = pair.world.sandbox.wait_for("the post to show it", SOON, is_so).await;
        assert!(came.is_ok(), "{:?}", crate::harness::posts(&board));
    };
    shows("the password is heron", &["the password is heron", "thanks"]).await;
    pair.opt_out(&bob, "here").await;
    shows("A deleted message", &["thanks"]).await;
}

/// One process gets the command and records what is posted, another withdraws what was mirrored, and a third
/// deletes it.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn several_processes_keep_to_it() {
    let Some(crew) = Crew::start(2, 1).await else { return };
    let (village, keeper) = crew.server(1, "Village");
    let bob = village.member("Bob", Permissions::empty());
    let (square, mill) = (village.text("square"), village.text("mill"));
    crate::harness::follow(&keeper, &square, &mill).await;
    for number in 0..5 {
        bob.post(&square, format!("{number} of Bob's").as_str()).unwrap();
    }
    keeper.post(&square, "from the keeper").unwrap();
    mill.wait_for_message(SOON, |message| message.content == "from the keeper").await.unwrap();
    let reply = bob.run(&square, "/privacy opt-out", place("here")).await.unwrap();
    assert!(reply.text().starts_with("Your messages are no longer copied"), "{}", reply.text());
    bob.post(&square, "5 of Bob's").unwrap();
    keeper.post(&square, "from the keeper again").unwrap();
    let only = || (texts(&mill) == ["from the keeper", "from the keeper again"]).then_some(());
    let came = crew.world.sandbox.wait_for("only the keeper's to be left", SOON, only).await;
    assert!(came.is_ok(), "{:?}", texts(&mill));
}

#[tokio::test]
async fn questions_are_bounded_for_each_person() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let mut refused = None;
    for turn in 0..40 {
        let (command, options) =
            if turn % 2 == 0 { ("opt-out", place("here")) } else { ("opt-in", place("here")) };
        let reply = pair.privacy(&bob, command, options).await;
        if reply.text().starts_with("Too many requests") {
            refused = Some(turn);
            break;
        }
    }
    assert_eq!(refused, Some(30));
    // Nobody else is affected.
    pair.opt_out(&pair.alice, "here").await;
}

/// If the operator had them forgotten before, nobody knows which messages were theirs. Their opt-out still
/// applies to everything that they write from then on.
#[tokio::test]
async fn an_edit_of_what_was_forgotten_is_left_out_too() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let first = bob.post(&pair.source, "a heron").unwrap();
    pair.settled().await;
    let mut forget = pair.world.command();
    forget.args(["forget", "--user", &bob.id().to_string()]);
    assert_eq!(crate::harness::ended(forget).await.code, Some(0));
    pair.opt_out(&bob, "everywhere").await;
    bob.edit(&pair.source, first.id, "the password is heron").unwrap();
    pair.settled().await;
    assert!(!pair.texts().iter().any(|text| text.contains("password")), "{:?}", pair.texts());
}

/// A thread was followed, and isn't any more: its mirrors are removed just like a channel's.
#[tokio::test]
async fn what_was_mirrored_of_a_thread_goes_after_its_follow_is_removed() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let (talk, inner) = (pair.guild.text("talk"), pair.guild.text("inner"));
    let thread = pair.alice.start_thread(&talk, "inside", None).unwrap();
    let (plain, removed) = (pair.guild.text("plain"), pair.guild.text("removed"));
    let options = Options::new().set("link", thread.link());
    let reply = pair.alice.run(&inner, "/follow", options.clone()).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    pair.follow(&plain, &removed).await;
    bob.post(&thread, "a heron").unwrap();
    bob.post(&plain, "a crane").unwrap();
    inner.wait_for_message(SOON, |message| message.content.contains("heron")).await.unwrap();
    removed.wait_for_message(SOON, |message| message.content.contains("crane")).await.unwrap();
    pair.settled().await;
    pair.alice.run(&inner, "/unfollow", options).await.unwrap();
    pair.alice.run(&removed, "/unfollow", Options::new().set("channel", &plain)).await.unwrap();
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows", "1").await;
    pair.opt_out(&bob, "here").await;
    let crane = || (!texts(&removed).iter().any(|text| text.contains("crane"))).then_some(());
    pair.world.sandbox.wait_for("the mirrors of a channel's follow to disappear", SOON, crane).await.unwrap();
    let heron = || (!texts(&inner).iter().any(|text| text.contains("heron"))).then_some(());
    let gone =
        pair.world.sandbox.wait_for("the mirrors of a thread's follow to disappear", SOON / 6, heron).await;
    assert!(gone.is_ok(), "{:?}", texts(&inner));
}

/// The follow was removed, and then the bot was removed from the receiving server.
#[tokio::test]
async fn nothing_is_asked_of_a_server_that_the_bot_has_left() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let publish = Options::new().set("channel", &pair.source).set("audience", "servers");
    pair.alice.run(&pair.source, "/publish", publish).await.unwrap();
    let village = pair.world.sandbox.create_guild("Village");
    let keeper = crate::harness::admin(&village, "Keeper");
    let square = village.text("square");
    let link = Options::new().set("link", pair.source.link());
    keeper.run(&square, "/follow", link.clone()).await.unwrap();
    for number in 0..5 {
        bob.post(&pair.source, format!("{number} of Bob's").as_str()).unwrap();
    }
    square.wait_for_message(SOON, |message| message.content == "4 of Bob's").await.unwrap();
    pair.settled().await;
    let reply = keeper.run(&square, "/unfollow", link).await.unwrap();
    assert!(reply.text().contains("no longer follows"), "{}", reply.text());
    village.remove_bot().unwrap();
    pair.world.sandbox.wait_quiet(std::time::Duration::from_secs(3)).await;
    let since = pair.world.sandbox.exchanges().len();
    pair.opt_out(&bob, "here").await;
    pair.shows(&["last-0 of all"]).await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM author_opt_outs WHERE taken_back", "1").await;
    pair.world.sandbox.wait_quiet(std::time::Duration::from_secs(3)).await;
    let id = square.id().to_string();
    let asked = pair.world.sandbox.exchanges().into_iter().skip(since);
    let asked: Vec<_> =
        asked.filter(|one| one.path.contains(&id)).map(|one| (one.method, one.path, one.status)).collect();
    assert!(asked.is_empty(), "{asked:?}");
}

/// Mirrors of many people that can't be deleted at the moment hold up nobody else.
#[tokio::test]
async fn people_whose_mirrors_stay_hold_up_nobody() {
    let pair = Pair::new().await;
    let (bob, carol) = (pair.somebody("Bob"), pair.somebody("Carol"));
    let (square, mill) = (pair.guild.text("square"), pair.guild.text("mill"));
    pair.follow(&square, &mill).await;
    bob.post(&square, "from Bob").unwrap();
    mill.wait_for_message(SOON, |message| message.content == "from Bob").await.unwrap();
    pair.post_all(0..600, "of many");
    pair.settled_within(SOON * 2).await;
    let path = format!("/webhooks/{}/*/messages/*", pair.target.webhooks()[0].id);
    pair.world.sandbox.fault(Fault::on("DELETE", &path, Effect::Status(503)).forever());
    pair.opt_out(&carol, "everywhere").await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM author_opt_outs WHERE taken_back", "1").await;
    let theirs = format!(
        "UPDATE activities SET author_id = 1000 + id % 50 WHERE source_channel_id = {}",
        pair.source.id()
    );
    pair.world.database.execute(&theirs).await;
    pair.world
        .database
        .execute(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 49) \
             INSERT INTO author_opt_outs (user_id, guild_id, created_at) \
             SELECT 1000 + n, 0, created_at FROM n CROSS JOIN author_opt_outs",
        )
        .await;
    pair.opt_out(&bob, "here").await;
    let gone = || texts(&mill).is_empty().then_some(());
    let gone = pair.world.sandbox.wait_for("Bob's to disappear", SOON / 3, gone).await;
    assert!(gone.is_ok(), "{:?}", texts(&mill));
}
