//! New messages and edits share a target's requests: neither holds the other up for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, SeenMessage};

use crate::harness::{Backend, Pair, SOON};

/// Four bots keep editing their one message, faster than the target accepts edits. In one case, they begin
/// while that message is still being sent.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_message_is_not_held_up_by_edits(
    #[case] backend: Backend,
    #[values(false, true)] from_the_first_moment: bool,
) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let tickers: Vec<Channel> = (0..4).map(|number| pair.guild.text(&format!("ticker-{number}"))).collect();
    for ticker in &tickers {
        pair.follow(ticker, &pair.target).await;
    }
    if from_the_first_moment {
        let slow = Effect::Delay(Duration::from_millis(300));
        pair.world.sandbox.fault(Fault::on("POST", "/webhooks/**", slow).forever());
    }
    let messages = tickers.iter().map(|ticker| pair.alice.post(ticker, "tick 0").unwrap());
    let messages: Vec<_> = messages.collect();
    if !from_the_first_moment {
        let shown = |all: &[_]| all.len() >= tickers.len();
        pair.target.wait_for_messages(SOON, shown).await.unwrap();
    }
    let slow = Effect::Delay(Duration::from_millis(100));
    let slow = pair.world.sandbox.fault(Fault::on("PATCH", "/webhooks/**", slow).forever());

    let over = Arc::new(AtomicBool::new(false));
    let ticking = {
        let (over, alice) = (Arc::clone(&over), pair.alice.clone());
        let standing: Vec<_> =
            tickers.iter().cloned().zip(messages.iter().map(|message| message.id)).collect();
        tokio::spawn(async move {
            for tick in 1_u32.. {
                for (ticker, message) in &standing {
                    alice.edit(ticker, *message, format!("tick {tick}")).unwrap();
                }
                if over.load(Ordering::Relaxed) {
                    return tick;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            0
        })
    };
    let under_way = || (pair.world.sandbox.fault_hits(slow) > 8).then_some(());
    pair.world.sandbox.wait_for("edits to queue up", SOON, under_way).await.unwrap();
    let posted = pair.post_all(1..4, "news");
    let arrived = pair.target.wait_for_message(SOON, |message| message.content == posted[2].content).await;
    // Nor do they hold each other up.
    let edited = |all: &[SeenMessage]| {
        all.iter().filter(|message| message.edited_at.is_some()).count() == tickers.len()
    };
    let edited = pair.target.wait_for_messages(SOON, edited).await;
    let edits = pair.world.sandbox.fault_hits(slow);
    over.store(true, Ordering::Relaxed);
    let last = format!("tick {}", ticking.await.unwrap());
    assert!(arrived.is_ok(), "{edits} edits went first:\n{}", pair.target.render_text());
    assert!(edited.is_ok(), "{edits} edits, but not of each:\n{}", pair.target.render_text());
    // Nor are edits forgotten because of new messages.
    let all_current =
        |all: &[SeenMessage]| all.iter().filter(|message| message.content == last).count() == tickers.len();
    pair.target.wait_for_messages(SOON, all_current).await.unwrap();
}

/// None of these sources has to be read first, so the order of posting holds across them, too.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn sources_keep_the_order_of_posting_among_each_other(#[case] backend: Backend) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let mut sources = vec![pair.source.clone()];
    for number in 1..3 {
        let source = pair.guild.text(&format!("source-{number}"));
        pair.follow(&source, &pair.target).await;
        sources.push(source);
    }
    // A source is read at its first event of a session.
    for source in &sources {
        pair.alice.post(source, "begin").unwrap();
    }
    let begun =
        |all: &[SeenMessage]| all.iter().filter(|one| one.content == "begin").count() == sources.len();
    pair.target.wait_for_messages(SOON, begun).await.unwrap();
    let posted: Vec<String> = (0..60).map(|number| format!("{number} of a burst")).collect();
    for (number, text) in posted.iter().enumerate() {
        pair.alice.post(&sources[number % sources.len()], text.as_str()).unwrap();
        if number % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    pair.target.wait_for_message(SOON, |message| message.content == posted[59]).await.unwrap();
    pair.settled().await;
    let shown: Vec<String> = pair.texts().into_iter().filter(|text| text.ends_with("burst")).collect();
    assert_eq!(shown, posted);
}
