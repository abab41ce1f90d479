//! Events that the intake can't record or read: they trouble only that one message, channel or server, and
//! everything else arrives.

use std::time::Duration;

use rstest::rstest;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tributary_sandbox::{Channel, Effect, Fault, FaultId, GatewayFault, Guild, Hold, Person};

use crate::harness::{Backend, Bot, Forum, SOON, World, admin, follow, texts};

/// `#source` with its follower `#target`, in their own server.
struct Place {
    alice: Person,
    guild: Guild,
    source: Channel,
    target: Channel,
}

impl Place {
    async fn new(world: &World, name: &str) -> Self {
        let guild = world.sandbox.create_guild(name);
        Self::within(guild).await
    }

    async fn within(guild: Guild) -> Self {
        let (source, target) = (guild.text("source"), guild.text("target"));
        let alice = admin(&guild, "Alice");
        follow(&alice, &source, &target).await;
        Self { alice, guild, source, target }
    }

    fn post(&self, text: &str) {
        self.alice.post(&self.source, text).expect("she may");
    }

    async fn shows(&self, text: &str) {
        self.shows_within(SOON, text).await;
    }

    async fn shows_within(&self, patience: Duration, text: &str) {
        let came = self.target.wait_for_message(patience, |message| message.content == text).await;
        assert!(came.is_ok(), "{text:?} never arrived:\n{}", self.target.render_text());
    }

    /// Its history can't be read.
    fn fall_ill(&self, world: &World) -> FaultId {
        let path = format!("/channels/{}/messages", self.source.id());
        world.sandbox.fault(Fault::on("GET", &path, Effect::Status(500)).forever())
    }
}

/// A new session, in which everything that still has to be read is read again.
async fn new_session(world: &World) {
    let before = world.sandbox.counts().identifies;
    world.sandbox.gateway_fault(&GatewayFault::InvalidSession(false));
    world.until("a new session begins", async || world.sandbox.counts().identifies > before).await;
}

async fn metric(bot: &mut Bot, name: &str) -> Option<f64> {
    let (_, page) = bot.page("/metrics").await;
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// All its letters differ, so that no database can compress it.
fn endless_hashtag() -> String {
    let mut number = 88_172_645_463_325_252_u64;
    let letter = |_| {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        char::from_u32(0x4e00 + (number % 20_000) as u32).unwrap()
    };
    std::iter::once('#').chain((0..1_999).map(letter)).collect()
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_hashtag_of_any_length_stops_nobody(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let _bot = world.start().await;
    let (place, other) = (Place::new(&world, "Harbour").await, Place::new(&world, "Island").await);
    let endless = endless_hashtag();
    place.post(&endless);
    other.post("meanwhile");
    place.post("after it");
    other.shows("meanwhile").await;
    place.shows("after it").await;
    assert_eq!(texts(&place.target), [endless, "after it".to_owned()]);
}

/// Makes the database refuse what this person posts, for whatever reason.
async fn refuse(world: &World, backend: Backend, person: &Person) {
    let author = person.id();
    match backend {
        Backend::Sqlite => {
            let trigger = format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON activities WHEN NEW.author_id = {author} \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            );
            world.database.execute(&trigger).await;
        }
        Backend::Postgres => {
            let function = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN RAISE EXCEPTION 'refused'; END $$";
            world.database.execute(function).await;
            let trigger = format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON activities FOR EACH ROW \
                 WHEN (NEW.author_id = {author}) EXECUTE FUNCTION refuse()"
            );
            world.database.execute(&trigger).await;
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_the_database_refuses_is_set_aside_and_said(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let mut bot = world.start().await;
    let (place, other) = (Place::new(&world, "Harbour").await, Place::new(&world, "Island").await);
    let mallory = place.guild.member("Mallory", tributary_sandbox::Permissions::empty());
    // So that both have been read already, and each event arrives once.
    for place in [&place, &other] {
        place.post("before");
        place.shows("before").await;
    }
    refuse(&world, backend, &mallory).await;
    for number in 0..20 {
        place.post(&format!("{number} good"));
        if number % 6 == 0 {
            mallory.post(&place.source, "a sentence that nobody should log").unwrap();
        }
        other.post(&format!("{number} elsewhere"));
    }
    place.shows("19 good").await;
    other.shows("19 elsewhere").await;
    let wanted = |word: &str| {
        let numbered = (0..20).map(|number| format!("{number} {word}"));
        std::iter::once("before".to_owned()).chain(numbered).collect::<Vec<_>>()
    };
    assert_eq!(texts(&place.target), wanted("good"));
    assert_eq!(texts(&other.target), wanted("elsewhere"));
    let line = bot.logged("is set aside").await;
    assert!(line.contains(&place.source.id().to_string()) && line.contains("cause"), "{line}");
    assert!(!bot.log().contains("nobody should log"), "{}", bot.log());
    assert_eq!(metric(&mut bot, "tributary_events_set_aside_total").await, Some(4.0));

    // If it were read again, it would be in the way again.
    bot.stop().await;
    mallory.post(&place.source, "a sentence that nobody should log").unwrap();
    place.post("after the restart");
    let _bot = world.start().await;
    place.shows("after the restart").await;
    assert_eq!(texts(&place.target).len(), 22);
}

/// The age of the oldest event that isn't recorded yet, from the page.
async fn unwritten_for(bot: &mut Bot) -> u64 {
    let (_, page) = bot.page("/readyz").await;
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    page["oldest_unwritten_event_seconds"].as_u64().unwrap()
}

#[tokio::test]
async fn how_long_an_event_has_waited_to_be_written_down_is_known() {
    let world = World::new().await;
    let mut bot = world.start().await;
    let place = Place::new(&world, "Harbour").await;
    assert_eq!(unwritten_for(&mut bot).await, 0);
    let other = sea_orm::Database::connect(world.database.url()).await.unwrap();
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared("UPDATE lanes SET epoch = epoch").await.unwrap();
    place.post("while somebody else writes");
    while unwritten_for(&mut bot).await < 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(metric(&mut bot, "tributary_oldest_unwritten_event_seconds").await.unwrap() >= 2.0);
    lock.rollback().await.unwrap();
    place.shows("while somebody else writes").await;
    while unwritten_for(&mut bot).await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A page of a thread's history is on its way while live events of that thread are recorded: a new message
/// isn't on the page, and must stay anyway.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_is_written_down_after_a_history_was_asked_for_is_not_taken_for_deleted() {
    let Some(forum) = Forum::on(Backend::Postgres, &[]).await else { return };
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    forum.follow(&forum.talk, &[]).await;
    let post = forum.start("A lighthouse", &[], "one");
    forum.comes_to(&["one"]).await;

    // The intake waits for the lock of another channel, so that the next two are processed together: a
    // message, and the order to read its thread.
    let world = &forum.world;
    let held = async |channel: &Channel| {
        let database = sea_orm::Database::connect(world.database.url()).await.unwrap();
        let lock = database.begin().await.unwrap();
        let insert =
            format!("INSERT INTO channels (channel_id) VALUES ({}) ON CONFLICT DO NOTHING", channel.id());
        lock.execute_unprepared(&insert).await.unwrap();
        let select = format!("SELECT 1 FROM channels WHERE channel_id = {} FOR UPDATE", channel.id());
        lock.execute_unprepared(&select).await.unwrap();
        lock
    };
    let (talk_held, post_held) = (held(&forum.talk).await, held(&post).await);
    forum.say(&forum.talk, "aside");
    let waits = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple') \
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    world.until("the intake waits", async || world.database.text(waits).await.as_deref() != Some("0")).await;
    forum.say(&post, "two");
    post.rename("A tower").unwrap();

    let (gate, path) = (Hold::new(), format!("/channels/{}/messages", post.id()));
    let asked = world.sandbox.fault(Fault::on("GET", &path, Effect::Hold(gate.clone())).after(1));
    talk_held.rollback().await.unwrap();
    world.until("the history is asked for", async || world.sandbox.fault_hits(asked) > 0).await;
    post_held.rollback().await.unwrap();
    let recorded = "SELECT CAST(COUNT(*) AS TEXT) FROM activities WHERE NOT deleted";
    world.until("it is recorded", async || world.database.text(recorded).await.as_deref() == Some("3")).await;
    gate.release();
    let all = || ["one", "aside", "two"].iter().all(|text| forum.shows(text)).then_some(());
    world.sandbox.wait_for("all three", SOON, all).await.unwrap();
    forum.settled().await;
    assert!(all().is_some(), "{:?}", forum.shown());
}

/// However many there are, and even if one server has them all.
#[rstest]
#[case::of_one_server(true)]
#[case::of_many_servers(false)]
#[tokio::test]
async fn sources_that_cant_be_read_hold_up_no_others(#[case] one_server: bool) {
    let world = World::new().await;
    let _bot = world.start().await;
    let mut sick = Vec::new();
    let first = Place::new(&world, "Hospital").await;
    let guild = first.guild.clone();
    sick.push(first);
    for number in 1..20 {
        sick.push(match one_server {
            true => Place::within(guild.clone()).await,
            false => Place::new(&world, &format!("Hospital {number}")).await,
        });
    }
    let mut healthy = Vec::new();
    for number in 0..3 {
        healthy.push(Place::new(&world, &format!("Harbour {number}")).await);
    }
    let faults: Vec<FaultId> = sick.iter().map(|place| place.fall_ill(&world)).collect();
    new_session(&world).await;
    for place in sick.iter().chain(&healthy) {
        place.post("live");
    }
    for place in &healthy {
        place.shows("live").await;
    }
    faults.into_iter().for_each(|fault| world.sandbox.clear_fault(fault));
    for place in &sick {
        place.shows_within(SOON * 3, "live").await;
        assert_eq!(texts(&place.target), ["live"]);
    }
}

#[tokio::test]
async fn a_thread_that_cant_be_read_holds_up_no_others() {
    let mut forum = Forum::new().await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let (sick, healthy) = (forum.start("Sick", &[], "sick one"), forum.start("Healthy", &[], "healthy one"));
    forum.comes_to(&["sick one", "healthy one"]).await;
    let path = format!("/channels/{}/messages", sick.id());
    let fault = forum.world.sandbox.fault(Fault::on("GET", &path, Effect::Status(500)).forever());
    forum
        .absent(|forum| {
            forum.say(&sick, "sick two");
            forum.say(&healthy, "healthy two");
        })
        .await;
    forum.say(&sick, "sick three");
    forum.say(&healthy, "healthy three");
    forum.comes_to(&["sick one", "healthy one", "healthy two", "healthy three"]).await;
    forum.world.sandbox.clear_fault(fault);
    let all = ["sick one", "healthy one", "healthy two", "healthy three", "sick two", "sick three"];
    let came = || all.iter().all(|text| forum.shows(text)).then_some(());
    forum.world.sandbox.wait_for("all", SOON * 2, came).await.unwrap();
    assert_eq!(forum.shown().len(), all.len(), "{:?}", forum.shown());
}

/// What waits behind a sick source is bounded; anything that isn't kept is read later.
#[tokio::test]
async fn what_is_more_than_can_wait_is_read_later() {
    const POSTS: usize = 1_050;
    let mut world = World::new().await;
    world.set("CATCH_UP_MESSAGES", "5000");
    let mut bot = world.start().await;
    let place = Place::new(&world, "Harbour").await;
    let fault = place.fall_ill(&world);
    new_session(&world).await;
    for number in 0..POSTS {
        place.post(&format!("{number}"));
    }
    bot.logged("too much waits behind a channel").await;
    assert_eq!(metric(&mut bot, "tributary_sources_waiting_to_be_read").await, Some(1.0));
    world.sandbox.clear_fault(fault);
    place.shows_within(SOON * 8, &(POSTS - 1).to_string()).await;
    let wanted: Vec<String> = (0..POSTS).map(|number| number.to_string()).collect();
    assert_eq!(texts(&place.target), wanted);
}

/// A history with more messages than one transaction takes, with a kill in between.
#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_long_absence_is_made_up_for_in_parts(#[case] backend: Backend) {
    const POSTS: usize = 700;
    let Some(mut world) = World::on(backend).await else { return };
    world.set("CATCH_UP_MESSAGES", "5000");
    let bot = world.start().await;
    let place = Place::new(&world, "Harbour").await;
    bot.stop().await;
    for number in 0..POSTS {
        place.post(&format!("{number}"));
    }
    let bot = world.start().await;
    let begun = "SELECT CASE WHEN COUNT(*) > 0 THEN 'yes' ELSE 'no' END FROM activities";
    world.database.eventually(begun, "yes").await;
    bot.kill().await;
    let _bot = world.start().await;
    place.shows_within(SOON * 8, &(POSTS - 1).to_string()).await;
    let wanted: Vec<String> = (0..POSTS).map(|number| number.to_string()).collect();
    assert_eq!(texts(&place.target), wanted);
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_follows_a_channel_and_its_thread_is_shown_once_what_an_edit_brings(#[case] backend: Backend) {
    let Some(forum) = Forum::on(backend, &[]).await else { return };
    let post = forum.start("A lighthouse", &[], "the beginning");
    let tagged = [("mode", "only"), ("tags", "#urgent")];
    forum.follow(&forum.ideas, &[&[("threads", "all")], &tagged[..]].concat()).await;
    forum.follow(&post, &tagged).await;
    let said = forum.say(&post, "an answer");
    forum.alice.edit(&post, said.id, "an #urgent answer").unwrap();
    forum.say(&post, "something else that is #urgent");
    forum.comes_to(&["an #urgent answer", "something else"]).await;
}
