//! Channels that follow collections: what comes of it, and that it is kept in step.

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Guild, Options, Permissions, Person, Reply};

use crate::harness::{Backend, Bot, SOON, World, admin, refusal, texts};

/// `#news` of Harbour, and a collection, Town, with `#town` and `#quay`.
struct Town {
    world: World,
    bot: Bot,
    harbour: Guild,
    news: Channel,
    town: Channel,
    quay: Channel,
    alice: Person,
}

fn collection(name: &str) -> Options {
    Options::new().set("collection", name)
}

impl Town {
    async fn new() -> Self {
        Self::on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    async fn on(backend: Backend) -> Option<Self> {
        let world = World::on(backend).await?.with_settings(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]);
        let harbour = world.sandbox.create_guild("Harbour");
        let [news, town, quay] = ["news", "town", "quay"].map(|name| harbour.text(name));
        let alice = admin(&harbour, "Alice");
        let bot = world.start().await;
        let scene = Self { world, bot, harbour, news, town, quay, alice };
        scene.run("/collection create", Options::new().set("name", "Town")).await;
        for channel in [&scene.town, &scene.quay] {
            scene.add(channel).await;
        }
        Some(scene)
    }

    async fn run(&self, command: &str, options: impl Into<Options>) -> Reply {
        let reply = self.alice.run(&self.news, command, options).await.expect("an answer");
        assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
        reply
    }

    async fn add(&self, channel: &Channel) {
        let added = self.run("/collection add", collection("Town").set("channel", channel)).await.text();
        assert!(added.contains("is now in the collection"), "{added}");
    }

    async fn remove(&self, channel: &Channel) {
        let options = collection("Town").set("channel", channel);
        let removed = self.run("/collection remove", options).await.text();
        assert!(removed.contains("is no longer in"), "{removed}");
    }

    async fn follow(&self) -> String {
        self.run("/follow", collection("Town")).await.text()
    }

    /// Waits until `#news` follows so many channels.
    async fn follows(&self, count: usize) {
        self.world
            .database
            .eventually("SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows", &count.to_string())
            .await;
    }

    /// Posts this, and waits until it is mirrored.
    async fn arrives(&self, source: &Channel, text: &str) {
        self.alice.post(source, text).unwrap();
        self.news.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }

    /// How many rows come from a collection.
    async fn collected(&self) -> String {
        let count =
            "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE collection_follow_id IS NOT NULL";
        self.world.database.text(count).await.expect("one row")
    }

    fn hide(&self, channel: &Channel) {
        channel.deny_everyone(Permissions::VIEW_CHANNEL);
        channel.allow(&self.alice, Permissions::VIEW_CHANNEL);
        self.harbour.allow_bot(channel, Permissions::VIEW_CHANNEL);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_channel_follows_what_is_in_the_collection(#[case] backend: Backend) {
    let Some(scene) = Town::on(backend).await else { return };
    let followed = scene.follow().await;
    assert!(followed.contains("now follows the collection **Town**"), "{followed}");
    assert!(followed.contains("New posts of 2 channels appear"), "{followed}");
    scene.arrives(&scene.town, "from town").await;
    assert_eq!(scene.news.webhooks().len(), 1, "all share one webhook");
    let again = refusal(&scene.run("/follow", collection("town")).await);
    assert!(again.contains("already follows that collection"), "{again}");

    let docks = scene.harbour.text("docks");
    scene.add(&docks).await;
    scene.follows(3).await;
    scene.arrives(&docks, "from the docks").await;
    scene.remove(&scene.town).await;
    scene.follows(2).await;
    docks.delete().unwrap();
    // What was deleted isn't in the collection any more, so nothing is left of it.
    scene.follows(1).await;
    // A channel in its own collection doesn't follow itself.
    scene.add(&scene.news).await;
    let step = "SELECT CAST(COUNT(*) AS TEXT) FROM collection_follows WHERE revision = synced_revision";
    scene.world.database.eventually(step, "1").await;
    scene.follows(1).await;

    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("📚 **Town** →") && list.contains("🟢 in step · 1 channel"), "{list}");
    let ended = scene.run("/unfollow", collection("Town")).await.text();
    assert!(ended.contains("no longer follows that collection"), "{ended}");
    scene.follows(0).await;
    assert!(scene.news.webhooks().is_empty());
    let not_followed = refusal(&scene.run("/unfollow", collection("Town")).await);
    assert!(not_followed.contains("isn't followed there"), "{not_followed}");
    // Behind these, only what is said of the deleted channel, as of every source that is deleted.
    assert_eq!(texts(&scene.news)[..2], ["from town", "from the docks"]);
}

#[tokio::test]
async fn deleting_the_collection_ends_what_came_from_it() {
    let scene = Town::new().await;
    scene.run("/follow", Options::new().set("channel", &scene.quay)).await;
    scene.follow().await;
    assert_eq!(scene.collected().await, "1");
    scene.run("/collection delete", collection("Town")).await;
    scene.follows(1).await;
    assert_eq!(scene.collected().await, "0");
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM collection_follows", "0").await;
    scene.arrives(&scene.quay, "still").await;
}

/// A follow that somebody makes by hand is theirs, before or after the collection brought it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_followed_by_hand_stays(#[case] backend: Backend) {
    let Some(scene) = Town::on(backend).await else { return };
    let quay = || Options::new().set("channel", &scene.quay);
    scene.run("/follow", quay().set("mode", "only").set("tags", "ship")).await;
    let followed = scene.follow().await;
    assert!(followed.contains("New posts of one channel"), "{followed}");
    assert_eq!(scene.collected().await, "1");
    // Whoever ends it gets what the collection brings.
    let ended = scene.run("/unfollow", quay()).await.text();
    assert!(ended.contains("is in a collection that"), "{ended}");
    scene.follows(2).await;
    assert_eq!(scene.collected().await, "2");
    scene.arrives(&scene.quay, "no ships").await;

    let town = || Options::new().set("channel", &scene.town);
    let single = refusal(&scene.run("/unfollow", town()).await);
    assert!(single.contains("comes from a collection") && single.contains("/collection remove"), "{single}");
    let own = scene.run("/follow", town()).await.text();
    assert!(own.contains("by itself now"), "{own}");
    let changed = scene.run("/follow", quay().set("panels", false)).await.text();
    assert!(changed.contains("is changed: panels on → off"), "{changed}");
    assert_eq!(scene.collected().await, "0");
    scene.remove(&scene.town).await;
    scene.run("/unfollow", collection("Town")).await;
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM collection_follows", "0").await;
    scene.follows(2).await;
    scene.arrives(&scene.town, "by hand").await;
}

#[tokio::test]
async fn nothing_private_becomes_public_without_a_yes() {
    let scene = Town::new().await;
    let (staff, crew) = (scene.harbour.text("staff"), scene.harbour.text("crew"));
    scene.hide(&staff);
    scene.hide(&crew);
    scene.add(&staff).await;
    let followed = scene.follow().await;
    assert!(followed.contains("New posts of 2 channels"), "{followed}");
    let gap = format!("Not {}: Most people can't see it", staff.mention());
    assert!(followed.contains(&gap), "{followed}");
    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("⚠️ not all of its channels · 2 channels") && list.contains(&gap), "{list}");

    // Of what is added later, whoever set it up is told once.
    scene.add(&crew).await;
    let told =
        scene.news.wait_for_message(SOON, |message| message.content.contains("not all of its channels"));
    let told = told.await.unwrap().content;
    assert!(told.starts_with(&scene.alice.mention()), "{told}");
    assert!(told.contains(&crew.mention()) && !told.contains(&staff.mention()), "{told}");
    assert_eq!(scene.collected().await, "2");
    scene.alice.post(&staff, "between us").unwrap();
    scene.arrives(&scene.town, "for all").await;
    assert!(texts(&scene.news).iter().all(|text| text != "between us"));

    // Who means it says yes to that very channel.
    let asked = scene.run("/follow", Options::new().set("channel", &staff)).await;
    asked.press("Follow anyway").await.unwrap();
    scene.arrives(&staff, "open now").await;
    let list = scene.run("/follows", ()).await.text();
    assert!(!list.contains(&gap), "{list}");

    // A channel that becomes private later rests, as any follow does.
    scene.hide(&scene.quay);
    let stopped = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE exposure = 'stopped'";
    scene.world.database.eventually(stopped, "1").await;
}

/// The rights of whoever set it up are asked anew for each channel.
#[tokio::test]
async fn who_lost_their_rights_brings_nothing_more() {
    let scene = Town::new().await;
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let keeper = scene.harbour.role("keeper", Permissions::MANAGE_CHANNELS);
    scene.harbour.grant(&bob, keeper);
    let followed = bob.run(&scene.news, "/follow", collection("Town")).await.unwrap().text();
    assert!(followed.contains("New posts of 2 channels"), "{followed}");
    // Bob can't see this one: it isn't followed, and Rita, who can't either, doesn't learn its name.
    let hut = scene.harbour.text("hut");
    scene.hide(&hut);
    scene.add(&hut).await;
    let told = scene.news.wait_for_message(SOON, |message| message.content.contains("can't read it"));
    assert!(told.await.unwrap().content.starts_with(&bob.mention()));
    let rita = scene.harbour.member("Rita", Permissions::MANAGE_MESSAGES);
    let list = rita.run(&scene.news, "/follows", ()).await.unwrap().text();
    assert!(list.contains("Not *a channel that you can't see*") && !list.contains(&hut.mention()), "{list}");

    scene.harbour.revoke(&bob, keeper);
    let docks = scene.harbour.text("docks");
    scene.add(&docks).await;
    let gap = format!("SELECT reason FROM collection_follow_gaps WHERE channel_id = {}", docks.id());
    scene.world.database.eventually(&gap, "person_lacks").await;
    scene.follows(2).await;
    scene.arrives(&scene.town, "what there was goes on").await;
    let refused = bob.run_unchecked(&scene.news, "/unfollow", collection("Town")).await.unwrap();
    assert!(refusal(&refused).contains("You need"), "{}", refused.text());
}

/// Who manages one channel only can't have its posts appear wherever a collection is followed.
#[tokio::test]
async fn a_followed_collection_takes_nothing_from_who_manages_one_channel() {
    let scene = Town::new().await;
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let shed = scene.harbour.text("shed");
    shed.allow(&bob, Permissions::MANAGE_CHANNELS);
    let add = || collection("Town").set("channel", &shed);
    let added = bob.run_unchecked(&shed, "/collection add", add()).await.unwrap().text();
    assert!(added.contains("is now in"), "{added}");
    bob.run_unchecked(&shed, "/collection remove", add()).await.unwrap();
    scene.follow().await;
    let refused = bob.run_unchecked(&shed, "/collection add", add()).await.unwrap();
    assert!(refusal(&refused).contains("Channels follow this collection"), "{}", refused.text());
    let elsewhere = collection("Town").set("into", &scene.quay);
    let refused = bob.run_unchecked(&shed, "/follow", elsewhere).await.unwrap();
    assert!(refusal(&refused).contains("You need"), "{}", refused.text());
}

/// A channel that two collections have goes on as long as one of them has it.
#[tokio::test]
async fn of_two_collections_one_takes_over() {
    let scene = Town::new().await;
    scene.run("/collection create", Options::new().set("name", "Water")).await;
    scene.run("/collection add", collection("Water").set("channel", &scene.quay)).await;
    scene.follow().await;
    let second = scene.run("/follow", collection("Water")).await.text();
    assert!(second.contains("None of its channels is followed because of that yet"), "{second}");
    let id = "SELECT CAST(MIN(id) AS TEXT) FROM channel_follows f WHERE source_channel_id = ";
    let id = format!("{id}{}", scene.quay.id());
    let before = scene.world.database.text(&id).await;
    scene.run("/unfollow", collection("Town")).await;
    scene.follows(1).await;
    assert_eq!(scene.world.database.text(&id).await, before, "it is the same follow");
    scene.arrives(&scene.quay, "from the water").await;
}

#[tokio::test]
async fn announcement_channels_are_followed_natively() {
    let scene = Town::new().await;
    let board = scene.harbour.announcement("board");
    scene.add(&board).await;
    scene.follow().await;
    let native = || scene.news.webhooks().into_iter().filter(|hook| hook.follows == Some(board.id())).count();
    assert_eq!(native(), 1);
    let post = scene.alice.post(&board, "official").unwrap();
    scene.alice.publish(&board, post.id).unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "official").await.unwrap();
    scene.remove(&board).await;
    scene.follows(2).await;
    assert_eq!(native(), 0);
    assert!(!scene.bot.log().contains("follow broken"), "{}", scene.bot.log());
}

/// A process that dies in the middle, again and again, leaves nothing half done.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn kills_in_the_middle_leave_nothing_half_done(#[case] backend: Backend) {
    let Some(mut scene) = Town::on(backend).await else { return };
    let more: Vec<Channel> = (0..4).map(|number| scene.harbour.text(&format!("more-{number}"))).collect();
    for channel in &more {
        scene.add(channel).await;
    }
    let slow = Effect::Delay(std::time::Duration::from_millis(60));
    scene.world.sandbox.fault(Fault::on("GET", "/channels/**", slow).forever());
    let (alice, news) = (scene.alice.clone(), scene.news.clone());
    let running =
        tokio::spawn(async move { alice.run(&news, "/follow", collection("Town")).await.map(drop) });
    for done in 1..=4 {
        let some = format!("SELECT CAST(COUNT(*) >= {done} AS TEXT) FROM channel_follows");
        let there = async || {
            let found = scene.world.database.text(&some).await;
            matches!(found.as_deref(), Some("1" | "true"))
        };
        scene.world.until("some follows to be there", there).await;
        scene.bot.kill().await;
        scene.bot = scene.world.spawn();
    }
    running.abort();
    scene.world.sandbox.wait_until_ready(SOON).await.unwrap();
    scene.follows(6).await;
    assert_eq!(scene.news.webhooks().len(), 1);
    scene.world.sandbox.clear_faults();
    for channel in &more {
        scene.arrives(channel, &channel.name()).await;
    }
    // The same while it ends.
    let (alice, news) = (scene.alice.clone(), scene.news.clone());
    let running =
        tokio::spawn(async move { alice.run(&news, "/unfollow", collection("Town")).await.map(drop) });
    let ended = "SELECT CAST(COUNT(*) AS TEXT) FROM collection_follows WHERE collection_id IS NULL";
    let begun = async || {
        let left = "SELECT CAST(COUNT(*) AS TEXT) FROM collection_follows";
        scene.world.database.text(ended).await.as_deref() == Some("1")
            || scene.world.database.text(left).await.as_deref() == Some("0")
    };
    scene.world.until("it to end", begun).await;
    scene.bot.kill().await;
    running.abort();
    scene.bot = scene.world.spawn();
    scene.follows(0).await;
    assert_eq!(texts(&scene.news).len(), more.len(), "each post once");
}
