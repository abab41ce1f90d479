//! One message to 20 targets, and 50 messages to them, if each request takes 50 ms.

use std::time::Duration;

use tributary_sandbox::{Channel, Limits, Tally};

use crate::bare::Bare;
use crate::bot::Bot;
use crate::database::Database;
use crate::discord::{Stage, Target};
use crate::figure::{Figure, met};
use crate::stats::{Sorted, milliseconds};
use crate::{Failure, Report, Setup, follows};

const TARGETS: usize = 20;
const LATENCY: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

/// A bot with 20 targets, at 50 ms.
struct Scene {
    stage: Stage,
    source: Channel,
    targets: Vec<Target>,
    bot: Bot,
    database: Database,
    /// One request to a webhook, as the bare loop sees it, in milliseconds.
    trip: f64,
}

impl Scene {
    async fn new(setup: &Setup) -> Result<Self, Failure> {
        let stage = Stage::new(Limits::off()).await?;
        let source = stage.guild.text("source");
        let targets = stage.targets(TARGETS)?;
        let database = Database::sqlite(setup)?;
        follows::fill(&database, &stage, &source, &targets).await?;
        let bot = Bot::ready(setup, &stage, &database, &[]).await?;
        stage.latency(LATENCY);
        let trip = Bare::start(&stage, 1)?.post(&stage.body(), if setup.quick { 5 } else { 40 }, 1)?.median;
        Ok(Self { stage, source, targets, bot, database, trip })
    }

    /// Posts this many messages at once, and waits for their mirrors. Returns how long it took until the last
    /// one was posted, in milliseconds.
    async fn post(&self, messages: u64) -> Result<f64, Failure> {
        let (_, first) = self.stage.post(&self.source)?;
        for _ in 1..messages {
            self.stage.post(&self.source)?;
        }
        if !self.stage.wait_for(messages * TARGETS as u64, PATIENCE).await {
            return Err(format!("only {} mirrors arrived:\n{}", self.stage.arrived(), self.bot.log()).into());
        }
        let last = self.stage.take().last().ok_or("mirrors came")?.at;
        Ok(milliseconds(last.duration_since(first)))
    }

    /// What was lost, doubled or mixed up in all targets.
    async fn tally(&self) -> Tally {
        self.stage.sandbox.wait_quiet(Duration::from_millis(500)).await;
        let one = |target: &Target| Tally::of(&self.source, &self.stage.sandbox.channel(target.hook.channel));
        self.targets.iter().map(one).fold(Tally::default(), std::ops::Add::add)
    }
}

/// One message, repeatedly.
pub(crate) async fn one(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let scene = Scene::new(setup).await?;
    let mut times = Vec::new();
    for _ in 0..if setup.quick { 3 } else { 60 } {
        times.push(scene.post(1).await?);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let (times, trip) = (Sorted::new(times), scene.trip);
    let trips = |share: f64| times.quantile(share) / trip;
    report.add(Figure {
        what: "one message to 20 targets, API latency 50 ms".to_owned(),
        against: format!("one round trip: {trip:.1} ms"),
        expected: "last mirror within 1.5 round trips".to_owned(),
        got: format!("{:.1} ms (p95 {:.1} ms)", times.median(), times.quantile(0.95)),
        ratio: format!("{:.2} (p95 {:.2})", trips(0.5), trips(0.95)),
        met: met(setup.quick, trips(0.95) <= 1.5),
    });
    scene.database.remove().await
}

/// 50 messages at once.
pub(crate) async fn many(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let scene = Scene::new(setup).await?;
    let (messages, runs) = if setup.quick { (5, 1) } else { (50, 3) };
    let mut rates = Vec::new();
    for _ in 0..runs {
        let time = scene.post(messages).await?;
        rates.push((messages * TARGETS as u64) as f64 / time * 1000.0);
    }
    let tally = scene.tally().await;
    let (rates, most) = (Sorted::new(rates), TARGETS as f64 / scene.trip * 1000.0);
    let share = rates.median() / most;
    report.add(Figure {
        what: "50 messages × 20 targets, 50 ms".to_owned(),
        against: format!("lanes ÷ round trip: {most:.0}/s"),
        expected: "95 % of it".to_owned(),
        got: format!(
            "{:.0}/s; {} lost, {} doubled, {} reordered",
            rates.median(),
            tally.lost,
            tally.doubled,
            tally.reordered
        ),
        ratio: format!("{:.1} %", share * 100.0),
        met: met(setup.quick, share >= 0.95 && tally.is_clean()),
    });
    scene.database.remove().await
}
