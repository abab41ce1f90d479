//! Two workers and a gateway on one PostgreSQL: both workers get lanes. Whichever of them is killed, or
//! stopped and continued, while people post, edit and delete, nothing is lost, duplicated, reordered or left
//! out of date. The soak example does the same for hours.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tributary_sandbox::{Channel, Effect, Fault, Hold, Person};

use crate::harness::{Bot, Crew, SOON, follow};
use crate::kills::people;

/// A gateway, two workers, and a source with this many followers.
struct Field {
    crew: Crew,
    alice: Person,
    source: Channel,
    targets: Vec<Channel>,
}

impl Field {
    async fn new(targets: usize) -> Option<Self> {
        let crew = Crew::start(1, 2).await?;
        let (harbour, alice) = crew.server(0, "Harbour");
        let source = harbour.text("source");
        let targets: Vec<Channel> =
            (0..targets).map(|number| harbour.text(&format!("target-{number}"))).collect();
        for target in &targets {
            follow(&alice, &source, target).await;
        }
        let latency = Effect::Delay(Duration::from_millis(20));
        crew.world.sandbox.fault(Fault::on("*", "/webhooks/**", latency).forever());
        Some(Self { crew, alice, source, targets })
    }

    /// Who holds lanes now, by process number.
    async fn owners(&self) -> BTreeSet<u32> {
        let query = "SELECT string_agg(DISTINCT split_part(lease_owner, '-', 1), ',') FROM lanes";
        let owners = self.crew.world.database.text(query).await.unwrap_or_default();
        owners.split(',').filter_map(|owner| owner.parse().ok()).collect()
    }

    /// A post appears in all targets, and its answers are held back, so that all lanes stay with their
    /// holders. Returns what releases them.
    async fn post_unanswered(&self, text: &str) -> Hold {
        let (hold, lanes) = (Hold::new(), self.targets.len() as u64);
        let sandbox = &self.crew.world.sandbox;
        let fault = Fault::on("POST", "/webhooks/*/*", Effect::HoldAnswer(hold.clone())).times(lanes);
        let fault = sandbox.fault(fault);
        self.alice.post(&self.source, text).unwrap();
        let all = || (sandbox.fault_hits(fault) == lanes).then_some(());
        sandbox.wait_for("all lanes to send", SOON * 4, all).await.unwrap();
        hold
    }

    async fn at_rest(&self) {
        let busy = "SELECT CAST((SELECT COUNT(*) FROM deliveries WHERE state = 'due') + \
            (SELECT COUNT(*) FROM lanes WHERE lease_owner IS NOT NULL) AS TEXT)";
        let rest = async || self.crew.world.database.text(busy).await.as_deref() == Some("0");
        self.crew.world.until("the lanes to become idle", rest).await;
    }

    /// Everything is shown exactly as it should be.
    async fn is_clean(&self) {
        let clean = || people::count(&self.source, &self.targets).is_clean().then_some(());
        let _ = self.crew.world.sandbox.wait_for("every target to show its source", SOON * 6, clean).await;
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.crew.world.database.text(open).await.as_deref() == Some("0");
        self.crew.world.until("nothing is due any more", rest).await;
        let tally = people::count(&self.source, &self.targets);
        let logs: Vec<String> = self.crew.workers.iter().map(Bot::log).collect();
        assert!(tally.is_clean(), "{tally}; the workers' logs:\n{}", logs.join("\n---\n"));
    }
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn killed_and_halted_workers_lose_double_and_shuffle_nothing() {
    let Some(mut field) = Field::new(6).await else { return };
    let posting = tokio::spawn(people::post(field.alice.clone(), field.source.clone(), 3, 20));
    let mut random = StdRng::seed_from_u64(4);
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
        if random.random_bool(0.2) {
            field.crew.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
        }
        let which = random.random_range(0..2);
        if random.random_bool(0.5) {
            let worker = field.crew.workers.remove(which);
            let dead = worker.pid();
            worker.kill().await;
            field.crew.expire(dead).await;
            let next = field.crew.spawn_worker();
            field.crew.workers.insert(which, next);
        } else {
            field.crew.workers[which].signal(Signal::SIGSTOP);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
            field.crew.workers[which].signal(Signal::SIGCONT);
        }
    }
    posting.abort();
    let _ = posting.await;
    field.alice.post(&field.source, "last of all").unwrap();
    field.is_clean().await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn both_workers_get_lanes_and_each_lane_has_one_holder() {
    let Some(field) = Field::new(12).await else { return };
    let pids: BTreeSet<u32> = field.crew.workers.iter().map(Bot::pid).collect();
    let mut seen = BTreeSet::new();
    for round in 0.. {
        assert!(round < 20, "only {seen:?} of {pids:?} got lanes");
        let hold = field.post_unanswered(&format!("{round} to all")).await;
        let held = "SELECT CAST(COUNT(*) AS TEXT) FROM lanes WHERE lease_owner IS NOT NULL";
        assert_eq!(field.crew.world.database.text(held).await.as_deref(), Some("12"));
        seen.extend(field.owners().await);
        assert!(seen.is_subset(&pids), "{seen:?} of {pids:?}");
        hold.release();
        // A lane that is never idle stays with its holder.
        field.at_rest().await;
        if seen == pids {
            break;
        }
    }
    field.is_clean().await;
    // Nobody sent what was another's to send.
    let taken_back = field.crew.workers.iter().any(|worker| worker.log().contains("retracted"));
    assert!(!taken_back, "a lane was lost although nobody stood still");
}

/// Longer than any lease: the other worker takes over the lanes, and the one that continues must not act on
/// what it used to hold.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_worker_that_stands_still_loses_its_lanes_and_does_no_harm() {
    let Some(field) = Field::new(6).await else { return };
    let hold = field.post_unanswered("0 while one stands still").await;
    let holder = *field.owners().await.first().expect("somebody holds the lanes");
    let still = field.crew.workers.iter().find(|worker| worker.pid() == holder).expect("a worker");
    still.signal(Signal::SIGSTOP);
    field.crew.expire(holder).await;
    hold.release();
    field.alice.post(&field.source, "1 marked").unwrap();
    for target in &field.targets {
        let arrived = target.wait_for_message(SOON * 4, |message| message.content == "1 marked").await;
        assert!(arrived.is_ok(), "its lanes were never taken over");
    }
    still.signal(Signal::SIGCONT);
    field.alice.post(&field.source, "2 last of all").unwrap();
    field.is_clean().await;
}

/// What the command line forgets is removed immediately by whichever process delivers.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn forgetting_reaches_the_workers() {
    let Some(field) = Field::new(2).await else { return };
    field.alice.post(&field.source, "1 to be forgotten").unwrap();
    for target in &field.targets {
        target.wait_for_message(SOON, |message| message.content.starts_with('1')).await.unwrap();
    }
    let mut forget = field.crew.world.command();
    forget.args(["forget", "--mirrors", "--user", &field.alice.id().to_string()]);
    let forgot = crate::harness::ended(forget).await;
    assert_eq!(forgot.code, Some(0), "{forgot:?}");
    for target in &field.targets {
        let gone = || target.messages().iter().all(|message| message.webhook.is_none()).then_some(());
        field.crew.world.sandbox.wait_for("the mirrors to disappear", SOON, gone).await.unwrap();
    }
}
