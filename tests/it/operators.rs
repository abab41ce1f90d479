//! What operators decide about servers: which are served, and how many follows they may have.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Exchange, Guild, Options, Permissions, Person, SeenMessage};

use crate::harness::{Backend, Bot, Ended, SOON, World, admin, ended, follow, texts};

/// The requests that leave this server.
fn leavings(world: &World, guild: &Guild) -> Vec<Exchange> {
    let path = format!("/users/@me/guilds/{}", guild.id());
    let all = world.sandbox.exchanges().into_iter();
    all.filter(|one| one.method == "DELETE" && one.path.ends_with(&path)).collect()
}

/// The requests since that one that name this server, a channel or a webhook of it, those that leave it excepted.
fn others(world: &World, since: usize, guild: &Guild) -> Vec<String> {
    let channels = guild.channels().into_iter().map(|channel| channel.id().to_string());
    let webhooks = guild.webhooks().into_iter().map(|webhook| webhook.id.to_string());
    let ids: Vec<String> = channels.chain(webhooks).chain([guild.id().to_string()]).collect();
    let named = world.sandbox.exchanges().into_iter().skip(since);
    let named = named.filter(|one| one.path.split('/').any(|segment| ids.iter().any(|id| id == segment)));
    let named = named.filter(|one| !one.path.contains("/users/@me/guilds/"));
    named.map(|one| format!("{} {} {}", one.method, one.path, one.status)).collect()
}

async fn left(world: &World, guild: &Guild) {
    world.until("the bot to leave", async || !guild.has_bot()).await;
}

/// Runs a subcommand with the bot's own settings.
async fn run(world: &World, arguments: &[&str]) -> Ended {
    let mut command = world.command();
    command.args(arguments);
    ended(command).await
}

/// The same, which should end well; what it prints.
async fn prints(world: &World, arguments: &[&str]) -> String {
    let ended = run(world, arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// A server with a published source that another follows, that follows a source of the other, and that has a follow within.
struct Neighbours {
    world: World,
    bad: Guild,
    good: Guild,
    bad_source: Channel,
    bad_target: Channel,
    good_source: Channel,
    good_target: Channel,
    boss: Person,
    alice: Person,
}

impl Neighbours {
    async fn new(backend: Backend) -> Option<(Self, Bot)> {
        let world = World::on(backend).await?;
        let (bad, good) = (world.sandbox.create_guild("Bad"), world.sandbox.create_guild("Good"));
        let (bad_source, bad_target) = (bad.text("bad-source"), bad.text("bad-target"));
        let (good_source, good_target) = (good.text("good-source"), good.text("good-target"));
        let (boss, alice) = (admin(&bad, "Boss"), admin(&good, "Alice"));
        // So that a direct message can reach him.
        good.join(&boss, Permissions::empty());
        let bot = world.start().await;
        for (person, source) in [(&boss, &bad_source), (&alice, &good_source)] {
            let options = Options::new().set("channel", source).set("audience", "servers");
            person.run(source, "/publish", options).await.unwrap();
        }
        let new = Self { world, bad, good, bad_source, bad_target, good_source, good_target, boss, alice };
        new.follow_link(&new.alice, &new.bad_source, &new.good_target).await;
        new.follow_link(&new.boss, &new.good_source, &new.bad_target).await;
        follow(&new.boss, &new.bad_source, &new.bad.text("within")).await;
        follow(&new.alice, &new.good_source, &new.good.text("elsewhere")).await;
        Some((new, bot))
    }

    async fn follow_link(&self, person: &Person, source: &Channel, target: &Channel) {
        let options = Options::new().set("link", source.link()).set("delivery", "relay");
        let reply = person.run(target, "/follow", options).await.unwrap();
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }

    async fn block(&self) -> String {
        prints(&self.world, &["block", &self.bad.id().to_string()]).await
    }

    /// The other server's own follow delivers.
    async fn good_is_served(&self, text: &str) {
        self.alice.post(&self.good_source, text).unwrap();
        let elsewhere = self.good.find_channel("elsewhere").unwrap();
        elsewhere.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }

    async fn reasons(&self) -> String {
        let query = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason = 'not_served'";
        self.world.database.text(query).await.unwrap_or_default()
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_server_that_is_blocked_while_the_bot_runs_is_left(#[case] backend: Backend) {
    let Some((two, _bot)) = Neighbours::new(backend).await else { return };
    let since = two.world.sandbox.exchanges().len();
    let said = two.block().await;
    assert!(said.contains("is blocked") && said.contains("3 follows ended"), "{said}");
    left(&two.world, &two.bad).await;
    two.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM untold_breaks", "0").await;
    two.world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    assert_eq!(two.reasons().await, "3");
    assert_eq!(leavings(&two.world, &two.bad).len(), 1);
    assert_eq!(others(&two.world, since, &two.bad), [""; 0]);
    // The other server's people are told in the target, those of the blocked one directly, each once.
    let told = texts(&two.good_target);
    assert!(told.len() == 1 && told[0].contains("operator doesn't serve"), "{told:?}");
    let direct: Vec<SeenMessage> = two.world.sandbox.direct_messages(&two.boss).unwrap().messages();
    assert!(direct.len() == 1 && direct[0].content.contains("operator doesn't serve"), "{direct:?}");
    two.alice.post(&two.good_source, "after").unwrap();
    two.boss.post(&two.bad_source, "after").unwrap();
    two.good_is_served("still here").await;
    assert!(texts(&two.bad_target).is_empty(), "{:?}", texts(&two.bad_target));
    assert_eq!(texts(&two.good_target).len(), 1);
    // Who invites it again, again and again, gets one request each, and no more rows.
    for times in 2..4 {
        two.bad.add_bot(Permissions::all());
        left(&two.world, &two.bad).await;
        assert_eq!(leavings(&two.world, &two.bad).len(), times);
    }
    two.world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    assert_eq!(others(&two.world, since, &two.bad), [""; 0]);
}

#[tokio::test]
async fn a_server_of_which_nothing_is_known_leaves_no_trace() {
    let world = World::new().await;
    let stranger = world.sandbox.create_guild("Stranger");
    stranger.remove_bot().unwrap();
    let world = world.with_settings(&[("BLOCKED_SERVERS", &stranger.id().to_string())]);
    let _bot = world.start().await;
    for times in 1..4 {
        stranger.add_bot(Permissions::all());
        left(&world, &stranger).await;
        assert_eq!(leavings(&world, &stranger).len(), times);
    }
    world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    assert_eq!(others(&world, 0, &stranger), [""; 0]);
    for table in ["left_guilds", "blocked_servers", "guild_checks"] {
        let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        assert_eq!(world.database.text(&count).await.as_deref(), Some("0"), "{table}");
    }
}
