//! The gateway is away, silent, hostile or confused: the bot continues where it was, soon after the gateway
//! does, and meanwhile stops quickly.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Config, GatewayFault, GatewayOutage, Tally};

use crate::harness::{Backend, Bot, Pair, SOON, World};

/// How soon it delivers again: within 3 s, and as much again for a busy machine.
const BACK: Duration = Duration::from_secs(6);
/// Until somebody ends the outage.
const LONG: Duration = Duration::from_secs(3600);
/// A stop should take less than a second; one that waits for the other side's close takes two. The rest is
/// for a busy machine.
const PROMPT: Duration = Duration::from_millis(1_900);

/// The CPU time that a process has used so far.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<u64> = stat.rsplit_once(')').unwrap().1.split_whitespace().flat_map(str::parse).collect();
    // The state isn't a number; after it, utime and stime are the 11th and 12th fields. Linux counts in
    // hundredths of a second.
    Duration::from_millis((fields[10] + fields[11]) * 10)
}

impl Pair {
    fn histories(&self) -> usize {
        let history = format!("/channels/{}/messages", self.source.id());
        self.world.sandbox.exchanges().iter().filter(|one| one.path == history && one.method == "GET").count()
    }

    /// Posts, edits and deletes during a gateway outage, and checks how soon what is posted afterwards
    /// arrives.
    async fn through(&self, outage: GatewayOutage, time: Duration) {
        let before = self.post_all(0..5, "before");
        self.settled().await;
        let (counts, histories) = (self.world.sandbox.counts(), self.histories());
        self.world.sandbox.gateway_out_for(outage, LONG);
        for number in 10..20 {
            self.post(format!("{number} meanwhile"));
            tokio::time::sleep(time / 10).await;
        }
        self.edit(&before[1], "1 edited meanwhile");
        self.delete(&before[2]);
        self.world.sandbox.restore_gateway();
        let back = Instant::now();
        self.post("20 after");
        self.target.wait_for_message(SOON, |message| message.content == "20 after").await.unwrap();
        let took = back.elapsed();
        eprintln!("{outage:?} for {time:?}: delivers again after {took:?}");
        self.in_step().await;
        let now = self.world.sandbox.counts();
        assert_eq!((now.identifies - counts.identifies, now.resumes - counts.resumes), (0, 1));
        assert_eq!(self.histories(), histories, "nothing had to be read again");
        assert!(took < BACK, "{took:?}");
    }
}

#[rstest]
#[case::unreachable(GatewayOutage::Unreachable)]
#[case::refused(GatewayOutage::Refused(503))]
#[case::silent(GatewayOutage::Silent)]
#[case::no_hello(GatewayOutage::NoHello)]
#[case::closed_at_once(GatewayOutage::Closed(4000))]
#[tokio::test]
async fn after_an_outage_it_goes_on_where_it_was(#[case] outage: GatewayOutage) {
    Pair::new().await.through(outage, Duration::from_secs(5)).await;
}

/// With growing pauses, a longer outage would mean a longer pause at its end.
#[tokio::test]
async fn a_long_outage_makes_it_no_slower() {
    let seconds = std::env::var("TEST_OUTAGE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Pair::new().await.through(GatewayOutage::Unreachable, Duration::from_secs(seconds.unwrap_or(20))).await;
}

#[tokio::test]
async fn a_session_that_is_gone_meanwhile_is_begun_anew() {
    let pair = Pair::new().await;
    pair.settled().await;
    pair.world.sandbox.gateway_unreachable_for(LONG);
    pair.world.sandbox.forget_gateway_sessions();
    pair.post_all(0..5, "meanwhile");
    tokio::time::sleep(Duration::from_secs(6)).await;
    pair.world.sandbox.restore_gateway();
    let back = Instant::now();
    pair.in_step().await;
    assert!(back.elapsed() < BACK, "{:?}", back.elapsed());
}

#[rstest]
#[case::asked(&GatewayFault::Reconnect, 0, 1)]
#[case::invalid_and_resumable(&GatewayFault::InvalidSession(true), 0, 1)]
#[case::invalid(&GatewayFault::InvalidSession(false), 1, 0)]
#[case::unknown_error(&GatewayFault::Close(4000), 0, 1)]
#[case::rate_limited(&GatewayFault::Close(4008), 0, 1)]
#[case::timed_out(&GatewayFault::Close(4009), 1, 0)]
#[case::invalid_number(&GatewayFault::Close(4007), 1, 0)]
#[case::going_away(&GatewayFault::Close(1001), 1, 0)]
#[case::broken(&GatewayFault::Break, 0, 1)]
#[tokio::test]
async fn it_resumes_wherever_the_session_lives(
    #[case] fault: &GatewayFault,
    #[case] identifies: u64,
    #[case] resumes: u64,
) {
    let pair = Pair::new().await;
    pair.post_all(0..3, "before");
    pair.settled().await;
    let before = pair.world.sandbox.counts();
    pair.world.sandbox.gateway_fault(fault);
    pair.post_all(3..6, "meanwhile");
    pair.in_step().await;
    let now = pair.world.sandbox.counts();
    assert_eq!((now.identifies - before.identifies, now.resumes - before.resumes), (identifies, resumes));
}

/// As if a router had forgotten the connection: nobody says that it is gone.
#[tokio::test]
async fn a_half_open_connection_is_noticed() {
    let pair = Pair::new().await;
    pair.settled().await;
    let before = pair.world.sandbox.counts();
    pair.world.sandbox.freeze_gateway();
    pair.post_all(0..5, "unheard");
    let frozen = Instant::now();
    let clean = || Tally::of(&pair.source, &pair.target).is_clean().then_some(());
    pair.world.sandbox.wait_for("the target to show its source", SOON, clean).await.unwrap();
    assert!(frozen.elapsed() < Duration::from_secs(25) + BACK / 2, "{:?}", frozen.elapsed());
    let now = pair.world.sandbox.counts();
    assert_eq!((now.identifies - before.identifies, now.resumes - before.resumes), (0, 1));
}

#[rstest]
#[case::closed_at_once(GatewayOutage::Closed(1000))]
#[case::broken_at_once(GatewayOutage::Unreachable)]
#[tokio::test]
async fn a_gateway_that_does_not_stay_gets_a_pause(#[case] outage: GatewayOutage) {
    let world = World::new().await;
    let mut bot = world.start().await;
    let before = world.sandbox.counts();
    world.sandbox.gateway_out_for(outage, LONG);
    let used = processor_time(bot.pid());
    tokio::time::sleep(Duration::from_secs(6)).await;
    let used = processor_time(bot.pid()) - used;
    let tries = world.sandbox.counts().gateway_tries - before.gateway_tries;
    assert!((4..=14).contains(&tries), "{tries}");
    assert!(used < Duration::from_millis(600), "{used:?}");
    let line = bot.logged("the gateway can't be reached, or doesn't stay").await;
    assert!(line.contains("WARN") && line.contains("failures=2"), "{line}");
    let (_, metrics) = bot.page("/metrics").await;
    let losses = metrics.lines().find_map(|line| line.strip_prefix("tributary_gateway_losses_total "));
    assert!(losses.unwrap().parse::<f64>().unwrap() >= 4.0, "{losses:?}");
    let (status, took) = bot.stop().await;
    assert!(status.success() && took < PROMPT, "{status} after {took:?}");
}

#[rstest]
#[case(GatewayOutage::Unreachable)]
#[case(GatewayOutage::Refused(503))]
#[case(GatewayOutage::Silent)]
#[case(GatewayOutage::NoHello)]
#[case(GatewayOutage::Closed(4000))]
#[tokio::test]
async fn it_ends_within_a_second_while_the_gateway_is_out(#[case] outage: GatewayOutage) {
    let world = World::new().await;
    for tries in 1..4 {
        let bot = world.start().await;
        let before = world.sandbox.counts().gateway_tries;
        world.sandbox.gateway_out_for(outage, LONG);
        let tried = || (world.sandbox.counts().gateway_tries >= before + tries).then_some(());
        world.sandbox.wait_for("tries to connect", SOON, tried).await.unwrap();
        let (status, took) = bot.stop().await;
        assert!(status.success() && took < PROMPT, "{status} after {took:?}");
        world.sandbox.restore_gateway();
    }
}

/// What Discord would never send: a heartbeat interval of zero.
#[tokio::test]
async fn an_impossible_heartbeat_ends_nothing() {
    let config = Config { heartbeat_interval: Duration::ZERO, ..Config::default() };
    let world = World::configured(Backend::Sqlite, config).await.unwrap();
    let bot = world.spawn();
    let tried = || (world.sandbox.counts().gateway_tries >= 4).then_some(());
    world.sandbox.wait_for("tries to connect", SOON, tried).await.unwrap();
    let (status, took) = bot.stop().await;
    assert!(status.success() && took < PROMPT, "{status} after {took:?}");
}

#[rstest]
#[case(4004, "error: DISCORD_TOKEN was rejected")]
#[case(4013, "error: an intent ")]
#[case(4014, "error: an intent ")]
#[tokio::test]
async fn what_cannot_get_better_ends_it_with_one_line(#[case] code: u16, #[case] words: &str) {
    let world = World::new().await;
    let mut bot = world.start().await;
    let tries = world.sandbox.counts().gateway_tries;
    world.sandbox.gateway_fault(&GatewayFault::Close(code));
    assert_eq!(bot.ended().await.code(), Some(1));
    let log = bot.log();
    assert_eq!(log.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{log}");
    assert!(log.contains(&format!("\n{words}")), "{log}");
    assert_eq!(world.sandbox.counts().gateway_tries, tries, "it isn't tried again");
}

/// Surrounds what is needed with rubbish.
fn among_rubbish(needed: Value) -> Value {
    let mut event = json!({
        "position": 99_999, "type": { "new": true }, "name": 7, "permission_overwrites": "all", "flags": -1,
        "available_tags": { "0": [] }, "applied_tags": 5, "roles": null, "members": [[]], "new": [1.5, { "a": {} }],
    });
    event.as_object_mut().unwrap().extend(needed.as_object().unwrap().clone());
    event
}

#[tokio::test]
async fn an_event_needs_its_ids_and_nothing_else() {
    let pair = Pair::new().await;
    let posted = pair.post_all(0..4, "posted");
    pair.settled().await;
    let (sandbox, guild) = (&pair.world.sandbox, pair.guild.id());
    let (source, target) = (pair.source.id(), pair.target.id());
    let send = |name, needed| sandbox.send_event(name, &among_rubbish(needed));

    send("MESSAGE_DELETE", json!({ "id": posted[0].id, "channel_id": source, "guild_id": [] }));
    let ids = json!([posted[1].id, {}, null, "x", posted[2].id]);
    send("MESSAGE_DELETE_BULK", json!({ "ids": ids, "channel_id": source, "guild_id": {} }));
    let left = || (!pair.texts().iter().any(|text| "012".contains(&text[..1]))).then_some(());
    sandbox.wait_for("the mirrors to disappear", SOON, left).await.unwrap();
    assert!(pair.texts().contains(&"3 posted".to_owned()));

    let webhooks = format!("/channels/{target}/webhooks");
    let looks = || sandbox.exchanges().iter().filter(|one| one.path == webhooks).count();
    let before = looks();
    send("WEBHOOKS_UPDATE", json!({ "guild_id": guild, "channel_id": target }));
    sandbox.wait_for("a check of the webhooks", SOON, || (looks() > before).then_some(())).await.unwrap();

    let left_guilds = "SELECT CAST(count(*) AS TEXT) FROM left_guilds";
    send("GUILD_DELETE", json!({ "id": guild, "unavailable": true }));
    send("GUILD_CREATE", json!({ "id": guild, "channels": 5, "threads": {} }));
    pair.settled().await;
    pair.recorded(left_guilds, "0").await;
    send("GUILD_DELETE", json!({ "id": guild }));
    pair.recorded(left_guilds, "1").await;
    send("GUILD_CREATE", json!({ "id": guild, "unavailable": false, "threads": [7, { "id": {} }] }));
    pair.recorded(left_guilds, "0").await;
}

#[tokio::test]
async fn a_channel_that_is_deleted_among_rubbish_breaks_its_follow() {
    let pair = Pair::new().await;
    pair.settled().await;
    pair.world.sandbox.send_event("CHANNEL_DELETE", &among_rubbish(json!({ "id": pair.source.id() })));
    pair.recorded("SELECT broken_reason FROM channel_follows", "source_deleted").await;
}

#[rstest]
#[case::named(true)]
#[case::known(false)]
#[tokio::test]
async fn a_thread_that_is_deleted_among_rubbish_breaks_its_follow(#[case] named: bool) {
    let pair = Pair::new().await;
    let thread = pair.alice.start_thread(&pair.source, "aside", None).unwrap();
    pair.follow(&thread, &pair.guild.text("shown")).await;
    pair.settled().await;
    let (thread, parent, guild) = (thread.id(), pair.source.id(), pair.guild.id());
    let ids = if named {
        json!({ "id": thread, "parent_id": parent, "guild_id": guild })
    } else {
        json!({ "id": thread, "parent_id": [parent], "guild_id": {} })
    };
    pair.world.sandbox.send_event("THREAD_DELETE", &among_rubbish(ids));
    let query = "SELECT broken_reason FROM channel_follows WHERE broken_reason IS NOT NULL";
    pair.recorded(query, "source_deleted").await;
    pair.in_step().await;
}

/// If a key occurs twice, the last one counts, as for most JSON parsers.
#[tokio::test]
async fn an_event_with_a_key_twice_is_read() {
    let pair = Pair::new().await;
    let posted = pair.post_all(0..2, "posted");
    pair.settled().await;
    let (channel, [first, second]) = (pair.source.id(), [posted[0].id, posted[1].id]);
    let deletion = format!(
        r#"{{"id":"{first}","id":"{second}","channel_id":"1","x":1,"x":2,"channel_id":"{channel}"}}"#
    );
    pair.world.sandbox.send_event_text("MESSAGE_DELETE", &deletion);
    let gone = || (!pair.texts().contains(&"1 posted".to_owned())).then_some(());
    pair.world.sandbox.wait_for("the mirror to disappear", SOON, gone).await.unwrap();
    assert!(pair.texts().contains(&"0 posted".to_owned()));
}

#[tokio::test]
async fn an_interaction_that_cannot_be_read_is_answered() {
    let world = World::new().await;
    let mut bot: Bot = world.start().await;
    let interaction = json!({
        "id": "77", "application_id": world.sandbox.application_id(), "type": 2, "token": "a-secret-token", "version": 1,
        "data": { "id": "5", "type": 1, "name": "follow", "options": "new" }, "channel": 7,
    });
    world.sandbox.send_event("INTERACTION_CREATE", &interaction);
    let line = bot.logged("an interaction can't be read").await;
    assert!(line.contains("WARN") && line.contains("follow"), "{line}");
    let answered =
        || world.sandbox.exchanges().into_iter().find(|one| one.path.starts_with("/interactions/77/"));
    let answer = world.sandbox.wait_for("an answer", SOON, answered).await.unwrap();
    assert!(answer.request.unwrap().to_string().contains("I can't read this"));
    bot.signal(Signal::SIGTERM);
    bot.ended().await;
    assert!(!bot.log().contains("a-secret-token"));
}
