//! Two gateways, each with half of the servers: what people do through one of them reaches the channels of
//! the other.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Options, Person, Tally};

use crate::harness::{Crew, SOON};

async fn follow_link(person: &Person, source: &Channel, target: &Channel) {
    let options = Options::new().set("link", source.link()).set("delivery", "relay");
    let reply = person.run(target, "/follow", options).await.expect("an answer");
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

/// Posts until it is told to stop. Returns how many posts there are.
async fn post(person: Person, source: Channel, stop: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut number = 0;
    while !*stop.borrow() {
        person.post(&source, format!("{number} posted")).expect("they may");
        number += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    number
}

/// Posts at the very moment of the follow: from the first that appears, all appear, once and in order,
/// including all that were posted after the answer.
#[rstest]
#[case(0, 1)]
#[case(1, 0)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_follow_across_gateways_loses_nothing(#[case] of_source: u64, #[case] of_target: u64) {
    let Some(crew) = Crew::start(2, 1).await else { return };
    let (lake, keeper) = crew.server(of_source, "Lake");
    let (harbour, alice) = crew.server(of_target, "Harbour");
    let (source, target) = (lake.text("source"), harbour.text("target"));
    crew.publish(&keeper, &lake, &source, &alice).await;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let posting = tokio::spawn(post(keeper.clone(), source.clone(), stopped));
    tokio::time::sleep(Duration::from_millis(200)).await;
    follow_link(&alice, &source, &target).await;
    let at_answer = source.message_count();
    tokio::time::sleep(Duration::from_millis(400)).await;
    stop.send_replace(true);
    let posted = posting.await.unwrap();
    let last = format!("{} posted", posted - 1);
    let arrived = target.wait_for_message(SOON * 2, |message| message.content == last).await;
    assert!(arrived.is_ok(), "{}", target.render_text());

    let shown: Vec<usize> = target
        .messages()
        .iter()
        .filter(|message| message.webhook.is_some())
        .map(|message| message.content.split(' ').next().unwrap().parse().unwrap())
        .collect();
    let first = shown[0];
    assert_eq!(shown, (first..posted).collect::<Vec<_>>());
    assert!(first <= at_answer, "{first} is later than the answer, at {at_answer}");

    // Edits and deletions cross over, too.
    let messages = source.messages();
    let (edited, deleted) = (&messages[messages.len() - 2], &messages[messages.len() - 3]);
    keeper.edit(&source, edited.id, "edited across").unwrap();
    keeper.delete(&source, deleted.id).unwrap();
    target.wait_for_message(SOON, |message| message.content == "edited across").await.unwrap();
    let gone = || (target.messages().iter().all(|message| message.content != deleted.content)).then_some(());
    crew.world.sandbox.wait_for("the deletion", SOON, gone).await.unwrap();
}

/// A gateway doesn't assume that a server of another process was left, or that its follows are broken.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn sweeps_leave_others_servers_alone() {
    let Some(mut crew) = Crew::start(2, 1).await else { return };
    let (lake, keeper) = crew.server(1, "Lake");
    let (harbour, alice) = crew.server(0, "Harbour");
    let (source, target) = (lake.text("source"), harbour.text("target"));
    crew.publish(&keeper, &lake, &source, &alice).await;
    follow_link(&alice, &source, &target).await;
    let inner = lake.text("inner");
    let options = Options::new().set("channel", &source).set("delivery", "relay");
    keeper.run(&inner, "/follow", options).await.unwrap();
    for shard in [0, 1] {
        let former = crew.gateways.remove(shard as usize);
        former.stop().await;
        let mut next = crew.spawn_gateway(shard, 2);
        crew.world.ready(&mut next).await;
        crew.gateways.insert(shard as usize, next);
        // Each asks Discord only about the follows into its own servers.
        crew.world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    }
    let left = crew.world.database.text("SELECT CAST(count(*) AS TEXT) FROM left_guilds").await;
    let broken = "SELECT CAST(count(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
    assert_eq!((left.as_deref(), crew.world.database.text(broken).await.as_deref()), (Some("0"), Some("0")));
    keeper.post(&source, "1 still there").unwrap();
    for target in [&target, &inner] {
        target.wait_for_message(SOON, |message| message.content == "1 still there").await.unwrap();
    }
    let about = alice.run(&target, "/about", Options::new()).await.unwrap().text();
    let servers = crew.world.sandbox.guilds().len();
    assert!(about.contains(&format!("about {servers}")), "{about}");
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_killed_gateway_catches_up_and_the_other_goes_on() {
    let Some(mut crew) = Crew::start(2, 1).await else { return };
    let (lake, keeper) = crew.server(1, "Lake");
    let (harbour, alice) = crew.server(0, "Harbour");
    let (far, near) = (lake.text("far"), harbour.text("near"));
    let (target, beside) = (harbour.text("target"), harbour.text("beside"));
    crew.publish(&keeper, &lake, &far, &alice).await;
    follow_link(&alice, &far, &target).await;
    follow_link(&alice, &near, &beside).await;
    let early = keeper.post(&far, "0 early").unwrap();
    target.wait_for_message(SOON, |message| message.content == "0 early").await.unwrap();

    crew.gateways.remove(1).kill().await;
    for number in 1..=5 {
        keeper.post(&far, format!("{number} unheard")).unwrap();
        alice.post(&near, format!("{number} heard")).unwrap();
    }
    keeper.edit(&far, early.id, "0 edited").unwrap();
    beside.wait_for_message(SOON, |message| message.content == "5 heard").await.unwrap();
    assert_eq!(target.messages().iter().filter(|message| message.webhook.is_some()).count(), 1);

    let mut again = crew.spawn_gateway(1, 2);
    crew.world.ready(&mut again).await;
    keeper.post(&far, "6 live").unwrap();
    target.wait_for_message(SOON, |message| message.content == "6 live").await.unwrap();
    let clean = || Tally::of(&far, &target).is_clean().then_some(());
    crew.world.sandbox.wait_for("the target to show its source", SOON, clean).await.unwrap();
}

/// A gateway that missed a follow because its connection was gone learns of it afterwards.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_follow_that_was_not_heard_of_is_found() {
    let Some(mut crew) = Crew::start(2, 1).await else { return };
    let (lake, keeper) = crew.server(1, "Lake");
    let (harbour, alice) = crew.server(0, "Harbour");
    let (source, target) = (lake.text("source"), harbour.text("target"));
    crew.publish(&keeper, &lake, &source, &alice).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'tributary session' AND datname = current_database()";
    crew.world.database.execute(cut).await;
    follow_link(&alice, &source, &target).await;
    keeper.post(&source, "1 posted unheard").unwrap();
    target.wait_for_message(SOON, |message| message.content == "1 posted unheard").await.unwrap();
    crew.gateways[1].logged("the connection that holds this process's place is gone").await;
    keeper.post(&source, "2 posted").unwrap();
    target.wait_for_message(SOON, |message| message.content == "2 posted").await.unwrap();
}

/// The process that has a panel's server updates it, wherever its buttons are pressed.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn panels_are_kept_by_one_and_pressed_anywhere() {
    let Some(mut crew) = Crew::start(2, 1).await else { return };
    let (lake, keeper) = crew.server(1, "Lake");
    let (harbour, alice) = crew.server(0, "Harbour");
    let (board, mirror) = (lake.text("board"), harbour.text("mirror"));
    crew.publish(&keeper, &lake, &board, &alice).await;
    follow_link(&alice, &board, &mirror).await;
    let options = Options::new().set("kind", "follows").set("channel", &board);
    let made = keeper.run(&board, "/panel create", options).await.unwrap();
    assert!(made.text().contains("is posted in"), "{}", made.text());
    let shown = mirror.wait_for_message(SOON, |message| !message.embeds.is_empty()).await.unwrap();

    let looks = async |bot: &mut crate::harness::Bot| -> f64 {
        let (_, page) = bot.page("/metrics").await;
        let lines = page.lines().filter(|line| line.starts_with("tributary_panel_looks_total"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let before = looks(&mut crew.gateways[1]).await;
    // Within that time, a request to refresh would wait.
    tokio::time::sleep(Duration::from_secs(5)).await;
    alice.press_only(&mirror, shown.id, "Refresh").await.unwrap();
    crew.world
        .until("the panel's keeper to look", async || looks(&mut crew.gateways[1]).await > before)
        .await;
    assert_eq!(looks(&mut crew.gateways[0]).await, 0.0, "it is the other gateway's panel");
    assert_eq!(board.messages().iter().filter(|message| !message.embeds.is_empty()).count(), 1);
}
