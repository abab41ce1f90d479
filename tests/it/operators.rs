//! What operators decide about servers: which ones are served, and how many follows they may have.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Exchange, Fault, Guild, Options, Permissions, Person, SeenMessage};

use crate::harness::{Backend, Bot, Crew, Ended, SOON, World, admin, choice, ended, follow, texts};

/// The requests that leave this server.
fn leavings(world: &World, guild: &Guild) -> Vec<Exchange> {
    let path = format!("/users/@me/guilds/{}", guild.id());
    let all = world.sandbox.exchanges().into_iter();
    all.filter(|one| one.method == "DELETE" && one.path.ends_with(&path)).collect()
}

/// The requests after that one that name this server or one of its channels or webhooks, except those that
/// leave it.
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

/// The same, for one that should succeed. Returns what it prints.
async fn prints(world: &World, arguments: &[&str]) -> String {
    let ended = run(world, arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// A server with a published source that another follows, a follow of a source of the other, and a follow
/// inside it.
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

    /// The other server's own follow still delivers.
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
    // The checks that the new follows caused are over.
    two.world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    let since = two.world.sandbox.exchanges().len();
    let said = two.block().await;
    assert!(said.contains("is blocked") && said.contains("2 into its channels, and 2 from them"), "{said}");
    assert!(said.starts_with(&format!("Server Bad ({}) is blocked", two.bad.id())), "{said}");
    left(&two.world, &two.bad).await;
    two.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM untold_breaks", "0").await;
    two.world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    assert_eq!(two.reasons().await, "3");
    assert_eq!(leavings(&two.world, &two.bad).len(), 1);
    assert_eq!(others(&two.world, since, &two.bad), [""; 0]);
    // The other server's people are told in the target, the blocked server's people directly, each once.
    let told = texts(&two.good_target);
    assert!(told.len() == 1 && told[0].contains("operator doesn't serve"), "{told:?}");
    let direct: Vec<SeenMessage> = two.world.sandbox.direct_messages(&two.boss).unwrap().messages();
    assert!(direct.len() == 1 && direct[0].content.contains("operator doesn't serve"), "{direct:?}");
    two.alice.post(&two.good_source, "after").unwrap();
    two.boss.post(&two.bad_source, "after").unwrap();
    two.good_is_served("still here").await;
    assert!(texts(&two.bad_target).is_empty(), "{:?}", texts(&two.bad_target));
    assert_eq!(texts(&two.good_target).len(), 1);
    // Each new invitation costs one request, and adds no rows.
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

#[tokio::test]
async fn until_it_is_left_its_commands_are_answered_with_a_sentence() {
    let (two, mut bot) = Neighbours::new(Backend::Sqlite).await.unwrap();
    let path = format!("/users/@me/guilds/{}", two.bad.id());
    let fault = two.world.sandbox.fault(Fault::on("DELETE", &path, Effect::Status(503)).forever());
    two.block().await;
    bot.logged("can't be left yet").await;
    for command in ["/follows", "/about"] {
        let reply = two.boss.run(&two.bad_target, command, ()).await.unwrap();
        assert!(reply.is_ephemeral());
        assert_eq!(reply.text(), "This bot's operator doesn't serve this server.");
    }
    let options = Options::new().set("link", two.bad_source.link());
    let reply = two.alice.run(&two.good.text("another"), "/follow", options).await.unwrap();
    assert!(!reply.text().contains("now follows"), "{}", reply.text());
    two.good_is_served("meanwhile").await;
    two.world.sandbox.clear_fault(fault);
    left(&two.world, &two.bad).await;
    let said = bot.log().lines().filter(|line| line.contains("can't be left yet")).count();
    assert_eq!(said, 1, "said once");
    assert!(texts(&two.bad_target).is_empty());
}

#[tokio::test]
async fn unblocked_and_invited_again_its_follows_can_be_resumed() {
    let (two, _bot) = Neighbours::new(Backend::Sqlite).await.unwrap();
    let id = two.bad.id().to_string();
    two.block().await;
    left(&two.world, &two.bad).await;
    assert!(two.block().await.contains("blocked already"));
    let said = prints(&two.world, &["unblock", &id]).await;
    assert!(said.contains("no longer blocked") && said.contains("Invite"), "{said}");
    let again = run(&two.world, &["unblock", &id]).await;
    assert!(again.complaint().contains("isn't blocked"), "{again:?}");
    two.bad.add_bot(Permissions::all());
    two.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "0").await;
    let list = two.alice.run(&two.good_target, "/follows", ()).await.unwrap();
    assert!(list.text().contains("operator doesn't serve"), "{}", list.text());
    let (menu, resume) = choice(&list, "resume");
    let list = list.select(&menu, &[&resume]).await.unwrap();
    assert!(list.text().contains("works again") || list.text().contains("active"), "{}", list.text());
    two.boss.post(&two.bad_source, "again").unwrap();
    two.good_target.wait_for_message(SOON, |message| message.content == "again").await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_allowed_is_left_at_the_start_before_anything_is_posted_there() {
    let (two, bot) = Neighbours::new(Backend::Sqlite).await.unwrap();
    bot.stop().await;
    two.alice.post(&two.good_source, "while away").unwrap();
    let Neighbours { world, bad, good, good_source, bad_target, .. } = two;
    let mut world = world.with_settings(&[("ALLOWED_SERVERS", &good.id().to_string())]);
    let since = world.sandbox.exchanges().len();
    let _bot = world.start().await;
    left(&world, &bad).await;
    let elsewhere = good.find_channel("elsewhere").unwrap();
    elsewhere.wait_for_message(SOON, |message| message.content == "while away").await.unwrap();
    world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    assert_eq!(others(&world, since, &bad), [""; 0]);
    assert!(texts(&bad_target).is_empty());
    assert_eq!(leavings(&world, &bad).len(), 1);
    assert!(good.has_bot() && good_source.messages().len() == 1);
    world.set("BLOCKED_SERVERS", bad.id().to_string());
    let ended = run(&world, &["unblock", &bad.id().to_string()]).await;
    assert!(ended.complaint().contains("BLOCKED_SERVERS still names it"), "{ended:?}");
}

#[tokio::test]
async fn a_slip_in_the_list_of_allowed_servers_costs_no_server() {
    let world = World::new().await;
    let mut servers = Vec::new();
    for number in 0..4 {
        let guild = world.sandbox.create_guild(&format!("Server {number}"));
        let (source, target) = (guild.text("source"), guild.text("target"));
        servers.push((admin(&guild, "Alice"), guild, source, target));
    }
    let idle = world.sandbox.create_guild("Idle");
    let (idle_channel, idler) = (idle.text("channel"), admin(&idle, "Idler"));
    let bot = world.start().await;
    for (alice, _, source, target) in &servers {
        follow(alice, source, target).await;
    }
    bot.stop().await;
    let mut world = world.with_settings(&[("ALLOWED_SERVERS", "613425648685547541")]);
    let mut bot = world.start().await;
    let line = bot.logged("looks like a mistake").await;
    assert!(
        line.contains("ERROR") && line.contains("servers=4") && line.contains("LEAVE_SERVERS_AT_MOST"),
        "{line}"
    );
    for (alice, _, source, target) in &servers {
        alice.post(source, "as before").unwrap();
        target.wait_for_message(SOON, |message| message.content == "as before").await.unwrap();
    }
    let reply = idler.run(&idle_channel, "/follows", ()).await.unwrap();
    assert!(reply.text().contains("doesn't serve this server"), "{}", reply.text());
    world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    assert!(servers.iter().all(|(_, guild, ..)| guild.has_bot()) && idle.has_bot());
    bot.stop().await;
    world.set("LEAVE_SERVERS_AT_MOST", "4");
    let _bot = world.start().await;
    for (_, guild, ..) in &servers {
        left(&world, guild).await;
    }
    left(&world, &idle).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn of_several_processes_the_one_with_its_shard_leaves_a_server_once() {
    let Some(mut crew) = Crew::start(2, 1).await else { return };
    let (bad, boss) = crew.server(1, "Bad");
    let (good, alice) = crew.server(0, "Good");
    let (source, target) = (bad.text("source"), bad.text("target"));
    let (good_source, good_target) = (good.text("source"), good.text("target"));
    follow(&boss, &source, &target).await;
    follow(&alice, &good_source, &good_target).await;
    prints(&crew.world, &["block", &bad.id().to_string()]).await;
    left(&crew.world, &bad).await;
    crew.gateways[1].logged("left a server that isn't served").await;
    assert!(!crew.gateways[0].log().contains("left a server that isn't served"));
    boss.post(&source, "after").unwrap();
    alice.post(&good_source, "after").unwrap();
    good_target.wait_for_message(SOON, |message| message.content == "after").await.unwrap();
    assert_eq!(leavings(&crew.world, &bad).len(), 1);
    assert!(texts(&target).is_empty());
}

#[tokio::test]
async fn servers_are_listed_with_what_they_have() {
    let (two, _bot) = Neighbours::new(Backend::Sqlite).await.unwrap();
    two.good.rename("\u{1b}[31mGood\r\n\u{9b}2J").unwrap();
    let idle = two.world.sandbox.create_guild("Idle");
    let list = prints(&two.world, &["servers"]).await;
    let line = |id: &str| list.lines().find(|line| line.starts_with(id)).unwrap_or_default().to_owned();
    let words = |line: String| line.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    let bad = words(line(&two.bad.id().to_string()));
    assert_eq!(bad[2..], ["2", "2", "0", "served", "Bad"], "{list}");
    assert_eq!(words(line(&idle.id().to_string()))[2..], ["0", "0", "0", "served", "Idle"], "{list}");
    let good = line(&two.good.id().to_string());
    assert!(good.ends_with("\\u{1b}[31mGood\\u{d}\\u{a}\\u{9b}2J"), "{good:?}");
    two.block().await;
    left(&two.world, &two.bad).await;
    let json: serde_json::Value =
        serde_json::from_str(&prints(&two.world, &["servers", "--json"]).await).unwrap();
    let servers = json["servers"].as_array().unwrap();
    assert_eq!((servers.len(), &json["discord_reached"]), (3, &true.into()));
    let id = two.bad.id().to_string();
    let bad = servers.iter().find(|server| server["id"] == id.as_str()).unwrap();
    assert_eq!(
        (&bad["blocked"], &bad["member"], &bad["follows_into"]),
        (&true.into(), &false.into(), &2.into())
    );

    // Without Discord, it lists what the database knows.
    two.world.sandbox.fault(Fault::on("GET", "/users/@me/guilds", Effect::Status(503)).forever());
    let ended = run(&two.world, &["servers"]).await;
    assert!(ended.code == Some(0) && ended.stderr.contains("Discord can't be asked"), "{ended:?}");
    assert!(ended.stdout.contains(&id) && !ended.stdout.contains(&idle.id().to_string()), "{ended:?}");
}

#[tokio::test]
async fn one_server_is_left_without_blocking_it() {
    let (two, _bot) = Neighbours::new(Backend::Sqlite).await.unwrap();
    let id = two.bad.id().to_string();
    let asked = run(&two.world, &["leave", &id]).await;
    assert!(asked.complaint().contains("--yes") && two.bad.has_bot(), "{asked:?}");
    for words in [["leave", "bad", "--yes"], ["block", "x", ""], ["block", "12345", ""]] {
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let wrong = run(&two.world, &words).await;
        assert!(wrong.complaint().contains("SERVER is not the id of a server"), "{wrong:?}");
    }
    let said = prints(&two.world, &["leave", &id, "--yes"]).await;
    assert!(
        said.contains("Follows into its channels end: 2. Follows of its channels end: 2.")
            && said.contains("Left server"),
        "{said}"
    );
    let named = format!("server Bad ({id})");
    assert!(said.contains(&format!("leaves {named}")) && said.contains(&format!("Left {named}")), "{said}");
    left(&two.world, &two.bad).await;
    two.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "1").await;
    let again = run(&two.world, &["leave", &id, "--yes"]).await;
    assert!(again.complaint().contains("isn't in server"), "{again:?}");
    two.bad.add_bot(Permissions::all());
    two.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM left_guilds", "0").await;
    assert!(two.bad.has_bot());
}

#[tokio::test]
async fn limits_are_named_with_whom_to_ask() {
    let world = World::new().await.with_settings(&[
        ("FOLLOWS_PER_TARGET", "2"),
        ("FOLLOWS_PER_SOURCE", "3"),
        ("FOLLOWS_PER_SERVER", "5"),
    ]);
    let guild = world.sandbox.create_guild("Harbour");
    let alice = admin(&guild, "Alice");
    let sources: Vec<Channel> = (0..3).map(|number| guild.text(&format!("source-{number}"))).collect();
    let targets: Vec<Channel> = (0..4).map(|number| guild.text(&format!("target-{number}"))).collect();
    let _bot = world.start().await;
    let refused = async |source: &Channel, target: &Channel| {
        let options = Options::new().set("channel", source).set("delivery", "relay");
        alice.run(target, "/follow", options).await.unwrap().text()
    };
    follow(&alice, &sources[0], &targets[0]).await;
    follow(&alice, &sources[1], &targets[0]).await;
    let text = refused(&sources[2], &targets[0]).await;
    assert!(text.contains("already has 2 follows, and this bot's operator allows no more"), "{text}");
    follow(&alice, &sources[0], &targets[1]).await;
    follow(&alice, &sources[0], &targets[2]).await;
    let before = targets[3].webhooks().len();
    let text = refused(&sources[0], &targets[3]).await;
    assert!(text.contains("already has 3 followers"), "{text}");
    assert_eq!(targets[3].webhooks().len(), before, "nothing is created for it");
    follow(&alice, &sources[1], &targets[1]).await;
    let text = refused(&sources[2], &targets[3]).await;
    assert!(
        text.contains("This server already has 5 follows") && text.contains("ask the operator"),
        "{text}"
    );
}
