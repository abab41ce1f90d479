//! A bot that is stopped and started again resumes its session: nothing is read again, and what happened
//! meanwhile arrives once and in order.

use std::time::{Duration, Instant};

use rstest::rstest;
use tributary_sandbox::{Effect, Fault, GatewayOutage, Hold, Permissions, SeenMessage};

use crate::harness::{Backend, Bot, Crew, Forum, Pair, SOON, World, admin, follow, texts};

/// How many sessions are kept.
const KEPT: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM gateway_sessions";

impl Pair {
    /// How often the source's history was requested.
    fn readings(&self) -> usize {
        let path = format!("/channels/{}/messages", self.source.id());
        self.world.sandbox.exchanges().iter().filter(|one| one.method == "GET" && one.path == path).count()
    }

    /// What happens while the bot is stopped; the history alone would show less.
    fn gap(&self, before: &[SeenMessage]) {
        self.edit(&before[1], "2 edited in the gap");
        self.delete(&before[2]);
        let new = self.post_all(10..15, "in the gap");
        self.edit(&new[1], "11 edited at once");
        self.delete(&new[2]);
    }
}

async fn kept(world: &World) -> String {
    world.database.text(KEPT).await.unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_planned_restart_goes_on_where_it_stopped(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    let (counts, readings) = (pair.world.sandbox.counts(), pair.readings());
    for round in 1..4 {
        // The last of them hasn't been delivered yet, or not even received.
        pair.post(format!("at-the-stop-{round}"));
        pair.stop().await;
        assert_eq!(kept(&pair.world).await, "1");
        if round == 1 {
            pair.gap(&before);
        }
        pair.post(format!("in-between-{round}"));
        pair.resume().await;
        assert_eq!(kept(&pair.world).await, "0", "it is used once");
        pair.post(format!("after-the-start-{round}"));
        pair.in_step().await;
    }
    let after = pair.world.sandbox.counts();
    assert_eq!((after.identifies, after.resumes), (counts.identifies, counts.resumes + 3));
    assert_eq!(pair.readings(), readings, "nothing was read again");
}

#[tokio::test]
async fn a_session_that_discord_has_forgotten_is_made_up_for() {
    let mut pair = Pair::new().await;
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    let readings = pair.readings();
    pair.stop().await;
    assert_eq!(kept(&pair.world).await, "1");
    pair.gap(&before);
    pair.start().await;
    pair.in_step().await;
    assert!(pair.readings() > readings);
    assert!(pair.bot().log().contains("going on with the gateway sessions"), "it has tried");
}

/// The second bot ends before it has resumed the session, which waits for the third.
#[tokio::test]
async fn a_bot_that_is_stopped_before_it_is_connected_leaves_the_session_as_it_was() {
    let mut pair = Pair::new().await;
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    let (identifies, readings) = (pair.world.sandbox.counts().identifies, pair.readings());
    pair.stop().await;
    pair.world.sandbox.gateway_out_for(GatewayOutage::NoHello, SOON * 10);
    let mut second = pair.world.spawn();
    second.logged("going on with the gateway sessions").await;
    pair.gap(&before);
    second.stop().await;
    assert_eq!(kept(&pair.world).await, "1");
    pair.world.sandbox.restore_gateway();
    pair.resume().await;
    pair.in_step().await;
    assert_eq!((pair.world.sandbox.counts().identifies, pair.readings()), (identifies, readings));
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_session_that_was_taken_by_one_that_died_is_not_used_again(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    pair.stop().await;
    pair.world.sandbox.gateway_out_for(GatewayOutage::Silent, SOON * 10);
    let mut second = pair.world.spawn();
    second.logged("going on with the gateway sessions").await;
    pair.gap(&before);
    second.kill().await;
    assert_eq!(kept(&pair.world).await, "0");
    pair.world.sandbox.restore_gateway();
    let counts = pair.world.sandbox.counts();
    pair.start().await;
    pair.in_step().await;
    let after = pair.world.sandbox.counts();
    assert_eq!((after.identifies, after.resumes), (counts.identifies + 1, counts.resumes));
}

/// What waits behind a reading isn't recorded: its source is read again, and no other.
#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_stop_while_a_source_is_read_has_that_source_read_again(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let (other, shown) = (pair.guild.text("other"), pair.guild.text("other-shown"));
    pair.follow(&other, &shown).await;
    let before = pair.post_all(1..6, "before");
    pair.alice.post(&other, "first").unwrap();
    shown.wait_for_message(SOON, |message| message.content == "first").await.unwrap();
    pair.settled().await;
    pair.stop().await;
    let history = format!("/channels/{}/messages", pair.source.id());
    let hold = Hold::new();
    let held = pair.world.sandbox.fault(Fault::on("GET", &history, Effect::Hold(hold.clone())).forever());
    pair.start().await;
    let world = &pair.world;
    world.until("the source is read", async || world.sandbox.fault_hits(held) > 0).await;
    pair.alice.post(&other, "second").unwrap();
    shown.wait_for_message(SOON, |message| message.content == "second").await.unwrap();
    pair.gap(&before);
    // Everything before this has been received.
    pair.alice.post(&other, "marker").unwrap();
    shown.wait_for_message(SOON, |message| message.content == "marker").await.unwrap();
    pair.stop().await;
    // A history that is read later is compared with only a part of what is mirrored.
    let gone = "SELECT source_message_id FROM activities WHERE deleted";
    let gone = format!("SELECT CAST(({gone}) AS TEXT)");
    assert_eq!(pair.world.database.text(&gone).await, Some(before[2].id.to_string()));
    hold.release();
    pair.world.sandbox.clear_faults();
    let of_other = format!("/channels/{}/messages", other.id());
    let readings = |pair: &Pair| {
        pair.world
            .sandbox
            .exchanges()
            .iter()
            .filter(|one| one.path == of_other && one.method == "GET")
            .count()
    };
    let (read, read_other) = (pair.readings(), readings(&pair));
    pair.post("in the second gap");
    pair.alice.post(&other, "third").unwrap();
    pair.resume().await;
    pair.in_step().await;
    shown.wait_for_message(SOON, |message| message.content == "third").await.unwrap();
    assert_eq!(texts(&shown), ["first", "second", "marker", "third"]);
    assert!(pair.readings() > read);
    assert_eq!(readings(&pair), read_other, "it was read, and all of it is recorded");
}

/// Only the beginning of a session lists the threads in which nobody has posted yet.
#[tokio::test]
async fn threads_are_listened_to_after_it() {
    let mut forum = Forum::new().await;
    let silent = forum.alice.start_thread(&forum.talk, "silent", None).unwrap();
    let bug = forum.bug;
    let idea = forum.start("An idea", &[bug], "what it begins with");
    // Both are older than the follows, and known from the next session's list.
    forum.absent(|_| {}).await;
    forum.follow(&forum.talk, &[("threads", "all")]).await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    forum.absent(|_| {}).await;
    forum.settled().await;
    let before = forum.world.sandbox.counts();
    forum.bot.take().expect("it runs").stop().await;
    let new = forum.start("Another", &[bug], "a new idea");
    forum.say(&silent, "in the silent one");
    forum.bot = Some(forum.world.resume().await);
    forum.say(&idea, "an answer to the old one");
    forum.say(&new, "an answer to the new one");
    let came = |texts: &[&str]| texts.iter().all(|text| forum.shows(text));
    let wanted = ["a new idea", "in the silent one", "an answer to the old one", "an answer to the new one"];
    let all = || came(&wanted).then_some(());
    let all = forum.world.sandbox.wait_for("what was posted in threads", SOON, all).await;
    assert!(all.is_ok(), "{:?}", forum.shown());
    forum.settled().await;
    assert_eq!(forum.shown().len(), wanted.len(), "{:?}", forum.shown());
    assert_eq!(forum.world.sandbox.counts().identifies, before.identifies);
}

/// The list of servers arrives only at the beginning of a session.
#[tokio::test]
async fn the_bot_knows_which_servers_it_is_in_after_it() {
    let mut pair = Pair::new().await;
    let lake = pair.world.sandbox.create_guild("Lake");
    let keeper = admin(&lake, "Keeper");
    let (pond, shore) = (lake.text("pond"), lake.text("shore"));
    follow(&keeper, &pond, &shore).await;
    keeper.post(&pond, "known").unwrap();
    shore.wait_for_message(SOON, |message| message.content == "known").await.unwrap();
    pair.settled().await;
    // This session's sweep has checked both.
    pair.stop().await;
    pair.world.database.execute("DELETE FROM guild_checks").await;
    pair.start().await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM guild_checks", "2").await;
    pair.stop().await;
    lake.remove_bot().unwrap();
    let channels = format!("/guilds/{}/channels", pair.guild.id());
    let looks =
        |pair: &Pair| pair.world.sandbox.exchanges().iter().filter(|one| one.path == channels).count();
    let before = looks(&pair);
    pair.resume().await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "1").await;
    let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
    pair.recorded(broken, "1").await;
    pair.in_step().await;
    pair.world.sandbox.wait_quiet(Duration::from_millis(300)).await;
    assert_eq!(looks(&pair), before, "no server is compared again");
    // The next session doesn't name it either; the one after a return does.
    pair.stop().await;
    lake.add_bot(Permissions::all());
    pair.resume().await;
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "0").await;
}

/// When a bot has finished thinking, an edit says so. It only makes sense to those who know that the bot was
/// thinking.
#[tokio::test]
async fn what_was_thought_about_at_the_stop_is_shown_when_it_is_said() {
    let mut pair = Pair::new().await;
    let other = pair.guild.member("Thinker", Permissions::empty());
    pair.post("before");
    pair.settled().await;
    let thinking = pair.source.start_thinking(&other).unwrap();
    pair.settled().await;
    pair.stop().await;
    pair.resume().await;
    other.edit(&pair.source, thinking.id, "forty-two").unwrap();
    pair.target.wait_for_message(SOON, |message| message.content == "forty-two").await.unwrap();
    pair.settled().await;
    assert_eq!(pair.texts().iter().filter(|text| *text == "forty-two").count(), 1);
}

/// However many sources there are, what was posted meanwhile doesn't wait for them to be read. `TEST_SOURCES`
/// sets how many; published figures use 4,000.
#[tokio::test]
async fn the_first_mirror_waits_for_no_reading() {
    let sources = std::env::var("TEST_SOURCES").ok().and_then(|count| count.parse().ok()).unwrap_or(50);
    let mut pair = Pair::new().await;
    pair.settled().await;
    pair.stop().await;
    let database = &pair.world.database;
    let columns = async |table: &str, without: &str| {
        let query = format!(
            "SELECT group_concat(name) FROM pragma_table_info('{table}') WHERE name NOT IN ({without})"
        );
        database.text(&query).await.unwrap()
    };
    let of_follows = columns("channel_follows", "'id', 'source_channel_id'").await;
    let of_channels = columns("channels", "'channel_id'").await;
    let others: Vec<String> = (0..sources)
        .map(|number| format!("({})", pair.guild.text(&format!("source-{number}")).id()))
        .collect();
    let others = others.join(",");
    for (table, id, columns, limit) in [
        ("channel_follows", "source_channel_id", of_follows, "id = 1"),
        ("channels", "channel_id", of_channels, "seen_message_id IS NOT NULL"),
    ] {
        let insert = format!(
            "INSERT INTO {table} ({id}, {columns}) SELECT column1, {columns} FROM (VALUES {others}) JOIN {table} WHERE {limit}"
        );
        database.execute(&insert).await;
    }
    let readings = |pair: &Pair| {
        let all = pair.world.sandbox.exchanges();
        all.iter().filter(|one| one.method == "GET" && one.path.ends_with("/messages")).count()
    };
    let before = readings(&pair);
    let started = Instant::now();
    pair.post("turn-1 waits for its turn");
    pair.start().await;
    pair.target
        .wait_for_message(SOON * 5, |message| message.content == "turn-1 waits for its turn")
        .await
        .unwrap();
    let with_readings = started.elapsed();
    pair.world.until("all sources are read", async || readings(&pair) > before + sources).await;
    pair.world.sandbox.wait_quiet(Duration::from_millis(500)).await;
    pair.stop().await;

    let before = readings(&pair);
    pair.post("none-2 waits for nothing");
    let started = Instant::now();
    let bot = pair.world.spawn();
    pair.target
        .wait_for_message(SOON, |message| message.content == "none-2 waits for nothing")
        .await
        .unwrap();
    eprintln!(
        "{sources} sources: first mirror {:?} after the start; with a new session {with_readings:?}",
        started.elapsed()
    );
    pair.in_step().await;
    assert_eq!(readings(&pair), before);
    bot.stop().await;
}

#[tokio::test]
async fn a_servers_outage_outlasts_it() {
    let mut pair = Pair::new().await;
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    pair.guild.outage().unwrap();
    pair.stop().await;
    pair.gap(&before);
    pair.resume().await;
    pair.guild.recover().unwrap();
    pair.in_step().await;
}

#[tokio::test]
async fn several_shards_go_on_at_once() {
    let world = World::new().await.with_settings(&[("SHARDS", "0..1/2")]);
    let mut bot = world.start().await;
    world.ready(&mut bot).await;
    let mut pairs = Vec::new();
    while pairs.len() < 2 {
        let guild = world.sandbox.create_guild("Harbour");
        if (guild.id().0 >> 22) % 2 == pairs.len() as u64 {
            let (alice, source, target) =
                (admin(&guild, "Alice"), guild.text("source"), guild.text("target"));
            follow(&alice, &source, &target).await;
            alice.post(&source, "before").unwrap();
            target.wait_for_message(SOON, |message| message.content == "before").await.unwrap();
            pairs.push((alice, source, target));
        }
    }
    let counts = world.sandbox.counts();
    bot.stop().await;
    assert_eq!(kept(&world).await, "2");
    pairs.iter().for_each(|(alice, source, _)| drop(alice.post(source, "in the gap")));
    let _bot = world.resume().await;
    for (alice, source, target) in &pairs {
        alice.post(source, "after").unwrap();
        target.wait_for_message(SOON, |message| message.content == "after").await.unwrap();
        assert_eq!(texts(target), ["before", "in the gap", "after"]);
    }
    let after = world.sandbox.counts();
    assert_eq!((after.identifies, after.resumes), (counts.identifies, counts.resumes + 2));
}

#[tokio::test]
async fn other_shards_begin_anew() {
    let mut pair = Pair::new().await;
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    pair.stop().await;
    pair.gap(&before);
    pair.world.set("SHARDS", "0..1/2");
    let resumes = pair.world.sandbox.counts().resumes;
    pair.start().await;
    pair.in_step().await;
    assert_eq!((kept(&pair.world).await.as_str(), pair.world.sandbox.counts().resumes), ("0", resumes));
}

/// Others may take a part over at any time, and write something newer.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_process_with_a_part_of_the_shards_keeps_nothing() {
    let Some(mut crew) = Crew::start(2, 1).await else { return };
    crew.gateways.remove(1).stop().await;
    assert_eq!(kept(&crew.world).await, "0");
}

/// A standby that takes over all shards resumes their sessions.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_standby_goes_on_where_the_other_stopped() {
    let Some(mut pair) = Pair::on(Backend::Postgres, &[]).await else { return };
    let before = pair.post_all(1..6, "before");
    pair.settled().await;
    let (counts, readings) = (pair.world.sandbox.counts(), pair.readings());
    let mut standby: Bot = pair.world.spawn();
    standby.logged("standing by").await;
    pair.gap(&before);
    pair.stop().await;
    pair.post("between the two");
    standby.logged("gateway session resumed").await;
    pair.in_step().await;
    assert_eq!(pair.world.sandbox.counts().identifies, counts.identifies);
    assert_eq!(pair.readings(), readings);
    standby.stop().await;
}
