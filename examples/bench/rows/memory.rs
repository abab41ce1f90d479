//! Memory with 1,000 servers of 50 channels: after connecting, and over minutes of traffic.

use std::time::{Duration, Instant};

use tributary_sandbox::Limits;

use crate::bot::Bot;
use crate::client::Client;
use crate::database::Database;
use crate::discord::Stage;
use crate::figure::{Figure, met};
use crate::plot::Memory;
use crate::stats::Sorted;
use crate::{Failure, Report, Setup, follows};

const SERVERS: usize = 1_000;
const CHANNELS: usize = 50;
const TARGETS: usize = 20;
/// Between two messages in a followed channel: 20 a second.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the servers take to arrive.
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let stage = Stage::new(Limits::off()).await?;
    let source = stage.guild.text("source");
    let targets = stage.targets(TARGETS)?;
    for number in 0..if setup.quick { 20 } else { SERVERS } {
        stage.sandbox.create_guild(&format!("Port {number}")).create_targets("talk", CHANNELS)?;
    }
    let database = Database::sqlite(setup)?;
    follows::fill(&database, &stage, &source, &targets).await?;
    let bot = Bot::ready(setup, &stage, &database, &[]).await?;
    let bare = Client::start(&stage)?;
    tokio::time::sleep(if setup.quick { PAUSE } else { SETTLE }).await;
    let (connected, floor) = (bot.process().memory()?, bare.process().memory()?);
    drop(bare);

    let mut memory = Memory::default();
    let mut seen = Vec::new();
    let time =
        if setup.quick { Duration::from_secs(1) } else { Duration::from_secs_f64(setup.minutes * 60.0) };
    let began = Instant::now();
    let mut clock = tokio::time::interval(PAUSE);
    for turn in 0_u64.. {
        clock.tick().await;
        if began.elapsed() >= time {
            break;
        }
        stage.post(&source)?;
        if turn % 20 == 0 {
            let now = bot.process().memory()?;
            memory.add(began.elapsed().as_secs_f64(), now);
            seen.push(now);
        }
    }
    // In the first fifth, everything is used for the first time.
    let fifth = seen.len() / 5;
    let growth = mean(&seen[seen.len() - fifth..]) - mean(&seen[fifth..2 * fifth]);
    let most = Sorted::new(seen).most();
    report.add(Figure {
        what: "memory with 1,000 servers × 50 channels".to_owned(),
        against: format!("a bare serenity client: {floor:.0} MB"),
        expected: "under 40 MB".to_owned(),
        got: format!("{connected:.0} MB after connecting, {most:.0} MB at most in {:.0} minutes of 20 messages/s to 20 targets", setup.minutes),
        ratio: format!("{:.2} of 40 MB; {growth:+.1} MB from the second fifth of the time to the last", most / 40.0),
        met: met(setup.quick, most < 40.0),
    });
    report.memory = Some(memory);
    drop(bot);
    database.remove().await
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
