//! What names cost: whatever people and bots write, the bot asks Discord for few of them.

use serde_json::json;
use tributary_sandbox::{Effect, Fault, Hold, Options, Permissions, Post};

use crate::harness::{Pair, SOON, Scene};

/// How many of the bot's requests have such a path.
fn asked(pair: &Pair, is: impl Fn(&str) -> bool) -> usize {
    pair.world.sandbox.exchanges().iter().filter(|one| one.method == "GET" && is(&one.path)).count()
}

/// How often it asked for people who don't exist.
fn for_invented(pair: &Pair) -> usize {
    asked(pair, |path| path.contains("/members/900000000"))
}

/// Ten mentions of people who don't exist, different for each number.
fn invented(number: u64) -> String {
    (0..10).map(|one| format!("<@{}>", 900_000_000_000_000_000 + number * 10 + one)).collect()
}

#[tokio::test]
async fn nobody_is_asked_for_whom_a_person_invents() {
    let pair = Pair::new().await;
    pair.settled().await;
    let before = (for_invented(&pair), asked(&pair, |path| path.contains("/messages/")));
    for number in 0..20 {
        let answered = pair.post(invented(number));
        pair.alice.post(&pair.source, Post::text("Me").reply_to(answered.id)).unwrap();
        pair.alice.post(&pair.source, Post::forward(pair.source.id(), answered.id)).unwrap();
    }
    pair.settled().await;
    assert_eq!((for_invented(&pair), asked(&pair, |path| path.contains("/messages/"))), before);
}

#[tokio::test]
async fn what_bots_invent_costs_a_little_and_no_more() {
    let pair = Pair::new().await;
    let bot = pair.guild.other_bot("Inventor", Permissions::empty());
    pair.settled().await;
    let before = for_invented(&pair);
    for number in 0..20 {
        let embed = json!({ "title": "New here", "description": invented(number) });
        bot.post(&pair.source, Post::default().embeds(vec![embed])).unwrap();
    }
    pair.settled().await;
    let spent = for_invented(&pair) - before;
    // The budgets of two minutes, in case one ends meanwhile.
    assert!((10..=40).contains(&spent), "{spent} requests for people");
}

#[tokio::test]
async fn a_list_that_is_refused_is_not_asked_for_again_and_again() {
    let pair = Pair::new().await;
    let refuse = Effect::Refuse { status: 403, code: 50_001, message: "Missing Access".to_owned() };
    pair.world.sandbox.fault(Fault::on("GET", "/guilds/*/channels", refuse));
    pair.settled().await;
    let lists = |pair: &Pair| asked(pair, |path| path.ends_with("/channels"));
    let before = lists(&pair);
    for _ in 0..10 {
        pair.post("<#1><#2><@&3>".repeat(100));
        pair.settled().await;
    }
    let asked = lists(&pair) - before;
    // The sweep asks for it, too.
    assert!((1..=3).contains(&asked), "{asked} times for ten messages");
}

#[tokio::test]
async fn a_channel_that_is_hidden_while_its_name_is_asked_for_is_not_named() {
    let scene = Scene::new().await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    let (board, lobby) = (lakeside.text("board"), lakeside.text("lobby"));
    let publish = Options::new().set("channel", &board).set("audience", "servers");
    keeper.run(&board, "/publish", publish).await.unwrap();
    scene.run("/follow", Options::new().set("link", board.link())).await;
    scene.follow(&scene.releases).await;
    let hold = Hold::new();
    let pattern = format!("/guilds/{}/channels", lakeside.id());
    let sandbox = &scene.world.sandbox;
    let fault = sandbox.fault(Fault::on("GET", &pattern, Effect::HoldAnswer(hold.clone())));
    keeper.post(&board, format!("one {}", lobby.mention()).as_str()).unwrap();
    let struck = || (sandbox.fault_hits(fault) > 0).then_some(());
    sandbox.wait_for("the answer to be held back", SOON, struck).await.unwrap();
    lobby.deny_everyone(Permissions::VIEW_CHANNEL);
    // What is posted after it is also read after it.
    scene.alice.post(&scene.releases, "later").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "later").await.unwrap();
    hold.release();
    keeper.post(&board, format!("two {}", lobby.mention()).as_str()).unwrap();
    for text in ["one #no-access", "two #no-access"] {
        let mirror = scene.news.wait_for_message(SOON, |message| message.content == text).await;
        mirror.unwrap_or_else(|error| panic!("{error}\n{}", scene.news.render_text()));
    }
}
