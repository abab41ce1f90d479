//! As fast as possible: many messages at once, without latency, compared with the bare loop on the same route
//! in the same minute.

use std::time::Duration;

use tributary_sandbox::{Limits, Tally};

use crate::bare::Bare;
use crate::bot::Bot;
use crate::database::Database;
use crate::discord::{Stage, Target};
use crate::figure::{Figure, met};
use crate::plot::Throughput;
use crate::stats::Sorted;
use crate::{Failure, Report, Setup, follows};

const PATIENCE: Duration = Duration::from_secs(300);
/// The numbers of followers; the table has the figure of [`TYPICAL`].
const FOLLOWERS: &[usize] = &[1, 5, 20, 100, 1_000];
const TYPICAL: usize = 100;
/// The concurrencies that the bare loop tries; the best one counts.
const CONCURRENCIES: &[usize] = &[8, 32, 100];

/// How the bot runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
    /// One process for the gateway, two for the lanes.
    Workers,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL, one process",
            Self::Workers => "PostgreSQL, a gateway and two workers",
        }
    }

    /// The processes' settings.
    const fn processes(self) -> &'static [&'static [(&'static str, &'static str)]] {
        match self {
            Self::Sqlite | Self::Postgres => &[&[]],
            Self::Workers => &[&[("ROLE", "gateway")], &[("ROLE", "worker")], &[("ROLE", "worker")]],
        }
    }
}

/// The result, in deliveries a second.
struct Flooded {
    bot: Sorted,
    bare: Sorted,
    /// The bot's rate, as a share of the loop's next to it.
    shares: Sorted,
    tally: Tally,
}

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let followers = if setup.quick { &[1, 5][..] } else { FOLLOWERS };
    let typical = if setup.quick { 5 } else { TYPICAL };
    let mut throughput = Throughput::default();
    for &number in followers {
        let flooded = flood(setup, Kind::Sqlite, number).await?;
        throughput.add(number, flooded.bot.median(), flooded.bare.median());
        if number == typical {
            report.add(figure(setup, Kind::Sqlite, number, &flooded));
        }
    }
    report.throughput = Some(throughput);
    if setup.postgres.is_some() {
        for kind in [Kind::Postgres, Kind::Workers] {
            if kind == Kind::Workers && !setup.has_roles()? {
                continue;
            }
            let flooded = flood(setup, kind, typical).await?;
            report.add(figure(setup, kind, typical, &flooded));
        }
    } else {
        eprintln!("no PostgreSQL: use --postgres to measure on it, too");
    }
    Ok(())
}

fn figure(setup: &Setup, kind: Kind, followers: usize, flooded: &Flooded) -> Figure {
    let Flooded { bot, bare, shares, tally } = flooded;
    let percent = |share: f64| share * 100.0;
    Figure {
        what: format!("flood at 0 ms, {followers} targets, {}", kind.name()),
        against: format!("the bare loop: {:.0}/s", bare.median()),
        expected: "a third of its rate".to_owned(),
        got: format!(
            "{:.0}/s; {} lost, {} doubled, {} reordered",
            bot.median(),
            tally.lost,
            tally.doubled,
            tally.reordered
        ),
        ratio: format!(
            "{:.0} % ({:.0}–{:.0} %)",
            percent(shares.median()),
            percent(shares.least()),
            percent(shares.most())
        ),
        met: met(setup.quick, shares.median() >= 1.0 / 3.0 && tally.is_clean()),
    }
}

async fn flood(setup: &Setup, kind: Kind, followers: usize) -> Result<Flooded, Failure> {
    let stage = Stage::new(Limits::off()).await?;
    let source = stage.guild.text("source");
    let targets = stage.targets(followers)?;
    let database = match (kind, &setup.postgres) {
        (Kind::Sqlite, _) => Database::sqlite(setup)?,
        (_, Some(server)) => Database::postgres(setup, server).await?,
        (_, None) => return Err("no PostgreSQL server is given".into()),
    };
    follows::fill(&database, &stage, &source, &targets).await?;
    let mut bots = Vec::new();
    for settings in kind.processes() {
        bots.push(Bot::ready(setup, &stage, &database, settings).await?);
    }
    let concurrencies = CONCURRENCIES.iter().copied().filter(|many| *many <= followers.max(8));
    let concurrencies: Vec<usize> = concurrencies.collect();
    let mut bare = Bare::start(&stage, followers.max(8))?;
    let (deliveries, runs) = if setup.quick { (50, 1) } else { (4_000.min(200 * followers as u64), 3) };
    let messages = (deliveries / followers as u64).max(1);
    let deliveries = messages * followers as u64;
    // At least a second's worth: the loop is faster than the bot.
    let requests = if setup.quick { 500 } else { 20_000 };
    // The first messages open connections on both sides.
    mirrored(&stage, &source, 1, followers as u64).await?;
    let (mut mine, mut theirs, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut best = 0.0_f64;
        for concurrency in &concurrencies {
            best = best.max(bare.post(&stage.body(), requests, *concurrency)?.rate());
        }
        let rate = mirrored(&stage, &source, messages, deliveries).await?;
        shares.push(rate / best);
        mine.push(rate);
        theirs.push(best);
    }
    stage.sandbox.wait_quiet(Duration::from_millis(500)).await;
    let one = |target: &Target| Tally::of(&source, &stage.sandbox.channel(target.hook.channel));
    let tally = targets.iter().map(one).fold(Tally::default(), std::ops::Add::add);
    drop(bots);
    database.remove().await?;
    Ok(Flooded { bot: Sorted::new(mine), bare: Sorted::new(theirs), shares: Sorted::new(shares), tally })
}

/// Posts this many messages at once. Returns the mirrors a second from the first message to the last mirror.
async fn mirrored(
    stage: &Stage,
    source: &tributary_sandbox::Channel,
    messages: u64,
    deliveries: u64,
) -> Result<f64, Failure> {
    stage.take();
    let (_, began) = stage.post(source)?;
    for _ in 1..messages {
        stage.post(source)?;
    }
    if !stage.wait_for(deliveries, PATIENCE).await {
        return Err(format!("only {} of {deliveries} mirrors arrived", stage.arrived()).into());
    }
    let last = stage.take().last().ok_or("no mirrors arrived")?.at;
    Ok(deliveries as f64 / last.duration_since(began).as_secs_f64())
}
