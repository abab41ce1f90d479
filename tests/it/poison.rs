//! All kinds of trouble at once, alongside good traffic, with kills in between: everything else arrives, once
//! and in order. The soak example does the same for hours.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault};

use crate::harness::{Backend, SOON, World, admin, follow};
use crate::kills::people;

#[path = "../../examples/soak/poison.rs"]
mod trouble;

use trouble::{Poison, Trouble};

#[rstest]
#[case(Backend::Sqlite, 1)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres, 2)]
#[tokio::test]
async fn everything_else_arrives_once_and_in_order(#[case] backend: Backend, #[case] seed: u64) {
    let Some(world) = World::on(backend).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let source = harbour.text("source");
    let targets: Vec<Channel> = (0..3).map(|number| harbour.text(&format!("target-{number}"))).collect();
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    let poison = Poison::lay(&world.sandbox, world.database.url(), &alice, &targets).await;
    let mut poison = poison.unwrap_or_else(|error| panic!("{error}; the bot's log:\n{}", bot.log()));
    world.sandbox.fault(Fault::on("*", "/webhooks/**", Effect::Delay(Duration::from_millis(20))).forever());

    let posting = tokio::spawn(people::post(alice.clone(), source.clone(), seed, 10));
    let mut random = StdRng::seed_from_u64(seed);
    let mut troubles = Trouble::ALL;
    troubles.shuffle(&mut random);
    for (number, trouble) in troubles.into_iter().enumerate() {
        poison.strike(trouble, &mut random).await.unwrap();
        tokio::time::sleep(Duration::from_millis(random.random_range(100..500))).await;
        if number % 3 == 2 {
            bot.kill().await;
            bot = world.spawn();
            world.sandbox.wait_until_ready(SOON).await.unwrap();
        }
    }
    posting.abort();
    let _ = posting.await;
    alice.post(&source, "999999 last of all").unwrap();
    // What is sick stays sick: nothing is healed before the good messages are counted.
    let clean = || people::count(&source, &targets).is_clean().then_some(());
    let _ = world.sandbox.wait_for("every target to show its source", SOON * 6, clean).await;
    let tally = people::count(&source, &targets);
    if !tally.is_clean() {
        let page = tokio::time::timeout(SOON, bot.page("/metrics")).await;
        panic!("{tally}; its metrics: {page:?}");
    }
    assert_eq!(poison.doubled(), 0, "trouble is no excuse for a second copy");
    let (status, ready) = bot.page("/readyz").await;
    assert_eq!(status, 200, "{ready}");
    poison.heal();
}
