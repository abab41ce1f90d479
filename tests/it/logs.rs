//! What the log shows: the story of one follow, and the cause of an error that a person saw.

use serde_json::Value;
use tributary_sandbox::{Effect, Fault, Options};

use crate::harness::{SOON, Scene};

/// The log's lines, as a collector reads them.
fn lines(scene: &Scene) -> Vec<Value> {
    let log = scene.bot.log();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

/// The spans of a line, outermost first.
fn spans(line: &Value) -> &[Value] {
    line["spans"].as_array().map_or(&[], Vec::as_slice)
}

fn names(line: &Value) -> Vec<&str> {
    spans(line).iter().filter_map(|span| span["name"].as_str()).collect()
}

/// The value of a field, from the line itself or from its spans.
fn field<'a>(line: &'a Value, name: &str) -> &'a Value {
    let of_spans = spans(line).iter().map(|span| &span[name]);
    std::iter::once(&line[name]).chain(of_spans).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn the_story_of_one_follow_can_be_read() {
    let settings = [("LOG_FORMAT", "json"), ("RUST_LOG", "info,tributary=debug")];
    let mut scene = Scene::with(&settings).await;
    let board = scene.harbour.text("board");
    let relay = |source| Options::new().set("channel", source).set("delivery", "relay");
    for source in [&scene.releases, &board] {
        let reply = scene.run("/follow", relay(source)).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }
    for source in [&scene.releases, &board] {
        let text = format!("words of {}", source.name());
        scene.alice.post(source, text.as_str()).expect("she may");
        scene.news.wait_for_message(SOON, |message| message.content == text).await.expect("its mirror");
    }
    for choice in ["pause:1", "resume:1"] {
        let menu = "Look into, pause, resume or remove a follow …";
        scene.run("/follows", ()).await.select(menu, &[choice]).await.expect("an answer");
    }
    scene.run("/unfollow", [("channel", &scene.releases)]).await;
    scene.bot.logged("follow removed").await;

    let lines = lines(&scene);
    let story: Vec<&Value> = lines.iter().filter(|line| *field(line, "follow") == 1).collect();
    let steps = ["follow made", "a step is done", "follow paused", "follow resumed", "follow removed"];
    let told: Vec<&str> = story.iter().filter_map(|line| line["message"].as_str()).collect();
    let mut found = told.iter();
    for step in steps {
        assert!(found.any(|message| *message == step), "{step:?} isn't logged in its place: {told:#?}");
    }
    let line = |message: &str| *story.iter().find(|line| line["message"] == message).expect("it is logged");

    let made = line("follow made");
    assert_eq!(names(made), ["interaction", "follow"]);
    assert!(field(made, "interaction").as_str().is_some_and(|id| id.parse::<u64>().is_ok()), "{made}");
    assert_eq!(*field(made, "server"), scene.harbour.id().to_string());
    assert_eq!(*field(made, "channel"), scene.news.id().to_string());

    let step = line("a step is done");
    assert_eq!(names(step), ["lane", "step"]);
    assert_eq!(*field(step, "lane"), scene.news.id().to_string());
    assert!(field(step, "delivery").is_i64(), "{step}");

    for (message, span) in [("answered", "request"), ("committed", "transaction")] {
        let told = story.iter().any(|line| line["message"] == message && names(line).contains(&span));
        assert!(told, "no {span} in {told:#?}");
    }
    let committed = line("committed");
    assert!(committed["at"].as_str().is_some_and(|at| at.starts_with("src/store/")), "{committed}");
    assert!(!story.iter().any(|line| line.to_string().contains(&board.id().to_string())), "another follow's");
    assert!(!scene.bot.log().contains("words of"), "contents are never logged");
}

#[tokio::test]
async fn an_error_that_a_person_sees_is_found_in_the_log() {
    let scene = Scene::with(&[("LOG_FORMAT", "json")]).await;
    scene.world.sandbox.fault(Fault::on("GET", "/guilds/*/members/*", Effect::Status(503)).forever());
    let text = scene.run("/follow", [("channel", &scene.releases)]).await.text();
    let (sentence, reference) = text.split_once("\nReference: `").expect("a reference at the end");
    let reference = reference.trim_end_matches('`');
    assert!(sentence.starts_with("Discord did not answer in time"), "{text}");
    assert!(reference.len() == 8 && u32::from_str_radix(reference, 16).is_ok(), "{text}");
    // The answer may arrive before the line is written.
    let is_it = |line: &Value| line["reference"] == reference;
    scene.world.until("a line with it", async || lines(&scene).iter().any(is_it)).await;
    let lines = lines(&scene);
    let line = lines.iter().find(|line| is_it(line)).expect("a line with it");
    assert_eq!((&line["command"], names(line)[0]), (&"follow".into(), "interaction"), "{line}");
    assert!(line["cause"].is_string(), "{line}");
    assert_eq!(*field(line, "server"), scene.harbour.id().to_string());
}
