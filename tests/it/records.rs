//! What lanes did is recorded, whatever gets in the way: neither a database that accepts nothing for a moment
//! nor one lane's bad record loses what others did.

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Guild, Hold, Person, Tally};

use crate::harness::{Backend, SOON, World, admin, follow};

const TARGETS: usize = 6;
const DUE: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";

/// A source with some followers, all of which show its first message.
struct Town<'a> {
    world: &'a World,
    alice: Person,
    source: Channel,
    targets: Vec<Channel>,
}

impl<'a> Town<'a> {
    async fn new(world: &'a World, guild: &Guild, alice: Person) -> Self {
        let source = guild.text("source");
        let targets: Vec<_> = (0..TARGETS).map(|number| guild.text(&format!("target-{number}"))).collect();
        for target in &targets {
            follow(&alice, &source, target).await;
        }
        alice.post(&source, "0 first").unwrap();
        let town = Self { world, alice, source, targets };
        town.in_step().await;
        world.database.eventually(DUE, "0").await;
        town
    }

    /// A post appears in all targets, and none of the lanes knows it yet.
    async fn post_unanswered(&self, text: &str) -> Hold {
        let hold = Hold::new();
        let fault =
            Fault::on("POST", "/webhooks/*/*", Effect::HoldAnswer(hold.clone())).times(TARGETS as u64);
        let fault = self.world.sandbox.fault(fault);
        self.alice.post(&self.source, text).unwrap();
        let all = || (self.world.sandbox.fault_hits(fault) == TARGETS as u64).then_some(());
        self.world.sandbox.wait_for("all lanes to send", SOON, all).await.unwrap();
        hold
    }

    async fn in_step(&self) {
        let clean =
            || self.targets.iter().all(|target| Tally::of(&self.source, target).is_clean()).then_some(());
        self.world.sandbox.wait_for("all targets to show their source", SOON * 2, clean).await.unwrap();
    }

    /// The targets in which the bot has looked for messages that it may have created.
    fn searched(&self) -> Vec<&Channel> {
        let exchanges = self.world.sandbox.exchanges();
        let searched = |target: &&Channel| {
            let history = format!("/channels/{}/messages", target.id());
            exchanges.iter().any(|one| one.method == "GET" && one.path == history)
        };
        self.targets.iter().filter(searched).collect()
    }
}

/// As on a full disk.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_was_done_is_kept_while_the_database_takes_nothing() {
    let Some(world) = World::on(Backend::Postgres).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    let town = Town::new(&world, &harbour, alice).await;
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'no space left'; END $$; \
        CREATE TRIGGER full_disk BEFORE INSERT ON mirrors FOR EACH ROW EXECUTE FUNCTION full_disk()";
    world.database.execute(full).await;
    town.alice.post(&town.source, "1 while the disk is full").unwrap();
    // Nothing happens at Discord then, so only the log shows it.
    let failed = async || {
        let log = bot.log();
        log.contains("stopped at the database") || log.contains("can't be written down yet")
    };
    world.until("recording fails", failed).await;
    world.database.execute("DROP TRIGGER full_disk ON mirrors").await;
    world.database.eventually(DUE, "0").await;
    town.in_step().await;
    assert!(town.searched().is_empty(), "nobody knew any more what had been created");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cant_be_recorded_of_one_lane_harms_no_other(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else { return };
    let harbour = world.sandbox.create_guild("Harbour");
    let alice = admin(&harbour, "Alice");
    let _bot = world.start().await;
    let town = Town::new(&world, &harbour, alice).await;
    let bad = &town.targets[0];
    let poison = match backend {
        Backend::Sqlite => format!(
            "CREATE TRIGGER poison BEFORE INSERT ON mirrors WHEN NEW.channel_id = {} BEGIN SELECT RAISE(ABORT, 'no'); END",
            bad.id()
        ),
        Backend::Postgres => format!(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.channel_id = {} THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER poison BEFORE INSERT ON mirrors FOR EACH ROW EXECUTE FUNCTION poison()",
            bad.id()
        ),
    };
    world.database.execute(&poison).await;
    let hold = town.post_unanswered("1 to all").await;
    hold.release();
    world.database.eventually(DUE, "1").await;
    let searched = town.searched();
    assert!(searched.iter().all(|target| target.id() == bad.id()), "lanes lost what they did: {searched:?}");
    let cure = match backend {
        Backend::Sqlite => "DROP TRIGGER poison",
        Backend::Postgres => "DROP TRIGGER poison ON mirrors",
    };
    world.database.execute(cure).await;
    // The lane is checked again within ten seconds.
    let recorded = async || world.database.text(DUE).await.as_deref() == Some("0");
    world.until("the bad lane to recover", recorded).await;
    town.in_step().await;
}
