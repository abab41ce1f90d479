//! The check of everything that no event reported: what it costs, what it believes, and that nobody's trouble
//! holds it up.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Guild, Options, Person};

use crate::harness::{Backend, SOON, World, admin, follow};

/// How many follows of the whole bot are broken.
async fn broken(world: &World) -> String {
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
    world.database.text(count).await.unwrap()
}

/// A server with a source, and this many targets that follow it.
async fn busy_server(world: &World, name: &str, targets: usize) -> (Guild, Person, Channel, Vec<Channel>) {
    let guild = world.sandbox.create_guild(name);
    let source = guild.text("source");
    let alice = admin(&guild, "Alice");
    let targets: Vec<Channel> = (0..targets).map(|n| guild.text(&format!("target-{n}"))).collect();
    (guild, alice, source, targets)
}

/// A server whose channel follows another natively.
fn announcing(world: &World, name: &str) -> (Guild, Person, Channel, Channel) {
    let guild = world.sandbox.create_guild(name);
    let (source, target) = (guild.announcement("source"), guild.text("target"));
    let alice = admin(&guild, "Alice");
    (guild, alice, source, target)
}

async fn follow_natively(person: &Person, source: &Channel, target: &Channel) {
    let options = Options::new().set("channel", source).set("delivery", "native");
    let reply = person.run(target, "/follow", options).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn many_targets_of_a_server_cost_one_list_each_of_channels_and_webhooks(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let (guild, alice, source, targets) = busy_server(&world, "Harbour", 30).await;
    let bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    bot.stop().await;
    let before = world.sandbox.exchanges().len();
    let _bot = world.start().await;
    let checked = format!("SELECT CAST(COUNT(*) AS TEXT) FROM guild_checks WHERE guild_id = {}", guild.id());
    let whole = format!("/guilds/{}/webhooks", guild.id());
    let asked = |path: &str| {
        let since = world.sandbox.exchanges().into_iter().skip(before);
        since.filter(|one| one.method == "GET" && one.path == path).count()
    };
    world.sandbox.wait_for("the sweep", SOON, || (asked(&whole) > 0).then_some(())).await.unwrap();
    world.database.eventually(&checked, "1").await;
    assert_eq!(asked(&whole), 1);
    assert_eq!(asked(&format!("/guilds/{}/channels", guild.id())), 1);
    for channel in targets.iter().chain([&source]) {
        assert_eq!(asked(&format!("/channels/{}", channel.id())), 0);
        assert_eq!(asked(&format!("/channels/{}/webhooks", channel.id())), 0);
    }
}

#[tokio::test]
async fn a_sick_server_takes_its_own_turn_only() {
    let world = World::new().await;
    let (sick, ann, ill_source, ill_target) = announcing(&world, "Sick");
    let (_well, bob, source, target) = announcing(&world, "Well");
    let bot = world.start().await;
    follow_natively(&ann, &ill_source, &ill_target).await;
    follow_natively(&bob, &source, &target).await;
    bot.stop().await;
    target.delete_webhook(target.webhooks()[0].id).unwrap();
    for path in [
        format!("/guilds/{}/**", sick.id()),
        format!("/guilds/{}", sick.id()),
        format!("/channels/{}", ill_source.id()),
        format!("/channels/{}", ill_target.id()),
        format!("/channels/{}/webhooks", ill_target.id()),
    ] {
        world.sandbox.fault(Fault::on("GET", &path, Effect::Status(502)).forever());
    }
    let _bot = world.start().await;
    world.database.wait_for("broken_reason", "webhook_deleted").await;
    assert_eq!(broken(&world).await, "1", "only that of the healthy server");
}

/// Without the permission in the whole server, the bot asks for each channel separately.
#[tokio::test]
async fn without_manage_webhooks_in_the_server_channels_are_asked_one_by_one() {
    use tributary_sandbox::Permissions;
    let world = World::new().await;
    let (guild, alice, source, target) = announcing(&world, "Harbour");
    let bot = world.start().await;
    follow_natively(&alice, &source, &target).await;
    let all = tributary_sandbox::Config::default().bot_permissions;
    guild.set_bot_permissions(all.difference(Permissions::MANAGE_WEBHOOKS)).unwrap();
    guild.allow_bot(&target, Permissions::MANAGE_WEBHOOKS);
    bot.stop().await;
    target.delete_webhook(target.webhooks()[0].id).unwrap();
    let _bot = world.start().await;
    world.database.wait_for("broken_reason", "webhook_deleted").await;
}

/// Discord, or something in front of it, says no to everything for a while, even in Discord's own words.
#[rstest]
#[case(Effect::Refuse { status: 404, code: 10004, message: "Unknown Guild".to_owned() })]
#[case(Effect::Refuse { status: 403, code: 50001, message: "Missing Access".to_owned() })]
#[tokio::test]
async fn a_server_that_the_gateway_names_was_not_left(#[case] no: Effect) {
    let world = World::new().await;
    let (harbour, alice, source, target) = announcing(&world, "Harbour");
    let bot = world.start().await;
    follow(&alice, &source, &target).await;
    bot.stop().await;
    let mark = format!(
        "INSERT INTO left_guilds (guild_id, left_at) VALUES ({}, '2020-01-01T00:00:00+00:00')",
        harbour.id()
    );
    // As if the bot had mistakenly concluded long ago that it had left.
    world.database.execute(&mark).await;
    world.sandbox.fault(Fault::on("GET", "/guilds/**", no.clone()).forever());
    world.sandbox.fault(Fault::on("GET", "/channels/*", no).forever());
    let _bot = world.start().await;
    world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "0").await;
    world.sandbox.wait_quiet(Duration::from_secs(2)).await;
    world.sandbox.clear_faults();
    assert_eq!(broken(&world).await, "0");
    alice.post(&source, "still here").unwrap();
    target.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
}

/// A channel's events are merged, and other events go first.
#[tokio::test]
async fn a_flood_of_webhook_changes_costs_a_few_requests_and_holds_nothing_up() {
    let world = World::new().await;
    let (_guild, alice, source, targets) = busy_server(&world, "Harbour", 2).await;
    let _bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    let path = format!("/channels/{}/webhooks", targets[0].id());
    let slow = Fault::on("GET", &path, Effect::Delay(Duration::from_millis(300))).forever();
    let slow = world.sandbox.fault(slow);
    for _ in 0..750 {
        let made = targets[0].add_webhooks(1).unwrap();
        targets[0].delete_webhook(made[0]).unwrap();
    }
    targets[1].delete().unwrap();
    let gone = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason = 'target_deleted'";
    world.database.eventually(gone, "1").await;
    world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    let looks = world.sandbox.fault_hits(slow);
    assert!((1..=8).contains(&looks), "1,500 events cost {looks} requests");
}

/// One server's many channels alternate with another server's single one.
#[tokio::test]
async fn floods_of_servers_take_turns() {
    let world = World::new().await;
    let (_guild, alice, source, targets) = busy_server(&world, "Harbour", 50).await;
    let (_other, bob, quiet_source, quiet_target) = announcing(&world, "Quiet");
    let _bot = world.start().await;
    for target in &targets {
        follow(&alice, &source, target).await;
    }
    follow_natively(&bob, &quiet_source, &quiet_target).await;
    world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    let slow = Effect::Delay(Duration::from_millis(600));
    world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", slow).forever());
    for target in &targets {
        target.add_webhooks(1).unwrap();
    }
    quiet_target.delete_webhook(quiet_target.webhooks()[0].id).unwrap();
    world.database.wait_for("broken_reason", "webhook_deleted").await;
}
