//! Which processes may run alongside each other: one on SQLite; on PostgreSQL as many as there are shards to
//! divide, each with its own.

use nix::sys::signal::Signal;
use tributary_sandbox::Options;

use crate::harness::{Backend, Bot, Crew, SOON, World, admin, ended, follow, texts};

/// Ends the connection that holds a process's shards and listens to the others, as a broken network would.
async fn cut(world: &World) {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'tributary session' AND datname = current_database()";
    world.database.execute(cut).await;
}

#[tokio::test]
async fn a_second_process_on_sqlite_says_so_and_ends() {
    let world = World::new().await;
    let mut bot = world.start().await;
    let second = ended(world.command()).await;
    assert_eq!(second.code, Some(1));
    let said = second.complaint();
    assert!(said.contains("another process runs on this database") && said.contains("PostgreSQL"), "{said}");
    assert!(said.contains("tributary.lock"), "{said}");
    world.ready(&mut bot).await;

    // What is meant to work while a bot runs, does.
    let mut status = world.command();
    status.args(["migrate", "status"]);
    let status = ended(status).await;
    assert!(status.code == Some(0) && status.stdout.contains("applied"), "{status:?}");
    let mut forget = world.command();
    forget.args(["forget", "--user", "81384788765712384"]);
    let forgot = ended(forget).await;
    assert!(forgot.complaint().contains("nothing is kept about user"), "{forgot:?}");

    // A killed process leaves nothing behind that would keep the next one from starting.
    bot.kill().await;
    let mut next = world.start().await;
    world.ready(&mut next).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_standby_says_so_and_takes_over() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut first = world.start().await;
    world.ready(&mut first).await;
    follow(&alice, &source, &target).await;

    let mut second = world.spawn();
    second.logged("standing by").await;
    let body = world.answers(&mut second, 503).await;
    assert!(body.contains(r#""gateway":"standby""#), "{body}");
    assert!(body.contains("shard 0 is another process's") && body.contains("takes over"), "{body}");

    alice.post(&source, "1 before").unwrap();
    target.wait_for_message(SOON, |message| message.content == "1 before").await.unwrap();
    first.kill().await;
    alice.post(&source, "2 between").unwrap();
    world.ready(&mut second).await;
    alice.post(&source, "3 after").unwrap();
    target.wait_for_message(SOON * 2, |message| message.content == "3 after").await.unwrap();
    assert_eq!(texts(&target), ["1 before", "2 between", "3 after"]);
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn another_number_of_shards_waits_and_says_why() {
    let Some(crew) = Crew::start(2, 0).await else { return };
    let mut other = crew.world.spawn_with(&["--role", "gateway", "--shards", "2/3"]);
    other.logged("standing by").await;
    let body = crew.world.answers(&mut other, 503).await;
    assert!(body.contains("among 2 shards, this one among 3") && body.contains("SHARDS"), "{body}");
    let mut overlap = crew.world.spawn_with(&["--role", "gateway", "--shards", "0..1/2"]);
    let line = overlap.logged("standing by").await;
    assert!(line.contains("shard 0 is another process's"), "{line}");
}

/// The process is stopped, cut off and continued: by then, another has its shards, and it must not act as if
/// they were still its own.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn who_has_lost_its_shards_stands_by() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut first = world.start().await;
    world.ready(&mut first).await;
    follow(&alice, &source, &target).await;
    let mut second = world.spawn();
    second.logged("standing by").await;

    first.signal(Signal::SIGSTOP);
    cut(&world).await;
    world.ready(&mut second).await;
    for number in 1..=5 {
        alice.post(&source, format!("{number} while it is stopped")).unwrap();
    }
    first.signal(Signal::SIGCONT);
    let address = first.http().await;
    let standby = async || Bot::fetch(address, "/readyz").await.1.contains(r#""gateway":"standby""#);
    world.until("the first to stand by", standby).await;
    alice.post(&source, "6 after").unwrap();
    target.wait_for_message(SOON * 2, |message| message.content == "6 after").await.unwrap();
    let shown: Vec<String> = texts(&target).into_iter().map(|text| text[..1].to_owned()).collect();
    assert_eq!(shown, ["1", "2", "3", "4", "5", "6"]);
    first.logged("the shards are another process's now").await;

    // And back again.
    second.kill().await;
    world.ready(&mut first).await;
    alice.post(&source, "7 again").unwrap();
    target.wait_for_message(SOON * 2, |message| message.content == "7 again").await.unwrap();
    let options = Options::new().set("channel", &source);
    let reply = alice.run(&target, "/unfollow", options).await.expect("it answers");
    assert!(reply.text().contains("no longer follows"), "{}", reply.text());
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_lost_connection_is_made_again_and_nothing_is_missed() {
    let Some(mut crew) = Crew::start(1, 1).await else { return };
    let (harbour, alice) = crew.server(0, "Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    follow(&alice, &source, &target).await;
    for number in 0..40 {
        alice.post(&source, format!("{number} first")).unwrap();
        if number % 8 == 3 {
            cut(&crew.world).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // The check after reconnecting makes up for a notification that was lost with the connection.
    target.wait_for_message(SOON, |message| message.content == "39 first").await.unwrap();
    assert_eq!(texts(&target), (0..40).map(|number| format!("{number} first")).collect::<Vec<_>>());
    crew.workers[0].logged("the connection that holds this process's place is gone").await;
    for bot in crew.gateways.iter_mut().chain(&mut crew.workers) {
        crew.world.ready(bot).await;
    }
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_worker_says_that_it_hears_and_has_no_gateway() {
    let Some(mut crew) = Crew::start(1, 1).await else { return };
    let (_, body) = crew.workers[0].page("/readyz").await;
    assert!(body.contains(r#""role":"worker""#) && body.contains(r#""others":"heard""#), "{body}");
    assert!(!body.contains("gateway"), "{body}");
    let (status, body) = crew.gateways[0].page("/readyz").await;
    assert!(
        status == 200 && body.contains(r#""role":"gateway""#) && body.contains(r#""gateway":"up""#),
        "{body}"
    );
    let (status, _) = Bot::fetch(crew.workers[0].http().await, "/metrics").await;
    assert_eq!(status, 200);
}
