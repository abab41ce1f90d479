//! With Discord's limits: no request is sent that would be answered 429, and no time is wasted.

use std::time::{Duration, Instant};

use tributary_sandbox::{Channel, Effect, Fault, Limits};

use crate::harness::{Backend, SOON, World, admin, follow, texts};

/// Discord lets a webhook post five messages in two seconds.
fn least(posts: u32) -> Duration {
    Duration::from_secs(2) * (posts.div_ceil(5) - 1)
}

async fn assert_arrived(targets: &[Channel], posts: u32, since: Instant) {
    for target in targets {
        let count = usize::try_from(posts).unwrap();
        target.wait_for_messages(SOON * 2, |_| texts(target).len() >= count).await.unwrap();
        assert_eq!(texts(target), (0..posts).map(|n| format!("post {n}")).collect::<Vec<_>>());
    }
    let took = since.elapsed();
    assert!(took < least(posts) + Duration::from_secs(6), "{took:?} for {posts} posts");
}

#[tokio::test]
async fn a_burst_keeps_within_the_limits() {
    let world = World::with(Backend::Sqlite, Limits::real()).await.unwrap();
    let harbour = world.sandbox.create_guild("Harbour");
    let source = harbour.text("source");
    let targets: Vec<Channel> = (0..3).map(|n| harbour.text(&format!("target-{n}"))).collect();
    let alice = admin(&harbour, "Alice");
    let _bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    let since = Instant::now();
    for n in 0..30 {
        alice.post(&source, format!("post {n}")).unwrap();
    }
    assert_arrived(&targets, 30, since).await;
    assert_eq!(world.sandbox.counts().rate_limited, 0);
}

#[tokio::test]
async fn a_backlog_at_a_cold_start_keeps_within_the_limits() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let source = harbour.text("source");
    let targets: Vec<Channel> = (0..3).map(|n| harbour.text(&format!("target-{n}"))).collect();
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    // Nothing gets out.
    let away = world.sandbox.fault(
        Fault::on(
            "POST",
            "/webhooks/*/*",
            Effect::RateLimited {
                scope: tributary_sandbox::LimitScope::Shared,
                retry_after: Duration::from_secs(30),
            },
        )
        .forever(),
    );
    for n in 0..10 {
        alice.post(&source, format!("post {n}")).unwrap();
    }
    let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    world.until("all wait", async || world.database.text(waiting).await.as_deref() == Some("30")).await;
    world.until("each lane has tried", async || world.sandbox.fault_hits(away) >= 3).await;
    bot.stop().await;
    world.sandbox.clear_faults();
    // Time passes.
    for table in ["lanes", "deliveries"] {
        world.database.execute(&format!("UPDATE {table} SET wait_until = NULL")).await;
    }

    let before = world.sandbox.counts().rate_limited;
    world.sandbox.set_limits(Limits::real());
    let _bot = world.start().await;
    assert_arrived(&targets, 10, Instant::now()).await;
    assert_eq!(world.sandbox.counts().rate_limited - before, 0);
}
