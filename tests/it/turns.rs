//! New messages and edits share a target's requests: neither holds up the other for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault};

use crate::harness::{Backend, Pair, SOON};

/// Four bots edit their one message again and again, faster than the target takes edits.
#[rstest]
#[tokio::test]
async fn a_new_message_is_not_held_up_by_edits(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Some(pair) = Pair::on(backend, &[]).await else { return };
    let tickers: Vec<Channel> = (0..4).map(|number| pair.guild.text(&format!("ticker-{number}"))).collect();
    let mut messages = Vec::new();
    for ticker in &tickers {
        pair.follow(ticker, &pair.target).await;
        messages.push(pair.alice.post(ticker, "tick 0").unwrap());
    }
    let shown = |all: &[_]| all.len() >= tickers.len();
    pair.target.wait_for_messages(SOON, shown).await.unwrap();
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
    let edits = pair.world.sandbox.fault_hits(slow);
    over.store(true, Ordering::Relaxed);
    let last = format!("tick {}", ticking.await.unwrap());
    assert!(arrived.is_ok(), "{edits} edits went first:\n{}", pair.target.render_text());
    // Nor are edits forgotten over new messages.
    let all_current = |all: &[tributary_sandbox::SeenMessage]| {
        all.iter().filter(|message| message.content == last).count() == tickers.len()
    };
    pair.target.wait_for_messages(SOON, all_current).await.unwrap();
}
