//! Operating the bot: its pages, metrics and logs, and how it ends.

use std::time::Duration;

use nix::sys::signal::Signal;
use rstest::rstest;
use tributary_sandbox::{Config, Effect, Fault, GatewayFault, LimitScope};

use crate::harness::{Backend, Bot, SOON, World, admin, ended, follow, texts};

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn ready_while_gateway_and_database_are_there(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let mut bot = world.start().await;
    let address = bot.http().await;
    let ready = async |wanted: u16| {
        world.until("readiness", async || Bot::fetch(address, "/readyz").await.0 == wanted).await;
        Bot::fetch(address, "/readyz").await.1
    };
    assert!(ready(200).await.contains(r#""ready":true"#));

    world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
    let body = ready(503).await;
    assert!(body.contains(r#""gateway":"down""#) && body.contains(r#""database":"up""#), "{body}");
    assert_eq!(bot.page("/healthz").await.0, 200, "alive all the same");

    world.sandbox.restore_gateway();
    ready(200).await;
    let counted = async || value(&bot.page("/metrics").await.1, "tributary_gateway_reconnects_total") >= 1.0;
    world.until("the reconnect to be counted", counted).await;
    assert!(world.sandbox.is_connected());
    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");
}

#[rstest]
#[case(GatewayFault::Close(4000))]
#[case(GatewayFault::Reconnect)]
#[case(GatewayFault::InvalidSession(true))]
#[case(GatewayFault::InvalidSession(false))]
#[case(GatewayFault::Break)]
#[tokio::test]
async fn a_lost_gateway_comes_back_and_is_counted(#[case] fault: GatewayFault) {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    follow(&alice, &source, &target).await;

    let begun = |world: &World| world.sandbox.counts().identifies + world.sandbox.counts().resumes;
    let before = begun(&world);
    world.sandbox.gateway_fault(&fault);
    let again = || (world.sandbox.is_connected() && begun(&world) > before).then_some(());
    world.sandbox.wait_for("the bot to come back", SOON, again).await.unwrap();
    alice.post(&source, "after").unwrap();
    target.wait_for_message(SOON, |message| message.content == "after").await.unwrap();
    let (_, metrics) = bot.page("/metrics").await;
    assert_eq!(value(&metrics, "tributary_gateway_reconnects_total"), 1.0);
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn not_ready_while_the_database_is_gone() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let mut bot = world.start().await;
    let address = bot.http().await;
    world.until("readiness", async || Bot::fetch(address, "/readyz").await.0 == 200).await;
    world.database.take_away().await;
    world.until("unreadiness", async || Bot::fetch(address, "/readyz").await.0 == 503).await;
    let (_, body) = bot.page("/readyz").await;
    assert!(body.contains(r#""database":"down""#) && body.contains(r#""gateway":"up""#), "{body}");
}

#[tokio::test]
async fn metrics_tell_what_happens() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, one, two) = (harbour.text("source"), harbour.text("one"), harbour.text("two"));
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    let (_, fresh) = bot.page("/metrics").await;
    for name in [
        "tributary_follows{state=\"active\"}",
        "tributary_events_read_total",
        "tributary_deliveries_total{outcome=\"shown\"}",
        "tributary_deliveries_total{outcome=\"refused\"}",
        "tributary_open_deliveries",
        "tributary_open_lanes",
        "tributary_deepest_lane",
        "tributary_failing_lanes",
        "tributary_delivery_lag_seconds_count",
        "tributary_gateway_reconnects_total",
        "tributary_gateway_up",
        "discord_rate_limited_total{scope=\"user\"}",
        "discord_invalid_requests_total",
    ] {
        assert!(fresh.lines().any(|line| line.starts_with(name)), "{name} exists from the start: {fresh}");
    }

    follow(&alice, &source, &one).await;
    follow(&alice, &source, &two).await;
    let limited = Effect::RateLimited { scope: LimitScope::Shared, retry_after: Duration::from_millis(50) };
    world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", limited));
    alice.post(&source, "first").unwrap();
    alice.post(&one, "nobody follows this").unwrap();
    for target in [&one, &two] {
        target.wait_for_message(SOON, |message| message.content == "first").await.unwrap();
    }
    let address = bot.http().await;
    let page = async || Bot::fetch(address, "/metrics").await.1;
    world.until("rest", async || value(&page().await, "tributary_open_deliveries") == 0.0).await;
    let told = page().await;
    assert_eq!(value(&told, "tributary_follows{state=\"active\"}"), 2.0);
    assert_eq!(value(&told, "tributary_events_read_total"), 1.0);
    assert_eq!(value(&told, "tributary_deliveries_total{outcome=\"shown\"}"), 2.0);
    assert_eq!(value(&told, "tributary_delivery_lag_seconds_count"), 2.0);
    assert!(value(&told, "tributary_delivery_lag_seconds_sum") < 2.0 * SOON.as_secs_f64());
    assert_eq!(value(&told, "discord_rate_limited_total{scope=\"shared\"}"), 1.0);
    assert_eq!(value(&told, "discord_invalid_requests_total"), 0.0);
    assert_eq!(value(&told, "tributary_gateway_up"), 1.0);

    world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(SOON)).forever());
    for n in 0..3 {
        alice.post(&source, format!("held {n}")).unwrap();
    }
    world.until("depth", async || value(&page().await, "tributary_deepest_lane") == 3.0).await;
    let told = page().await;
    assert_eq!(value(&told, "tributary_open_deliveries"), 6.0);
    assert_eq!(value(&told, "tributary_open_lanes"), 2.0);
}

/// The value of a metric, by its name and labels as written.
#[track_caller]
fn value(metrics: &str, name: &str) -> f64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

#[tokio::test]
async fn healthcheck_tells_by_its_exit_code() {
    let world = World::new().await;
    let mut bot = world.start().await;
    let address = bot.http().await.to_string();
    let healthcheck = async || {
        let mut command = Bot::command(&world.database);
        command.arg("healthcheck").env("HTTP_ADDR", &address);
        ended(command).await
    };
    assert_eq!(healthcheck().await.code, Some(0));
    bot.stop().await;
    let dead = healthcheck().await;
    assert!(dead.complaint().contains(&address), "{dead:?}");
}

#[tokio::test]
async fn logs_are_json_on_request_and_show_the_invite_link() {
    let mut world = World::new().await;
    world.set("LOG_FORMAT", "json");
    world.set("RUST_LOG", "debug");
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    let invite = bot.logged("oauth2/authorize").await;
    assert!(invite.contains(&format!("client_id={}", world.sandbox.application_id())), "{invite}");
    follow(&alice, &source, &target).await;
    let refused = Effect::Refuse { status: 400, code: 50035, message: "Invalid Form Body".to_owned() };
    world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", refused));
    alice.post(&source, "refused").unwrap();
    bot.logged("Discord refused a message").await;
    alice.post(&source, "a\nb\"").unwrap();
    target.wait_for_message(SOON, |message| message.content == "a\nb\"").await.unwrap();
    bot.signal(Signal::SIGTERM);
    bot.ended().await;
    for line in bot.log().lines() {
        let read: serde_json::Value = serde_json::from_str(line).expect(line);
        for key in ["timestamp", "level", "target", "message"] {
            assert!(read[key].is_string(), "{line}");
            assert_eq!(line.matches(&format!("\"{key}\":")).count(), 1, "a key occurs once: {line}");
        }
    }
}

#[rstest]
#[case(Signal::SIGTERM)]
#[case(Signal::SIGINT)]
#[tokio::test]
async fn a_signal_ends_it_while_requests_hang(#[case] signal: Signal) {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let source = harbour.text("source");
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    for n in 0..3 {
        follow(&alice, &source, &harbour.text(&format!("target-{n}"))).await;
    }
    let hanging = world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(SOON * 2)).forever());
    alice.post(&source, "held").unwrap();
    let struck = || (world.sandbox.fault_hits(hanging) == 3).then_some(());
    world.until("three requests hang", async || struck().is_some()).await;
    assert_stops(&mut bot, signal).await;
}

#[tokio::test]
async fn a_signal_ends_it_while_discord_is_away_at_the_start() {
    let world = World::new().await;
    for effect in [Effect::DropRequest, Effect::Status(503), Effect::Delay(SOON * 2)] {
        let fault = world.sandbox.fault(Fault::on("*", "**", effect).forever());
        let mut bot = world.spawn();
        world.until("a request", async || world.sandbox.fault_hits(fault) > 0).await;
        let (status, body) = bot.page("/readyz").await;
        assert!(status == 503 && body.contains(r#""gateway":"down""#), "{status} {body}");
        assert_stops(&mut bot, Signal::SIGTERM).await;
        world.sandbox.clear_faults();
    }
}

#[tokio::test]
async fn it_waits_for_a_discord_that_is_away_at_the_start() {
    let world = World::new().await;
    world.sandbox.fault(Fault::on("GET", "/users/@me", Effect::Status(502)).times(5));
    world.start().await;
}

#[tokio::test]
async fn a_signal_ends_it_before_the_gateway_is_up() {
    let world = World::new().await;
    world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
    let mut bot = world.spawn();
    bot.logged("oauth2/authorize").await;
    assert_stops(&mut bot, Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_signal_ends_it_while_the_gateway_is_lost() {
    let world = World::new().await;
    let mut bot = world.start().await;
    world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
    let address = bot.http().await;
    world.until("unready", async || Bot::fetch(address, "/readyz").await.0 == 503).await;
    assert_stops(&mut bot, Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_signal_ends_it_while_the_database_does_not_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = World::configured(Backend::Sqlite, Config::default()).await.unwrap();
    world.set("DATABASE_URL", format!("postgres://u:p@{}/x", listener.local_addr().unwrap()));
    world.set("ENCRYPTION_KEY", crate::harness::KEY);
    let mut bot = world.spawn();
    bot.http().await;
    assert_stops(&mut bot, Signal::SIGTERM).await;
}

async fn assert_stops(bot: &mut Bot, signal: Signal) {
    bot.signal(signal);
    let status = bot.ended().await;
    assert!(status.success(), "{status}; its log:\n{}", bot.log());
}

#[tokio::test]
async fn a_collector_of_logs_that_dies_takes_nothing_with_it() {
    let mut world = World::new().await;
    world.set("RUST_LOG", "trace");
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut bot = Bot::run_and_read(world.command(), |line| !line.contains("connected to the gateway"));
    bot.logged("connected to the gateway").await;
    follow(&alice, &source, &target).await;
    alice.post(&source, "nobody reads of this").unwrap();
    let arrived = target.wait_for_message(SOON, |message| message.content == "nobody reads of this").await;
    assert!(arrived.is_ok(), "{:?}", texts(&target));
    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");
}
