//! The title that somebody gave a thread or a forum's post is their own words: once they opt out, answers no
//! longer show it.

use rstest::rstest;
use tributary_sandbox::{Channel, Options};

use crate::harness::{Backend, Pair, SOON, texts};

impl Pair {
    /// Makes a new channel follow a channel with its threads.
    async fn follow_with_threads(&self, source: &Channel) -> Channel {
        let pond = self.guild.text("pond");
        let options = Options::new().set("channel", source).set("threads", "all");
        let reply = self.alice.run(&pond, "/follow", options).await.unwrap();
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        pond
    }

    /// Waits until exactly these answers are shown, without titles.
    async fn shows_untitled(&self, pond: &Channel, answers: &[&str]) {
        let wanted: Vec<String> = answers.iter().map(|text| (*text).to_owned()).collect();
        let shown = || -> Vec<String> {
            let mut texts = texts(pond).into_iter().filter(|text| text.contains("-# 💬 in "));
            texts
                .by_ref()
                .filter(|text| text.contains("in [**A thread**]"))
                .filter_map(|text| Some(text.lines().last()?.to_owned()))
                .collect()
        };
        let came = self.world.sandbox.wait_for("no title", SOON, || (shown() == wanted).then_some(())).await;
        assert!(came.is_ok(), "{:?}", texts(pond));
        let told = texts(pond).into_iter().any(|text| text.contains("heron"));
        assert!(!told, "{:?}", texts(pond));
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_they_called_their_post_is_not_told_by_answers(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let bob = pair.somebody("Bob");
    let ideas = pair.guild.forum("ideas");
    let pond = pair.follow_with_threads(&ideas).await;
    let (before, _) = bob.start_post(&ideas, "The key is heron", &[], "inside").unwrap();
    pair.alice.post(&before, "a bird").unwrap();
    pond.wait_for_message(SOON, |message| message.content.contains("a bird")).await.unwrap();
    assert!(texts(&pond).last().unwrap().contains("heron"));
    pair.opt_out(&bob, "here").await;
    pair.shows_untitled(&pond, &["a bird"]).await;
    let (after, _) = bob.start_post(&ideas, "The password is heron", &[], "inside").unwrap();
    let thanks = pair.alice.post(&after, "thanks").unwrap();
    pair.shows_untitled(&pond, &["a bird", "thanks"]).await;
    pair.alice.edit(&after, thanks.id, "many thanks").unwrap();
    pair.shows_untitled(&pond, &["a bird", "many thanks"]).await;
}

/// The bot doesn't know the thread's first message.
#[tokio::test]
async fn what_they_called_it_before_it_was_followed_is_not_told_either() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let (ideas, talk) = (pair.guild.forum("ideas"), pair.guild.text("talk"));
    let (post, _) = bob.start_post(&ideas, "The key is heron", &[], "inside").unwrap();
    let thread = bob.start_thread(&talk, "The password is heron", None).unwrap();
    let ponds = [pair.follow_with_threads(&ideas).await, pair.follow_with_threads(&talk).await];
    pair.opt_out(&bob, "everywhere").await;
    for (thread, pond) in [&post, &thread].into_iter().zip(&ponds) {
        pair.alice.post(thread, "thanks").unwrap();
        pair.shows_untitled(pond, &["thanks"]).await;
    }
}

/// The person who started a thread gave it its title, unless it began with a message of somebody who opted
/// out.
#[tokio::test]
async fn what_others_called_a_thread_is_told() {
    let pair = Pair::new().await;
    let bob = pair.somebody("Bob");
    let talk = pair.guild.text("talk");
    let pond = pair.follow_with_threads(&talk).await;
    let thread = pair.alice.start_thread(&talk, "Birds", None).unwrap();
    pair.alice.post(&thread, "what is grey?").unwrap();
    pair.opt_out(&bob, "here").await;
    let told = bob.post(&talk, "the password is heron").unwrap();
    let under = pair.alice.start_thread(&talk, "the password is heron", Some(told.id)).unwrap();
    pair.alice.post(&under, "thanks").unwrap();
    pair.shows_untitled(&pond, &["thanks"]).await;
    pair.alice.post(&thread, "a crane").unwrap();
    let is_told = |text: &String| text.contains("in [**Birds**]") && text.ends_with("a crane");
    let came = || texts(&pond).iter().any(is_told).then_some(());
    pair.world.sandbox.wait_for("a title", SOON, came).await.unwrap();
}
