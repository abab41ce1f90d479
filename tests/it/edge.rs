//! Pages that aren't Discord's: proxies, Discord's own edge and captive portals answer everything with any
//! status, for minutes. That counts as an outage, never as an answer.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Guild, Person, Tally};

use crate::harness::{Pair, SOON, World, admin, follow};

/// Discord's own edge, which has answered everything like this for a minute.
fn blocked() -> Effect {
    Effect::Refuse { status: 403, code: 40_333, message: "internal network error".to_owned() }
}

/// A server with a source and a target that follows it.
struct Server {
    guild: Guild,
    source: Channel,
    target: Channel,
    alice: Person,
}

impl Server {
    fn new(world: &World, name: &str) -> Self {
        let guild = world.sandbox.create_guild(name);
        let (source, target) = (guild.text("source"), guild.text("target"));
        let alice = admin(&guild, &format!("Alice of {name}"));
        Self { guild, source, target, alice }
    }

    async fn follow(&self) {
        follow(&self.alice, &self.source, &self.target).await;
    }

    /// What is read about it at the beginning of a session.
    fn routes(&self) -> [String; 3] {
        [
            format!("/guilds/{}/**", self.guild.id()),
            format!("/channels/{}/**", self.source.id()),
            format!("/channels/{}/**", self.target.id()),
        ]
    }

    async fn arrives(&self, text: &str) {
        self.alice.post(&self.source, text).unwrap();
        self.target.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }
}

/// The gateway has just named the server.
#[rstest]
#[case::not_found(Effect::Page(404))]
#[case::forbidden(Effect::Page(403))]
#[case::unauthorized(Effect::Page(401))]
#[case::captive(Effect::Page(200))]
#[case::discords_edge(blocked())]
#[tokio::test]
async fn a_page_at_the_beginning_of_a_session_breaks_nothing(#[case] effect: Effect) {
    let world = World::new().await;
    let (sick, well) = (Server::new(&world, "Harbour"), Server::new(&world, "Village"));
    let bot = world.start().await;
    sick.follow().await;
    well.follow().await;
    bot.stop().await;
    let missed = sick.alice.post(&sick.source, "missed").unwrap();
    let faults = sick.routes().map(|route| {
        let fault = Fault::on("GET", &route, effect.clone()).forever();
        world.sandbox.fault(fault)
    });
    let _bot = world.start().await;
    let asked = || faults.iter().map(|fault| world.sandbox.fault_hits(*fault)).sum::<u64>();
    world.until("the sick server is asked about", async || asked() >= 3).await;
    well.arrives("a bystander").await;
    world.sandbox.wait_quiet(Duration::from_millis(300)).await;
    let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE is_active = FALSE";
    assert_eq!(world.database.text(broken).await.as_deref(), Some("0"));
    let left = "SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds";
    assert_eq!(world.database.text(left).await.as_deref(), Some("0"));
    world.sandbox.clear_faults();
    sick.target.wait_for_message(SOON * 2, |message| message.content == missed.content).await.unwrap();
    sick.arrives("well again").await;
    assert!(Tally::of(&sick.source, &sick.target).is_clean());
}

/// Nothing is lost, duplicated or broken, and others continue meanwhile.
#[rstest]
#[case(Effect::Page(302))]
#[case(Effect::Page(400))]
#[case(Effect::Page(401))]
#[case(Effect::Page(403))]
#[case(Effect::Page(404))]
#[case(Effect::Page(405))]
#[case(Effect::Page(408))]
#[case(Effect::Page(413))]
#[case::captive(Effect::Page(200))]
#[case::no_body(Effect::Status(404))]
#[case::discords_edge(blocked())]
#[tokio::test]
async fn a_page_instead_of_an_answer_costs_no_message(#[case] effect: Effect) {
    let pair = Pair::new().await;
    let other = pair.guild.text("other");
    pair.follow(&pair.source, &other).await;
    let posted = pair.post_all(1..4, "first");
    pair.settled().await;
    let path = format!("/webhooks/{}/**", pair.target.webhooks()[0].id);
    for method in ["POST", "PATCH", "DELETE"] {
        pair.world.sandbox.fault(Fault::on(method, &path, effect.clone()));
    }
    pair.edit(&posted[0], "1 changed");
    pair.delete(&posted[1]);
    pair.post_all(4..7, "more");
    other.wait_for_messages(SOON, |_| Tally::of(&pair.source, &other).is_clean()).await.unwrap();
    pair.in_step_within(SOON * 2).await;
    let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE is_active = FALSE";
    assert_eq!(pair.world.database.text(broken).await.as_deref(), Some("0"));
}

/// The data of a server that was left a week ago isn't forgotten because something in front of Discord says
/// that the bot isn't a member.
#[tokio::test]
async fn a_page_forgets_no_server() {
    let world = World::new().await;
    let server = Server::new(&world, "Harbour");
    let bot = world.start().await;
    server.follow().await;
    bot.stop().await;
    server.guild.remove_bot().unwrap();
    let mark = format!(
        "INSERT INTO left_guilds (guild_id, left_at) VALUES ({}, '2020-01-01 00:00:00+00:00')",
        server.guild.id()
    );
    world.database.execute(&mark).await;
    let route = format!("/guilds/{}", server.guild.id());
    let fault = world.sandbox.fault(Fault::on("GET", &route, Effect::Page(404)).forever());
    let mut bot = world.spawn();
    bot.logged("can't be forgotten yet").await;
    assert!(world.sandbox.fault_hits(fault) > 0);
    let follows = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows";
    assert_eq!(world.database.text(follows).await.as_deref(), Some("1"));
}
