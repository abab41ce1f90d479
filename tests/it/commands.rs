//! Commands that Discord doesn't take: mirrors don't need them.

use tributary_sandbox::{Effect, Fault};

use crate::harness::{SOON, World, admin, ended, follow};

const COMMANDS: &str = "/applications/*/commands";

#[tokio::test]
async fn a_refused_list_of_commands_stops_nothing_else() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.text("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    follow(&alice, &source, &target).await;
    bot.stop().await;
    let (path, code) = ("3.options.0.name".to_owned(), "BASE_TYPE_BAD_LENGTH".to_owned());
    let refused = Effect::RefuseField { path, code, message: "quoted words".to_owned() };
    let refused = world.sandbox.fault(Fault::on("PUT", COMMANDS, refused).forever());
    let mut bot = world.start().await;
    let line = bot.logged("the commands could not be registered").await;
    assert!(line.contains("PUT /applications/{id}/commands") && line.contains("50035"), "{line}");
    bot.logged("3.options.0.name: BASE_TYPE_BAD_LENGTH").await;
    world.ready(&mut bot).await;
    alice.post(&source, "1 all the same").unwrap();
    target.wait_for_message(SOON, |message| message.content == "1 all the same").await.unwrap();
    world.until("it is offered again", async || world.sandbox.fault_hits(refused) >= 3).await;
    world.sandbox.clear_faults();
    bot.logged("the commands are registered").await;
    assert!(!bot.log().contains("quoted words"), "{}", bot.log());
    alice.run(&target, "/follows", ()).await.expect("commands work");
}

#[tokio::test]
async fn a_rejected_token_ends_it_with_one_line() {
    let world = World::new().await;
    let rejected = Effect::Refuse { status: 401, code: 0, message: "401: Unauthorized".to_owned() };
    world.sandbox.fault(Fault::on("PUT", COMMANDS, rejected).forever());
    let ended = ended(world.command()).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.complaint().contains("DISCORD_TOKEN was rejected by Discord"), "{ended:?}");
}
