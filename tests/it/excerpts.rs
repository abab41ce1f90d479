//! What is edited or deleted is no longer quoted in the replies to it, wherever these are mirrored.

use rstest::rstest;
use tributary_sandbox::{Channel, Options, Post, SeenMessage};

use crate::harness::{Backend, Bot, KEY, Pair, SOON, World, admin, ended, tagged};

/// The text of the mirror of a reply that ends with this line.
fn shown(channel: &Channel, ending: &str) -> Option<String> {
    let ends = |message: &SeenMessage| message.webhook.is_some() && message.content.ends_with(ending);
    channel.messages().into_iter().find(ends).map(|message| message.content)
}

/// Waits until the reply that ends with this is introduced by that line.
async fn becomes(world: &World, channel: &Channel, ending: &str, line: &str) {
    let wanted = format!("{line}\n{ending}");
    let is_so = || {
        let shown = shown(channel, &format!("\n{ending}"))?;
        (shown == wanted || shown.ends_with(&wanted)).then_some(())
    };
    let came = world.sandbox.wait_for("the excerpt to change", SOON * 2, is_so).await;
    assert!(came.is_ok(), "it still says {:?}, not {wanted:?}", shown(channel, ending));
}

const GONE: &str = "-# ↪ a deleted message";

impl Pair {
    /// Somebody replies to it.
    fn answer(&self, to: &SeenMessage, text: &str) -> SeenMessage {
        self.alice.post(&self.source, Post::text(text).reply_to(to.id)).unwrap()
    }

    async fn becomes(&self, ending: &str, line: &str) {
        becomes(&self.world, &self.target, ending, line).await;
    }

    /// No mirror says this any more.
    async fn says_nowhere(&self, text: &str) {
        let gone = || self.texts().iter().all(|shown| !shown.contains(text)).then_some(());
        let gone = self.world.sandbox.wait_for("it to disappear everywhere", SOON * 2, gone).await;
        assert!(gone.is_ok(), "{text}: {:?}", self.texts());
    }

    /// How many edits of mirrors there were.
    fn edits(&self) -> usize {
        self.requests("PATCH").len()
    }

    async fn nothing_stale(&self) {
        self.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM stale_quotes", "0").await;
        self.settled().await;
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_edit_and_a_deletion_reach_the_answers(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    // A bystander follows the same channel, and another reply is about something else.
    let beside = pair.guild.text("beside");
    pair.follow(&pair.source, &beside).await;
    let (secret, other) = (pair.post("the password is heron"), pair.post("something else"));
    pair.answer(&secret, "thanks");
    pair.answer(&other, "indeed");
    pair.settled().await;
    assert!(shown(&pair.target, "thanks").unwrap().contains("heron"));

    pair.edit(&secret, "never mind");
    for target in [&pair.target, &beside] {
        let is_so =
            || shown(target, "\nthanks").is_some_and(|shown| shown.contains("never mind")).then_some(());
        pair.world.sandbox.wait_for("the new excerpt", SOON * 2, is_so).await.unwrap();
    }
    pair.says_nowhere("heron").await;
    pair.delete(&secret);
    for target in [&pair.target, &beside] {
        becomes(&pair.world, target, "thanks", GONE).await;
    }
    pair.nothing_stale().await;
    assert!(shown(&pair.target, "indeed").unwrap().contains("something else"));
    // The message itself, then the reply twice: no edit was superfluous.
    assert_eq!(pair.edits(), 3);
}

#[rstest]
#[tokio::test]
async fn it_reaches_them_after_their_contents_are_gone(#[values(false, true)] delete: bool) {
    let mut pair = Pair::with(&[("CONTENT_HOURS", "0")]).await;
    let secret = pair.post("the password is heron");
    pair.answer(&secret, "thanks");
    pair.settled().await;
    pair.stop().await;
    pair.start().await;
    pair.recorded("SELECT CAST(COUNT(content) AS TEXT) FROM activities", "0").await;
    if delete {
        pair.delete(&secret);
        pair.becomes("thanks", GONE).await;
    } else {
        pair.edit(&secret, "never mind");
        let is_so = || shown(&pair.target, "\nthanks")?.contains("never mind").then_some(());
        pair.world.sandbox.wait_for("the new excerpt", SOON * 2, is_so).await.unwrap();
    }
    pair.says_nowhere("heron").await;
}

#[rstest]
#[tokio::test]
async fn what_goes_while_the_bot_is_away_is_quoted_no_more(#[values(false, true)] killed: bool) {
    let mut pair = Pair::new().await;
    let (secret, changed) = (pair.post("the password is heron"), pair.post("and the user is crane"));
    pair.answer(&secret, "thanks");
    pair.answer(&changed, "noted");
    pair.settled().await;
    if killed {
        pair.kill().await
    } else {
        pair.stop().await
    }
    pair.delete(&secret);
    pair.edit(&changed, "never mind");
    pair.start().await;
    pair.becomes("thanks", GONE).await;
    let is_so = || shown(&pair.target, "\nnoted")?.contains("never mind").then_some(());
    pair.world.sandbox.wait_for("the new excerpt", SOON * 2, is_so).await.unwrap();
    for word in ["heron", "crane"] {
        pair.says_nowhere(word).await;
    }
}

/// What was posted before the follow is quoted, too, though nothing is stored about it.
#[tokio::test]
async fn what_was_never_mirrored_is_quoted_no_more() {
    let pair = Pair::new().await;
    let later = pair.guild.text("later");
    let secret = pair.alice.post(&later, "the password is heron").unwrap();
    pair.follow(&later, &pair.target).await;
    pair.alice.post(&later, Post::text("thanks").reply_to(secret.id)).unwrap();
    pair.target.wait_for_message(SOON, |message| message.content.contains("heron")).await.unwrap();
    pair.alice.delete(&later, secret.id).unwrap();
    pair.becomes("thanks", GONE).await;
    pair.says_nowhere("heron").await;
}

/// A reply's text is quoted, but not what it quotes itself.
#[tokio::test]
async fn a_chain_of_answers_changes_in_one_place_only() {
    let pair = Pair::new().await;
    let first = pair.post("the password is heron");
    let second = pair.answer(&first, "thanks");
    let third = pair.answer(&second, "welcome");
    pair.answer(&third, "bye");
    pair.settled().await;
    pair.delete(&first);
    pair.becomes("thanks", GONE).await;
    pair.nothing_stale().await;
    assert!(shown(&pair.target, "\nwelcome").unwrap().contains("thanks"));
    assert_eq!(pair.edits(), 1, "only of the one that quotes it");
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_is_forgotten_is_quoted_no_more(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let bob = admin(&pair.guild, "Bob");
    let secret = bob.post(&pair.source, "the password is heron").unwrap();
    pair.answer(&secret, "thanks");
    let answer = pair.settled().await;
    let mut command = Bot::command(&pair.world.database);
    command.args(["forget", "--user", &bob.id().to_string(), "--mirrors"]);
    command.env("DATABASE_URL", pair.world.database.url());
    if backend == Backend::Postgres {
        command.env("ENCRYPTION_KEY", KEY);
    }
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    pair.becomes("thanks", GONE).await;
    pair.says_nowhere("heron").await;
    // It is still in the source, but the next edit doesn't quote it again.
    let answered = pair.source.messages().into_iter().find(|message| message.content == "thanks").unwrap();
    pair.edit(&answered, "thank you");
    pair.becomes("thank you", GONE).await;
    assert!(pair.texts().contains(&answer));
}

#[tokio::test]
async fn answers_in_threads_are_brought_up_to_date() {
    let pair = Pair::new().await;
    let (talk, news) = (pair.guild.text("talk"), pair.guild.text("all-news"));
    let options = Options::new().set("channel", &talk).set("threads", "all");
    pair.alice.run(&news, "/follow", options).await.unwrap();
    let started = pair.alice.post(&talk, "come in").unwrap();
    let thread = pair.alice.start_thread(&talk, "inside", Some(started.id)).unwrap();
    let secret = pair.alice.post(&thread, "the password is heron").unwrap();
    pair.alice.post(&thread, Post::text("thanks").reply_to(secret.id)).unwrap();
    news.wait_for_message(SOON, |message| message.content.ends_with("\nthanks")).await.unwrap();
    pair.alice.delete(&thread, secret.id).unwrap();
    let is_so = || {
        let all = news.messages();
        let answers = all.iter().any(|one| one.content.contains(GONE) && one.content.ends_with("\nthanks"));
        (answers && all.iter().all(|one| !one.content.contains("heron"))).then_some(())
    };
    pair.world.sandbox.wait_for("nothing of it to be left", SOON * 2, is_so).await.unwrap();
}

/// More replies than are brought up to date at once; what is posted meanwhile doesn't wait for them.
#[tokio::test]
async fn many_answers_hold_up_nobody() {
    let pair = Pair::with(&[("CONTENT_HOURS", "0")]).await;
    let secret = pair.post("the password is heron");
    for number in 0..70 {
        pair.answer(&secret, &format!("thanks {number}"));
    }
    pair.settled_within(SOON * 3).await;
    pair.delete(&secret);
    pair.settled().await;
    let all = || pair.texts().iter().all(|text| !text.contains("heron")).then_some(());
    pair.world.sandbox.wait_for("all excerpts to disappear", SOON * 6, all).await.unwrap();
}

/// A forum's post whose title was the first line of a message loses that title.
#[tokio::test]
async fn a_title_goes_with_the_line_that_it_was_made_from() {
    let pair = Pair::new().await;
    let (talk, board) = (pair.guild.text("talk"), pair.guild.forum("board"));
    let options = Options::new().set("channel", &talk).set("into", &board).set("threads", "all");
    pair.alice.run(&talk, "/follow", options).await.unwrap();
    let secret = pair.alice.post(&talk, "the password is heron").unwrap();
    let thread = pair.alice.start_thread(&talk, "inside", Some(secret.id)).unwrap();
    pair.alice.post(&thread, "thanks").unwrap();
    let shows = async |title: &str, texts: &[&str]| {
        let mut wanted = tagged(title, &[], texts[0]);
        wanted.texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let is_so = || (crate::harness::posts(&board) == [wanted.clone()]).then_some(());
        let came = pair.world.sandbox.wait_for("the post to show it", SOON * 2, is_so).await;
        assert!(came.is_ok(), "{:?}", crate::harness::posts(&board));
    };
    shows("the password is heron", &["the password is heron", "thanks"]).await;
    pair.alice.edit(&talk, secret.id, "never mind").unwrap();
    shows("never mind", &["never mind", "thanks"]).await;
    pair.alice.delete(&talk, secret.id).unwrap();
    shows("A deleted message", &["thanks"]).await;
}

/// A thread that is followed by itself, without its channel.
#[tokio::test]
async fn a_deletion_reaches_the_answers_in_a_followed_thread() {
    let pair = Pair::new().await;
    let (talk, board) = (pair.guild.text("talk"), pair.guild.text("board"));
    let thread = pair.alice.start_thread(&talk, "inside", None).unwrap();
    let options = Options::new().set("link", thread.link());
    let reply = pair.alice.run(&board, "/follow", options).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    pair.alice.post(&thread, "the beginning").unwrap();
    let secret = pair.alice.post(&thread, "the password is heron").unwrap();
    pair.alice.post(&thread, Post::text("thanks").reply_to(secret.id)).unwrap();
    board.wait_for_message(SOON, |message| message.content.ends_with("\nthanks")).await.unwrap();
    assert!(shown(&board, "thanks").unwrap().contains("heron"));
    pair.alice.delete(&thread, secret.id).unwrap();
    becomes(&pair.world, &board, "thanks", GONE).await;
}
