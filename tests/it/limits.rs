//! With Discord's limits: the bot sends no request that would be answered with 429. Whether it wastes no time
//! is tested with simulated time, in `src/rest/limiter`.

use std::time::{Duration, Instant};

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, LimitScope, Limits};

use crate::harness::{Backend, Pair, SOON, World, admin, follow, texts};

async fn assert_arrived(targets: &[Channel], posts: u32) {
    for target in targets {
        let count = usize::try_from(posts).unwrap();
        target.wait_for_messages(SOON * 2, |_| texts(target).len() >= count).await.unwrap();
        assert_eq!(texts(target), (0..posts).map(|n| format!("post {n}")).collect::<Vec<_>>());
    }
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
    for n in 0..30 {
        alice.post(&source, format!("post {n}")).unwrap();
    }
    assert_arrived(&targets, 30).await;
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
    // Nothing can be sent.
    let away = world.sandbox.fault(
        Fault::on(
            "POST",
            "/webhooks/*/*",
            Effect::RateLimited { scope: LimitScope::Shared, retry_after: Duration::from_secs(30) },
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
    assert_arrived(&targets, 10).await;
    assert_eq!(world.sandbox.counts().rate_limited - before, 0);
}

/// "Again in 0 s", forever: the pauses grow, and each counts as a failure.
#[rstest]
#[case(LimitScope::User)]
#[case(LimitScope::Shared)]
#[case(LimitScope::Global)]
#[tokio::test]
async fn a_limit_that_asks_for_no_wait_is_not_hurried(#[case] scope: LimitScope) {
    let pair = Pair::new().await;
    pair.post("1 first");
    pair.in_step().await;
    let path = format!("/webhooks/{}/**", pair.target.webhooks()[0].id);
    let limited = Effect::RateLimited { scope, retry_after: Duration::ZERO };
    let fault = pair.world.sandbox.fault(Fault::on("POST", &path, limited).forever());
    let since = Instant::now();
    pair.post("2 second");
    let attempts = "SELECT CAST(MAX(attempts) AS TEXT) FROM deliveries WHERE state = 'due'";
    let failed = async || pair.world.database.text(attempts).await.is_some_and(|attempts| attempts != "0");
    pair.world.until("it counts as a failed attempt", failed).await;
    // A quarter of a second, a half, one, two …
    let most = 4 + since.elapsed().as_secs() / 2;
    assert!(pair.world.sandbox.fault_hits(fault) <= most, "{}", pair.world.sandbox.fault_hits(fault));
    pair.world.sandbox.clear_faults();
    pair.in_step_within(SOON * 2).await;
}

/// One 429 on an idle route means only "wait this long".
#[rstest]
#[case(LimitScope::User)]
#[case(LimitScope::Shared)]
#[tokio::test]
async fn one_429_holds_a_target_as_long_as_it_asks_for(#[case] scope: LimitScope) {
    const WAIT: Duration = Duration::from_secs(2);
    let pair = Pair::new().await;
    pair.post_all(1..4, "first");
    pair.in_step().await;
    let path = format!("/webhooks/{}/**", pair.target.webhooks()[0].id);
    pair.world.sandbox.fault(Fault::on("POST", &path, Effect::RateLimited { scope, retry_after: WAIT }));
    pair.post_all(4..8, "more");
    pair.in_step_within(SOON * 2).await;
    let posts = pair.requests("POST");
    let refused = posts.iter().position(|post| post.status == 429).unwrap();
    let times = posts[refused..].windows(2).map(|two| (two[1].at - two[0].at).to_std().unwrap());
    let longest = times.max().unwrap();
    assert!(longest >= WAIT && longest < WAIT * 4, "{longest:?}");
}

/// A target that is held up says so, with the reason and the end of the wait.
#[tokio::test]
async fn what_is_held_up_is_said() {
    let pair = Pair::new().await;
    let path = format!("/webhooks/{}/**", pair.target.webhooks()[0].id);
    let limited = Effect::RateLimited { scope: LimitScope::Shared, retry_after: Duration::from_secs(120) };
    pair.world.sandbox.fault(Fault::on("POST", &path, limited).forever());
    let before = pair.alice.run(&pair.target, "/follows", ()).await.unwrap();
    assert!(!before.text().contains("Posts are waiting"), "{}", before.text());
    pair.post("1 first");
    pair.world
        .until("it is reported", async || {
            let list = pair.alice.run(&pair.target, "/follows", ()).await.unwrap();
            list.text().contains("Posts are waiting: Discord's rate limit was reached; it continues")
        })
        .await;
}

/// While the histories of many sources are read, as after a start, a command's requests go first.
#[tokio::test]
async fn people_go_before_histories() {
    const SOURCES: usize = 30;
    let mut world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let target = harbour.text("target");
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    for n in 0..SOURCES {
        follow(&alice, &harbour.text(&format!("source-{n}")), &target).await;
    }
    bot.stop().await;
    world.set("DISCORD_REQUESTS_PER_SECOND", "5");
    let _bot = world.start().await;
    let histories = || {
        let all = world.sandbox.exchanges();
        all.iter().filter(|one| one.method == "GET" && one.path.ends_with("/messages")).count()
    };
    let stopped = histories();
    world.until("histories are read", async || histories() > stopped + 2).await;
    let before = histories();
    let list = alice.run(&target, "/follows", ()).await.unwrap();
    let meanwhile = histories() - before;
    assert!(list.text().contains("follows"), "{}", list.text());
    assert!(histories() - stopped < SOURCES, "they were all read before");
    // One in four, while the command makes about ten requests.
    assert!(meanwhile <= 6, "{meanwhile} histories went first");
}
