//! No tokens and no texts of messages in a log, whatever is logged; none readable in the database.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Config, Effect, Fault, Permissions, Sandbox};

use crate::harness::{Backend, SOON, World, admin, follow, texts};

const TEXTS: [&str; 4] = ["plum-tree-1", "plum-tree-2", "plum-tree-3", "plum-tree-4"];

/// The bot's token, and all tokens of webhooks and interactions that were sent.
fn tokens(sandbox: &Sandbox) -> Vec<String> {
    let mut tokens = vec![sandbox.token().to_owned()];
    for exchange in sandbox.exchanges() {
        let parts: Vec<&str> = exchange.path.trim_matches('/').split('/').collect();
        if let ["webhooks" | "interactions", _, token, ..] = parts[..] {
            tokens.push(token.to_owned());
        }
        let answered = exchange.response.as_ref().and_then(|answer| answer["token"].as_str());
        tokens.extend(answered.map(ToOwned::to_owned));
    }
    tokens.sort();
    tokens.dedup();
    tokens
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_secret_is_logged(#[case] backend: Backend, #[values("text", "json")] format: &str) {
    let Some(mut world) = World::on(backend).await else { return };
    world.set(
        "RUST_LOG",
        "trace,serenity=trace,hyper=trace,sqlx=trace,sea_orm=trace,reqwest=trace,tungstenite=trace",
    );
    world.set("LOG_FORMAT", format);
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    follow(&alice, &source, &target).await;
    let refused = |status| Effect::Refuse { status, code: 50035, message: format!("what is {}?", TEXTS[0]) };
    world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", refused(400)));
    world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropRequest).after(1));
    let posted = alice.post(&source, TEXTS[0]).unwrap();
    alice.post(&source, TEXTS[1]).unwrap();
    target.wait_for_message(SOON, |message| message.content == TEXTS[1]).await.unwrap();
    alice.delete(&source, posted.id).unwrap();
    let first = bot.log();
    bot.stop().await;

    let mut bot = world.start().await;
    alice.post(&source, TEXTS[2]).unwrap();
    target.wait_for_message(SOON, |message| message.content == TEXTS[2]).await.unwrap();
    let without = Config::default().bot_permissions.difference(Permissions::MANAGE_WEBHOOKS);
    harbour.set_bot_permissions(without).unwrap();
    target.delete_webhook(target.webhooks()[0].id).unwrap();
    alice.post(&source, TEXTS[3]).unwrap();
    bot.logged("follow broken").await;
    alice.run(&target, "/follows", ()).await.unwrap();

    let log = first + &bot.log();
    assert!(log.contains("DEBUG"), "it was logged in detail");
    let tokens = tokens(&world.sandbox);
    assert!(tokens.len() >= 4, "{tokens:?}");
    for secret in tokens.iter().map(String::as_str).chain(TEXTS).chain([crate::harness::KEY]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
}

#[tokio::test]
async fn nothing_secret_is_readable_in_the_database() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    follow(&alice, &source, &target).await;
    alice.post(&source, TEXTS[0]).unwrap();
    target.wait_for_message(SOON, |message| message.content == TEXTS[0]).await.unwrap();
    // What waits is stored with its text.
    world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Delay(Duration::from_secs(60))).forever());
    for text in &TEXTS[1..] {
        alice.post(&source, *text).unwrap();
    }
    let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
    world.until("three wait", async || world.database.text(waiting).await.as_deref() == Some("3")).await;
    bot.kill().await;
    assert_eq!(texts(&target), TEXTS[..1]);

    let bytes = world.database.bytes();
    let readable = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(readable("channel_follows"), "this is the database");
    for secret in tokens(&world.sandbox).iter().map(String::as_str).chain(TEXTS) {
        assert!(!readable(secret), "{secret} can be read in the database's files");
    }
}
