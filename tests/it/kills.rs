//! The real process, killed over and over at random (seeded) moments while people post, edit and delete:
//! nothing is lost, duplicated, reordered or left out of date. The soak example does the same for hours.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault};

use crate::harness::{Backend, SOON, World, admin, follow};

#[path = "../../examples/soak/people.rs"]
pub mod people;

#[rstest]
#[case(Backend::Sqlite, 30, 1)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres, 10, 2)]
#[tokio::test]
async fn kills_lose_double_and_shuffle_nothing(
    #[case] backend: Backend,
    #[case] kills: u32,
    #[case] seed: u64,
) {
    let Some(world) = World::on(backend).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let source = harbour.text("source");
    let targets: Vec<Channel> = (0..3).map(|number| harbour.text(&format!("target-{number}"))).collect();
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    let latency = Effect::Delay(Duration::from_millis(20));
    world.sandbox.fault(Fault::on("*", "/webhooks/**", latency).forever());

    let posting = tokio::spawn(people::post(alice.clone(), source.clone(), seed, 20));
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        if random.random_bool(0.2) {
            world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
        }
        bot.kill().await;
        bot = world.spawn();
        if random.random_bool(0.6) {
            world.sandbox.wait_until_ready(SOON).await.unwrap();
        }
    }
    posting.abort();
    let _ = posting.await;
    alice.post(&source, "999999999 last of all").unwrap();
    let clean = || people::count(&source, &targets).is_clean().then_some(());
    // On a busy machine this takes time; what counts is what is shown in the end.
    let _ = world.sandbox.wait_for("every target to show its source", SOON * 6, clean).await;
    let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    let rest = async || world.database.text(open).await.as_deref() == Some("0");
    world.until("nothing is due any more", rest).await;
    let tally = people::count(&source, &targets);
    assert!(tally.is_clean(), "{tally}; the bot's log:\n{}", bot.log());
}
