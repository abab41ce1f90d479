//! What looking things up costs: links to servers that the bot isn't in, lists of broken follows, sweeps, and
//! how many rounds of requests a command waits for.

use std::time::Duration;

use tributary_sandbox::{Channel, Effect, Exchange, Fault, Guild, Options, Permissions, Person};

use crate::harness::{Bot, SOON, World, admin, choice, follow};

/// Requests that Discord refused and counts.
fn invalid(world: &World) -> usize {
    world.sandbox.exchanges().iter().filter(|one| matches!(one.status, 401 | 403 | 429)).count()
}

fn requests_about(world: &World, channel: &Channel) -> usize {
    let id = channel.id().to_string();
    let all = world.sandbox.exchanges().into_iter();
    all.filter(|one| one.path.split('/').any(|segment| segment == id)).count()
}

fn link(channel: &Channel, guild: &Guild) -> String {
    format!("https://discord.com/channels/{}/{}", guild.id(), channel.id())
}

/// How many rounds these requests took, each of which takes 400 ms at least: a new round begins with the
/// first request that is sent after all earlier ones were answered. On a busy machine, an answer arrives
/// before the sandbox has noted that it was given, so the end may be noted up to half of that time late.
fn rounds(exchanges: &[Exchange]) -> usize {
    let mut spans: Vec<_> = exchanges.iter().map(|one| (one.at, one.at + one.took)).collect();
    spans.sort_unstable();
    let (mut rounds, mut until) = (0, None);
    for (from, to) in spans {
        if until.is_none_or(|until| from + Duration::from_millis(200) >= until) {
            rounds += 1;
        }
        until = until.max(Some(to));
    }
    rounds
}

/// Two servers: Alice's, and one without the bot.
struct Scene {
    world: World,
    _bot: Bot,
    alice: Person,
    target: Channel,
    far: Guild,
}

impl Scene {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let world = World::new().await.with_settings(settings);
        let near = world.sandbox.create_guild("Near");
        let target = near.text("target");
        let alice = admin(&near, "Alice");
        let far = world.sandbox.create_guild_without_bot("Far");
        let bot = world.start().await;
        Self { world, _bot: bot, alice, target, far }
    }

    async fn complete(&self, link: &str) {
        let filled = Options::new().set("link", link);
        self.alice.autocomplete(&self.target, "/follow", filled, "tags", "b").await.unwrap();
    }

    async fn follow(&self, link: &str) -> String {
        self.alice.run(&self.target, "/follow", Options::new().set("link", link)).await.unwrap().text()
    }
}

#[tokio::test]
async fn a_link_to_a_server_without_the_bot_costs_nothing() {
    let scene = Scene::new(&[]).await;
    let hidden = scene.far.text("hidden");
    let link = link(&hidden, &scene.far);
    for _ in 0..30 {
        scene.complete(&link).await;
    }
    let answer = scene.follow(&link).await;
    assert!(answer.contains("I can't find that channel"), "{answer}");
    assert_eq!((requests_about(&scene.world, &hidden), invalid(&scene.world)), (0, 0));
}

#[tokio::test]
async fn a_number_that_leads_nowhere_is_asked_about_once() {
    let scene = Scene::new(&[]).await;
    let hidden = scene.far.text("hidden");
    for _ in 0..30 {
        scene.complete(&hidden.id().to_string()).await;
    }
    assert_eq!(requests_about(&scene.world, &hidden), 1);
}

#[tokio::test]
async fn look_ups_that_find_nothing_have_a_budget_and_nobody_else_pays() {
    let scene = Scene::new(&[]).await;
    let other = scene.world.sandbox.create_guild("Other");
    let (source, target, bella) = (other.text("source"), other.text("target"), admin(&other, "Bella"));
    follow(&bella, &source, &target).await;
    let hidden: Vec<Channel> = (0..40).map(|n| scene.far.text(&format!("hidden-{n}"))).collect();
    for channel in &hidden {
        scene.complete(&channel.id().to_string()).await;
    }
    assert_eq!(invalid(&scene.world), 20);
    let answer = scene.follow(&hidden[39].id().to_string()).await;
    assert!(answer.contains("Too many channels that I can't find were named in this server"), "{answer}");
    assert_eq!(invalid(&scene.world), 20);
    // Others are served, and so is she within her own server.
    follow(&scene.alice, &scene.target, &another_channel(&scene)).await;
    bella.post(&source, "still here").unwrap();
    target.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
}

/// Another channel of Alice's server.
fn another_channel(scene: &Scene) -> Channel {
    let near = scene.world.sandbox.guilds().into_iter().find(|guild| guild.name() == "Near").unwrap();
    near.text("beside")
}

#[tokio::test]
async fn a_refused_follow_counts_as_an_action() {
    let scene = Scene::new(&[("FOLLOW_ACTIONS_PER_HOUR", "3")]).await;
    let link = link(&scene.far.text("hidden"), &scene.far);
    for _ in 0..3 {
        let answer = scene.follow(&link).await;
        assert!(answer.contains("I can't find that channel"), "{answer}");
    }
    let answer = scene.follow(&link).await;
    assert!(answer.contains("made too many changes this hour"), "{answer}");
}

#[tokio::test]
async fn a_plain_follow_waits_for_three_rounds_of_requests() {
    let world = World::new().await;
    let guild = world.sandbox.create_guild("Harbour");
    let (source, target, alice) = (guild.text("source"), guild.text("target"), admin(&guild, "Alice"));
    let _bot = world.start().await;
    // Requests on a new route go one by one, because its rate limit isn't known yet.
    follow(&alice, &source, &guild.text("first")).await;
    world.sandbox.wait_quiet(Duration::from_secs(1)).await;
    // So slow that requests in parallel overlap.
    for method in ["GET", "POST"] {
        for pattern in
            ["/channels/*", "/channels/*/webhooks", "/guilds/*", "/guilds/*/channels", "/guilds/*/members/*"]
        {
            world
                .sandbox
                .fault(Fault::on(method, pattern, Effect::Delay(Duration::from_millis(400))).forever());
        }
    }
    let since = world.sandbox.exchanges().len();
    follow(&alice, &source, &target).await;
    let asked: Vec<Exchange> = world.sandbox.exchanges().into_iter().skip(since).collect();
    let asked: Vec<Exchange> = asked
        .into_iter()
        .filter(|one| one.path.starts_with("/guilds/") || one.path.starts_with("/channels/"))
        .collect();
    let paths: Vec<String> = asked.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    assert!((2..=3).contains(&rounds(&asked)), "{} rounds: {paths:#?}", rounds(&asked));
}

#[tokio::test]
async fn broken_follows_are_listed_without_asking_for_what_is_gone() {
    let world = World::new().await.with_settings(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]);
    let guild = world.sandbox.create_guild("Harbour");
    let gone = world.sandbox.create_guild("Gone");
    let (alice, here) = (admin(&guild, "Alice"), guild.text("here"));
    gone.join(&alice, Permissions::MANAGE_CHANNELS);
    let _bot = world.start().await;
    let mut targets = Vec::new();
    for number in 0..15 {
        let news = gone.announcement(&format!("news-{number}"));
        let target = guild.text(&format!("far-{number}"));
        let options = Options::new().set("link", link(&news, &gone)).set("delivery", "relay");
        let answer = alice.run(&target, "/follow", options).await.unwrap().text();
        assert!(answer.contains("now follows"), "{answer}");
        let deleted = guild.text(&format!("deleted-{number}"));
        follow(&alice, &here, &deleted).await;
        targets.push(deleted);
    }
    gone.remove_bot().unwrap();
    targets.iter().for_each(|target| target.delete().unwrap());
    let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
    world.database.eventually(broken, "30").await;
    world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM untold_breaks", "0").await;
    world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    let (before, refused) = (world.sandbox.exchanges().len(), invalid(&world));
    let asked = || {
        let all = world.sandbox.exchanges().into_iter().skip(before);
        all.filter(|one| one.path.starts_with("/guilds/") || one.path.starts_with("/channels/")).count()
    };
    let offered = alice.autocomplete(&here, "/unfollow", (), "link", "").await.unwrap();
    assert!(!offered.is_empty());
    assert!(asked() <= 3, "{}", asked());
    let list = alice.run(&here, "/follows", ()).await.unwrap();
    choice(&list, "remove");
    assert!(asked() <= 6, "{}", asked());
    assert_eq!(invalid(&world), refused, "no requests about what is gone");
}

#[tokio::test]
async fn a_sweep_asks_for_no_webhooks_that_it_may_not_see() {
    let world = World::new().await.with_settings(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]);
    let guild = world.sandbox.create_guild("Harbour");
    let (alice, source) = (admin(&guild, "Alice"), guild.text("source"));
    let bot = world.start().await;
    for number in 0..30 {
        follow(&alice, &source, &guild.text(&format!("target-{number}"))).await;
    }
    bot.stop().await;
    guild.set_bot_permissions(Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY).unwrap();
    let checks = "SELECT CAST(COUNT(checked_at) AS TEXT) FROM guild_checks";
    world.database.execute("DELETE FROM guild_checks").await;
    let _bot = world.start().await;
    world.database.eventually(checks, "1").await;
    assert_eq!(invalid(&world), 0);
}
