//! What one person and one server may use up: actions, expensive requests, panels.

use tributary_sandbox::Options;

use crate::harness::{Board, Scene, World, admin, choice, follow};

#[tokio::test]
async fn a_server_that_has_as_many_panels_as_it_may_says_so_and_others_go_on() {
    let board = Board::with(&[("PANELS_PER_SERVER", "2")]).await;
    board.notice("One", "first").await;
    board.notice("Two", "second").await;
    let elsewhere = Options::new().set("kind", "custom").set("title", "Three").set("channel", &board.news);
    let form = board.run("/panel create", elsewhere).await;
    let refused = form.submit(&[("text", "third")]).await.unwrap();
    assert!(refused.text().contains("This server already has 2 panels"), "{}", refused.text());
    let other = board.world.sandbox.create_guild("Other");
    let (lobby, bella) = (other.text("lobby"), admin(&other, "Bella"));
    let form = bella.run(&lobby, "/panel create", Options::new().set("kind", "custom")).await.unwrap();
    let made = form.submit(&[("text", "hello")]).await.unwrap();
    assert!(made.text().contains("is posted in"), "{}", made.text());
}

#[tokio::test]
async fn pauses_resumptions_and_panels_count_as_actions() {
    let world = World::new().await.with_settings(&[("FOLLOW_ACTIONS_PER_HOUR", "4")]);
    let guild = world.sandbox.create_guild("Harbour");
    let (source, target, alice) = (guild.text("source"), guild.text("target"), admin(&guild, "Alice"));
    let _bot = world.start().await;
    follow(&alice, &source, &target).await;
    let mut list = alice.run(&target, "/follows", ()).await.unwrap();
    for word in ["pause", "resume"] {
        let (menu, chosen) = choice(&list, word);
        list = list.select(&menu, &[&chosen]).await.unwrap();
    }
    let form = alice.run(&source, "/panel create", Options::new().set("kind", "custom")).await.unwrap();
    let made = form.submit(&[("text", "hello")]).await.unwrap();
    assert!(made.text().contains("is posted in"), "{}", made.text());
    let (menu, chosen) = choice(&list, "pause");
    let refused = list.select(&menu, &[&chosen]).await.unwrap();
    assert!(refused.text().contains("made too many changes this hour"), "{}", refused.text());
    // Nobody else is affected.
    let bella = admin(&guild, "Bella");
    follow(&bella, &source, &guild.text("beside")).await;
}

#[tokio::test]
async fn questions_that_cost_many_requests_are_bounded_for_each_person() {
    let scene = Scene::new().await;
    let ask = Options::new().set("channel", &scene.releases);
    let mut last = String::new();
    for _ in 0..31 {
        last = scene.alice.run(&scene.releases, "/followers", ask.clone()).await.unwrap().text();
    }
    assert!(last.contains("Too many requests"), "{last}");
    let bella = admin(&scene.harbour, "Bella");
    let other = bella.run(&scene.releases, "/followers", ask).await.unwrap().text();
    assert!(other.contains("No channel follows"), "{other}");
}
