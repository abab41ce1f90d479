//! What one server or one person does affects nobody else: removals, look-ups and lists make few requests
//! that Discord refuses, and the refused ones stop only those who caused them.

use std::time::Duration;

use tributary_sandbox::{Channel, Effect, Exchange, Fault, Guild, Permissions, Person, SeenMessage};

use crate::harness::{SOON, World, admin, follow};

/// How many follows a large server has.
const MANY: usize = 110;

/// A server that has nothing to do with what happens in others: what is posted in its source appears in its
/// target.
struct Bystander {
    alice: Person,
    source: Channel,
    target: Channel,
}

impl Bystander {
    async fn new(world: &World) -> Self {
        let guild = world.sandbox.create_guild("Bystander");
        let (source, target) = (guild.text("source"), guild.text("target"));
        let alice = admin(&guild, "Anna");
        follow(&alice, &source, &target).await;
        Self { alice, source, target }
    }

    /// It is served.
    async fn is_served(&self, text: &str) {
        self.alice.post(&self.source, text).unwrap();
        self.target.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }
}

/// The refused requests that Discord counts.
fn invalid(world: &World) -> Vec<Exchange> {
    let counts = |one: &Exchange| matches!(one.status, 401 | 403 | 429);
    world.sandbox.exchanges().into_iter().filter(counts).collect()
}

/// The requests after that one that name this server, or one of its channels or webhooks.
fn about(world: &World, since: usize, ids: &[String]) -> Vec<String> {
    let all = world.sandbox.exchanges().into_iter().skip(since);
    let named = all.filter(|one| one.path.split('/').any(|segment| ids.iter().any(|id| id == segment)));
    named.map(|one| format!("{} {} {}", one.method, one.path, one.status)).collect()
}

fn ids(guild: &Guild) -> Vec<String> {
    let channels = guild.channels().into_iter().map(|channel| channel.id().to_string());
    let webhooks = guild.webhooks().into_iter().map(|webhook| webhook.id.to_string());
    channels.chain(webhooks).chain([guild.id().to_string()]).collect()
}

/// A server with many follows inside it, all set up by one person.
async fn large_server(world: &World) -> (Guild, Person) {
    let large = world.sandbox.create_guild("Large");
    let source = large.text("source");
    let boss = admin(&large, "Boss");
    for number in 0..MANY {
        follow(&boss, &source, &large.text(&format!("target-{number}"))).await;
    }
    (large, boss)
}

async fn all_broken(world: &World) {
    let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
    world.database.eventually(broken, &MANY.to_string()).await;
    world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM untold_breaks", "0").await;
    world.sandbox.wait_quiet(Duration::from_secs(3)).await;
}

#[tokio::test]
async fn a_server_that_removes_the_bot_is_asked_nothing_more_and_its_people_are_told_once() {
    let world = World::new().await.with_settings(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]);
    let _bot = world.start().await;
    let bystander = Bystander::new(&world).await;
    let (large, boss) = large_server(&world).await;
    // They share another server with the bot, so a direct message reaches them.
    let elsewhere = world.sandbox.create_guild("Elsewhere");
    elsewhere.join(&boss, Permissions::empty());
    // The checks that its follows caused are done: nothing is in flight any more.
    world.sandbox.wait_quiet(Duration::from_secs(2)).await;
    let (ids, since) = (ids(&large), world.sandbox.exchanges().len());
    large.remove_bot().unwrap();
    all_broken(&world).await;
    // One check may have been in flight when the bot was removed.
    let asked = about(&world, since, &ids);
    assert!(asked.len() <= 1, "requests to a server that the bot isn't in: {asked:?}");
    let told: Vec<SeenMessage> = world.sandbox.direct_messages(&boss).unwrap().messages();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].content.contains(&format!("{MANY} follows")), "{}", told[0].content);
    assert!(told[0].content.contains("I was removed from this server"), "{}", told[0].content);
    assert!(told[0].content.contains("and 100 more"), "{}", told[0].content);
    bystander.is_served("still here").await;
}

#[tokio::test]
async fn who_refuses_one_direct_message_is_sent_no_other() {
    let world = World::new().await.with_settings(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]);
    let _bot = world.start().await;
    let bystander = Bystander::new(&world).await;
    let boss = world.sandbox.person("Boss");
    let mut ids_of_all = Vec::new();
    let mut servers = Vec::new();
    for name in ["One", "Two"] {
        let guild = world.sandbox.create_guild(name);
        guild.join(&boss, Permissions::MANAGE_CHANNELS);
        follow(&boss, &guild.text("source"), &guild.text("target")).await;
        ids_of_all.extend(ids(&guild));
        servers.push(guild);
    }
    for guild in &servers {
        guild.leave(&boss).unwrap();
    }
    for (number, guild) in servers.iter().enumerate() {
        guild.remove_bot().unwrap();
        let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
        world.database.eventually(broken, &(number + 1).to_string()).await;
        world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM untold_breaks", "0").await;
        world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    }
    let refused = invalid(&world);
    assert_eq!(refused.len(), 1, "{:?}", refused.iter().map(|one| &one.path).collect::<Vec<_>>());
    bystander.is_served("still here").await;
}

#[tokio::test]
async fn a_person_whose_requests_are_refused_again_and_again_pauses_alone() {
    let world = World::new().await;
    let _bot = world.start().await;
    let bystander = Bystander::new(&world).await;
    let rough = world.sandbox.create_guild("Rough");
    let (channel, boss) = (rough.text("channel"), admin(&rough, "Boss"));
    let refuse = Effect::Refuse { status: 403, code: 50001, message: String::new() };
    world.sandbox.fault(Fault::on("GET", &format!("/guilds/{}/channels", rough.id()), refuse).forever());
    let mut answer = String::new();
    for _ in 0..150 {
        answer = boss.run(&channel, "/follows", ()).await.unwrap().text();
        if answer.contains("pause") {
            break;
        }
    }
    assert!(answer.contains("I have to pause for a few minutes"), "{answer}");
    let refused = invalid(&world).len();
    assert!((3..=101).contains(&refused), "{refused}");
    boss.run(&channel, "/follows", ()).await.unwrap();
    assert_eq!(invalid(&world).len(), refused, "no requests are made during the pause");
    bystander.is_served("still here").await;
    let list = bystander.alice.run(&bystander.target, "/follows", ()).await.unwrap().text();
    assert!(list.contains(&bystander.source.id().to_string()), "{list}");
}
